//! What a party that was rung hears before it is connected: for whom it rings, and perhaps a key is expected before it has
//! the call. The caller hears meanwhile what he heard before.
//!
//! Where it stands: a program that rings parties on their own account ([`Call::ring_also`]) says what; the phone has been
//! picked up then, but the party has not answered as far as anybody else is concerned. Others may ring on: the first to be
//! connected has the call.

use audio::Sound;
use base::LegId;
use media::KeysHeard;

use crate::{Call, Do, Event};

/// What a party hears first.
#[derive(Clone, Debug)]
pub struct Preface {
    /// The words; again and again where a key is expected.
    pub sound: Sound,
    /// The key that takes the call; without one the party has it when all is said.
    pub accept: Option<char>,
}

/// One who hears it now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hearing {
    leg: LegId,
    player: u32,
    accept: Option<char>,
}

impl Call {
    /// A phone was picked up whose party has something to hear first. False: it has not.
    pub(crate) fn begins_preface(&mut self, at: usize) -> bool {
        let leg = self.legs[at].id;
        let Some(offer) = self.offers.iter_mut().find(|offer| offer.attempt.has(leg)) else { return false };
        let Some(Preface { sound, accept }) = offer.preface.take() else { return false };
        self.players += 1;
        let player = self.players;
        offer.hearing = Some(Hearing { leg, player, accept });
        let party = offer.party.clone();
        for other in offer.attempt.keep_only(leg) {
            if let Some(at) = self.position(other) {
                self.drop_leg(at, Some(200)); // RFC 3326: "Call completed elsewhere"
            }
        }
        let repeat = accept.is_some();
        self.wish(Do::Media(media::Command::Play { leg, player, sound: sound.into(), repeat }));
        self.events.push_back(Event::PickedUp { party });
        true
    }

    /// All is said.
    pub(crate) fn preface_played(&mut self, leg: LegId, player: u32) {
        if self.hearing(leg).is_some_and(|hearing| hearing.player == player && hearing.accept.is_none()) {
            self.ends_preface(leg);
        }
    }

    /// A key of one who hears a preface. False: nobody does at this leg.
    pub(crate) fn preface_key(&mut self, leg: LegId, key: char) -> bool {
        let Some(hearing) = self.hearing(leg) else { return false };
        if hearing.accept == Some(key) {
            self.wish(Do::Media(media::Command::Stop { leg }));
            self.others_hear_keys_of(leg, KeysHeard::FromNext);
            self.ends_preface(leg);
        }
        true
    }

    /// Is this leg not connected yet, as its party hears something first?
    pub(crate) fn hears_preface(&self, leg: LegId) -> bool {
        self.hearing(leg).is_some()
    }

    fn hearing(&self, leg: LegId) -> Option<Hearing> {
        self.offers.iter().filter_map(|offer| offer.hearing).find(|hearing| hearing.leg == leg)
    }

    fn ends_preface(&mut self, leg: LegId) {
        if let Some(at) = self.position(leg) {
            self.picked_up(at); // it has nothing more to hear
        }
    }
}
