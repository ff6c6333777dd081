//! Paging: the caller speaks to many at once, whose phones pick up by themselves. They hear him and are not heard, each comes
//! and goes on its own account, and all are let go when he hangs up.
//!
//! Where it stands: they ring as parties of a queue do (`offer.rs`), and once there are to the call what supervisors are
//! who only listen (`supervise.rs`): nobody's partner, on no side of a recording.

use base::LegId;
use media::KeysHeard;

use crate::attempt::{Attempt, Target};
use crate::offer::Offer;
use crate::supervise::{Part, Supervising, Supervision};
use crate::{Call, Do, Event, Member, Role, What};

impl Call {
    /// Lets the caller speak to all phones of these people, whoever of them picks up. `Paged` follows for each phone that does,
    /// `PartyRefused` for each person who cannot be reached, `Unpaged` when a phone is there no longer.
    pub fn page(&mut self, people: impl IntoIterator<Item = String>) {
        if !self.answer_in(None) {
            return;
        }
        self.set_members(vec![Member { leg: self.legs[0].id, role: Role::Talk }]);
        for party in people {
            let attempt = Attempt::new(base::Time::NEVER);
            let target = Target::Aloud(party.clone());
            let (placed, reached, preface, hearing) = (false, false, None, None);
            self.offers.push(Offer { party, attempt, placed, reached, preface, hearing, paged: true });
            self.wish(Do::Find(vec![target]));
        }
    }

    /// Does anybody hear the caller, or may still?
    pub fn pages(&self) -> bool {
        self.offers.iter().any(|offer| offer.paged) || self.supervisors.iter().any(|one| one.part == Part::IsPaged)
    }

    /// Whoever has not picked up by now is rung no longer.
    pub fn page_no_more(&mut self) {
        let late: Vec<String> =
            self.offers.iter().filter(|offer| offer.paged).map(|offer| offer.party.clone()).collect();
        late.iter().for_each(|party| self.ring_no_longer(party));
    }

    /// A leg that was picked up hears the caller from now on. False: it was not rung for that.
    pub(crate) fn is_paged(&mut self, at: usize) -> bool {
        let leg = self.legs[at].id;
        let Some(offer) = self.offers.iter_mut().find(|offer| offer.paged && offer.attempt.has(leg)) else {
            return false;
        };
        offer.attempt.forget(leg);
        let (party, of) = (offer.party.clone(), self.legs[0].id);
        self.offers.retain(|offer| !(offer.paged && offer.placed && offer.attempt.is_lost()));
        self.supervisors.push(Supervising { leg, of, how: Supervision::Listen, part: Part::IsPaged });
        self.note(What::Paged { leg, party });
        self.others_hear_keys_of(leg, KeysHeard::None);
        self.rewire();
        self.events.push_back(Event::Paged);
        true
    }

    /// A phone that heard the caller is gone.
    pub(crate) fn is_unpaged(&mut self, leg: LegId) {
        self.note(What::Left { leg });
        self.events.push_back(Event::Unpaged);
    }
}
