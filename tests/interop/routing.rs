//! Where numbers go: by the clock, by hand, by who calls; and what the operator is told of it.

use std::fs;
use std::time::Duration;

use crate::harness::sip::status;
use crate::harness::switch::Centre;
use crate::operate::{Carrier, operate};

/// 610 is open never, by the clock; 611 is for nobody on the list.
const ROUTES: &str = r#"
[hours.office]
zone = "Europe/Zagreb"
open = []

[[route]]
number = "61?"
from = "trunk:carrier"
caller_file = "blocked.txt"
to = "reject:603"

[[route]]
number = "610"
from = "trunk:carrier"
when = "office"
to = "echo"

[[route]]
number = "610"
from = "trunk:carrier"
to = "reject:480"

[[route]]
number = "611"
from = "trunk:carrier"
to = "echo"
language = "hr"
"#;

fn centre(name: &str, blocked: &str) -> (Centre, Carrier) {
    let centre = Centre::new(name);
    let carrier = Carrier::join(&centre);
    centre.add("routes.toml", ROUTES);
    centre.write("blocked.txt", blocked);
    (centre, carrier)
}

#[test]
fn hours_are_opened_by_hand_and_stay_so_over_a_restart() {
    let (centre, mut carrier) = centre("hours", "");
    let mut switch = centre.start();
    assert_eq!(status(&carrier.dial("610")), Some(480));
    let (content, said) = operate(&centre, &["hours", "offic", "open"]);
    assert!(!content && said.contains("no hours \"offic\""), "{said}");
    assert_eq!(operate(&centre, &["hours", "office", "open"]).1, "office is open until it is told otherwise\n");
    let answer = carrier.dial("610");
    assert_eq!(status(&answer), Some(200));
    assert_eq!(status(&carrier.hang_up(&answer)), Some(200));
    switch.process.terminate();
    assert!(switch.process.end_within(Duration::from_secs(8)).success());

    let _switch = centre.start();
    assert_eq!(operate(&centre, &["hours"]).1, "office  open  by hand  Europe/Zagreb\n");
    let answer = carrier.dial("610");
    assert_eq!(status(&answer), Some(200));
    assert_eq!(status(&carrier.hang_up(&answer)), Some(200));
    assert!(operate(&centre, &["hours", "office", "clock"]).0);
    assert_eq!(operate(&centre, &["hours"]).1, "office  closed  always  Europe/Zagreb\n");
    assert_eq!(status(&carrier.dial("610")), Some(480));
}

#[test]
fn whom_nobody_wants_to_hear_is_refused_until_the_list_says_otherwise() {
    let (centre, mut carrier) = centre("blocked", "# trouble\n+38591*   a nuisance\n");
    let switch = centre.start();
    assert_eq!(status(&carrier.dial("611")), Some(603));
    centre.write("blocked.txt", "+38592*\n");
    assert!(operate(&centre, &["reload"]).0);
    let answer = carrier.dial("611");
    assert_eq!(status(&answer), Some(200));
    assert_eq!(status(&carrier.hang_up(&answer)), Some(200));
    let cdr = &switch.cdrs_of(2)[1];
    assert_eq!(cdr["fields"]["language"], "hr", "{cdr}");
    centre.write("blocked.txt", "+38592*\n+385 92\nnonsense;\n");
    assert!(operate(&centre, &["reload"]).1.contains("line 3"));
}

#[test]
fn the_menus_are_checked_and_drawn() {
    let centre = Centre::new("flow-check");
    let run = |words: &[&str]| {
        let output = centre.command(words).output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    assert_eq!(run(&["flow", "check"]), (true, "1 steps; nothing to find fault with\n".to_owned()));
    let (drawn, picture) = run(&["flow", "draw"]);
    assert!(drawn && picture.contains("s_from_20700([\"700\"]) --> s_main"), "{picture}");
    centre.add("menus.toml", "\n[round]\ngreeting = \"welcome\"\notherwise = \"menu:round\"\n");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"701\"\nto = \"menu:round\"\n");
    let (content, said) = run(&["flow", "check"]);
    assert!(!content && said.contains("round: whatever a caller presses there, he comes to nobody"), "{said}");
}

#[test]
fn explain_says_where_a_number_goes_and_why() {
    let (centre, _carrier) = centre("explain", "+38591*\n");
    let explain = |words: &[&str]| {
        let mut command = centre.command(&["route", "explain", "--from", "trunk:carrier", "--at", "2026-12-25T10:00Z"]);
        let output = command.args(words).output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (content, said) = explain(&["610", "--caller", "+4420"]);
    assert!(content, "{said}");
    for line in ["not taken: the caller shows another number", "not taken: office is closed then", "=> reject:480"] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    assert!(explain(&["610", "--caller", "+4420", "--opened", "office"]).1.contains("=> echo"));
    assert!(explain(&["611", "--caller", "+385911"]).1.contains("=> reject:603"));
    assert!(explain(&["611"]).1.contains("=> echo, in hr"));
    assert!(explain(&["699"]).1.contains("no route matches 699"));
    let json: serde_json::Value = serde_json::from_str(&explain(&["611", "--json"]).1).expect("JSON");
    assert_eq!((&json["found"]["to"], &json["found"]["language"]), (&"echo".into(), &"hr".into()));
    let (content, said) = explain(&["610", "--closed", "offic"]);
    assert!(!content && said.contains("no hours \"offic\""), "{said}");
    fs::remove_file(centre.conf().join("blocked.txt")).expect("our own file");
    assert!(!explain(&["610"]).0, "a conf with an error explains nothing");
}
