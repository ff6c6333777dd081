//! Other sound at a reload: new calls hear it, those that stand go on as they began.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::sound;
use crate::harness::switch::{Centre, Switch};
use crate::operate::operate;

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const MUSIC_HZ: u32 = 1_500;
const OTHER_MUSIC_HZ: u32 = 2_300;
const OTHER_WELCOME_HZ: u32 = 2_700;
const A_WHILE: Duration = Duration::from_secs(10);
/// Long enough to be heard for sure.
const HEARD: Duration = Duration::from_millis(1_500);

/// A call of two phones in which the callee has been on hold for a while.
fn on_hold(centre: &Centre, switch: &Switch, caller: &str, callee: &str, number: &str) -> (Phone, Phone) {
    let start = |user, hz| Phone::start(&centre.room, user, hz, switch.address, "udp");
    let (mut caller, mut callee) = (start(caller, ANN_HZ), start(callee, BOB_HZ));
    caller.dial(&format!("sip:{number}@{}", switch.address));
    caller.wait_for("CALL_ESTABLISHED", A_WHILE);
    callee.wait_for("CALL_ESTABLISHED", A_WHILE);
    caller.hold();
    thread::sleep(HEARD);
    (caller, callee)
}

#[test]
fn a_reload_changes_music_and_prompts_and_standing_calls_go_on() {
    let centre = Centre::new("reload-sound");
    let write = |name: &str, hz| sound::write_tone(&centre.conf().join("prompts").join(name), hz, 1, 1);
    write("music.wav", MUSIC_HZ);
    centre.replace("switch.toml", "[media]\n", "[media]\nhold_music = \"music\"\n");
    for (user, number) in [("dan", "204"), ("eve", "205")] {
        centre.add("people.toml", &format!("\n[{user}]\nnumber = {number:?}\npassword = \"{user}-secret\"\n"));
        centre.add("people.toml", "digest = [\"MD5\"]\n");
    }
    let switch = centre.start();
    let (mut ann, mut bob) = on_hold(&centre, &switch, "ann", "bob", "202");

    write("music.wav", OTHER_MUSIC_HZ);
    write("welcome.wav", OTHER_WELCOME_HZ);
    let (content, said) = operate(&centre, &["reload"]);
    assert!(content, "{said}");

    // The call that stood can be taken up again, and put on hold, as if nothing had been.
    ann.resume();
    thread::sleep(HEARD);
    ann.hold();
    thread::sleep(HEARD);
    let (mut cid, mut dan) = on_hold(&centre, &switch, "cid", "dan", "204");
    let mut eve = Phone::start(&centre.room, "eve", ANN_HZ, switch.address, "udp");
    eve.dial(&format!("sip:602@{}", switch.address));
    eve.wait_for("CALL_CLOSED", A_WHILE);
    for (caller, callee) in [(&mut ann, &mut bob), (&mut cid, &mut dan)] {
        caller.hang_up();
        callee.wait_for("CALL_CLOSED", A_WHILE);
    }

    let bob = bob.heard();
    bob.assert_only("Bob's ear", ANN_HZ, OTHER_MUSIC_HZ);
    bob.assert_only("Bob's ear, on hold", MUSIC_HZ, OTHER_MUSIC_HZ);
    dan.heard().assert_only("Dan's ear", OTHER_MUSIC_HZ, MUSIC_HZ);
    eve.heard().assert_only("Eve's ear", OTHER_WELCOME_HZ, ANN_HZ);
    let cdrs = switch.cdrs_of(3);
    assert!(cdrs.iter().all(|cdr| cdr["status"] == json!(200)), "{cdrs:#?}");
}
