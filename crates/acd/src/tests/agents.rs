//! What agents do, and what becomes of an offer they do not take.

use super::*;

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
