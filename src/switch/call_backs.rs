//! Those who want to be called back, between queues and calls: what programs wish, which entries wait for it, and the calls
//! that come of it.
//!
//! Where it stands: `acd::CallBacks` decides; here its entries join the queues, and the agent found for one, or the customer, is
//! rung by a call of ours.

use std::collections::HashMap;
use std::time::Duration;

use acd::{AgentName, CallBackInput, CallBackOutput, First, Join, Outcome, Wish};
use base::{CallId, Time};
use call::{Dial, Direction, Onward, Party, Target};
use flow::CallingBack;
use jiff::Timestamp;
use route::Moment;

use super::originate::{Then, Wanted};
use super::{Output, Switch};
use crate::status::{CallBackStatus, QueueStatus};

/// By which call of ours an agent is rung for an entry.
pub(super) type Called = HashMap<CallId, CallId>;

impl Switch {
    /// Who wanted to be called back when the switch was last there.
    pub fn remember_call_backs(&mut self, kept: Vec<Wish>) {
        self.call_backs.remember(kept);
    }

    /// Who wants to be called back.
    pub fn call_backs(&self) -> &[Wish] {
        self.call_backs.wishes()
    }

    /// The same, to look at.
    pub fn call_back_status(&self, now: Time) -> Vec<CallBackStatus> {
        let now_ms = self.clock.unix_ms(now);
        self.call_backs.wishes().iter().map(|wish| CallBackStatus::of(wish, now_ms)).collect()
    }

    /// The queues as they stand, with those who want to be called back.
    pub fn queues(&self, now: Time) -> Vec<QueueStatus> {
        let status = |view: acd::QueueView<'_>| {
            let call_backs = self.call_backs.wishes().iter().filter(|wish| wish.queue == *view.queue).count();
            QueueStatus { call_backs, ..QueueStatus::from(view) }
        };
        self.acd.queues(now).into_iter().map(status).collect()
    }

    /// Nobody wants this one to be called back any more. False: nobody did.
    pub fn cancel_call_back(&mut self, id: CallId, now: Time, out: &mut Vec<Output>) -> bool {
        let known = self.call_backs.wishes().iter().any(|wish| wish.id == id);
        self.tell_call_backs(CallBackInput::Cancel { id }, now, out);
        self.hear_out(now, out);
        known
    }

    /// When the wishes want to be told that time has passed.
    pub(super) fn call_backs_deadline(&self) -> Option<Time> {
        let since_zero = self.call_backs.deadline_ms()?.saturating_sub(self.clock.unix_ms_at_zero);
        Some(Time::from_millis(u64::try_from(since_zero).unwrap_or(0)))
    }

    /// Tells the wishes, and does what they want.
    pub(super) fn tell_call_backs(&mut self, input: CallBackInput, now: Time, out: &mut Vec<Output>) {
        let now_ms = self.clock.unix_ms(now);
        let at = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let (acd, routes, switches, closing) = (&self.acd, &self.routes, &self.switches, self.closing);
        let may = |wish: &Wish| {
            let moment = Moment { at, switches, chance: 0 };
            !closing
                && acd.lets_in(&wish.queue)
                && wish.hours.as_ref().is_none_or(|hours| routes.is_open(hours, moment))
        };
        let mut said = Vec::new();
        self.call_backs.handle(input, now_ms, may, &mut said);
        let mut changed = false;
        for said in said {
            match said {
                CallBackOutput::Join { entry, wish, credit_ms } => {
                    let dial = match wish.first {
                        First::Customer => ms(wish.dial_ms),
                        First::Agent => Duration::ZERO,
                    };
                    let join = Join {
                        call: entry,
                        queue: wish.queue,
                        caller: wish.caller.into(),
                        priority: wish.priority,
                        skills: Vec::new(),
                        credit: ms(credit_ms),
                        prefers: None,
                    };
                    self.words.push_back(acd::Input::JoinAway { join, dial });
                }
                CallBackOutput::Call { entry, wish, agent } => self.calls_back(entry, *wish, agent, now, out),
                CallBackOutput::Leave { entry } => {
                    self.words.push_back(acd::Input::Gone { call: entry, how: acd::Gone::Withdrawn });
                }
                CallBackOutput::Told { wish, state } => {
                    changed = true;
                    let Wish { queue, id, number, tries, .. } = *wish;
                    let what = acd::What::CallBack { queue, call: id, number, state, tries };
                    out.push(Output::Queue(acd::Fact { at: now, what }));
                }
            }
        }
        if changed {
            let kept = serde_json::to_string(self.call_backs.wishes()).unwrap_or_default();
            out.push(Output::CallBacks { kept });
        }
    }

    /// The queues say something of an entry that waits for somebody who is not there.
    pub(super) fn entry_hears(&mut self, entry: CallId, word: &acd::Output, now: Time, out: &mut Vec<Output>) {
        match word {
            acd::Output::Offer { agent, .. } => {
                self.asked_back.push_back(CallBackInput::Offered { entry, agent: agent.clone() });
            }
            acd::Output::Left { outcome: Outcome::Answered { .. }, .. } => {}
            acd::Output::Left { .. } => {
                self.asked_back.push_back(CallBackInput::Left { entry });
                self.call_for(entry, word, now, out);
            }
            acd::Output::Withdraw { .. } => self.call_for(entry, word, now, out),
            acd::Output::Joined { .. } | acd::Output::Stands { .. } | acd::Output::Fact(_) => {}
        }
    }

    /// Tells the call that is made for an entry, or is the entry.
    pub(super) fn call_for(&mut self, entry: CallId, word: &acd::Output, now: Time, out: &mut Vec<Output>) {
        let call = self.called.get(&entry).copied().unwrap_or(entry);
        self.step(call, now, out, |journey| journey.told(word, now));
    }

    /// An agent was found: somebody is called.
    fn calls_back(&mut self, entry: CallId, wish: Wish, agent: AgentName, now: Time, out: &mut Vec<Output>) {
        let Wish { queue, number, account, trunk, first, dial_ms, .. } = wish;
        let direction = if account.is_some() { Direction::Internal } else { Direction::Outbound };
        let (dial, customer) = (ms(dial_ms), number.clone());
        let target = match (account, trunk) {
            (Some(account), _) => Target::Account(account),
            (None, Some(trunk)) => Target::Trunk(Onward { trunk, number, ..Onward::default() }),
            (None, None) => return self.goes_wrong(entry), // no wish is made like that
        };
        let wanted = match first {
            First::Customer => Wanted {
                call: entry,
                first: Dial { targets: vec![target], ring: dial },
                shown: Party { number: queue.to_string(), ..Party::default() },
                caller: trunk::Caller::default(),
                by: None,
                called: queue.to_string(),
                then: Then::CallBack(CallingBack::Customer { queue }),
                direction,
            },
            First::Agent => {
                let call = CallId::new(self.clock.unix_ms(now), &mut self.random);
                self.called.insert(entry, call);
                Wanted {
                    call,
                    first: Dial { targets: vec![Target::Account(agent.to_string())], ring: AGENT_RING },
                    shown: Party { number: customer.clone(), name: Some(queue.to_string()), ..Party::default() },
                    caller: trunk::Caller::default(),
                    by: None,
                    called: customer,
                    then: Then::CallBack(CallingBack::Agent { entry, queue, agent, target, dial }),
                    direction,
                }
            }
        };
        if self.originate(wanted, now, out).is_err() {
            self.goes_wrong(entry); // no room now: later there is
        }
    }

    fn goes_wrong(&mut self, entry: CallId) {
        self.called.remove(&entry);
        self.asked_back.push_back(CallBackInput::Left { entry });
        self.words.push_back(acd::Input::Gone { call: entry, how: acd::Gone::Withdrawn });
    }
}

/// The queue says when an agent's phone has rung for long enough, and long before that.
const AGENT_RING: Duration = Duration::from_secs(3600);

fn ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
