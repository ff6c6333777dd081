//! A message left by one real phone is heard by another, is listed, survives a restart, and is gone when it was erased.

use std::thread;
use std::time::Duration;

use crate::harness::phone::Phone;
use crate::harness::switch::Centre;
use crate::harness::{files_below, until};

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(15);

fn listed(centre: &Centre) -> String {
    let output = centre.program(&["voicemail", "list"]).output().expect("our own program");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_message_is_left_heard_and_erased() {
    let centre = Centre::new("voicemail");
    let routes =
        "\n[[route]]\nnumber = \"150\"\nto = \"voicemail:ann\"\n\n[[route]]\nnumber = \"*97\"\nto = \"mailbox\"\n";
    centre.add("routes.toml", routes);
    let mut switch = centre.start();
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    bob.dial(&format!("sip:150@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(4));
    bob.hang_up();
    let line = until("a message that is listed", A_WHILE, || Some(listed(&centre)).filter(|list| list.contains("ann")));
    for part in ["new", "bob", "voicemail/ann/"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }

    switch.process.terminate();
    switch.process.end_within(A_WHILE);
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    ann.dial(&format!("sip:*97@{}", switch.address));
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(3));
    ann.press('3');
    ann.wait_for("CALL_CLOSED", A_WHILE);
    ann.heard().assert_only("Ann's ear", BOB_HZ, ANN_HZ);
    until("a message that is gone", A_WHILE, || {
        let sounds = files_below(&centre.recordings().join("voicemail"), ".wav");
        (sounds.is_empty() && !listed(&centre).contains("ann")).then_some(())
    });
    let verify = centre.program(&["recordings", "verify"]).output().expect("our own program");
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stdout));
}
