//! Which agents a call may have, the longer it waits.

use super::*;

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
