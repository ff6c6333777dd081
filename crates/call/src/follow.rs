//! Following: a supervisor's leg goes with the party he supervises from call to call. Between two calls it is at home, in
//! the call that it began; while it is lent, nobody's leg stands there for it.
//!
//! Where it stands: the switch knows who follows whom, and when somebody talks again; it carries the leg from call to call. What
//! a supervisor may do in a call, and that it is written down, is `supervise.rs`.

use base::{LegId, Time};
use media::KeysHeard;

use crate::leg::{Port, State};
use crate::supervise::{Part, SUPERVISORS_MAX, Supervising};
use crate::{Call, Do, Leg, NewLeg, Side, Supervision};

impl Call {
    /// The caller's leg leaves for another call, and comes back. Nothing: the caller is not there.
    pub fn lend(&mut self, nobody: NewLeg, now: Time) -> Option<Leg> {
        self.now = now;
        if !self.is_at_home() {
            return None;
        }
        self.stop();
        let mut blank = Leg::new(nobody, State::Ended, &self.conf);
        blank.port = Port::Home;
        Some(std::mem::replace(&mut self.legs[0], blank))
    }

    /// Is the caller there, and could be lent?
    pub fn is_at_home(&self) -> bool {
        let caller = &self.legs[0];
        !self.has_ended() && matches!(caller.state, State::Up) && caller.port == Port::Open && caller.left.is_none()
    }

    /// The leg that was lent is back.
    pub fn has_back(&mut self, leg: Leg, now: Time) {
        self.now = now;
        self.legs[0] = leg;
        self.falls_quiet();
    }

    /// A leg that was lent to this call finds no home any more: it is hung up.
    pub fn is_homeless(&mut self, leg: Leg, now: Time) {
        self.now = now;
        self.legs.push(leg);
        self.drop_leg(self.legs.len() - 1, None);
    }

    /// May one more supervise the call of this party?
    pub fn may_be_followed(&self, of: LegId) -> bool {
        self.talks(of) && self.supervisors.len() < SUPERVISORS_MAX
    }

    /// A leg that was lent by another call supervises a party of this one, until that party is gone.
    pub fn is_followed(&mut self, leg: Leg, of: LegId, how: Supervision, now: Time) {
        self.now = now;
        let (id, moved) = (leg.id, leg.port == Port::Reserved);
        self.legs.push(leg);
        if moved {
            let at = self.legs.len() - 1;
            self.connect_media(at);
            let sdp = self.legs[at].offer();
            self.say(sip::Command::Offer { leg: id, sdp });
        }
        self.supervisors.push(Supervising { leg: id, of, how, part: Part::Follows });
        self.others_hear_keys_of(id, KeysHeard::None); // they are for us
        self.note_supervision(id);
        self.rewire();
    }

    /// A supervisor who was lent has nobody to hear here any more. What is to be done with his leg.
    pub(crate) fn gives_back(&mut self, at: usize, how: Supervision) -> Option<Do> {
        if !self.legs[at].is_live() {
            return None; // he has hung up
        }
        let leg = Box::new(self.legs.remove(at));
        Some(Do::GiveBack { leg, how })
    }

    /// A supervisor who was lent is let go altogether.
    pub fn lets_go(&mut self, leg: LegId, now: Time) {
        self.now = now;
        if self.supervisor_left(leg)
            && let Some(at) = self.position(leg)
        {
            self.drop_leg(at, None);
        }
    }

    /// Nobody is followed from here any more.
    pub fn follows_no_more(&mut self, now: Time) {
        self.now = now;
        self.end(Side::Caller, "bye", 480);
    }
}
