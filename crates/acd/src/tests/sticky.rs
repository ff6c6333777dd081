//! Callers and the one agent they are to have.

use super::*;

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
fn a_caller_gets_the_agent_he_is_to_have_or_after_a_while_anybody() {
    let sticky = Some(Sticky { remember: secs(3600), wait: secs(5) });
    let mut centre = Centre::new(vec![QueueConf { sticky, prefer: Some(secs(20)), ..sales() }]);
    centre.log_in(&["ann", "bob", "cid"]);
    let call = centre.join_preferring("mia", "ann");
    assert_eq!(centre.rung(call), ["ann"]);
    centre.answer(call, "ann");
    let other = centre.join_preferring("mia", "cid"); // whom she had is another's business
    assert_eq!(centre.rung(other), ["cid"]);
    centre.answer(other, "cid");
    let again = centre.join_preferring("mia", "ann");
    centre.pass(secs(19));
    assert!(centre.rung(again).is_empty(), "bob is free, and ann at work");
    centre.pass(secs(1));
    assert_eq!(centre.rung(again), ["bob"]);
    centre.answer(again, "bob");
    centre.end(call);
    centre.tell(Input::LogOut { agent: name("ann") });
    centre.end(other);
    let last = centre.join_preferring("mia", "ann");
    assert!(centre.rung(last).is_empty(), "nobody waits for who is not there, but bob she had last");
    centre.pass(secs(5));
    assert_eq!(centre.rung(last), ["cid"]);
    let why = centre.facts.iter().filter_map(|fact| match &fact.what {
        What::Offered { why, .. } => Some(why.occasion),
        _ => None,
    });
    assert_eq!(why.collect::<Vec<_>>()[..2], [Occasion::Preferred; 2]);
}
