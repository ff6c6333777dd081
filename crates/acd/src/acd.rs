//! The machine that pairs calls and agents.
//!
//! Where it stands: see the crate's page. Every input is answered at once: what it changes is written first, then every
//! agent it freed and every call it opened is paired while there is somebody to pair it with. Nothing polls and nothing
//! is tried again later: an agent and a call that fit each other never wait side by side.

mod by_hand;
mod pair;
mod reload;
mod restore;
mod serving;
#[cfg(test)]
mod storm;
mod thresholds;
mod view;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use base::{CallId, Random, Time};

pub use restore::{Owed, Restored, RestoredAgent};
pub use view::{AgentView, QueueView};

use restore::Debts;

use crate::agent::{Agent, State, Then};
use crate::entry::{Entry, Stands, Told};
use crate::memory::Memory;
use crate::queue::{Place, Queue};
use crate::{
    AcdConf, AgentName, AgentState, EndedBy, Fact, Gone, Input, Join, Occasion, Outcome, Output, Overflow, QueueName,
    Refusal, Skilled, What,
};

/// All queues and all agents.
#[derive(Debug)]
pub struct Acd {
    agents: Vec<Agent>,
    agent_numbers: HashMap<AgentName, u32>,
    queues: Vec<Queue>,
    queue_numbers: HashMap<QueueName, u32>,
    /// The skills of each profile.
    profiles: Vec<Vec<Skilled>>,
    profile_numbers: HashMap<Vec<Skilled>, u32>,
    entries: HashMap<CallId, Entry>,
    /// Who talks with whom.
    talks: HashMap<CallId, u32>,
    memory: Memory,
    debts: Debts,
    timers: BTreeSet<(Time, Timer)>,
    /// When it is looked at thresholds next, where there are any.
    look_at: Option<Time>,
    /// Agents who became free, and calls that became open, with this input.
    freed: VecDeque<u32>,
    opened: VecDeque<CallId>,
    /// Queues whose staff changed with this input.
    restaffed: BTreeSet<u32>,
    numbers: u64,
    random: Random,
    now: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Agent(u32),
    Call(CallId),
    Queue(u32),
}

impl Acd {
    /// Nobody is logged in and nobody waits.
    pub fn new(conf: AcdConf, random: Random) -> Acd {
        let mut acd = Acd {
            agents: Vec::new(),
            agent_numbers: HashMap::new(),
            queues: Vec::new(),
            queue_numbers: HashMap::new(),
            profiles: Vec::new(),
            profile_numbers: HashMap::new(),
            entries: HashMap::new(),
            talks: HashMap::new(),
            memory: Memory::default(),
            debts: Debts::default(),
            timers: BTreeSet::new(),
            look_at: None,
            freed: VecDeque::new(),
            opened: VecDeque::new(),
            restaffed: BTreeSet::new(),
            numbers: 0,
            random,
            now: Time::ZERO,
        };
        conf.agents.into_iter().for_each(|agent| acd.set_agent(agent));
        conf.queues.into_iter().for_each(|queue| acd.set_queue(queue, &mut Vec::new()));
        acd.engage_all();
        acd.restaffed.clear(); // nobody waits yet
        acd
    }

    /// Takes what happened, and says all that follows from it. What makes no sense any more is absorbed.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        self.now = now;
        match input {
            Input::Join(join) => self.join(join, None, out),
            Input::JoinAway { join, dial } => self.join(join, Some(dial), out),
            Input::Reached { call } => self.reached(call, out),
            Input::Gone { call, how } => self.gone(call, how, out),
            Input::Where { call } => {
                out.extend(self.stands(call));
            }
            Input::PickedUp { call, agent, patience } => self.picked_up(call, &agent, patience),
            Input::Answered { call, agent } => self.answered(call, &agent, out),
            Input::Refused { call, agent, how } => {
                if let Some(agent) = self.offered(call, &agent) {
                    self.refused(call, agent, how, out);
                }
            }
            Input::Ended { call, by } => self.ended(call, by, out),
            Input::Ready { agent } => self.ready(&agent, out),
            Input::WrapUp { agent, more } => self.wrap_up(&agent, more, out),
            Input::Serve { agent, queue, serves } => self.serve_queue(&agent, &queue, serves, out),
            Input::LogOut { agent } => self.step_aside(&agent, Then::LoggedOut, out),
            Input::Pause { agent, reason } => self.step_aside(&agent, Then::Paused(reason), out),
            Input::PhoneGone { agent } => {
                if self
                    .agent(&agent)
                    .is_some_and(|state| !matches!(state, AgentState::LoggedOut | AgentState::Paused(_)))
                {
                    self.step_aside(&agent, Then::Paused(UNREACHABLE.into()), out);
                }
            }
            Input::Pick { call, agent } => self.pick(call, &agent, out),
            Input::Taken { call, by } => self.taken(call, &by, out),
            Input::Move { call, queue } => self.move_call(call, queue, out),
            Input::Lend { agent, queue } => self.lend(&agent, &queue, out),
            Input::Prioritise { call, priority } => self.prioritise(call, priority),
            Input::Reload(conf) => self.reload(*conf, out),
            Input::Close { queue, closed } => self.close(&queue, closed, out),
            Input::Shut { queue } => self.shut(&queue, out),
            Input::Restore(restored) => self.restore(restored, out),
            Input::PhoneBack { agent } => self.phone_back(&agent, out),
            Input::Tick => {}
        }
        // After the input: an answer that comes in the moment the ringing time is up is an answer.
        self.time_has_passed(out);
        self.settle(out);
        self.look_at_thresholds(out);
    }

    /// When [`Input::Tick`] is due next.
    pub fn deadline(&self) -> Option<Time> {
        self.timers.first().map(|(at, _)| *at).into_iter().chain(self.look_at).min()
    }

    /// An agent's state; none where there is no such agent.
    pub fn agent(&self, agent: &AgentName) -> Option<AgentState> {
        Some(self.agents[*self.agent_numbers.get(agent)? as usize].state.shown())
    }

    /// The call that waits at this place of a queue's line, 1 at the head, for whom it can be said that he is there.
    pub fn waits_at(&self, queue: &QueueName, position: usize) -> Option<CallId> {
        let queue = &self.queues[*self.queue_numbers.get(queue)? as usize];
        let there = queue.waiting.iter().map(|(_, call)| call);
        let mut there = there.filter(|call| self.entries.get(call).is_some_and(|entry| entry.away.is_none()));
        there.nth(position.checked_sub(1)?)
    }

    /// A waiting call's place in its line, 1 at the head.
    pub fn position(&self, call: CallId) -> Option<usize> {
        let entry = self.entries.get(&call)?;
        Some(self.queues[entry.queue as usize].position(entry.place, call))
    }

    /// Where a waiting call stands, and for how long it will.
    fn stands(&mut self, call: CallId) -> Option<Output> {
        let entry = self.entries.get_mut(&call)?;
        let queue = &self.queues[entry.queue as usize];
        let (position, at_work) = (queue.position(entry.place, call), queue.at_work());
        let mut wait = queue.wait(position).map(|made| made.wait);
        if let (Some(wait), Some(told)) = (&mut wait, entry.told)
            && position <= told.position
            && at_work >= told.at_work
        {
            *wait = told.wait.min(*wait);
        }
        entry.told = wait.map(|wait| Told { wait, position, at_work });
        Some(Output::Stands { call, position, wait })
    }

    /// How many wait in a queue, those whose agent is being rung too.
    pub fn waiting(&self, queue: &QueueName) -> usize {
        self.queue_numbers.get(queue).map_or(0, |queue| self.queues[*queue as usize].waiting.len())
    }

    fn join(&mut self, mut join: Join, away: Option<Duration>, out: &mut Vec<Output>) {
        self.gone(join.call, Gone::Withdrawn, out);
        let Some(number) = self.queue_numbers.get(&join.queue).copied() else {
            out.push(Output::Left { call: join.call, outcome: Outcome::Failed });
            return;
        };
        let (now, queue) = (self.now, &mut self.queues[number as usize]);
        let conf = &queue.conf;
        join.credit += self.debts.owed(&join.queue, &join.caller, now);
        self.numbers += 1;
        let place = Place { rank: rank(now, join.credit, join.priority, conf.priority_worth), number: self.numbers };
        let position = queue.position(place, join.call);
        let estimate = queue.wait(position);
        let turned_away = if queue.closed || queue.shut {
            Some(Outcome::Closed)
        } else if queue.waiting.len() >= conf.callers_max {
            Some(Outcome::Overflowed(Overflow::Full))
        } else if !queue.has(conf.join_needs) || !queue.has(conf.stay_needs) {
            Some(Outcome::Overflowed(Overflow::Empty))
        } else if away.is_none() && estimate.zip(conf.estimate_max).is_some_and(|(made, max)| made.wait > max) {
            Some(Outcome::Overflowed(Overflow::LongWait))
        } else {
            None
        };
        let position = if turned_away.is_some() { 0 } else { position };
        out.push(fact(
            now,
            What::Entered {
                queue: conf.name.clone(),
                call: join.call,
                caller: join.caller.clone(),
                priority: join.priority,
                position,
                estimate: estimate.map(|made| made.wait),
            },
        ));
        if let Some(outcome) = turned_away {
            let (queue, waited) = (conf.name.clone(), Duration::ZERO);
            out.push(fact(now, What::Left { queue, call: join.call, outcome: outcome.clone(), waited, position: 0 }));
            out.push(Output::Left { call: join.call, outcome });
            return;
        }
        self.debts.forget(&join.queue, &join.caller);
        out.push(Output::Joined { call: join.call, position });
        let mut needs = conf.needs.clone();
        needs.skills.extend(join.skills);
        let want = needs.at(join.credit);
        let preferred = join.prefers.and_then(|name| self.agent_numbers.get(&name).copied()).zip(conf.prefer);
        let sticky = conf.sticky.and_then(|sticky| {
            Some((self.memory.agent(&join.caller, sticky.remember, now)?, sticky.wait, Occasion::Sticky))
        });
        let preferred = preferred.map(|(agent, wait)| (agent, wait, Occasion::Preferred));
        let alone = preferred.into_iter().chain(sticky).find_map(|(agent, wait, why)| {
            let found = &self.agents[agent as usize];
            let serves = found.memberships.iter().any(|membership| membership.queue == number);
            (serves && found.state.is_at_work()).then_some(Stands::For { agent, until: now + wait, why })
        });
        let mut entry = Entry {
            queue: number,
            caller: join.caller,
            joined: now,
            credit: join.credit,
            place,
            estimate,
            told: None,
            widens: None,
            needs,
            want,
            times_out: conf.wait_max.filter(|_| away.is_none()).map(|max| now + max),
            unstaffed: conf
                .unstaffed_max
                .filter(|_| away.is_none() && queue.unstaffed_since.is_some())
                .map(|max| now + max),
            away,
            stands: alone.unwrap_or(Stands::InLine),
            offers: Vec::new(),
            timer: None,
        };
        entry.widens = entry.next_widening(now);
        queue.waiting.insert((place, join.call));
        match entry.stands {
            Stands::For { agent, .. } => drop(self.agents[agent as usize].awaited_by.insert((place, join.call))),
            _ => queue.stand(&entry.want, place, join.call),
        }
        self.entries.insert(join.call, entry);
        self.opened.push_back(join.call);
        self.arm(join.call);
    }

    /// Somebody who was called back is there.
    fn reached(&mut self, call: CallId, out: &mut Vec<Output>) {
        let Some(entry) = self.entries.get_mut(&call) else { return };
        if entry.away.take().is_none() {
            return;
        }
        let (now, queue) = (self.now, &self.queues[entry.queue as usize]);
        entry.times_out = queue.conf.wait_max.map(|max| now + max);
        let (ring, position, offers) =
            (queue.conf.ring.max(SECOND), queue.position(entry.place, call), entry.offers.clone());
        out.push(Output::Joined { call, position });
        for number in offers {
            let agent = &mut self.agents[number as usize];
            if let State::Offered { until, .. } = &mut agent.state {
                let before = std::mem::replace(until, now + ring);
                self.timers.remove(&(before, Timer::Agent(number)));
                self.timers.insert((now + ring, Timer::Agent(number)));
                out.push(Output::Offer { call, agent: agent.name.clone(), ring });
            }
        }
        self.opened.push_back(call);
        self.arm(call);
    }

    /// Would a caller be let in now, whatever he would have to wait?
    pub fn lets_in(&self, queue: &QueueName) -> bool {
        self.queue_numbers.get(queue).is_some_and(|number| {
            let queue = &self.queues[*number as usize];
            let conf = &queue.conf;
            !queue.closed
                && !queue.shut
                && queue.has(conf.join_needs)
                && queue.has(conf.stay_needs)
                && queue.waiting.len() < conf.callers_max
        })
    }

    fn gone(&mut self, call: CallId, how: Gone, out: &mut Vec<Output>) {
        let Some(entry) = self.entries.get(&call) else {
            let by = if how == Gone::HungUp { EndedBy::Caller } else { EndedBy::Switch };
            return self.ended(call, by, out);
        };
        let short = self.queues[entry.queue as usize].conf.short_abandon;
        let outcome = match how {
            Gone::HungUp if self.now.since(entry.joined) < short => Outcome::ShortAbandoned,
            Gone::HungUp => Outcome::Abandoned,
            Gone::Key(key) => Outcome::Key(key),
            Gone::CallBack => Outcome::CallBack,
            Gone::Unreached => Outcome::Unreached,
            Gone::Withdrawn => Outcome::Withdrawn,
            Gone::Failed => Outcome::Failed,
        };
        self.leave(call, outcome, None, out);
    }

    fn picked_up(&mut self, call: CallId, agent: &AgentName, patience: Duration) {
        let (now, Some(number)) = (self.now, self.offered(call, agent)) else { return };
        if let State::Offered { until, .. } = &mut self.agents[number as usize].state {
            let due = now + patience.max(SECOND);
            let before = std::mem::replace(until, due);
            self.timers.remove(&(before, Timer::Agent(number)));
            self.timers.insert((due, Timer::Agent(number)));
        }
    }

    fn answered(&mut self, call: CallId, agent: &AgentName, out: &mut Vec<Output>) {
        if let Some(number) = self.offered(call, agent) {
            self.talks_with(call, number, out);
        }
    }

    /// An agent has this call now.
    pub(super) fn talks_with(&mut self, call: CallId, number: u32, out: &mut Vec<Output>) {
        let agent = self.agents[number as usize].name.clone();
        let Some(queue) = self.entries.get(&call).map(|entry| entry.queue) else { return };
        self.leave(call, Outcome::Answered { agent }, Some(number), out);
        let answered = &mut self.agents[number as usize];
        answered.misses = 0;
        answered.calls += 1;
        self.talks.insert(call, number);
        self.turn_to(
            number,
            State::Talking { call, queue, since: self.now, then: Then::Available, more: Duration::ZERO },
            out,
        );
    }

    /// The agent's number, if this call is offered to him now.
    fn offered(&self, call: CallId, agent: &AgentName) -> Option<u32> {
        let number = *self.agent_numbers.get(agent)?;
        matches!(self.agents[number as usize].state, State::Offered { call: offered, .. } if offered == call)
            .then_some(number)
    }

    fn refused(&mut self, call: CallId, number: u32, how: Refusal, out: &mut Vec<Output>) {
        let (now, agent) = (self.now, &mut self.agents[number as usize]);
        let (State::Offered { since, .. }, Some(entry)) = (&agent.state, self.entries.get(&call)) else { return };
        let conf = &self.queues[entry.queue as usize].conf;
        let (queue, name, rang) = (conf.name.clone(), agent.name.clone(), now.since(*since));
        out.push(fact(now, What::Refused { queue, call, agent: name, how, rang }));
        agent.misses += u32::from(how == Refusal::NoAnswer);
        let next = match how {
            Refusal::NoAnswer if conf.misses_max > 0 && agent.misses >= conf.misses_max => State::paused(NO_ANSWER),
            Refusal::Unreachable => State::paused(UNREACHABLE),
            _ => State::Resting { until: now + conf.rest.max(SECOND) },
        };
        self.turn_to(number, next, out);
        self.offer_failed(call, number, out);
    }

    /// One agent less is rung for this call. When it was the last, it stands in the line again: where it stood before.
    fn offer_failed(&mut self, call: CallId, number: u32, out: &mut Vec<Output>) {
        let Some(entry) = self.entries.get_mut(&call) else { return };
        entry.offers.retain(|offered| *offered != number);
        if entry.offers.is_empty() && entry.times_out.is_some_and(|at| at <= self.now) {
            return self.leave(call, Outcome::TimedOut, None, out);
        }
        if entry.stands == Stands::Offered {
            entry.stands = Stands::InLine;
            self.queues[entry.queue as usize].stand(&entry.want, entry.place, call);
        }
        self.opened.push_back(call);
        self.arm(call);
    }

    fn ended(&mut self, call: CallId, by: EndedBy, out: &mut Vec<Output>) {
        let Some(number) = self.talks.remove(&call) else { return };
        let (now, agent) = (self.now, &mut self.agents[number as usize]);
        let State::Talking { queue, since, then, more, .. } = &agent.state else { return };
        let Queue { conf, estimate, .. } = &mut self.queues[*queue as usize];
        let (talked, then, wrap_up) = (now.since(*since), then.clone(), conf.wrap_up + *more);
        estimate.handled(talked + wrap_up);
        agent.talked += talked;
        agent.idle_since = now;
        let (queue, name) = (conf.name.clone(), agent.name.clone());
        out.push(fact(now, What::Completed { queue, call, agent: name, talked, by }));
        let next = match then {
            Then::LoggedOut => State::LoggedOut,
            Then::Paused(reason) => State::paused(reason),
            Then::Available if wrap_up.is_zero() => State::Available,
            Then::Available => State::WrapUp { until: now + wrap_up },
        };
        self.turn_to(number, next, out);
    }

    /// More time after a call. Who is free has just finished one whose queue gives none.
    fn wrap_up(&mut self, agent: &AgentName, wanted: Duration, out: &mut Vec<Output>) {
        let Some(number) = self.agent_numbers.get(agent).copied() else { return };
        let now = self.now;
        match &mut self.agents[number as usize].state {
            State::Talking { more, .. } => *more = (*more + wanted).min(WRAP_UP_MAX),
            State::WrapUp { until } => {
                let before = std::mem::replace(until, (*until + wanted).min(now + WRAP_UP_MAX));
                let until = *until;
                self.timers.remove(&(before, Timer::Agent(number)));
                self.timers.insert((until, Timer::Agent(number)));
            }
            State::Available | State::Resting { .. } => {
                self.turn_to(number, State::WrapUp { until: now + wanted.min(WRAP_UP_MAX) }, out);
            }
            State::LoggedOut | State::Offered { .. } | State::Paused { .. } => {}
        }
    }

    fn ready(&mut self, agent: &AgentName, out: &mut Vec<Output>) {
        let Some(number) = self.agent_numbers.get(agent).copied() else { return };
        let (now, agent) = (self.now, &mut self.agents[number as usize]);
        match &mut agent.state {
            State::Available | State::Offered { .. } => {}
            State::Talking { then, .. } => *then = Then::Available,
            State::LoggedOut => {
                (agent.misses, agent.calls, agent.talked, agent.idle_since) = (0, 0, Duration::ZERO, now);
                self.turn_to(number, State::Available, out);
            }
            State::WrapUp { .. } | State::Resting { .. } | State::Paused { .. } => {
                agent.misses = 0;
                self.turn_to(number, State::Available, out);
            }
        }
    }

    /// An agent pauses or goes: at once, or after his call.
    fn step_aside(&mut self, agent: &AgentName, aside: Then, out: &mut Vec<Output>) {
        let Some(number) = self.agent_numbers.get(agent).copied() else { return };
        let next = match &aside {
            Then::Paused(reason) => State::paused(reason.clone()),
            _ => State::LoggedOut,
        };
        match &mut self.agents[number as usize].state {
            State::LoggedOut => {}
            State::Talking { then, .. } => *then = aside,
            State::Offered { call, .. } => {
                let call = *call;
                self.withdraw(call, number, next, out);
                self.offer_failed(call, number, out);
            }
            State::Available | State::WrapUp { .. } | State::Resting { .. } | State::Paused { .. } => {
                self.turn_to(number, next, out);
            }
        }
    }

    fn prioritise(&mut self, call: CallId, priority: i32) {
        let Some(entry) = self.entries.get_mut(&call) else { return };
        let queue = &mut self.queues[entry.queue as usize];
        let before = entry.place;
        entry.place.rank = rank(entry.joined, entry.credit, priority, queue.conf.priority_worth);
        queue.waiting.remove((before, call));
        queue.waiting.insert((entry.place, call));
        match entry.stands {
            Stands::InLine => {
                queue.step_out(&entry.want, before, call);
                queue.stand(&entry.want, entry.place, call);
            }
            Stands::For { agent, .. } => {
                let awaited_by = &mut self.agents[agent as usize].awaited_by;
                awaited_by.remove(&(before, call));
                awaited_by.insert((entry.place, call));
            }
            Stands::Offered => {}
        }
    }

    fn close(&mut self, name: &QueueName, closed: bool, out: &mut Vec<Output>) {
        let Some(number) = self.queue_numbers.get(name).copied() else { return };
        let queue = &mut self.queues[number as usize];
        let was_shut = std::mem::take(&mut queue.shut);
        if queue.closed == closed && (closed || !was_shut) {
            return;
        }
        queue.closed = closed;
        out.push(fact(self.now, What::Closed { queue: name.clone(), closed }));
        if closed {
            self.all_leave(number, &Outcome::Closed, |_| true, out);
        }
    }

    /// A queue lets nobody in any more; those who wait in it are still served.
    fn shut(&mut self, name: &QueueName, out: &mut Vec<Output>) {
        let Some(number) = self.queue_numbers.get(name).copied() else { return };
        let queue = &mut self.queues[number as usize];
        if !queue.closed && !std::mem::replace(&mut queue.shut, true) {
            out.push(fact(self.now, What::Closed { queue: name.clone(), closed: true }));
        }
    }

    fn time_has_passed(&mut self, out: &mut Vec<Output>) {
        while let Some((at, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= self.now) {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Agent(number) => self.agents_time_is_up(number, out),
                Timer::Call(call) => self.calls_time_is_up(call, out),
                Timer::Queue(number) => {
                    self.queues[number as usize].timer = None;
                    self.unstaffed_for_too_long(number, out);
                }
            }
        }
    }

    fn agents_time_is_up(&mut self, number: u32, out: &mut Vec<Output>) {
        let agent = &self.agents[number as usize];
        match agent.state {
            State::Offered { call, .. } => {
                out.push(Output::Withdraw { call, agent: agent.name.clone() });
                self.refused(call, number, Refusal::NoAnswer, out);
            }
            State::WrapUp { .. } | State::Resting { .. } => self.turn_to(number, State::Available, out),
            State::LoggedOut | State::Available | State::Talking { .. } | State::Paused { .. } => {}
        }
    }

    fn calls_time_is_up(&mut self, call: CallId, out: &mut Vec<Output>) {
        let now = self.now;
        let Some(entry) = self.entries.get_mut(&call) else { return };
        entry.timer = None;
        let queue = &mut self.queues[entry.queue as usize];
        if entry.times_out.is_some_and(|at| at <= now) && entry.offers.is_empty() {
            return self.leave(call, Outcome::TimedOut, None, out);
        }
        if entry.unstaffed.take_if(|at| *at <= now).is_some()
            && queue.unstaffed_since.is_some_and(|since| since <= entry.joined)
        {
            return self.leave(call, Outcome::Overflowed(Overflow::Unstaffed), None, out);
        }
        if let Stands::For { agent, until, .. } = entry.stands
            && until <= now
        {
            self.agents[agent as usize].awaited_by.remove(&(entry.place, call));
            entry.stands = Stands::InLine;
            queue.stand(&entry.want, entry.place, call);
            self.opened.push_back(call);
        }
        if entry.widens.is_some_and(|at| at <= now) {
            let want = entry.needs.at(entry.waited(now));
            entry.widens = entry.next_widening(now);
            if entry.stands == Stands::InLine {
                queue.step_out(&entry.want, entry.place, call);
                queue.stand(&want, entry.place, call);
                self.opened.push_back(call);
            }
            entry.want = want;
        }
        self.arm(call);
    }
}

/// Nobody is left alone for longer after a call; who needs more takes a pause.
const WRAP_UP_MAX: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);
/// The reason of the pause an agent gets who let his phone ring.
const NO_ANSWER: &str = "no answer";
/// The reason of the pause an agent gets whose phone is gone.
const UNREACHABLE: &str = "phone gone";

fn rank(joined: Time, credit: Duration, priority: i32, worth: Duration) -> i64 {
    let joined = i64::try_from(joined.as_nanos()).unwrap_or(i64::MAX);
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    joined.saturating_sub(nanos(credit)).saturating_sub(nanos(worth).saturating_mul(priority.into()))
}

fn fact(at: Time, what: What) -> Output {
    Output::Fact(Fact { at, what })
}
