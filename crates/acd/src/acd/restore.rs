//! After a restart: who was at work is so again, and who had waited in vain has not.
//!
//! Where it stands: beside `Acd::new`; the journal knows what was. No phone is registered after a restart, so nobody is free
//! before his phone is there again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::Time;

use super::Acd;
use crate::agent::State;
use crate::{AgentName, AgentState, Output, QueueName};

/// What was when the switch ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Who was logged in; the one whose last call ended longest ago is the first.
    pub agents: Vec<RestoredAgent>,
    /// Who has waited for nothing.
    pub owed: Vec<Owed>,
}

/// An agent who was logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredAgent {
    /// Who.
    pub agent: AgentName,
    /// What he was.
    pub state: AgentState,
    /// Calls since he had logged in.
    pub calls: u64,
    /// Talked since he had logged in.
    pub talked: Duration,
    /// Queues of his that he did not serve.
    pub left: Vec<QueueName>,
}

/// A caller who waited in a queue and lost his place by a fault of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// In which queue.
    pub queue: QueueName,
    /// Who.
    pub caller: Arc<str>,
    /// How long.
    pub waited: Duration,
}

/// What callers are owed who lost their place by a fault of ours: if they come again soon, they have waited so long already.
#[derive(Debug, Default)]
pub(crate) struct Debts {
    owed: HashMap<(QueueName, Arc<str>), (Duration, Time)>,
}

impl Debts {
    pub(crate) fn add(&mut self, owed: Owed, now: Time) {
        if owed.caller.is_empty() || owed.caller.eq_ignore_ascii_case("anonymous") {
            return; // whoever comes next says the same
        }
        if self.owed.len() >= DEBTS_MAX {
            self.owed.retain(|_, (_, since)| now.since(*since) <= SOON);
        }
        if self.owed.len() < DEBTS_MAX {
            self.owed.insert((owed.queue, owed.caller), (owed.waited, now));
        }
    }

    /// What this caller has waited already.
    pub(crate) fn owed(&self, queue: &QueueName, caller: &Arc<str>, now: Time) -> Duration {
        if self.owed.is_empty() {
            return Duration::ZERO;
        }
        let owed = self.owed.get(&(queue.clone(), caller.clone()));
        owed.filter(|(_, since)| now.since(*since) <= SOON).map_or(Duration::ZERO, |(waited, _)| *waited)
    }

    /// He has got it: he is owed it once.
    pub(crate) fn forget(&mut self, queue: &QueueName, caller: &Arc<str>) {
        if !self.owed.is_empty() {
            self.owed.remove(&(queue.clone(), caller.clone()));
        }
    }
}

/// So soon one comes again who still wants what he wanted.
const SOON: Duration = Duration::from_secs(15 * 60);
/// Nobody is owed more than so many at once.
const DEBTS_MAX: usize = 20_000;
/// The reason of the pause that ends when the agent's phone is there again.
const RESTARTED: &str = "switch restarted";

impl Acd {
    pub(super) fn restore(&mut self, restored: Restored, out: &mut Vec<Output>) {
        for owed in restored.owed {
            self.debts.add(owed, self.now);
        }
        for (order, was) in (0..).zip(restored.agents) {
            let Some(number) = self.agent_numbers.get(&was.agent).copied() else { continue };
            let agent = &mut self.agents[number as usize];
            if agent.state != State::LoggedOut {
                continue;
            }
            let next = match was.state {
                AgentState::LoggedOut => continue,
                AgentState::Paused(reason) if &*reason != RESTARTED => State::paused(reason),
                _ => State::Paused { reason: RESTARTED.into(), until_phone: true },
            };
            (agent.misses, agent.calls, agent.talked) = (0, was.calls, was.talked);
            agent.idle_since = Time::from_nanos(order); // before everything this run will see, in their order
            self.turn_to(number, next, out);
            for queue in was.left {
                if let Some(queue) = self.queue_numbers.get(&queue).copied() {
                    self.leave_queue(number, queue, out);
                }
            }
        }
    }

    /// Is this an agent who is free as soon as a phone of his is there?
    pub fn awaits_phone(&self, agent: &AgentName) -> bool {
        let number = self.agent_numbers.get(agent);
        number.is_some_and(|number| {
            matches!(self.agents[*number as usize].state, State::Paused { until_phone: true, .. })
        })
    }

    pub(super) fn phone_back(&mut self, agent: &AgentName, out: &mut Vec<Output>) {
        if self.awaits_phone(agent) {
            self.turn_to(self.agent_numbers[agent], State::Available, out);
        }
    }
}
