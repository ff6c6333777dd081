//! Supervisors, where calls, routes and people meet: whose call is meant, by the number dialled or by the dialog an INVITE
//! names (Join, RFC 3911), and who may hear it.

use base::{CallId, LegId, Time};
use call::{Supervision, Supervisor};
use route::Ear;
use sdp::{Direction, Session};
use sip::{DialogId, Incoming, Origin};

use super::followers::supervision;
use super::{Output, Switch};

impl Switch {
    /// Somebody dialled to hear the call of the person with this number.
    pub(super) fn supervises(&mut self, incoming: Incoming, ear: Ear, number: &str, now: Time, out: &mut Vec<Output>) {
        let (call, of) = match self.supervised(&incoming.origin, number) {
            Ok(found) => found,
            Err(status) => return self.reject(incoming.leg, status, now),
        };
        let how = supervision(ear);
        self.listens(incoming, (call, of), how, now, out);
    }

    /// Somebody's INVITE names a dialog whose call it wants to come into. Who offers to hear and not to speak listens, anybody
    /// else barges in; keys change that later, as they do for who dialled.
    pub(super) fn joins(&mut self, incoming: Incoming, dialog: &DialogId, now: Time, out: &mut Vec<Output>) {
        match self.joined(&incoming.origin, dialog) {
            Ok(found) => {
                let is_mute = incoming.sdp.as_deref().is_some_and(only_hears);
                let how = if is_mute { Supervision::Listen } else { Supervision::Barge };
                self.listens(incoming, found, how, now, out);
            }
            Err(status) => self.reject(incoming.leg, status, now),
        }
    }

    /// The leg of a dialog, if this caller may hear whose it is. Whether there is such a dialog is nobody else's business,
    /// but for the tags: who knows those has been told of it.
    fn joined(&self, origin: &Origin, dialog: &DialogId) -> Result<(CallId, LegId), u16> {
        let Origin::Account(supervisor) = origin else { return Err(403) };
        let leg = self.endpoint.leg_in(dialog).ok_or(481_u16)?;
        let call = *self.legs.get(&leg).ok_or(481_u16)?;
        let person = self.account_of(call, leg).ok_or(403_u16)?;
        if !self.directory.supervises(supervisor, &person) {
            return Err(403);
        }
        // RFC 3911 §4: an early dialog is no call yet.
        let talks = self.journeys.get(&call).is_some_and(|running| running.journey.call().talks(leg));
        if talks { Ok((call, leg)) } else { Err(481) }
    }

    fn listens(
        &mut self,
        incoming: Incoming,
        (call, of): (CallId, LegId),
        how: Supervision,
        now: Time,
        out: &mut Vec<Output>,
    ) {
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

/// Does who offers this want to hear, and not to speak?
fn only_hears(offer: &[u8]) -> bool {
    let Ok(session) = Session::parse(offer) else { return false };
    let mut media = session.media.iter().filter(|media| media.kind == "audio" && media.port != 0);
    media.next().is_some_and(|media| session.direction(media) == Direction::RecvOnly)
}
