//! Another real softphone: linphone on the console, in its own ways of speaking.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::linphone::Linphone;
use crate::harness::phone::Phone;
use crate::harness::switch::{Centre, assert_fields};

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(15);

#[test]
fn linphone_registers_and_talks_with_baresip() {
    let centre = Centre::new("linphone");
    let tls = centre.listen_tls();
    let switch = centre.start();
    let mut ann = Linphone::start(&centre.room, "ann", ANN_HZ, tls, "tls", "");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    ann.dial(&format!("sip:202@{tls};transport=tls"));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(3));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    let wanted = json!({ "caller": "ann", "answered_by": "bob", "ended_by": "caller", "status": 200 });
    assert_fields(&switch.cdr(), &wanted);
    ann.heard().assert_only("Ann's ear", BOB_HZ, ANN_HZ);
    bob.heard().assert_only("Bob's ear", ANN_HZ, BOB_HZ);
    switch.recording().assert_sides(ANN_HZ, BOB_HZ);
}
