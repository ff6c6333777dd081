//! A page in a real browser: JsSIP in Chromium, by secure WebSocket.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::phone::Phone;
use crate::harness::switch::{Centre, assert_fields};
use crate::harness::until;
use crate::operate::operate;

const A_WHILE: Duration = Duration::from_secs(20);
const PAGE_HZ: u32 = 700;
const PHONE_HZ: u32 = 1_900;

/// Is the leg of this party, and of no other, encrypted?
fn assert_encrypted(cdr: &Value, party: &str) {
    for leg in cdr["media"].as_array().into_iter().flatten() {
        assert_eq!(leg["srtp"].is_string(), leg["party"] == party, "{cdr:#}");
        assert_eq!(leg["not_authentic"], 0, "{cdr:#}");
    }
}

#[test]
fn a_page_registers_by_secure_web_socket_and_unregisters() {
    let centre = Centre::new("page");
    let (_, wss) = centre.listen_web();
    let _switch = centre.start();
    let mut page = Browser::start(&centre.room, 700);
    let wrong = json!({ "verb": "register", "user": "ann", "password": "bob-secret", "server": wss });
    page.tell(wrong);
    page.wait_for("refused", A_WHILE);
    page.register("ann", wss);
    let phones = || operate(&centre, &["phones"]).1;
    assert!(phones().contains("ann"), "{}", phones());
    page.tell(json!({ "verb": "unregister" }));
    page.wait_for("unregistered", A_WHILE);
    until("an empty list", A_WHILE, || (!phones().contains("ann")).then_some(()));
}

#[test]
fn a_page_calls_a_plain_phone_and_is_called_by_it() {
    for page_calls in [true, false] {
        let centre = Centre::new("page-talks");
        let (_, wss) = centre.listen_web();
        centre.replace("people.toml", "number = \"201\"", "number = \"201\"\nrecord = true");
        let switch = centre.start();
        let mut page = Browser::start(&centre.room, PAGE_HZ);
        page.register("ann", wss);
        let mut bob = Phone::start(&centre.room, "bob", PHONE_HZ, switch.address, "udp");
        match page_calls {
            true => page.tell(json!({ "verb": "dial", "uri": format!("sip:202@{wss}") })),
            false => bob.dial(&format!("sip:201@{}", switch.address)),
        }
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        page.wait_for("confirmed", A_WHILE);
        page.hears("ann", PHONE_HZ);
        // On hold and back: what was agreed goes on.
        page.tell(json!({ "verb": "hold" }));
        thread::sleep(Duration::from_millis(500));
        page.tell(json!({ "verb": "resume" }));
        thread::sleep(Duration::from_millis(500));
        page.hears("ann", PHONE_HZ);
        thread::sleep(Duration::from_secs(2));
        match page_calls {
            true => page.tell(json!({ "verb": "hang_up" })),
            false => bob.hang_up(),
        }
        bob.wait_for("CALL_CLOSED", A_WHILE);
        page.wait_for("ended", A_WHILE);
        let cdr = switch.cdr();
        let (caller, party) = if page_calls { ("ann", "bob") } else { ("bob", "ann") };
        assert_fields(&cdr, &json!({ "caller": caller, "answered_by": party, "status": 200 }));
        assert_encrypted(&cdr, "ann");
        bob.heard().assert_only("Bob's ear", PAGE_HZ, PHONE_HZ);
        let recording = switch.recording();
        let (page, phone) = match page_calls {
            true => (recording.caller, recording.party),
            false => (recording.party, recording.caller),
        };
        page.assert_only("the page's side", PAGE_HZ, PHONE_HZ);
        phone.assert_only("the phone's side", PHONE_HZ, PAGE_HZ);
    }
}

#[test]
fn a_page_whose_call_moves_to_another_media_thread_is_heard_there() {
    let centre = Centre::new("page-moves");
    let (_, wss) = centre.listen_web();
    centre.replace("switch.toml", "[media]\n", "[media]\nthreads = 2\n"); // calls take turns
    let switch = centre.start();
    let mut page = Browser::start(&centre.room, PAGE_HZ);
    page.register("cid", wss);
    page.register("ann", wss);
    let mut bob = Phone::start(&centre.room, "bob", PHONE_HZ, switch.address, "udp");
    page.tell(json!({ "verb": "dial", "user": "ann", "uri": format!("sip:202@{wss}") }));
    page.wait_for("confirmed", A_WHILE);
    page.hears("ann", PHONE_HZ);
    page.tell(json!({ "verb": "dial", "user": "ann", "uri": format!("sip:203@{wss}") }));
    page.wait_for("called", A_WHILE);
    page.hears("cid", PAGE_HZ); // Ann, whose microphone is his own
    page.tell(json!({ "verb": "join", "user": "ann", "uri": format!("sip:203@{wss}") }));
    page.wait_for("joined", A_WHILE);
    page.hears("cid", PHONE_HZ);
    thread::sleep(Duration::from_secs(2));
    bob.hang_up();
    let ports: Vec<usize> = switch.cdrs_of(2).iter().map(|cdr| cdr["media"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(ports.iter().sum::<usize>(), 5, "two calls of two legs, one of which stood at two ports");
    bob.heard().assert_only("Bob's ear", PAGE_HZ, PHONE_HZ);
}
