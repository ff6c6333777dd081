//! What a crash left open, closed by facts.
//!
//! Where it stands: [`Store::close_orphans`] is called once, at a start, before anything else is appended. When a call
//! really ended nobody knows; what is known is the last sign of life of the switch, and that is when its calls end.

use std::collections::BTreeMap;

use acd::{AgentName, AgentState, EndedBy, Outcome, What as QueueWhat};
use base::{CallId, Time};
use call::{Side, What};

use crate::{Entry, JournalError, Record, Store};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Calls that were cut off.
    pub calls: usize,
    /// Agents who were at work, as they were: nobody is logged in any more.
    pub agents: Vec<(AgentName, AgentState)>,
}

impl Store {
    /// Ends, by facts, the calls, queue entries, offers and conversations that have no end, and logs out whoever was logged in.
    ///
    /// # Errors
    /// When the journal cannot be read or written: then nothing has changed.
    pub fn close_orphans(&mut self) -> Result<Orphans, JournalError> {
        let Some(at) = self.last_at()? else { return Ok(Orphans::default()) };
        let mut records = Vec::new();
        let calls = self.open_calls()?;
        for call in &calls {
            records.extend(end_of(*call, &self.of_call(*call)?, at));
        }
        let agents = self.agents()?;
        let logged_out = |(agent, _): &(AgentName, AgentState)| {
            Record::Queue(QueueWhat::AgentIs { agent: agent.clone(), state: AgentState::LoggedOut })
        };
        records.extend(agents.iter().map(logged_out));
        let group: Vec<_> = records.into_iter().map(|record| (at, record)).collect();
        self.append(&group, &[])?;
        Ok(Orphans { calls: calls.len(), agents })
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

/// How a call ends that a crash cut off.
const CAUSE: &str = "crash";
