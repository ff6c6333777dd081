//! Transfer: a party brings its partner to somebody else and leaves (RFC 3515, 3891, 5589).
//!
//! Where it stands: `sip` tells of the REFER, the switch finds out where it leads, a journey runs the program that leads
//! there. Here the one who stays becomes the call's first leg, the one who goes waits aside until it is known how it went,
//! and gets its partner back if it went wrong. Call, recording and facts go on: it is one conversation for the one who
//! stays. Who may transfer to where is not decided here.

use std::time::Duration;

use base::{LegId, Time};

use crate::attempt::{Dial, Target};
use crate::call::Event;
use crate::leg::{Port, State};
use crate::{Call, Do, Leg, Member, Role, Side, What};

/// How a leg stands, whose partner is to be brought together with somebody of another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It talks with one partner.
    Talks,
    /// It asks somebody, who has answered, while its partner waits.
    Consults,
    /// It takes part in a consultation otherwise: nobody can be taken out of that.
    Taken,
    /// It has nobody to talk with yet.
    Waits,
}

/// A transfer under way.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// Who wanted it.
    pub(crate) by: LegId,
    /// That party has hung up meanwhile; whom to ring if the transfer fails.
    gone: bool,
    /// The transfer failed, and the one who wanted it is rung.
    back: bool,
    /// It was asked for with keys, so that failure is told by a sound.
    keyed: bool,
}

impl Call {
    /// A party asked for a transfer. The switch is asked where it leads, if there is anybody to be transferred.
    pub(crate) fn asked_to_transfer(&mut self, by: LegId, referral: Box<sip::Referral>) {
        if referral.replaces.is_some() && self.standing(by) == Standing::Consults {
            return self.wish(Do::Transfer { by, referral });
        }
        let busy = self.transfer.is_some()
            || self.attempt.is_some()
            || self.consultation.is_some()
            || self.dials_for().is_some()
            || self.facts.len() > FACTS_WITH_TRANSFERS_MAX;
        match self.partner(by) {
            Some(_) if !busy => self.wish(Do::Transfer { by, referral }),
            Some(_) => self.refuse_transfer(by, 491, self.now),
            None => self.refuse_transfer(by, 403, self.now),
        }
    }

    /// Tells who asked that it may not be.
    pub fn refuse_transfer(&mut self, by: LegId, status: u16, now: Time) {
        self.now = now;
        self.say(sip::Command::Transferred { leg: by, status });
    }

    /// Who talks with this leg, and with nobody else.
    pub fn partner(&self, of: LegId) -> Option<LegId> {
        match &self.members[..] {
            [Member { leg: one, role: Role::Talk }, Member { leg: other, role }]
                if self.ended_at().is_none()
                    && self.consultation.is_none()
                    && (*role == Role::Talk || self.dials_for().is_some()) =>
            {
                match of {
                    of if of == *one => Some(*other),
                    of if of == *other => Some(*one),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// How a leg stands in this call.
    pub fn standing(&self, leg: LegId) -> Standing {
        match (self.has_asked(leg), self.partner(leg)) {
            (Some(true), _) => Standing::Consults,
            (Some(false), _) => Standing::Taken,
            (None, Some(_)) => Standing::Talks,
            (None, None) => Standing::Waits,
        }
    }

    /// The partner of this leg is to be brought elsewhere: the program that runs next does that. False: there is none.
    pub fn begin_transfer(&mut self, by: LegId, now: Time) -> bool {
        self.now = now;
        let Some(stays) = self.partner(by) else { return false };
        let keyed = self.keying.take().is_some_and(|keying| keying.by == by);
        self.comes_first(stays);
        self.note(What::Transfers { leg: by, attended: false });
        self.say(sip::Command::Transferred { leg: by, status: 100 });
        self.transfer = Some(Transfer { by, gone: false, back: false, keyed });
        self.set_members(vec![Member { leg: stays, role: Role::Talk }, Member { leg: by, role: Role::Hold }]);
        true
    }

    /// The account of who brings the caller elsewhere just now.
    pub fn transferred_by(&self) -> Option<&str> {
        let by = self.transfer.as_ref()?.by;
        self.legs[self.position(by)?].party.account.as_deref()
    }

    /// The program has begun. If it rings nobody, whoever stays has arrived.
    pub fn settle_transfer(&mut self) {
        if self.attempt.is_none() {
            self.transfer_succeeds();
        }
    }

    /// Somebody rings for the one who stays.
    pub(crate) fn transfer_rings(&mut self) {
        if let Some(Transfer { by, back: false, .. }) = self.transfer {
            self.say(sip::Command::Transferred { leg: by, status: 180 });
        }
    }

    /// The one who stays has arrived: the other one may go.
    pub(crate) fn transfer_succeeds(&mut self) {
        let Some(Transfer { by, gone, .. }) = self.transfer.take() else { return };
        self.say(sip::Command::Transferred { leg: by, status: 200 });
        if !gone {
            self.leaves(by);
            self.events.push_back(Event::HandedOn);
        }
    }

    /// Nobody took the call. True: its partner has it back, or will, so that the program need not know.
    pub(crate) fn transfer_failed(&mut self, status: u16) -> bool {
        let Some(Transfer { by, gone, back, keyed }) = self.transfer.take() else { return false };
        if !back {
            self.say(sip::Command::Transferred { leg: by, status });
            self.note(What::TransferFailed { status });
        }
        if !gone {
            self.stop();
            let talks = |leg| Member { leg, role: Role::Talk };
            self.set_members(vec![talks(self.legs[0].id), talks(by)]);
            self.events.push_back(Event::HandedBack);
            if keyed {
                self.feature_fails(by);
            }
            return true;
        }
        let account = self.position(by).and_then(|at| self.legs[at].party.account.clone());
        match account {
            Some(account) if !back => {
                self.transfer = Some(Transfer { by, gone, back: true, keyed });
                self.dial(Dial { targets: vec![Target::Account(account)], ring: RING_BACK });
                true
            }
            _ => false,
        }
    }

    /// Who wanted a transfer hung up while it is under way, as many phones do: it goes on. False: it was somebody else.
    pub(crate) fn transferor_left(&mut self, leg: LegId) -> bool {
        match &mut self.transfer {
            Some(transfer) if transfer.by == leg => transfer.gone = true,
            _ => return false,
        }
        self.note(What::Left { leg });
        self.events.push_back(Event::HandedOn);
        true
    }

    /// Who consulted is gone before anybody answered: whoever is rung is rung for the one who stays.
    pub(crate) fn goes_on_ringing(&mut self, by: LegId) {
        self.transfer = Some(Transfer { by, gone: true, back: false, keyed: true });
    }

    /// This call's leg `by` hands its partner over to another call, and this one ends. Nothing: it has no partner.
    pub fn give_up_partner(&mut self, by: LegId, now: Time) -> Option<Leg> {
        self.now = now;
        let at = self.position(self.partner(by)?)?;
        self.forget_keys();
        self.set_members(Vec::new());
        for recording in &mut self.recordings {
            recording.forget(self.legs[at].id);
        }
        if !self.recordings.is_empty() {
            self.wish(Do::Media(media::Command::Untap { leg: self.legs[at].id }));
        }
        if at == 0 {
            self.playing = None;
        }
        let leg = self.legs.remove(at);
        self.say(sip::Command::Transferred { leg: by, status: 200 });
        self.note(What::Transfers { leg: by, attended: true });
        self.note(What::Left { leg: by });
        self.end(Side::Agent, TRANSFERRED, 480);
        Some(leg)
    }

    /// The media of a leg that comes from a call on another media thread: it moves to this port of ours, and the phone is
    /// told so by re-INVITE.
    pub fn move_media(&mut self, leg: &mut Leg, local: std::net::SocketAddr) {
        self.wish(Do::Media(media::Command::Close { leg: leg.id }));
        leg.left = Some(leg.local());
        leg.stand_at(local);
        leg.port = Port::Reserved;
    }

    /// The partner of this call's leg `by` talks with this one from now on; `by` leaves.
    pub fn take_over(&mut self, by: LegId, leg: Leg, now: Time) {
        self.now = now;
        let (id, party, moved) = (leg.id, leg.party.label().to_owned(), leg.port == Port::Reserved);
        self.legs.push(leg);
        let talk = match self.partner(by) {
            Some(stays) => vec![stays, id],
            None => self.takes_part(id, by),
        };
        let Some(stays) = talk.first().copied() else {
            return self.end(Side::Switch, "transferred to nobody", 480); // the switch has just asked
        };
        self.comes_first(stays);
        self.note(What::Transfers { leg: by, attended: true });
        self.say(sip::Command::Transferred { leg: by, status: 200 });
        self.leaves(by);
        let at = self.position(id).unwrap_or(0);
        if moved {
            self.connect_media(at);
            let sdp = self.legs[at].offer();
            self.say(sip::Command::Offer { leg: id, sdp });
        }
        self.note(What::Connected { leg: id, party });
        self.set_members(talk.into_iter().map(|leg| Member { leg, role: Role::Talk }).collect());
        self.tap_legs();
    }

    /// Makes this leg the first: the one whose call it is.
    pub(crate) fn comes_first(&mut self, leg: LegId) {
        self.stop();
        if let Some(at) = self.position(leg) {
            self.legs.swap(0, at);
        }
    }

    fn leaves(&mut self, leg: LegId) {
        self.note(What::Left { leg });
        if let Some(at) = self.position(leg).filter(|at| !matches!(self.legs[*at].state, State::Ended)) {
            self.drop_leg(at, None);
        }
    }

    /// Is this what a program hears of a dial that came to nothing?
    pub(crate) fn came_to_nothing(&mut self, status: u16) {
        if self.consultation.is_some() {
            self.note(What::TransferFailed { status });
            self.consultation_ends(true);
        } else if !self.transfer_failed(status) {
            self.events.push_back(Event::NotConnected(status));
        }
    }
}

/// Why a call ends whose party talks on in another.
pub const TRANSFERRED: &str = "transferred";
/// How long the phone of who wanted a transfer rings when it failed after that party had hung up.
const RING_BACK: Duration = Duration::from_secs(30);
/// A call that is handed on for ever must not fill the memory.
const FACTS_WITH_TRANSFERS_MAX: usize = 1_000;
