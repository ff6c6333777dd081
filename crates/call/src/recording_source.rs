//! A call of ours as somebody else's recorder hears it (SRC, RFC 7866 §6): one dialog, and a stream for each side.
//!
//! Where it stands: beside a [`Call`] that is being recorded. The switch shows it what is recorded of the call whenever that
//! has changed ([`Call::recorded`]), finds it a way to the recorder, and performs what it wants. Its streams are ports that
//! hear those who talk: wires, and no taps. Whatever becomes of it, the call does not notice: it says that it failed, and
//! tries again. Who is recorded is decided by rules, above; what metadata looks like is `siprec`'s.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use audio::{Codec, Sound};
use base::{CallId, LegId, Random, RecordingId, Time};
use bytes::Bytes;
use media::{Channel, Command as Media};
use sdp::{Direction as Way, Said};
use sip::{Host, Uri};
use siprec::{Link, Metadata, Participant, Session, Stream};

use crate::call::MEDIA_COMES_HOME;
use crate::leg::{Port, State as LegState};
use crate::{Call, CallConf, Do, Input, Leg, NewLeg, Outbound, Party, Reason, Recording};

/// What is recorded of a call just now.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The recording.
    pub id: RecordingId,
    /// Why it is.
    pub reason: Reason,
    /// Nothing of it is to be kept at the moment.
    pub silent: bool,
    speakers: Vec<Speaker>,
}

/// One who is heard in it.
#[derive(Clone, Debug, PartialEq)]
struct Speaker {
    leg: LegId,
    channel: Channel,
    party: Party,
    /// Our address towards it.
    at: IpAddr,
    holds: bool,
    codec: Option<Codec>,
}

/// A call, sent to a recorder.
#[derive(Debug)]
pub struct RecordingSource {
    id: CallId,
    conf: Arc<CallConf>,
    random: Random,
    now: Time,
    recorded: Recorded,
    metadata: Metadata,
    state: State,
    /// Ports of dialogs that are over.
    closing: Vec<Leg>,
    failures: u32,
    /// The trunks of the group that have been asked for nothing.
    tried: Vec<String>,
    failed: Option<String>,
    out: Vec<Do>,
}

#[derive(Debug)]
enum State {
    /// The recorder is asked then.
    Waiting { until: Time },
    /// The switch looks for a way.
    Looking,
    /// The recorder has not answered.
    Calling(Attempt),
    /// It hears.
    Up(Attempt),
    /// There is nothing more to be heard.
    Left { at: Time },
}

/// A dialog with the recorder.
#[derive(Debug)]
struct Attempt {
    leg: LegId,
    trunk: String,
    others: Option<crate::Elsewhere>,
    session_id: u64,
    version: u64,
    /// The left side's, and the right side's.
    streams: [Leg; 2],
    wired: BTreeSet<(LegId, usize)>,
    silent: bool,
}

/// Labels and places of the streams (RFC 4574).
const LABELS: [&str; 2] = ["1", "2"];
/// A recorder that is gone says nothing, and nothing need be said to it for long: the shortest session shows it (RFC 4028 §5).
const SESSION_SECS: &str = "90";
const RETRY: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(300);
/// So many people are told of; a call never has more.
const PEOPLE_MAX: usize = 50;
const SILENCE_PLAYER: u32 = u32::MAX;

impl Call {
    /// What is recorded of it just now, if anything is; messages for a mailbox are not.
    pub fn recorded(&self) -> Option<Recorded> {
        let runs = |one: &&Recording| one.runs() && one.mailbox.is_none() && !self.has_ended();
        let recording = self.recordings.last().filter(runs)?;
        let Recording { id, reason, .. } = recording;
        let speaker = |leg: &Leg| {
            let channel = recording.channel_of(leg.id)?;
            Some(Speaker {
                leg: leg.id,
                channel,
                party: leg.party.clone(),
                at: leg.local().ip(),
                holds: leg.holds(),
                codec: leg.codec(),
            })
        };
        let talks = |leg: &&Leg| matches!(leg.state, LegState::Up) && leg.port == Port::Open;
        let speakers = self.legs.iter().filter(talks).filter_map(speaker).collect();
        Some(Recorded { id: *id, reason: reason.clone(), silent: !self.silences.is_empty(), speakers })
    }
}

impl RecordingSource {
    /// Something of a call is recorded from now.
    pub fn new(id: CallId, recorded: Recorded, conf: Arc<CallConf>, mut random: Random, now: Time) -> RecordingSource {
        let began = Some(crate::cdr::rfc3339(conf.clock.unix_ms(now)));
        let session = Session { id: siprec::id(&mut || random.bits()), began, ..Session::default() };
        let stream = |label: &str, id| Stream { id, session: session.id.clone(), label: label.to_owned() };
        let streams = LABELS.map(|label| stream(label, siprec::id(&mut || random.bits())));
        let mut source = RecordingSource {
            id,
            now,
            recorded: Recorded { speakers: Vec::new(), ..recorded.clone() },
            metadata: Metadata {
                complete: true,
                streams: streams.into(),
                sessions: vec![session],
                ..Metadata::default()
            },
            conf,
            random,
            state: State::Waiting { until: now },
            closing: Vec::new(),
            failures: 0,
            tried: Vec::new(),
            failed: None,
            out: Vec::new(),
        };
        source.hears(recorded, now);
        source
    }

    /// What is recorded is this now.
    pub fn hears(&mut self, recorded: Recorded, now: Time) {
        self.now = now;
        if recorded == self.recorded {
            return;
        }
        let before = self.way();
        let news = self.meets(&recorded);
        self.recorded = recorded;
        self.rewire();
        if news || self.way() != before {
            self.offer();
        }
    }

    /// Nothing is recorded any more.
    pub fn leave(&mut self, now: Time) {
        self.now = now;
        match std::mem::replace(&mut self.state, State::Left { at: now }) {
            State::Calling(attempt) | State::Up(attempt) => self.close(attempt, true),
            _ => {}
        }
    }

    /// The trunks that need not be tried, if a way to the recorder is wanted now; [`place`](RecordingSource::place) follows.
    pub fn looks_for_way(&mut self) -> Option<&[String]> {
        match self.state {
            State::Waiting { until } if until <= self.now => {
                self.state = State::Looking;
                Some(&self.tried)
            }
            _ => None,
        }
    }

    /// A way to the recorder, with a port for the second stream; or the SIP status that says why there is none.
    pub fn place(&mut self, found: Result<(Outbound, NewLeg), u16>, now: Time) {
        self.now = now;
        let (way, second) = match found {
            Ok(found) => found,
            Err(status) => return self.fails("there is no way to the recorder", status, true),
        };
        let (leg, trunk) = (way.leg.leg, way.leg.party.trunk.clone().unwrap_or_default());
        let session_id = way.leg.session_id;
        let streams = [way.leg, second].map(|new| Leg::new(new, LegState::Dialling, &self.conf));
        let wired = BTreeSet::new();
        let attempt =
            Attempt { leg, trunk, others: way.elsewhere, session_id, version: 1, streams, wired, silent: false };
        self.state = State::Calling(attempt);
        let Some(sdp) = self.describe() else { return };
        let mut headers = way.headers;
        headers.retain(|(name, _)| *name != sip::Name::SessionExpires);
        headers.push((sip::Name::SessionExpires, SESSION_SECS.to_owned()));
        headers.push((sip::Name::Require, "siprec".to_owned()));
        let invite = sip::Outgoing {
            uri: way.uri,
            flow: way.flow,
            from: way.from,
            to: way.to,
            sdp,
            credentials: way.credentials,
            headers,
            remove: way.remove,
            patience: way.patience,
            others: way.others,
        };
        self.out.push(Do::Sip(sip::Command::Invite { leg, invite: Box::new(invite) }));
    }

    /// Takes what happened.
    pub fn handle(&mut self, input: Input, now: Time) {
        self.now = now;
        match input {
            Input::Sip(sip::Event::Answered { sdp: Some(sdp), .. }) => self.answered(&sdp),
            Input::Sip(sip::Event::Agreed { sdp, .. }) => drop(self.agreed(&sdp)),
            Input::Sip(sip::Event::Offered { leg, sdp, .. }) => {
                let answer = match sdp {
                    Some(sdp) => self.answers(&sdp),
                    None => self.describe_plainly().ok_or(488),
                };
                self.out.push(Do::Sip(match answer {
                    Ok(sdp) => sip::Command::Answer { leg, sdp },
                    Err(status) => sip::Command::Reject { leg, status },
                }));
            }
            Input::Sip(sip::Event::OfferDue { .. }) => self.offer(),
            Input::Sip(sip::Event::Ended { leg, end }) if self.attempt().is_some_and(|attempt| attempt.leg == leg) => {
                match end {
                    sip::End::Refused(status) => self.fails("the recorder refused", status, true),
                    sip::End::Bye => self.fails("the recorder hung up", 200, true),
                    _ => self.fails("the recorder is not there any more", 408, true),
                }
            }
            Input::Media(media::Event::Closed { leg, .. }) => self.port_is_home(leg, false),
            Input::Media(media::Event::PortTaken { leg, .. }) => {
                if self.attempt().is_some_and(|attempt| attempt.streams.iter().any(|stream| stream.id == leg)) {
                    self.fails("a media port could not be had", 503, false);
                }
                self.port_is_home(leg, true);
            }
            Input::Tick => {
                if let State::Left { at } = self.state
                    && now >= at + MEDIA_COMES_HOME
                {
                    let legs: Vec<LegId> = self.closing.iter().map(|leg| leg.id).collect();
                    legs.into_iter().for_each(|leg| self.port_is_home(leg, false));
                }
            }
            Input::Sip(_) | Input::Media(_) | Input::HangUp { .. } => {}
        }
    }

    /// When `Tick` is due next.
    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Left { at } => Some(at + MEDIA_COMES_HOME),
            _ => None,
        }
    }

    /// What is to be done, in order.
    pub fn take_wishes(&mut self) -> Vec<Do> {
        std::mem::take(&mut self.out)
    }

    /// What has gone wrong, once.
    pub fn take_failure(&mut self) -> Option<String> {
        self.failed.take()
    }

    /// Its number.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Does the recorder hear it?
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// Is nothing left of it?
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Left { .. }) && self.closing.is_empty()
    }

    /// Its dialog's leg and its ports, as far as they are open.
    pub fn legs(&self) -> Vec<LegId> {
        let streams = self.attempt().into_iter().flat_map(|attempt| attempt.streams.iter());
        streams.chain(&self.closing).map(|leg| leg.id).collect()
    }

    /// What the recorder is told of the call.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn attempt(&self) -> Option<&Attempt> {
        match &self.state {
            State::Calling(attempt) | State::Up(attempt) => Some(attempt),
            _ => None,
        }
    }

    fn attempt_mut(&mut self) -> Option<&mut Attempt> {
        match &mut self.state {
            State::Calling(attempt) | State::Up(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// Who comes and who goes. True: somebody does.
    fn meets(&mut self, recorded: &Recorded) -> bool {
        let at = crate::cdr::rfc3339(self.conf.clock.unix_ms(self.now));
        let place = |speaker: &Speaker| usize::from(speaker.channel == Channel::Right);
        let (session, streams) = (self.metadata.sessions[0].id.clone(), self.metadata.streams.clone());
        let is_there = |speakers: &[Speaker], one: &Speaker| {
            speakers.iter().any(|other| other.party == one.party && other.channel == one.channel)
        };
        let mut news = false;
        for gone in self.recorded.speakers.iter().filter(|one| !is_there(&recorded.speakers, one)) {
            news = true;
            let aor = aor(gone);
            let ids: Vec<&str> =
                self.metadata.participants.iter().filter(|one| one.aor == aor).map(|one| &*one.id).collect();
            let links = self.metadata.joined.iter_mut().chain(&mut self.metadata.sends).chain(&mut self.metadata.hears);
            for link in links.filter(|link| link.until.is_none() && ids.contains(&&*link.participant)) {
                link.until = Some(at.clone());
            }
        }
        for comes in recorded.speakers.iter().filter(|one| !is_there(&self.recorded.speakers, one)) {
            if self.metadata.participants.len() >= PEOPLE_MAX {
                break;
            }
            news = true;
            let participant = siprec::id(&mut || self.random.bits());
            let own = place(comes);
            let link = |to: &str| Link {
                participant: participant.clone(),
                to: to.to_owned(),
                since: Some(at.clone()),
                until: None,
            };
            self.metadata.joined.push(link(&session));
            self.metadata.sends.push(link(&streams[own].id));
            self.metadata.hears.push(link(&streams[1 - own].id));
            let (aor, name) = (aor(comes), comes.party.name.clone());
            self.metadata.participants.push(Participant { id: participant, aor, name });
        }
        news
    }

    /// Which way each side's stream goes: one whose people all hold rests (RFC 7866 §8.1.6).
    fn way(&self) -> [Way; 2] {
        [Channel::Left, Channel::Right].map(|channel| {
            let mut heard = self.recorded.speakers.iter().filter(|speaker| speaker.channel == channel).peekable();
            let rests = heard.peek().is_some() && heard.all(|speaker| speaker.holds);
            if rests { Way::Inactive } else { Way::SendOnly }
        })
    }

    /// Our description, with all that is known of the call.
    fn describe(&mut self) -> Option<Bytes> {
        let sdp = self.describe_plainly()?;
        Some(sip::with_metadata(&sdp, self.metadata.to_string().as_bytes()))
    }

    fn describe_plainly(&mut self) -> Option<Bytes> {
        let way = self.way();
        let codecs = [Channel::Left, Channel::Right].map(|channel| {
            let mut heard = self.recorded.speakers.iter().filter(|speaker| speaker.channel == channel);
            heard.find_map(|speaker| speaker.codec)
        });
        let attempt = self.attempt_mut()?;
        for ((stream, way), codec) in attempt.streams.iter_mut().zip(way).zip(codecs) {
            stream.local.direction = way;
            stream.prefer(codec.as_slice()); // then it goes on as it comes
        }
        let offers = attempt.streams.each_ref().map(Leg::offer);
        let [left, right] = [0, 1].map(|at| Said::So { description: &offers[at], label: LABELS[at] });
        attempt.together(&[left, right])
    }

    /// The recorder is told anew.
    fn offer(&mut self) {
        if let State::Up(attempt) = &self.state {
            let leg = attempt.leg;
            let sdp = self.describe();
            self.out.extend(sdp.map(|sdp| Do::Sip(sip::Command::Offer { leg, sdp })));
        }
    }

    fn answered(&mut self, answer: &[u8]) {
        let State::Calling(attempt) = std::mem::replace(&mut self.state, State::Looking) else { return };
        self.state = State::Up(attempt);
        if !self.agreed(answer) {
            return self.fails("the recorder took no stream", 488, false);
        }
        (self.failures, self.tried) = (0, Vec::new());
        self.rewire();
    }

    /// Takes an answer. False: there is nothing in it.
    fn agreed(&mut self, answer: &[u8]) -> bool {
        let media = sdp::apart(answer).unwrap_or_default();
        let Some(attempt) = self.attempt_mut() else { return false };
        let mut agreed = Vec::new();
        for (at, (stream, one)) in attempt.streams.iter_mut().zip(&media).enumerate() {
            if stream.accept(one.text.as_bytes()).is_ok() {
                agreed.push(at);
            }
        }
        agreed.iter().for_each(|at| self.connect(*at));
        !agreed.is_empty()
    }

    /// The recorder wants something else: to pause, say (RFC 7866 §7.1.1).
    fn answers(&mut self, offer: &[u8]) -> Result<Bytes, u16> {
        let media = sdp::apart(offer).map_err(|why| why.status())?;
        let Some(attempt) = self.attempt_mut() else { return Err(481) };
        let mut answers = Vec::new();
        for (at, one) in media.iter().enumerate() {
            let stream = attempt.streams.get_mut(at).filter(|_| one.is_audio);
            answers.push(stream.and_then(|stream| stream.answer(one.text.as_bytes(), None).ok()));
        }
        let said: Vec<Said<'_>> = answers
            .iter()
            .zip(&media)
            .enumerate()
            .map(|(at, (answer, one))| match answer {
                Some(description) => Said::So { description, label: LABELS[at] },
                None => Said::Refused(one),
            })
            .collect();
        let answer = attempt.together(&said).ok_or(488_u16)?;
        let taken = answers.iter().enumerate().filter(|(_, answer)| answer.is_some()).map(|(at, _)| at);
        taken.collect::<Vec<_>>().into_iter().for_each(|at| self.connect(at));
        Ok(answer)
    }

    fn connect(&mut self, at: usize) {
        let Some(attempt) = self.attempt_mut() else { return };
        let stream = &mut attempt.streams[at];
        let Some(conf) = stream.stream_conf() else { return };
        let (leg, local, is_new) = (stream.id, stream.local(), stream.port == Port::Reserved);
        if is_new {
            stream.port = Port::Open;
            self.out.push(Do::Media(Media::Open { leg, local }));
        }
        self.out.push(Do::Media(Media::Connect { leg, stream: conf }));
    }

    /// Lets the streams hear who talks now, or nobody.
    fn rewire(&mut self) {
        let State::Up(attempt) = &mut self.state else { return };
        let wanted = self.recorded.speakers.iter().map(|one| (one.leg, usize::from(one.channel == Channel::Right)));
        let wanted: BTreeSet<(LegId, usize)> = wanted.collect();
        for (from, at) in attempt.wired.difference(&wanted) {
            self.out.push(Do::Media(Media::Unwire { from: *from, to: attempt.streams[*at].id }));
        }
        for (from, at) in wanted.difference(&attempt.wired) {
            self.out.push(Do::Media(Media::Wire { from: *from, to: attempt.streams[*at].id }));
        }
        attempt.wired = wanted;
        if attempt.silent != self.recorded.silent {
            attempt.silent = self.recorded.silent;
            for leg in attempt.streams.each_ref().map(|stream| stream.id) {
                self.out.push(Do::Media(match attempt.silent {
                    true => Media::Play { leg, player: SILENCE_PLAYER, sound: silence().into(), repeat: true },
                    false => Media::Stop { leg },
                }));
            }
        }
    }

    /// It comes to nothing, and is tried again. `over`: the dialog has ended already.
    fn fails(&mut self, what: &str, status: u16, over: bool) {
        let attempt = match std::mem::replace(&mut self.state, State::Looking) {
            left @ State::Left { .. } => {
                self.state = left;
                return;
            }
            State::Calling(attempt) | State::Up(attempt) => Some(attempt),
            State::Waiting { .. } | State::Looking => None,
        };
        let mut trunk = String::new();
        let mut is_other = false;
        if let Some(mut attempt) = attempt {
            trunk.clone_from(&attempt.trunk);
            let others = attempt.others.take();
            is_other = others.is_some_and(|others| others.statuses.iter().any(|range| range.contains(&status)));
            self.close(attempt, !over);
        }
        let wait = if is_other {
            self.tried.push(trunk.clone());
            Duration::ZERO
        } else {
            self.tried.clear();
            self.failures += 1;
            (RETRY * 2_u32.saturating_pow(self.failures.min(10) - 1)).min(RETRY_MAX)
        };
        self.state = State::Waiting { until: self.now + wait };
        let named = if trunk.is_empty() { String::new() } else { format!(" (trunk {trunk})") };
        self.failed = Some(format!("{what}{named}: {status} {}; it is asked again", sip::reason_phrase(status)));
    }

    /// Ends a dialog, and lets its ports come home.
    fn close(&mut self, attempt: Attempt, says_so: bool) {
        if says_so {
            self.out.push(Do::Sip(sip::Command::HangUp { leg: attempt.leg, status: None }));
        }
        for mut stream in attempt.streams {
            match stream.port {
                Port::Open => {
                    stream.port = Port::Closing;
                    self.out.push(Do::Media(Media::Close { leg: stream.id }));
                    self.closing.push(stream);
                }
                _ => self.out.push(Do::Release { local: stream.local(), taken: false }),
            }
        }
    }

    fn port_is_home(&mut self, leg: LegId, taken: bool) {
        if let Some(at) = self.closing.iter().position(|closing| closing.id == leg) {
            let local = self.closing.swap_remove(at).local();
            self.out.push(Do::Release { local, taken });
        }
    }
}

impl Attempt {
    fn together(&mut self, said: &[Said<'_>]) -> Option<Bytes> {
        let ours = (self.session_id, self.version);
        self.version += 1;
        sdp::together(said, self.streams[0].local().ip(), ours).ok().map(Bytes::from)
    }
}

/// How a recorder knows somebody: by number where it is one everybody knows.
fn aor(speaker: &Speaker) -> String {
    let (number, host) = (&speaker.party.number, Host::Address(speaker.at));
    let is_global = number.strip_prefix('+').is_some_and(|digits| digits.chars().all(|one| one.is_ascii_digit()));
    match &speaker.party.account {
        Some(account) => Uri::sip(account, host, None).to_string(),
        None if is_global => format!("tel:{number}"),
        None => Uri::sip(number, host, None).to_string(),
    }
}

fn silence() -> Sound {
    Sound::from_pcm(vec![0; 160])
}

#[cfg(test)]
mod tests;
