//! Ringing somebody: phones are found, called, and say yes or no.
//!
//! Where it stands: `Call::dial` begins an attempt, the switch finds phones and has them placed here; `heard.rs` tells
//! which was picked up. `attempt.rs` keeps the count.

use base::{LegId, Time};

use crate::attempt::Outbound;
use crate::call::{Playing, Purpose};
use crate::leg::State;
use crate::{Call, Do, Leg, Side, What};

impl Call {
    /// A dialled leg came to nothing.
    pub(crate) fn refused(&mut self, leg: LegId, status: u16) {
        self.note(What::Refused { leg: Some(leg), status });
        let Some(attempt) = self.attempt_of(leg) else { return };
        let elsewhere = attempt.elsewhere(leg, status);
        for same_user in attempt.refused(leg, status) {
            if let Some(at) = self.position(same_user) {
                self.drop_leg(at, None);
            }
        }
        if let Some(target) = elsewhere {
            self.wish(Do::Find(vec![target]));
        }
        self.see_whether_lost();
        self.ring_again();
    }

    pub(crate) fn ringing_time_is_up(&mut self) {
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
        if self.awaits_caller() {
            return self.end(Side::Caller, "not reached", status);
        }
        if matches!(self.playing, Some(Playing { purpose: Purpose::Ringback, .. })) {
            self.stop();
        }
        self.came_to_nothing(status);
    }

    /// Phones were looked for; those found are called. One entry a target, in the order of [`Do::Find`](crate::Do::Find); an error is
    /// the status that says why there is no phone to ring.
    pub fn place(&mut self, found: Vec<Result<Vec<Outbound>, u16>>, now: Time) {
        self.now = now;
        if self.ended.is_some() {
            return;
        }
        let spoken = self.legs[0].speaks();
        let first = self.placing().map_or(0, |attempt| attempt.found(found.len()));
        for (target, found) in (first..).zip(found) {
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
        let mut leg = Leg::new(way.leg, State::Dialling, &self.conf);
        leg.prefer(spoken);
        let (id, sdp) = (leg.id, leg.offer());
        let (party, trunk) = (leg.party.label().to_owned(), leg.party.trunk.clone());
        let (at, leaves_choice) = (self.legs.len(), leg.leaves_choice());
        self.legs.push(leg);
        self.open_media(at);
        self.note(What::Dialled { leg: id, party, trunk });
        if let Some(attempt) = self.placing() {
            attempt.ring(id, target, way.elsewhere);
        }
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
            remove: way.remove,
            patience: way.patience,
            others: way.others,
        };
        if leaves_choice {
            self.legs[at].invite = Some(Box::new(invite.clone()));
        }
        self.say(sip::Command::Invite { leg: id, invite: Box::new(invite) });
    }

    /// Some phones that always encrypt take no offer that would let them do without (RFC 8643 is newer than they are):
    /// one that refused it gets another that does not. True: it rings again.
    pub(crate) fn insists_on_srtp(&mut self, leg: LegId, status: u16) -> bool {
        let Some(at) = self.position(leg).filter(|_| status == 488 && self.ended.is_none()) else { return false };
        if self.attempt_of(leg).is_none() {
            return false;
        }
        let leg = &mut self.legs[at];
        let Some(mut invite) = leg.invite.take() else { return false };
        leg.must_encrypt();
        (leg.state, invite.sdp) = (State::Dialling, leg.offer());
        let id = leg.id;
        self.say(sip::Command::Invite { leg: id, invite });
        true
    }
}
