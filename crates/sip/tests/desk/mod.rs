//! An endpoint on a fake clock, spoken to in plain text by phones we play ourselves.
#![allow(dead_code)] // each test file uses its part

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{LegId, Random, Time};
use bytes::Bytes;
use sip::digest::{Credentials, Ha1, respond};
use sip::{
    Account, Binding, Command, End, Endpoint, Event, Flow, Hop, Input, Message, Name, NameAddr, Outgoing, Output, Peer,
    SipConf, Transport, wire,
};

pub const OFFER: &str = "v=0 offer";

pub struct Desk {
    pub endpoint: Endpoint,
    pub now: Time,
    /// The flows of what was sent.
    pub flows: Vec<Flow>,
    pub sent: Vec<(SocketAddr, String)>,
    pub events: Vec<Event>,
    /// The streams it closed.
    pub closed: Vec<u64>,
    /// The streams it wants used both ways.
    pub reused: Vec<(u64, String, SocketAddr)>,
    /// All it was told, to be told again by a bench.
    pub log: Vec<(Time, Input)>,
}

/// 192.0.2.7, the address of all phones; they differ by port.
pub fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], port))
}

pub fn trunk() -> SocketAddr {
    "198.51.100.1:5060".parse().unwrap()
}

pub fn udp(remote: SocketAddr) -> Flow {
    Flow { transport: Transport::Udp, local: "203.0.113.5:5060".parse().unwrap(), remote, connection: 0 }
}

pub fn tcp(remote: SocketAddr, connection: u64) -> Flow {
    Flow { transport: Transport::Tcp, connection, ..udp(remote) }
}

pub fn conf() -> SipConf {
    let account =
        |user: &str| (user.to_owned(), Account { ha1: Ha1::of(user, "centrala", "secret"), algorithms: vec![] });
    SipConf {
        accounts: ["101", "102"].map(account).into(),
        trunks: vec![Peer {
            name: "carrier".into(),
            addresses: vec![trunk().ip().into()],
            by_certificate: false,
            port: None,
            line: Some("l1ne".into()),
            credentials: None,
        }],
        expires_spread_percent: 0,
        ..SipConf::default()
    }
}

impl Desk {
    pub fn new() -> Desk {
        Desk::with(conf())
    }

    pub fn with(conf: SipConf) -> Desk {
        let endpoint = Endpoint::new(conf, Random::numbered(1));
        Desk {
            endpoint,
            now: Time::from_millis(1000),
            sent: Vec::new(),
            flows: Vec::new(),
            events: Vec::new(),
            closed: Vec::new(),
            reused: Vec::new(),
            log: Vec::new(),
        }
    }

    pub fn tell(&mut self, input: Input) -> &mut Desk {
        let mut out = Vec::new();
        self.log.push((self.now, input.clone()));
        self.endpoint.handle(input, self.now, &mut out);
        for output in out {
            match output {
                Output::Send { flow, bytes } => {
                    if self.sent.is_empty() {
                        self.flows.clear();
                    }
                    self.flows.push(flow);
                    self.sent.push((flow.remote, String::from_utf8(bytes.to_vec()).unwrap()))
                }
                Output::Event(event) => self.events.push(event),
                Output::Close { connection } => self.closed.push(connection),
                Output::Reuse { connection, trunk, remote } => self.reused.push((connection, trunk, remote)),
            }
        }
        self
    }

    pub fn say(&mut self, flow: Flow, text: &str) -> &mut Desk {
        self.tell(Input::Received { flow, bytes: Bytes::from(text.to_owned()) })
    }

    pub fn command(&mut self, command: Command) -> &mut Desk {
        self.tell(Input::Command(command))
    }

    pub fn pass(&mut self, ms: u64) -> &mut Desk {
        let end = self.now + Duration::from_millis(ms);
        while let Some(due) = self.endpoint.deadline().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.tell(Input::Tick);
        }
        self.now = end;
        self
    }

    /// The first words of what was sent since, `port:words`, and the names of the events.
    pub fn heard(&mut self) -> String {
        let sent = self.sent.drain(..).map(|(to, text)| {
            let mut words = text.split(' ');
            let first = words.next().unwrap();
            let word = if first == "SIP/2.0" { words.next().unwrap() } else { first };
            format!("{}:{word}", to.port())
        });
        let news = self.events.drain(..).filter(|event| !matches!(event, Event::Unreached { .. }));
        let events = news.map(|event| match event {
            Event::Unreached { .. } => unreachable!("left out"),
            Event::Incoming(incoming) => format!("Incoming({})", incoming.called),
            Event::Ringing { status, fork, sdp, .. } => {
                let fork = if fork > 0 { format!(", fork {fork}") } else { String::new() };
                format!("Ringing({status}{}{fork})", if sdp.is_some() { ", sdp" } else { "" })
            }
            Event::Answered { fork, sdp, .. } => {
                let how = if sdp.is_some() { "" } else { "(as before)" };
                format!("Answered{how}{}", if fork > 0 { format!("(fork {fork})") } else { String::new() })
            }
            Event::OfferDue { .. } => "OfferDue".to_owned(),
            Event::Confirmed { sdp, .. } => format!("Confirmed{}", if sdp.is_some() { "(sdp)" } else { "" }),
            Event::Offered { sdp, fork, .. } => {
                let fork = if fork > 0 { format!("(fork {fork})") } else { String::new() };
                format!("Offered{}{fork}", if sdp.is_some() { "(sdp)" } else { "" })
            }
            Event::Refer { referral, .. } => {
                let how = if referral.replaces.is_some() { ", replaces" } else { "" };
                format!("Refer({}{how})", referral.called)
            }
            Event::Metadata { xml, .. } => format!("Metadata({})", String::from_utf8_lossy(&xml)),
            Event::UserToUser { said, .. } => format!("UserToUser({})", said.join(" ")),
            Event::Agreed { .. } => "Agreed".to_owned(),
            Event::Declined { status, .. } => format!("Declined({status})"),
            Event::Digit { digit, .. } => format!("Digit({digit})"),
            Event::Unavailable { retry_after_secs: Some(secs), .. } => format!("Unavailable({secs})"),
            Event::Unavailable { .. } => String::new(),
            Event::Ended { end, .. } => format!("Ended({end:?})"),
            Event::Registered { contact, expires_secs, .. } => format!("Registered({contact} {expires_secs})"),
            Event::Unregistered { contact, .. } => format!("Unregistered({contact})"),
            Event::Refused { account, .. } => format!("Refused({account})"),
            Event::Text { account, called, .. } => format!("Text({account} {called})"),
            Event::Said { is_info, .. } => {
                if is_info {
                    "Said(INFO)".to_owned()
                } else {
                    "Said".to_owned()
                }
            }
            Event::Named { place } => format!("Named({place})"),
            Event::Published { account } => format!("Published({account})"),
            Event::Subscribes(asks) => format!("Subscribes({} {} {})", asks.watcher, asks.package.word(), asks.called),
            Event::Banned(ban) => format!("Banned({})", ban.account.as_deref().unwrap_or("*")),
            Event::Flooded { .. } => "Flooded".to_owned(),
            Event::RequestDone { status, cseq, .. } => format!("Done({status} {cseq})"),
        });
        sent.chain(events).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// What was sent since, whole.
    pub fn texts(&mut self) -> Vec<String> {
        self.events.clear();
        self.sent.drain(..).map(|(_, text)| text).collect()
    }

    pub fn both(&mut self) -> (Vec<String>, Vec<Event>) {
        (self.sent.drain(..).map(|(_, text)| text).collect(), self.events.drain(..).collect())
    }

    pub fn events(&mut self) -> Vec<Event> {
        self.sent.clear();
        self.events.drain(..).collect()
    }

    /// The one thing sent since.
    pub fn text(&mut self) -> String {
        let mut texts = self.texts();
        assert_eq!(texts.len(), 1, "{texts:?}");
        texts.remove(0)
    }

    /// Registers a phone and forgets what was said.
    pub fn register(&mut self, user: &str, flow: Flow) {
        let phone = Phone::new(user, flow);
        let register = phone.request("REGISTER", "sip:centrala", 1).set("To", &format!("<sip:{user}@centrala>"));
        let challenged = self.say(flow, &register.print()).text();
        let register = register.again(2, &challenged, user, "secret");
        self.say(flow, &register.print());
        let heard = self.heard();
        assert!(heard.contains(":200 Registered"), "{heard}");
    }

    /// Rings an incoming call from a registered phone: the leg, and the INVITE that made it.
    pub fn incoming(&mut self, phone: &Phone) -> (LegId, Text) {
        let invite = phone.request("INVITE", "sip:102@centrala", 1).body(OFFER);
        let challenged = self.say(phone.flow, &invite.print()).text();
        self.say(phone.flow, &invite.ack(&challenged).print());
        let invite = invite.again(2, &challenged, &phone.user, "secret");
        self.say(phone.flow, &invite.print());
        let leg = self.events().into_iter().find_map(|event| match event {
            Event::Incoming(incoming) => Some(incoming.leg),
            _ => None,
        });
        (leg.unwrap(), invite)
    }

    /// A call between two phones by way of us, as the switch makes it, up to the last ACK: its two legs, their 200s'
    /// dialogs told by the 200 to the caller and our INVITE.
    pub fn bridged(&mut self, caller: &Phone, callee: &Phone) -> Bridged {
        let (leg, invite) = self.incoming(caller);
        let (other, onward) = self.outgoing(callee.flow, None);
        self.say(callee.flow, &Text::answer(&onward, 180, "t").print());
        self.command(Command::Ring { leg, status: 180, sdp: None });
        self.say(callee.flow, &Text::answer(&onward, 200, "t").body(OFFER).print());
        self.texts();
        let ok = self.command(Command::Answer { leg, sdp: OFFER.into() }).text();
        self.say(caller.flow, &caller.within(&ok, "ACK", invite.cseq()).print());
        Bridged { leg, other, ok, onward }
    }

    /// The caller hangs up, and so we do.
    pub fn hung_up(&mut self, call: &Bridged, caller: &Phone, callee: &Phone) {
        self.say(caller.flow, &caller.within(&call.ok, "BYE", 3).print());
        self.texts();
        let bye = self.command(Command::HangUp { leg: call.other, status: None }).text();
        self.say(callee.flow, &Text::answer(&bye, 200, "").print());
    }

    /// An incoming call that stands; the 200 to it.
    pub fn standing(&mut self, phone: &Phone) -> (LegId, String) {
        let (leg, invite) = self.incoming(phone);
        let ok = self.command(Command::Answer { leg, sdp: "v=0 answer".into() }).text();
        self.say(phone.flow, &phone.within(&ok, "ACK", invite.cseq()).print());
        assert_eq!(self.heard(), "Confirmed");
        (leg, ok)
    }

    /// Sends an INVITE: the leg, and the INVITE.
    pub fn outgoing(&mut self, flow: Flow, credentials: Option<Credentials>) -> (LegId, String) {
        self.outgoing_to(flow, vec![], credentials)
    }

    /// Sends an INVITE to an account's phone that may go elsewhere.
    pub fn outgoing_of(&mut self, account: &str, to: &Binding, others: Vec<Hop>) -> (LegId, String) {
        let hop = Hop { uri: to.contact.clone(), routes: to.path.to_vec(), flow: to.flow };
        self.outgoing_as(account, hop, others, None)
    }

    /// Sends an INVITE that may go elsewhere.
    pub fn outgoing_to(&mut self, flow: Flow, others: Vec<Hop>, credentials: Option<Credentials>) -> (LegId, String) {
        let hop = Hop { uri: "sip:102@10.0.0.9:5062;ob".to_owned(), routes: vec![], flow };
        self.outgoing_as("102", hop, others, credentials)
    }

    fn outgoing_as(
        &mut self,
        called: &str,
        hop: Hop,
        others: Vec<Hop>,
        credentials: Option<Credentials>,
    ) -> (LegId, String) {
        let leg = self.endpoint.new_leg();
        let address = |user: &str| NameAddr::new(format!("sip:{user}@centrala"));
        let (from, to) = (address("101"), address(called));
        let invite = Outgoing {
            uri: hop.uri,
            flow: hop.flow,
            from,
            to,
            sdp: OFFER.into(),
            credentials,
            headers: hop.routes.into_iter().map(|hop| (Name::Route, hop)).collect(),
            remove: vec![],
            patience: None,
            others,
        };
        self.command(Command::Invite { leg, invite: Box::new(invite) });
        (leg, self.text())
    }
}

/// A call between two phones.
pub struct Bridged {
    pub leg: LegId,
    pub other: LegId,
    ok: String,
    pub onward: String,
}

impl Bridged {
    /// Bytes it takes itself.
    pub fn weight(&self) -> usize {
        self.ok.capacity() + self.onward.capacity() + size_of::<Bridged>()
    }
}

/// A phone we play.
pub struct Phone {
    pub user: String,
    pub flow: Flow,
}

impl Phone {
    pub fn new(user: &str, flow: Flow) -> Phone {
        Phone { user: user.to_owned(), flow }
    }

    /// A request outside of any dialog, with a Call-ID of its user and port.
    pub fn request(&self, method: &str, uri: &str, cseq: u32) -> Text {
        let port = self.flow.remote.port();
        let (user, transport) = (&self.user, self.flow.transport.as_str());
        Text::new(&[
            (&format!("{method} {uri} SIP/2.0"), ""),
            ("Via", &format!("SIP/2.0/{transport} 10.0.0.9:5062;branch=z9hG4bK{method}{port}n{cseq};rport")),
            ("Max-Forwards", "70"),
            ("From", &format!("<sip:{user}@centrala>;tag=f{port}")),
            ("To", "<sip:102@centrala>"),
            ("Call-ID", &format!("{method}-{port}")),
            ("CSeq", &format!("{cseq} {method}")),
            ("Contact", &format!("<sip:{user}@10.0.0.9:{port};ob>")),
        ])
    }

    /// A request in the dialog that our call made: `ok` is the endpoint's 200.
    pub fn within(&self, ok: &str, method: &str, cseq: u32) -> Text {
        let contact = header(ok, "Contact");
        let uri = contact.split(['<', '>']).nth(1).unwrap_or(contact);
        let mut text = self.request(method, uri, cseq).set("To", header(ok, "To")).set("From", header(ok, "From"));
        text = text.set("Call-ID", header(ok, "Call-ID"));
        let branch =
            format!("SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKin{method}{cseq}x{};rport", self.flow.remote.port());
        text.set("Via", &branch)
    }

    /// A request in the dialog that the endpoint's call made: `invite` is its INVITE, `tag` ours.
    pub fn within_theirs(&self, invite: &str, tag: &str, method: &str, cseq: u32) -> Text {
        let uri = header(invite, "Contact").trim_matches(['<', '>']).to_owned();
        let from = format!("{};tag={tag}", header(invite, "To"));
        self.request(method, &uri, cseq)
            .set("To", header(invite, "From"))
            .set("From", &from)
            .set("Call-ID", header(invite, "Call-ID"))
            .set("Via", &format!("SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKin{method}{cseq};rport"))
    }
}

/// A message, header by header.
#[derive(Clone)]
pub struct Text {
    lines: Vec<(String, String)>,
    body: String,
}

impl Text {
    fn new(lines: &[(&str, &str)]) -> Text {
        let lines = lines.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Text { lines, body: String::new() }
    }

    /// An answer to a request of the endpoint's.
    pub fn answer(request: &str, status: u16, tag: &str) -> Text {
        let copied = ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| (name, header(request, name)));
        let mut text = Text::new(&copied);
        text.lines.insert(0, (format!("SIP/2.0 {status} Words"), String::new()));
        let to = header(request, "To");
        if !tag.is_empty() && !to.contains(";tag=") {
            text = text.set("To", &format!("{to};tag={tag}"));
        }
        if (101..300).contains(&status) {
            text = text.set("Contact", "<sip:102@10.0.0.9:5062;ob>");
        }
        text
    }

    pub fn set(mut self, name: &str, value: &str) -> Text {
        match self.lines.iter_mut().find(|(known, _)| known == name) {
            Some(line) => line.1 = value.to_owned(),
            None => self.lines.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    pub fn add(mut self, name: &str, value: &str) -> Text {
        self.lines.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Text {
        self.lines.retain(|(known, _)| known != name);
        self
    }

    pub fn first_line(mut self, line: &str) -> Text {
        self.lines[0].0 = line.to_owned();
        self
    }

    pub fn body(self, body: &str) -> Text {
        self.typed(body, "application/sdp")
    }

    pub fn typed(mut self, body: &str, kind: &str) -> Text {
        self.body = body.to_owned();
        self.set("Content-Type", kind)
    }

    pub fn cseq(&self) -> u32 {
        self.value("CSeq").split(' ').next().unwrap().parse().unwrap()
    }

    pub fn value(&self, name: &str) -> &str {
        &self.lines.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// The same request with the next number and an answer to the first challenge.
    pub fn again(&self, cseq: u32, challenged: &str, user: &str, password: &str) -> Text {
        self.again_with(cseq, challenged, user, password, 1)
    }

    pub fn again_with(&self, cseq: u32, challenged: &str, user: &str, password: &str, nc: u32) -> Text {
        let start = self.lines[0].0.clone();
        let mut words = start.split(' ');
        let (method, uri) = (words.next().unwrap(), words.next().unwrap());
        let credentials = Credentials { user: user.into(), password: password.into(), realm: None };
        let challenge = header(challenged, "WWW-Authenticate");
        let authorization = respond(challenge, &credentials, method, uri, nc, "c0ffee").unwrap();
        let via = self.value("Via").replace(";rport", &format!("a{cseq};rport"));
        self.clone().set("CSeq", &format!("{cseq} {method}")).set("Via", &via).set("Authorization", &authorization)
    }

    /// The ACK of a refusal.
    pub fn ack(&self, refused: &str) -> Text {
        self.derived("ACK").set("To", header(refused, "To"))
    }

    pub fn cancel(&self) -> Text {
        self.derived("CANCEL")
    }

    fn derived(&self, method: &str) -> Text {
        let line = self.lines[0].0.replace("INVITE", method);
        let cseq = format!("{} {method}", self.cseq());
        let kept = ["Via", "Max-Forwards", "From", "To", "Call-ID"];
        let mut text = Text { lines: vec![(line, String::new())], body: String::new() };
        for name in kept {
            text = text.set(name, self.value(name));
        }
        text.set("CSeq", &cseq)
    }

    pub fn print(&self) -> String {
        let mut text = format!("{}\r\n", self.lines[0].0);
        for (name, value) in &self.lines[1..] {
            text += &format!("{name}: {value}\r\n");
        }
        text + &format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body)
    }
}

/// A header of a printed message.
pub fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).split_once(": ").unwrap().1
}

pub fn status(text: &str) -> u16 {
    text.split(' ').nth(1).unwrap().parse().unwrap()
}

/// What is sent can be read.
pub fn read(text: &str) -> Message {
    wire::read(&Bytes::from(text.to_owned()), true, &wire::Limits::default()).unwrap()
}

pub fn ends(events: &[Event]) -> HashMap<LegId, Vec<End>> {
    let mut ends: HashMap<_, Vec<_>> = HashMap::new();
    for event in events {
        if let Event::Ended { leg, end } = event {
            ends.entry(*leg).or_default().push(*end);
        }
    }
    ends
}
