//! The call: its legs, who hears whom, and what it tells `sip` and `media`.
//!
//! Where it stands: the switch hands it what SIP and media said ([`Call::handle`]) and performs what it wants ([`Do`]);
//! the program that runs it reads [`Event`]s and uses the verbs (`verbs.rs`). It decides nothing a program could decide:
//! it keeps dialogs, sound and facts consistent, whatever the programs and the phones do.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use audio::Sound;
use base::{CallId, LegId, Time, WallClock};
use bytes::Bytes;
use sdp::Format;
use sip::End;

use crate::attempt::{Attempt, Outbound, Target};
use crate::leg::{Port, State};
use crate::offer::Offer;
use crate::recording::Recording;
use crate::{Cdr, Direction, Fact, Leg, Member, NewLeg, Side, What, Wire, wires};

/// What all calls of a switch share.
#[derive(Clone, Debug)]
pub struct CallConf {
    /// What we speak, best first.
    pub formats: Vec<Format>,
    /// What a caller we have already answered hears while a phone rings.
    pub ringback: Sound,
    /// What a party hears whom the other has put on hold.
    pub hold_music: Sound,
    /// What the calendar said at the beginning.
    pub clock: WallClock,
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
    /// Begin this recording; its taps follow.
    Record(Recording),
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
    /// A dialled party answered; caller and party talk.
    Connected,
    /// Nobody took the call; the SIP status that tells why.
    NotConnected(u16),
    /// One of the parties rung on their own account came to nothing.
    PartyRefused {
        /// Its account.
        party: String,
        /// The SIP status that tells why.
        status: u16,
        /// There was a phone to ring.
        reached: bool,
    },
    /// The party that talked is gone, and why.
    PartyLeft(&'static str),
    /// The call has ended: the caller is gone, or will be.
    HungUp,
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
    pub(crate) wired: BTreeSet<Wire>,
    pub(crate) attempt: Option<Attempt>,
    /// Parties rung on their own account.
    pub(crate) offers: Vec<Offer>,
    pub(crate) playing: Option<Playing>,
    pub(crate) players: u32,
    /// The legs that hear music because the other side holds.
    pub(crate) music: Vec<LegId>,
    pub(crate) recordings: Vec<Recording>,
    pub(crate) transfer: Option<crate::transfer::Transfer>,
    pub(crate) record_at_answer: bool,
    key_seen: Option<KeySeen>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) events: VecDeque<Event>,
    out: Vec<Do>,
    /// Set when the call ended: until then its media may take to come home.
    ended: Option<Time>,
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

/// The last key, and how it came: phones may send one press both as RFC 4733 event and as SIP INFO.
#[derive(Clone, Copy, Debug)]
struct KeySeen {
    key: char,
    by_info: bool,
    at: Time,
}

impl Call {
    /// A call that has just knocked. Nothing is answered yet.
    pub fn new(knock: Knock, conf: Arc<CallConf>, now: Time) -> Call {
        let started = What::Started {
            caller: knock.caller.party.label().to_owned(),
            called: knock.called,
            direction: knock.direction,
        };
        let caller = Leg::new(knock.caller, State::Knocking { offer: knock.offer }, &conf.formats);
        Call {
            id: knock.call,
            conf,
            now,
            legs: vec![caller],
            members: Vec::new(),
            wired: BTreeSet::new(),
            attempt: None,
            offers: Vec::new(),
            playing: None,
            players: 0,
            music: Vec::new(),
            recordings: Vec::new(),
            transfer: None,
            record_at_answer: false,
            key_seen: None,
            facts: vec![Fact { at: now, what: started }],
            events: VecDeque::from([Event::Started]),
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
        match self.ended {
            Some(at) => Some(at + MEDIA_COMES_HOME),
            None => {
                let holding = self.legs.iter().filter(|leg| leg.is_live()).filter_map(|leg| leg.patience);
                holding.chain(asked).chain(ringing).min()
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

    /// A moment as a date, RFC 3339 in UTC.
    pub fn date(&self, at: Time) -> String {
        crate::cdr::rfc3339(self.conf.clock.unix_ms(at))
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

    fn fault_inside(&mut self) {
        self.note(What::Fault);
        self.end(Side::Switch, "fault", 500);
    }

    fn heard_from_sip(&mut self, event: sip::Event) {
        use sip::Event as Sip;
        match event {
            Sip::Ringing { leg, sdp, .. } => self.rings(leg, sdp.as_deref()),
            Sip::Answered { leg, sdp } => self.answered(leg, &sdp),
            Sip::Confirmed { leg, sdp: Some(sdp) } => self.agreed_at_last(leg, &sdp),
            Sip::Offered { leg, sdp } => self.offered_again(leg, sdp),
            Sip::Agreed { leg, sdp } => self.agreed_again(leg, &sdp),
            Sip::Refer { leg, referral } => self.asked_to_transfer(leg, referral),
            Sip::Digit { leg, digit } => self.key_pressed(leg, digit, true),
            Sip::Ended { leg, end } => self.leg_ended(leg, end),
            Sip::Confirmed { .. }
            | Sip::Declined { .. }
            | Sip::Incoming(_)
            | Sip::Registered { .. }
            | Sip::Unregistered { .. }
            | Sip::Refused { .. }
            | Sip::Banned(_)
            | Sip::Flooded { .. } => {}
        }
    }

    fn heard_from_media(&mut self, event: media::Event) {
        use media::Event as Media;
        match event {
            Media::Digit { leg, digit } => self.key_pressed(leg, digit, false),
            Media::Played { leg, player } if leg == self.legs[0].id => self.played(player),
            Media::Timeout { leg } => self.fell_silent(leg),
            Media::PortTaken { leg, .. } => self.port_taken(leg),
            Media::Fault { .. } => self.fault_inside(),
            Media::Closed { leg, stats } => {
                self.note(What::Media { leg, stats });
                if !self.left_port_is_home(leg) {
                    self.port_is_home(leg, false);
                }
            }
            Media::Played { .. } | Media::Latched { .. } => {}
        }
    }

    fn time_has_passed(&mut self) {
        let is_gone = |leg: &&Leg| leg.is_live() && leg.patience.is_some_and(|until| self.now >= until);
        if let Some(leg) = self.legs.iter().find(is_gone).map(|leg| leg.id) {
            self.is_gone(leg);
        }
        if self.attempt.as_ref().is_some_and(|attempt| self.now >= attempt.until) {
            self.ringing_time_is_up();
        }
        if let Some(Playing { purpose: Purpose::Await { until }, .. }) = self.playing
            && self.now >= until
        {
            self.playing = None;
            self.events.push_back(Event::NoKey);
        }
        if self.ended.is_some_and(|at| self.now >= at + MEDIA_COMES_HOME) {
            // A media thread that does not answer must not keep the call for ever.
            for at in 0..self.legs.len() {
                self.legs[at].state = State::Ended;
                self.left_port_is_home(self.legs[at].id);
                self.port_is_home(self.legs[at].id, false);
            }
        }
    }

    /// A dialled phone rings: the caller hears of it once, as ringing or as a tone.
    fn rings(&mut self, leg: LegId, early: Option<&[u8]>) {
        let first = self.attempt_of(leg).is_some_and(|attempt| attempt.rings_now(leg));
        if first {
            self.note(What::Ringing { leg });
        }
        if early.is_some_and(|early| self.early_media(leg, early)) || !first || self.wired.len() > 1 {
            return;
        }
        self.transfer_rings();
        match self.legs[0].state {
            State::Knocking { .. } => self.ring(),
            State::Up if self.playing.is_none() => {
                let ringback = self.conf.ringback.clone();
                self.start_player(ringback, true, Purpose::Ringback);
            }
            _ => {}
        }
    }

    /// A dialled phone was picked up. The first one gets the call.
    fn answered(&mut self, leg: LegId, answer: &[u8]) {
        let Some(at) = self.position(leg) else { return };
        if self.attempt_of(leg).is_none() || self.ended.is_some() {
            self.drop_leg(at, None);
            return;
        }
        if self.legs[at].accept(answer).is_err() {
            self.drop_leg(at, Some(488));
            self.refused(leg, 488);
            return;
        }
        self.legs[at].state = State::Up;
        self.connect_media(at);
        let attempts = self.take_attempts();
        for other in attempts.iter().flat_map(Attempt::legs).filter(|other| *other != leg) {
            if let Some(other) = self.position(other) {
                self.drop_leg(other, Some(200)); // RFC 3326: "Call completed elsewhere"
            }
        }
        if !self.answer_in(self.legs[at].codec()) {
            return; // the caller's offer could not be met after all: the call has ended
        }
        self.stop();
        self.transfer_succeeds();
        let party = self.legs[at].party.label().to_owned();
        self.note(What::Connected { leg, party });
        let caller = self.legs[0].id;
        self.set_members(vec![
            Member { leg: caller, role: crate::Role::Talk },
            Member { leg, role: crate::Role::Talk },
        ]);
        self.tap_legs();
        self.events.push_back(Event::Connected);
    }

    /// The answer to an offer of ours in a 200 came with the ACK.
    fn agreed_at_last(&mut self, leg: LegId, answer: &[u8]) {
        let Some(at) = self.position(leg) else { return };
        match self.legs[at].accept(answer) {
            Ok(()) => self.connect_media(at),
            Err(_) => return self.end(Side::Switch, "no common codec", 488),
        }
        self.cover_silence();
    }

    /// A re-INVITE or UPDATE: hold, resume, a new address. Codec and port stay.
    fn offered_again(&mut self, leg: LegId, offer: Option<Bytes>) {
        let Some(at) = self.position(leg) else { return };
        let (codec, held) = (self.legs[at].codec(), self.legs[at].holds());
        let Some(offer) = offer else {
            let sdp = self.legs[at].offer(); // its answer comes with the ACK
            self.say(sip::Command::Answer { leg, sdp });
            return;
        };
        match self.legs[at].answer(&offer, codec) {
            Ok(sdp) => {
                self.say(sip::Command::Answer { leg, sdp });
                self.connect_media(at);
                self.note_hold(leg, held);
                self.cover_silence();
            }
            Err(status) => self.say(sip::Command::Reject { leg, status }),
        }
    }

    /// The other side answered a re-INVITE of ours.
    fn agreed_again(&mut self, leg: LegId, answer: &[u8]) {
        let Some(at) = self.position(leg) else { return };
        let held = self.legs[at].holds();
        if self.legs[at].accept(answer).is_ok() {
            self.connect_media(at);
            self.note_hold(leg, held);
            self.cover_silence();
        }
    }

    fn key_pressed(&mut self, leg: LegId, key: char, by_info: bool) {
        if leg != self.legs[0].id || self.ended.is_some() {
            return; // parties' feature keys come with transfers
        }
        let seen = self.key_seen.replace(KeySeen { key, by_info, at: self.now });
        if seen.is_some_and(|seen| seen.key == key && seen.by_info != by_info && self.now < seen.at + SAME_PRESS) {
            return;
        }
        self.note(What::Key { key });
        if matches!(self.playing, Some(Playing { purpose: Purpose::Ask { .. } | Purpose::Await { .. }, .. })) {
            self.stop();
        }
        self.events.push_back(Event::Key(key));
    }

    fn played(&mut self, player: u32) {
        let Some(playing) = self.playing.filter(|playing| playing.player == player) else { return };
        self.playing = None;
        match playing.purpose {
            Purpose::Ask { patience } => {
                let until = self.now + patience;
                self.playing = Some(Playing { player, purpose: Purpose::Await { until } });
            }
            Purpose::Announce => self.events.push_back(Event::Played),
            Purpose::Await { .. } | Purpose::Ringback => {}
        }
    }

    /// No media, not even RTCP, for the time `media` was told: whoever it was is gone. A phone that holds the other
    /// side may be silent for long; yet one that lost its power on hold must not keep the call for ever.
    fn fell_silent(&mut self, leg: LegId) {
        match self.position(leg) {
            Some(at) if !matches!(self.legs[at].state, State::Up) => {} // before the answer nobody need say anything
            Some(at) if self.legs[at].may_be_silent() => self.legs[at].patience = Some(self.now + HOLD_MAX),
            _ => self.is_gone(leg),
        }
    }

    fn is_gone(&mut self, leg: LegId) {
        let by = if leg == self.legs[0].id { Side::Caller } else { Side::Agent };
        self.end(by, "no media", 480);
    }

    fn port_taken(&mut self, leg: LegId) {
        let Some(at) = self.position(leg) else { return };
        self.port_is_home(leg, true);
        if at == 0 {
            self.end(Side::Switch, "media port taken", 503);
        } else if self.attempt_of(leg).is_some() {
            self.drop_leg(at, None);
            self.refused(leg, 503);
        } else {
            self.end(Side::Switch, "media port taken", 503);
        }
    }

    fn leg_ended(&mut self, leg: LegId, end: End) {
        let Some(at) = self.position(leg) else { return };
        let was_up = matches!(self.legs[at].state, State::Up);
        self.legs[at].state = State::Ended;
        self.close_media(at);
        if self.ended.is_some() || matches!(end, End::HungUp) || self.transferor_left(leg) {
            return;
        }
        if at == 0 {
            self.end(Side::Caller, cause(end), 487);
        } else if self.attempt_of(leg).is_some() {
            self.refused(leg, if let End::Refused(status) = end { status } else { 480 });
        } else if was_up {
            self.note(What::Left { leg });
            self.events.push_back(Event::PartyLeft(cause(end)));
        }
    }

    /// A dialled leg came to nothing.
    fn refused(&mut self, leg: LegId, status: u16) {
        self.note(What::Refused { leg: Some(leg), status });
        let Some(attempt) = self.attempt_of(leg) else { return };
        for same_user in attempt.refused(leg, status) {
            if let Some(at) = self.position(same_user) {
                self.drop_leg(at, None);
            }
        }
        self.see_whether_lost();
        self.ring_again();
    }

    fn ringing_time_is_up(&mut self) {
        let Some(attempt) = self.attempt.take() else { return };
        for leg in attempt.legs() {
            self.note(What::Refused { leg: Some(leg), status: 408 });
            if let Some(at) = self.position(leg) {
                self.drop_leg(at, None);
            }
        }
        self.not_connected(attempt.status_at_timeout());
    }

    pub(crate) fn see_whether_lost(&mut self) {
        if let Some(attempt) = self.attempt.take_if(|attempt| attempt.is_lost()) {
            self.not_connected(attempt.status());
        }
        self.see_which_are_lost();
    }

    fn not_connected(&mut self, status: u16) {
        if matches!(self.playing, Some(Playing { purpose: Purpose::Ringback, .. })) {
            self.stop();
        }
        self.came_to_nothing(status);
    }

    /// Phones were looked for; those found are called. One entry a target, in the order of [`Do::Find`]; an error is
    /// the status that says why there is no phone to ring.
    pub fn place(&mut self, found: Vec<Result<Vec<Outbound>, u16>>, now: Time) {
        self.now = now;
        if self.ended.is_some() {
            return;
        }
        let spoken = self.legs[0].speaks();
        for (target, found) in found.into_iter().enumerate() {
            let ways = match found {
                Ok(ways) if !ways.is_empty() => ways,
                nobody => {
                    let status = nobody.err().unwrap_or(480);
                    self.note(What::Refused { leg: None, status });
                    self.placing().into_iter().for_each(|attempt| attempt.failed(status));
                    continue;
                }
            };
            for way in ways {
                self.call_out(target, way, &spoken);
            }
        }
        self.placed();
        self.see_whether_lost();
    }

    fn call_out(&mut self, target: usize, way: Outbound, spoken: &[audio::Codec]) {
        let mut leg = Leg::new(way.leg, State::Dialling, &self.conf.formats);
        leg.prefer(spoken);
        let (id, sdp, party) = (leg.id, leg.offer(), leg.party.label().to_owned());
        self.legs.push(leg);
        self.open_media(self.legs.len() - 1);
        self.note(What::Dialled { leg: id, party });
        self.placing().into_iter().for_each(|attempt| attempt.ring(id, target));
        let mut headers = way.headers;
        headers.extend(self.queue().map(|queue| (sip::Name::from("X-Queue"), queue.to_owned())));
        let invite = sip::Outgoing {
            uri: way.uri,
            flow: way.flow,
            from: way.from,
            to: way.to,
            sdp,
            credentials: way.credentials,
            headers,
        };
        self.say(sip::Command::Invite { leg: id, invite: Box::new(invite) });
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
        if let (State::Knocking { .. }, leg) = (&self.legs[0].state, self.legs[0].id) {
            self.note(What::Rejected { status });
            self.say(sip::Command::Reject { leg, status });
        } else if !self.was_answered() {
            self.note(What::Rejected { status }); // he gave up himself
        }
        self.note(What::HungUp { by, cause });
        self.take_attempts();
        self.transfer = None;
        self.playing = None;
        self.members.clear();
        self.rewire();
        for at in 0..self.legs.len() {
            let knocking = matches!(self.legs[at].state, State::Knocking { .. });
            if self.legs[at].is_live() && !knocking {
                self.say(sip::Command::HangUp { leg: self.legs[at].id, status: None });
            }
            self.close_media(at);
        }
        self.events.push_back(Event::HungUp);
    }

    fn was_answered(&self) -> bool {
        self.facts.iter().any(|fact| matches!(fact.what, What::Answered))
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

    fn close_media(&mut self, at: usize) {
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

    fn port_is_home(&mut self, leg: LegId, taken: bool) {
        let Some(at) = self.position(leg) else { return };
        let leg = &mut self.legs[at];
        if leg.port != Port::Home {
            leg.port = Port::Home;
            let local = leg.local();
            self.out.push(Do::Release { local, taken });
        }
    }

    /// The port a leg stood at before it moved is free again. False: it never moved.
    fn left_port_is_home(&mut self, leg: LegId) -> bool {
        let left = self.position(leg).and_then(|at| self.legs[at].left.take());
        self.out.extend(left.map(|local| Do::Release { local, taken: false }));
        left.is_some()
    }

    pub(crate) fn set_members(&mut self, members: Vec<Member>) {
        self.members = members;
        self.rewire();
    }

    /// Tells media how the wires differ from what they were.
    fn rewire(&mut self) {
        let wanted = wires(&self.members);
        let gone = self.wired.difference(&wanted).map(|wire| media::Command::Unwire { from: wire.from, to: wire.to });
        let new = wanted.difference(&self.wired).map(|wire| media::Command::Wire { from: wire.from, to: wire.to });
        self.out.extend(gone.chain(new).map(Do::Media));
        self.wired = wanted;
        self.cover_silence();
    }

    pub(crate) fn say(&mut self, command: sip::Command) {
        self.out.push(Do::Sip(command));
    }

    pub(crate) fn wish(&mut self, wish: Do) {
        self.out.push(wish);
    }

    /// Writes a fact. A caller who presses keys for hours must not fill the memory.
    pub(crate) fn note(&mut self, what: What) {
        if matches!(what, What::Key { .. }) && self.facts.len() > FACTS_WITH_KEYS_MAX {
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
const MEDIA_COMES_HOME: Duration = Duration::from_secs(10);
/// How long a phone may hold without a sound of its own.
const HOLD_MAX: Duration = Duration::from_secs(3600);
/// Within this time the same key by the other method is the same press.
const SAME_PRESS: Duration = Duration::from_millis(500);
/// Keys are no longer written down when a call has so many facts.
const FACTS_WITH_KEYS_MAX: usize = 500;

fn cause(end: End) -> &'static str {
    match end {
        End::Bye => "bye",
        End::Cancelled => "cancelled",
        End::Refused(_) => "refused",
        End::HungUp => "hung up",
        End::NoAck => "no ACK",
        End::Lost => "connection lost",
        End::Expired => "session expired",
    }
}
