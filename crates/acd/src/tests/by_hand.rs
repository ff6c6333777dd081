//! What somebody decides in place of the rules.

use super::*;

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
fn who_takes_a_caller_talks_with_him_if_he_could_have_been_rung() {
    let mut centre = Centre::new(vec![QueueConf { wrap_up: secs(60), ..sales() }]);
    centre.log_in(&["ann", "bob"]);
    let (rings_ann, rings_bob) = (centre.join("sales"), centre.join("sales"));
    let (waits, last) = (centre.join("sales"), centre.join("sales"));
    let sales = "sales".parse().expect("a name");
    assert_eq!(
        [1, 3, 4, 5].map(|at| centre.acd.waits_at(&sales, at)),
        [Some(rings_ann), Some(waits), Some(last), None]
    );
    let taken = |call, by: &str| Input::Taken { call, by: by.into() };
    // Ann's own, though another phone of hers rings for it.
    centre.tell(taken(rings_ann, "ann"));
    assert_eq!((centre.outcome(rings_ann), centre.state("ann")), (Some("answered"), AgentState::Talking));
    // Bob is rung for another: it stays his, and the one he has taken is gone from the queue.
    centre.tell(taken(waits, "bob"));
    assert_eq!((centre.outcome(waits), centre.rung(rings_bob)), (Some("withdrawn"), vec!["bob".to_owned()]));
    // A supervisor is no agent.
    centre.tell(taken(last, "eve"));
    assert_eq!(centre.outcome(last), Some("withdrawn"));
    centre.end(rings_ann);
    assert_eq!(centre.state("ann"), AgentState::WrapUp);
    // Who finishes a call takes the next one, and the phone that rings for it rings no more.
    centre.tell(taken(rings_bob, "ann"));
    assert_eq!(
        (centre.outcome(rings_bob), centre.rung(rings_bob), centre.state("bob")),
        (Some("answered"), Vec::new(), AgentState::Available)
    );
    centre.tell(taken(rings_bob, "bob"));
    assert_eq!(centre.state("bob"), AgentState::Available, "it waits no more");
}
