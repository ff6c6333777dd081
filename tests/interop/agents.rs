//! Agents with real phones: what they hear before they have a caller, the key they take him with, and the time after him.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::switch::{WELCOME_HZ, assert_fields};
use crate::harness::until;
use crate::operate::{operate, rows};
use crate::queue_log::centre_with_a_queue;

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(10);

#[test]
fn an_agent_hears_for_whom_it_rings_and_takes_the_call_with_a_key() {
    let centre = centre_with_a_queue("agents-accept");
    let takes = "ring_secs = 5\nrecord = true\nwhisper = \"welcome\"\naccept = \"1\"\naccept_secs = 20\n";
    centre.replace("queues.toml", "ring_secs = 1\n", takes);
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    assert!(operate(&centre, &["agents", "ready", "bob"]).0);
    ann.dial(&format!("sip:400@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE); // it has been picked up, and is not his yet
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    let state = || rows(&centre, &["agents", "--json"]).into_iter().find(|agent| agent["agent"] == "bob").expect("bob");
    thread::sleep(Duration::from_secs(2));
    assert_eq!(state()["state"], "offered");
    bob.press('1');
    until("a conversation", A_WHILE, || (state()["state"] == "talking").then_some(()));
    let (content, said) = operate(&centre, &["agents", "wrap-up", "bob", "--secs", "30"]);
    assert!(content && said.contains("bob talks, and is finishing a call, with 30 s more after that"), "{said}");
    thread::sleep(Duration::from_secs(3));
    bob.hold();
    until("a caller on hold", A_WHILE, || (state()["state"] == "hold").then_some(()));
    bob.resume();
    until("a caller taken back", A_WHILE, || (state()["state"] == "talking").then_some(()));
    ann.hang_up();
    let wraps_up = until("the time after it", A_WHILE, || Some(state()).filter(|bob| bob["state"] == "wrap-up"));
    assert!((20..=30).contains(&wraps_up["left_secs"].as_u64().expect("seconds")), "{wraps_up:#}");
    assert_fields(&switch.cdr(), &json!({ "queue": "sales", "answered_by": "bob", "queue_outcome": "answered" }));

    let (anns, bobs) = (ann.heard(), bob.heard());
    assert!(bobs.level(WELCOME_HZ) > bobs.level(BOB_HZ) + 20.0, "he heard for whom it rang");
    assert!(bobs.level(ANN_HZ) > bobs.level(BOB_HZ) + 20.0, "and then her");
    assert!(anns.level(BOB_HZ) > anns.level(WELCOME_HZ) + 20.0, "she heard him and not what he was told");
    switch.recording().assert_sides(ANN_HZ, BOB_HZ);
}
