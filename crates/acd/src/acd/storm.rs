//! A storm from a seed: callers, agents and programs do anything at any time, late and twice too, and the power fails
//! (`storm/crash.rs`); after every step all that this room promises is looked at. `STORM_STEPS=1000000 cargo test -p acd --release storm` makes it longer;
//! a failure names its seed, and `STORM_SEED` runs that one alone.

mod crash;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use base::{CallId, Random, Time};

use crate::agent::State;
use crate::entry::Stands;
use crate::*;
use crash::Kept;

const STRATEGIES: [Strategy; 8] = [
    Strategy::RingAll,
    Strategy::LongestIdle,
    Strategy::FewestCalls,
    Strategy::LeastTalkTime,
    Strategy::RoundRobin,
    Strategy::Linear,
    Strategy::Random,
    Strategy::Weighted,
];

struct Storm {
    acd: Acd,
    conf: AcdConf,
    kept: Kept,
    random: Random,
    now: Time,
    agents: Vec<AgentName>,
    queues: Vec<QueueName>,
    calls: Vec<CallId>,
    /// What those outside believe: which phones ring, and who talks.
    ringing: HashMap<AgentName, CallId>,
    talking: HashMap<CallId, AgentName>,
    waiting: HashSet<CallId>,
    facts: Vec<Fact>,
    /// What callers were told of their wait, with their place and how many were at work.
    told: HashMap<CallId, (Option<Duration>, usize, usize)>,
    /// Offers that are over: an answer to them comes too late.
    stale: Vec<(CallId, AgentName)>,
    crashes: usize,
}

fn secs(random: &mut Random, max: u64) -> Duration {
    Duration::from_secs(random.below(max + 1))
}

fn skilled(random: &mut Random) -> Vec<Skilled> {
    let skills = ["english", "billing"].into_iter().filter(|_| random.one_in(3)).collect::<Vec<_>>();
    skills
        .into_iter()
        .map(|skill| Skilled { skill: skill.parse().unwrap(), level: 1 + random.below(4) as u8 })
        .collect()
}

/// Some of the agents, some of the queues, all different.
fn conf(agents: &[AgentName], queues: u64, all: bool, random: &mut Random) -> AcdConf {
    let some = |random: &mut Random| all || !random.one_in(4);
    let agents: Vec<AgentName> = agents.iter().filter(|_| some(random)).cloned().collect();
    let numbers: Vec<u64> = (0..queues).filter(|_| some(random)).collect();
    AcdConf {
        queues: numbers.into_iter().map(|number| queue(number, &agents, random)).collect(),
        agents: agents.into_iter().map(|name| AgentConf { name, skills: skilled(random) }).collect(),
    }
}

fn queue(number: u64, agents: &[AgentName], random: &mut Random) -> QueueConf {
    let staffing = |random: &mut Random| match random.below(8) {
        0 => Staffing::LoggedIn,
        1 => Staffing::AtWork,
        2 => Staffing::Free,
        _ => Staffing::Nobody,
    };
    let members = agents.iter().filter(|_| !random.one_in(3)).collect::<Vec<_>>();
    let members = members.into_iter().map(|agent| Member {
        agent: agent.clone(),
        tier: random.below(3) as u8,
        weight: 1 + random.below(5) as u16,
    });
    let members = members.collect();
    let widen =
        [0, 20, 50].into_iter().zip(0..).map(|(after, tier)| Widening { after: Duration::from_secs(after), tier });
    let widen = widen.filter(|_| random.one_in(2)).collect();
    let relax = random.one_in(2).then(|| Relax { every: secs(random, 20), floor: random.below(2) as u8 });
    let maybe = |random: &mut Random, max| random.one_in(3).then(|| secs(random, max));
    QueueConf {
        members,
        strategy: STRATEGIES[random.below(8) as usize],
        ring_max: 1 + random.below(3) as usize,
        ring: secs(random, 20),
        wrap_up: secs(random, 10),
        weight: random.below(2) as u8,
        needs: Needs { widen, skills: skilled(random), relax },
        callers_max: 1 + random.below(8) as usize,
        wait_max: maybe(random, 60),
        unstaffed_max: maybe(random, 30),
        join_needs: staffing(random),
        stay_needs: staffing(random),
        misses_max: random.below(3) as u32,
        rest: secs(random, 5),
        estimate_max: maybe(random, 60),
        alerts: AlertConf {
            waiting: random.one_in(3).then(|| random.below(5) as usize),
            longest_wait: maybe(random, 30),
            agents_min: random.one_in(3).then(|| random.below(4) as usize),
            service_level: random.one_in(3).then_some(80),
            answer_within: secs(random, 20),
        },
        prefer: random.one_in(2).then(|| secs(random, 20)),
        sticky: random.one_in(2).then(|| Sticky { remember: secs(random, 600), wait: secs(random, 20) }),
        ..QueueConf::new(format!("queue-{number}").parse().unwrap())
    }
}

impl Storm {
    fn new(seed: u64) -> Storm {
        let mut random = Random::numbered(seed);
        let names = 1 + random.below(7);
        let agents: Vec<AgentName> = (0..names).map(|n| format!("agent-{n}").parse().unwrap()).collect();
        let queues = 1 + random.below(4);
        let conf = conf(&agents, queues, true, &mut random);
        Storm {
            acd: Acd::new(conf.clone(), random.fork()),
            conf,
            kept: Kept::new(),
            calls: (0..12).map(|_| CallId::new(0, &mut random)).collect(),
            random,
            now: Time::from_millis(1),
            agents,
            queues: (0..queues).map(|number| format!("queue-{number}").parse().unwrap()).collect(),
            ringing: HashMap::new(),
            talking: HashMap::new(),
            waiting: HashSet::new(),
            facts: Vec::new(),
            told: HashMap::new(),
            stale: Vec::new(),
            crashes: 0,
        }
    }

    fn input(&mut self) -> Input {
        let random = &mut self.random;
        let call = self.calls[random.below(self.calls.len() as u64) as usize];
        let agent = self.agents[random.below(self.agents.len() as u64) as usize].clone();
        let queue = self.queues[random.below(self.queues.len() as u64) as usize].clone();
        let by = [EndedBy::Caller, EndedBy::Agent, EndedBy::Switch][random.below(3) as usize];
        match random.below(18) {
            0..=2 => Input::Join(Join {
                call,
                queue,
                caller: format!("caller-{}", random.below(6)).into(),
                priority: random.below(5) as i32 - 2,
                skills: skilled(random),
                credit: secs(random, 60),
                prefers: random.one_in(4).then_some(agent),
            }),
            3 => {
                let how = [Gone::HungUp, Gone::Key('0'), Gone::Withdrawn, Gone::Failed];
                Input::Gone { call, how: how[random.below(4) as usize] }
            }
            4..=6 => match self.ringing.iter().min() {
                Some((agent, call)) => Input::Answered { call: *call, agent: agent.clone() },
                None => Input::Tick,
            },
            7 => match self.stale.pop() {
                Some((call, agent)) => Input::Answered { call, agent }, // a 200 that crossed our CANCEL
                None => Input::Answered { call, agent },
            },
            8 => {
                let how = [Refusal::NoAnswer, Refusal::Busy, Refusal::Declined, Refusal::Unreachable];
                Input::Refused { call, agent, how: how[random.below(4) as usize] }
            }
            9 if random.one_in(3) => match self.ringing.iter().max() {
                Some((agent, call)) => {
                    Input::PickedUp { call: *call, agent: agent.clone(), patience: secs(random, 20) }
                }
                None => Input::Tick,
            },
            9 => Input::Ended { call, by },
            10 => match self.talking.keys().min() {
                Some(call) => Input::Ended { call: *call, by },
                None => Input::Tick,
            },
            11 if random.one_in(4) => Input::WrapUp { agent, more: secs(random, 30) },
            11 | 12 => Input::Ready { agent },
            13 if random.one_in(3) => Input::LogOut { agent },
            13 => Input::Pause { agent, reason: "lunch".into() },
            14 if random.one_in(12) => Input::Shut { queue },
            14 if random.one_in(6) => Input::Close { queue, closed: random.one_in(3) },
            14 if random.one_in(6) => {
                Input::Reload(Box::new(conf(&self.agents, self.queues.len() as u64, false, random)))
            }
            14 if random.one_in(3) => match random.below(4) {
                3 => Input::Taken { call, by: agent.as_str().into() },
                0 => Input::Pick { call, agent },
                1 => Input::Move { call, queue },
                _ => Input::Lend { agent, queue },
            },
            14 if random.one_in(4) => Input::PhoneGone { agent },
            14 => Input::Prioritise { call, priority: random.below(5) as i32 - 2 },
            15 if random.one_in(2) => Input::Serve { agent, queue, serves: !random.one_in(3) },
            15 => Input::Where { call },
            16 if random.one_in(2) => {
                let caller = format!("caller-{}", random.below(6)).into();
                let join = Join {
                    call,
                    queue,
                    caller,
                    priority: 0,
                    skills: skilled(random),
                    credit: secs(random, 60),
                    prefers: None,
                };
                Input::JoinAway { join, dial: secs(random, 30) }
            }
            16 => Input::Reached { call },
            _ => Input::Tick,
        }
    }

    /// An estimate of a caller's wait rises only where his place is worse, or fewer agents are at work.
    fn is_told(&mut self, call: CallId, position: usize, wait: Option<Duration>) {
        let Some(entry) = self.acd.entries.get(&call) else { return }; // his time was up as well
        let at_work = self.acd.queues[entry.queue as usize].at_work();
        if let Some((Some(before), place, agents)) = self.told.insert(call, (wait, position, at_work)) {
            assert!(
                position > place || at_work < agents || wait.is_some_and(|wait| wait <= before),
                "{call} waits longer"
            );
        }
    }

    fn step(&mut self) {
        match self.random.below(3) {
            0 => self.now += Duration::from_millis(self.random.below(3_000)),
            1 => self.now = self.acd.deadline().map_or(self.now, |due| due.max(self.now)),
            _ => {}
        }
        if self.random.one_in(STEPS_A_CRASH) {
            return self.crash();
        }
        let input = self.input();
        self.take(input);
    }

    /// Says it to the machine, believes what it says, and looks at all that must hold.
    fn take(&mut self, input: Input) {
        if let Input::Reload(conf) = &input {
            self.conf = (**conf).clone();
        }
        let believed = match &input {
            Input::Answered { call, agent } if self.ringing.get(agent) == Some(call) => Some((*call, agent.clone())),
            Input::Taken { call, by } if self.acd.entries.get(call).is_some_and(|entry| entry.away.is_none()) => {
                let agent: AgentName = by.parse().unwrap();
                let could = match self.acd.agent(&agent) {
                    Some(AgentState::Available | AgentState::WrapUp | AgentState::Resting) => true,
                    Some(AgentState::Offered) => self.ringing.get(&agent) == Some(call),
                    _ => false,
                };
                could.then_some((*call, agent))
            }
            _ => None,
        };
        if let Input::Join(Join { call, .. })
        | Input::JoinAway { join: Join { call, .. }, .. }
        | Input::Gone { call, .. }
        | Input::Ended { call, .. } = &input
        {
            self.talking.remove(call);
        }
        if let Input::Refused { call, agent, .. } = &input
            && self.ringing.get(agent) == Some(call)
        {
            self.ringing.remove(agent);
        }
        if let Some((call, agent)) = &believed {
            self.ringing.remove(agent);
            assert!(self.talking.insert(*call, agent.clone()).is_none(), "{call} has two agents");
        }
        if let Input::Reached { call } = &input
            && self.acd.entries.get(call).is_some_and(|entry| entry.away.is_some())
        {
            self.ringing.retain(|_, rung| rung != call); // now their phones ring
        }
        let joined = match &input {
            Input::Join(join) | Input::JoinAway { join, .. } => Some((join.call, join.queue.clone())),
            _ => None,
        };
        let mut out = Vec::new();
        self.acd.handle(input, self.now, &mut out);
        let restaffed = out.iter().any(|out| matches!(out, Output::Fact(Fact { what: What::AgentIs { .. }, .. })));
        for output in out {
            match output {
                Output::Offer { call, agent, .. } => {
                    assert!(self.ringing.insert(agent.clone(), call).is_none(), "{agent} is offered two calls");
                    assert!(!self.talking.values().any(|talks| *talks == agent), "{agent} is rung while he talks");
                }
                Output::Withdraw { call, agent } => {
                    assert_eq!(self.ringing.remove(&agent), Some(call), "{agent} was not rung for {call}");
                    self.stale.push((call, agent));
                }
                Output::Left { call, outcome } => {
                    let nowhere = joined.as_ref().is_some_and(|(joins, queue)| {
                        *joins == call && self.conf.queues.iter().all(|known| known.name != *queue)
                    });
                    assert!(self.waiting.remove(&call) || nowhere, "{call} left where it was not");
                    if let Outcome::Answered { agent } = outcome {
                        assert_eq!(self.talking.get(&call), Some(&agent));
                    }
                }
                Output::Joined { call, position } => {
                    self.told.remove(&call);
                    assert!(self.waiting.contains(&call) && (1..=self.waiting.len()).contains(&position));
                }
                Output::Stands { call, position, wait } => {
                    assert!(self.waiting.contains(&call) && (1..=self.waiting.len()).contains(&position));
                    if restaffed {
                        self.told.remove(&call); // by how many it was said is not known any more
                    } else {
                        self.is_told(call, position, wait);
                    }
                }
                Output::Fact(fact) => {
                    if let What::Entered { call, .. } = &fact.what {
                        assert!(self.waiting.insert(*call), "{call} entered twice");
                    }
                    self.facts.push(fact);
                }
            }
        }
        if joined.is_some() {
            self.stale.truncate(20);
        }
        self.laws();
    }

    /// All that must hold between two steps.
    fn laws(&self) {
        let acd = &self.acd;
        assert!(acd.deadline().is_none_or(|due| due > self.now), "something due was not done");
        assert!(acd.freed.is_empty() && acd.opened.is_empty() && acd.restaffed.is_empty());
        assert_eq!(acd.entries.keys().copied().collect::<HashSet<_>>(), self.waiting);
        let mut timers = HashSet::new();
        for (number, agent) in (0..).zip(&acd.agents) {
            timers.extend(agent.state.until());
            match &agent.state {
                State::Offered { call, .. } => {
                    assert!(acd.entries[call].offers.contains(&number));
                    assert_eq!(self.ringing.get(&agent.name), Some(call));
                }
                State::Talking { call, .. } => {
                    assert_eq!(acd.talks.get(call), Some(&number));
                    assert_eq!(self.talking.get(call), Some(&agent.name));
                }
                _ => {}
            }
            for membership in &agent.memberships {
                assert_eq!(membership.rank.is_some(), agent.state == State::Available);
                let queue = &acd.queues[membership.queue as usize];
                let first = queue.first(|want| want.fits(membership.tier, &agent.skills));
                assert!(agent.state != State::Available || first.is_none(), "{} and a call wait apart", agent.name);
            }
            assert!(agent.state != State::Available || agent.awaited_by.is_empty());
        }
        assert_eq!(acd.talks.len(), self.talking.len());
        assert_eq!(self.ringing.len(), acd.entries.values().map(|entry| entry.offers.len()).sum::<usize>());
        for (call, entry) in &acd.entries {
            let queue = &acd.queues[entry.queue as usize];
            timers.extend(entry.timer);
            assert_eq!(entry.timer, entry.deadline());
            assert!(queue.waiting.iter().any(|one| one == (entry.place, *call)));
            assert_eq!(entry.want, entry.needs.at(entry.waited(self.now)), "the want is not what it should be by now");
            match entry.stands {
                Stands::InLine => assert!(queue.first(|want| *want == entry.want).is_some()),
                Stands::For { agent, .. } => {
                    assert!(acd.agents[agent as usize].awaited_by.contains(&(entry.place, *call)));
                }
                Stands::Offered => assert!(!entry.offers.is_empty(), "{call} waits for nobody"),
            }
            for agent in &entry.offers {
                assert!(matches!(acd.agents[*agent as usize].state, State::Offered { call: of, .. } if of == *call));
            }
        }
        for (number, queue) in (0..).zip(&acd.queues) {
            timers.extend(queue.timer);
            let members = acd.agents.iter().filter(|agent| agent.memberships.iter().any(|of| of.queue == number));
            let free = members.clone().filter(|agent| agent.state == State::Available).count();
            assert_eq!(queue.free(), free);
            for (needed, is) in [
                (Staffing::LoggedIn, State::is_logged_in as fn(&State) -> bool),
                (Staffing::AtWork, State::is_at_work),
                (Staffing::Free, State::is_free_or_rung),
            ] {
                assert_eq!(queue.has(needed), members.clone().any(|agent| is(&agent.state)));
            }
            assert!(queue.waiting.is_empty() || (queue.has(queue.conf.stay_needs) && !queue.closed));
        }
        assert_eq!(acd.timers.iter().map(|(at, _)| *at).collect::<HashSet<_>>(), timers);
    }

    /// `offered = Σ outcomes` of every queue, as the facts alone tell it.
    fn conserved(&self) {
        let conf = FiguresConf { answer_within: Duration::from_secs(20), from: Time::ZERO, until: Time::NEVER };
        let figures = Figures::of(&self.facts, conf);
        assert_eq!(figures.waiting(), self.waiting.len() as u64);
        for (name, queue) in &figures.queues {
            assert_eq!(queue.offered, queue.outcomes() + self.acd.waiting(name) as u64, "{name}");
        }
        let lefts = self.facts.iter().filter(|fact| matches!(fact.what, What::Left { .. })).count();
        let entered = self.facts.iter().filter(|fact| matches!(fact.what, What::Entered { .. })).count();
        assert_eq!(entered, lefts + self.waiting.len());
    }
}

#[test]
fn whatever_happens_every_entry_has_one_outcome_and_nobody_is_given_twice() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let steps = number("STORM_STEPS").unwrap_or(60_000);
    let seeds = number("STORM_SEED").map_or(0..steps / STEPS_A_SEED, |seed| seed..seed + 1);
    let mut crashes = 0;
    for seed in seeds {
        let storm = std::panic::catch_unwind(|| {
            let mut storm = Storm::new(seed);
            (0..STEPS_A_SEED).for_each(|_| storm.step());
            storm.conserved();
            (storm.facts.len(), storm.crashes)
        });
        let Ok((facts, crashed)) = storm else { panic!("STORM_SEED={seed} shows it again") };
        assert!(facts > 100, "STORM_SEED={seed} shows it again");
        crashes += crashed;
    }
    assert!(crashes > 0 || steps < 60_000, "the power never failed");
}

const STEPS_A_SEED: u64 = 1_000;
const STEPS_A_CRASH: u64 = 400;
