//! A recording session of somebody else's: another switch sends its calls' streams to be recorded (SRS, RFC 7866 §7).
//!
//! Where it stands: beside [`Call`](crate::Call), made of the same things: one dialog, a [`Leg`] with its media port for each
//! stream, a tap on each port, and recordings with two sides. Nobody hears anybody. The switch performs what it wants and
//! gives it ports for the streams that an offer adds. What the metadata means is `siprec`'s; that somebody may do this was
//! decided above.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{CallId, LegId, RecordingId, Time};
use bytes::Bytes;
use media::Channel;
use sdp::{Alone, Direction as Way, Said};
use siprec::Metadata;

use crate::call::MEDIA_COMES_HOME;
use crate::leg::{Port, State};
use crate::recording::{named, rate};
use crate::{CallConf, Cdr, Direction, Do, Fact, Input, Leg, NewLeg, Party, Reason, Recording, Side, What};

/// A session as it knocks.
#[derive(Debug)]
pub struct SessionKnock {
    /// Its number.
    pub call: CallId,
    /// Its dialog.
    pub leg: LegId,
    /// Who sends it: a trunk.
    pub trunk: String,
    /// Our address towards it.
    pub local: SocketAddr,
    /// The number in our SDP's `o=` line.
    pub session_id: u64,
    /// The offer: a medium for each stream.
    pub offer: Bytes,
    /// What it says of the conversation, in XML.
    pub metadata: Bytes,
}

/// A recording session.
#[derive(Debug)]
pub struct RecordingSession {
    knock: SessionKnock,
    conf: Arc<CallConf>,
    began: Time,
    now: Time,
    version: u64,
    streams: Vec<Stream>,
    recordings: Vec<Recording>,
    metadata: Metadata,
    /// Messages of metadata that could not be read.
    unread: u32,
    /// What we last said of it all.
    said: Bytes,
    /// When the other side is asked whether it is still there.
    asks: Time,
    ended: Option<(Time, Side, &'static str)>,
    out: Vec<Do>,
}

/// A stream of it.
#[derive(Debug)]
struct Stream {
    /// Which medium of the description it is.
    place: usize,
    label: String,
    leg: Leg,
    recording: RecordingId,
    channel: Channel,
    since: Time,
    until: Option<Time>,
    /// When it was held, and for how long.
    pauses: Vec<(Time, Option<Time>)>,
}

/// What one side of a recording carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried<'a> {
    /// The stream's label.
    pub label: &'a str,
    /// On which side it is.
    pub channel: Channel,
    /// Since when.
    pub since: Time,
    /// Until when, if it ended.
    pub until: Option<Time>,
    /// When the sender held it.
    pub pauses: &'a [(Time, Option<Time>)],
}

/// So many streams a session may have over all its life, and at a time.
const STREAMS_MAX: usize = 64;
const STREAMS_AT_ONCE_MAX: usize = 8;
/// So often a stream is told to have been held.
const PAUSES_MAX: usize = 100;
/// A session of which nothing is heard is asked that often whether it stands.
const ASKS_EVERY: Duration = Duration::from_secs(1800);
const ASKS_AGAIN: Duration = Duration::from_secs(60);

impl RecordingSession {
    /// Answers, or refuses: `ports` are for the streams it [wants](RecordingSession::streams_in).
    pub fn new(knock: SessionKnock, ports: Vec<NewLeg>, conf: Arc<CallConf>, now: Time) -> RecordingSession {
        let mut session = RecordingSession {
            conf,
            began: now,
            now,
            version: 1,
            streams: Vec::new(),
            recordings: Vec::new(),
            metadata: Metadata::default(),
            unread: 0,
            said: Bytes::new(),
            asks: now + ASKS_EVERY,
            ended: None,
            out: Vec::new(),
            knock,
        };
        session.hears_of(&session.knock.metadata.clone());
        let (leg, offer) = (session.knock.leg, session.knock.offer.clone());
        match session.agree(&offer, ports) {
            Ok(sdp) if session.is_carried() => session.say(sip::Command::Answer { leg, sdp }),
            Ok(_) => session.refuse(488),
            Err(status) => session.refuse(status),
        }
        session
    }

    /// How many streams an offer has, as far as they can be taken.
    pub fn streams_in(offer: &[u8]) -> usize {
        let media = sdp::apart(offer).unwrap_or_default();
        media.iter().filter(|one| one.is_audio).count().min(STREAMS_AT_ONCE_MAX)
    }

    /// For how many streams of this offer ports are missing.
    pub fn wants(&self, offer: &[u8]) -> usize {
        let media = sdp::apart(offer).unwrap_or_default();
        let is_new = |(place, one): &(usize, &Alone)| one.is_audio && self.at(*place).is_none();
        let new = media.iter().enumerate().filter(is_new).count();
        let carried = self.streams.iter().filter(|stream| stream.until.is_none()).count();
        new.min(STREAMS_AT_ONCE_MAX.saturating_sub(carried)).min(STREAMS_MAX.saturating_sub(self.streams.len()))
    }

    /// Takes what happened.
    pub fn handle(&mut self, input: Input, ports: Vec<NewLeg>, now: Time) {
        self.now = now;
        let leg = self.knock.leg;
        match input {
            Input::Sip(sip::Event::Metadata { xml, .. }) => self.hears_of(&xml),
            Input::Sip(sip::Event::Offered { sdp: Some(sdp), .. }) => match self.agree(&sdp, ports) {
                Ok(sdp) => self.say(sip::Command::Answer { leg, sdp }),
                Err(status) => self.say(sip::Command::Reject { leg, status }),
            },
            Input::Sip(sip::Event::Offered { sdp: None, .. }) => {
                self.say(sip::Command::Answer { leg, sdp: self.said.clone() });
            }
            Input::Sip(sip::Event::OfferDue { .. }) => self.ask(),
            Input::Sip(sip::Event::Agreed { sdp, .. } | sip::Event::Confirmed { sdp: Some(sdp), .. }) => {
                self.agreed(&sdp);
            }
            Input::Sip(sip::Event::Ended { end, .. }) => {
                let (by, cause) = match end {
                    sip::End::Bye => (Side::Caller, "bye"),
                    sip::End::HungUp => (Side::Switch, "hung up"),
                    _ => (Side::Caller, "gone"),
                };
                self.end(by, cause);
            }
            Input::Sip(_) => {}
            // Nothing comes: perhaps nobody is there. (Or all are silent, and it does not say so.)
            Input::Media(media::Event::Timeout { leg }) => {
                if let Some(at) = self.position(leg).filter(|at| self.streams[*at].until.is_none()) {
                    self.connect(at);
                    self.asks = self.asks.min(now + ASKS_AGAIN);
                }
            }
            Input::Media(media::Event::Closed { leg, .. }) => self.port_is_home(leg, false),
            Input::Media(media::Event::PortTaken { leg, .. }) => self.port_is_home(leg, true),
            Input::Media(_) => {}
            Input::Tick => match self.ended {
                Some((at, ..)) if now >= at + MEDIA_COMES_HOME => {
                    let legs: Vec<LegId> = self.streams.iter().map(|stream| stream.leg.id).collect();
                    legs.into_iter().for_each(|leg| self.port_is_home(leg, false));
                }
                None if now >= self.asks => self.ask(),
                _ => {}
            },
            Input::HangUp { cause } => {
                if self.ended.is_none() {
                    self.say(sip::Command::HangUp { leg, status: None });
                    self.end(Side::Switch, cause);
                }
            }
        }
    }

    /// When `Tick` is due next.
    pub fn deadline(&self) -> Time {
        self.ended.map_or(self.asks, |(at, ..)| at + MEDIA_COMES_HOME)
    }

    /// What is to be done, in order.
    pub fn take_wishes(&mut self) -> Vec<Do> {
        std::mem::take(&mut self.out)
    }

    /// Is nothing left of it?
    pub fn is_over(&self) -> bool {
        self.ended.is_some() && self.streams.iter().all(|stream| stream.leg.port == Port::Home)
    }

    /// Its number.
    pub fn id(&self) -> CallId {
        self.knock.call
    }

    /// Who sends it.
    pub fn trunk(&self) -> &str {
        &self.knock.trunk
    }

    /// Its dialog, and the ports of its streams.
    pub fn legs(&self) -> impl Iterator<Item = LegId> {
        std::iter::once(self.knock.leg).chain(self.streams.iter().map(|stream| stream.leg.id))
    }

    /// What is recorded of it.
    pub fn recordings(&self) -> &[Recording] {
        &self.recordings
    }

    /// What is known of the conversation.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// How many messages of metadata could not be read.
    pub fn unread(&self) -> u32 {
        self.unread
    }

    /// How long it is, or was.
    pub fn length(&self, recording: &Recording) -> Duration {
        self.ended.map_or(self.now, |(at, ..)| at).since(recording.began)
    }

    /// What a recording carries, in the order it came.
    pub fn carried(&self, recording: RecordingId) -> impl Iterator<Item = Carried<'_>> {
        self.streams.iter().filter(move |stream| stream.recording == recording).map(|stream| Carried {
            label: &stream.label,
            channel: stream.channel,
            since: stream.since,
            until: stream.until,
            pauses: &stream.pauses,
        })
    }

    /// Whose voices are on one side of a recording.
    pub fn parties(&self, recording: RecordingId, channel: Channel) -> Vec<Party> {
        let mut parties: Vec<Party> = Vec::new();
        for carried in self.carried(recording).filter(|carried| carried.channel == channel) {
            for heard in self.metadata.heard_in(carried.label) {
                let party = Party {
                    account: None,
                    number: heard.number().to_owned(),
                    name: heard.name.clone(),
                    trunk: Some(self.knock.trunk.clone()),
                };
                if !parties.contains(&party) {
                    parties.push(party);
                }
            }
        }
        parties
    }

    /// A moment as a date, RFC 3339 in UTC.
    pub fn date(&self, at: Time) -> String {
        crate::cdr::rfc3339(self.conf.clock.unix_ms(at))
    }

    /// The record of the conversation, as far as it is known here.
    pub fn cdr(&self) -> Cdr {
        let label = |channel| {
            let first = self.recordings.first().map(|recording| self.parties(recording.id, channel));
            first.and_then(|parties| parties.last().map(|party| party.number.clone())).unwrap_or_default()
        };
        let (caller, called) = (label(Channel::Left), label(Channel::Right));
        let fact = |what| Fact { at: self.began, what };
        let mut facts = vec![
            fact(What::Started {
                caller,
                called: called.clone(),
                direction: Direction::Inbound,
                trunk: Some(self.knock.trunk.clone()),
            }),
            fact(What::Answered),
            fact(What::Connected { leg: self.knock.leg, party: called }),
        ];
        facts.extend(self.recordings.iter().map(|recording| Fact {
            at: recording.began,
            what: What::Recording {
                id: recording.id,
                file: recording.file.clone(),
                reason: Some(recording.reason.clone()),
            },
        }));
        if let Some((at, by, cause)) = self.ended {
            facts.push(Fact { at, what: What::HungUp { by, cause: cause.into() } });
        }
        Cdr::of(self.knock.call, &facts, self.conf.clock)
    }

    fn hears_of(&mut self, xml: &[u8]) {
        match Metadata::read(xml) {
            Ok(message) => self.metadata.take(message, &self.date(self.now)),
            Err(_) if xml.is_empty() => {}
            Err(_) => self.unread += 1, // the streams are worth recording all the same
        }
    }

    /// Takes an offer: each medium by itself.
    fn agree(&mut self, offer: &[u8], ports: Vec<NewLeg>) -> Result<Bytes, u16> {
        let offered = sdp::apart(offer);
        let mut ports = ports.into_iter();
        let mut said = Vec::new();
        for (place, one) in offered.iter().flatten().enumerate() {
            let at = match self.at(place) {
                None if one.is_audio => ports.next().map(|port| self.begin(place, one, port)),
                at => at,
            };
            let answer = at.and_then(|at| self.answer(at, one));
            said.push(answer.map(|answer| (answer, one.label.clone().unwrap_or_default())));
        }
        for port in ports {
            self.out.push(Do::Release { local: port.local, taken: false }); // what could not be read needs none
        }
        self.recordings.retain(|recording| !recording.tapped.is_empty()); // its only stream may have been refused
        let offered = offered.map_err(|why| why.status())?;
        let said: Vec<Said<'_>> = said
            .iter()
            .zip(&offered)
            .map(|(said, one)| match said {
                Some((description, label)) => Said::So { description, label },
                None => Said::Refused(one),
            })
            .collect();
        let ours = (self.knock.session_id, self.version);
        let answer = sdp::together(&said, self.knock.local.ip(), ours).map_err(|why| why.status())?;
        self.version += 1;
        self.said = answer.into();
        Ok(self.said.clone())
    }

    /// The answer to one medium; `None` refuses it.
    fn answer(&mut self, at: usize, offered: &Alone) -> Option<Bytes> {
        let stream = &mut self.streams[at];
        let answer = if offered.is_audio { stream.leg.answer(offered.text.as_bytes(), None).ok() } else { None };
        if answer.is_none() {
            self.stop(at);
            return None;
        }
        let (now, holds) =
            (self.now, stream.leg.stream.as_ref().is_some_and(|agreed| agreed.direction == Way::Inactive));
        let is_full = stream.pauses.len() >= PAUSES_MAX;
        match stream.pauses.last_mut() {
            Some((_, until @ None)) => *until = (!holds).then_some(now),
            _ if holds && !is_full => stream.pauses.push((now, None)),
            _ => {}
        }
        self.connect(at);
        answer
    }

    /// The answer to what we asked.
    fn agreed(&mut self, answer: &[u8]) {
        for (place, one) in sdp::apart(answer).unwrap_or_default().iter().enumerate() {
            if let Some(at) = self.at(place)
                && self.streams[at].leg.accept(one.text.as_bytes()).is_ok()
            {
                self.connect(at);
            }
        }
    }

    /// A stream more, on the first side that is free.
    fn begin(&mut self, place: usize, offered: &Alone, port: NewLeg) -> usize {
        let (recording, channel) = self.free_side();
        let mut leg = Leg::new(port, State::Up, &self.conf);
        leg.local.direction = Way::RecvOnly;
        let label = offered.label.clone().unwrap_or_else(|| (place + 1).to_string());
        let (since, until, pauses) = (self.now, None, Vec::new());
        self.streams.push(Stream { place, label, leg, recording, channel, since, until, pauses });
        self.streams.len() - 1
    }

    fn free_side(&mut self) -> (RecordingId, Channel) {
        let is_taken = |recording: RecordingId, channel: Channel| {
            let mut carried = self.streams.iter().filter(|stream| stream.until.is_none());
            carried.any(|stream| stream.recording == recording && stream.channel == channel)
        };
        let sides = self
            .recordings
            .iter()
            .flat_map(|recording| [Channel::Left, Channel::Right].map(|channel| (recording.id, channel)));
        if let Some(free) = { sides }.find(|(recording, channel)| !is_taken(*recording, *channel)) {
            return free;
        }
        let id = RecordingId { call: self.knock.call, segment: self.recordings.len() as u16 + 1 };
        let agent = self.metadata.participants.get(1).map_or("-", |participant| participant.number());
        let recording = Recording {
            id,
            file: named(self.conf.clock.unix_ms(self.now), "siprec", &self.knock.trunk, agent, id),
            began: self.now,
            reason: Reason::Rule { rule: format!("siprec:{}", self.knock.trunk), class: None },
            stopped: None,
            rate: audio::SAMPLE_RATE, // not known before something is agreed on
            mailbox: None,
            greeting: false,
            tapped: Vec::new(),
        };
        self.recordings.push(recording);
        (id, Channel::Left)
    }

    /// Lets media know what was agreed; the first time the port is opened, and heard.
    fn connect(&mut self, at: usize) {
        let Stream { leg, recording: id, channel, .. } = &mut self.streams[at];
        let Some(conf) = leg.stream_conf() else { return };
        let (number, local) = (leg.id, leg.local());
        let is_new = leg.port == Port::Reserved;
        if is_new {
            leg.port = Port::Open;
            let Some(recording) = self.recordings.iter_mut().find(|recording| recording.id == *id) else { return };
            if recording.tapped.is_empty() {
                recording.rate = rate(leg.codec().into_iter(), &self.conf);
                self.out.push(Do::Record(recording.clone()));
            }
            recording.tapped.push((number, *channel));
            let tap = media::Command::Tap {
                leg: number,
                recording: *id,
                channel: *channel,
                began: recording.began,
                rate: recording.rate,
                beep: None, // who is heard here hears nothing
            };
            self.out.push(Do::Media(media::Command::Open { leg: number, local }));
            self.out.push(Do::Media(tap));
        }
        self.out.push(Do::Media(media::Command::Connect { leg: number, stream: conf }));
    }

    /// A stream ends.
    fn stop(&mut self, at: usize) {
        let now = self.now;
        let stream = &mut self.streams[at];
        stream.until.get_or_insert(now);
        if let Some((_, until @ None)) = stream.pauses.last_mut() {
            *until = Some(now);
        }
        let leg = stream.leg.id;
        match stream.leg.port {
            Port::Reserved => self.port_is_home(leg, false),
            Port::Open => {
                stream.leg.port = Port::Closing;
                self.out.push(Do::Media(media::Command::Close { leg }));
            }
            Port::Closing | Port::Home => {}
        }
    }

    fn port_is_home(&mut self, leg: LegId, taken: bool) {
        let Some(at) = self.position(leg) else { return };
        let stream = &mut self.streams[at];
        if stream.leg.port != Port::Home {
            stream.until.get_or_insert(self.now);
            stream.leg.port = Port::Home;
            let local = stream.leg.local();
            self.out.push(Do::Release { local, taken });
        }
        if !self.is_carried() && self.ended.is_none() {
            self.say(sip::Command::HangUp { leg: self.knock.leg, status: None });
            self.end(Side::Switch, "no media");
        }
    }

    /// Is the other side still there? It repeats what was agreed, or does not answer.
    fn ask(&mut self) {
        self.asks = self.now + ASKS_EVERY;
        self.say(sip::Command::Offer { leg: self.knock.leg, sdp: self.said.clone() });
    }

    fn refuse(&mut self, status: u16) {
        self.say(sip::Command::Reject { leg: self.knock.leg, status });
        self.end(Side::Switch, "refused");
    }

    fn end(&mut self, by: Side, cause: &'static str) {
        if self.ended.is_none() {
            self.ended = Some((self.now, by, cause));
            (0..self.streams.len()).for_each(|at| self.stop(at));
        }
    }

    fn say(&mut self, command: sip::Command) {
        self.out.push(Do::Sip(command));
    }

    fn is_carried(&self) -> bool {
        self.streams.iter().any(|stream| stream.until.is_none())
    }

    /// The stream that is carried in this medium.
    fn at(&self, place: usize) -> Option<usize> {
        self.streams.iter().position(|stream| stream.place == place && stream.until.is_none())
    }

    fn position(&self, leg: LegId) -> Option<usize> {
        self.streams.iter().position(|stream| stream.leg.id == leg)
    }
}

#[cfg(test)]
mod tests;
