//! What the command line does to queues and agents.

use std::time::Duration;

use acd::{AgentName, AgentState, QueueName};
use base::{CallId, Time};
use call::{Actor, How};
use serde_json::json;
use tracing::info;

use super::super::ask::{AgentOrder, Line};
use super::super::console::Answers;
use super::Control;
use crate::Output;
use crate::status::AgentStatus;

impl Control {
    pub(super) fn tell_agent(
        &mut self,
        name: &str,
        order: AgentOrder,
        answers: &Answers,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let known = name.parse::<AgentName>().ok().filter(|agent| self.switch.acd().agent(agent).is_some());
        let Some(agent) = known else {
            let why = format!("no queue has an agent {name:?}; `centrala agents` lists them");
            let _ = answers.try_send(Line::Failed(why));
            return;
        };
        let serves = |queue: &QueueName| {
            let agents = self.switch.acd().agents();
            agents
                .iter()
                .any(|view| *view.agent == agent && view.queues.iter().chain(&view.left).any(|one| *one == queue))
        };
        let talks = self.switch.acd().agent(&agent) == Some(AgentState::Talking);
        info!(agent = name, ?order, "told by command");
        let word = match order {
            AgentOrder::Ready => acd::Input::Ready { agent: agent.clone() },
            AgentOrder::Pause { reason } => acd::Input::Pause { agent: agent.clone(), reason: reason.into() },
            AgentOrder::Serve { queue, serves: is } => match queue.parse().ok().filter(serves) {
                Some(queue) => acd::Input::Serve { agent: agent.clone(), queue, serves: is },
                None => {
                    let why = format!("{name} is no agent of a queue {queue:?}; `centrala agents` tells whose");
                    let _ = answers.try_send(Line::Failed(why));
                    return;
                }
            },
            AgentOrder::Lend { queue } => match self.known_queue(&queue, now) {
                Some(queue) => acd::Input::Lend { agent: agent.clone(), queue },
                None => {
                    let why = format!("there is no queue {queue:?}; `centrala queues` lists them");
                    let _ = answers.try_send(Line::Failed(why));
                    return;
                }
            },
            AgentOrder::WrapUp { secs } => {
                acd::Input::WrapUp { agent: agent.clone(), more: Duration::from_secs(secs.into()) }
            }
            AgentOrder::LogOut => acd::Input::LogOut { agent: agent.clone() },
        };
        self.switch.command_queues(word, now, out);
        self.perform(out);
        let view = self.switch.acd().agents().into_iter().find(|view| *view.agent == agent);
        let state =
            view.map(|view| AgentStatus::of(view, now).state).filter(|_| !talks).unwrap_or("talking".to_owned());
        let _ = answers.try_send(Line::Done(json!({ "agent": name, "state": state })));
    }

    #[allow(clippy::too_many_arguments)] // as the request has them
    pub(super) fn dispose(
        &mut self,
        account: &str,
        said: Option<String>,
        note: Option<String>,
        by: String,
        answers: &Answers,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let known = self.switch.dispositions();
        let disposition = match said {
            None => None,
            Some(said) => match known.get(&said).or_else(|| known.values().find(|name| **name == said)) {
                Some(name) => Some(name.clone()),
                None => {
                    let names: Vec<&str> = known.values().map(String::as_str).collect();
                    let why = format!("{said:?} is nothing calls come to; [dispositions] has {}", names.join(", "));
                    let _ = answers.try_send(Line::Failed(why));
                    return;
                }
            },
        };
        let actor = Actor { by, how: How::Command };
        let call = self.switch.dispose(account, (disposition, note), actor, now, out);
        self.perform(out);
        let _ = answers.try_send(match call {
            Some(call) => Line::Done(json!({ "call": call.to_string() })),
            None => {
                Line::Failed(format!("{account} has had no call since the switch started; `centrala calls` lists them"))
            }
        });
    }

    pub(super) fn close_queue(
        &mut self,
        name: &str,
        closed: bool,
        answers: &Answers,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let known = |queue: &QueueName| self.switch.acd().queues(now).iter().any(|view| view.queue == queue);
        let line = match name.parse().ok().filter(known) {
            Some(queue) => {
                info!(queue = name, closed, "told by command");
                self.switch.command_queues(acd::Input::Close { queue, closed }, now, out);
                self.perform(out);
                Line::Done(json!({ "queue": name, "closed": closed }))
            }
            None => Line::Failed(format!("there is no queue {name:?}; `centrala queues` lists them")),
        };
        let _ = answers.try_send(line);
    }

    pub(super) fn pick(&mut self, call: &str, agent: &str, answers: &Answers, now: Time, out: &mut Vec<Output>) {
        let waits = call.parse::<CallId>().ok().filter(|call| self.switch.acd().position(*call).is_some());
        let known = agent.parse::<AgentName>().ok().filter(|agent| self.switch.acd().agent(agent).is_some());
        let line = match (waits, known) {
            (Some(id), Some(name)) => {
                info!(call, agent, "picked by command");
                self.switch.command_queues(acd::Input::Pick { call: id, agent: name.clone() }, now, out);
                self.perform(out);
                let view = self.switch.acd().agents().into_iter().find(|view| *view.agent == name);
                match view {
                    Some(view) if view.call == Some(id) => Line::Done(json!({ "call": call, "agent": agent })),
                    Some(view) => Line::Failed(format!("{agent} is {}, and cannot be rung now", view.state.word())),
                    None => Line::Failed(format!("no queue has an agent {agent:?}; `centrala agents` lists them")),
                }
            }
            (Some(_), None) => Line::Failed(format!("no queue has an agent {agent:?}; `centrala agents` lists them")),
            (None, _) => Line::Failed(format!("no call {call} waits in a queue; `centrala calls` tells who does")),
        };
        let _ = answers.try_send(line);
    }

    pub(super) fn move_call(&mut self, call: &str, queue: &str, answers: &Answers, now: Time, out: &mut Vec<Output>) {
        let waits = call.parse::<CallId>().ok().filter(|call| self.switch.acd().position(*call).is_some());
        let line = match (waits, self.known_queue(queue, now)) {
            (Some(id), Some(to)) => {
                info!(call, queue, "moved by command");
                self.switch.command_queues(acd::Input::Move { call: id, queue: to }, now, out);
                self.perform(out);
                Line::Done(json!({ "call": call, "position": self.switch.acd().position(id) }))
            }
            (Some(_), None) => Line::Failed(format!("there is no queue {queue:?}; `centrala queues` lists them")),
            (None, _) => Line::Failed(format!("no call {call} waits in a queue; `centrala calls` tells who does")),
        };
        let _ = answers.try_send(line);
    }

    fn known_queue(&self, name: &str, now: Time) -> Option<QueueName> {
        let known = |queue: &QueueName| self.switch.acd().queues(now).iter().any(|view| view.queue == queue);
        name.parse().ok().filter(known)
    }

    pub(super) fn prioritise(
        &mut self,
        name: &str,
        priority: i32,
        answers: &Answers,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let waits = name.parse::<CallId>().ok().filter(|call| self.switch.acd().position(*call).is_some());
        let line = match waits {
            Some(call) => {
                info!(%call, priority, "told by command");
                self.switch.command_queues(acd::Input::Prioritise { call, priority }, now, out);
                self.perform(out);
                Line::Done(json!({ "call": name, "position": self.switch.acd().position(call) }))
            }
            None => Line::Failed(format!("no call {name} waits in a queue; `centrala calls` tells who does")),
        };
        let _ = answers.try_send(line);
    }
}
