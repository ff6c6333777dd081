//! What SIP and media say of a call's legs, and what follows from it at once.
//!
//! Where it stands: `Call::handle` comes here first. What a program must decide becomes an event for it; what keeps
//! dialogs and sound consistent whatever it decides is done here.

use std::time::Duration;

use base::{LegId, Time};
use bytes::Bytes;
use sip::End;

use crate::attempt::Attempt;
use crate::call::{MEDIA_COMES_HOME, Playing, Purpose};
use crate::leg::{Sounds, State};
use crate::{Call, Do, Event, Leg, Side, What};

/// The last key, and how it came: phones may send one press both as RFC 4733 event and as SIP INFO.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeySeen {
    leg: LegId,
    key: char,
    by_info: bool,
    at: Time,
}

/// One of those who ring behind an INVITE does so no more; others may (RFC 6228).
const EARLY_DIALOG_TERMINATED: u16 = 199;

impl Call {
    pub(crate) fn heard_from_sip(&mut self, event: sip::Event) {
        use sip::Event as Sip;
        match event {
            Sip::Ringing { leg, fork, status: EARLY_DIALOG_TERMINATED, .. } => self.rings_no_more(leg, fork),
            Sip::Ringing { leg, fork, sdp, .. } => self.rings(leg, fork, sdp.as_deref()),
            Sip::Answered { leg, fork, sdp } => self.answered(leg, fork, sdp.as_deref()),
            Sip::Confirmed { leg, sdp: Some(sdp) } => self.agreed_at_last(leg, &sdp),
            Sip::Offered { leg, fork, sdp } => self.offered_again(leg, fork, sdp),
            Sip::OfferDue { leg } => self.offer_again(leg, self.now), // what it says is how things stand now
            Sip::Agreed { leg, sdp } => self.agreed_again(leg, &sdp),
            Sip::Refer { leg, referral } => self.asked_to_transfer(leg, referral),
            Sip::Digit { leg, digit } => self.key_pressed(leg, digit, true),
            Sip::Ended { leg, end } => self.leg_ended(leg, end),
            Sip::Confirmed { .. }
            | Sip::Declined { .. }
            | Sip::Incoming(_)
            | Sip::Subscribes(_)
            | Sip::Named { .. }
            | Sip::Published { .. }
            | Sip::Text { .. }
            | Sip::Said { .. }
            | Sip::Registered { .. }
            | Sip::Unregistered { .. }
            | Sip::Refused { .. }
            | Sip::Banned(_)
            | Sip::Flooded { .. }
            | Sip::Unavailable { .. }
            | Sip::Unreached { .. }
            | Sip::Metadata { .. }
            | Sip::UserToUser { .. }
            | Sip::RequestDone { .. } => {}
        }
    }

    pub(crate) fn heard_from_media(&mut self, event: media::Event) {
        use media::Event as Media;
        match event {
            Media::Digit { leg, digit } => self.key_pressed(leg, digit, false),
            Media::Played { leg, player } if self.told(leg, player) => {}
            Media::Played { leg, player } if leg == self.legs[0].id => self.played(player),
            Media::Played { leg, player } => self.preface_played(leg, player),
            Media::Timeout { leg } => self.fell_silent(leg),
            Media::OneWay { leg } => self.note(What::OneWay { leg }),
            Media::Sounds { leg, mos, remote_mos } => {
                if let Some(leg) = self.legs.iter_mut().find(|one| one.id == leg) {
                    leg.sounds = Sounds { mos, remote_mos };
                }
            }
            Media::PortTaken { leg, .. } => self.port_taken(leg),
            Media::Fault { .. } => self.fault_inside(),
            Media::Closed { leg, stats } => {
                self.note(What::Media { leg, stats });
                if !self.left_port_is_home(leg) {
                    self.port_is_home(leg, false);
                }
            }
            Media::Latched { .. } | Media::Beeped { .. } => {}
        }
    }

    pub(crate) fn time_has_passed(&mut self) {
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
        if self.ended.is_none() && self.wake.take_if(|at| *at <= self.now).is_some() {
            self.events.push_back(Event::Woken);
        }
        self.quiet_time_is_up();
        self.keying_time_is_up();
        self.silence_time_is_up();
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
    fn rings(&mut self, leg: LegId, fork: u32, early: Option<&[u8]>) {
        let first = self.attempt_of(leg).is_some_and(|attempt| attempt.rings_now(leg));
        if first {
            self.note(What::Ringing { leg });
        }
        if early.is_some_and(|early| self.early_media(leg, fork, early)) || !first || self.wired.len() > 1 {
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
    fn answered(&mut self, leg: LegId, fork: u32, answer: Option<&[u8]>) {
        let Some(at) = self.position(leg) else { return };
        if self.attempt_of(leg).is_none() || self.ended.is_some() {
            self.drop_leg(at, None);
            return;
        }
        if self.legs[at].picked_up_by(fork, answer).is_err() {
            self.drop_leg(at, Some(488));
            self.refused(leg, 488);
            return;
        }
        self.legs[at].state = State::Up;
        self.connect_media(at);
        self.picked_up(at);
    }

    /// This leg has what the others ring for.
    pub(crate) fn picked_up(&mut self, at: usize) {
        if self.is_paged(at) || self.begins_preface(at) {
            return;
        }
        let leg = self.legs[at].id;
        let attempts = self.take_attempts();
        for other in attempts.iter().flat_map(Attempt::legs).filter(|other| *other != leg) {
            if let Some(other) = self.position(other) {
                self.drop_leg(other, Some(200)); // RFC 3326: "Call completed elsewhere"
            }
        }
        if self.awaits_caller() {
            return self.caller_answers(at);
        }
        if !self.answer_in(self.legs[at].codec()) {
            return; // the caller's offer could not be met after all: the call has ended
        }
        self.stop();
        self.transfer_succeeds();
        if !self.is_consulted(leg) {
            let party = self.legs[at].party.label().to_owned();
            self.note(What::Connected { leg, party });
        }
        self.set_members(self.members_with(Some(leg)));
        self.tap_legs();
        self.events.push_back(Event::Connected);
    }

    /// The answer to an offer of ours in a 200 came with the ACK.
    fn agreed_at_last(&mut self, leg: LegId, answer: &[u8]) {
        let Some(at) = self.position(leg) else { return };
        let held = self.legs[at].holds();
        match self.legs[at].accept(answer) {
            Ok(()) => self.connect_media(at),
            Err(_) => return self.end(Side::Switch, "no common codec", 488),
        }
        self.note_hold(leg, held);
        self.cover_silence();
    }

    /// A re-INVITE, UPDATE or PRACK: hold, resume, a new address, perhaps while it rings. Codec and port stay.
    fn offered_again(&mut self, leg: LegId, fork: u32, offer: Option<Bytes>) {
        let Some(at) = self.position(leg) else { return };
        let (codec, held) = (self.legs[at].codec(), self.legs[at].holds());
        let Some(offer) = offer else {
            let sdp = self.legs[at].offer(); // its answer comes with the ACK
            self.say(sip::Command::Answer { leg, sdp });
            return;
        };
        let answered = match self.legs[at].state {
            State::Dialling => self.legs[at].answer_early(fork, &offer),
            _ => self.legs[at].answer(&offer, codec).map(|sdp| (sdp, true)),
        };
        match answered {
            Ok((sdp, is_heard)) => {
                self.legs[at].early.iter_mut().for_each(|early| early.clone_from(&sdp));
                self.say(sip::Command::Answer { leg, sdp });
                if is_heard {
                    self.connect_media(at);
                    self.note_hold(leg, held);
                    self.cover_silence();
                }
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
        if self.ended.is_some() {
            return;
        }
        let seen = self.key_seen.replace(KeySeen { leg, key, by_info, at: self.now });
        let same = |seen: KeySeen| (seen.leg, seen.key) == (leg, key) && seen.by_info != by_info;
        if seen.is_some_and(|seen| same(seen) && self.now < seen.at + SAME_PRESS) {
            return;
        }
        if let Some(at) = self.position(leg).filter(|_| !by_info) {
            self.legs[at].keys_in_media = true;
        }
        if self.preface_key(leg, key) || self.supervisor_key(leg, key) || self.feature_key(leg, key) {
            return;
        }
        if by_info {
            self.pass_key_on(leg, key);
        }
        if leg != self.legs[0].id {
            return;
        }
        if self.keys_are_noted() {
            self.note(What::Key { key });
        }
        if matches!(self.playing, Some(Playing { purpose: Purpose::Ask { .. } | Purpose::Await { .. }, .. })) {
            self.stop();
        }
        self.events.push_back(Event::Key(key));
    }

    /// A key told by SIP INFO is pressed for the partner; one told in the media is there already, and some phones do both.
    fn pass_key_on(&mut self, leg: LegId, digit: char) {
        let told_twice = self.position(leg).is_some_and(|at| self.legs[at].keys_in_media);
        if let Some(partner) = self.partner(leg).filter(|_| !told_twice) {
            self.wish(Do::Media(media::Command::Press { leg: partner, digit }));
        }
    }

    fn played(&mut self, player: u32) {
        let Some(playing) = self.playing.filter(|playing| playing.player == player) else { return };
        self.playing = None;
        self.falls_quiet();
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
        if self.attempt_of(leg).is_some() {
            self.position(leg).into_iter().for_each(|at| self.drop_leg(at, None));
            return self.refused(leg, 408); // it was picked up, and is not connected yet
        }
        if self.supervisor_left(leg) {
            self.position(leg).into_iter().for_each(|at| self.drop_leg(at, None));
            return;
        }
        if let Some(at) = self.position(leg).filter(|_| self.consultation.is_some()) {
            self.drop_leg(at, None);
            if self.consultation_left(leg, "no media") {
                return;
            }
        }
        let by = if leg == self.legs[0].id { Side::Caller } else { Side::Agent };
        self.end(by, "no media", 480);
    }

    fn port_taken(&mut self, leg: LegId) {
        let Some(at) = self.position(leg) else { return };
        self.port_is_home(leg, true);
        if self.supervisor_left(leg) {
            self.drop_leg(at, None);
        } else if at == 0 {
            self.end(Side::Switch, "media port taken", 503);
        } else if self.attempt_of(leg).is_some() {
            self.drop_leg(at, None);
            self.refused(leg, 503);
        } else {
            self.end(Side::Switch, "media port taken", 503);
        }
    }

    fn leg_ended(&mut self, leg: LegId, end: End) {
        if matches!(end, End::Refused(status) if self.insists_on_srtp(leg, status)) {
            return;
        }
        let Some(at) = self.position(leg) else { return };
        let was_up = matches!(self.legs[at].state, State::Up);
        self.legs[at].state = State::Ended;
        self.close_media(at);
        if self.supervisor_left(leg) || self.ended.is_some() || matches!(end, End::HungUp) || self.transferor_left(leg)
        {
            return;
        }
        if self.consultation_left(leg, cause(end)) {
            return;
        }
        if at == 0 {
            self.end(Side::Caller, cause(end), 487);
        } else if self.attempt_of(leg).is_some() {
            let status = match end {
                End::Refused(status) => status,
                End::Lost if self.legs[at].party.trunk.is_some() => 503, // nobody at the carrier, whoever was called
                _ => 480,
            };
            self.refused(leg, status);
        } else if was_up {
            self.note(What::Left { leg });
            self.events.push_back(Event::PartyLeft(cause(end)));
        }
    }
}

/// How long a phone may hold without a sound of its own.
const HOLD_MAX: Duration = Duration::from_secs(3600);
/// Within this time the same key by the other method is the same press.
const SAME_PRESS: Duration = Duration::from_millis(500);

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
