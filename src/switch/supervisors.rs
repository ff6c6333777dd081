//! Supervisors, where calls, routes and people meet: whose call is meant, and who may hear it.

use base::{CallId, LegId, Time};
use call::{Supervision, Supervisor};
use route::Ear;
use sip::{Incoming, Origin};

use super::{Output, Switch};

impl Switch {
    /// Somebody dialled to hear the call of the person with this number.
    pub(super) fn supervises(&mut self, incoming: Incoming, ear: Ear, number: &str, now: Time, out: &mut Vec<Output>) {
        let (call, of) = match self.supervised(&incoming.origin, number) {
            Ok(found) => found,
            Err(status) => return self.reject(incoming.leg, status, now),
        };
        let how = match ear {
            Ear::Listen => Supervision::Listen,
            Ear::Whisper => Supervision::Whisper,
            Ear::Barge => Supervision::Barge,
        };
        let offer = incoming.sdp.clone();
        let Some(leg) = self.comes_into(call, incoming, now, out) else { return };
        self.step(call, now, out, |journey| journey.supervise(Supervisor { leg, offer, of, how }, now));
    }

    /// The leg of the person dialled, if this caller may hear it; else the SIP status that says why not.
    fn supervised(&self, origin: &Origin, number: &str) -> Result<(CallId, LegId), u16> {
        let Origin::Account(supervisor) = origin else { return Err(403) };
        let person = self.routes.people.get(number).ok_or(404_u16)?;
        if !self.directory.supervises(supervisor, person) {
            return Err(403);
        }
        let mut standing = self.journeys.iter().flat_map(|(id, running)| {
            let call = running.journey.call();
            let theirs = move |leg: &&call::Leg| leg.party.account.as_deref() == Some(&**person) && call.talks(leg.id);
            call.legs().iter().filter(theirs).map(|leg| (*id, leg.id))
        });
        standing.next().ok_or(480) // nobody talks there
    }
}
