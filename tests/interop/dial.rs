//! Click-to-call: a command rings one phone, and who answers there talks with the other.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::linphone::Linphone;
use crate::harness::phone::Phone;
use crate::harness::switch::{Centre, assert_fields};
use crate::harness::until;
use crate::operate::{operate, rows};

const A_WHILE: Duration = Duration::from_secs(20);

#[test]
fn a_command_rings_one_phone_and_brings_it_to_the_other() {
    let centre = Centre::new("dial");
    let switch = centre.start();
    let (content, said) = operate(&centre, &["dial", "nobody", "202"]);
    assert!(!content && said.contains("there is no person"), "{said}");
    let (content, said) = operate(&centre, &["dial", "ann", "9999"]);
    assert!(!content && said.contains("404"), "{said}");
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    let begun = rows(&centre, &["dial", "--json", "ann", "202"]);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(2));
    bob.hang_up();
    ann.wait_for("CALL_CLOSED", A_WHILE);
    let cdr = switch.cdr();
    let wanted =
        json!({ "call": begun[0]["call"], "caller": "ann", "called": "202", "answered_by": "bob", "status": 200 });
    assert_fields(&cdr, &wanted);
    ann.heard().assert_only("Ann's ear", 1_900, 700);
    bob.heard().assert_only("Bob's ear", 700, 1_900);
}

#[test]
fn who_finds_somebody_busy_is_rung_when_he_is_free() {
    let centre = Centre::new("when-free");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"*37*\"\nto = \"when-free\"\nstrip = 3\n");
    let switch = centre.start();
    let [mut ann, mut bob, mut cid] = [("ann", 700), ("bob", 1_900), ("cid", 1_300)]
        .map(|(name, hz)| Phone::start(&centre.room, name, hz, switch.address, "udp"));
    cid.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.dial(&format!("sip:*37202@{}", switch.address));
    switch.cdrs_of(1);
    bob.hang_up();
    switch.cdrs_of(2);
    let talking = |row: &serde_json::Value| row["caller"] == "ann" && row["with"] == "bob";
    until("Ann with Bob", A_WHILE, || rows(&centre, &["calls", "--json"]).iter().any(talking).then_some(()));
    ann.hang_up();
    assert_fields(
        &switch.cdrs_of(3)[2],
        &json!({ "caller": "ann", "called": "202", "answered_by": "bob", "status": 200 }),
    );
}

#[test]
fn who_pages_is_heard_by_all_phones_of_a_group_and_hears_none_of_them() {
    let centre = Centre::new("page");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"820\"\nto = \"page:sales\"\n");
    let switch = centre.start();
    let [mut ann, mut bob] =
        [("ann", 700), ("bob", 1_900)].map(|(name, hz)| Phone::start(&centre.room, name, hz, switch.address, "udp"));
    let mut cid = Linphone::start(&centre.room, "cid", 1_300, switch.address, "udp", "");
    ann.dial(&format!("sip:820@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    cid.wait_for("LinphoneCallStreamsRunning", A_WHILE);
    thread::sleep(Duration::from_secs(3));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    cid.wait_for("LinphoneCallReleased", A_WHILE);
    let cdr = switch.cdr();
    assert_fields(&cdr, &json!({ "caller": "ann", "path": ["page:sales"], "ended_by": "caller", "status": 200 }));
    let mut paged: Vec<&str> = cdr["paged"].as_array().into_iter().flatten().filter_map(|one| one.as_str()).collect();
    paged.sort_unstable();
    assert_eq!(paged, ["bob", "cid"]);
    bob.heard().assert_only("Bob's ear", 700, 1_300);
    cid.heard().assert_only("Cid's ear", 700, 1_900);
    let heard = ann.heard();
    for (who, hz) in [("Bob", 1_900), ("Cid", 1_300)] {
        assert!(heard.level(hz) < -50.0, "Ann hears {who}, who is paged: {}", heard.level(hz));
    }
}

#[test]
fn who_waits_for_somebody_busy_is_rung_though_the_switch_was_killed_meanwhile() {
    let centre = Centre::new("when-free-killed");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"*37*\"\nto = \"when-free\"\nstrip = 3\n");
    let mut switch = centre.start();
    let [mut ann, mut bob, mut cid] = [("ann", 700), ("bob", 1_900), ("cid", 1_300)]
        .map(|(name, hz)| Phone::start(&centre.room, name, hz, switch.address, "udp"));
    cid.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.dial(&format!("sip:*37202@{}", switch.address));
    switch.cdrs_of(1);
    let kept = centre.journal().join("when-free.json");
    until("what is kept", A_WHILE, || std::fs::read_to_string(&kept).ok().filter(|text| text.contains("bob")));
    switch.process.kill();
    bob.hang_up(); // nobody hears of it
    let _switch = centre.start();
    let talking = |row: &serde_json::Value| row["caller"] == "ann" && row["with"] == "bob";
    until("Ann with Bob", A_WHILE, || rows(&centre, &["calls", "--json"]).iter().any(talking).then_some(()));
    until("nobody who waits", A_WHILE, || std::fs::read_to_string(&kept).ok().filter(|text| text == "[]"));
    ann.hang_up();
}
