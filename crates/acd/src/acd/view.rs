//! The queues and agents as they stand, to look at.

use std::collections::HashMap;
use std::time::Duration;

use base::{CallId, Time};

use super::Acd;
use crate::agent::{Agent, State, Then};
use crate::queue::Queue;
use crate::{AgentName, AgentState, QueueName, Strategy};

/// How a queue stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView<'a> {
    /// Its name.
    pub queue: &'a QueueName,
    /// It lets nobody in.
    pub closed: bool,
    /// Who of its agents is rung first.
    pub strategy: Strategy,
    /// How many wait, those whose agent is being rung too.
    pub waiting: usize,
    /// How long the one has waited who waits longest.
    pub waited_max: Duration,
    /// How many talk with an agent.
    pub talking: usize,
    /// Members who are logged in.
    pub logged_in: usize,
    /// Of these, not paused.
    pub at_work: usize,
    /// Of those, free: a call could ring them now.
    pub free: usize,
    /// How long the next caller would wait, as far as is known.
    pub estimate: Option<Duration>,
}

/// How an agent stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView<'a> {
    /// The name.
    pub agent: &'a AgentName,
    /// The state.
    pub state: AgentState,
    /// Since when.
    pub since: Time,
    /// When time alone ends it: the time after a call, a moment of rest, a phone's ringing.
    pub until: Option<Time>,
    /// What follows the call, where that is no longer work: logged out, or paused.
    pub next: Option<AgentState>,
    /// The call that rings or is talked in.
    pub call: Option<CallId>,
    /// Its queue.
    pub queue: Option<&'a QueueName>,
    /// Calls since the login.
    pub calls: u64,
    /// Talked since the login.
    pub talked: Duration,
    /// The queues served.
    pub queues: Vec<&'a QueueName>,
    /// Those left until the next login.
    pub left: Vec<&'a QueueName>,
}

impl Acd {
    /// All queues, in the order of the conf.
    pub fn queues(&self, now: Time) -> Vec<QueueView<'_>> {
        let mut waited: HashMap<u32, Duration> = HashMap::new();
        for entry in self.entries.values() {
            let longest = waited.entry(entry.queue).or_default();
            *longest = now.since(entry.joined).max(*longest);
        }
        let mut talking: HashMap<u32, usize> = HashMap::new();
        for agent in self.talks.values() {
            if let State::Talking { queue, .. } = &self.agents[*agent as usize].state {
                *talking.entry(*queue).or_default() += 1;
            }
        }
        let numbered = (0..).zip(&self.queues);
        let of = |(number, queue): (u32, _)| {
            let (talking, waited) = (talking.get(&number), waited.get(&number));
            Queue::view(queue, talking.copied().unwrap_or_default(), waited.copied().unwrap_or_default())
        };
        numbered.map(of).collect()
    }

    /// The state of each agent.
    pub fn states(&self) -> impl Iterator<Item = AgentState> {
        self.agents.iter().map(|agent| agent.state.shown())
    }

    /// All agents, in the order of the conf.
    pub fn agents(&self) -> Vec<AgentView<'_>> {
        self.agents.iter().map(|agent| self.view(agent)).collect()
    }

    fn view<'a>(&'a self, agent: &'a Agent) -> AgentView<'a> {
        let (call, queue, then) = match &agent.state {
            State::Offered { call, .. } => (Some(*call), self.entries.get(call).map(|entry| entry.queue), None),
            State::Talking { call, queue, then, .. } => (Some(*call), Some(*queue), Some(then)),
            _ => (None, None, None),
        };
        let next = match then {
            Some(Then::LoggedOut) => Some(AgentState::LoggedOut),
            Some(Then::Paused(reason)) => Some(AgentState::Paused(reason.clone())),
            Some(Then::Available) | None => None,
        };
        let name = |queue: u32| &self.queues[queue as usize].conf.name;
        AgentView {
            agent: &agent.name,
            state: agent.state.shown(),
            since: agent.since,
            until: agent.state.until(),
            next,
            call,
            queue: queue.map(name),
            calls: agent.calls,
            talked: agent.talked,
            queues: agent.memberships.iter().map(|membership| name(membership.queue)).collect(),
            left: agent.left.iter().map(|membership| name(membership.queue)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Random;

    use super::*;
    use crate::{AcdConf, AgentConf, Input, Join, Member, QueueConf};

    #[test]
    fn what_is_seen_is_what_stands() {
        let queue: QueueName = "sales".parse().expect("a name");
        let names: Vec<AgentName> = ["ann", "bob"].map(|name| name.parse().expect("a name")).into();
        let member = |agent: &AgentName| Member { agent: agent.clone(), tier: 1, weight: 1 };
        let members = names.iter().map(member).collect();
        let agents = names.iter().map(|name| AgentConf { name: name.clone(), skills: Vec::new() }).collect();
        let queues = vec![QueueConf { members, strategy: Strategy::Linear, ..QueueConf::new(queue.clone()) }];
        let mut acd = Acd::new(AcdConf { agents, queues }, Random::numbered(1));
        let mut random = Random::numbered(2);
        let calls: Vec<CallId> = (1..=3).map(|_| CallId::new(0, &mut random)).collect();
        let mut tell = |secs: u64, input| acd.handle(input, Time::from_millis(secs * 1000), &mut Vec::new());
        for agent in &names {
            tell(1, Input::Ready { agent: agent.clone() });
        }
        for (at, call) in (10..).zip(&calls) {
            let (call, queue, caller, credit) = (*call, queue.clone(), "1".into(), Duration::ZERO);
            tell(at, Input::Join(Join { call, queue, caller, priority: 0, skills: Vec::new(), credit, prefers: None }));
        }
        tell(14, Input::Answered { call: calls[0], agent: names[0].clone() });
        tell(15, Input::Pause { agent: names[0].clone(), reason: "lunch".into() });

        let seen = acd.queues(Time::from_millis(20_000));
        let wanted = QueueView {
            queue: &queue,
            closed: false,
            strategy: Strategy::Linear,
            waiting: 2,
            waited_max: Duration::from_secs(9),
            talking: 1,
            logged_in: 2,
            at_work: 2,
            free: 0,
            estimate: None,
        };
        assert_eq!(seen, [wanted]);
        assert!(acd.states().map(|state| state.word()).eq(["talking", "offered"]));
        assert!(acd.states().all(|state| AgentState::WORDS.contains(&state.word())));
        let seen = acd.agents();
        let shape = |view: &AgentView<'_>| (view.state.clone(), view.since, view.call, view.calls, view.next.clone());
        let lunch = Some(AgentState::Paused("lunch".into()));
        let (ann, bob) = (Time::from_millis(14_000), Time::from_millis(11_000));
        assert_eq!(shape(&seen[0]), (AgentState::Talking, ann, Some(calls[0]), 1, lunch));
        assert_eq!(shape(&seen[1]), (AgentState::Offered, bob, Some(calls[1]), 0, None));
        assert!(seen.iter().all(|agent| agent.queue == Some(&queue) && agent.queues == [&queue]));
    }
}
