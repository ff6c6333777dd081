//! What calls say to the queues, and what the queues answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use std::time::Duration;

use base::Time;

use super::{Output, Switch};
use crate::status::AgentStatus;

impl Switch {
    /// Tells the queues what somebody wants of them who sits at a terminal.
    pub fn command_queues(&mut self, word: acd::Input, now: Time, out: &mut Vec<Output>) {
        self.tell_queues(word, now, out);
        self.hear_out(now, out);
    }

    /// The agents as they stand, with what only their calls know.
    pub fn agents(&self, now: Time) -> Vec<AgentStatus> {
        let status = |view: acd::AgentView<'_>| {
            let call = view.call.and_then(|call| self.journeys.get(&call)).map(|running| running.journey.call());
            let holds = call.is_some_and(|call| call.is_held_by(view.agent.as_str()));
            let talks = view.state == acd::AgentState::Talking;
            let status = AgentStatus::of(view, now);
            if holds && talks { AgentStatus { state: "hold".to_owned(), ..status } } else { status }
        };
        self.acd.agents().into_iter().map(status).collect()
    }

    /// Queues that keep hours open and close by them; what somebody closes by hand stays closed until they open again.
    pub(super) fn look_at_queue_hours(&mut self, now: Time) {
        let mut keep_hours = false;
        let moment = self.moment(now);
        let mut changed = Vec::new();
        for (name, (hours, leave)) in
            self.flow_conf.queues.iter().filter_map(|(name, queue)| Some((name, queue.hours.as_ref()?)))
        {
            keep_hours = true;
            let open = self.routes.is_open(hours, moment);
            if self.open_queues.get(name) != Some(&open) {
                changed.push((name.clone(), open, *leave));
            }
        }
        self.hours_due = keep_hours.then(|| now + LOOK_EVERY);
        for (name, open, leave) in changed {
            let known = self.open_queues.insert(name.clone(), open);
            let Ok(queue) = name.parse() else { continue };
            match (open, leave) {
                (true, _) if known.is_none() => {} // it is open to begin with
                (true, _) => self.words.push_back(acd::Input::Close { queue, closed: false }),
                (false, true) => self.words.push_back(acd::Input::Close { queue, closed: true }),
                (false, false) => self.words.push_back(acd::Input::Shut { queue }),
            }
        }
    }

    /// Tells the queues, and each call what they say about it.
    pub(super) fn tell_queues(&mut self, word: acd::Input, now: Time, out: &mut Vec<Output>) {
        let mut said = Vec::new();
        if catch_unwind(AssertUnwindSafe(|| self.acd.handle(word, now, &mut said))).is_err() {
            out.push(Output::Fault);
        }
        for word in said {
            match word {
                acd::Output::Fact(fact) => {
                    self.seen.queues(&fact);
                    out.push(Output::Queue(fact));
                }
                acd::Output::Joined { call, .. }
                | acd::Output::Stands { call, .. }
                | acd::Output::Offer { call, .. }
                | acd::Output::Withdraw { call, .. }
                | acd::Output::Left { call, .. } => match self.call_backs.has(call) {
                    true => self.entry_hears(call, &word, now, out),
                    false => self.call_for(call, &word, now, out),
                },
            }
        }
    }

    /// An agent whose last phone is gone cannot be rung; one whose phone is there again may be waited for.
    pub(super) fn phone_comes_or_goes(&mut self, event: &sip::Event, now: Time) {
        let word = match event {
            sip::Event::Unregistered { account, .. } if self.endpoint.bindings(account, now).is_empty() => {
                account.parse().ok().map(|agent| acd::Input::PhoneGone { agent })
            }
            sip::Event::Registered { account, .. } => {
                let agent = account.parse().ok().filter(|agent| self.acd.awaits_phone(agent));
                agent.map(|agent| acd::Input::PhoneBack { agent })
            }
            _ => None,
        };
        self.words.extend(word);
    }
}

/// How often it is looked whether hours have begun or ended: no caller minds half a minute.
const LOOK_EVERY: Duration = Duration::from_secs(30);
