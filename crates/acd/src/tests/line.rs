//! Who of those who wait is next.

use super::*;

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
