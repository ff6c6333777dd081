//! A caller is parked with keys by one phone and got by another.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::sound;
use crate::harness::switch::{Centre, assert_fields};

const A_WHILE: Duration = Duration::from_secs(20);
const MUSIC_HZ: u32 = 2_500;

#[test]
fn a_caller_is_parked_by_one_phone_and_got_by_another() {
    let centre = Centre::new("park");
    sound::write_tone(&centre.conf().join("prompts/music.wav"), MUSIC_HZ, 2, 1);
    centre.add("switch.toml", "\n[features]\nblind = \"*1\"\n\n[park]\nmusic = \"music\"\n");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"70?\"\nto = \"park\"\n");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_millis(500));
    for key in "*1701#".chars() {
        bob.press(key);
        thread::sleep(Duration::from_millis(300));
    }
    bob.wait_for("CALL_CLOSED", A_WHILE);
    thread::sleep(Duration::from_secs(1)); // music
    let mut cid = Phone::start(&centre.room, "cid", 1_300, switch.address, "udp");
    cid.dial(&format!("sip:701@{}", switch.address));
    cid.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(2));
    cid.hang_up();
    ann.wait_for("CALL_CLOSED", A_WHILE);
    let wanted = json!({ "called": "202", "path": ["person:bob", "park"], "answered_by": "cid", "ended_by": "agent" });
    assert_fields(&switch.cdr(), &wanted);
    let heard = ann.heard();
    for (what, hz) in [("the music", MUSIC_HZ), ("Cid", 1_300)] {
        assert!(heard.level(hz) > -22.0, "Ann does not hear {what}: {}", heard.level(hz));
    }
    cid.heard().assert_only("Cid's ear", 700, 1_900);
}
