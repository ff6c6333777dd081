//! Two real softphones through the real switch: who hears whom is judged by tones, in the ear and in the recording.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::files_below;
use crate::harness::phone::Phone;
use crate::harness::sound;
use crate::harness::switch::{Centre, Switch, WELCOME_HZ, assert_fields};

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const CID_HZ: u32 = 2_600;
/// baresip 1.0 takes away what lies above 1.3 kHz when it brings its tone up to 16 kHz.
const LOW_HZ: u32 = 1_100;
const A_WHILE: Duration = Duration::from_secs(10);

fn dial(phone: &mut Phone, switch: &Switch, number: &str) {
    phone.dial(&format!("sip:{number}@{}", switch.address));
}

/// Ann calls bob, and hangs up when they have talked for so long.
fn talk(ann: &mut Phone, bob: &mut Phone, switch: &Switch, long: Duration) {
    dial(ann, switch, "202");
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(long);
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
}

#[test]
fn two_phones_hear_each_other_and_the_recording_has_each_on_its_side() {
    for (anns, bobs) in [("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp")] {
        let centre = Centre::new("two-phones");
        let switch = centre.start();
        let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, anns);
        let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, bobs);
        talk(&mut ann, &mut bob, &switch, Duration::from_secs(3));

        let cdr = switch.cdr();
        let wanted = json!({ "caller": "ann", "called": "202", "answered_by": "bob", "ended_by": "caller",
                             "status": 200, "direction": "internal", "path": ["person:bob"] });
        assert_fields(&cdr, &wanted);
        let talked = cdr["talk_secs"].as_f64().expect("a number");
        assert!((2.5..5.0).contains(&talked), "{cdr:#}");
        ann.heard().assert_only("Ann's ear", BOB_HZ, ANN_HZ);
        bob.heard().assert_only("Bob's ear", ANN_HZ, BOB_HZ);

        let recording = switch.recording();
        recording.assert_sides(ANN_HZ, BOB_HZ);
        assert!((recording.caller.seconds() - talked).abs() < 0.2, "{} s, {cdr:#}", recording.caller.seconds());
        assert_eq!(recording.sidecar["cdr"]["talk_secs"], cdr["talk_secs"]);
        assert_eq!(recording.sidecar["salvaged"], Value::Null);
        let name = recording.file.file_stem().and_then(|name| name.to_str()).expect("a plain name");
        assert!(name.ends_with(&format!("_internal_-_bob_{}_1", cdr["call"].as_str().expect("an id"))), "{name}");
    }
}

#[test]
fn a_wideband_phone_and_one_of_g711_hear_each_other() {
    for (anns, codecs) in [("opus/48000/2", ["OPUS", "PCMA"]), ("g722/16000/1", ["G722", "PCMA"])] {
        let centre = Centre::new("wideband");
        let switch = centre.start();
        let mut ann = Phone::speaking(&centre.room, "ann", ANN_HZ, switch.address, "udp", anns);
        let mut bob = Phone::speaking(&centre.room, "bob", BOB_HZ, switch.address, "udp", "pcma");
        talk(&mut ann, &mut bob, &switch, Duration::from_secs(3));

        let cdr = switch.cdr();
        assert_fields(&cdr, &json!({ "caller": "ann", "called": "202", "answered_by": "bob", "status": 200 }));
        ann.heard().assert_only("Ann's ear", BOB_HZ, ANN_HZ);
        bob.heard().assert_only("Bob's ear", ANN_HZ, BOB_HZ);
        let recording = switch.recording();
        recording.assert_sides(ANN_HZ, BOB_HZ);
        assert_eq!(codecs_of(&cdr), codecs);
    }
}

/// What the legs of a call spoke, by name.
fn codecs_of(cdr: &Value) -> Vec<&str> {
    let legs = cdr["media"].as_array().into_iter().flatten();
    let mut codecs: Vec<&str> = legs.filter_map(|leg| leg["codec"].as_str()).collect();
    codecs.sort_unstable();
    codecs
}

#[test]
fn wideband_phones_are_not_transcoded_and_hear_the_prompts() {
    for (codecs, codec) in [("opus/48000/2,pcma", "OPUS"), ("g722/16000/1,pcma", "G722")] {
        let centre = Centre::new("wideband-both");
        let switch = centre.start();
        let mut ann = Phone::speaking(&centre.room, "ann", ANN_HZ, switch.address, "udp", codecs);
        let mut bob = Phone::speaking(&centre.room, "bob", LOW_HZ, switch.address, "udp", codecs);
        talk(&mut ann, &mut bob, &switch, Duration::from_secs(2));
        let cdr = switch.cdr();
        ann.heard().assert_only("Ann's ear", LOW_HZ, ANN_HZ);
        bob.heard().assert_only("Bob's ear", ANN_HZ, LOW_HZ);
        assert_eq!(codecs_of(&cdr), [codec, codec]);
    }
    for codecs in ["opus/48000/2", "g722/16000/1"] {
        let centre = Centre::new("wideband-prompt");
        let switch = centre.start();
        let mut ann = Phone::speaking(&centre.room, "ann", ANN_HZ, switch.address, "udp", codecs);
        dial(&mut ann, &switch, "601");
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        thread::sleep(Duration::from_secs(2));
        ann.hang_up();
        ann.heard().assert_only("Ann's ear", 1_004, ANN_HZ);
    }
    for (codecs, rate, hz) in [("opus/48000/2", 48_000, 7_000), ("g722/16000/1", 16_000, 6_000)] {
        let centre = Centre::new("wideband-file");
        sound::write_tone_at(rate, &centre.conf().join("prompts/welcome.wav"), hz, 1, 2);
        let switch = centre.start();
        let mut ann = Phone::speaking(&centre.room, "ann", ANN_HZ, switch.address, "udp", codecs);
        dial(&mut ann, &switch, "602");
        ann.wait_for("CALL_CLOSED", A_WHILE);
        let share = sound::share(&ann.heard_file(), hz);
        assert!(share > 0.8, "{codecs}: {share} of what was heard is the prompt");
    }
}

#[test]
fn what_is_said_in_wideband_is_recorded_so_and_what_is_not_is_8_khz() {
    for (khz_max, codecs, rate) in [("16", "g722", 16_000), ("8", "g722", 8_000), ("48", "pcma", 8_000)] {
        let centre = Centre::new("wideband-recorded");
        centre.replace("switch.toml", "[recording]", &format!("[recording]\nrate_khz_max = {khz_max}"));
        let switch = centre.start();
        let [anns, bobs] = match codecs {
            "g722" => [6_000, 5_100],
            _ => [ANN_HZ, BOB_HZ],
        };
        let phone = |user: &str, hz| match codecs {
            "g722" => Phone::wideband(&centre.room, user, hz, switch.address),
            _ => Phone::start(&centre.room, user, hz, switch.address, "udp"),
        };
        let (mut ann, mut bob) = (phone("ann", anns), phone("bob", bobs));
        talk(&mut ann, &mut bob, &switch, Duration::from_secs(3));
        let file = switch.recording().file;
        let wav = hound::WavReader::open(&file).expect("a WAV file");
        assert_eq!(wav.spec().sample_rate, rate, "{codecs}, at most {khz_max} kHz");
        let samples: Vec<i16> = wav.into_samples().map(|sample| sample.expect("a sample")).collect();
        for (channel, hz, other) in [(0, anns, bobs), (1, bobs, anns)] {
            let side: Vec<i16> = samples.iter().skip(channel).step_by(2).copied().collect();
            let side = &side[rate as usize / 2..side.len() - rate as usize / 2];
            // At 8 kHz all that a phone above 4 kHz says is gone.
            let level = sound::level_at(side, rate, hz);
            match hz < rate / 2 {
                true => assert!((level + 10.0).abs() < 1.5, "{codecs} {rate}: {hz} Hz at {level} dB"),
                false => assert!(audio::rms_dbfs(side) < -30.0, "{codecs} {rate}: little is left of {hz} Hz"),
            }
            if other < rate / 2 {
                let other = sound::level_at(side, rate, other);
                assert!(other < -45.0, "{codecs} {rate}: the other side at {other} dB");
            }
        }
    }
}

#[test]
fn the_echo_number_gives_back_what_is_said() {
    let centre = Centre::new("echo");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    dial(&mut ann, &switch, "600");
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(2));
    ann.hang_up();
    assert_fields(&switch.cdr(), &json!({ "called": "600", "path": ["echo"], "ended_by": "caller", "status": 200 }));
    ann.heard().assert_only("Ann's ear", ANN_HZ, BOB_HZ);
}

#[test]
fn a_tone_number_sounds_and_an_announcement_ends_by_itself() {
    for (number, hz) in [("601", 1_004), ("602", WELCOME_HZ)] {
        let centre = Centre::new("tone");
        let switch = centre.start();
        let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
        dial(&mut ann, &switch, number);
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        if number == "601" {
            thread::sleep(Duration::from_secs(2));
            ann.hang_up();
        }
        ann.wait_for("CALL_CLOSED", A_WHILE);
        let by = if number == "601" { "caller" } else { "switch" };
        assert_fields(&switch.cdr(), &json!({ "called": number, "ended_by": by, "status": 200 }));
        ann.heard().assert_only("Ann's ear", hz, ANN_HZ);
    }
}

#[test]
fn a_key_in_the_menu_leads_to_the_other_phone() {
    let centre = Centre::new("menu");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    dial(&mut ann, &switch, "700");
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_millis(1500)); // the greeting, and some more
    ann.press('1');
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(3));
    bob.hang_up();
    ann.wait_for("CALL_CLOSED", A_WHILE);
    let wanted = json!({ "called": "700", "path": ["menu:main", "person:bob"], "answered_by": "bob",
                         "ended_by": "agent", "status": 200 });
    let cdr = switch.cdr();
    assert_fields(&cdr, &wanted);
    let call = cdr["call"].as_str().expect("a call's number");
    let words = ["flow", "trace", "--json", "--call", call, "--journal"];
    let traced = centre.program(&words).arg(centre.journal()).output().expect("the program runs");
    let traced = String::from_utf8(traced.stdout).expect("text");
    let visits: Vec<Value> = traced.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let nodes: Vec<_> = visits.iter().map(|visit| visit["node"].as_str().expect("a name")).collect();
    assert_eq!(nodes, ["700", "menu:main", "person:bob"]);
    let ms = |at: usize| visits[at]["length_ms"].as_u64().expect("it is over");
    assert!(ms(1) >= 1_500 && ms(2) >= 3_000, "{traced}");
    assert_eq!(visits[1]["met"], json!(["answered"]));
    assert_eq!(visits[2]["met"], json!(["talks with bob", "ended by the other party: bye"]));
    let report = centre.program(&["report", "menus", "--json", "--journal"]).arg(centre.journal()).output();
    let report: Value = serde_json::from_slice(&report.expect("the program runs").stdout).expect("one line of JSON");
    let wanted = json!({ "step": "menu:main", "visits": 1, "calls": 1, "hung_up": 0, "next": { "person:bob": 1 } });
    assert_fields(&report, &wanted);
    bob.heard().assert_only("Bob's ear", ANN_HZ, WELCOME_HZ);
    let ann = ann.heard();
    assert!(
        ann.level(BOB_HZ) > -18.0 && ann.level(WELCOME_HZ) > -20.0,
        "{} {}",
        ann.level(BOB_HZ),
        ann.level(WELCOME_HZ)
    );
    let recording = switch.recording();
    recording.caller.assert_only("the caller's side", ANN_HZ, WELCOME_HZ);
    recording.party.assert_only("the party's side", BOB_HZ, WELCOME_HZ);
}

#[test]
fn a_name_spelled_with_keys_leads_to_the_other_phone() {
    let centre = Centre::new("names");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"701\"\nto = \"menu:names\"\n");
    centre.add("menus.toml", "\n[names]\ngreeting = \"welcome\"\nnames = true\n");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    dial(&mut ann, &switch, "701");
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_millis(500));
    for key in "262".chars() {
        ann.press(key);
        thread::sleep(Duration::from_millis(300));
    }
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    bob.hang_up();
    ann.wait_for("CALL_CLOSED", A_WHILE);
    assert_fields(&switch.cdr(), &json!({ "path": ["menu:names", "person:bob"], "answered_by": "bob" }));
}

#[test]
fn nobody_at_the_menu_presses_a_key() {
    let centre = Centre::new("no-key");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    dial(&mut ann, &switch, "700");
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_CLOSED", 2 * A_WHILE); // two tries of greeting and patience
    assert_fields(&switch.cdr(), &json!({ "called": "700", "ended_by": "switch", "answered_by": null }));
}

#[test]
fn of_two_phones_that_answer_at_once_one_gets_the_call() {
    let centre = Centre::new("race");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    let mut cid = Phone::start(&centre.room, "cid", CID_HZ, switch.address, "udp");
    dial(&mut ann, &switch, "800");
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(2));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    cid.wait_for("CALL_CLOSED", A_WHILE);
    let cdr = switch.cdr();
    let (here, absent) = match cdr["answered_by"].as_str() {
        Some("bob") => (BOB_HZ, CID_HZ),
        Some("cid") => (CID_HZ, BOB_HZ),
        _ => panic!("nobody answered: {cdr:#}"),
    };
    ann.heard().assert_only("Ann's ear", here, absent);
}

#[test]
fn sigterm_ends_calls_with_bye_and_closes_recordings() {
    let centre = Centre::new("sigterm");
    let mut switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "tcp");
    dial(&mut ann, &switch, "202");
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(2));
    switch.process.terminate();
    ann.wait_for("CALL_CLOSED", Duration::from_secs(3));
    bob.wait_for("CALL_CLOSED", Duration::from_secs(3));
    let status = switch.process.end_within(Duration::from_secs(8));
    assert!(status.success(), "{status}");
    let cdr = switch.cdr();
    assert_fields(&cdr, &json!({ "ended_by": "switch", "cause": "shutdown", "status": 200 }));
    assert!((1.5..4.0).contains(&cdr["talk_secs"].as_f64().expect("a number")), "{cdr:#}");
    let recording = switch.recording();
    recording.assert_sides(ANN_HZ, BOB_HZ);
    assert_eq!(recording.sidecar["salvaged"], Value::Null);
    assert!(files_below(&centre.recordings(), ".part").is_empty());
}

#[test]
fn after_kill_the_next_start_salvages_all_but_the_last_second() {
    let centre = Centre::new("kill");
    let mut switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    dial(&mut ann, &switch, "202");
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    let began = Instant::now();
    thread::sleep(Duration::from_millis(3_700));
    let parts = files_below(&centre.recordings(), ".wav.part");
    assert_eq!(parts.len(), 1, "{parts:?}");
    let talked = began.elapsed();
    switch.process.kill();
    let at_the_instant = sound::read(&parts[0]); // opens as it is
    assert!(at_the_instant[0].seconds() + 1.0 >= talked.as_secs_f64(), "{} s", at_the_instant[0].seconds());
    drop(switch);

    let switch = centre.start();
    let recording = switch.recording();
    assert!(recording.caller.seconds() + 1.0 >= talked.as_secs_f64(), "{} s of {talked:?}", recording.caller.seconds());
    recording.assert_sides(ANN_HZ, BOB_HZ);
    assert_eq!(recording.sidecar["salvaged"], json!(true));
    assert_eq!(recording.sidecar["cdr"]["caller"], json!("ann"));
    assert!(files_below(&centre.recordings(), ".part").is_empty());
    let log = fs::read_to_string(centre.room.path().join("centrala.log")).expect("the switch's log");
    assert!(log.contains("salvaged") || log.contains("kill"), "the operator is told:\n{log}");
    // The journal, too, has an end for the call: at the last thing that was known of it.
    let cdr = switch.cdr();
    assert_eq!(
        (&cdr["cause"], &cdr["ended_by"], &cdr["answered_by"]),
        (&json!("crash"), &json!("switch"), &json!("bob"))
    );
}
