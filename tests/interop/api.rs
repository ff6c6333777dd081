//! The door for programs, as curl comes to it: commands, refusals, and what is written down as it comes.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::ports;
use crate::harness::process::Process;
use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, Switch};
use crate::harness::until;
use crate::queue_log::{centre_with_a_queue, log_in};

const CRM: &str = "crm-0123456789abcdef0123456789abcdef";
const BOARD: &str = "board-0123456789abcdef0123456789abcdef";

struct Door {
    centre: Centre,
    switch: Switch,
    address: SocketAddr,
}

impl Door {
    fn open(name: &str) -> Door {
        let centre = centre_with_a_queue(name);
        let address = SocketAddr::from(([127, 0, 0, 1], ports::block(2)));
        centre.write("api.toml", &conf(address, CRM));
        private(&centre);
        let switch = centre.start();
        Door { centre, switch, address }
    }

    fn curl(&self, words: &[&str], path: &str) -> Command {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--no-buffer", "--max-time", "20"]);
        command.args(words).arg(format!("http://{}{path}", self.address));
        command
    }

    /// The status, and what was said.
    fn control(&self, token: &str, body: &str) -> (u16, Value) {
        let bearer = format!("Authorization: Bearer {token}");
        let words = ["--header", bearer.as_str(), "--data-binary", body, "--write-out", "\n%{http_code}"];
        let said = self.curl(&words, "/control").output().expect("curl");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let said = String::from_utf8(said.stdout).expect("text");
        let (body, status) = said.rsplit_once('\n').expect("a status at the end");
        (status.parse().expect("a status"), serde_json::from_str(body).unwrap_or_default())
    }

    /// Bob's state, as it is told here.
    fn bob(&self) -> String {
        let (status, said) = self.control(BOARD, r#"{"ask":"agents"}"#);
        assert_eq!(status, 200, "{said}");
        let agents = said["rows"].as_array().expect("rows");
        let bob = agents.iter().find(|agent| agent["agent"] == "bob").expect("bob");
        bob["state"].as_str().unwrap_or_default().to_owned()
    }

    /// What is said to these bytes.
    fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).expect("a door");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time above zero");
        let _ = stream.write_all(bytes); // it may have heard enough before the end
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said); // a reset ends it, too
        String::from_utf8_lossy(&said).into_owned()
    }
}

fn conf(address: SocketAddr, crm: &str) -> String {
    format!(
        "listen = \"{address}\"\n[client.crm]\ntoken = \"{crm}\"\nmay_change = true\n[client.board]\ntoken = \"{BOARD}\"\n"
    )
}

/// The journal's entries.
fn written(centre: &Centre) -> Vec<Value> {
    let journal = centre.program(&["journal", "tail", "--lines", "500", "--json"]).output().expect("the journal");
    String::from_utf8_lossy(&journal.stdout).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn private(centre: &Centre) {
    let file = centre.conf().join("api.toml");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("our own file");
}

#[test]
fn a_program_does_what_the_command_line_does_and_is_named() {
    let door = Door::open("api-control");
    let (ann, bob) = (Party::new("ann"), Party::new("bob"));
    log_in(&bob, &door.centre, &door.switch);
    for (order, state) in [
        (json!({ "pause": { "reason": "lunch" } }), "paused"),
        (json!("ready"), "available"),
        (json!("log-out"), "logged-out"),
        (json!("ready"), "available"),
    ] {
        let body = json!({ "ask": "agent", "agent": "bob", "order": order }).to_string();
        let (status, said) = door.control(CRM, &body);
        assert_eq!((status, said["done"]["agent"].as_str()), (200, Some("bob")), "{body}: {said}");
        assert!(door.bob().starts_with(state), "{} after {body}", door.bob());
    }
    let answers = bob.expect("callee_answers", &door.centre.room, door.switch.address, &[]);
    ann.play("caller_talks", &door.centre.room, door.switch.address, "400", &[]).passes();
    answers.passes();
    let (status, said) = door.control(CRM, r#"{"ask":"dispose","account":"bob","note":"wants a car","by":"eve"}"#);
    assert_eq!(status, 200, "{said}");
    let told = until("the note in the journal", Duration::from_secs(10), || {
        let told = written(&door.centre);
        told.iter().any(|entry| entry["record"]["call"]["what"]["disposed"]["by"] == "eve (crm)").then_some(told)
    });
    let by: Vec<_> = told.iter().filter(|entry| entry["record"]["told"]["by"] == "api crm").collect();
    assert_eq!(by.len(), 5, "{by:#?}");
    assert_eq!(by[0]["record"]["told"]["told"]["order"]["pause"]["reason"], "lunch");
}

#[test]
fn who_may_not_come_in_is_told_so() {
    let door = Door::open("api-refused");
    let pause = r#"{"ask":"agent","agent":"bob","order":"log-out"}"#;
    let long = format!(r#"{{"ask":"queues"{}}}"#, " ".repeat(70_000));
    for (token, body, status) in [
        ("", r#"{"ask":"queues"}"#, 401),
        ("crm", r#"{"ask":"queues"}"#, 401),
        (&CRM[..CRM.len() - 1], r#"{"ask":"queues"}"#, 401),
        (BOARD, r#"{"ask":"queues"}"#, 200),
        (BOARD, pause, 403),
        (BOARD, r#"{"ask":"drain","limit_secs":0}"#, 403),
        (CRM, r#"{"ask":"whatever"}"#, 400),
        (CRM, r#"{"ask":"trace","follow":true}"#, 400),
        (CRM, "", 400),
        (CRM, long.as_str(), 413),
        (CRM, r#"{"ask":"agent","agent":"nobody","order":"ready"}"#, 409),
        (CRM, r#"{"ask":"supervise","supervisor":"ann","agent":"bob"}"#, 409),
    ] {
        let (said, why) = door.control(token, body);
        assert_eq!(said, status, "{token} {body:.60}: {why}");
        assert_eq!(status == 200, why["failed"].is_null(), "{why}");
    }
    for (request, status) in [
        (format!("GET /control HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CRM}\r\n\r\n"), "405"),
        (
            format!("POST /nothing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CRM}\r\nConnection: close\r\n\r\n"),
            "404",
        ),
        ("GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "401"),
        (format!("GET /events HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000)), "431"),
    ] {
        let said = door.raw(request.as_bytes());
        assert!(said.split_whitespace().nth(1) == Some(status) || (status == "431" && said.is_empty()), "{said}");
    }
    // A token that is taken back is none from the next request on.
    door.centre.write("api.toml", &conf(door.address, "crm-another-token-another-token-another"));
    private(&door.centre);
    assert_eq!(door.control(CRM, r#"{"ask":"reload"}"#).0, 200);
    assert_eq!(door.control(CRM, r#"{"ask":"queues"}"#).0, 401);
}

#[test]
fn what_is_written_down_is_followed_and_nothing_of_it_missed() {
    let door = Door::open("api-events");
    let bearer = format!("Authorization: Bearer {BOARD}");
    let follow = |name: &str, last: &str| {
        let last = format!("Last-Event-ID: {last}");
        let command = door.curl(&["--header", &bearer, "--header", &last], "/events");
        Process::start("curl", "curl", command, &door.centre.room.path().join(name))
    };
    let mut first = follow("first", "");
    until("the stream", Duration::from_secs(10), || first.said().contains("this is centrala").then_some(()));
    let bob = Party::new("bob");
    log_in(&bob, &door.centre, &door.switch);
    let entries = |said: &str| -> Vec<Value> {
        let lines = said.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let is_available = |entry: &Value| entry["record"]["queue"]["agent-is"]["state"] == "available";
    let told = until("bob at work", Duration::from_secs(10), || {
        let told = entries(&first.said());
        told.iter().any(is_available).then_some(told)
    });
    let number = |entry: &Value| entry["number"].as_u64().expect("a number");
    assert!(told.windows(2).all(|two| number(&two[1]) == number(&two[0]) + 1), "{told:#?}");
    first.terminate();
    let _ = first.end_within(Duration::from_secs(10));
    // Who comes again gets what came meanwhile, and goes on.
    let last = number(&told[0]);
    let (status, _) = door.control(CRM, r#"{"ask":"agent","agent":"bob","order":"log-out"}"#);
    assert_eq!(status, 200);
    let again = follow("again", &last.to_string());
    let later = until("bob gone", Duration::from_secs(10), || {
        let later = entries(&again.said());
        let is_gone = |entry: &Value| entry["record"]["queue"]["agent-is"]["state"] == "logged-out";
        later.iter().any(is_gone).then_some(later)
    });
    assert_eq!(number(&later[0]), last + 1, "{later:#?}");
    assert_eq!(later[..told.len() - 1], told[1..], "the same, as it was told");
    let entries = written(&door.centre);
    assert!(later.iter().all(|entry| entries.contains(entry)), "{later:#?}");
}
