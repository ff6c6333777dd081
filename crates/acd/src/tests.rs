//! What the strategies, tiers, skills and caps do, one sentence each; the storm shows that it always holds.

mod agents;
mod by_hand;
mod caps;
mod figures;
mod line;
mod needs;
mod standing;
mod sticky;
mod strategies;

use std::time::Duration;

use base::{CallId, Random, Time};

use crate::*;

struct Centre {
    acd: Acd,
    now: Time,
    random: Random,
    facts: Vec<Fact>,
    told: Vec<Output>,
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn name(agent: &str) -> AgentName {
    agent.parse().expect("a name")
}

fn skilled(skill: &str, level: u8) -> Skilled {
    Skilled { skill: skill.parse().expect("a name"), level }
}

fn member(agent: &str, tier: u8, weight: u16) -> Member {
    Member { agent: name(agent), tier, weight }
}

/// The queue `sales` with ann, bob and cid in one tier.
fn sales() -> QueueConf {
    let members = vec![member("ann", 0, 1), member("bob", 0, 1), member("cid", 0, 1)];
    QueueConf { members, ..QueueConf::new("sales".parse().expect("a name")) }
}

impl Centre {
    fn new(queues: Vec<QueueConf>) -> Centre {
        Centre::with(queues, |_| Vec::new())
    }

    fn with(queues: Vec<QueueConf>, skills: impl Fn(&str) -> Vec<Skilled>) -> Centre {
        let agents = ["ann", "bob", "cid"].map(|agent| AgentConf { name: name(agent), skills: skills(agent) });
        let acd = Acd::new(AcdConf { agents: agents.into(), queues }, Random::numbered(7));
        Centre { acd, now: Time::from_millis(1000), random: Random::numbered(8), facts: Vec::new(), told: Vec::new() }
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.acd.handle(input, self.now, &mut out);
        let (facts, told): (Vec<_>, Vec<_>) = out.into_iter().partition(|output| matches!(output, Output::Fact(_)));
        self.facts
            .extend(facts.into_iter().filter_map(|fact| if let Output::Fact(fact) = fact { Some(fact) } else { None }));
        self.told.extend(told.iter().cloned());
        told
    }

    /// Time passes, with all that falls due in it.
    fn pass(&mut self, time: Duration) -> Vec<Output> {
        let (end, mut told) = (self.now + time, Vec::new());
        while let Some(due) = self.acd.deadline().filter(|due| *due <= end) {
            self.now = due;
            told.extend(self.tell(Input::Tick));
        }
        self.now = end;
        told
    }

    fn log_in(&mut self, agents: &[&str]) {
        for agent in agents {
            self.tell(Input::Ready { agent: name(agent) });
            self.pass(secs(1));
        }
    }

    fn join(&mut self, queue: &str) -> CallId {
        self.join_as(queue, "caller", 0)
    }

    fn join_as(&mut self, queue: &str, caller: &str, priority: i32) -> CallId {
        let call = CallId::new(self.now.as_millis() as i64, &mut self.random);
        let queue = queue.parse().expect("a name");
        let (skills, credit) = (Vec::new(), Duration::ZERO);
        self.tell(Input::Join(Join { call, queue, caller: caller.into(), priority, skills, credit, prefers: None }));
        call
    }

    fn join_preferring(&mut self, caller: &str, agent: &str) -> CallId {
        let call = CallId::new(self.now.as_millis() as i64, &mut self.random);
        let (queue, prefers) = ("sales".parse().expect("a name"), Some(name(agent)));
        let (skills, credit) = (Vec::new(), Duration::ZERO);
        self.tell(Input::Join(Join { call, queue, caller: caller.into(), priority: 0, skills, credit, prefers }));
        call
    }

    fn answer(&mut self, call: CallId, agent: &str) {
        self.tell(Input::Answered { call, agent: name(agent) });
    }

    fn end(&mut self, call: CallId) {
        self.tell(Input::Ended { call, by: EndedBy::Agent });
    }

    /// Whose phones ring for a call.
    fn rung(&self, call: CallId) -> Vec<String> {
        let mut rung: Vec<String> = Vec::new();
        for output in &self.told {
            match output {
                Output::Offer { call: of, agent, .. } if *of == call => rung.push(agent.to_string()),
                Output::Withdraw { call: of, agent } if *of == call => rung.retain(|one| one != agent.as_str()),
                _ => {}
            }
        }
        rung
    }

    fn outcome(&self, call: CallId) -> Option<&'static str> {
        self.told.iter().find_map(|output| match output {
            Output::Left { call: of, outcome } if *of == call => Some(outcome.word()),
            _ => None,
        })
    }

    fn state(&self, agent: &str) -> AgentState {
        self.acd.agent(&name(agent)).expect("an agent")
    }

    /// Calls come one after another, each is answered by whoever is rung and lasts so long: who got them?
    fn served(&mut self, talks: &[u64]) -> Vec<String> {
        let mut served = Vec::new();
        for talk in talks {
            let call = self.join("sales");
            let agent = self.rung(call).first().cloned().expect("somebody is rung");
            self.answer(call, &agent);
            self.pass(secs(*talk));
            self.end(call);
            served.push(agent);
        }
        served
    }
}
