//! Reports: what queues and agents did, in intervals or as a whole, as a fold over the entries.
//!
//! Where it stands: `centrala report` gives it the entries of a journal, live or years later: the same entries give the same
//! figures. What is counted, and by which formulas, is said by [`acd::Figures`]; here it is split into intervals, and what
//! calls know beside their queue is added: hold, transfers, and whether the caller had to call again.
//!
//! An entry belongs to the interval in which it was offered to its queue, whatever becomes of it and whenever.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use acd::What as QueueWhat;
use acd::{AgentFigures, AgentName, EndedBy, Fact, Figures, FiguresConf, Outcome, QueueFigures, QueueName};
use base::{CallId, LegId, Time};
use call::What;

use crate::{Entry, Record};

/// Of which time, how split, and by which measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportConf {
    /// Entries offered from here
    pub from: Time,
    /// until before here are counted; moments are counted from 1970.
    pub until: Time,
    /// The length of an interval; none: all is one.
    pub interval: Option<Duration>,
    /// Answered within this time is answered in time.
    pub answer_within: Duration,
    /// Who calls the same queue again within this time was not helped the first time.
    pub repeat_within: Duration,
}

/// The fold.
#[derive(Debug)]
pub struct Report {
    conf: ReportConf,
    parts: Vec<Part>,
    /// Entries that are still in their queue or in a conversation.
    open: HashMap<CallId, Open>,
    /// Conversations that are over, by which something may still be said of their calls.
    ended: HashMap<CallId, Ended>,
    /// The field that has what callers were asked afterwards.
    survey: Arc<str>,
    /// The last answered call of each caller to each queue.
    contacts: HashMap<(QueueName, Arc<str>), Contact>,
    last: Time,
}

/// What there is to say of one interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// Its beginning.
    pub from: Time,
    /// Its end, which does not belong to it.
    pub until: Time,
    /// By queue.
    pub queues: BTreeMap<QueueName, QueueRow>,
    /// By agent.
    pub agents: BTreeMap<AgentName, AgentRow>,
}

/// A queue in an interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueRow {
    /// What the queue itself knows.
    pub figures: QueueFigures,
    /// Σ hold of its conversations; a part of what was talked.
    pub held: Duration,
    /// Conversations that ended with the caller brought elsewhere by the agent.
    pub transfers: u64,
    /// Answered calls of callers who can be told apart.
    pub contacts: u64,
    /// Of these, followed by another call of the same caller to the same queue within the time.
    pub repeats: u64,
    /// What its conversations came to: by name, as it was said last of each.
    pub dispositions: BTreeMap<Arc<str>, u64>,
    /// What its callers said when they were asked afterwards.
    pub survey: Survey,
}

/// Answers of callers who were asked how it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many.
    pub answers: u64,
    /// Σ of them.
    pub sum: u64,
}

impl Survey {
    /// Σ of the answers ÷ answers.
    pub fn average(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.sum as f64 / self.answers as f64)
    }

    /// One more; or another one in the place of what was said before.
    fn takes(&mut self, answer: u64, before: Option<u64>) {
        self.answers += u64::from(before.is_none());
        self.sum = (self.sum + answer).saturating_sub(before.unwrap_or(0));
    }
}

/// An agent in an interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentRow {
    /// What the queues know.
    pub figures: AgentFigures,
    /// Σ hold of the conversations offered to their queue in the interval.
    pub held: Duration,
    /// Of those, ended by bringing the caller elsewhere.
    pub transfers: u64,
    /// What his conversations came to.
    pub dispositions: BTreeMap<Arc<str>, u64>,
    /// What his callers said when they were asked afterwards.
    pub survey: Survey,
}

#[derive(Debug)]
struct Part {
    from: Time,
    until: Time,
    figures: Figures,
    queues: BTreeMap<QueueName, QueueRow>,
    agents: BTreeMap<AgentName, AgentRow>,
}

/// An entry into a queue that counts, and what became of it so far.
#[derive(Debug)]
struct Open {
    part: usize,
    queue: QueueName,
    caller: Arc<str>,
    agent: Option<AgentName>,
    /// The party the caller talks with.
    leg: Option<LegId>,
    held_since: Option<Time>,
    held: Duration,
    /// The agent is about to bring the caller elsewhere.
    handed: bool,
    /// What was said last that the call came to.
    said: Option<Arc<str>>,
}

/// A conversation that is over, and what it came to.
#[derive(Debug)]
struct Ended {
    part: usize,
    queue: QueueName,
    agent: Option<AgentName>,
    said: Option<Arc<str>>,
    /// What the caller answered.
    answer: Option<u64>,
}

#[derive(Debug)]
struct Contact {
    at: Time,
    part: usize,
    call: CallId,
    repeated: bool,
}

impl QueueRow {
    /// First contact resolution: contacts without a repeat ÷ contacts. The latest are not judged before their time is up.
    pub fn first_contact_resolution(&self) -> Option<f64> {
        (self.contacts > 0).then(|| (self.contacts - self.repeats) as f64 / self.contacts as f64)
    }

    /// Conversations ended by a transfer ÷ conversations that are over.
    pub fn transfer_rate(&self) -> Option<f64> {
        let completed = self.figures.completed;
        (completed > 0).then(|| self.transfers as f64 / completed as f64)
    }

    /// This and another together.
    pub fn add(&mut self, other: &QueueRow) {
        self.figures.add(&other.figures);
        self.held += other.held;
        self.transfers += other.transfers;
        self.contacts += other.contacts;
        self.repeats += other.repeats;
        for (said, count) in &other.dispositions {
            *self.dispositions.entry(said.clone()).or_default() += count;
        }
        self.survey.answers += other.survey.answers;
        self.survey.sum += other.survey.sum;
    }
}

impl Report {
    /// Nothing yet. Entries from before `from` tell which agents are there then: those since the switch last started are enough.
    pub fn new(conf: ReportConf) -> Report {
        let until = conf.interval.map_or(conf.until, |interval| (conf.from + interval).min(conf.until));
        let part = Part {
            from: conf.from,
            until,
            figures: Figures::new(FiguresConf { answer_within: conf.answer_within, from: conf.from, until }),
            queues: BTreeMap::new(),
            agents: BTreeMap::new(),
        };
        let (open, ended, contacts) = (HashMap::new(), HashMap::new(), HashMap::new());
        Report { conf, parts: vec![part], open, ended, survey: "csat".into(), contacts, last: conf.from }
    }

    /// The same, where callers' answers are in another field than `csat`.
    pub fn surveyed_in(self, field: &str) -> Report {
        Report { survey: field.into(), ..self }
    }

    /// Up to when entries matter: what was offered before `until` may end later, and callers may call again.
    pub fn reads_until(&self) -> Time {
        self.conf.until + self.conf.repeat_within
    }

    /// Takes the next entry.
    pub fn take(&mut self, entry: &Entry) {
        let at = entry.at;
        if let Record::ClockSet { by_ms } = entry.record {
            let was = Time::from_millis(at.as_millis().saturating_add_signed(by_ms.saturating_neg()));
            self.figures_now().for_each(|figures| figures.clock_is_set(was, at));
        }
        self.last = self.last.max(at);
        self.turn(at);
        match &entry.record {
            Record::Queue(what) => {
                let fact = Fact { at, what: what.clone() };
                self.figures_now().for_each(|figures| figures.add(&fact));
                self.in_queue(at, what);
            }
            Record::Call { call, what } => self.in_call(at, *call, what),
            _ => {}
        }
    }

    /// All that was counted. States that last count until the last entry.
    pub fn finish(self) -> Vec<Interval> {
        let last = self.last;
        let interval = |part: Part| {
            let Part { from, until, mut figures, mut queues, mut agents } = part;
            figures.close(last.min(until));
            for (queue, figures) in figures.queues {
                queues.entry(queue).or_default().figures = figures;
            }
            for (agent, figures) in figures.agents {
                agents.entry(agent).or_default().figures = figures;
            }
            Interval { from, until, queues, agents }
        };
        self.parts.into_iter().map(interval).collect()
    }

    /// Of the last interval, and of those of which something is still to come.
    fn figures_now(&mut self) -> impl Iterator<Item = &mut Figures> {
        let last = self.parts.len() - 1;
        let figures = self.parts.iter_mut().map(|part| &mut part.figures).enumerate();
        figures.filter_map(move |(number, figures)| (number == last || figures.is_open()).then_some(figures))
    }

    /// Begins the interval this moment is in.
    fn turn(&mut self, at: Time) {
        let Some(length) = self.conf.interval.filter(|length| !length.is_zero()) else { return };
        while let Some(part) = self.parts.last()
            && part.until <= at
            && part.until < self.conf.until
        {
            let (from, until) = (part.until, (part.until + length).min(self.conf.until));
            let figures = part.figures.next(FiguresConf { answer_within: self.conf.answer_within, from, until });
            self.parts.push(Part { from, until, figures, queues: BTreeMap::new(), agents: BTreeMap::new() });
        }
    }

    fn in_queue(&mut self, at: Time, what: &QueueWhat) {
        match what {
            QueueWhat::Entered { queue, call, caller, .. } => {
                self.open.remove(call);
                self.calls_again(at, queue, *call, caller);
                if self.conf.from <= at && at < self.conf.until {
                    let (part, queue, caller) = (self.parts.len() - 1, queue.clone(), caller.clone());
                    let (agent, leg, held_since, held, said) = (None, None, None, Duration::ZERO, None);
                    let open = Open { part, queue, caller, agent, leg, held_since, held, handed: false, said };
                    self.open.insert(*call, open);
                }
            }
            QueueWhat::Left { call, outcome: Outcome::Answered { agent }, .. } => {
                let Some(open) = self.open.get_mut(call) else { return };
                open.agent = Some(agent.clone());
                if is_known(&open.caller) {
                    let contact = Contact { at, part: open.part, call: *call, repeated: false };
                    self.contacts.insert((open.queue.clone(), open.caller.clone()), contact);
                    self.parts[open.part].queues.entry(open.queue.clone()).or_default().contacts += 1;
                }
            }
            QueueWhat::Left { call, .. } => drop(self.open.remove(call)),
            QueueWhat::Completed { call, by, .. } => {
                let Some(mut open) = self.open.remove(call) else { return };
                open.takes_back(at);
                let transfers = u64::from(open.handed && *by != EndedBy::Caller);
                let (number, said, name, by) = (open.part, open.said.take(), open.queue.clone(), open.agent.clone());
                let part = &mut self.parts[open.part];
                let queue = part.queues.entry(open.queue).or_default();
                queue.held += open.held;
                queue.transfers += transfers;
                if let Some(agent) = open.agent {
                    let agent = part.agents.entry(agent).or_default();
                    agent.held += open.held;
                    agent.transfers += transfers;
                }
                self.ended.insert(*call, Ended { part: number, queue: name, agent: by, said: None, answer: None });
                if let Some(said) = said {
                    self.came_to(*call, said);
                }
            }
            _ => {}
        }
    }

    /// Was this caller here before, and not long ago? Then that call had not helped him.
    fn calls_again(&mut self, at: Time, queue: &QueueName, call: CallId, caller: &Arc<str>) {
        let Some(contact) = self.contacts.get_mut(&(queue.clone(), caller.clone())) else { return };
        if !contact.repeated && contact.call != call && at.since(contact.at) <= self.conf.repeat_within {
            contact.repeated = true;
            self.parts[contact.part].queues.entry(queue.clone()).or_default().repeats += 1;
        }
    }

    /// It is said what a conversation that is over came to; what was said of it before no longer counts.
    fn came_to(&mut self, call: CallId, said: Arc<str>) {
        let Some(ended) = self.ended.get_mut(&call) else { return };
        let part = &mut self.parts[ended.part];
        let queue = &mut part.queues.entry(ended.queue.clone()).or_default().dispositions;
        let agent = ended.agent.as_ref().map(|agent| &mut part.agents.entry(agent.clone()).or_default().dispositions);
        let before = ended.said.replace(said.clone());
        for counts in [Some(queue), agent].into_iter().flatten() {
            if let Some(count) = before.as_ref().and_then(|before| counts.get_mut(before)) {
                *count -= 1;
            }
            *counts.entry(said.clone()).or_default() += 1;
            counts.retain(|_, count| *count > 0);
        }
    }

    /// A caller whose conversation is over says how it was: a number. Said again, it counts once.
    fn answers(&mut self, call: CallId, answer: u64) {
        let Some(ended) = self.ended.get_mut(&call) else { return };
        let before = ended.answer.replace(answer);
        let part = &mut self.parts[ended.part];
        part.queues.entry(ended.queue.clone()).or_default().survey.takes(answer, before);
        if let Some(agent) = &ended.agent {
            part.agents.entry(agent.clone()).or_default().survey.takes(answer, before);
        }
    }

    fn in_call(&mut self, at: Time, call: CallId, what: &What) {
        if let (What::Field { name, value }, false) = (what, self.open.contains_key(&call)) {
            let answer = value.parse().ok().filter(|_| **name == *self.survey);
            return answer.into_iter().for_each(|answer: u32| self.answers(call, answer.into()));
        }
        if let (What::Disposed(said), false) = (what, self.open.contains_key(&call)) {
            return said.disposition.as_deref().into_iter().for_each(|said| self.came_to(call, said.into()));
        }
        let Some(open) = self.open.get_mut(&call) else { return };
        let ours = |leg: &LegId| open.leg == Some(*leg);
        match what {
            What::Connected { leg, .. } if open.agent.is_none() => open.leg = Some(*leg),
            What::Replaced { leg, by, .. } if ours(leg) => open.leg = Some(*by),
            What::Held { leg } if ours(leg) => drop(open.held_since.get_or_insert(at)),
            What::Resumed { leg } if ours(leg) => open.takes_back(at),
            What::Transfers { leg, .. } if ours(leg) => open.handed = true,
            What::Consults { leg } if ours(leg) => {
                open.handed = true;
                open.held_since.get_or_insert(at);
            }
            What::Together { leg } if ours(leg) => open.takes_back(at),
            What::Returns { leg } if ours(leg) => {
                open.handed = false;
                open.takes_back(at);
            }
            What::TransferFailed { .. } => open.handed = false,
            What::Disposed(disposed) => {
                open.said = disposed.disposition.as_deref().map(Arc::from).or(open.said.take());
            }
            _ => {}
        }
    }
}

impl Open {
    /// The caller is not on hold any more.
    fn takes_back(&mut self, at: Time) {
        self.held += self.held_since.take().map_or(Duration::ZERO, |since| at.since(since));
    }
}

/// Can the caller be told from others?
fn is_known(caller: &str) -> bool {
    !caller.is_empty() && !caller.eq_ignore_ascii_case("anonymous")
}

#[cfg(test)]
mod tests;
