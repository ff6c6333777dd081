//! sipp's phones that require reliable ringing, keep sessions alive, and transfer.

use serde_json::json;

use crate::harness::sipp::{Party, TRANSPORTS};
use crate::harness::switch::{Centre, assert_fields};

#[test]
fn a_phone_that_requires_100rel_and_a_session_timer_can_call() {
    for transport in TRANSPORTS {
        let centre = Centre::new("100rel");
        centre.listen_tls();
        let switch = centre.start();
        let bob = Party::new("bob");
        bob.register(&centre.room, switch.address);
        let callee = bob.expect("callee_answers", &centre.room, switch.address, &[]);
        let ann = Party::new("ann").by(transport);
        ann.play("caller_requires_100rel", &centre.room, switch.address, "202", &[]).passes();
        callee.passes();
        let wanted = json!({ "caller": "ann", "answered_by": "bob", "ended_by": "caller", "status": 200 });
        assert_fields(&switch.cdr(), &wanted);
    }
}

#[test]
fn a_phone_transfers_by_refer_and_the_call_goes_on() {
    for transport in TRANSPORTS {
        let centre = Centre::new("refer");
        centre.listen_tls();
        let switch = centre.start();
        let (bob, cid) = (Party::new("bob"), Party::new("cid"));
        bob.register(&centre.room, switch.address);
        cid.register(&centre.room, switch.address);
        let stays = bob.expect("callee_answers", &centre.room, switch.address, &[]);
        let comes = cid.expect("callee_hangs_up", &centre.room, switch.address, &[]);
        let ann = Party::new("ann").by(transport);
        ann.play("caller_transfers", &centre.room, switch.address, "202", &[("TARGET", "203")]).passes();
        comes.passes();
        stays.passes();
        let wanted = json!({ "caller": "ann", "called": "202", "answered_by": "cid", "status": 200 });
        assert_fields(&switch.cdr(), &wanted);
    }
}

#[test]
fn a_session_changes_before_the_answer_on_both_sides() {
    for transport in ["UDP", "TCP"] {
        let centre = Centre::new("early-changes");
        let switch = centre.start();
        let bob = Party::new("bob");
        bob.register(&centre.room, switch.address);
        let callee = bob.expect("callee_changes_early", &centre.room, switch.address, &[]);
        let ann = Party::new("ann").by(transport);
        ann.play("caller_changes_early", &centre.room, switch.address, "202", &[]).passes();
        callee.passes();
        let wanted = json!({ "caller": "ann", "answered_by": "bob", "ended_by": "caller", "status": 200 });
        assert_fields(&switch.cdr(), &wanted);
    }
}

#[test]
fn a_caller_without_an_offer_is_offered_something_before_the_answer() {
    for transport in ["UDP", "TCP"] {
        let centre = Centre::new("early-offer");
        let switch = centre.start();
        let bob = Party::new("bob");
        bob.register(&centre.room, switch.address);
        let callee = bob.expect("callee_changes_early", &centre.room, switch.address, &[]);
        let ann = Party::new("ann").by(transport);
        ann.play("caller_has_no_offer", &centre.room, switch.address, "202", &[]).passes();
        callee.passes();
        assert_fields(&switch.cdr(), &json!({ "caller": "ann", "answered_by": "bob", "status": 200 }));
    }
}

#[test]
fn of_those_who_ring_behind_one_invite_the_first_to_answer_has_the_call() {
    let centre = Centre::new("fork");
    let switch = centre.start();
    let bob = Party::new("bob");
    bob.register(&centre.room, switch.address);
    let callees = bob.expect("carrier_forks", &centre.room, switch.address, &[]);
    Party::new("ann").play("caller_talks", &centre.room, switch.address, "202", &[]).passes();
    callees.passes();
    assert_fields(
        &switch.cdr(),
        &json!({ "caller": "ann", "answered_by": "bob", "ended_by": "caller", "status": 200 }),
    );
}
