//! What the strategies, tiers, skills and caps do, one sentence each; the storm shows that it always holds.

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
        self.tell(Input::Join(Join { call, queue, caller: caller.into(), priority, skills, credit }));
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

#[test]
fn a_strategy_says_who_is_rung_first() {
    for (strategy, talks, served) in [
        (Strategy::LongestIdle, [10, 10, 10, 10], ["ann", "bob", "cid", "ann"]),
        (Strategy::Linear, [10, 10, 10, 10], ["ann", "ann", "ann", "ann"]),
        (Strategy::RoundRobin, [10, 10, 10, 10], ["ann", "bob", "cid", "ann"]),
        (Strategy::FewestCalls, [10, 10, 10, 10], ["ann", "bob", "cid", "ann"]),
        (Strategy::LeastTalkTime, [100, 10, 200, 60], ["ann", "bob", "cid", "bob"]),
    ] {
        let mut centre = Centre::new(vec![QueueConf { strategy, ..sales() }]);
        centre.log_in(&["ann", "bob", "cid"]);
        assert_eq!(centre.served(&talks), served, "{strategy:?}");
    }
}

#[test]
fn fewest_calls_counts_each_call_once() {
    let mut centre = Centre::new(vec![QueueConf { strategy: Strategy::FewestCalls, ..sales() }]);
    centre.log_in(&["ann"]);
    centre.served(&[5, 5]);
    centre.log_in(&["bob"]);
    assert_eq!(centre.served(&[5, 5, 5, 5]), ["bob", "bob", "ann", "bob"]);
}

#[test]
fn chance_gives_each_his_share() {
    for (strategy, weights, shares) in [
        (Strategy::Random, [1, 1, 1], [1000.0, 1000.0, 1000.0]),
        (Strategy::Weighted, [1, 2, 3], [500.0, 1000.0, 1500.0]),
    ] {
        let members =
            ["ann", "bob", "cid"].iter().zip(weights).map(|(agent, weight)| member(agent, 0, weight)).collect();
        let mut centre = Centre::new(vec![QueueConf { strategy, members, ..sales() }]);
        centre.log_in(&["ann", "bob", "cid"]);
        let served = centre.served(&[1; 3000]);
        for (agent, share) in ["ann", "bob", "cid"].iter().zip(shares) {
            let got = served.iter().filter(|served| served == agent).count() as f64;
            assert!((got - share).abs() < 5.0 * f64::sqrt(share), "{strategy:?}: {agent} got {got} and not {share}");
        }
    }
}

#[test]
fn all_ring_and_the_first_to_answer_has_the_call() {
    let mut centre = Centre::new(vec![QueueConf { strategy: Strategy::RingAll, ..sales() }]);
    centre.log_in(&["ann", "bob"]);
    let call = centre.join("sales");
    assert_eq!(centre.rung(call), ["ann", "bob"]);
    centre.log_in(&["cid"]); // one more
    assert_eq!(centre.rung(call), ["ann", "bob", "cid"]);
    centre.answer(call, "bob");
    centre.answer(call, "ann"); // crossed our CANCEL
    assert_eq!(centre.rung(call), ["bob"]);
    assert_eq!((centre.state("ann"), centre.state("bob")), (AgentState::Available, AgentState::Talking));
}

#[test]
fn who_lets_it_ring_is_paused_and_the_next_is_rung() {
    let mut centre = Centre::new(vec![sales()]);
    centre.log_in(&["ann", "bob"]);
    let call = centre.join("sales");
    assert_eq!(centre.rung(call), ["ann"]);
    centre.pass(secs(15));
    assert_eq!(centre.rung(call), ["bob"]);
    assert_eq!(centre.state("ann"), AgentState::Paused("no answer".into()));
    centre.answer(call, "bob");
    assert_eq!(centre.outcome(call), Some("answered"));
    centre.tell(Input::Ready { agent: name("ann") });
    assert_eq!(centre.state("ann"), AgentState::Available);
}

#[test]
fn who_is_busy_rests_and_whose_phone_is_gone_is_paused() {
    let mut centre = Centre::new(vec![sales()]);
    centre.log_in(&["ann"]);
    let call = centre.join("sales");
    centre.tell(Input::Refused { call, agent: name("ann"), how: Refusal::Busy });
    assert_eq!((centre.state("ann"), centre.rung(call).len()), (AgentState::Resting, 1));
    assert_eq!(centre.pass(secs(5)).len(), 1, "offered again");
    centre.tell(Input::Refused { call, agent: name("ann"), how: Refusal::Unreachable });
    assert_eq!(centre.state("ann"), AgentState::Paused("phone gone".into()));
}

#[test]
fn who_needs_more_time_after_a_call_has_it() {
    let mut centre = Centre::new(vec![QueueConf { wrap_up: secs(10), ..sales() }]);
    centre.log_in(&["ann"]);
    let call = centre.join("sales");
    centre.answer(call, "ann");
    let more = |secs_| Input::WrapUp { agent: name("ann"), more: secs(secs_) };
    centre.tell(more(20)); // while he talks: it is added to what the queue gives
    centre.tell(Input::Ended { call, by: EndedBy::Caller });
    centre.pass(secs(29));
    assert_eq!(centre.state("ann"), AgentState::WrapUp);
    centre.tell(more(30)); // and once more
    centre.pass(secs(30));
    assert_eq!(centre.state("ann"), AgentState::WrapUp);
    centre.pass(secs(2));
    assert_eq!(centre.state("ann"), AgentState::Available);
    centre.tell(more(7200)); // nobody is away for longer than an hour that way
    centre.pass(secs(3599));
    assert_eq!(centre.state("ann"), AgentState::WrapUp);
    centre.log_in(&["ann"]);
    assert_eq!(centre.state("ann"), AgentState::Available);
    centre.tell(Input::Pause { agent: name("ann"), reason: "lunch".into() });
    centre.tell(more(5)); // a pause stays one
    assert_eq!(centre.state("ann"), AgentState::Paused("lunch".into()));
}

#[test]
fn wrap_up_is_kept_whatever_the_queue_and_can_be_ended_early() {
    let support = QueueConf { name: "support".parse().expect("a name"), ..sales() };
    let mut centre = Centre::new(vec![QueueConf { wrap_up: secs(30), ..sales() }, support]);
    centre.log_in(&["ann"]);
    let call = centre.join("sales");
    centre.answer(call, "ann");
    centre.end(call);
    let waiting = centre.join("support");
    centre.pass(secs(29));
    assert_eq!((centre.state("ann"), centre.rung(waiting).len()), (AgentState::WrapUp, 0));
    centre.tell(Input::Ready { agent: name("ann") });
    assert_eq!(centre.rung(waiting), ["ann"]);
}

#[test]
fn a_picked_call_rings_the_agent_named_whoever_waits_before_it() {
    let support = QueueConf {
        name: "support".parse().expect("a name"),
        members: vec![member("bob", 0, 1)],
        needs: Needs { skills: vec![skilled("english", 5)], ..Needs::default() },
        wrap_up: secs(30),
        ..sales()
    };
    let mut centre =
        Centre::new(vec![QueueConf { wrap_up: secs(30), strategy: Strategy::RingAll, ..sales() }, support]);
    let pick = |call, agent: &str| Input::Pick { call, agent: name(agent) };
    centre.log_in(&["ann", "bob"]);
    let talk = centre.join("sales");
    centre.answer(talk, "ann");
    let (first, picked) = (centre.join("support"), centre.join("support")); // bob does not know english: nobody is rung
    centre.tell(pick(picked, "ann"));
    assert!(centre.rung(picked).is_empty(), "she talks");
    centre.end(talk);
    centre.tell(pick(picked, "ann")); // out of her time after a call, and into a queue that is not hers
    assert_eq!((centre.rung(picked), centre.rung(first).len()), (vec!["ann".to_owned()], 0));
    centre.answer(picked, "ann");
    centre.end(picked);
    let all = centre.join("sales"); // rings all: bob
    assert_eq!(centre.rung(all), ["bob"]);
    centre.log_in(&["cid"]);
    assert_eq!(centre.rung(all), ["bob", "cid"]);
    centre.tell(pick(all, "ann"));
    assert_eq!(centre.rung(all), ["ann"], "nobody else is rung for it any more");
    centre.tell(Input::Refused { call: all, agent: name("ann"), how: Refusal::Declined });
    assert_eq!(centre.rung(all)[1..], ["bob", "cid"], "it is everybody's again"); // after her
}

#[test]
fn no_more_agents_ring_at_once_than_may_and_the_next_takes_a_place_that_is_free() {
    let mut centre = Centre::new(vec![QueueConf { strategy: Strategy::RingAll, ring_max: 2, ..sales() }]);
    centre.log_in(&["ann", "bob", "cid"]);
    let call = centre.join("sales");
    assert_eq!(centre.rung(call), ["ann", "bob"]);
    centre.tell(Input::Refused { call, agent: name("ann"), how: Refusal::Busy });
    assert_eq!(centre.rung(call)[1..], ["bob", "cid"]);
}

#[test]
fn who_waits_in_a_queue_that_is_shut_is_served_and_nobody_else_comes() {
    let mut centre = Centre::new(vec![sales()]);
    let queue: QueueName = "sales".parse().expect("a name");
    let first = centre.join("sales");
    centre.tell(Input::Shut { queue: queue.clone() });
    let late = centre.join("sales");
    assert!(centre.told.contains(&Output::Left { call: late, outcome: Outcome::Closed }));
    assert!(!centre.acd.lets_in(&queue) && centre.acd.queues(centre.now)[0].closed);
    centre.log_in(&["ann"]);
    assert_eq!(centre.rung(first), ["ann"]);
    centre.tell(Input::Close { queue: queue.clone(), closed: false });
    let closed: Vec<bool> = centre
        .facts
        .iter()
        .filter_map(|fact| match fact.what {
            What::Closed { closed, .. } => Some(closed),
            _ => None,
        })
        .collect();
    assert_eq!((closed, centre.acd.lets_in(&queue)), (vec![true, false], true));
}

#[test]
fn a_moved_call_leaves_once_and_a_lent_agent_serves_until_he_goes() {
    let support = QueueConf { name: "support".parse().expect("a name"), members: vec![member("bob", 0, 1)], ..sales() };
    let mut centre = Centre::new(vec![sales(), support]);
    let call = centre.join("support");
    centre.tell(Input::Move { call, queue: "nowhere".parse().expect("a name") });
    centre.tell(Input::Move { call, queue: "support".parse().expect("a name") }); // it is there
    assert!(!centre.told.iter().any(|told| matches!(told, Output::Left { .. })));
    let to: QueueName = "sales".parse().expect("a name");
    let told = centre.tell(Input::Move { call, queue: to.clone() });
    assert_eq!(told, [Output::Left { call, outcome: Outcome::Moved { to } }]);

    let lend = Input::Lend { agent: name("ann"), queue: "support".parse().expect("a name") };
    centre.tell(lend.clone()); // she is not at work
    centre.log_in(&["ann"]);
    let call = centre.join("support");
    assert!(centre.rung(call).is_empty());
    centre.tell(lend);
    assert_eq!(centre.rung(call), ["ann"]);
    centre.answer(call, "ann");
    centre.end(call);
    centre.tell(Input::LogOut { agent: name("ann") });
    centre.log_in(&["ann"]);
    let call = centre.join("support");
    assert!(centre.rung(call).is_empty(), "she was lent until she went");
    let serves: Vec<bool> = centre
        .facts
        .iter()
        .filter_map(|fact| match &fact.what {
            What::Serves { serves, .. } => Some(*serves),
            _ => None,
        })
        .collect();
    assert_eq!(serves, [true, false]);
}

#[test]
fn a_pause_asked_for_in_a_call_begins_after_it() {
    let mut centre = Centre::new(vec![QueueConf { wrap_up: secs(30), ..sales() }]);
    centre.log_in(&["ann"]);
    let call = centre.join("sales");
    centre.answer(call, "ann");
    centre.tell(Input::Pause { agent: name("ann"), reason: "lunch".into() });
    assert_eq!(centre.state("ann"), AgentState::Talking);
    centre.end(call);
    assert_eq!(centre.state("ann"), AgentState::Paused("lunch".into()));
}

#[test]
fn who_logs_out_while_his_phone_rings_leaves_the_call_its_place() {
    let mut centre = Centre::new(vec![sales()]);
    centre.log_in(&["ann"]);
    let (first, second) = (centre.join("sales"), centre.join("sales"));
    centre.tell(Input::LogOut { agent: name("ann") });
    assert_eq!((centre.rung(first).len(), centre.state("ann")), (0, AgentState::LoggedOut));
    centre.log_in(&["bob"]);
    assert_eq!((centre.rung(first), centre.rung(second).len()), (vec!["bob".to_owned()], 0));
}

#[test]
fn priority_is_worth_waiting_and_no_more() {
    let mut centre = Centre::new(vec![sales()]);
    let plain = centre.join_as("sales", "plain", 0);
    centre.pass(secs(50));
    let vip = centre.join_as("sales", "vip", 1); // worth a minute
    centre.pass(secs(20));
    let late = centre.join_as("sales", "late", 1);
    let places = [vip, plain, late].map(|call| centre.acd.position(call));
    assert_eq!(places, [Some(1), Some(2), Some(3)]);
    centre.tell(Input::Prioritise { call: late, priority: 9 });
    assert_eq!(centre.acd.position(late), Some(1));
    centre.log_in(&["ann"]);
    assert_eq!(centre.rung(late), ["ann"]);
}

#[test]
fn the_heavier_queue_first_then_the_longest_waiting() {
    let queue = |name: &str, weight| QueueConf { name: name.parse().expect("a name"), weight, ..sales() };
    let mut centre = Centre::new(vec![queue("a", 0), queue("b", 0), queue("vip", 1)]);
    let in_b = centre.join("b");
    centre.pass(secs(1));
    let in_a = centre.join("a");
    centre.pass(secs(1));
    let in_vip = centre.join("vip");
    for (agent, call) in [("ann", in_vip), ("bob", in_b), ("cid", in_a)] {
        centre.log_in(&[agent]);
        assert_eq!(centre.rung(call), [agent]);
        centre.answer(call, agent);
    }
}

#[test]
fn who_comes_to_one_queue_is_rung_for_that_alone() {
    let queue = |name: &str| QueueConf { name: name.parse().expect("a name"), ..sales() };
    let mut centre = Centre::new(vec![queue("a"), queue("b")]);
    let serve = |centre: &mut Centre, queue: &str, serves| {
        let (agent, queue) = (name("ann"), queue.parse().expect("a name"));
        centre.tell(Input::Serve { agent, queue, serves });
    };
    let serves = |centre: &Centre| {
        let ann = centre.acd.agents().into_iter().find(|agent| *agent.agent == name("ann")).expect("ann");
        (ann.state, ann.queues.iter().map(|queue| queue.as_str().to_owned()).collect::<Vec<_>>().join(" "))
    };
    let (in_a, in_b) = (centre.join("a"), centre.join("b"));
    serve(&mut centre, "b", true); // she was not at work
    assert_eq!(serves(&centre), (AgentState::Offered, "b".to_owned()));
    assert_eq!((centre.rung(in_a), centre.rung(in_b)), (vec![], vec!["ann".to_owned()]));
    // A call that rings is still hers, and she keeps what she left over a new conf.
    serve(&mut centre, "a", true);
    serve(&mut centre, "b", false);
    centre.answer(in_b, "ann");
    let names = ["ann", "bob", "cid"].map(|agent| AgentConf { name: name(agent), skills: Vec::new() });
    let conf = AcdConf { agents: names.to_vec(), queues: vec![queue("a"), queue("b")] };
    centre.tell(Input::Reload(Box::new(conf)));
    assert_eq!(serves(&centre), (AgentState::Talking, "a".to_owned()));
    centre.end(in_b);
    assert_eq!(centre.rung(in_a), ["ann"]);
    // Who leaves the last queue goes, and who logs in serves all.
    centre.tell(Input::Gone { call: in_a, how: Gone::HungUp });
    serve(&mut centre, "a", false);
    assert_eq!(centre.state("ann"), AgentState::LoggedOut);
    centre.log_in(&["ann"]);
    assert_eq!(serves(&centre), (AgentState::Available, "a b".to_owned()));
    serve(&mut centre, "elsewhere", false);
    let changes = |serves| move |fact: &&Fact| matches!(&fact.what, What::Serves { serves: is, .. } if *is == serves);
    let counts = [true, false].map(|serves| centre.facts.iter().filter(changes(serves)).count());
    assert_eq!(counts, [1, 3]);
}

#[test]
fn higher_tiers_are_rung_when_the_wait_is_long() {
    let members = vec![member("ann", 0, 1), member("bob", 1, 1)];
    let widen = vec![Widening { after: secs(30), tier: 1 }];
    let needs = Needs { widen, ..Needs::default() };
    let mut centre = Centre::new(vec![QueueConf { members, needs, ..sales() }]);
    centre.log_in(&["bob"]);
    let call = centre.join("sales");
    centre.pass(secs(29));
    assert!(centre.rung(call).is_empty());
    centre.pass(secs(1));
    assert_eq!(centre.rung(call), ["bob"]);
}

#[test]
fn wanted_skills_relax_until_somebody_fits() {
    let needs = Needs {
        skills: vec![skilled("english", 5)],
        relax: Some(Relax { every: secs(10), floor: 2 }),
        ..Needs::default()
    };
    let skills = |agent: &str| match agent {
        "ann" => vec![skilled("english", 4)],
        "bob" => vec![skilled("english", 1)],
        _ => Vec::new(),
    };
    let mut centre = Centre::with(vec![QueueConf { needs, ..sales() }], skills);
    centre.log_in(&["cid", "bob", "ann"]);
    let call = centre.join("sales");
    assert!(centre.rung(call).is_empty());
    centre.pass(secs(10));
    assert_eq!(centre.rung(call), ["ann"]);
    let why = centre.facts.iter().find_map(|fact| match &fact.what {
        What::Offered { why, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(why.map(|why| (why.occasion, why.waited, why.free)), Some((Occasion::CallOpen, secs(10), 3)));
}

#[test]
fn a_caller_gets_the_agent_he_had_or_after_a_while_anybody() {
    let sticky = Some(Sticky { remember: secs(3600), wait: secs(20) });
    let mut centre = Centre::new(vec![QueueConf { sticky, ..sales() }]);
    centre.log_in(&["ann", "bob", "cid"]);
    let call = centre.join_as("sales", "mia", 0);
    centre.answer(call, "ann");
    centre.end(call);
    let call = centre.join_as("sales", "mia", 0); // bob has been idle for longer
    assert_eq!(centre.rung(call), ["ann"]);
    let again = centre.join_as("sales", "mia", 0);
    assert!(centre.rung(again).is_empty(), "ann is being rung");
    centre.answer(call, "ann");
    centre.pass(secs(19));
    assert!(centre.rung(again).is_empty());
    centre.pass(secs(1));
    assert_eq!(centre.rung(again), ["bob"]);
}

#[test]
fn who_waits_for_one_agent_waits_no_longer_when_he_goes() {
    let sticky = Some(Sticky { remember: secs(3600), wait: secs(20) });
    let mut centre = Centre::new(vec![QueueConf { sticky, wrap_up: secs(60), ..sales() }]);
    centre.log_in(&["ann", "bob"]);
    let call = centre.join_as("sales", "mia", 0);
    centre.answer(call, "ann");
    centre.end(call);
    let again = centre.join_as("sales", "mia", 0);
    assert!(centre.rung(again).is_empty());
    centre.tell(Input::Pause { agent: name("ann"), reason: "lunch".into() });
    assert_eq!(centre.rung(again), ["bob"]);
}

#[test]
fn every_cap_has_its_own_outcome() {
    let with = |change: fn(&mut QueueConf)| {
        let mut queue = sales();
        change(&mut queue);
        Centre::new(vec![queue])
    };
    let mut centre = with(|queue| queue.callers_max = 1);
    let (first, second) = (centre.join("sales"), centre.join("sales"));
    assert_eq!((centre.outcome(first), centre.outcome(second)), (None, Some("full")));

    let mut centre = with(|queue| queue.estimate_max = Some(secs(60)));
    centre.log_in(&["ann"]);
    for (talks, outcome) in [(50, None), (70, None), (10, Some("long-wait"))] {
        let (talk, call) = (centre.join("sales"), centre.join("sales"));
        assert_eq!(centre.outcome(call), outcome); // as long as the calls before took
        centre.tell(Input::Gone { call, how: Gone::Withdrawn });
        centre.answer(talk, "ann");
        centre.pass(secs(talks));
        centre.end(talk);
    }

    let mut centre = with(|queue| queue.wait_max = Some(secs(60)));
    let call = centre.join("sales");
    centre.pass(secs(59));
    assert_eq!(centre.outcome(call), None);
    centre.pass(secs(1));
    assert_eq!(centre.outcome(call), Some("timeout"));

    let mut centre = with(|queue| queue.unstaffed_max = Some(secs(30)));
    let call = centre.join("sales");
    centre.pass(secs(20));
    centre.log_in(&["ann"]);
    centre.answer(call, "ann");
    let call = centre.join("sales");
    centre.pass(secs(100));
    assert_eq!(centre.outcome(call), None);
    centre.end(call);
    centre.tell(Input::Gone { call, how: Gone::HungUp });
    centre.tell(Input::LogOut { agent: name("ann") });

    let mut centre = with(|queue| queue.unstaffed_max = Some(secs(30)));
    centre.log_in(&["ann"]);
    let talk = centre.join("sales");
    centre.answer(talk, "ann");
    let call = centre.join("sales");
    centre.pass(secs(100));
    centre.tell(Input::LogOut { agent: name("ann") });
    centre.end(talk); // now he is gone
    centre.pass(secs(29));
    assert_eq!(centre.outcome(call), None);
    centre.pass(secs(1));
    assert_eq!(centre.outcome(call), Some("unstaffed"));

    let mut centre = with(|queue| queue.join_needs = Staffing::LoggedIn);
    let call = centre.join("sales");
    assert_eq!(centre.outcome(call), Some("empty"));

    let mut centre = with(|queue| queue.stay_needs = Staffing::AtWork);
    centre.log_in(&["ann"]);
    let (talk, call) = (centre.join("sales"), centre.join("sales"));
    centre.answer(talk, "ann");
    assert_eq!(centre.outcome(call), None);
    centre.tell(Input::LogOut { agent: name("ann") });
    centre.end(talk);
    assert_eq!(centre.outcome(call), Some("emptied"));

    let mut centre = with(|_| {});
    let call = centre.join("sales");
    centre.tell(Input::Close { queue: "sales".parse().expect("a name"), closed: true });
    let late = centre.join("sales");
    assert_eq!((centre.outcome(call), centre.outcome(late)), (Some("closed"), Some("closed")));

    let mut centre = with(|_| {});
    let calls = [Gone::HungUp, Gone::Key('1'), Gone::Withdrawn].map(|how| (centre.join("sales"), how));
    let short = centre.join("sales");
    centre.tell(Input::Gone { call: short, how: Gone::HungUp });
    centre.pass(secs(5));
    calls.iter().for_each(|(call, how)| drop(centre.tell(Input::Gone { call: *call, how: *how })));
    let outcomes = [calls[0].0, calls[1].0, calls[2].0, short].map(|call| centre.outcome(call));
    assert_eq!(outcomes, [Some("abandoned"), Some("key"), Some("withdrawn"), Some("short-abandoned")]);
}

#[test]
fn an_agent_who_rings_as_the_time_is_up_may_still_answer() {
    let mut centre = Centre::new(vec![QueueConf { wait_max: Some(secs(10)), ..sales() }]);
    let (call, lost) = (centre.join("sales"), centre.join("sales"));
    centre.pass(secs(5));
    centre.log_in(&["ann"]);
    centre.pass(secs(8));
    assert_eq!((centre.outcome(call), centre.outcome(lost)), (None, Some("timeout")));
    centre.answer(call, "ann");
    assert_eq!(centre.outcome(call), Some("answered"));

    let mut centre = Centre::new(vec![QueueConf { wait_max: Some(secs(10)), ..sales() }]);
    centre.log_in(&["ann"]);
    let call = centre.join("sales");
    centre.pass(secs(15)); // ann lets it ring
    assert_eq!(centre.outcome(call), Some("timeout"));
}

#[test]
fn a_new_conf_keeps_places_and_states() {
    let mut centre = Centre::new(vec![sales()]);
    centre.log_in(&["ann", "bob"]);
    let (talk, rings, waits) = (centre.join("sales"), centre.join("sales"), centre.join("sales"));
    centre.answer(talk, "ann");
    assert_eq!(centre.rung(rings), ["bob"]);
    centre.pass(secs(1));
    let agents = ["ann", "cid"].map(|agent| AgentConf { name: name(agent), skills: Vec::new() }).into();
    let members = vec![member("ann", 0, 1), member("cid", 0, 1)]; // bob is taken out
    let queues = vec![QueueConf { members, wrap_up: secs(7), ..sales() }];
    centre.tell(Input::Reload(Box::new(AcdConf { agents, queues })));
    assert_eq!((centre.state("ann"), centre.state("bob")), (AgentState::Talking, AgentState::LoggedOut));
    assert_eq!((centre.rung(rings).len(), centre.acd.position(rings)), (0, Some(1)));
    centre.log_in(&["cid"]);
    assert_eq!((centre.rung(rings), centre.acd.position(waits)), (vec!["cid".to_owned()], Some(2)));
    centre.end(talk);
    assert_eq!(centre.state("ann"), AgentState::WrapUp, "the new conf's");
    centre.tell(Input::Reload(Box::default()));
    assert_eq!([rings, waits].map(|call| centre.outcome(call)), [Some("closed"); 2]);
    centre.tell(Input::Reload(Box::new(AcdConf { agents: Vec::new(), queues: vec![sales()] })));
    assert_eq!(centre.acd.waiting(&"sales".parse().expect("a name")), 0);
}

#[test]
fn figures_follow_their_formulas() {
    // A day worked out by hand. Waits in seconds; the level is 20 s, short is below 5 s.
    //   A joins at   0, answered by ann at  10, talks 100, wrap-up 30
    //   B joins at   0, answered by bob at  30, talks  50, wrap-up 30
    //   C joins at 200, hangs up at 203 (short);  D joins at 200, hangs up at 240
    //   E joins at 200, key at 215
    let mut centre = Centre::new(vec![QueueConf { wrap_up: secs(30), ..sales() }]);
    centre.now = Time::ZERO;
    let (a, b) = (centre.join("sales"), centre.join("sales"));
    centre.pass(secs(10));
    centre.tell(Input::Ready { agent: name("ann") });
    centre.answer(a, "ann");
    centre.pass(secs(20));
    centre.tell(Input::Ready { agent: name("bob") });
    centre.answer(b, "bob");
    centre.pass(secs(50));
    centre.end(b); // 80
    centre.pass(secs(30));
    centre.end(a); // 110
    centre.pass(secs(60)); // 170: wrap-ups ended at 110 and 140
    for agent in ["ann", "bob"] {
        centre.tell(Input::LogOut { agent: name(agent) });
    }
    centre.pass(secs(30));
    let [c, d, e] = [0, 1, 2].map(|_| centre.join("sales"));
    for (after, call, how) in [(3, c, Gone::HungUp), (12, e, Gone::Key('1')), (25, d, Gone::HungUp)] {
        centre.pass(secs(after));
        centre.tell(Input::Gone { call, how });
    }
    let conf = FiguresConf { answer_within: secs(20), from: Time::ZERO, until: Time::NEVER };
    let figures = Figures::of(&centre.facts, conf);
    let queue = &figures.queues[&"sales".parse::<QueueName>().expect("a name")];
    assert_eq!((queue.offered, queue.outcomes(), figures.waiting()), (5, 5, 0));
    assert_eq!((queue.answered, queue.abandoned, queue.short_abandoned, queue.flow_outs()), (2, 1, 1, 1));
    for (abandoned, short_abandoned, flow_outs, level) in [
        (false, false, false, 1.0 / 2.0),
        (true, false, false, 1.0 / 3.0),
        (false, true, false, 1.0 / 3.0),
        (false, false, true, 1.0 / 3.0),
        (true, true, false, 1.0 / 4.0),
        (true, false, true, 1.0 / 4.0),
        (false, true, true, 1.0 / 4.0),
        (true, true, true, 1.0 / 5.0),
    ] {
        let denominator = Denominator { abandoned, short_abandoned, flow_outs };
        assert_eq!(queue.service_level(denominator), Some(level), "{denominator:?}");
    }
    assert_eq!(queue.asterisk_sl(), Some(0.5));
    assert_eq!(queue.asterisk_sl2(), Some(2.0 / 4.0));
    assert_eq!(queue.average_speed_of_answer(), Some(secs(20)));
    assert_eq!(queue.average_wait_to_abandon(), Some(secs(40)));
    assert_eq!(queue.abandonment_rate(), Some(0.2));
    assert_eq!(queue.average_handle_time(), Some(secs((100 + 50 + 60) / 2)));
    assert_eq!(queue.wait_max, secs(40));
    let ann = &figures.agents[&name("ann")];
    assert_eq!((ann.talking, ann.wrap_up, ann.available, ann.logged_in()), (secs(100), secs(30), secs(30), secs(160)));
    assert_eq!((ann.occupancy(), ann.utilisation()), (Some(130.0 / 160.0), Some(130.0 / 160.0)));
    // An entry counts where it was offered, whenever it ends.
    let morning = FiguresConf { until: Time::from_millis(200_000), ..conf };
    assert_eq!(Figures::of(&centre.facts, morning).queues.values().map(|queue| queue.offered).sum::<u64>(), 2);
}

#[test]
fn after_a_restart_agents_are_what_they_were_once_their_phones_are_there() {
    let mut centre = Centre::new(vec![sales()]);
    let was = |agent: &str, state, calls| RestoredAgent {
        agent: name(agent),
        state,
        calls,
        talked: secs(60),
        left: Vec::new(),
    };
    let agents = vec![
        was("cid", AgentState::Talking, 3),
        was("ann", AgentState::Available, 5),
        was("bob", AgentState::Paused("lunch".into()), 1),
        was("gone", AgentState::Available, 1),
    ];
    let left = vec!["sales".parse().expect("a name")];
    let agents = agents.into_iter().map(|was| match was.agent.as_str() {
        "bob" => RestoredAgent { left: left.clone(), ..was },
        _ => was,
    });
    centre.tell(Input::Restore(Restored { agents: agents.collect(), owed: Vec::new() }));
    let of_bob = |centre: &Centre| centre.acd.agents()[1].queues.len();
    assert_eq!(of_bob(&centre), 0, "he did not serve it");
    assert_eq!(centre.state("bob"), AgentState::Paused("lunch".into()));
    let call = centre.join("sales");
    assert_eq!(centre.rung(call), Vec::<String>::new(), "no phone is there");
    for agent in ["bob", "ann", "cid"] {
        centre.tell(Input::PhoneBack { agent: name(agent) });
    }
    assert_eq!((centre.state("bob"), centre.state("cid")), (AgentState::Paused("lunch".into()), AgentState::Available));
    assert_eq!(centre.rung(call), ["ann"], "whose phone was there first");
    assert_eq!(centre.acd.agents()[0].calls, 5);
    let next = centre.join("sales");
    assert_eq!(centre.rung(next), ["cid"]);
}

#[test]
fn who_lost_his_place_by_a_fault_of_ours_has_waited_already() {
    let mut centre = Centre::new(vec![sales()]);
    let queue: QueueName = "sales".parse().expect("a name");
    let owed = |caller: &str| Owed { queue: queue.clone(), caller: caller.into(), waited: secs(60) };
    let owed = vec![owed("+481"), owed("anonymous")];
    centre.tell(Input::Restore(Restored { agents: Vec::new(), owed }));
    let first = centre.join_as("sales", "+482", 0);
    centre.pass(secs(1));
    let hidden = centre.join_as("sales", "anonymous", 0);
    centre.pass(secs(30));
    let (owed, again) = (centre.join_as("sales", "+481", 0), centre.join_as("sales", "+481", 0));
    let places = [owed, first, hidden, again].map(|call| centre.acd.position(call));
    assert_eq!(places, [Some(1), Some(2), Some(3), Some(4)], "once, and only whom we know");
    // A fault while the switch runs is one, too.
    centre.tell(Input::Gone { call: first, how: Gone::Failed });
    let back = centre.join_as("sales", "+482", 0);
    assert_eq!(centre.acd.position(back), Some(2));
    centre.pass(secs(16 * 60));
    centre.tell(Input::Gone { call: back, how: Gone::Failed });
    centre.pass(secs(16 * 60));
    let late = centre.join_as("sales", "+482", 0);
    assert_eq!(centre.acd.position(late), Some(4), "that was too long ago");
}
