//! Which of his queues an agent serves: he may leave one and come back to it while he is at work.
//!
//! Where it stands: beside logging in and out, which mean all of his queues. A queue he has left does not know him: his place
//! in it is with him until he comes back, or until he logs out, when all is forgotten.

use super::{Acd, fact};
use crate::agent::{State, Then};
use crate::entry::Stands;
use crate::{AgentName, Output, QueueName, What};

impl Acd {
    /// An agent comes to one of his queues, logging in for it alone where he is not at work; or he leaves one, logging out
    /// where it was the last.
    pub(super) fn serve_queue(&mut self, agent: &AgentName, queue: &QueueName, serves: bool, out: &mut Vec<Output>) {
        let numbers = self.agent_numbers.get(agent).copied().zip(self.queue_numbers.get(queue).copied());
        let Some((number, queue)) = numbers else { return };
        let found = &self.agents[number as usize];
        let is_his = found.memberships.iter().chain(&found.left).any(|membership| membership.queue == queue);
        match (found.state == State::LoggedOut, serves) {
            (true, true) if is_his => {
                self.ready(agent, out);
                let memberships = &self.agents[number as usize].memberships;
                let others = memberships.iter().map(|membership| membership.queue).filter(|other| *other != queue);
                others.collect::<Vec<_>>().into_iter().for_each(|other| self.leave_queue(number, other, out));
            }
            (false, true) => self.come_to(number, queue, out),
            (false, false) => {
                self.leave_queue(number, queue, out);
                if is_his && self.agents[number as usize].memberships.is_empty() {
                    self.step_aside(agent, Then::LoggedOut, out);
                }
            }
            (true, _) => {}
        }
    }

    /// He serves it no longer; a call of it that he has, or that rings him, stays his.
    pub(super) fn leave_queue(&mut self, number: u32, queue: u32, out: &mut Vec<Output>) {
        let agent = &mut self.agents[number as usize];
        let Some(at) = agent.memberships.iter().position(|membership| membership.queue == queue) else { return };
        let mut membership = agent.memberships.remove(at);
        let found = &mut self.queues[queue as usize];
        if let Some(rank) = membership.rank.take() {
            found.idle.remove(number, membership.tier, agent.profile, rank);
        }
        found.count(&agent.state, &State::LoggedOut, self.now);
        if !membership.lent {
            agent.left.push(membership);
        }
        self.restaffed.insert(queue);
        for (place, call) in self.agents[number as usize].awaited_by.clone() {
            if let Some(entry) = self.entries.get_mut(&call).filter(|entry| entry.queue == queue) {
                entry.stands = Stands::InLine;
                self.queues[queue as usize].stand(&entry.want, place, call);
                self.agents[number as usize].awaited_by.remove(&(place, call));
                self.opened.push_back(call);
                self.arm(call);
            }
        }
        self.serving(number, queue, false, out);
    }

    pub(super) fn come_to(&mut self, number: u32, queue: u32, out: &mut Vec<Output>) {
        let agent = &mut self.agents[number as usize];
        let Some(at) = agent.left.iter().position(|membership| membership.queue == queue) else { return };
        let mut membership = agent.left.remove(at);
        let found = &mut self.queues[queue as usize];
        found.count(&State::LoggedOut, &agent.state, self.now);
        if agent.state == State::Available {
            membership.rank = Some(found.idle.add(number, agent, &membership, &mut self.random));
            self.freed.push_back(number);
        }
        agent.memberships.push(membership);
        self.restaffed.insert(queue);
        self.serving(number, queue, true, out);
    }

    fn serving(&mut self, number: u32, queue: u32, serves: bool, out: &mut Vec<Output>) {
        let (agent, queue) = (&self.agents[number as usize].name, &self.queues[queue as usize].conf.name);
        out.push(fact(self.now, What::Serves { agent: agent.clone(), queue: queue.clone(), serves }));
    }
}
