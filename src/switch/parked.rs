//! Callers who are parked: who comes for them, and what the lamps of their places show.

use base::{CallId, Time};
use presence::Watched;
use sip::{Incoming, Origin, Package};

use super::{Output, Switch};

impl Switch {
    /// Somebody dialled a place to get whoever is parked there; the one who has been there longest.
    pub(super) fn retrieves(&mut self, incoming: Incoming, place: &str, now: Time, out: &mut Vec<Output>) {
        let call = match &incoming.origin {
            Origin::Account(_) => self.parked_at(place).ok_or(404),
            _ => Err(403), // strangers get no callers of ours
        };
        match call {
            Ok(call) => {
                let offer = incoming.sdp.clone();
                let Some(leg) = self.comes_into(call, incoming, now, out) else { return };
                self.step(call, now, out, |journey| journey.retrieve(leg, offer, now));
            }
            Err(status) => self.reject(incoming.leg, status, now),
        }
    }

    /// The call that is parked there.
    pub(super) fn parked_at(&self, place: &str) -> Option<CallId> {
        let there = self.journeys.iter().filter(|(_, running)| running.parked.as_deref() == Some(place));
        there.min_by_key(|(_, running)| running.journey.call().facts().first().map(|fact| fact.at)).map(|(id, _)| *id)
    }

    /// Did a call come to a place, or leave it?
    pub(super) fn sees_parked(&mut self, id: CallId) {
        let Some(running) = self.journeys.get_mut(&id) else { return };
        let parked = running.journey.parked();
        if parked != running.parked.as_deref() {
            let parked = parked.map(str::to_owned);
            let places = [std::mem::replace(&mut running.parked, parked.clone()), parked];
            let sights = places.into_iter().flatten().map(|place| (Package::Dialog, Watched::Place(place)));
            self.seen.place(sights);
        }
    }
}
