//! A centre on virtual time: callers who come, wait so long and talk so long, and agents who come and go. What the
//! queues would make of them, as facts.
//!
//! Where it stands: around an [`Acd`] of its own, with nothing but a clock that jumps. The same callers and the same conf
//! give the same facts; another conf, or other shifts, tell what would have been.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::{CallId, Random, Time};

use crate::{Acd, AcdConf, AgentName, AlertConf, EndedBy, Fact, Gone, Input, Join, Outcome, Output, QueueName};

/// Somebody who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// When.
    pub at: Time,
    /// To which queue.
    pub queue: QueueName,
    /// Who.
    pub label: Arc<str>,
    /// How urgent.
    pub priority: i32,
    /// Hangs up after having waited for so long; none: waits for as long as it takes.
    pub patience: Option<Duration>,
    /// What there is to talk about takes so long.
    pub talk: Duration,
}

/// When an agent is there, and how soon he answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Who.
    pub agent: AgentName,
    /// He logs in,
    pub from: Time,
    /// and out, after the call he is in.
    pub until: Time,
    /// His phone rings for so long before he answers.
    pub answers_after: Duration,
}

/// What happens by itself, in order of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Calls(usize),
    GivesUp(CallId),
    Answers(CallId, usize),
    TalkedOut(CallId),
    Comes(usize),
    Goes(usize),
}

struct Simulation<'a, F> {
    acd: Acd,
    callers: &'a [Caller],
    shifts: &'a [Shift],
    /// Each agent's shift that is under way or comes next.
    on_shift: HashMap<AgentName, usize>,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    numbers: u64,
    /// Who has called and has not hung up.
    lines: HashMap<CallId, usize>,
    now: Time,
    take: F,
}

/// Lets these callers meet these agents, and tells `take` every fact, in order. It ends when all is over that was begun.
pub fn simulate(mut conf: AcdConf, callers: &[Caller], shifts: &[Shift], random: Random, take: impl FnMut(&Fact)) {
    conf.queues.iter_mut().for_each(|queue| queue.alerts = AlertConf::default()); // nobody is to be told of what is not
    let mut random = random;
    let mut simulation = Simulation {
        acd: Acd::new(conf, random.fork()),
        callers,
        shifts,
        on_shift: HashMap::new(),
        events: BinaryHeap::new(),
        numbers: 0,
        lines: HashMap::new(),
        now: Time::ZERO,
        take,
    };
    for (number, caller) in callers.iter().enumerate() {
        simulation.at(caller.at, Event::Calls(number));
    }
    for (number, shift) in shifts.iter().enumerate() {
        simulation.at(shift.from, Event::Comes(number));
        simulation.at(shift.until, Event::Goes(number));
    }
    while simulation.step(&mut random) {}
}

impl<F: FnMut(&Fact)> Simulation<'_, F> {
    fn at(&mut self, at: Time, event: Event) {
        self.numbers += 1;
        self.events.push(Reverse((at, self.numbers, event)));
    }

    /// Whether there is anything more to come.
    fn step(&mut self, random: &mut Random) -> bool {
        let next = self.events.peek().map(|Reverse((at, ..))| *at);
        match (self.acd.deadline(), next) {
            (Some(due), next) if next.is_none_or(|at| due <= at) => {
                self.now = due.max(self.now);
                self.tell(Input::Tick);
            }
            (_, None) => return false,
            _ => {
                if let Some(Reverse((at, _, event))) = self.events.pop() {
                    self.now = at.max(self.now);
                    self.happens(event, random);
                }
            }
        }
        true
    }

    fn happens(&mut self, event: Event, random: &mut Random) {
        match event {
            Event::Calls(number) => {
                let caller = &self.callers[number];
                let call = CallId::new(i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX), random);
                self.lines.insert(call, number);
                if let Some(patience) = caller.patience {
                    self.at(self.now + patience, Event::GivesUp(call));
                }
                let (queue, label) = (caller.queue.clone(), caller.label.clone());
                let (priority, credit) = (caller.priority, Duration::ZERO);
                self.tell(Input::Join(Join {
                    call,
                    queue,
                    caller: label,
                    priority,
                    skills: Vec::new(),
                    credit,
                    prefers: None,
                }));
            }
            Event::GivesUp(call) if self.acd.position(call).is_some() => {
                self.lines.remove(&call);
                self.tell(Input::Gone { call, how: Gone::HungUp });
            }
            Event::Answers(call, shift) => {
                self.tell(Input::Answered { call, agent: self.shifts[shift].agent.clone() });
            }
            Event::TalkedOut(call) => self.tell(Input::Ended { call, by: EndedBy::Caller }),
            Event::Comes(shift) => {
                let agent = self.shifts[shift].agent.clone();
                self.on_shift.insert(agent.clone(), shift);
                self.tell(Input::Ready { agent });
            }
            Event::Goes(shift) => self.tell(Input::LogOut { agent: self.shifts[shift].agent.clone() }),
            Event::GivesUp(_) => {}
        }
    }

    fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        self.acd.handle(input, self.now, &mut out);
        for output in out {
            match output {
                Output::Fact(fact) => (self.take)(&fact),
                Output::Offer { call, agent, .. } => {
                    if let Some(shift) = self.on_shift.get(&agent).copied() {
                        self.at(self.now + self.shifts[shift].answers_after, Event::Answers(call, shift));
                    }
                }
                Output::Left { call, outcome } => {
                    let caller = self.lines.remove(&call).and_then(|number| self.callers.get(number));
                    if let (Outcome::Answered { .. }, Some(caller)) = (outcome, caller) {
                        self.at(self.now + caller.talk, Event::TalkedOut(call));
                    }
                }
                Output::Joined { .. } | Output::Stands { .. } | Output::Withdraw { .. } => {}
            }
        }
    }
}
