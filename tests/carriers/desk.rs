//! The switch on a fake clock, and everybody it speaks with as plain text.

use std::cell::Cell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use base::{Random, Time, WallClock};
use bytes::Bytes;
use centrala::conf::Conf;
use centrala::status::CallStatus;
use centrala::{Input, Output, Switch};
use serde_json::Value;
use sip::digest::{Credentials, respond};
use sip::{Flow, Transport};
use trunk::TrunkStatus;

/// The switch, and what it has said to whom and nobody has looked at.
pub struct Desk {
    pub switch: Switch,
    pub now: Time,
    pub news: Vec<String>,
    pub cdrs: Vec<Value>,
    /// Where media ports were to be bound.
    pub opened: Vec<SocketAddr>,
    folder: PathBuf,
    /// Our own address, as others see it.
    here: Rc<Cell<SocketAddr>>,
    sent: VecDeque<(SocketAddr, String)>,
    counter: u32,
    /// The INVITE of ours that was proven last.
    proven: String,
}

const SWITCH: &str = "192.0.2.1:5060";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n\
                   a=rtpmap:8 PCMA/8000\r\n";
/// Ann's phone.
const ANN: &str = "198.51.100.10:5060";

impl Desk {
    /// A switch with Ann (201) and these files.
    pub fn new(files: &[(&str, &str)]) -> Desk {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("centrala-carriers-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        fs::write(folder.join("switch.toml"), "listen = [\"192.0.2.1:5060\"]\n").expect("a file");
        fs::write(folder.join("people.toml"), "[ann]\nnumber = \"201\"\npassword = \"ann-secret\"\n").expect("a file");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file");
        }
        let conf = Conf::load(&folder).unwrap_or_else(|problems| panic!("{problems}"));
        let clock = WallClock { unix_ms_at_zero: 1_795_430_000_000 };
        let here = Rc::new(Cell::new(SWITCH.parse().expect("an address")));
        let seen = here.clone();
        let switch = Switch::new(&conf, move |_, _| seen.get(), clock, Random::numbered(7));
        let (news, cdrs, opened, sent) = (Vec::new(), Vec::new(), Vec::new(), VecDeque::new());
        Desk { switch, now: Time::ZERO, news, cdrs, opened, folder, here, sent, counter: 0, proven: String::new() }
    }

    /// Registers a person's phone; returns where it is.
    pub fn phone(&mut self, user: &str) -> String {
        let register =
            self.request(ANN, "REGISTER", "sip:192.0.2.1", &format!("<sip:{user}@x>"), &format!("<sip:{user}@x>"));
        let contact = format!("Contact: <sip:{user}@{ANN}>\r\n");
        let challenged = {
            self.say(ANN, &with(&register, &contact, ""));
            self.next(ANN)
        };
        let proven = self.prove(&register, &challenged, user);
        self.say(ANN, &with(&proven, &contact, ""));
        assert_eq!(status(&self.next(ANN)), 200);
        ANN.to_owned()
    }

    /// A person's phone calls a number.
    pub fn dial(&mut self, user: &str, number: &str) {
        self.dial_with(user, number, "");
    }

    /// The same, with more headers.
    pub fn dial_with(&mut self, user: &str, number: &str, more: &str) {
        let uri = format!("sip:{number}@192.0.2.1");
        let invite = self.request(ANN, "INVITE", &uri, &format!("<sip:{user}@x>"), &format!("<{uri}>"));
        let more = format!("Contact: <sip:{user}@{ANN}>\r\n{more}");
        self.sent.retain(|(to, _)| to.to_string() != ANN); // refusals she heard before
        self.say(ANN, &with(&invite, &more, SDP));
        let challenged = self.next_final(ANN);
        if status(&challenged) != 401 {
            return; // not even a call
        }
        self.say(ANN, &ack(&invite, &challenged));
        let proven = self.prove(&invite, &challenged, user);
        self.say(ANN, &with(&proven, &more, SDP));
        self.proven = proven;
    }

    /// The phone that called hears the next answer of that status, and acknowledges a 200.
    pub fn hears_status(&mut self, wanted: u16) -> String {
        loop {
            let answer = self.next(ANN);
            if !answer.starts_with("SIP/2.0") || status(&answer) != wanted {
                continue;
            }
            if wanted == 200 {
                self.counter += 1;
                let (number, invite) = (self.counter, &self.proven);
                let ack = format!(
                    "ACK sip:192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {ANN};branch=z9hG4bKack{number};rport\r\n\
                     Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 2 ACK\r\n",
                    header(invite, "From"),
                    header(&answer, "To"),
                    header(&answer, "Call-ID")
                );
                self.say(ANN, &with(&ack, "", ""));
            }
            return answer;
        }
    }

    /// Somebody calls without a password.
    pub fn invite(&mut self, from_where: &str, uri: &str, from: &str, to: &str, more: &str) -> String {
        let invite = self.request(from_where, "INVITE", uri, from, to);
        self.say(from_where, &with(&invite, &format!("Contact: <sip:caller@{from_where}>\r\n{more}"), SDP));
        invite
    }

    pub fn cancel(&mut self, from_where: &str, invite: &str) {
        self.say(from_where, &with(&invite.replace("INVITE", "CANCEL"), "", ""));
    }

    /// A carrier answers a request of ours.
    pub fn answer(&mut self, from_where: &str, request: &str, status: u16, more: &str) {
        self.say(from_where, &answered(request, status, more, ""));
    }

    /// It takes the call.
    pub fn answer_with_sdp(&mut self, from_where: &str, request: &str) {
        self.answer_saying(from_where, request, "");
    }

    /// The same, with more headers.
    pub fn answer_saying(&mut self, from_where: &str, request: &str, more: &str) {
        let contact = format!("Contact: <sip:callee@{from_where}>\r\n{more}");
        self.say(from_where, &answered(request, 200, &contact, SDP));
    }

    /// It asks something in a call it took.
    pub fn ask_within(&mut self, from_where: &str, invite: &str, (cseq, method): (u32, &str), more: &str) {
        self.counter += 1;
        let (to, number) = (header(invite, "To"), self.counter);
        let request = format!(
            "{method} sip:192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {from_where};branch=z9hG4bKin{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: {to};tag=callee\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:callee@{from_where}>\r\n",
            header(invite, "From"),
            header(invite, "Call-ID")
        );
        self.say(from_where, &with(&request, more, if method == "INVITE" { SDP } else { "" }));
    }

    /// It ends a call it took.
    pub fn bye(&mut self, from_where: &str, invite: &str) {
        self.ask_within(from_where, invite, (1, "BYE"), "");
        // The phone's BYE is answered, and media comes home.
        while let Some(request) = self.maybe(ANN, 1) {
            if request.starts_with("BYE") {
                self.answer(ANN, &request, 200, "");
            }
        }
        self.pass(12);
    }

    /// We are somewhere else now.
    pub fn moves(&mut self, to: &str) {
        self.here.set(to.parse().expect("an address"));
        self.tell(Input::Moved);
    }

    pub fn shut_down(&mut self) {
        self.tell(Input::Shutdown);
    }

    pub fn is_quiet(&self) -> bool {
        self.switch.is_quiet()
    }

    pub fn enable(&mut self, trunk: &str, enabled: bool) {
        let mut out = Vec::new();
        assert!(self.switch.enable_trunk(trunk, enabled, self.now, &mut out));
        self.perform(out);
    }

    pub fn reload(&mut self, files: &[(&str, &str)]) {
        for (name, text) in files {
            fs::write(self.folder.join(name), text).expect("a file");
        }
        let conf = Conf::load(&self.folder).unwrap_or_else(|problems| panic!("{problems}"));
        let mut out = Vec::new();
        self.switch.reload(&conf, self.now, &mut out);
        self.perform(out);
    }

    pub fn trunk(&self, name: &str) -> TrunkStatus {
        self.switch.trunks(self.now).into_iter().find(|trunk| trunk.trunk == name).expect("such a trunk")
    }

    pub fn calls(&self) -> Vec<CallStatus> {
        self.switch.standing().map(|call| CallStatus::of(call, self.now)).collect()
    }

    /// What was said so far is nobody's business any more.
    pub fn forget(&mut self) {
        self.sent.clear();
    }

    /// The next message to that address, within a second.
    pub fn next(&mut self, to: &str) -> String {
        self.next_within(to, 1)
    }

    pub fn next_within(&mut self, to: &str, secs: u64) -> String {
        self.maybe(to, secs).unwrap_or_else(|| panic!("nothing is said to {to} within {secs} s"))
    }

    /// The next request to that address; answers to it are passed over.
    pub fn next_request(&mut self, to: &str) -> String {
        loop {
            let message = self.next(to);
            if !message.starts_with("SIP/2.0") && !message.starts_with("ACK") {
                return message;
            }
        }
    }

    /// The next INVITE to that address; others are passed over.
    pub fn rings(&mut self, to: &str) -> String {
        loop {
            let message = self.next_request(to);
            if message.starts_with("INVITE") {
                return message;
            }
        }
    }

    /// The next final answer to that address.
    pub fn next_final(&mut self, to: &str) -> String {
        loop {
            let message = self.next(to);
            if message.starts_with("SIP/2.0") && status(&message) >= 200 {
                return message;
            }
        }
    }

    pub fn next_final_of(&mut self, _user: &str) -> String {
        self.next_final(ANN)
    }

    /// The next message to that address, if there is one in that time.
    pub fn maybe(&mut self, to: &str, secs: u64) -> Option<String> {
        let to: SocketAddr = to.parse().expect("an address");
        let end = self.now + Duration::from_secs(secs);
        loop {
            if let Some(at) = self.sent.iter().position(|(remote, _)| *remote == to) {
                return self.sent.remove(at).map(|(_, text)| text);
            }
            match self.switch.deadline().filter(|due| *due <= end) {
                Some(due) => {
                    self.now = self.now.max(due);
                    self.tell(Input::Tick);
                }
                None => {
                    self.now = end;
                    return None;
                }
            }
        }
    }

    /// All that is said to anybody in that time.
    pub fn everything_within(&mut self, secs: u64) -> Vec<String> {
        self.pass(secs);
        self.sent.drain(..).map(|(_, text)| text).collect()
    }

    pub fn pass(&mut self, secs: u64) {
        let end = self.now + Duration::from_secs(secs);
        while let Some(due) = self.switch.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.tell(Input::Tick);
        }
        self.now = end;
    }

    fn say(&mut self, from_where: &str, text: &str) {
        let (local, remote) = (SWITCH.parse().expect("ours"), from_where.parse().expect("an address"));
        let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
        self.tell(Input::Sip(sip::Input::Received { flow, bytes: Bytes::from(text.to_owned()) }));
    }

    fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        self.switch.handle(input, self.now, &mut out);
        self.perform(out);
    }

    fn perform(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Send { flow, bytes } => {
                    self.sent.push_back((flow.remote, String::from_utf8_lossy(&bytes).into_owned()))
                }
                Output::Trunk(news) => self.news.push(format!("{news:?}")),
                Output::Media { command: media::Command::Open { local, .. }, .. } => self.opened.push(local),
                Output::Media { command: media::Command::Close { leg }, .. } => {
                    self.tell(Input::Media(media::Event::Closed { leg, stats: Box::default() }));
                }
                Output::OverLimit { account, limit } => self.news.push(format!("OverLimit {account} {limit}")),
                Output::PortsUsedUp { legs } => self.news.push(format!("PortsUsedUp {legs}")),
                Output::Cdr { cdr, .. } => self.cdrs.push(serde_json::to_value(&*cdr).expect("JSON")),
                Output::Fault => panic!("a fault of ours"),
                _ => {}
            }
        }
    }

    fn request(&mut self, from_where: &str, method: &str, uri: &str, from: &str, to: &str) -> String {
        self.counter += 1;
        let number = self.counter;
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {from_where};branch=z9hG4bKt{number};rport\r\nMax-Forwards: 70\r\n\
             From: {from};tag=f{number}\r\nTo: {to}\r\nCall-ID: call-{number}\r\nCSeq: 1 {method}\r\n"
        )
    }

    fn prove(&mut self, request: &str, challenged: &str, user: &str) -> String {
        self.counter += 1;
        let mut words = request.split(' ');
        let (method, uri) = (words.next().expect("a method"), words.next().expect("a URI"));
        let credentials = Credentials { user: user.into(), password: format!("{user}-secret"), realm: None };
        let challenge = header(challenged, "WWW-Authenticate");
        let answer = respond(challenge, &credentials, method, uri, 1, "c0ffee").expect("an answer");
        let again = request.replace(";rport", &format!("p{};rport", self.counter)).replace("CSeq: 1 ", "CSeq: 2 ");
        format!("{again}Authorization: {answer}\r\n")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn with(request: &str, more: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{request}{more}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn ack(invite: &str, refused: &str) -> String {
    let (line, rest) = invite.split_once("\r\n").expect("a request");
    let line = line.replace("INVITE", "ACK");
    let to = format!("To: {}", header(refused, "To"));
    let rest: Vec<&str> = rest.lines().map(|line| if line.starts_with("To:") { &to } else { line }).collect();
    with(&format!("{line}\r\n{}\r\n", rest.join("\r\n").replace("1 INVITE", "1 ACK")), "", "")
}

fn answered(request: &str, status: u16, more: &str, body: &str) -> String {
    let vias = headers(request, "Via").iter().map(|via| format!("Via: {via}\r\n")).collect::<String>();
    let to = header(request, "To");
    let tag = if to.contains(";tag=") { "" } else { ";tag=callee" };
    let head = format!(
        "SIP/2.0 {status} Words\r\n{vias}From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n",
        header(request, "From"),
        header(request, "Call-ID"),
        header(request, "CSeq")
    );
    with(&head, more, body)
}

/// The first header of that name, in the spelling we use.
pub fn header<'a>(message: &'a str, name: &str) -> &'a str {
    headers(message, name).first().copied().unwrap_or_else(|| panic!("no {name} in {message}"))
}

pub fn headers<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let pairs = head.lines().filter_map(|line| line.split_once(": "));
    pairs.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

pub fn status(message: &str) -> u16 {
    message.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {message}"))
}
