//! The figures of queues and agents: folds over facts, each with its formula beside it.
//!
//! Where it stands: wallboard, reports and API ask here, and nowhere else is anything counted. The same facts give the
//! same figures, live or years later. An entry belongs to the time in which it was offered to the queue, whatever
//! becomes of it and whenever: so offered is always the sum of all outcomes and those who still wait.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::{CallId, Time};

use crate::{AgentName, AgentState, CallBackState, Fact, Outcome, QueueName, Refusal, What};

/// Of which time, and by which measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiguresConf {
    /// Answered within this time is answered in time: the *t* of the service level.
    pub answer_within: Duration,
    /// Entries offered from here
    pub from: Time,
    /// until before here are counted.
    pub until: Time,
}

/// What else counts into the service level's denominator beside the answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denominator {
    /// Those who hung up after really waiting.
    pub abandoned: bool,
    /// Those who hung up at once.
    pub short_abandoned: bool,
    /// Those who left otherwise: timed out, overflowed, by key, closed.
    pub flow_outs: bool,
}

/// One queue's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueFigures {
    /// Entries into the queue.
    pub offered: u64,
    /// Entries an agent answered.
    pub answered: u64,
    /// Of these, within the time.
    pub answered_in_time: u64,
    /// Callers who hung up after really waiting.
    pub abandoned: u64,
    /// Callers who hung up at once.
    pub short_abandoned: u64,
    /// Callers of either kind who hung up within the time.
    pub abandoned_in_time: u64,
    /// Callers who waited as long as one may.
    pub timed_out: u64,
    /// Callers the queue could not keep.
    pub overflowed: u64,
    /// Callers who left by key.
    pub left_by_key: u64,
    /// Callers the queue closed on.
    pub closed: u64,
    /// Callers who are to be called back.
    pub call_backs: u64,
    /// Callers who were called back and not reached,
    pub unreached: u64,
    /// and who were.
    pub called_back: u64,
    /// Callers whom somebody made wait in another queue.
    pub moved: u64,
    /// Callers taken out by somebody.
    pub withdrawn: u64,
    /// Callers lost to a fault of ours.
    pub failed: u64,
    /// Σ waiting of the answered.
    pub answered_waits: Duration,
    /// Σ waiting of those who hung up after really waiting.
    pub abandoned_waits: Duration,
    /// Answered callers whose wait had been estimated when they came,
    pub estimated: u64,
    /// and Σ seconds by which that was wrong, be it too long or too short.
    pub estimates_off: Duration,
    /// The longest anybody waited.
    pub wait_max: Duration,
    /// Conversations that are over.
    pub completed: u64,
    /// Σ talking of these.
    pub talked: Duration,
    /// Σ wrap-up after these.
    pub wrapped_up: Duration,
    /// Offers to agents.
    pub offers: u64,
    /// Of these, not taken: let ring, busy, declined or unreachable.
    pub offers_refused: u64,
    /// Of those, let ring.
    pub offers_unanswered: u64,
}

impl QueueFigures {
    /// Σ outcomes. With those who still wait it is `offered`.
    pub fn outcomes(&self) -> u64 {
        let gave_up = self.abandoned + self.short_abandoned;
        self.answered
            + gave_up
            + self.flow_outs()
            + self.call_backs
            + self.unreached
            + self.moved
            + self.withdrawn
            + self.failed
    }

    /// Left without an agent and without hanging up: timed out + overflowed + by key + closed. Who is to be called back, or
    /// was moved, is none of these: he comes again as an entry of its own.
    pub fn flow_outs(&self) -> u64 {
        self.timed_out + self.overflowed + self.left_by_key + self.closed
    }

    /// Answered in time ÷ (answered + what `denominator` names).
    pub fn service_level(&self, denominator: Denominator) -> Option<f64> {
        let counted = [
            (denominator.abandoned, self.abandoned),
            (denominator.short_abandoned, self.short_abandoned),
            (denominator.flow_outs, self.flow_outs()),
        ];
        let others: u64 = counted.into_iter().filter(|(counts, _)| *counts).map(|(_, count)| count).sum();
        ratio(self.answered_in_time, self.answered + others)
    }

    /// Asterisk's SL, and Wazo's quality of service: answered in time ÷ answered.
    pub fn asterisk_sl(&self) -> Option<f64> {
        ratio(self.answered_in_time, self.answered)
    }

    /// Asterisk's SL2: (answered in time + abandoned in time) ÷ (answered + abandoned), short ones with the others.
    pub fn asterisk_sl2(&self) -> Option<f64> {
        let abandoned = self.abandoned + self.short_abandoned;
        ratio(self.answered_in_time + self.abandoned_in_time, self.answered + abandoned)
    }

    /// Average speed of answer: Σ waiting of the answered ÷ answered.
    pub fn average_speed_of_answer(&self) -> Option<Duration> {
        average(self.answered_waits, self.answered)
    }

    /// Σ waiting of the abandoned ÷ abandoned, short ones left out.
    pub fn average_wait_to_abandon(&self) -> Option<Duration> {
        average(self.abandoned_waits, self.abandoned)
    }

    /// Abandoned, short ones left out ÷ offered.
    pub fn abandonment_rate(&self) -> Option<f64> {
        ratio(self.abandoned, self.offered)
    }

    /// By how much estimates of the wait were wrong, on average.
    pub fn average_estimate_error(&self) -> Option<Duration> {
        average(self.estimates_off, self.estimated)
    }

    /// Average handle time: (talk + wrap-up) ÷ conversations that are over.
    pub fn average_handle_time(&self) -> Option<Duration> {
        average(self.talked + self.wrapped_up, self.completed)
    }

    /// Offers let ring ÷ offers.
    pub fn no_answer_rate(&self) -> Option<f64> {
        ratio(self.offers_unanswered, self.offers)
    }

    /// This and another together.
    pub fn add(&mut self, other: &QueueFigures) {
        let QueueFigures { answered_waits, abandoned_waits, estimates_off, wait_max, talked, wrapped_up, .. } = *other;
        self.estimates_off += estimates_off;
        self.answered_waits += answered_waits;
        self.abandoned_waits += abandoned_waits;
        self.wait_max = self.wait_max.max(wait_max);
        self.talked += talked;
        self.wrapped_up += wrapped_up;
        for (sum, count) in [
            (&mut self.offered, other.offered),
            (&mut self.answered, other.answered),
            (&mut self.answered_in_time, other.answered_in_time),
            (&mut self.abandoned, other.abandoned),
            (&mut self.short_abandoned, other.short_abandoned),
            (&mut self.abandoned_in_time, other.abandoned_in_time),
            (&mut self.timed_out, other.timed_out),
            (&mut self.overflowed, other.overflowed),
            (&mut self.left_by_key, other.left_by_key),
            (&mut self.closed, other.closed),
            (&mut self.call_backs, other.call_backs),
            (&mut self.unreached, other.unreached),
            (&mut self.called_back, other.called_back),
            (&mut self.moved, other.moved),
            (&mut self.withdrawn, other.withdrawn),
            (&mut self.failed, other.failed),
            (&mut self.completed, other.completed),
            (&mut self.estimated, other.estimated),
            (&mut self.offers, other.offers),
            (&mut self.offers_refused, other.offers_refused),
            (&mut self.offers_unanswered, other.offers_unanswered),
        ] {
            *sum += count;
        }
    }
}

/// One agent's figures: how long he was in each state within the time, and what he did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFigures {
    /// Free, or being rung.
    pub available: Duration,
    /// With callers.
    pub talking: Duration,
    /// Finishing.
    pub wrap_up: Duration,
    /// In pauses.
    pub paused: Duration,
    /// The same, by reason.
    pub pauses: BTreeMap<Arc<str>, Duration>,
    /// Left alone after not taking a call.
    pub resting: Duration,
    /// Calls answered.
    pub answered: u64,
    /// Offers.
    pub offers: u64,
    /// Offers not taken.
    pub refused: u64,
    /// Of these, let ring.
    pub unanswered: u64,
}

impl AgentFigures {
    /// Time logged in: the sum of all states.
    pub fn logged_in(&self) -> Duration {
        self.available + self.talking + self.wrap_up + self.paused + self.resting
    }

    /// (Talk + wrap-up) ÷ (talk + wrap-up + available).
    pub fn occupancy(&self) -> Option<f64> {
        let busy = self.talking + self.wrap_up;
        share(busy, busy + self.available)
    }

    /// (Talk + wrap-up) ÷ answered.
    pub fn average_handle_time(&self) -> Option<Duration> {
        average(self.talking + self.wrap_up, self.answered)
    }

    /// Offers let ring ÷ offers.
    pub fn no_answer_rate(&self) -> Option<f64> {
        ratio(self.unanswered, self.offers)
    }

    /// (Talk + wrap-up) ÷ logged in.
    pub fn utilisation(&self) -> Option<f64> {
        share(self.talking + self.wrap_up, self.logged_in())
    }
}

/// All figures of a time.
#[derive(Clone, Debug)]
pub struct Figures {
    conf: FiguresConf,
    /// By queue.
    pub queues: BTreeMap<QueueName, QueueFigures>,
    /// By agent.
    pub agents: BTreeMap<AgentName, AgentFigures>,
    /// Counted entries that are still in a queue or a conversation, with how long they would wait.
    open: HashMap<CallId, (QueueName, Option<Duration>)>,
    /// Each agent's state and since when; with the queue he wraps up for, if its entry is counted.
    states: HashMap<AgentName, (AgentState, Time, Option<QueueName>)>,
}

impl Figures {
    /// Nothing yet.
    pub fn new(conf: FiguresConf) -> Figures {
        let (queues, agents) = (BTreeMap::new(), BTreeMap::new());
        Figures { conf, queues, agents, open: HashMap::new(), states: HashMap::new() }
    }

    /// The figures of these facts, in their order. States that last count until `conf.until` or the last fact.
    pub fn of<'a>(facts: impl IntoIterator<Item = &'a Fact>, conf: FiguresConf) -> Figures {
        let mut figures = Figures::new(conf);
        let mut last = conf.from;
        for fact in facts {
            figures.add(fact);
            last = fact.at;
        }
        figures.close(last.min(conf.until));
        figures
    }

    /// Takes one more fact.
    pub fn add(&mut self, fact: &Fact) {
        let counts = self.conf.from <= fact.at && fact.at < self.conf.until;
        match &fact.what {
            What::Entered { queue, call, estimate, .. } => {
                self.open.remove(call);
                if counts {
                    self.queues.entry(queue.clone()).or_default().offered += 1;
                    self.open.insert(*call, (queue.clone(), *estimate));
                }
            }
            What::Left { call, outcome, waited, .. } => self.left(*call, outcome, *waited),
            What::Completed { call, agent, talked, .. } => {
                let queue = self.open.remove(call).map(|(queue, _)| queue);
                if let Some(queue) = queue.as_ref().and_then(|queue| self.queues.get_mut(queue)) {
                    queue.completed += 1;
                    queue.talked += *talked;
                }
                if let Some((_, _, wraps_up)) = self.states.get_mut(agent) {
                    *wraps_up = queue;
                }
            }
            What::Offered { queue, agent, .. } if counts => {
                self.queues.entry(queue.clone()).or_default().offers += 1;
                self.agents.entry(agent.clone()).or_default().offers += 1;
            }
            What::Refused { queue, agent, how, .. } if counts => {
                let queue = self.queues.entry(queue.clone()).or_default();
                queue.offers_refused += 1;
                queue.offers_unanswered += u64::from(*how == Refusal::NoAnswer);
                let agent = self.agents.entry(agent.clone()).or_default();
                agent.refused += 1;
                agent.unanswered += u64::from(*how == Refusal::NoAnswer);
            }
            What::CallBack { queue, state: CallBackState::Reached, .. } if counts => {
                self.queues.entry(queue.clone()).or_default().called_back += 1;
            }
            What::AgentIs { agent, state } => self.agent_is(agent, state, fact.at, counts),
            What::Offered { .. }
            | What::Refused { .. }
            | What::Withdrawn { .. }
            | What::Serves { .. }
            | What::CallBack { .. }
            | What::Alert { .. }
            | What::Closed { .. } => {}
        }
    }

    /// How many counted entries have no outcome yet.
    pub fn waiting(&self) -> u64 {
        self.queues.values().map(|queue| queue.offered - queue.outcomes()).sum()
    }

    fn left(&mut self, call: CallId, outcome: &Outcome, waited: Duration) {
        let Some((name, estimate)) = self.open.get(&call) else { return };
        let Some(queue) = self.queues.get_mut(name) else { return };
        let in_time = u64::from(waited <= self.conf.answer_within);
        queue.wait_max = queue.wait_max.max(waited);
        match outcome {
            Outcome::Answered { .. } => {
                queue.answered += 1;
                queue.answered_in_time += in_time;
                queue.answered_waits += waited;
                if let Some(estimate) = estimate {
                    queue.estimated += 1;
                    queue.estimates_off += waited.abs_diff(*estimate);
                }
                return; // the conversation is still to come
            }
            Outcome::Abandoned => {
                queue.abandoned += 1;
                queue.abandoned_in_time += in_time;
                queue.abandoned_waits += waited;
            }
            Outcome::ShortAbandoned => {
                queue.short_abandoned += 1;
                queue.abandoned_in_time += in_time;
            }
            Outcome::TimedOut => queue.timed_out += 1,
            Outcome::Overflowed(_) => queue.overflowed += 1,
            Outcome::Key(_) => queue.left_by_key += 1,
            Outcome::Closed => queue.closed += 1,
            Outcome::CallBack => queue.call_backs += 1,
            Outcome::Unreached => queue.unreached += 1,
            Outcome::Moved { .. } => queue.moved += 1,
            Outcome::Withdrawn => queue.withdrawn += 1,
            Outcome::Failed => queue.failed += 1,
        }
        self.open.remove(&call);
    }

    fn agent_is(&mut self, agent: &AgentName, state: &AgentState, at: Time, counts: bool) {
        self.lasted(agent, at);
        if counts && *state == AgentState::Talking {
            self.agents.entry(agent.clone()).or_default().answered += 1;
        }
        let wraps_up = self.states.get(agent).and_then(|(_, _, queue)| queue.clone());
        let wraps_up = wraps_up.filter(|_| *state == AgentState::WrapUp);
        self.states.insert(agent.clone(), (state.clone(), at, wraps_up));
    }

    /// Adds what an agent's state has lasted, within the time.
    fn lasted(&mut self, agent: &AgentName, at: Time) {
        let Some((state, since, wraps_up)) = self.states.get(agent) else { return };
        if let (AgentState::WrapUp, Some(queue)) = (state, wraps_up.as_ref().and_then(|it| self.queues.get_mut(it))) {
            queue.wrapped_up += at.since(*since);
        }
        let lasted = at.min(self.conf.until).since((*since).max(self.conf.from));
        if lasted.is_zero() {
            return;
        }
        let figures = self.agents.entry(agent.clone()).or_default();
        match state {
            AgentState::LoggedOut => {}
            AgentState::Available | AgentState::Offered => figures.available += lasted,
            AgentState::Talking => figures.talking += lasted,
            AgentState::WrapUp => figures.wrap_up += lasted,
            AgentState::Resting => figures.resting += lasted,
            AgentState::Paused(reason) => {
                figures.paused += lasted;
                *figures.pauses.entry(reason.clone()).or_default() += lasted;
            }
        }
    }

    /// What was one moment is called another from here on: somebody has set the clock. States last as long as they do.
    pub fn clock_is_set(&mut self, was: Time, is: Time) {
        self.close(was);
        self.states.values_mut().for_each(|(_, since, _)| *since = is);
    }

    /// The figures of the time after this, in which the agents are what they are now.
    pub fn next(&self, conf: FiguresConf) -> Figures {
        let mut next = Figures::new(conf);
        let states =
            self.states.iter().map(|(agent, (state, since, _))| (agent.clone(), (state.clone(), *since, None)));
        next.states.extend(states);
        next
    }

    /// Is something still to come of what is counted here?
    pub fn is_open(&self) -> bool {
        !self.open.is_empty() || self.states.values().any(|(.., wraps_up)| wraps_up.is_some())
    }

    /// The end: states that last count until then. Nothing may be added any more.
    pub fn close(&mut self, at: Time) {
        for agent in self.states.keys().cloned().collect::<Vec<_>>() {
            self.lasted(&agent, at);
        }
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn share(part: Duration, whole: Duration) -> Option<f64> {
    (!whole.is_zero()).then(|| part.as_secs_f64() / whole.as_secs_f64())
}

fn average(sum: Duration, count: u64) -> Option<Duration> {
    (count > 0).then(|| Duration::from_nanos(u64::try_from(sum.as_nanos() / u128::from(count)).unwrap_or(u64::MAX)))
}
