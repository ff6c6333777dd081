//! Parties rung one by one and on their own account: each comes or goes while others ring, the first to answer has the
//! call, and each that comes to nothing is told by name.
//!
//! Where it stands: a program that is told whom to ring by somebody else (a queue) uses these verbs instead of
//! [`Call::dial`]. How long a party rings is the program's business: there is no limit here.

use base::LegId;

use crate::attempt::{Attempt, Target};
use crate::preface::Hearing;
use crate::{Call, Do, Event, Preface, What};

/// One party that rings.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) party: String,
    pub(crate) attempt: Attempt,
    /// Its phones were looked for.
    pub(crate) placed: bool,
    /// There was one.
    pub(crate) reached: bool,
    /// What the party hears before it is connected,
    pub(crate) preface: Option<Preface>,
    /// and the one of its legs that does.
    pub(crate) hearing: Option<Hearing>,
    /// It is to hear the caller, with others.
    pub(crate) paged: bool,
}

impl Call {
    /// Rings one more party beside those that ring. `Connected` follows if it is the first to answer, `PartyRefused` if it
    /// comes to nothing; `PickedUp` comes first where it has something to hear before that.
    pub fn ring_also(&mut self, target: Target, preface: Option<Preface>) {
        if self.has_ended() {
            return;
        }
        let (party, attempt) = (target.party().to_owned(), Attempt::new(base::Time::NEVER));
        let (placed, reached, hearing, paged) = (false, false, None, false);
        self.offers.push(Offer { party, attempt, placed, reached, preface, hearing, paged });
        self.wish(Do::Find(vec![target]));
    }

    /// Rings this party no longer.
    pub fn ring_no_longer(&mut self, party: &str) {
        let (gone, stay) = std::mem::take(&mut self.offers).into_iter().partition(|offer| offer.party == party);
        self.offers = stay;
        let gone: Vec<Offer> = gone;
        for leg in gone.iter().flat_map(|offer| offer.attempt.legs()) {
            if let Some(at) = self.position(leg) {
                self.drop_leg(at, None);
            }
        }
    }

    /// The queue the caller waits in: an agent's phone may show its name.
    pub(crate) fn queue(&self) -> Option<&str> {
        let last =
            self.facts().iter().rev().find(|fact| matches!(fact.what, What::Queued { .. } | What::Unqueued { .. }));
        match &last?.what {
            What::Queued { queue } => Some(queue),
            _ => None,
        }
    }

    /// What this leg was dialled for, while it is still open whether it is answered.
    pub(crate) fn attempt_of(&mut self, leg: LegId) -> Option<&mut Attempt> {
        let offers = self.offers.iter_mut().map(|offer| &mut offer.attempt);
        self.attempt.iter_mut().chain(offers).find(|attempt| attempt.has(leg))
    }

    /// Does this dialled leg ring?
    pub(crate) fn rings_at(&self, leg: LegId) -> bool {
        let offers = self.offers.iter().map(|offer| &offer.attempt);
        self.attempt.iter().chain(offers).any(|attempt| attempt.is_ringing(leg))
    }

    /// Everything dialled and not yet answered, which is over now.
    pub(crate) fn take_attempts(&mut self) -> Vec<Attempt> {
        let offers = std::mem::take(&mut self.offers).into_iter().map(|offer| offer.attempt);
        self.attempt.take().into_iter().chain(offers).collect()
    }

    /// The attempt phones are being looked for.
    pub(crate) fn placing(&mut self) -> Option<&mut Attempt> {
        match self.offers.iter_mut().find(|offer| !offer.placed) {
            Some(offer) => Some(&mut offer.attempt),
            None => self.attempt.as_mut(),
        }
    }

    /// Phones were looked for, and those found are called.
    pub(crate) fn placed(&mut self) {
        if let Some(offer) = self.offers.iter_mut().find(|offer| !offer.placed) {
            (offer.placed, offer.reached) = (true, !offer.attempt.is_lost());
        }
    }

    /// Tells of each party that came to nothing.
    pub(crate) fn see_which_are_lost(&mut self) {
        let is_lost = |offer: &Offer| offer.placed && offer.attempt.is_lost();
        let (lost, stay) = std::mem::take(&mut self.offers).into_iter().partition(is_lost);
        self.offers = stay;
        let lost: Vec<Offer> = lost;
        for Offer { party, attempt, reached, .. } in lost {
            self.events.push_back(Event::PartyRefused { party, status: attempt.status(), reached });
        }
    }
}
