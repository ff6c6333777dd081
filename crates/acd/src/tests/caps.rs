//! Whom a queue does not keep, and how the end of a wait is told.

use super::*;

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
