//! A queue without a phone, a socket or a clock: two callers, two agents, and what is decided, fact by fact.
//! `cargo run --example small_queue`

use std::time::Duration;

use acd::{Acd, AcdConf, AgentConf, Denominator, Figures, FiguresConf, Gone, Input, Join, Member, Output, QueueConf};
use base::{CallId, Random, Time};

fn main() {
    let queue = "sales".parse().expect("a name");
    let [ann, bob] = ["ann", "bob"].map(|name| name.parse().expect("a name"));
    let member = |agent: &acd::AgentName| Member { agent: agent.clone(), tier: 0, weight: 1 };
    let agent = |name: &acd::AgentName| AgentConf { name: name.clone(), skills: Vec::new() };
    let conf = QueueConf { members: [&ann, &bob].map(member).into(), ..QueueConf::new(queue) };
    let name = conf.name.clone();
    let agents = [&ann, &bob].map(agent).into();
    let mut acd = Acd::new(AcdConf { agents, queues: vec![conf] }, Random::numbered(1));

    let mut random = Random::numbered(2);
    let [first, second] = [0, 1].map(|_| CallId::new(1_790_000_000_000, &mut random));
    let join = |call, caller: &str| {
        let (queue, caller, skills) = (name.clone(), caller.into(), Vec::new());
        Input::Join(Join { call, queue, caller, priority: 0, skills, credit: Duration::ZERO, prefers: None })
    };
    let mut facts = Vec::new();
    for (secs, input) in [
        (0, Input::Ready { agent: ann.clone() }),
        (5, join(first, "+385 1 555 01 00")),      // ann's phone rings …
        (20, Input::Tick),                         // … for fifteen seconds: she is paused, nobody else is there
        (25, join(second, "+385 1 555 01 01")),    // he is second in the line
        (30, Input::Ready { agent: bob.clone() }), // and bob gets the first
        (33, Input::Answered { call: first, agent: bob.clone() }),
        (60, Input::Gone { call: second, how: Gone::HungUp }),
        (90, Input::Gone { call: first, how: Gone::HungUp }),
    ] {
        let (now, mut out) = (Time::from_millis(secs * 1000), Vec::new());
        acd.handle(input, now, &mut out);
        for output in out {
            match output {
                Output::Fact(fact) => facts.push(fact),
                asked => println!("{now:?}  {asked:?}"),
            }
        }
    }
    let conf = FiguresConf { answer_within: Duration::from_secs(20), from: Time::ZERO, until: Time::NEVER };
    let figures = Figures::of(&facts, conf);
    let sales = &figures.queues[&name];
    let all = Denominator { abandoned: true, short_abandoned: true, flow_outs: true };
    println!(
        "{sales:#?}\nservice level 20 s: {:?}; offered = outcomes: {}",
        sales.service_level(all),
        sales.outcomes()
    );
}
