//! Early media: what a dialled phone or carrier lets be heard before it answers (RFC 3960 §3): announcements, its own
//! ringing.
//!
//! Where it stands: `Call` asks here when a dialled leg rings with a session. The caller gets it in a 183, with the very
//! session the 200 will repeat; one who made no offer gets ours in it, if he hears it reliably. Of several, on legs of their
//! own or behind one, the latest is heard; who answers first gets the call all the same.

use base::LegId;
use bytes::Bytes;

use crate::Call;
use crate::call::Purpose;
use crate::leg::State;

impl Call {
    /// Lets the caller hear what this leg says before it answers. False: there is no way to, so it merely rings.
    pub(crate) fn early_media(&mut self, leg: LegId, fork: u32, answer: &[u8]) -> bool {
        let Some(at) = self.position(leg).filter(|at| *at != 0) else { return false };
        if !self.is_ringing(leg) || self.legs[at].accept_early(fork, answer).is_err() {
            return false;
        }
        if let Some(sdp) = self.answer_early(at) {
            let caller = self.legs[0].id;
            self.connect_media(0);
            self.say(sip::Command::Ring { leg: caller, status: 183, sdp: Some(sdp) });
        } else if !self.caller_hears() {
            return false; // an INVITE without an offer, whose answer comes with the ACK
        }
        self.connect_media(at);
        self.stop();
        self.set_members(self.members_with(Some(leg)));
        true
    }

    /// The session of a 183 to the caller, the first time one is wanted: in the codec of the leg that is heard. To a caller
    /// without an offer it is ours; the answer comes with PRACK.
    fn answer_early(&mut self, at: usize) -> Option<Bytes> {
        let codec = self.legs[at].codec();
        let caller = &mut self.legs[0];
        match &caller.state {
            State::Knocking { offer: Some(offer) } if caller.early.is_none() => {
                let offer = offer.clone();
                caller.early = caller.answer(&offer, codec).ok();
                caller.early.clone()
            }
            State::Knocking { offer: None } if caller.early.is_none() && caller.hears_reliably => {
                caller.prefer(codec.as_slice());
                caller.early = Some(caller.offer());
                caller.early.clone()
            }
            _ => None,
        }
    }

    /// Does the caller hear what we send him: answered, or given early media?
    pub(crate) fn caller_hears(&self) -> bool {
        match self.legs[0].state {
            State::Up => true,
            State::Knocking { .. } => self.legs[0].early.is_some(),
            _ => false,
        }
    }

    /// One of those behind a dialled leg rings no more, and others may (RFC 6228 §4): if it was the one who is heard, the caller
    /// hears ringing, until somebody else lets something be heard. He is told nothing: to him it is one call that rings.
    pub(crate) fn rings_no_more(&mut self, leg: LegId, fork: u32) {
        let Some(at) = self.position(leg).filter(|at| *at != 0 && self.is_ringing(leg)) else { return };
        if self.legs[at].forget(fork) {
            self.set_members(self.members_with(None));
            self.ring_again();
        }
    }

    /// Who was heard early is gone; if others ring, that is heard again.
    pub(crate) fn ring_again(&mut self) {
        let rings = self.attempt.as_ref().is_some_and(|attempt| attempt.rings());
        if rings && self.wired.len() < 2 && self.playing.is_none() && self.caller_hears() {
            let ringback = self.conf.ringback.clone();
            self.start_player(ringback, true, Purpose::Ringback);
        }
    }
}
