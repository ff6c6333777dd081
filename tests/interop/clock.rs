//! Somebody sets the machine's clock while the switch runs: for the switch alone, by a library that stands before the
//! system's own (`harness/set_clock.c`).

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::harness::process::Process;
use crate::harness::sip::status;
use crate::harness::switch::{Centre, Switch};
use crate::harness::until;
use crate::operate::{Carrier, operate};

const A_WHILE: Duration = Duration::from_secs(30);
const HOUR: i64 = 3_600;
/// When the switch starts, by its clock: before the office opens.
const BEGIN: Timestamp = Timestamp::constant(1_795_519_800, 0); // 2026-11-24T11:30:00Z

const ROUTES: &str = r#"
[hours.office]
zone = "UTC"
open = ["mon-sun 12:00-13:00"]

[[route]]
number = "610"
from = "trunk:carrier"
when = "office"
to = "echo"

[[route]]
number = "610"
from = "trunk:carrier"
to = "reject:480"
"#;

/// The clock of one program.
pub struct SystemClock {
    library: PathBuf,
    file: PathBuf,
    /// What it is off by at the beginning.
    off: i64,
}

impl SystemClock {
    /// One that says this now.
    pub fn that_says(now: Timestamp, centre: &Centre) -> SystemClock {
        let [library, file] = ["set_clock.so", "clock"].map(|name| centre.room.path().join(name));
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).arg(&library);
        cc.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/harness/set_clock.c"));
        let mut cc = Process::start("cc", "gcc", cc, &centre.room.path().join("cc.log"));
        assert!(cc.end_within(A_WHILE).success(), "{}", cc.said());
        let clock = SystemClock { library, file, off: now.as_second() - Timestamp::now().as_second() };
        clock.is_set(0);
        clock
    }

    /// Somebody sets it: it is off by so many seconds more than at the beginning.
    fn is_set(&self, by: i64) {
        let beside = self.file.with_extension("new");
        fs::write(&beside, (self.off + by).to_string()).expect("a file of our own");
        fs::rename(&beside, &self.file).expect("a file of our own");
    }

    pub fn start(&self, centre: &Centre) -> Switch {
        let mut command = centre.command(&["run"]);
        command.env("LD_PRELOAD", &self.library).env("CENTRALA_TEST_CLOCK", &self.file);
        centre.start_by(command)
    }
}

fn noticed(switch: &Switch, times: usize) {
    until("a step that is noticed", A_WHILE, || {
        (switch.process.said().matches("the system's clock was set by").count() == times).then_some(())
    });
}

fn seconds(cdr: &Value, from: &str, to: &str) -> i64 {
    let at = |field: &str| cdr[field].as_str().and_then(|at| at.parse::<Timestamp>().ok()).expect("a date");
    at(to).as_second() - at(from).as_second()
}

#[test]
fn a_clock_that_is_set_changes_dates_and_hours_but_no_length() {
    let centre = Centre::new("clock-set");
    let mut carrier = Carrier::join(&centre);
    centre.add("routes.toml", ROUTES);
    let clock = SystemClock::that_says(BEGIN, &centre);
    let mut switch = clock.start(&centre);
    assert_eq!(status(&carrier.dial("610")), Some(480), "it is before noon");
    let standing = carrier.dial("600");
    assert_eq!(status(&standing), Some(200));

    clock.is_set(HOUR);
    noticed(&switch, 1);
    let in_office = carrier.dial("610");
    assert_eq!(status(&in_office), Some(200), "the office is open by the new clock");
    assert_eq!(status(&carrier.hang_up(&in_office)), Some(200));
    // The call that stood lasts as long as it lasts, and its record is of one piece.
    assert_eq!(status(&carrier.hang_up(&standing)), Some(200));

    clock.is_set(-HOUR);
    noticed(&switch, 2);
    assert_eq!(status(&carrier.dial("610")), Some(480), "and closed by one that was set back");
    let said = switch.process.said();
    for by in ["by +3600.", "by +3599.", "by -7200.", "by -7199."].chunks(2) {
        assert!(by.iter().any(|by| said.contains(by)), "{said}");
    }

    let cdrs = switch.cdrs_of(4);
    let standing = cdrs.iter().find(|cdr| cdr["called"] == "600").expect("one");
    assert!(seconds(standing, "started", "ended") < 60, "{standing:#}");
    for cdr in &cdrs {
        let date = cdr["started"].as_str().unwrap_or_default();
        assert!(
            ["2026-11-24T10:3", "2026-11-24T11:3", "2026-11-24T12:3"].iter().any(|at| date.starts_with(at)),
            "{date}"
        );
    }
    let answered = cdrs.iter().find(|cdr| cdr["called"] == "610" && cdr["answered"].is_string()).expect("one");
    assert!(answered["started"].as_str().is_some_and(|at| at.starts_with("2026-11-24T12:3")), "{answered:#}");

    // What the journal says again is what was said.
    let (content, replayed) = operate_journal(&centre);
    assert!(content, "{replayed}");
    let lines: Vec<Value> = replayed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(cdrs.iter().all(|cdr| lines.contains(cdr)), "{replayed}\n{cdrs:#?}");
    assert!(operate(&centre, &["trunks"]).0);
    switch.process.terminate();
    assert!(switch.process.end_within(A_WHILE).success());
}

fn operate_journal(centre: &Centre) -> (bool, String) {
    let mut command = centre.program(&["journal", "replay", "cdr"]);
    command.arg("--journal").arg(centre.journal());
    let mut process =
        Process::start("centrala", "this very workspace", command, &centre.room.path().join("replay.log"));
    let content = process.end_within(A_WHILE).success();
    (content, process.said())
}
