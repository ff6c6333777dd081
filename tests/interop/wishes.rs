//! What people want of the calls to them, by key on a phone and by command: it holds at once, and over a power cut.

use std::time::Duration;

use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::switch::{Centre, Switch, assert_fields};
use crate::operate::{operate, rows};

const A_WHILE: Duration = Duration::from_secs(20);

fn dial(phone: &mut Phone, switch: &Switch, number: &str) {
    phone.dial(&format!("sip:{number}@{}", switch.address));
    phone.wait_for("CALL_ESTABLISHED", A_WHILE);
    phone.wait_for("CALL_CLOSED", A_WHILE);
}

#[test]
fn nobody_rings_who_does_not_want_it_and_a_power_cut_changes_nothing() {
    let centre = Centre::new("wishes");
    for (number, to) in [("*21", "dnd"), ("*20", "dnd:off")] {
        centre.add("routes.toml", &format!("\n[[route]]\nnumber = \"{number}\"\nto = \"{to}\"\n"));
    }
    let mut switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    dial(&mut bob, &switch, "*21");
    assert_fields(&switch.cdr(), &json!({ "path": ["dnd"], "status": 200 }));
    operate(&centre, &["wishes", "bob", "forward:busy", "602"]);
    let wanted = json!([{ "person": "bob", "quiet": true, "busy": "play:welcome" }]);
    assert_eq!(json!(rows(&centre, &["wishes", "--json"])), wanted);
    switch.process.kill();

    let switch = centre.start();
    assert_eq!(json!(rows(&centre, &["wishes", "--json"])), wanted);
    drop((ann, bob)); // a phone tells of one call
    ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    dial(&mut ann, &switch, "202"); // the announcement ends by itself
    assert_fields(&switch.cdrs_of(2)[1], &json!({ "path": ["person:bob", "play:welcome"], "status": 200 }));
    operate(&centre, &["wishes", "bob", "forward:off"]);
    dial(&mut bob, &switch, "*20");
    assert_eq!(rows(&centre, &["wishes", "--json"]).len(), 0);
    drop((ann, bob));
    ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    bob.hang_up();
    ann.wait_for("CALL_CLOSED", A_WHILE);
    assert_fields(&switch.cdrs_of(4)[3], &json!({ "path": ["person:bob"], "answered_by": "bob" }));
    let journal =
        centre.program(&["journal", "tail", "--lines", "500", "--json", "--journal"]).arg(centre.journal()).output();
    let journal = String::from_utf8(journal.expect("our own program").stdout).expect("text");
    for said in ["dnd", "dnd:off", "forward:busy", "forward:off"] {
        assert!(journal.contains(&format!("\"{said}\"")), "{said} is not in\n{journal}");
    }
}
