//! Asterisk's `queue_log`, as a fold over the entries: what QueueMetrics and its like read.
//!
//! Where it stands: the journal's thread gives it every entry and writes the lines; given the same entries again, it says the
//! same lines. A line is `epoch|call|queue|agent|EVENT|parameters`, as app_queue of Asterisk writes them. What differs:
//! callers who were not let in have no line, as there; a caller the queue closed on, or a fault of ours lost, is WITHDRAW
//! with that as its info; every offer not taken is RINGNOANSWER; agents pause for all their queues (PAUSEALL).

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use acd::{AgentName, AgentState, EndedBy, Outcome, Overflow, QueueName, What as QueueWhat};
use base::{CallId, Time};
use call::What;

use crate::{Entry, Record};

/// The fold: who waits, who talks, who is logged in.
#[derive(Debug, Default)]
pub struct QueueLog {
    /// The place each caller had when he came.
    waiting: HashMap<CallId, usize>,
    offers: HashMap<(CallId, AgentName), Time>,
    talks: HashMap<CallId, Talk>,
    agents: HashMap<AgentName, Agent>,
}

#[derive(Debug)]
struct Talk {
    held: u64,
    position: usize,
    /// Somebody brings the caller elsewhere: having asked there first, and where that is.
    handed: Option<(bool, String)>,
}

#[derive(Debug)]
struct Agent {
    logged_in: Time,
    paused: Option<String>,
}

/// What a line begins with.
struct Head<'a> {
    at: Time,
    call: Option<CallId>,
    queue: Option<&'a QueueName>,
    agent: Option<&'a AgentName>,
}

impl QueueLog {
    /// Takes the next entry, and appends what there is to say of it.
    pub fn take(&mut self, entry: &Entry, lines: &mut String) {
        let at = entry.at;
        let nobody = Head { at, call: None, queue: None, agent: None };
        match &entry.record {
            Record::Started { .. } => nobody.say(lines, "QUEUESTART", &[]),
            Record::Call { call, what } => self.handed(*call, what),
            Record::Queue(QueueWhat::Entered { queue, call, caller, position, .. }) if *position > 0 => {
                self.waiting.insert(*call, *position);
                let head = Head { call: Some(*call), queue: Some(queue), ..nobody };
                head.say(lines, "ENTERQUEUE", &["", caller, &position.to_string()]);
            }
            Record::Queue(QueueWhat::Offered { call, agent, .. }) => {
                self.offers.insert((*call, agent.clone()), at);
            }
            Record::Queue(QueueWhat::Refused { queue, call, agent, rang, .. }) => {
                self.offers.remove(&(*call, agent.clone()));
                let head = Head { at, call: Some(*call), queue: Some(queue), agent: Some(agent) };
                head.say(lines, "RINGNOANSWER", &[&rang.as_millis().to_string()]);
            }
            Record::Queue(QueueWhat::Withdrawn { queue, call, agent, rang }) => {
                self.offers.remove(&(*call, agent.clone()));
                let head = Head { at, call: Some(*call), queue: Some(queue), agent: Some(agent) };
                head.say(lines, "RINGCANCELED", &[&rang.as_millis().to_string()]);
            }
            Record::Queue(QueueWhat::Left { queue, call, outcome, waited, position }) => {
                let head = Head { call: Some(*call), queue: Some(queue), ..nobody };
                self.left(head, *call, outcome, (*waited, *position), lines);
            }
            Record::Queue(QueueWhat::Completed { queue, call, agent, talked, by }) => {
                let Some(talk) = self.talks.remove(call) else { return };
                let head = Head { at, call: Some(*call), queue: Some(queue), agent: Some(agent) };
                completed(&head, talk, talked.as_secs(), *by, lines);
            }
            Record::Queue(QueueWhat::AgentIs { agent, state }) => {
                self.agent_is(&Head { agent: Some(agent), ..nobody }, agent, state, lines);
            }
            Record::Queue(QueueWhat::CallBack { queue, call, number, state, tries }) => {
                let head = Head { call: Some(*call), queue: Some(queue), ..nobody };
                head.say(lines, "CALLBACK", &[state.word(), number, &tries.to_string()]);
            }
            Record::Queue(QueueWhat::Serves { agent, queue, serves }) => {
                let head = Head { queue: Some(queue), agent: Some(agent), ..nobody };
                match serves {
                    true => head.say(lines, "ADDMEMBER", &[""]),
                    false => head.say(lines, "REMOVEMEMBER", &[]),
                }
            }
            _ => {}
        }
    }

    /// Somebody brings the caller of a conversation elsewhere.
    fn handed(&mut self, call: CallId, what: &What) {
        let Some(talk) = self.talks.get_mut(&call) else { return };
        match (what, &mut talk.handed) {
            (What::Transfers { attended, .. }, handed) => *handed = Some((*attended, String::new())),
            (What::Consults { .. }, handed) => *handed = Some((true, String::new())),
            (What::TransferFailed { .. } | What::Returns { .. }, handed) => *handed = None,
            (What::Entered { destination: to } | What::Dialled { party: to, .. }, Some((_, known))) => {
                known.clone_from(to);
            }
            _ => {}
        }
    }

    fn left(
        &mut self,
        head: Head<'_>,
        call: CallId,
        outcome: &Outcome,
        (waited, position): (Duration, usize),
        lines: &mut String,
    ) {
        let Some(original) = self.waiting.remove(&call) else { return }; // he was not let in
        let waited = waited.as_secs();
        let [place, began, wait] = [position.to_string(), original.to_string(), waited.to_string()];
        match outcome {
            Outcome::Answered { agent } => {
                let since = self.offers.remove(&(call, agent.clone())).unwrap_or(head.at);
                let rang = head.at.since(since).as_secs().to_string();
                let head = Head { agent: Some(agent), ..head };
                head.say(lines, "CONNECT", &[&wait, &call.to_string(), &rang]);
                self.talks.insert(call, Talk { held: waited, position: original, handed: None });
            }
            Outcome::Abandoned | Outcome::ShortAbandoned => head.say(lines, "ABANDON", &[&place, &began, &wait]),
            Outcome::TimedOut => head.say(lines, "EXITWITHTIMEOUT", &[&place, &began, &wait]),
            Outcome::Overflowed(Overflow::Empty | Overflow::Emptied | Overflow::Unstaffed) => {
                head.say(lines, "EXITEMPTY", &[&place, &began, &wait]);
            }
            Outcome::Key(key) => head.say(lines, "EXITWITHKEY", &[&key.to_string(), &place, &began, &wait]),
            Outcome::Withdrawn => head.say(lines, "WITHDRAW", &[&place, &began, &wait, ""]),
            Outcome::Moved { to } => head.say(lines, "WITHDRAW", &[&place, &began, &wait, &format!("moved to {to}")]),
            Outcome::Overflowed(Overflow::Full | Overflow::LongWait)
            | Outcome::CallBack
            | Outcome::Unreached
            | Outcome::Closed
            | Outcome::Failed => {
                head.say(lines, "WITHDRAW", &[&place, &began, &wait, outcome.word()]);
            }
        }
    }

    fn agent_is(&mut self, head: &Head<'_>, name: &AgentName, state: &AgentState, lines: &mut String) {
        let known = self.agents.remove(name);
        let paused = match state {
            AgentState::LoggedOut => {
                if let Some(agent) = known {
                    let secs = head.at.since(agent.logged_in).as_secs().to_string();
                    head.say(lines, "AGENTLOGOFF", &[name.as_str(), &secs]);
                }
                return;
            }
            AgentState::Paused(reason) => Some(reason.to_string()),
            _ => None,
        };
        let mut agent = known.unwrap_or_else(|| {
            head.say(lines, "AGENTLOGIN", &[name.as_str()]);
            Agent { logged_in: head.at, paused: None }
        });
        if agent.paused != paused {
            if let Some(reason) = &agent.paused {
                head.say(lines, "UNPAUSEALL", &[reason]);
            }
            if let Some(reason) = &paused {
                head.say(lines, "PAUSEALL", &[reason]);
            }
            agent.paused = paused;
        }
        self.agents.insert(name.clone(), agent);
    }
}

fn completed(head: &Head<'_>, talk: Talk, talked: u64, by: EndedBy, lines: &mut String) {
    let [held, talked, position] = [talk.held.to_string(), talked.to_string(), talk.position.to_string()];
    match (by, talk.handed) {
        (EndedBy::Agent | EndedBy::Switch, Some((false, to))) => {
            head.say(lines, "BLINDTRANSFER", &[&to, CONTEXT, &held, &talked, &position]);
        }
        (EndedBy::Agent | EndedBy::Switch, Some((true, to))) => {
            head.say(lines, "ATTENDEDTRANSFER", &["BRIDGE", &to, &held, &talked, &position]);
        }
        (EndedBy::Agent, _) => head.say(lines, "COMPLETEAGENT", &[&held, &talked, &position]),
        // What we end has no word of its own there; the caller is gone.
        (EndedBy::Caller | EndedBy::Switch, _) => head.say(lines, "COMPLETECALLER", &[&held, &talked, &position]),
    }
}

/// We have one number plan.
const CONTEXT: &str = "default";

impl Head<'_> {
    fn say(&self, lines: &mut String, event: &str, parameters: &[&str]) {
        let none = || "NONE".to_owned();
        let call = self.call.map_or_else(none, |call| call.to_string());
        let queue = self.queue.map_or_else(none, QueueName::to_string);
        let agent = self.agent.map_or_else(none, AgentName::to_string);
        let epoch = self.at.as_millis() / 1000;
        let _ = write!(lines, "{epoch}|{call}|{queue}|{agent}|{event}|"); // a String takes it
        for (number, parameter) in parameters.iter().enumerate() {
            if number > 0 {
                lines.push('|');
            }
            // What strangers say of themselves cannot make lines or columns.
            lines.extend(
                parameter.chars().map(|letter| if letter == '|' || letter.is_control() { '_' } else { letter }),
            );
        }
        lines.push('\n');
    }
}

#[cfg(test)]
mod tests;
