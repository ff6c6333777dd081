//! SIPREC the other way (RFC 7866): calls of ours are sent to a recorder, which is another Centrala, or sipp.

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, Switch, assert_fields};
use crate::harness::{files_below, ports, until};
use crate::operate::{operate, rows};

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(20);

/// A centre whose calls are heard by the recorder at this address.
fn heard_by(name: &str, recorder: SocketAddr) -> Centre {
    let centre = Centre::new(name);
    centre.add("trunks.toml", &format!("[recorder]\naddress = \"{recorder}\"\n"));
    centre.add("switch.toml", "\n[siprec]\ntrunk = \"recorder\"\n");
    centre
}

/// A recorder at an address of its own, and the centre whose calls it hears.
fn both(name: &str) -> (Centre, Centre) {
    let recorder = Centre::new(&format!("{name}-recorder")).at([127, 0, 0, 4]);
    let centre = heard_by(name, recorder.address);
    recorder.add("trunks.toml", &format!("[centre]\naddress = \"{}\"\nsiprec = true\n", centre.address));
    (centre, recorder)
}

fn talk(centre: &Centre, switch: &Switch) -> (Phone, Phone) {
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    (ann, bob)
}

/// So many recordings of the recorder's have begun.
fn begun(recorder: &Centre, count: usize) {
    until("a recording elsewhere", A_WHILE, || {
        let files =
            files_below(&recorder.recordings(), ".wav.part").len() + files_below(&recorder.recordings(), ".wav").len();
        (files >= count).then_some(())
    });
}

#[test]
fn another_centrala_records_each_side_as_we_do() {
    let (centre, recorder) = both("siprec");
    let (there, here) = (recorder.start(), centre.start());
    let (mut ann, mut bob) = talk(&centre, &here);
    begun(&recorder, 1);
    thread::sleep(Duration::from_secs(3));
    bob.hold();
    thread::sleep(Duration::from_secs(1));
    bob.resume();
    thread::sleep(Duration::from_secs(2));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);

    let own = here.recording();
    own.assert_sides(ANN_HZ, BOB_HZ);
    let far = there.recording();
    far.assert_sides(ANN_HZ, BOB_HZ);
    let lengths = (far.caller.seconds(), own.caller.seconds());
    assert!(lengths.0 > lengths.1 - 1.5 && lengths.0 < lengths.1 + 1.0, "{lengths:?}");
    assert_fields(&far.sidecar["channels"]["left"], &json!({ "number": "ann", "name": "Ann", "trunk": "centre" }));
    assert_fields(&far.sidecar["channels"]["right"][0], &json!({ "number": "bob", "name": "Bob" }));
    let streams = &far.sidecar["siprec"]["streams"];
    assert_eq!((&streams[0]["label"], &streams[1]["label"]), (&json!("1"), &json!("2")), "{streams:#}");
    assert_eq!(streams[1]["held"].as_array().map(Vec::len), Some(1), "Bob held: {streams:#}");
    assert_eq!(here.cdrs().len(), 1, "the recorder's dialog is no call of ours");
}

#[test]
fn what_is_masked_here_is_silence_there() {
    let (centre, recorder) = both("siprec-mask");
    let (there, here) = (recorder.start(), centre.start());
    let (mut ann, mut bob) = talk(&centre, &here);
    begun(&recorder, 1);
    let call = rows(&centre, &["calls", "--json"])[0]["call"].as_str().expect("an id").to_owned();
    let (content, said) = operate(&centre, &["recordings", "mask", "--call", &call, "--by", "tess"]);
    assert!(content, "{said}");
    thread::sleep(Duration::from_secs(3));
    let (_, metrics) = operate(&centre, &["metrics"]);
    assert!(metrics.contains("calls_copied 1"), "{metrics}");
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    let far = there.recording();
    assert!(far.caller.seconds() > 2.5, "{}", far.caller.seconds());
    for (side, hz) in [(&far.caller, ANN_HZ), (&far.party, BOB_HZ)] {
        // What was said before the mask is a small part of it.
        assert!(side.level(hz) < -20.0, "{hz} Hz at {} dB of {} s", side.level(hz), side.seconds());
    }
}

#[test]
fn a_recorder_that_dies_touches_no_call_and_hears_it_again_when_it_is_back() {
    let (centre, recorder) = both("siprec-dies");
    // Over UDP it would take the time of a transaction to see that nobody is there.
    centre.add("trunks.toml", "transport = \"tcp\"\n");
    let mut there = recorder.start();
    let here = centre.start();
    let (mut ann, mut bob) = talk(&centre, &here);
    begun(&recorder, 1);
    thread::sleep(Duration::from_secs(2));
    there.process.kill();
    // The next it is told, it does not hear: that it is gone shows when somebody holds.
    bob.hold();
    bob.resume();
    let log = || fs::read_to_string(centre.log()).unwrap_or_default();
    until("a line for the operator", A_WHILE, || {
        log()
            .contains(
                "a recorder elsewhere does not hear this call: the recorder is not there any more (trunk recorder)",
            )
            .then_some(())
    });
    let _there = recorder.start();
    begun(&recorder, 2); // the first is salvaged
    thread::sleep(Duration::from_secs(1));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    here.recording().assert_sides(ANN_HZ, BOB_HZ);
    assert_fields(&here.cdr(), &json!({ "ended_by": "caller", "status": 200 }));
    until("two whole recordings elsewhere", A_WHILE, || {
        (files_below(&recorder.recordings(), ".wav").len() == 2).then_some(())
    });
}

#[test]
fn sipp_as_a_recorder_finds_all_that_the_standard_asks_for() {
    let address = SocketAddr::from(([127, 0, 0, 5], ports::block(2)));
    let centre = heard_by("siprec-sipp", address);
    let recorder = Party::new("srs").at(address).expect("recorder_answers", &centre.room, centre.address, &[]);
    let here = centre.start();
    let (mut ann, mut bob) = talk(&centre, &here);
    thread::sleep(Duration::from_secs(2));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    recorder.passes();
}

#[test]
fn a_recorder_that_is_not_there_is_told_of_and_the_call_goes_on() {
    let centre = heard_by("siprec-nobody", SocketAddr::from(([127, 0, 0, 5], ports::block(2))));
    let here = centre.start();
    let (mut ann, mut bob) = talk(&centre, &here);
    until("a line for the operator", A_WHILE, || {
        fs::read_to_string(centre.log()).ok()?.contains("a recorder elsewhere does not hear this call").then_some(())
    });
    thread::sleep(Duration::from_secs(1));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    here.recording().assert_sides(ANN_HZ, BOB_HZ);
}
