//! What a crash left open, closed by facts.
//!
//! Where it stands: [`Store::close_orphans`] is called once, at a start, before anything else is appended. When a call
//! really ended nobody knows; what is known is the last sign of life of the switch, and that is when its calls end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use acd::{AgentName, AgentState, EndedBy, Outcome, Owed, QueueName, Restored, What as QueueWhat};
use base::{CallId, Time};
use call::{Side, What};

use crate::store::Kept;
use crate::{Entry, JournalError, Record, Store};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Calls that were cut off.
    pub calls: usize,
    /// What the queues can be as they were: of their agents nobody is logged in any more.
    pub queues: Restored,
}

impl Store {
    /// Ends, by facts, the calls, queue entries, offers and conversations that have no end, and logs out whoever was logged in.
    /// Who can be so again is remembered until he is something else; nobody, where the switch was away for too long.
    ///
    /// # Errors
    /// When the journal cannot be read or written: then nothing has changed.
    pub fn close_orphans(&mut self, now: Time) -> Result<Orphans, JournalError> {
        let Some(at) = self.last_at()? else { return Ok(Orphans::default()) };
        let mut records = Vec::new();
        let calls = self.open_calls()?;
        for call in &calls {
            records.extend(end_of(*call, &self.of_call(*call)?, at));
        }
        let mut agents = self.agents()?;
        let logged_out = |was: &Kept| {
            let agent = was.agent.agent.clone();
            Record::Queue(QueueWhat::AgentIs { agent, state: AgentState::LoggedOut })
        };
        records.extend(agents.iter().filter(|was| was.gone == Time::ZERO).map(logged_out));
        let group: Vec<_> = records.into_iter().map(|record| (at, record)).collect();
        for was in &mut agents {
            was.gone = if was.gone == Time::ZERO { at } else { was.gone };
        }
        agents.retain(|was| now.since(was.gone) <= AWAY_MAX);
        self.append_keeping(&group, &[], Some(&agents))?;
        let owed = if now.since(at) <= AWAY_MAX { self.owed(at)? } else { Vec::new() };
        let agents = agents.into_iter().map(|was| was.agent).collect();
        Ok(Orphans { calls: calls.len(), queues: Restored { agents, owed } })
    }

    /// Who lost his place in a queue when the switch ended, or not long before.
    fn owed(&self, at: Time) -> Result<Vec<Owed>, JournalError> {
        let mut callers = HashMap::new();
        let mut owed: BTreeMap<(QueueName, Arc<str>), Duration> = BTreeMap::new();
        for entry in self.came_or_failed_since(at - SOON)? {
            match entry.record {
                Record::Queue(QueueWhat::Entered { queue, call, caller, .. }) => {
                    owed.remove(&(queue, caller.clone())); // he has come again
                    callers.insert(call, caller);
                }
                Record::Queue(QueueWhat::Left { queue, call, waited, .. }) => {
                    let caller = match callers.get(&call) {
                        Some(caller) => Some(caller.clone()),
                        None => self.caller(call, &queue)?,
                    };
                    owed.extend(caller.map(|caller| ((queue, caller), waited)));
                }
                _ => {}
            }
        }
        Ok(owed.into_iter().map(|((queue, caller), waited)| Owed { queue, caller, waited }).collect())
    }

    /// Who it was that came to this queue.
    fn caller(&self, call: CallId, queue: &QueueName) -> Result<Option<Arc<str>>, JournalError> {
        let caller = |entry: Entry| match entry.record {
            Record::Queue(QueueWhat::Entered { queue: other, caller, .. }) if other == *queue => Some(caller),
            _ => None,
        };
        Ok(self.of_call(call)?.into_iter().filter_map(caller).last())
    }
}

/// What is missing of a call that was cut off at this moment.
fn end_of(call: CallId, entries: &[Entry], at: Time) -> Vec<Record> {
    let mut records = Vec::new();
    let mut offers: BTreeMap<AgentName, Time> = BTreeMap::new();
    let (mut waits, mut talks, mut queued, mut stands) = (None, None, false, None);
    for entry in entries {
        match &entry.record {
            Record::Queue(QueueWhat::Entered { queue, position, .. }) => {
                waits = Some((queue.clone(), entry.at, *position));
            }
            Record::Queue(QueueWhat::Offered { agent, .. }) => drop(offers.insert(agent.clone(), entry.at)),
            Record::Queue(QueueWhat::Refused { agent, .. } | QueueWhat::Withdrawn { agent, .. }) => {
                offers.remove(agent);
            }
            Record::Queue(QueueWhat::Left { queue, outcome, .. }) => {
                waits = None;
                if let Outcome::Answered { agent } = outcome {
                    offers.remove(agent);
                    talks = Some((queue.clone(), agent.clone(), entry.at));
                }
            }
            Record::Queue(QueueWhat::Completed { .. }) => talks = None,
            Record::Call { what: What::Queued { .. }, .. } => queued = true,
            Record::Call { what: What::Unqueued { .. }, .. } => queued = false,
            Record::Call { what: What::HungUp { .. }, .. } => stands = Some(false),
            Record::Call { what: What::Started { .. }, .. } => stands = Some(true),
            Record::Over { .. } => stands = None,
            _ => {}
        }
    }
    if let Some((queue, since, position)) = waits {
        let rang = |(agent, since): (AgentName, Time)| QueueWhat::Withdrawn {
            queue: queue.clone(),
            call,
            agent,
            rang: at.since(since),
        };
        records.extend(offers.into_iter().map(rang).map(Record::Queue));
        let waited = at.since(since);
        records.push(Record::Queue(QueueWhat::Left { queue, call, outcome: Outcome::Failed, waited, position }));
    }
    if let Some((queue, agent, since)) = talks {
        let talked = at.since(since);
        records.push(Record::Queue(QueueWhat::Completed { queue, call, agent, talked, by: EndedBy::Switch }));
    }
    if let Some(stands) = stands {
        let said = |what| Record::Call { call, what };
        if queued {
            records.push(said(What::Unqueued { outcome: Outcome::Failed.word().into() }));
        }
        if stands {
            records.push(said(What::HungUp { by: Side::Switch, cause: CAUSE.into() }));
        }
        records.push(Record::Over { call });
    }
    records
}

/// Whoever was logged in may have gone home meanwhile.
const AWAY_MAX: Duration = Duration::from_secs(3600);
/// So long before the end what was lost is made good.
const SOON: Duration = Duration::from_secs(15 * 60);
/// How a call ends that a crash cut off.
const CAUSE: &str = "crash";
