//! Agents with real phones: what they hear before they have a caller, the key they take him with, and the time after him.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::phone::Phone;
use crate::harness::sipp::Party;
use crate::harness::switch::{WELCOME_HZ, assert_fields};
use crate::harness::until;
use crate::operate::{operate, rows};
use crate::queue_log::{centre_with_a_queue, log_in};

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(10);

#[test]
fn an_agent_hears_for_whom_it_rings_and_takes_the_call_with_a_key() {
    let centre = centre_with_a_queue("agents-accept");
    let takes = "ring_secs = 5\nrecord = true\nwhisper = \"welcome\"\naccept = \"1\"\naccept_secs = 20\n";
    centre.replace("queues.toml", "ring_secs = 1\n", takes);
    centre.add("queues.toml", "\n[dispositions]\n1 = \"sold\"\n2 = \"call again\"\n");
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

    let recording = switch.recording(); // it is closed, and in the archive

    // What the call came to is said afterwards, and once more: the last word counts.
    let dispose = |words: &[&str]| operate(&centre, &[&["agents", "dispose", "bob", "--by", "eve"], words].concat());
    let (content, said) = dispose(&["bought"]);
    assert!(!content && said.contains("[dispositions] has sold, call again"), "{said}");
    assert!(dispose(&["2"]).0 && dispose(&["sold", "--note", "two boxes"]).0);
    let sidecar = recording.file.with_extension("json");
    let told = until("a sidecar that tells it", A_WHILE, || {
        let sidecar: Value = serde_json::from_str(&fs::read_to_string(&sidecar).ok()?).ok()?;
        Some(sidecar["cdr"]["dispositions"].clone()).filter(|said| said.as_array().is_some_and(|all| all.len() == 2))
    });
    assert_fields(&told[0], &json!({ "disposition": "call again", "by": "eve", "how": "command" }));
    assert_fields(&told[1], &json!({ "disposition": "sold", "note": "two boxes" }));
    let cdrs = switch.cdrs_of(3);
    assert_eq!((&cdrs[2]["call"], &cdrs[2]["dispositions"]), (&cdrs[0]["call"], &told), "{cdrs:#?}");
    let report = |by: &str| {
        let command = centre.program(&["report", by, "--json"]).output().expect("a report");
        let text = String::from_utf8_lossy(&command.stdout).into_owned();
        text.lines().next().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).expect("a line")
    };
    for by in ["agents", "queues"] {
        assert_eq!(report(by)["dispositions"], json!({ "sold": 1 }), "{by}");
    }
    let verify = centre.program(&["recordings", "verify"]).output().expect("the archive is looked at");
    assert!(verify.status.success(), "the chain knows of it: {}", String::from_utf8_lossy(&verify.stdout));

    let (anns, bobs) = (ann.heard(), bob.heard());
    assert!(bobs.level(WELCOME_HZ) > bobs.level(BOB_HZ) + 20.0, "he heard for whom it rang");
    assert!(bobs.level(ANN_HZ) > bobs.level(BOB_HZ) + 20.0, "and then her");
    assert!(anns.level(BOB_HZ) > anns.level(WELCOME_HZ) + 20.0, "she heard him and not what he was told");
    recording.assert_sides(ANN_HZ, BOB_HZ);
}

#[test]
fn a_supervisor_moves_a_caller_and_chooses_who_takes_him() {
    let centre = centre_with_a_queue("agents-by-hand");
    centre.add("queues.toml", "\n[queue.other]\nagents = [\"ann\"]\n");
    let switch = centre.start();
    let (ann, bob) = (Party::new("ann"), Party::new("bob"));
    let waits = ann.play("caller_talks", &centre.room, switch.address, "400", &[]);
    let call = until("a caller who waits", A_WHILE, || rows(&centre, &["calls", "--json"]).pop());
    let id = call["call"].as_str().expect("an id");
    let (content, said) = operate(&centre, &["queues", "move", id, "other"]);
    assert!(content && said.contains("waits in other, at place 1"), "{said}");
    log_in(&bob, &centre, &switch); // who does not serve it
    let answers = bob.expect("callee_answers", &centre.room, switch.address, &[]);
    let (content, said) = operate(&centre, &["queues", "take", id, "cid"]);
    assert!(!content && said.contains("cid is logged-out, and cannot be rung now"), "{said}");
    let (content, said) = operate(&centre, &["queues", "take", id, "bob"]);
    assert!(content && said.contains("bob is rung for"), "{said}");
    waits.passes();
    answers.passes();
    let cdr = switch.cdrs_of(2).into_iter().find(|cdr| cdr["called"] == "400").expect("a record");
    assert_fields(&cdr, &json!({ "queue": "other", "queue_outcome": "answered", "answered_by": "bob" }));
    assert_eq!(cdr["path"], json!(["queue:sales", "queue:other"]));
    let (content, said) = operate(&centre, &["agents", "lend", "bob", "other"]);
    assert!(content && said.contains("bob is there for other"), "{said}");
    let agents = rows(&centre, &["agents", "--json"]);
    let bobs = agents.iter().find(|agent| agent["agent"] == "bob").expect("bob");
    assert_eq!(bobs["queues"], json!(["sales", "other"]));
}

#[test]
fn who_wants_to_be_called_back_is_called_after_a_power_cut_too() {
    let centre = centre_with_a_queue("agents-call-back");
    let back = "ring_secs = 10\ncall_back = { key = \"5\", confirm = \"welcome\", retry_secs = 1 }\n";
    centre.replace("queues.toml", "ring_secs = 1\n", back);
    let mut switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    ann.dial(&format!("sip:400@{}", switch.address));
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.press('5');
    thread::sleep(Duration::from_secs(2));
    ann.press('1');
    ann.wait_for("CALL_CLOSED", A_WHILE);
    drop(ann);
    let wish = rows(&centre, &["queues", "call-backs", "--json"]).remove(0);
    assert_fields(&wish, &json!({ "queue": "sales", "number": "201", "tries": 0, "first": "agent" }));
    let queue = rows(&centre, &["queues", "--json"]).remove(0);
    assert_eq!((&queue["call_backs"], &queue["waiting"]), (&1.into(), &1.into()), "it has its place in the line");
    until("a wish on the disk", A_WHILE, || {
        let kept = fs::read_to_string(centre.journal().join("call-backs.json")).unwrap_or_default();
        kept.contains("\"201\"").then_some(())
    });
    switch.process.kill();
    let switch = centre.start();

    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    assert!(operate(&centre, &["agents", "ready", "bob"]).0);
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(2));
    ann.hang_up();
    let cdr = until("a record of it", A_WHILE, || switch.cdrs().into_iter().find(|cdr| cdr["caller"] == "bob"));
    assert_fields(
        &cdr,
        &json!({ "called": "201", "queue": "sales", "answered_by": "ann", "path": ["queue:sales"],
                                "direction": "internal" }),
    );
    assert!(rows(&centre, &["queues", "call-backs", "--json"]).is_empty());
    let told = fs::read_to_string(centre.journal().join("queue_log")).expect("a queue_log");
    assert!(told.contains("|CALLBACK|asked|201|0") && told.contains("|CALLBACK|reached|201|0"), "{told}");
    bob.heard().assert_only("Bob's ear", ANN_HZ, BOB_HZ);
}

#[test]
fn a_threshold_that_is_passed_is_told_of_by_journal_and_command() {
    let centre = centre_with_a_queue("agents-alerts");
    centre.add("queues.toml", "[queue.sales.alerts]\nwaiting = 1\nagents_min = 1\n");
    let told = centre.room.path().join("told");
    let script = format!(
        "echo $CENTRALA_QUEUE $CENTRALA_ALERT $CENTRALA_STATE $CENTRALA_VALUE $CENTRALA_LIMIT >> {}",
        told.display()
    );
    centre.add("switch.toml", &format!("\n[alerts]\nhook = [\"sh\", \"-c\", \"{script}\"]\n"));
    let switch = centre.start();
    let said = |line: &str| {
        let text = fs::read_to_string(&told).unwrap_or_default();
        text.lines().any(|told| told == line).then_some(())
    };
    until("an alert of a queue nobody serves", A_WHILE, || said("sales agents raised 0 1"));
    let ann = Party::new("ann");
    let waits = ann.play("caller_talks", &centre.room, switch.address, "400", &[]);
    until("an alert of a caller who waits", A_WHILE, || said("sales waiting raised 1 1"));
    waits.passes();
    let journal = centre.program(&["journal", "tail"]).output().expect("the journal");
    let text = String::from_utf8_lossy(&journal.stdout).into_owned();
    assert!(text.contains("alert") && text.contains("waiting"), "{text}");
}
