//! A power cut in the middle of a queue: who was at work is so again, who waited has not waited for nothing, and what was
//! counted is still counted.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::harness::sip::status;
use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, Switch};
use crate::harness::{files_below, until};
use crate::operate::{Carrier, operate, rows};
use crate::queue_log::{centre_with_a_queue, log_in};

fn agents(centre: &Centre) -> Vec<(String, String, u64)> {
    let agent = |row: &Value| {
        let state = match row["reason"].as_str() {
            Some(reason) => reason.to_owned(),
            None => row["state"].as_str().unwrap_or_default().to_owned(),
        };
        (row["agent"].as_str().unwrap_or_default().to_owned(), state, row["calls"].as_u64().unwrap_or_default())
    };
    rows(centre, &["agents", "--json"]).iter().map(agent).collect()
}

fn is(agent: &str, state: &str, calls: u64) -> (String, String, u64) {
    (agent.to_owned(), state.to_owned(), calls)
}

#[test]
fn agents_and_waiting_callers_survive_a_power_cut() {
    let centre = centre_with_a_queue("restart");
    let mut carrier = Carrier::join(&centre);
    centre.add("routes.toml", "\n[[route]]\nnumber = \"400\"\nfrom = \"trunk:carrier\"\nto = \"queue:sales\"\n");
    let mut switch = centre.start();
    let (ann, bob, cid) = (Party::new("ann"), Party::new("bob"), Party::new("cid"));
    log_in(&bob, &centre, &switch);
    let answers = bob.expect("callee_answers", &centre.room, switch.address, &[]);
    ann.play("caller_talks", &centre.room, switch.address, "400", &[]).passes();
    answers.passes();
    for (agent, number) in [(&bob, "*13"), (&cid, "*11"), (&cid, "*13")] {
        agent.play("caller_waits_for_bye", &centre.room, switch.address, number, &[]).passes();
    }
    cid.register(&centre.room, switch.address);
    cid.play("caller_waits_for_bye", &centre.room, switch.address, "*11", &[]).passes();
    // Bob is at lunch, and Cid's phone is busy with nothing at all: his next call is not answered.
    let rung = cid.expect("callee_is_cancelled", &centre.room, switch.address, &[]);
    assert_eq!(status(&carrier.dial("400")), Some(200));
    until("a caller who has waited for a while", Duration::from_secs(20), || {
        let calls = rows(&centre, &["calls", "--json"]);
        calls.iter().any(|call| call["position"] == 1 && call["secs"].as_u64() >= Some(4)).then_some(())
    });
    rung.passes();
    let before = agents(&centre);
    assert_eq!(before, [is("bob", "lunch", 1), is("cid", "no answer", 0)]);
    cid.play("caller_waits_for_bye", &centre.room, switch.address, "*13", &[]).passes();
    switch.process.kill();

    let mut switch = centre.start();
    assert_eq!(agents(&centre), [is("bob", "lunch", 1), is("cid", "lunch", 0)], "{before:?}");
    // Ann comes first; who had waited before the cut is ahead of her.
    let waits = ann.play("caller_talks", &centre.room, switch.address, "400", &[]);
    until("ann to wait", Duration::from_secs(5), || {
        rows(&centre, &["calls", "--json"]).iter().any(|call| call["position"] == 1).then_some(())
    });
    assert_eq!(status(&carrier.dial("400")), Some(200));
    let calls = rows(&centre, &["calls", "--json"]);
    let places = calls.iter().map(|call| (call["caller"].as_str().unwrap_or_default(), call["position"].as_u64()));
    let wanted = [("ann", Some(2)), ("+385911234567", Some(1))];
    assert_eq!(places.collect::<Vec<_>>(), wanted, "{calls:#?}");
    waits.passes();

    // Who was free is so again when his phone is there, and a second cut before that changes nothing.
    cid.play("caller_waits_for_bye", &centre.room, switch.address, "*13", &[]).passes();
    bob.register(&centre.room, switch.address);
    bob.play("caller_waits_for_bye", &centre.room, switch.address, "*11", &[]).passes();
    until("bob to be at work", Duration::from_secs(5), || (agents(&centre)[0].1 != "lunch").then_some(()));
    switch.process.kill();
    let mut switch = centre.start();
    assert_eq!(agents(&centre), [is("bob", "switch restarted", 1), is("cid", "lunch", 0)]);
    switch.process.kill();
    let switch = centre.start();
    assert_eq!(agents(&centre), [is("bob", "switch restarted", 1), is("cid", "lunch", 0)]);
    bob.register(&centre.room, switch.address);
    until("bob to be free", Duration::from_secs(5), || (agents(&centre)[0] == is("bob", "available", 1)).then_some(()));
}

#[test]
fn phones_that_did_not_notice_a_power_cut_ring_after_it() {
    let centre = Centre::new("phones-kept");
    let mut switch = centre.start();
    let (ann, bob) = (Party::new("ann"), Party::new("bob"));
    bob.register(&centre.room, switch.address);
    until("a phone that is kept", Duration::from_secs(10), || {
        let mut kept = false;
        journal::Phones::open(&centre.journal()).ok()?.each(|account, _| kept |= account == "bob").ok()?;
        kept.then_some(())
    });
    let at = |phone: &Value| (phone["account"].clone(), phone["contact"].clone());
    let before: Vec<_> = rows(&centre, &["phones", "--json"]).iter().map(at).collect();
    assert_eq!(before.len(), 1, "{before:?}");
    switch.process.kill();

    let mut switch = centre.start();
    assert_eq!(rows(&centre, &["phones", "--json"]).iter().map(at).collect::<Vec<_>>(), before);
    let answers = bob.expect("callee_answers", &centre.room, switch.address, &[]);
    ann.play("caller_talks", &centre.room, switch.address, "202", &[]).passes();
    answers.passes();
    switch.process.terminate();
    assert!(switch.process.end_within(Duration::from_secs(10)).success());
    let _switch = centre.start();
    assert_eq!(rows(&centre, &["phones", "--json"]).len(), 1, "a restart in order forgets nobody either");
}

#[test]
fn reports_are_the_same_on_a_copy_with_the_switch_off() {
    let centre = centre_with_a_queue("report");
    let mut switch = centre.start();
    let (ann, bob) = (Party::new("ann"), Party::new("bob"));
    log_in(&bob, &centre, &switch);
    let answers = bob.expect("callee_answers", &centre.room, switch.address, &[]);
    ann.play("caller_talks", &centre.room, switch.address, "400", &[]).passes();
    answers.passes();
    let report = |folder: &std::path::Path, words: &[&str]| {
        let mut command = centre.program(words);
        let output = command.arg("--journal").arg(folder).output().expect("the program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let row = until("a conversation that is over", Duration::from_secs(5), || {
        let said = report(&centre.journal(), &["report", "queues", "--json"]);
        let row: Value = serde_json::from_str(said.lines().next()?).expect("JSON");
        (row["completed"] == 1).then_some(row)
    });
    assert_eq!((&row["queue"], &row["offered"], &row["service_level"]), (&"sales".into(), &1.into(), &1.0.into()));
    assert_eq!((&row["first_contact_resolution"], &row["transfers"]), (&1.0.into(), &0.into()), "{row:#}");
    let talked = row["talk_secs_sum"].as_f64().expect("a number");
    assert!((1.0..4.0).contains(&talked), "{row:#}");
    let cdrs: String = until("two call records", Duration::from_secs(5), || {
        let files = files_below(&centre.journal(), ".jsonl");
        let text = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect::<String>();
        (text.lines().count() == 2).then_some(text)
    });
    switch.process.kill();

    let copy = centre.room.folder("copy");
    for name in ["journal.sqlite", "journal.sqlite-wal"] {
        fs::copy(centre.journal().join(name), copy.join(name)).expect("a copy");
    }
    for words in [
        &["report", "queues"][..],
        &["report", "agents", "--csv"],
        &["report", "intervals", "--interval", "1m", "--csv"],
        &["report", "agents", "--interval", "15m", "--json"],
        &["journal", "replay", "queue-log"],
        &["journal", "tail"],
    ] {
        assert_eq!(report(&copy, words), report(&centre.journal(), words), "{words:?}");
        assert!(!report(&copy, words).is_empty(), "{words:?}");
    }
    let agents = report(&copy, &["report", "agents", "--csv"]);
    let mut lines = agents.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (head, bob) = (lines.next().expect("a head"), lines.next().expect("a line"));
    let column = |name: &str| bob[head.iter().position(|column| *column == name).expect("a column")];
    assert_eq!((column("agent"), column("answered"), column("offers")), ("bob", "1", "1"));
    let talking: f64 = column("talking_secs").parse().expect("seconds");
    assert!((talking - talked).abs() < 0.01, "{agents}");

    // What follows from the entries is said again, byte for byte.
    let replayed = report(&copy, &["journal", "replay", "queue-log"]);
    assert_eq!(replayed, fs::read_to_string(centre.journal().join("queue_log")).expect("written"));
    let replayed = report(&copy, &["journal", "replay", "cdr"]);
    assert_eq!(replayed, cdrs);
    let tail = report(&copy, &["journal", "tail", "--lines", "100"]);
    assert!(tail.contains("queue left outcome={\"answered\":{\"agent\":\"bob\"}}"), "{tail}");
}

#[test]
fn a_followed_journal_tells_what_comes() {
    let centre = Centre::new("tail");
    let mut carrier = Carrier::join(&centre);
    let _switch = centre.start();
    let mut tail = centre.program(&["journal", "tail", "--follow", "--json", "--journal"]);
    tail.arg(centre.journal());
    let log = centre.room.path().join("tail.log");
    let tail = crate::harness::process::Process::start("centrala journal tail", "this package", tail, &log);
    until("what is there", Duration::from_secs(5), || tail.said().contains("\"started\"").then_some(()));
    let answer = carrier.dial("600");
    carrier.hang_up(&answer);
    until("what comes", Duration::from_secs(5), || tail.said().contains("{\"over\":").then_some(()));
    let numbers: Vec<u64> =
        tail.said().lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let (content, said) = operate(&centre, &["calls"]);
    assert!(content, "{said}");
}

/// A stolen password gains nothing by a power cut: who is blocked stays so, and what was used is used.
#[test]
fn who_is_blocked_goes_outside_no_more_after_a_power_cut_either() {
    let centre = Centre::new("blocked");
    centre.add_carrier();
    centre.add("switch.toml", "\n[limits]\nblock_after = 1\noutside_never = [\"0900\", \"90900\"]\n");
    let mut switch = centre.start();
    let ann = Party::new("ann");
    let refused = |switch: &Switch, number: &str| {
        ann.play("caller_refused", &centre.room, switch.address, number, &[("STATUS", "403")]).passes();
    };
    refused(&switch, "909001");
    refused(&switch, "909002");
    assert!(operate(&centre, &["bans"]).1.contains("ann"));
    let file = centre.room.path().join("journal/people-used.json");
    let is_kept = || fs::read_to_string(&file).is_ok_and(|text| text.contains("\"blocked\":true")).then_some(());
    until("a block that is kept", Duration::from_secs(20), is_kept);
    switch.process.kill();

    let switch = centre.start();
    let (content, said) = operate(&centre, &["bans"]);
    assert!(content && said.contains("ann"), "{said}");
    refused(&switch, "9385911234567");
    assert!(operate(&centre, &["unban", "ann"]).0);
    assert!(!operate(&centre, &["bans"]).1.contains("ann"));
}
