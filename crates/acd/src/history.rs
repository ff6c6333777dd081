//! Who called and who was there, read off the facts of a time that was: what a [simulation](crate::simulate) of it needs.
//!
//! Where it stands: a fold over facts. What the facts cannot know is drawn by chance: how long somebody would have talked
//! who never got to, as others of his queue did; and for how long somebody would have waited who was answered, as those
//! of his queue who gave up later than that.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use base::{CallId, Random, Time};

use crate::{AgentName, AgentState, Caller, Fact, Outcome, QueueName, Shift, What};

/// A time that was.
#[derive(Debug)]
pub struct History {
    from: Time,
    entries: Vec<Entry>,
    /// Callers who wait or talk, by their place among the entries.
    open: HashMap<CallId, usize>,
    agents: BTreeMap<AgentName, Agent>,
    offers: HashMap<(CallId, AgentName), Time>,
    last: Time,
}

#[derive(Debug)]
struct Entry {
    caller: Caller,
    waited: Duration,
    gave_up: bool,
    talked: Option<Duration>,
}

#[derive(Debug, Default)]
struct Agent {
    /// At work since.
    since: Option<Time>,
    spans: Vec<(Time, Time)>,
    /// Σ ringing of the calls he answered, and how many.
    rang: (Duration, u32),
}

impl History {
    /// Of what happened from then on. Facts from before tell who is at work by then.
    pub fn new(from: Time) -> History {
        let (entries, open, agents, offers) = Default::default();
        History { from, entries, open, agents, offers, last: from }
    }

    /// Takes one more fact, in their order.
    pub fn add(&mut self, fact: &Fact) {
        let at = fact.at.max(self.from);
        self.last = at;
        match &fact.what {
            What::Entered { queue, call, caller, priority, .. } if fact.at >= self.from => {
                let (queue, label, priority) = (queue.clone(), caller.clone(), *priority);
                let caller = Caller { at: fact.at, queue, label, priority, patience: None, talk: Duration::ZERO };
                self.open.insert(*call, self.entries.len());
                self.entries.push(Entry { caller, waited: Duration::ZERO, gave_up: false, talked: None });
            }
            What::Offered { call, agent, .. } => drop(self.offers.insert((*call, agent.clone()), fact.at)),
            What::Refused { call, agent, .. } | What::Withdrawn { call, agent, .. } => {
                self.offers.remove(&(*call, agent.clone()));
            }
            What::Left { call, outcome, waited, .. } => self.left(*call, outcome, *waited, fact.at),
            What::Completed { call, talked, .. } => {
                if let Some(entry) = self.open.remove(call).and_then(|at| self.entries.get_mut(at)) {
                    entry.talked = Some(*talked);
                }
            }
            What::AgentIs { agent, state } => {
                let at_work = !matches!(state, AgentState::LoggedOut | AgentState::Paused(_));
                let agent = self.agents.entry(agent.clone()).or_default();
                match (agent.since, at_work) {
                    (None, true) => agent.since = Some(at),
                    (Some(since), false) => {
                        agent.spans.extend((since < at).then_some((since, at)));
                        agent.since = None;
                    }
                    _ => {}
                }
            }
            What::Entered { .. }
            | What::Serves { .. }
            | What::CallBack { .. }
            | What::Alert { .. }
            | What::Closed { .. } => {}
        }
    }

    fn left(&mut self, call: CallId, outcome: &Outcome, waited: Duration, at: Time) {
        let Some(entry) = self.open.get(&call).and_then(|at| self.entries.get_mut(*at)) else { return };
        entry.waited = waited;
        entry.gave_up = matches!(outcome, Outcome::Abandoned | Outcome::ShortAbandoned);
        if let Outcome::Answered { agent } = outcome {
            let offered = self.offers.remove(&(call, agent.clone())).unwrap_or(at);
            let (sum, count) = &mut self.agents.entry(agent.clone()).or_default().rang;
            *sum += at.since(offered);
            *count += 1;
        } else {
            self.open.remove(&call);
        }
    }

    /// Everybody who called, in order.
    pub fn callers(&self, random: &mut Random) -> Vec<Caller> {
        let mut queues: BTreeMap<&QueueName, Habits> = BTreeMap::new();
        for entry in &self.entries {
            let habits = queues.entry(&entry.caller.queue).or_default();
            habits.waits.push((entry.waited, entry.gave_up));
            habits.talks.extend(entry.talked);
        }
        queues.values_mut().for_each(|habits| habits.waits.sort());
        let caller = |entry: &Entry| {
            let habits = queues.get(&entry.caller.queue);
            let talk = entry.talked.or_else(|| habits?.talk(random)).unwrap_or_default();
            let patience = if entry.gave_up {
                Some(entry.waited)
            } else {
                habits.and_then(|habits| habits.patience(entry.waited, random))
            };
            Caller { patience, talk, ..entry.caller.clone() }
        };
        self.entries.iter().map(caller).collect()
    }

    /// When each agent was at work.
    pub fn shifts(&self) -> Vec<Shift> {
        let shifts = self.agents.iter().flat_map(|(name, agent)| {
            let (sum, count) = agent.rang;
            let answers_after = sum.checked_div(count).unwrap_or(ANSWERS_AFTER);
            let last = agent.since.map(|since| (since, self.last));
            let spans = agent.spans.iter().copied().chain(last);
            spans.map(move |(from, until)| Shift { agent: name.clone(), from, until, answers_after })
        });
        shifts.collect()
    }
}

/// What is known of a queue's callers.
#[derive(Default)]
struct Habits {
    /// How long each waited, and whether that was his own will; sorted when all are in.
    waits: Vec<(Duration, bool)>,
    talks: Vec<Duration>,
}

impl Habits {
    fn talk(&self, random: &mut Random) -> Option<Duration> {
        let count = self.talks.len() as u64;
        (count > 0).then(|| self.talks[random.below(count) as usize])
    }

    /// For how long somebody waits who has waited so long already: each moment at which somebody gave up, as many as had
    /// waited until then go with him in proportion (Kaplan and Meier's estimate). None: longer than anybody knows.
    fn patience(&self, waited: Duration, random: &mut Random) -> Option<Duration> {
        let from = self.waits.partition_point(|(wait, _)| *wait <= waited);
        (from..self.waits.len()).find_map(|at| {
            let (wait, gave_up) = self.waits[at];
            let at_risk = (self.waits.len() - at) as u64;
            (gave_up && random.below(at_risk) == 0).then_some(wait)
        })
    }
}

/// For agents who never answered.
const ANSWERS_AFTER: Duration = Duration::from_secs(5);
