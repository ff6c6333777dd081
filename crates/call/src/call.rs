//! The call: its legs, who hears whom, and what it tells `sip` and `media`.
//!
//! Where it stands: the switch hands it what SIP and media said ([`Call::handle`]) and performs what it wants ([`Do`]);
//! the program that runs it reads [`Event`]s and uses the verbs (`verbs.rs`). It decides nothing a program could decide:
//! it keeps dialogs, sound and facts consistent, whatever the programs and the phones do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use audio::{Music, Sound};
use base::{CallId, LegId, RecordingId, Time, WallClock};
use bytes::Bytes;
use sdp::Format;

use crate::attempt::{Attempt, Target};
use crate::heard::KeySeen;
use crate::leg::{Port, State};
use crate::offer::Offer;
use crate::order::Silent;
use crate::recording::Recording;
use crate::transfer::TRANSFERRED;
use crate::{Actor, Silence};
use crate::{Cdr, Direction, Fact, FeatureConf, Leg, Member, NewLeg, Side, Supervision, What, Wire, wires};

/// What all calls of a switch share.
#[derive(Clone, Debug)]
pub struct CallConf {
    /// What we speak, best first.
    pub formats: Vec<Format>,
    /// What a caller we have already answered hears while a phone rings.
    pub ringback: Sound,
    /// What a party hears whom the other has put on hold.
    pub hold_music: Music,
    /// What keys do during a call.
    pub features: FeatureConf,
    /// No mask lasts longer, if nobody says how long.
    pub mask_max: Duration,
    /// Recordings have no more samples a second, whatever was said: 8,000, 16,000 or 48,000.
    pub record_rate_max: u32,
    /// Who is recorded hears a beep that often.
    pub beep: Option<Duration>,
    /// What the calendar said at the beginning, as of when the call began: that is how all its moments are named.
    pub clock: WallClock,
    /// The fingerprints of the two certificates that browsers are shown; none where they are not served.
    pub fingerprints: Option<Arc<[String; 2]>>,
}

/// A call as it knocks.
#[derive(Debug)]
pub struct Knock {
    /// Its number.
    pub call: CallId,
    /// The caller's leg.
    pub caller: NewLeg,
    /// The number dialled.
    pub called: String,
    /// From where to where.
    pub direction: Direction,
    /// The caller's offer; an INVITE may have none (RFC 3261 §14.1).
    pub offer: Option<Bytes>,
    /// Then ours may come before the answer, in a response said reliably (RFC 3262 §5).
    pub hears_reliably: bool,
}

/// What a call is told.
#[derive(Debug)]
pub enum Input {
    /// The SIP endpoint about one of our legs.
    Sip(sip::Event),
    /// The patchbay about one of our legs.
    Media(media::Event),
    /// Time has passed.
    Tick,
    /// The switch ends the call, whatever its program is about.
    HangUp {
        /// Why, in a word or two.
        cause: &'static str,
    },
}

/// What a call wants done.
#[derive(Debug)]
pub enum Do {
    /// Say this.
    Sip(sip::Command),
    /// Let this be heard.
    Media(media::Command),
    /// Find phones for these targets, then [`Call::place`] calls to them.
    Find(Vec<Target>),
    /// This leg's party wants its partner to talk with somebody else: find out where that leads, and whether it may.
    Transfer {
        /// Who asks.
        by: LegId,
        /// For whom.
        referral: Box<sip::Referral>,
    },
    /// This leg's party dialled a number with keys, for its partner or, `attended`, for itself first: the same questions.
    Dial {
        /// Who dialled.
        by: LegId,
        /// What.
        number: String,
        /// To ask before anybody is brought there.
        attended: bool,
    },
    /// A leg that another call has lent is not needed here any more.
    GiveBack {
        /// The leg.
        leg: Box<Leg>,
        /// How its party supervised last.
        how: Supervision,
    },
    /// Begin this recording; its taps follow.
    Record(Recording),
    /// This recording ends here; what is to be told of it follows when the call is over.
    StopRecording {
        /// Which.
        recording: RecordingId,
        /// How long it is.
        length: Duration,
    },
    /// The program wants to know when the caller has said nothing on this recording for so long.
    Attend {
        /// Which.
        recording: RecordingId,
        /// When it began.
        began: Time,
        /// So long.
        quiet: Duration,
    },
    /// This recording keeps nothing of what is said from `at` on, or keeps it again.
    Silence {
        /// Which.
        recording: RecordingId,
        /// Why.
        kind: Silence,
        /// Who wanted that.
        actor: Actor,
        /// From when.
        at: Time,
        /// Or ends.
        begins: bool,
    },
    /// This leg's media port is no longer needed. `taken`: the operating system would not give it to us.
    Release {
        /// Where it was.
        local: std::net::SocketAddr,
        /// Somebody else has it.
        taken: bool,
    },
}

/// What a program is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The program has the call.
    Started,
    /// The caller pressed a key.
    Key(char),
    /// The caller was asked and pressed nothing in time.
    NoKey,
    /// The sound has been played to its end.
    Played,
    /// The time is up that the program has set itself.
    Woken,
    /// A dialled party answered; caller and party talk.
    Connected,
    /// The caller has said nothing for as long as the program said; see [`Call::attend`].
    Quiet,
    /// One of those the caller speaks to has picked up.
    Paged,
    /// And is there no longer.
    Unpaged,
    /// Nobody took the call; the SIP status that tells why.
    NotConnected(u16),
    /// A party rung on its own account has picked up, and hears what it is to hear before it is connected.
    PickedUp {
        /// Its account.
        party: String,
    },
    /// One of the parties rung on their own account came to nothing.
    PartyRefused {
        /// Its account.
        party: String,
        /// The SIP status that tells why.
        status: u16,
        /// There was a phone to ring.
        reached: bool,
    },
    /// Who wanted to bring its partner elsewhere is out of it; the call is no longer that party's.
    HandedOn,
    /// It could not be brought there; both talk again.
    HandedBack,
    /// A supervisor talks in the place of the party he supervised, who is out of it.
    TakenOver,
    /// The party that talked is gone, and why.
    PartyLeft(&'static str),
    /// The call has ended: the caller is gone, or will be.
    HungUp,
    /// It was ours, and nobody took it: the call has ended, and was never anybody's. The SIP status that tells why.
    Unreached(u16),
}

/// One caller's journey.
#[derive(Debug)]
pub struct Call {
    pub(crate) id: CallId,
    pub(crate) conf: Arc<CallConf>,
    pub(crate) now: Time,
    /// The caller first; then the dialled parties.
    pub(crate) legs: Vec<Leg>,
    pub(crate) members: Vec<Member>,
    /// Who hears the call without being a party.
    pub(crate) supervisors: Vec<crate::supervise::Supervising>,
    /// Who is told that the call will be recorded, and the player of who hears that now.
    pub(crate) told: Vec<(LegId, Option<u32>)>,
    pub(crate) wired: BTreeSet<Wire>,
    pub(crate) attempt: Option<Attempt>,
    /// Parties rung on their own account.
    pub(crate) offers: Vec<Offer>,
    pub(crate) playing: Option<Playing>,
    pub(crate) players: u32,
    /// How many sounds the caller was played.
    pub(crate) sounds: u32,
    /// Since when the caller hears nothing, if he does not.
    pub(crate) quiet_since: Time,
    /// When the program wants to be woken.
    pub(crate) wake: Option<Time>,
    /// The legs that hear music because the other side holds.
    pub(crate) music: Vec<LegId>,
    pub(crate) recordings: Vec<Recording>,
    /// What nobody is to hear later.
    pub(crate) silences: Vec<Silent>,
    /// When the last mask ended.
    pub(crate) unmasked: Option<Time>,
    pub(crate) transfer: Option<crate::transfer::Transfer>,
    pub(crate) consultation: Option<crate::consult::Consultation>,
    /// Keys that may mean a feature.
    pub(crate) keying: Option<crate::features::Keying>,
    /// The caller is in a room with the callers of other calls.
    pub(crate) in_room: bool,
    /// Somebody has said whether it is recorded; no rule does from then on.
    pub(crate) ordered: bool,
    pub(crate) key_seen: Option<KeySeen>,
    /// What is known of the caller, by name.
    pub(crate) fields: BTreeMap<String, String>,
    /// The fields nobody is told of.
    pub(crate) untold: BTreeSet<String>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) events: VecDeque<Event>,
    out: Vec<Do>,
    /// Set when the call ended: until then its media may take to come home.
    pub(crate) ended: Option<Time>,
}

/// What the caller is being played, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Playing {
    pub(crate) player: u32,
    pub(crate) purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The program wants to know when it is over.
    Announce,
    /// A key is expected, for so long after the sound's end.
    Ask { patience: Duration },
    /// The sound is over, the key still expected.
    Await { until: Time },
    /// A phone rings.
    Ringback,
}

impl Call {
    /// A call that has just knocked. Nothing is answered yet.
    pub fn new(knock: Knock, conf: Arc<CallConf>, now: Time) -> Call {
        let started = What::Started {
            caller: knock.caller.party.label().to_owned(),
            called: knock.called,
            direction: knock.direction,
            trunk: knock.caller.party.trunk.clone(),
        };
        let mut caller = Leg::new(knock.caller, State::Knocking { offer: knock.offer }, &conf);
        caller.hears_reliably = knock.hears_reliably;
        let mut call = Call::begin(knock.call, caller, started, conf, now);
        call.events.push_back(Event::Started);
        call
    }

    /// A call with its first leg and its first fact.
    pub(crate) fn begin(id: CallId, caller: Leg, started: What, conf: Arc<CallConf>, now: Time) -> Call {
        let mut legs = Vec::with_capacity(2); // most calls have no more
        legs.push(caller);
        Call {
            id,
            conf,
            now,
            legs,
            members: Vec::new(),
            supervisors: Vec::new(),
            told: Vec::new(),
            wired: BTreeSet::new(),
            attempt: None,
            offers: Vec::new(),
            playing: None,
            players: 0,
            sounds: 0,
            quiet_since: now,
            wake: None,
            music: Vec::new(),
            recordings: Vec::new(),
            silences: Vec::new(),
            unmasked: None,
            transfer: None,
            consultation: None,
            keying: None,
            in_room: false,
            ordered: false,
            key_seen: None,
            fields: BTreeMap::new(),
            untold: BTreeSet::new(),
            facts: vec![Fact { at: now, what: started }],
            events: VecDeque::new(),
            out: Vec::new(),
            ended: None,
        }
    }

    /// Takes what happened. The owner then lets the program step through [`Call::next_event`] and drains
    /// [`Call::take_wishes`].
    pub fn handle(&mut self, input: Input, now: Time) {
        self.now = now;
        match input {
            Input::Sip(event) => self.heard_from_sip(event),
            Input::Media(event) => self.heard_from_media(event),
            Input::Tick => self.time_has_passed(),
            Input::HangUp { cause } => self.hang_up(Side::Switch, cause),
        }
    }

    /// When [`Input::Tick`] is due next.
    pub fn deadline(&self) -> Option<Time> {
        let asked = self.playing.and_then(|playing| match playing.purpose {
            Purpose::Await { until } => Some(until),
            _ => None,
        });
        let ringing = self.attempt.as_ref().map(|attempt| attempt.until);
        let keying = self.keying.as_ref().map(|keying| keying.until);
        match self.ended {
            Some(at) => Some(at + MEDIA_COMES_HOME),
            None => {
                let holding = self.legs.iter().filter(|leg| leg.is_live()).filter_map(|leg| leg.patience);
                holding
                    .chain(asked)
                    .chain(self.quiet_deadline())
                    .chain(self.wake)
                    .chain(ringing)
                    .chain(keying)
                    .chain(self.silence_deadline())
                    .min()
            }
        }
    }

    /// The next thing the program must know.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is to be done, in order.
    pub fn take_wishes(&mut self) -> Vec<Do> {
        std::mem::take(&mut self.out)
    }

    /// The call's number.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// The caller's leg.
    pub fn caller(&self) -> &Leg {
        &self.legs[0]
    }

    /// All legs, the caller's first.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// Everything that happened so far.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// What was recorded.
    pub fn recordings(&self) -> &[Recording] {
        &self.recordings
    }

    /// The record of the call so far; final once it [is over](Call::is_over).
    pub fn cdr(&self) -> Cdr {
        Cdr::of(self.id, &self.facts, self.conf.clock)
    }

    /// Has it ended, with every dialog closed and every port home?
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
            && self.legs.iter().all(|leg| !leg.is_live() && leg.port == Port::Home && leg.left.is_none())
    }

    /// When it ended, if it did.
    pub fn ended_at(&self) -> Option<Time> {
        self.ended
    }

    /// The moment this call is at.
    pub fn now(&self) -> Time {
        self.now
    }

    /// This moment, in milliseconds since 1970.
    pub fn unix_ms(&self) -> i64 {
        self.conf.clock.unix_ms(self.now)
    }

    /// A moment as a date, RFC 3339 in UTC.
    pub fn date(&self, at: Time) -> String {
        crate::cdr::rfc3339(self.conf.clock.unix_ms(at))
    }

    /// Does the caller still wait for an answer?
    pub fn awaits_answer(&self) -> bool {
        matches!(self.legs[0].state, State::Knocking { .. })
    }

    /// Has somebody hung up?
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// The program failed inside. The call ends, says so, and asks the program nothing more.
    pub fn fault(&mut self, now: Time) {
        self.now = now;
        self.fault_inside();
        self.events.clear();
    }

    pub(crate) fn fault_inside(&mut self) {
        self.note(What::Fault);
        self.end(Side::Switch, "fault", 500);
    }

    /// Ends a leg that is not the caller's, saying why where there is a reason to give.
    pub(crate) fn drop_leg(&mut self, at: usize, status: Option<u16>) {
        if self.legs[at].is_live() {
            self.say(sip::Command::HangUp { leg: self.legs[at].id, status });
        }
        self.close_media(at);
    }

    /// Ends the call: the one place where that happens. `status` is what a caller still waiting for an answer gets.
    pub(crate) fn end(&mut self, by: Side, cause: &'static str, status: u16) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(self.now);
        let ends = if self.awaits_caller() { Event::Unreached(status) } else { Event::HungUp };
        if let (State::Knocking { .. }, leg) = (&self.legs[0].state, self.legs[0].id) {
            self.note(What::Rejected { status });
            self.say(sip::Command::Reject { leg, status });
        } else if !self.was_answered() {
            self.note(What::Rejected { status }); // he gave up himself
        }
        self.note(What::HungUp { by, cause: cause.into() });
        self.take_attempts();
        (self.transfer, self.consultation, self.keying) = (None, None, None);
        self.playing = None;
        self.members.clear();
        self.rewire();
        for at in 0..self.legs.len() {
            let knocking = matches!(self.legs[at].state, State::Knocking { .. });
            if self.legs[at].is_live() && !knocking {
                // RFC 3326: who rings, and will again for the one it is transferred to, has missed nothing.
                let rings = matches!(self.legs[at].state, State::Dialling);
                let status = (rings && cause == TRANSFERRED).then_some(200);
                self.say(sip::Command::HangUp { leg: self.legs[at].id, status });
            }
            self.close_media(at);
        }
        self.events.push_back(ends);
    }

    pub(crate) fn was_answered(&self) -> bool {
        self.facts.iter().any(|fact| matches!(fact.what, What::Answered))
    }

    /// Offers a party the session it has once more, as it is to be told something that comes with that.
    pub fn offer_again(&mut self, leg: LegId, now: Time) {
        self.now = now;
        if let Some(at) = self.position(leg).filter(|at| matches!(self.legs[*at].state, State::Up)) {
            let sdp = self.legs[at].offer();
            self.say(sip::Command::Offer { leg, sdp });
        }
    }

    /// The machine has lost the address a party's media stood at: it moves to this one, and the phone is told so by re-INVITE.
    /// Not before the party is there: an answer repeats what was offered.
    pub fn stand_at(&mut self, leg: LegId, address: IpAddr, now: Time) {
        self.now = now;
        let is_up = |at: &usize| matches!((&self.legs[*at].state, self.legs[*at].port), (State::Up, Port::Open));
        let Some(at) = self.position(leg).filter(is_up) else { return };
        let local = SocketAddr::new(address, self.legs[at].local().port());
        self.legs[at].local.address = local;
        self.out.push(Do::Media(media::Command::Move { leg, local }));
        self.offer_again(leg, now);
    }

    pub(crate) fn open_media(&mut self, at: usize) {
        let leg = &mut self.legs[at];
        if leg.port == Port::Reserved {
            leg.port = Port::Open;
            let open = media::Command::Open { leg: leg.id, local: leg.local() };
            self.out.push(Do::Media(open));
        }
    }

    pub(crate) fn connect_media(&mut self, at: usize) {
        self.open_media(at);
        let leg = &mut self.legs[at];
        leg.patience = None; // it has just said what it wants
        if let Some(stream) = leg.stream_conf() {
            self.out.push(Do::Media(media::Command::Connect { leg: leg.id, stream }));
        }
    }

    pub(crate) fn close_media(&mut self, at: usize) {
        let id = self.legs[at].id;
        if self.members.iter().any(|member| member.leg == id) {
            self.members.retain(|member| member.leg != id);
            self.rewire();
        }
        let leg = &mut self.legs[at];
        match leg.port {
            Port::Reserved => {
                leg.port = Port::Home;
                let local = leg.local();
                self.out.push(Do::Release { local, taken: false });
            }
            Port::Open => {
                leg.port = Port::Closing;
                self.out.push(Do::Media(media::Command::Close { leg: leg.id }));
            }
            Port::Closing | Port::Home => {}
        }
    }

    pub(crate) fn port_is_home(&mut self, leg: LegId, taken: bool) {
        let Some(at) = self.position(leg) else { return };
        let leg = &mut self.legs[at];
        if leg.port != Port::Home {
            leg.port = Port::Home;
            let local = leg.local();
            self.out.push(Do::Release { local, taken });
        }
    }

    /// The port a leg stood at before it moved is free again. False: it never moved.
    pub(crate) fn left_port_is_home(&mut self, leg: LegId) -> bool {
        let left = self.position(leg).and_then(|at| self.legs[at].left.take());
        self.out.extend(left.map(|local| Do::Release { local, taken: false }));
        left.is_some()
    }

    pub(crate) fn set_members(&mut self, members: Vec<Member>) {
        self.members = members;
        self.rewire();
    }

    /// Tells media how the wires differ from what they were.
    pub(crate) fn rewire(&mut self) {
        let homewards = self.let_supervisors_go();
        let supervisors = self.supervisors.iter().map(|supervising| supervising.member());
        let present: Vec<Member> = self.members.iter().copied().chain(supervisors).collect();
        let wanted = wires(&present);
        let gone = self.wired.difference(&wanted).map(|wire| media::Command::Unwire { from: wire.from, to: wire.to });
        let new = wanted.difference(&self.wired).map(|wire| media::Command::Wire { from: wire.from, to: wire.to });
        self.out.extend(gone.chain(new).map(Do::Media));
        self.wired = wanted;
        self.out.extend(homewards);
        self.falls_quiet();
        self.cover_silence();
    }

    pub(crate) fn say(&mut self, command: sip::Command) {
        self.out.push(Do::Sip(command));
    }

    pub(crate) fn wish(&mut self, wish: Do) {
        self.out.push(wish);
    }

    /// Writes a fact. A caller who presses keys for hours, and goes round in menus, must not fill the memory.
    pub(crate) fn note(&mut self, what: What) {
        let is_small = matches!(what, What::Key { .. } | What::Entered { .. } | What::Field { .. } | What::Disposed(_));
        if is_small && self.facts.len() > FACTS_WITH_KEYS_MAX {
            return;
        }
        self.facts.push(Fact { at: self.now, what });
    }

    /// Is this a dialled leg that may still answer?
    pub(crate) fn is_ringing(&self, leg: LegId) -> bool {
        self.ended.is_none() && self.attempt.as_ref().is_some_and(|attempt| attempt.has(leg))
    }

    pub(crate) fn position(&self, leg: LegId) -> Option<usize> {
        self.legs.iter().position(|one| one.id == leg)
    }
}

/// How long media may take to close the ports of an ended call.
pub(crate) const MEDIA_COMES_HOME: Duration = Duration::from_secs(10);
/// Keys, menus and fields are no longer written down when a call has so many facts.
const FACTS_WITH_KEYS_MAX: usize = 500;
