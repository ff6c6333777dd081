//! Replacing a leg (RFC 3891): a phone takes the place of one that talks or rings in a call. A call is picked up
//! elsewhere, or moved from one phone to another.
//!
//! Where it stands: the switch has found the leg and has said that the phone may. Recording, record and program go on:
//! nobody is transferred.

use base::{LegId, Time};
use bytes::Bytes;

use crate::leg::State;
use crate::{Call, NewLeg, What};

/// What can be done with a leg whose place somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It rings for this call, and another phone may pick it up.
    Rings,
    /// It talks.
    Talks,
    /// Neither: it calls itself, rings on behalf of a queue, or takes part in something under way.
    Taken,
}

/// A phone that takes the place of a leg.
#[derive(Debug)]
pub struct Replacement {
    /// The leg that is.
    pub old: LegId,
    /// The one that comes.
    pub new: NewLeg,
    /// Its offer, if it made one.
    pub offer: Option<Bytes>,
}

impl Call {
    /// How a leg stands to one that wants its place.
    pub fn place_of(&self, leg: LegId) -> Option<Place> {
        let at = self.position(leg).filter(|at| self.legs[*at].is_live() && !self.has_ended())?;
        let rings = self.attempt.as_ref().is_some_and(|attempt| attempt.has(leg));
        Some(match self.legs[at].state {
            State::Dialling if rings => Place::Rings,
            State::Up if self.partner(leg).is_some() && self.dials_for().is_none() && self.transfer.is_none() => {
                Place::Talks
            }
            _ => Place::Taken,
        })
    }

    /// This phone, whose INVITE has just come, takes the place of that leg.
    pub fn replace(&mut self, replacement: Replacement, now: Time) {
        self.now = now;
        let Replacement { old, new, offer } = replacement;
        let (id, party) = (new.leg, new.party.label().to_owned());
        let place = self.place_of(old);
        let spoken = self.partner(old).or(Some(self.legs[0].id)).and_then(|leg| self.position(leg));
        let codec = spoken.and_then(|at| self.legs[at].codec().or(self.legs[at].speaks().first().copied()));
        let status = if matches!(place, None | Some(Place::Taken)) { 481 } else { 200 };
        let Some(at) = self.joins(new, offer.as_ref(), codec, status) else { return };
        self.note(What::Replaced { leg: old, by: id, party });
        match place {
            Some(Place::Rings) => self.picked_up(at),
            _ => self.stands_in(old, at),
        }
    }

    /// This phone, whose INVITE has just come, talks with the caller, who waits for anybody; whoever rings does so no more.
    pub fn retrieve(&mut self, new: NewLeg, offer: Option<Bytes>, now: Time) {
        self.now = now;
        let codec = self.legs[0].codec();
        let status = if self.has_ended() { 481 } else { 200 };
        if let Some(at) = self.joins(new, offer.as_ref(), codec, status) {
            self.picked_up(at);
        }
    }

    /// The new leg does what the old one did.
    pub(crate) fn stands_in(&mut self, old: LegId, at: usize) {
        let (id, party) = (self.legs[at].id, self.legs[at].party.label().to_owned());
        let Some(was) = self.position(old) else { return };
        let mut members = self.members.clone();
        members.iter_mut().filter(|member| member.leg == old).for_each(|member| member.leg = id);
        let channel = self.recordings.last().and_then(|recording| recording.channel_of(old));
        self.supervisors.iter_mut().filter(|one| one.of == old).for_each(|one| one.of = id);
        self.set_members(members);
        self.drop_leg(was, Some(200)); // RFC 3326: it goes on elsewhere
        if was == 0 {
            self.stop();
            self.legs.swap(0, at);
        } else {
            self.note(What::Left { leg: old });
            self.note(What::Connected { leg: id, party });
        }
        self.tap_as(id, channel);
    }
}
