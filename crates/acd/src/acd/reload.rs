//! A new conf while calls wait and agents talk: everybody keeps his place, his state and what he has waited.
//!
//! Where it stands: beside `Acd::new`, which makes the first one. Numbers of agents and queues are kept, so nothing else
//! needs to know. Who is taken out of the conf stays as a ghost: an agent logs out (after his call, if he talks), a queue
//! closes and those who wait leave it. A call keeps the needs it joined with.

use std::collections::BTreeSet;
use std::time::Duration;

use base::Time;

use super::{Acd, fact};
use crate::agent::{Agent, Membership, State, Then};
use crate::idle::Idle;
use crate::queue::Queue;
use crate::{AcdConf, AgentConf, Output, QueueConf, Skilled, What};

impl Acd {
    pub(super) fn reload(&mut self, conf: AcdConf, out: &mut Vec<Output>) {
        self.dismiss_all();
        let before: BTreeSet<_> = self.agents.iter().map(|agent| agent.name.clone()).collect();
        let kept: BTreeSet<_> = conf.agents.iter().map(|agent| agent.name.clone()).collect();
        let open: BTreeSet<_> = conf.queues.iter().map(|queue| queue.name.clone()).collect();
        conf.agents.into_iter().for_each(|agent| self.set_agent(agent));
        for number in 0..self.queues.len() as u32 {
            let name = self.queues[number as usize].conf.name.clone();
            if !open.contains(&name) {
                self.queues[number as usize].conf.members.clear();
                self.close(&name, true, out);
            }
        }
        conf.queues.into_iter().for_each(|queue| self.set_queue(queue, out));
        self.engage_all();
        for agent in before.difference(&kept) {
            self.step_aside(agent, Then::LoggedOut, out);
        }
    }

    /// Adds an agent, or changes what he can do.
    pub(super) fn set_agent(&mut self, conf: AgentConf) {
        let mut skills = conf.skills;
        skills.sort();
        let profile = self.profile(&skills);
        if let Some(number) = self.agent_numbers.get(&conf.name) {
            let agent = &mut self.agents[*number as usize];
            (agent.skills, agent.profile) = (skills, profile);
            return;
        }
        self.agent_numbers.insert(conf.name.clone(), self.agents.len() as u32);
        self.agents.push(Agent {
            name: conf.name,
            skills,
            profile,
            state: State::LoggedOut,
            since: self.now,
            memberships: Vec::new(),
            left: Vec::new(),
            misses: 0,
            calls: 0,
            talked: Duration::ZERO,
            idle_since: Time::ZERO,
            awaited_by: BTreeSet::new(),
        });
    }

    /// Adds a queue, or changes it. One that was closed because it was taken out of the conf opens again.
    pub(super) fn set_queue(&mut self, conf: QueueConf, out: &mut Vec<Output>) {
        let Some(number) = self.queue_numbers.get(&conf.name) else {
            self.queue_numbers.insert(conf.name.clone(), self.queues.len() as u32);
            self.queues.push(Queue::new(conf, self.now));
            return;
        };
        let queue = &mut self.queues[*number as usize];
        if queue.closed && queue.conf.members.is_empty() && !conf.members.is_empty() {
            queue.closed = false;
            out.push(fact(self.now, What::Closed { queue: conf.name.clone(), closed: false }));
        }
        queue.idle = Idle::new(conf.strategy);
        queue.conf = conf;
    }

    /// Takes everybody from the queues he serves; what he is about goes on.
    fn dismiss_all(&mut self) {
        for (number, agent) in (0..).zip(&mut self.agents) {
            for membership in std::mem::take(&mut agent.memberships) {
                let queue = &mut self.queues[membership.queue as usize];
                queue.count(&agent.state, &State::LoggedOut, self.now);
                if let Some(rank) = membership.rank {
                    queue.idle.remove(number, membership.tier, agent.profile, rank);
                }
            }
        }
    }

    /// Gives every queue its members.
    pub(super) fn engage_all(&mut self) {
        let left = |agent: &mut Agent| std::mem::take(&mut agent.left).iter().map(|one| one.queue).collect();
        let left: Vec<BTreeSet<u32>> = self.agents.iter_mut().map(left).collect();
        for (number, queue) in (0..).zip(&mut self.queues) {
            self.restaffed.insert(number);
            for (order, member) in (0..).zip(&queue.conf.members) {
                let Some(agent) = self.agent_numbers.get(&member.agent).map(|number| *number as usize) else {
                    continue;
                };
                let has_left = left[agent].contains(&number);
                let agent = &mut self.agents[agent];
                let (tier, weight) = (member.tier, member.weight);
                let places = if has_left { &mut agent.left } else { &mut agent.memberships };
                places.push(Membership { queue: number, tier, order, weight, rank: None, lent: false });
            }
        }
        for (number, agent) in (0..).zip(&mut self.agents) {
            for at in 0..agent.memberships.len() {
                let queue = &mut self.queues[agent.memberships[at].queue as usize];
                queue.count(&State::LoggedOut, &agent.state, self.now);
                if agent.state == State::Available {
                    let rank = queue.idle.add(number, agent, &agent.memberships[at], &mut self.random);
                    agent.memberships[at].rank = Some(rank);
                }
            }
            if agent.state == State::Available {
                self.freed.push_back(number);
            }
        }
    }

    /// The number of these skills, in order.
    fn profile(&mut self, skills: &[Skilled]) -> u32 {
        let next = self.profiles.len() as u32;
        let number = *self.profile_numbers.entry(skills.to_vec()).or_insert(next);
        if number == next {
            self.profiles.push(skills.to_vec());
        }
        number
    }
}
