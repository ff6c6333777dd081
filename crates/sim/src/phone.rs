//! A small telephone: the stranger who checks the switch.
//!
//! Where it stands: scripts, storms and the demo push its buttons and carry its datagrams. It borrows `sip`'s reading
//! and writing of messages, but none of its transactions or dialogs: what both sides believe about RFC 3261 is believed
//! twice. One call at a time; a second caller hears busy. UDP only.
//!
//! What it does by itself: repeats what is not answered (§17.1), answers challenges (RFC 7616), says ACK, answers BYE,
//! CANCEL, OPTIONS and re-INVITEs, refreshes its registration, talks and listens.

mod asked;
mod asks;
mod call;
mod changes;
mod ear;
mod hears;
mod said;
mod voice;
mod watches;
mod words;

use std::collections::VecDeque;
use std::time::Duration;

use base::{Random, Time};
use bytes::Bytes;
use sip::{Message, Method, Name, Request, Response, wire};

pub use ear::Ear;
pub use words::{By, Command, Dial, Event, Hold, Input, Keys, Manner, Output, PhoneConf, Subscribe, Text};

use asked::Asked;
use call::{PhoneCall, State};
use said::{Answers, Due};
use voice::Voice;
use watches::Watch;

/// One phone.
///
/// ```
/// use base::{Random, Time};
/// use sim::phone::{Command, Input, Output};
/// let mut phone = sim::Phone::new(sim::phone::example("ann"), Random::numbered(1));
/// let mut out = Vec::new();
/// phone.handle(Input::Command(Command::Register { expires_secs: 300 }), Time::ZERO, &mut out);
/// assert!(matches!(&out[..], [Output::Event(_), Output::Sip { bytes, .. }] if bytes.starts_with(b"REGISTER sip:")));
/// ```
#[derive(Debug)]
pub struct Phone {
    conf: PhoneConf,
    random: Random,
    registration: Registration,
    call: Option<PhoneCall>,
    ear: Option<Ear>,
    asked: Vec<Asked>,
    watches: Vec<Watch>,
    /// What its key beside the lamp would pick up.
    lamp: Option<String>,
    answers: Answers,
    /// For an answer that comes again (RFC 3261 §13.2.2.4).
    acks: VecDeque<Acknowledged>,
    gone: bool,
    now: Time,
    out: Vec<Output>,
}

#[derive(Debug)]
struct Registration {
    call_id: String,
    tag: String,
    cseq: u32,
    refresh: Option<(Time, u32)>,
    /// What leads to this phone alone, as the registrar says.
    gruu: Option<String>,
}

impl Phone {
    /// A phone as it comes out of its box.
    pub fn new(conf: PhoneConf, mut random: Random) -> Phone {
        let registration =
            Registration { call_id: random.token(20), tag: random.token(8), cseq: 0, refresh: None, gruu: None };
        Phone {
            conf,
            random,
            registration,
            call: None,
            ear: None,
            asked: Vec::new(),
            watches: Vec::new(),
            lamp: None,
            answers: Answers::default(),
            acks: VecDeque::new(),
            gone: false,
            now: Time::ZERO,
            out: Vec::new(),
        }
    }

    /// Takes one input, and says all that follows from it.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        self.now = now;
        match input {
            Input::Command(command) => {
                self.gone = false;
                self.push(command);
            }
            _ if self.gone => {}
            Input::Sip(bytes) => match wire::read(&bytes, false, &wire::Limits::default()) {
                Ok(Message::Request(request)) => self.hear_request(request),
                Ok(Message::Response(response)) => self.hear_response(response),
                Err(_) => {}
            },
            Input::Rtp { from, bytes } => self.hear_rtp(from, &bytes),
            Input::Tick => self.time_has_passed(),
        }
        out.append(&mut self.out);
    }

    /// When [`Input::Tick`] is due next.
    pub fn deadline(&self) -> Option<Time> {
        if self.gone {
            return None;
        }
        let asked = self.asked.iter().map(Asked::deadline).min();
        let refresh = self.registration.refresh.map(|(at, _)| at);
        let voice = self.call.as_ref().and_then(|call| call.voice.as_ref()).map(Voice::deadline);
        let answer = self.call.as_ref().and_then(|call| match call.state {
            State::Knocking { answer_at, .. } => answer_at,
            _ => None,
        });
        let again = self.call.as_ref().and_then(|call| call.again).map(|again| again.at);
        let all = [asked, refresh, voice, answer, again, Some(self.answers.deadline())];
        all.into_iter().flatten().min().filter(|at| *at < Time::NEVER)
    }

    /// What it was set up with.
    pub fn conf(&self) -> &PhoneConf {
        &self.conf
    }

    /// What it hears, or heard in its last call.
    pub fn ear(&self) -> Option<&Ear> {
        self.ear.as_ref()
    }

    /// Its call as a Replaces header names it (RFC 3891 §3), to whoever is at the other end.
    pub fn dialog(&self) -> Option<String> {
        let call = self.call.as_ref()?;
        Some(format!("{};to-tag={};from-tag={}", call.call_id, call.remote.tag()?, call.local.tag()?))
    }

    /// The dialog its lamp named last, as a Replaces that picks it up.
    pub fn lamp(&self) -> Option<&str> {
        self.lamp.as_deref()
    }

    /// Is there a call, or one in the making?
    pub fn is_busy(&self) -> bool {
        self.call.is_some()
    }

    /// Is there somebody to talk with?
    pub fn is_talking(&self) -> bool {
        self.call.as_ref().is_some_and(|call| matches!(call.state, State::Up))
    }

    /// Has it put the other side on hold, or may the other side still think so?
    pub fn is_holding(&self) -> bool {
        self.is_changing() || self.call.as_ref().is_some_and(|call| call.hold.is_some() || call.again.is_some())
    }

    /// Everything it asked was answered, and everything it answered was heard.
    pub fn is_quiet(&self) -> bool {
        self.gone || (self.asked.is_empty() && self.answers.deadline() == Time::NEVER)
    }

    fn time_has_passed(&mut self) {
        let now = self.now;
        for at in (0..self.asked.len()).rev() {
            if self.asked[at].is_lost(now) {
                let asked = self.asked.swap_remove(at);
                self.nobody_answered(asked);
            } else if self.asked[at].repeats(now) {
                let bytes = self.asked[at].request.to_bytes();
                self.send(bytes);
            }
        }
        while let Some(due) = self.answers.due(now) {
            match due {
                Due::Again(bytes) => self.send(bytes),
                Due::NoAck { call_id, success } => {
                    if success && self.call.as_ref().is_some_and(|call| call.call_id == call_id) {
                        self.hang_up(); // RFC 3261 §13.3.1.4
                    }
                }
            }
        }
        if let Some((_, expires_secs)) = self.registration.refresh.take_if(|(at, _)| now >= *at) {
            self.register(expires_secs);
        }
        if let Some(PhoneCall { state: State::Knocking { answer_at: Some(at), .. }, call_id, .. }) = &mut self.call
            && now >= *at
        {
            // RFC 3262 §3: not before a session said reliably was heard.
            if self.answers.waits_for_prack(call_id) {
                *at = now + Duration::from_millis(100);
            } else {
                self.say(200, None, false);
            }
        }
        self.change_again();
        while let Some(voice) = self.call.as_mut().and_then(|call| call.voice.as_mut())
            && now >= voice.deadline()
        {
            self.out.extend(voice.packet(now).map(|(to, bytes)| Output::Rtp { to, bytes }));
        }
    }

    fn hear_rtp(&mut self, from: std::net::SocketAddr, bytes: &[u8]) {
        let expected = self.call.as_ref().and_then(|call| call.voice.as_ref()).is_some_and(|voice| voice.is_to(from));
        if let Some(ear) = self.ear.as_mut().filter(|_| expected)
            && let Some(key) = ear.hear(bytes, self.now)
        {
            self.tell(Event::Key(key));
        }
    }

    /// What it is reached by in dialogs: its GRUU, if it has one (RFC 5627 §4.4).
    fn contact(&self) -> String {
        let own = || format!("sip:{}@{}", self.conf.user, self.conf.sip);
        format!("<{}>", self.registration.gruu.clone().unwrap_or_else(own))
    }

    fn send(&mut self, bytes: Bytes) {
        self.out.push(Output::Sip { to: self.conf.server, bytes });
    }

    fn tell(&mut self, event: Event) {
        self.out.push(Output::Event(event));
    }

    fn said(&mut self, message: impl Into<Said>) -> Bytes {
        let message = message.into().0;
        let bytes = message.to_bytes();
        self.tell(Event::Said(Box::new(message)));
        self.send(bytes.clone());
        bytes
    }

    /// Says the ACK that belongs to this answer again, if it was said before. A second final answer is against the rules.
    fn ack_again(&mut self, response: &Response) {
        let key = response.headers.call_id().zip(response.cseq());
        let Some(known) = self.acks.iter().find(|ack| Some((ack.call_id.as_str(), (ack.cseq, "INVITE"))) == key) else {
            return;
        };
        let (status, bytes) = (known.status, known.bytes.clone());
        if response.is_final() && status != response.status {
            self.tell(Event::Odd("a second final answer to an INVITE"));
        } else if response.is_final() {
            self.send(bytes);
        }
    }

    fn say_ack(&mut self, ack: Request, status: u16) {
        let key = ack.headers.call_id().map(str::to_owned).zip(ack.cseq().map(|(number, _)| number));
        let bytes = self.said(ack);
        if let Some((call_id, cseq)) = key {
            self.acks.push_back(Acknowledged { call_id, cseq, status, bytes });
        }
        if self.acks.len() > ACKS_MAX {
            self.acks.pop_front();
        }
    }
}

/// A final answer to an INVITE of ours, and the ACK we said to it.
#[derive(Debug)]
struct Acknowledged {
    call_id: String,
    cseq: u32,
    status: u16,
    bytes: Bytes,
}

/// A message of ours.
struct Said(Message);

impl From<Request> for Said {
    fn from(request: Request) -> Said {
        Said(Message::Request(request))
    }
}

impl From<Response> for Said {
    fn from(response: Response) -> Said {
        Said(Message::Response(response))
    }
}

const ACKS_MAX: usize = 16;
/// A registration is refreshed when this much of it is left: a fifth, at least five seconds.
fn refresh_after(expires_secs: u32) -> Duration {
    let left = (expires_secs / 5).max(5).min(expires_secs / 2);
    Duration::from_secs((expires_secs - left).into())
}

/// A conf to begin with: a phone of this name at documentation addresses, saying nothing, answering nobody.
pub fn example(user: &str) -> PhoneConf {
    PhoneConf {
        user: user.to_owned(),
        display: None,
        password: Some("secret".to_owned()),
        sip: ([198, 51, 100, 1], 5060).into(),
        rtp: ([198, 51, 100, 1], 4000).into(),
        server: ([192, 0, 2, 1], 5060).into(),
        codecs: vec![audio::Codec::Pcmu, audio::Codec::Pcma],
        srtp: sdp::Srtp::Off,
        voice: audio::Sound::from_pcm(Vec::new()),
        manner: Manner::Scripted,
        instance: None,
        expires_secs: 300,
    }
}

fn is_invite(request: &Request) -> bool {
    request.method == Method::Invite
}

fn has_tag(request: &Request) -> bool {
    request.headers.first(&Name::To).is_some_and(|to| to.contains("tag="))
}

#[cfg(test)]
mod tests;
