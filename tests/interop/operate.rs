//! The operator's commands, against the real program: what is listed, reloaded and drained while a call stands.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::harness::process::Process;
use crate::harness::sip::{Line, status};
use crate::harness::switch::{Centre, Switch};
use crate::harness::until;

/// Runs a command for the running switch. Tells whether it was content, and all it said.
pub fn operate(centre: &Centre, words: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_centrala"));
    command.args(words).arg("--socket").arg(centre.journal());
    let mut process = Process::start("centrala", "this very workspace", command, &centre.room.path().join("said.log"));
    let content = process.end_within(Duration::from_secs(10)).success();
    (content, process.said())
}

pub fn rows(centre: &Centre, words: &[&str]) -> Vec<Value> {
    let (content, said) = operate(centre, words);
    assert!(content, "{said}");
    said.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

/// A carrier that says what it is told to.
pub struct Carrier {
    pub line: Line,
    switch: std::net::SocketAddr,
    calls: u32,
}

impl Carrier {
    /// A centre with a carrier that may dial 600, the echo; the switch is yet to be started.
    pub fn join(centre: &Centre) -> Carrier {
        let at = centre.add_carrier();
        centre.add("routes.toml", "\n[[route]]\nnumber = \"600\"\nfrom = \"trunk:carrier\"\nto = \"echo\"\n");
        Carrier { line: Line::udp(at, centre.address), switch: centre.address, calls: 0 }
    }

    /// Dials, and acknowledges the final answer: it is returned.
    pub fn dial(&mut self, number: &str) -> String {
        self.dial_offering(number, "m=audio 4000 RTP/AVP 0\r\n")
    }

    /// The same with this medium.
    pub fn dial_offering(&mut self, number: &str, medium: &str) -> String {
        self.calls += 1;
        let ip = self.line.local().ip();
        let sdp = format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n{medium}");
        let invite = self.request("INVITE", &format!("<sip:{number}@{}>", self.switch), "i", &sdp);
        self.line.send(invite.as_bytes());
        let answer = self.answer("INVITE");
        let to = header(&answer, "To").to_owned();
        let branch = if status(&answer) == Some(200) { "a" } else { "i" };
        let ack = self.request("ACK", &to, branch, "");
        self.line.send(ack.as_bytes());
        answer
    }

    /// Hangs up the call with this answer.
    pub fn hang_up(&mut self, answer: &str) -> String {
        let last = std::mem::replace(&mut self.calls, number(answer));
        let bye = self.request("BYE", header(answer, "To"), "b", "").replace("CSeq: 1", "CSeq: 99");
        self.calls = last;
        self.line.send(bye.as_bytes());
        self.answer("BYE")
    }

    /// Presses a key by INFO; `press` counts them.
    pub fn press_by_info(&mut self, answer: &str, key: char, press: usize) {
        let body = format!("Signal={key}\r\nDuration=100\r\n");
        let info = self.request("INFO", header(answer, "To"), &format!("k{press}-"), &body);
        let info = info.replace("CSeq: 1", &format!("CSeq: {}", press + 2));
        self.line.send(info.replace("application/sdp", "application/dtmf-relay").as_bytes());
        assert_eq!(status(&self.answer("INFO")), Some(200));
    }

    fn request(&self, method: &str, to: &str, branch: &str, body: &str) -> String {
        let (local, number) = (self.line.local(), self.calls);
        let uri = to.split(['<', '>']).nth(1).unwrap_or_default();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{branch}{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:+385911234567@{local}>;tag=c{number}\r\nTo: {to}\r\nCall-ID: carrier-{number}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:{local}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// The final answer to a request of ours.
    fn answer(&mut self, method: &str) -> String {
        loop {
            let message = self.line.receive(Duration::from_secs(5)).expect("a final answer");
            let final_one = status(&message).is_some_and(|status| status >= 200);
            if final_one && header(&message, "CSeq").ends_with(method) {
                return message;
            }
        }
    }
}

/// Which of the carrier's calls a message belongs to.
fn number(message: &str) -> u32 {
    header(message, "Call-ID").trim_start_matches("carrier-").parse().unwrap_or_default()
}

pub fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_default()
}

fn started(name: &str) -> (Centre, Carrier, Switch) {
    let centre = Centre::new(name);
    let carrier = Carrier::join(&centre);
    let switch = centre.start();
    (centre, carrier, switch)
}

#[test]
fn without_a_switch_commands_say_what_to_do() {
    let centre = Centre::new("no-switch");
    let (content, said) = operate(&centre, &["calls"]);
    assert!(!content && said.contains("no switch answers") && said.contains("centrala run"), "{said}");
}

#[test]
fn calls_are_listed_while_they_stand() {
    let (centre, mut carrier, _switch) = started("calls-listed");
    assert_eq!(operate(&centre, &["calls"]), (true, "no calls\n".to_owned()));
    let answer = carrier.dial("600");
    let calls = rows(&centre, &["calls", "--json"]);
    assert_eq!(calls.len(), 1);
    assert_eq!([&calls[0]["caller"], &calls[0]["called"], &calls[0]["at"]], ["+385911234567", "600", "echo"]);
    assert_eq!((&calls[0]["answered"], &calls[0]["direction"]), (&Value::Bool(true), &Value::from("inbound")));
    assert_eq!(status(&carrier.hang_up(&answer)), Some(200));
    assert_eq!(rows(&centre, &["calls", "--json"]), Vec::<Value>::new());
    assert_eq!(operate(&centre, &["phones"]), (true, "no phones\n".to_owned()));
}

#[test]
fn the_socket_is_the_owners_alone_and_goes_with_the_switch() {
    use std::os::unix::fs::PermissionsExt;
    let (centre, _carrier, mut switch) = started("socket-mode");
    let socket = centre.journal().join("centrala.sock");
    let mode = fs::metadata(&socket).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    switch.process.terminate();
    assert!(switch.process.end_within(Duration::from_secs(8)).success());
    assert!(!socket.exists());
}

#[test]
fn a_reload_is_applied_whole_or_not_at_all_and_harms_no_call() {
    let (centre, mut carrier, switch) = started("reload");
    let standing = carrier.dial("600");
    assert_eq!(status(&carrier.dial("+38515559999")), Some(404));

    let more = "\n[[route]]\nnumber = \"+38515559999\"\nfrom = \"trunk:carrier\"\nto = \"tone\"\n";
    centre.add("routes.toml", more);
    centre.add("people.toml", "\n[dora]\nnumbr = \"1\"\n");
    let (content, said) = operate(&centre, &["reload"]);
    assert!(!content && said.contains("nothing was changed") && said.contains("numbr"), "{said}");
    assert_eq!(status(&carrier.dial("+38515559999")), Some(404), "half a conf is in force");

    centre.replace("people.toml", "numbr = \"1\"", "number = \"204\"");
    centre.replace("switch.toml", "timeout_secs = 60", "timeout_secs = 50");
    let (content, said) = operate(&centre, &["reload"]);
    assert!(content && said.contains("4 people") && said.contains("timeout_secs"), "{said}");
    assert!(said.lines().any(|line| line.trim_start().starts_with("dora ")), "her password is shown: {said}");
    let tone = carrier.dial("+38515559999");
    assert_eq!(status(&tone), Some(200));
    assert_eq!(rows(&centre, &["calls", "--json"]).len(), 2, "the call from before stands");
    assert!(!switch.process.said().contains("dora "), "no password in the log");

    // SIGHUP does the same.
    centre.replace("routes.toml", "to = \"tone\"\n", "to = \"reject:486\"\n");
    switch.process.hang_up();
    until("the new conf", Duration::from_secs(5), || (status(&carrier.dial("+38515559999"))? == 486).then_some(()));
    assert_eq!(status(&carrier.hang_up(&standing)), Some(200));
}

#[test]
fn a_drained_switch_ends_when_its_last_call_does() {
    let (centre, mut carrier, mut switch) = started("drain");
    let standing = carrier.dial("600");
    assert_eq!(operate(&centre, &["drain"]), (true, "no new calls are taken; 1 to go\n".to_owned()));
    let refused = carrier.dial("600");
    assert_eq!((status(&refused), header(&refused, "Retry-After")), (Some(503), "5"));
    assert!(switch.process.ended().is_none(), "the call still stands");
    assert_eq!(status(&carrier.hang_up(&standing)), Some(200));
    assert!(switch.process.end_within(Duration::from_secs(5)).success());
    switch.cdrs_of(2);
}

#[test]
fn a_drain_has_a_limit() {
    let (centre, mut carrier, mut switch) = started("drain-limit");
    carrier.dial("600");
    let (content, said) = operate(&centre, &["drain", "--limit", "1"]);
    assert!(content, "{said}");
    let bye = until("a BYE", Duration::from_secs(5), || {
        carrier.line.receive(Duration::from_secs(1)).filter(|message| message.starts_with("BYE"))
    });
    let echoed: Vec<&str> = bye.lines().filter(|line| !line.starts_with("BYE") && !line.starts_with("User")).collect();
    carrier.line.send(format!("SIP/2.0 200 OK\r\n{}\r\n\r\n", echoed.join("\r\n").trim_end()).as_bytes());
    assert!(switch.process.end_within(Duration::from_secs(6)).success());
}

#[test]
fn who_guesses_is_banned_and_unbanned_by_command() {
    let centre = Centre::new("bans");
    let switch = centre.start();
    assert_eq!(operate(&centre, &["bans"]), (true, "no bans\n".to_owned()));
    let mut line = Line::udp(crate::harness::sip::anywhere(switch.address), switch.address);
    let local = line.local();
    let mut register = |n: u32, password: &str| {
        let mut ask = |step: u32, authorization: &str| {
            let request = format!(
                "REGISTER sip:centrala SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKg{n}x{step};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:ann@centrala>;tag=g{n}\r\nTo: <sip:ann@centrala>\r\nCall-ID: g{n}\r\n\
                 CSeq: {step} REGISTER\r\nContact: <sip:ann@{local}>\r\n{authorization}Content-Length: 0\r\n\r\n"
            );
            line.send(request.as_bytes());
            line.receive(Duration::from_secs(5)).expect("an answer")
        };
        let challenged = ask(1, "");
        let ann = sip::digest::Credentials { user: "ann".to_owned(), password: password.to_owned(), realm: None };
        let challenge = header(&challenged, "WWW-Authenticate");
        let answer = sip::digest::respond(challenge, &ann, "REGISTER", "sip:centrala", 1, "c").expect("a challenge");
        status(&ask(2, &format!("Authorization: {answer}\r\n")))
    };
    let statuses: Vec<_> = (0..11).filter_map(|n| register(n, "guess")).collect();
    assert_eq!(statuses, [&[401; 10][..], &[403]].concat());
    assert_eq!(register(11, "ann-secret"), Some(403), "the right password comes too late");
    let bans = rows(&centre, &["bans", "--json"]);
    assert_eq!((bans.len(), &bans[0]["source"], &bans[0]["account"]), (1, &"127.0.0.1".into(), &"ann".into()));
    assert!(!operate(&centre, &["unban", "zoe"]).0);
    assert_eq!(operate(&centre, &["unban", "ann"]), (true, "1 ban(s) ended\n".to_owned()));
    assert_eq!(register(12, "ann-secret"), Some(200));
    let (content, said) = operate(&centre, &["phones"]);
    assert!(content && said.starts_with("ann "), "{said}");
}

#[test]
fn a_call_is_traced_as_a_ladder_and_as_a_file_for_wireshark() {
    let (centre, mut carrier, _switch) = started("trace");
    let answer = carrier.dial("600");
    let call = rows(&centre, &["calls", "--json"])[0]["call"].as_str().expect("an id").to_owned();
    carrier.hang_up(&answer);
    let other = carrier.dial("600");
    carrier.hang_up(&other);

    let pcap = centre.room.path().join("call.pcap");
    let (content, said) = operate(&centre, &["trace", "--call", &call, "--pcap", &pcap.display().to_string()]);
    assert!(content, "{said}");
    let mut from = 0;
    for rung in ["<──── 127.0.0.2", "INVITE sip:600@", "100 Trying", "────>", "200 OK", "ACK", "BYE", "200 OK"]
    {
        from += said[from..].find(rung).unwrap_or_else(|| panic!("{rung} is not in its place: {said}"));
    }
    assert_eq!(said.matches("BYE sip:").count(), 1, "the other call's messages are not in: {said}");

    let mut tshark = Command::new("tshark");
    tshark.args(["-d", &format!("udp.port=={},sip", centre.address.port()), "-T", "fields", "-e", "sip.Method"]);
    tshark.arg("-e").arg("sip.Status-Code").arg("-r").arg(&pcap);
    let output = tshark.output().expect("tshark; it comes with the package of that name (./dev test installs it)");
    let read = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = read.split_whitespace().collect();
    assert_eq!(words.first(), Some(&"INVITE"), "{read}");
    assert!(words.contains(&"200") && words.contains(&"BYE"), "{read}");

    let (content, said) = operate(&centre, &["trace", "--user", "+385911234567", "--full"]);
    assert!(content && said.matches("BYE sip:").count() == 4, "each in its rung and whole: {said}");
    let (content, said) = operate(&centre, &["trace", "--call", "nobody"]);
    assert!(!content && said.contains("no message"), "{said}");
}

#[test]
fn a_trace_that_is_followed_shows_what_is_said_from_now_on() {
    let (centre, mut carrier, _switch) = started("follow");
    let log = centre.room.path().join("followed.log");
    let mut trace = Command::new(env!("CARGO_BIN_EXE_centrala"));
    trace.args(["trace", "--user", "+385911234567", "--follow", "--socket"]).arg(centre.journal());
    let followed = Process::start("centrala trace --follow", "this package", trace, &log);
    until("the trace to follow, by a message of which it tells", Duration::from_secs(10), || {
        let answer = carrier.dial("600");
        carrier.hang_up(&answer);
        followed.said().contains("INVITE sip:600@").then_some(())
    });
    let before = followed.said().matches("BYE sip:").count();
    let answer = carrier.dial("600");
    carrier.hang_up(&answer);
    until("the hanging up to be told", Duration::from_secs(5), || {
        (followed.said().matches("BYE sip:").count() > before).then_some(())
    });
}
