//! What a decision costs in a large centre: 10,000 agents, 50 queues, each agent in five of them; with 5,000 calls waiting
//! and nobody free, and with everybody free and nobody waiting.

#![allow(missing_docs)] // criterion's macro makes a public function

use std::hint::black_box;
use std::time::Duration;

use acd::{
    Acd, AcdConf, AgentConf, AgentName, EndedBy, Gone, Input, Join, Member, Needs, Output, QueueConf, Relax, Skilled,
    Strategy, Widening,
};
use base::{CallId, Random, Time};
use criterion::{Criterion, criterion_group, criterion_main};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const AGENTS: usize = 10_000;
const QUEUES: usize = 50;
const WAITING: usize = 5_000;
const SKILLS: [&str; 4] = ["english", "german", "billing", "technical"];

struct Centre {
    acd: Acd,
    now: Time,
    random: Random,
    agents: Vec<AgentName>,
    out: Vec<Output>,
    joined: usize,
}

impl Centre {
    fn new(strategy: Strategy, skilled: bool) -> Centre {
        let mut random = Random::numbered(1);
        let agents: Vec<AgentName> = (0..AGENTS).map(|n| format!("agent-{n}").parse().expect("a name")).collect();
        let skill = |n: u64, level: u64| Skilled {
            skill: SKILLS[n as usize % SKILLS.len()].parse().expect("a name"),
            level: level as u8,
        };
        let conf = |name: &AgentName| AgentConf {
            name: name.clone(),
            skills: (0..4).map(|n| skill(n, 1 + random.below(3))).filter(|_| skilled).collect(),
        };
        let agent_confs = agents.iter().map(conf).collect();
        let queue = |number: usize| {
            let serves = |agent: &usize| (0..5).any(|of| (agent + of * 11) % QUEUES == number);
            let members = (0..AGENTS).filter(serves).map(|agent| Member {
                agent: agents[agent].clone(),
                tier: (agent % 3) as u8,
                weight: 1,
            });
            let needs = Needs {
                widen: (0..3).map(|n| Widening { after: Duration::from_secs(30 * n), tier: n as u8 }).collect(),
                skills: if skilled { vec![skill(number as u64, 3)] } else { Vec::new() },
                relax: skilled.then_some(Relax { every: Duration::from_secs(30), floor: 1 }),
            };
            let members = members.collect();
            let name = format!("queue-{number}").parse().expect("a name");
            QueueConf { members, needs, strategy, callers_max: WAITING, ..QueueConf::new(name) }
        };
        let conf = AcdConf { agents: agent_confs, queues: (0..QUEUES).map(queue).collect() };
        let acd = Acd::new(conf, random_of(2));
        Centre { acd, now: Time::from_millis(1), random: random_of(3), agents, out: Vec::new(), joined: 0 }
    }

    fn tell(&mut self, input: Input) {
        self.out.clear();
        self.acd.handle(input, self.now, &mut self.out);
        black_box(&self.out);
    }

    fn join(&mut self) -> CallId {
        let call = CallId::new(self.now.as_millis() as i64, &mut self.random);
        let queue = format!("queue-{}", self.joined % QUEUES).parse().expect("a name");
        self.joined += 1;
        let (skills, credit) = (Vec::new(), Duration::ZERO);
        self.tell(Input::Join(Join {
            call,
            queue,
            caller: "caller".into(),
            priority: 0,
            skills,
            credit,
            prefers: None,
        }));
        call
    }

    fn everybody_is_ready(&mut self) {
        for agent in self.agents.clone() {
            self.now += Duration::from_micros(100);
            self.tell(Input::Ready { agent });
        }
    }

    fn offered(&self) -> Option<(CallId, AgentName)> {
        self.out.iter().find_map(|output| match output {
            Output::Offer { call, agent, .. } => Some((*call, agent.clone())),
            _ => None,
        })
    }
}

fn random_of(seed: u64) -> Random {
    Random::numbered(seed)
}

fn dispatch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("acd");
    for (name, strategy, skilled) in [
        ("longest idle", Strategy::LongestIdle, false),
        ("longest idle, skills", Strategy::LongestIdle, true),
        ("weighted", Strategy::Weighted, false),
        ("round robin", Strategy::RoundRobin, false),
    ] {
        // Everybody talks, 5,000 wait: an agent hangs up, is offered the next call and answers; a new caller comes.
        let mut centre = Centre::new(strategy, skilled);
        centre.everybody_is_ready();
        let mut talks = Vec::new();
        let mut waiting = 0;
        while waiting < WAITING {
            centre.now += Duration::from_micros(100);
            centre.join();
            match centre.offered() {
                Some((call, agent)) => {
                    centre.tell(Input::Answered { call, agent });
                    talks.push(call);
                }
                None => waiting += 1,
            }
        }
        let mut next = 0;
        group.bench_function(
            format!("{name}: 5,000 wait, an agent parts, is rung, answers; one more comes"),
            |bench| {
                bench.iter(|| {
                    centre.now += Duration::from_micros(100);
                    let at = next % talks.len();
                    next += 1;
                    centre.tell(Input::Ended { call: talks[at], by: EndedBy::Agent });
                    if let Some((call, agent)) = centre.offered() {
                        centre.tell(Input::Answered { call, agent });
                        talks[at] = call;
                    }
                    centre.join();
                });
            },
        );
        // Nobody waits, everybody is free: a caller comes, somebody is rung, the caller hangs up.
        let mut centre = Centre::new(strategy, skilled);
        centre.everybody_is_ready();
        group.bench_function(format!("{name}: 10,000 free, a call comes, one is rung, it goes"), |bench| {
            bench.iter(|| {
                centre.now += Duration::from_micros(100);
                let call = centre.join();
                centre.tell(Input::Gone { call, how: Gone::HungUp });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
