//! Pairing: what follows from an input once it is written down.
//!
//! Where it stands: the second half of [`Acd::handle`]. Here are the only places where an agent's state changes
//! ([`Acd::turn_to`]), where a call is offered to somebody, and where it leaves its queue.

use std::cmp::Reverse;

use base::CallId;

use super::{Acd, Owed, SECOND, Timer, fact};
use crate::agent::State;
use crate::entry::{Entry, Stands};
use crate::estimate::End;
use crate::{Occasion, Outcome, Output, Overflow, Strategy, What, Why};

impl Acd {
    /// Pairs whom this input freed and opened, and lets go whom the queues can no longer keep.
    pub(super) fn settle(&mut self, out: &mut Vec<Output>) {
        loop {
            if let Some(agent) = self.freed.pop_front() {
                self.serve(agent, out);
            } else if let Some(call) = self.opened.pop_front() {
                self.seek(call, out);
            } else if let Some(number) = self.restaffed.pop_first() {
                self.restaff(number, out);
            } else {
                return;
            }
        }
    }

    /// A free agent: the first call that may have him.
    fn serve(&mut self, number: u32, out: &mut Vec<Output>) {
        let agent = &self.agents[number as usize];
        if agent.state != State::Available {
            return;
        }
        if let Some((_, call)) = agent.awaited_by.first().copied() {
            let why = match self.entries.get(&call).map(|entry| entry.stands) {
                Some(Stands::For { why, .. }) => why,
                _ => Occasion::Sticky,
            };
            return self.offer(call, number, why, out);
        }
        let firsts = agent.memberships.iter().filter_map(|membership| {
            let queue = &self.queues[membership.queue as usize];
            let (place, call) = queue.first(|want| want.fits(membership.tier, &agent.skills))?;
            Some((Reverse(queue.conf.weight), place, call))
        });
        if let Some((.., call)) = firsts.min() {
            self.offer(call, number, Occasion::AgentFree, out);
        }
    }

    /// An open call: the first agent who may have it; all of them, where all are to ring.
    fn seek(&mut self, call: CallId, out: &mut Vec<Output>) {
        let Some(entry) = self.entries.get(&call) else { return };
        let queue = &mut self.queues[entry.queue as usize];
        let profiles = &self.profiles;
        let fits = |tier, profile: u32| entry.want.fits(tier, &profiles[profile as usize]);
        match entry.stands {
            Stands::Offered => {}
            Stands::For { agent, why, .. } => {
                if self.agents[agent as usize].state == State::Available {
                    self.offer(call, agent, why, out);
                }
            }
            Stands::InLine if queue.conf.strategy == Strategy::RingAll && entry.away.is_none() => {
                for agent in queue.idle.pick_all(fits, queue.ring_max().saturating_sub(entry.offers.len())) {
                    self.offer(call, agent, Occasion::CallOpen, out);
                }
            }
            Stands::InLine => {
                if let Some(agent) = queue.idle.pick(fits) {
                    self.offer(call, agent, Occasion::CallOpen, out);
                }
            }
        }
    }

    pub(super) fn offer(&mut self, call: CallId, number: u32, occasion: Occasion, out: &mut Vec<Output>) {
        let now = self.now;
        let Some(entry) = self.entries.get_mut(&call) else { return };
        let (agent, queue) = (&mut self.agents[number as usize], &mut self.queues[entry.queue as usize]);
        assert!(agent.state == State::Available, "only who is free is offered a call");
        let membership = agent.memberships.iter().find(|membership| membership.queue == entry.queue);
        let (tier, order) = membership.map_or((0, 0), |membership| (membership.tier, membership.order));
        let why = Why {
            occasion,
            strategy: queue.conf.strategy,
            waited: entry.waited(now),
            position: queue.position(entry.place, call),
            tier,
            free: queue.free(),
        };
        entry.offers.push(number);
        match entry.stands {
            Stands::InLine
                if queue.conf.strategy == Strategy::RingAll
                    && entry.offers.len() < queue.ring_max()
                    && occasion != Occasion::Picked
                    && entry.away.is_none() => {} // one agent is enough for somebody who is not there
            Stands::InLine => {
                queue.step_out(&entry.want, entry.place, call);
                entry.stands = Stands::Offered;
            }
            Stands::For { agent: only, .. } => {
                self.agents[only as usize].awaited_by.remove(&(entry.place, call));
                entry.stands = Stands::Offered;
            }
            Stands::Offered => {}
        }
        queue.idle.rung(order);
        let ring = queue.conf.ring.max(SECOND) + entry.away.unwrap_or_default();
        let name = self.agents[number as usize].name.clone();
        out.push(fact(now, What::Offered { queue: queue.conf.name.clone(), call, agent: name.clone(), why }));
        out.push(Output::Offer { call, agent: name, ring });
        self.turn_to(number, State::Offered { call, since: now, until: now + ring }, out);
        self.arm(call);
    }

    /// Takes an offer back. The call's own list is the caller's business.
    pub(super) fn withdraw(&mut self, call: CallId, number: u32, next: State, out: &mut Vec<Output>) {
        let agent = &self.agents[number as usize];
        let (State::Offered { since, .. }, Some(entry)) = (&agent.state, self.entries.get(&call)) else { return };
        let queue = self.queues[entry.queue as usize].conf.name.clone();
        let (agent, rang) = (agent.name.clone(), self.now.since(*since));
        out.push(fact(self.now, What::Withdrawn { queue, call, agent: agent.clone(), rang }));
        out.push(Output::Withdraw { call, agent });
        self.turn_to(number, next, out);
    }

    /// A call leaves its queue: the one place where that happens. `to` has answered it.
    pub(super) fn leave(&mut self, call: CallId, outcome: Outcome, to: Option<u32>, out: &mut Vec<Output>) {
        let Some(entry) = self.entries.get(&call) else { return };
        for other in entry.offers.clone().into_iter().filter(|other| Some(*other) != to) {
            self.withdraw(call, other, State::Available, out);
        }
        let Some(entry) = self.entries.remove(&call) else { return };
        let queue = &mut self.queues[entry.queue as usize];
        let position = queue.position(entry.place, call);
        queue.waiting.remove((entry.place, call));
        match entry.stands {
            Stands::InLine => queue.step_out(&entry.want, entry.place, call),
            Stands::For { agent, .. } => drop(self.agents[agent as usize].awaited_by.remove(&(entry.place, call))),
            Stands::Offered => {}
        }
        if let Some(at) = entry.timer {
            self.timers.remove(&(at, Timer::Call(call)));
        }
        if let (Some(agent), true) = (to, queue.conf.sticky.is_some()) {
            self.memory.talked(&entry.caller, agent, self.now);
        }
        let waited = self.now.since(entry.joined);
        let end = match outcome {
            Outcome::Answered { .. } => End::Answered,
            Outcome::Abandoned => End::GaveUp,
            _ => End::Other,
        };
        queue.estimate.waited(entry.estimate, end, waited);
        if end != End::Other {
            let in_time = end == End::Answered && waited <= queue.conf.alerts.answer_within;
            queue.alerts.ended(in_time, self.now);
        }
        let queue = queue.conf.name.clone();
        if outcome == Outcome::Failed {
            let (queue, caller) = (queue.clone(), entry.caller.clone());
            self.debts.add(Owed { queue, caller, waited: waited + entry.credit }, self.now);
        }
        out.push(fact(self.now, What::Left { queue, call, outcome: outcome.clone(), waited, position }));
        out.push(Output::Left { call, outcome });
    }

    pub(super) fn all_leave(
        &mut self,
        number: u32,
        outcome: &Outcome,
        who: impl Fn(&Entry) -> bool,
        out: &mut Vec<Output>,
    ) {
        let waiting = self.queues[number as usize].waiting.iter().map(|(_, call)| call);
        let leaving: Vec<CallId> = waiting.filter(|call| self.entries.get(call).is_some_and(&who)).collect();
        leaving.into_iter().for_each(|call| self.leave(call, outcome.clone(), None, out));
    }

    /// An agent's state changes: the one place where that happens.
    pub(super) fn turn_to(&mut self, number: u32, state: State, out: &mut Vec<Output>) {
        let agent = &mut self.agents[number as usize];
        let before = std::mem::replace(&mut agent.state, state);
        agent.since = self.now;
        if let Some(at) = before.until() {
            self.timers.remove(&(at, Timer::Agent(number)));
        }
        self.timers.extend(agent.state.until().map(|at| (at, Timer::Agent(number))));
        for at in 0..agent.memberships.len() {
            let membership = &mut agent.memberships[at];
            let queue = &mut self.queues[membership.queue as usize];
            queue.count(&before, &agent.state, self.now);
            self.restaffed.insert(membership.queue);
            if let Some(rank) = membership.rank.take() {
                queue.idle.remove(number, membership.tier, agent.profile, rank);
            }
            if agent.state == State::Available {
                let rank = queue.idle.add(number, agent, &agent.memberships[at], &mut self.random);
                agent.memberships[at].rank = Some(rank);
            }
        }
        if agent.state == State::LoggedOut {
            agent.memberships.append(&mut agent.left); // he comes back to all of them
            agent.memberships.sort_by_key(|membership| membership.queue);
            self.gives_back(number, out);
        }
        let agent = &mut self.agents[number as usize];
        out.push(fact(self.now, What::AgentIs { agent: agent.name.clone(), state: agent.state.shown() }));
        if agent.state == State::Available {
            self.freed.push_back(number);
        }
        if !agent.state.is_at_work() {
            self.wait_no_longer_for(number);
        }
    }

    /// Whoever waited for this agent alone takes anybody now.
    fn wait_no_longer_for(&mut self, number: u32) {
        for (place, call) in std::mem::take(&mut self.agents[number as usize].awaited_by) {
            if let Some(entry) = self.entries.get_mut(&call) {
                entry.stands = Stands::InLine;
                self.queues[entry.queue as usize].stand(&entry.want, place, call);
                self.opened.push_back(call);
                self.arm(call);
            }
        }
    }

    /// A queue's staff has changed.
    fn restaff(&mut self, number: u32, out: &mut Vec<Output>) {
        let queue = &mut self.queues[number as usize];
        if !queue.has(queue.conf.stay_needs) && !queue.waiting.is_empty() {
            self.all_leave(number, &Outcome::Overflowed(Overflow::Emptied), |_| true, out);
        }
        let queue = &mut self.queues[number as usize];
        let due = queue.unstaffed_since.zip(queue.conf.unstaffed_max).map(|(since, max)| since + max);
        let timer = due.filter(|at| *at > self.now);
        if let Some(at) = std::mem::replace(&mut queue.timer, timer) {
            self.timers.remove(&(at, Timer::Queue(number)));
        }
        self.timers.extend(timer.map(|at| (at, Timer::Queue(number))));
        if due.is_some() && timer.is_none() {
            self.unstaffed_for_too_long(number, out);
        }
    }

    /// Nobody has been logged in for too long: those leave who were there all the time.
    pub(super) fn unstaffed_for_too_long(&mut self, number: u32, out: &mut Vec<Output>) {
        if let Some(since) = self.queues[number as usize].unstaffed_since {
            let outcome = Outcome::Overflowed(Overflow::Unstaffed);
            self.all_leave(number, &outcome, |entry| entry.joined <= since, out);
        }
    }

    /// Sets a call's timer to what comes next.
    pub(super) fn arm(&mut self, call: CallId) {
        let Some(entry) = self.entries.get_mut(&call) else { return };
        let due = entry.deadline();
        if due != entry.timer {
            let before = std::mem::replace(&mut entry.timer, due);
            if let Some(at) = before {
                self.timers.remove(&(at, Timer::Call(call)));
            }
            self.timers.extend(due.map(|at| (at, Timer::Call(call))));
        }
    }
}
