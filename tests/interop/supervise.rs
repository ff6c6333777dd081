//! A supervisor with a real phone follows an agent over two calls: who hears whom is judged by tones, in every ear and in the
//! recordings.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::phone::Phone;
use crate::harness::sound::{self, Side};
use crate::harness::switch::{Centre, assert_fields};
use crate::harness::{files_below, until};
use crate::operate::operate;

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const CID_HZ: u32 = 2_600;
const A_WHILE: Duration = Duration::from_secs(10);

fn hears(who: &str, ear: &Side, all: &[(u32, bool)]) {
    for (hz, there) in all {
        let level = ear.level(*hz);
        let right = if *there { level > -25.0 } else { level < -45.0 };
        assert!(right, "{who}: {hz} Hz is at {level:.1} dB in {:.2} s, there: {there}", ear.seconds());
    }
}

#[test]
fn who_follows_an_agent_hears_each_of_his_calls_and_is_heard_as_he_chooses() {
    let centre = Centre::new("follows");
    centre.replace("people.toml", "password = \"cid-secret\"", "password = \"cid-secret\"\nsupervises = [\"bob\"]");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    let mut cid = Phone::start(&centre.room, "cid", CID_HZ, switch.address, "tcp");
    let (content, said) = operate(&centre, &["supervise", "cid", "ann"]);
    assert!(!content && said.contains("cid may not hear ann"), "{said}");
    assert!(operate(&centre, &["supervise", "cid", "bob"]).0);
    cid.wait_for("CALL_ESTABLISHED", A_WHILE);
    for keys in ["", "23"] {
        ann.dial(&format!("sip:202@{}", switch.address));
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        thread::sleep(Duration::from_secs(3));
        for key in keys.chars() {
            cid.press(key);
            thread::sleep(Duration::from_secs(3));
        }
        ann.hang_up();
        bob.wait_for("CALL_CLOSED", A_WHILE);
        ann.wait_for("CALL_CLOSED", A_WHILE);
    }
    cid.hang_up();
    // Whose end is written down first of two that end together is no promise.
    let (follows, cdrs): (Vec<Value>, Vec<Value>) =
        switch.cdrs_of(3).into_iter().partition(|cdr| cdr["path"] == json!(["follow"]));
    let heard = |cdr: &Value| -> Vec<String> {
        let rows = cdr["supervisions"].as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| format!("{} {} {}", row["by"], row["how"], row["of"]).replace('"', "")).collect()
    };
    assert_eq!(heard(&cdrs[0]), ["cid listen bob"]);
    assert_eq!(heard(&cdrs[1]), ["cid listen bob", "cid whisper bob", "cid barge bob"]);
    assert_eq!((follows.len(), cdrs.len()), (1, 2), "{cdrs:#?}");
    assert_fields(&follows[0], &json!({ "caller": "cid", "ended_by": "caller" }));
    assert!(cdrs[..2].iter().all(|cdr| cdr["answered_by"] == "bob" && cdr["ended_by"] == "caller"), "{cdrs:#?}");

    let (anns, bobs, cids) = (ann.heard_each(), bob.heard_each(), cid.heard_each());
    assert_eq!((anns.len(), bobs.len()), (2, 2));
    hears("Ann in the first call", &anns[0], &[(BOB_HZ, true), (CID_HZ, false)]);
    hears("Bob in the first call", &bobs[0], &[(ANN_HZ, true), (CID_HZ, false)]);
    hears("Ann in the second call", &anns[1], &[(BOB_HZ, true), (CID_HZ, true)]);
    hears("Bob in the second call", &bobs[1], &[(ANN_HZ, true), (CID_HZ, true)]);
    assert!(bobs[1].level(CID_HZ) > anns[1].level(CID_HZ) + 2.0, "he was whispered to, she was not");
    let all = Side::of(cids.into_iter().flat_map(Side::into_samples).collect());
    hears("Cid", &all, &[(ANN_HZ, true), (BOB_HZ, true), (CID_HZ, false)]);

    let recordings = until("two recordings", A_WHILE, || {
        Some(files_below(&centre.recordings(), ".wav")).filter(|files| files.len() == 2)
    });
    for file in recordings {
        let sides = sound::read(&file);
        hears("the caller's side", &sides[0], &[(ANN_HZ, true), (BOB_HZ, false), (CID_HZ, false)]);
        hears("the agent's side", &sides[1], &[(BOB_HZ, true), (ANN_HZ, false), (CID_HZ, false)]);
    }
}
