//! What somebody decides in place of the rules: who gets a waiting call, where it waits, and which queue an agent serves.
//!
//! Where it stands: supervisors at a terminal come here. Every promise of the room holds all the same: an agent is offered
//! one call, a call is offered to nobody else once it was picked, and each entry has one outcome.

use base::CallId;

use super::{Acd, fact};
use crate::agent::{Membership, State};
use crate::{AgentName, Occasion, Outcome, Output, QueueName, What};

impl Acd {
    /// This agent is to have that call.
    pub(super) fn pick(&mut self, call: CallId, agent: &AgentName, out: &mut Vec<Output>) {
        let Some(number) = self.agent_numbers.get(agent).copied() else { return };
        let Some(entry) = self.entries.get_mut(&call) else { return };
        match self.agents[number as usize].state {
            State::Available => {}
            State::WrapUp { .. } | State::Resting { .. } => {}
            State::LoggedOut | State::Offered { .. } | State::Talking { .. } | State::Paused { .. } => return,
        }
        for other in std::mem::take(&mut entry.offers) {
            self.withdraw(call, other, State::Available, out);
        }
        if self.agents[number as usize].state != State::Available {
            self.turn_to(number, State::Available, out);
        }
        self.offer(call, number, Occasion::Picked, out);
    }

    /// Somebody has taken a waiting call to himself.
    pub(super) fn taken(&mut self, call: CallId, by: &str, out: &mut Vec<Output>) {
        if self.entries.get(&call).is_none_or(|entry| entry.away.is_some()) {
            return; // who is not there is taken by nobody
        }
        let number = by.parse().ok().and_then(|agent: AgentName| self.agent_numbers.get(&agent).copied());
        let number = number.filter(|number| match self.agents[*number as usize].state {
            State::Available | State::WrapUp { .. } | State::Resting { .. } => true,
            State::Offered { call: offered, .. } => offered == call,
            State::LoggedOut | State::Talking { .. } | State::Paused { .. } => false,
        });
        match number {
            Some(number) => self.talks_with(call, number, out),
            None => self.leave(call, Outcome::Withdrawn, None, out),
        }
    }

    /// This call is to wait in that queue. It leaves this one; its program brings it there, with what it has waited.
    pub(super) fn move_call(&mut self, call: CallId, to: QueueName, out: &mut Vec<Output>) {
        let Some(number) = self.queue_numbers.get(&to).copied() else { return };
        if self.entries.get(&call).is_some_and(|entry| entry.queue != number) {
            self.leave(call, Outcome::Moved { to }, None, out);
        }
    }

    /// This agent serves that queue as well, as one of the first to be rung.
    pub(super) fn lend(&mut self, agent: &AgentName, queue: &QueueName, out: &mut Vec<Output>) {
        let numbers = self.agent_numbers.get(agent).copied().zip(self.queue_numbers.get(queue).copied());
        let Some((number, queue)) = numbers else { return };
        let found = &mut self.agents[number as usize];
        let is_his = found.memberships.iter().chain(&found.left).any(|membership| membership.queue == queue);
        if is_his {
            let (agent, queue) = (agent.clone(), self.queues[queue as usize].conf.name.clone());
            return self.serve_queue(&agent, &queue, true, out);
        }
        if found.state == State::LoggedOut {
            return;
        }
        let order = self.queues[queue as usize].conf.members.len() as u32;
        found.left.push(Membership { queue, tier: 0, order, weight: 1, rank: None, lent: true });
        self.come_to(number, queue, out);
    }

    /// Agents are lent until they go.
    pub(super) fn gives_back(&mut self, number: u32, out: &mut Vec<Output>) {
        let agent = &mut self.agents[number as usize];
        let (lent, own) = std::mem::take(&mut agent.memberships).into_iter().partition(|membership| membership.lent);
        agent.memberships = own;
        let lent: Vec<Membership> = lent;
        let name = agent.name.clone();
        for membership in lent {
            let queue = self.queues[membership.queue as usize].conf.name.clone();
            out.push(fact(self.now, What::Serves { agent: name.clone(), queue, serves: false }));
        }
    }
}
