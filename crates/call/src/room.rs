//! The caller is in a room with the callers of other calls: who hears whom is said there, and here only that it is so.
//!
//! Where it stands: `conference` keeps the rooms, the switch brings all sound of a room to one media thread.

use std::net::SocketAddr;

use media::KeysHeard;

use crate::leg::Port;
use crate::{Call, Do, Leg};

impl Call {
    /// The caller is in a room from now on: what he hears comes from there, and his keys are for us alone.
    pub fn enter_room(&mut self) {
        if self.answer_in(None) {
            self.in_room = true;
            self.others_hear_keys_of(self.legs[0].id, KeysHeard::None);
        }
    }

    /// He is there no longer.
    pub fn leave_room(&mut self) {
        self.in_room = false;
        self.falls_quiet();
    }

    /// The media of this call leaves its thread; [`Call::arrives`] follows once the call is said to be on the other one.
    pub fn departs(&mut self, local: SocketAddr) {
        self.stop();
        for at in 1..self.legs.len() {
            self.close_media(at); // whoever is still there is on his way out
        }
        let leg = &mut self.legs[0];
        if leg.port == Port::Open {
            let id = leg.id;
            (leg.left, leg.port) = (Some(leg.local()), Port::Reserved);
            leg.stand_at(local);
            self.wish(Do::Media(media::Command::Close { leg: id }));
        }
    }

    /// It goes on where it is now, and the phone is told so by re-INVITE.
    pub fn arrives(&mut self) {
        if self.has_ended() {
            return;
        }
        self.connect_media(0);
        let (leg, sdp) = (self.legs[0].id, self.legs[0].offer());
        self.say(sip::Command::Offer { leg, sdp });
        self.tap_again(leg);
    }

    /// Does the caller's phone hold?
    pub fn caller_holds(&self) -> bool {
        self.legs.first().is_some_and(Leg::holds)
    }
}
