//! Who of the free agents is rung first.

use super::*;

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
fn no_more_agents_ring_at_once_than_may_and_the_next_takes_a_place_that_is_free() {
    let mut centre = Centre::new(vec![QueueConf { strategy: Strategy::RingAll, ring_max: 2, ..sales() }]);
    centre.log_in(&["ann", "bob", "cid"]);
    let call = centre.join("sales");
    assert_eq!(centre.rung(call), ["ann", "bob"]);
    centre.tell(Input::Refused { call, agent: name("ann"), how: Refusal::Busy });
    assert_eq!(centre.rung(call)[1..], ["bob", "cid"]);
}
