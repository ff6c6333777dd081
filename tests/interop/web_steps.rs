//! A caller led by a program of somebody's own, over HTTP: `examples/ivr.py`, by real phones and keys.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::process::Process;
use crate::harness::switch::{Centre, WELCOME_HZ, assert_fields};
use crate::harness::{ports, sound};

const A_WHILE: Duration = Duration::from_secs(20);
const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const FOUR_HZ: u32 = 2_300;
const OTHER_HZ: u32 = 2_700;

#[test]
fn a_program_of_ones_own_leads_a_caller_and_is_not_missed_when_it_is_gone() {
    let centre = Centre::new("web");
    for digit in 0..10 {
        let hz = if digit == 4 { FOUR_HZ } else { OTHER_HZ };
        sound::write_tone(&centre.conf().join(format!("prompts/digit-{digit}.wav")), hz, 1, 1);
    }
    let port = ports::block(1);
    centre.add("routes.toml", "\n[[route]]\nnumber = \"730\"\nto = \"menu:ivr\"\n");
    centre.add(
        "menus.toml",
        &format!(
            "\n[ivr]\nhook = \"http://127.0.0.1:{port}/\"\nsays = [\"welcome\", \"digits\"]\n\
             leads = [\"person:bob\"]\notherwise = \"echo\"\n"
        ),
    );
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ivr.py")).arg(port.to_string());
    let server = Process::start("ivr.py", "python3", command, &centre.room.path().join("ivr.log"));
    crate::harness::until("a server that listens", A_WHILE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    ann.dial(&format!("sip:730@{}", switch.address));
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_millis(1_500)); // the greeting
    for key in "4711#".chars() {
        ann.press(key);
        thread::sleep(Duration::from_millis(300));
    }
    bob.wait_for("CALL_ESTABLISHED", A_WHILE); // the number has been said
    thread::sleep(Duration::from_secs(2));
    bob.hang_up();
    ann.wait_for("CALL_CLOSED", A_WHILE);
    let cdr = switch.cdr();
    let wanted = json!({ "called": "730", "path": ["menu:ivr"], "answered_by": "bob", "ended_by": "switch",
                         "fields": { "account": "4711" }, "status": 200 });
    assert_fields(&cdr, &wanted);
    let heard = ann.heard();
    for (what, hz) in [("the greeting", WELCOME_HZ), ("a 4", FOUR_HZ), ("the other digits", OTHER_HZ), ("Bob", BOB_HZ)]
    {
        assert!(heard.level(hz) > -22.0, "Ann does not hear {what}: {}", heard.level(hz));
    }
    bob.heard().assert_only("Bob's ear", ANN_HZ, WELCOME_HZ);

    drop(server);
    let mut ann = Phone::start(&centre.room, "cid", ANN_HZ, switch.address, "udp");
    ann.dial(&format!("sip:730@{}", switch.address));
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(1));
    ann.hang_up();
    ann.wait_for("CALL_CLOSED", A_WHILE);
    assert_fields(&switch.cdrs_of(2)[1], &json!({ "path": ["menu:ivr", "echo"], "status": 200 }));
}
