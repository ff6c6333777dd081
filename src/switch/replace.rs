//! INVITE with Replaces (RFC 3891), where calls, dialogs and people meet: whose leg is meant, and who may have its place.

use base::{CallId, LegId, Time};
use call::{NewLeg, Place, Replacement};
use sip::{Incoming, Origin, Replaces};

use super::{Output, Switch};

impl Switch {
    /// The leg whose place an INVITE wants, if it may have it; else the SIP status that says why not. One's own calls may be
    /// moved to another phone; what rings at somebody else's may be picked up by who may see that it rings.
    pub(super) fn may_replace(&self, origin: &Origin, replaces: &Replaces) -> Result<(CallId, LegId), u16> {
        let Origin::Account(account) = origin else { return Err(403) };
        let leg = self.endpoint.leg_in(&replaces.dialog).ok_or(481_u16)?;
        let call = *self.legs.get(&leg).ok_or(481_u16)?;
        let running = self.journeys.get(&call).ok_or(481_u16)?;
        let place = running.journey.call().place_of(leg).ok_or(603_u16)?; // RFC 3891 §3: it is over
        let owner = self.account_of(call, leg).ok_or(403_u16)?;
        let is_own = owner == *account;
        match place {
            Place::Talks if !is_own => Err(403),
            Place::Talks if replaces.early_only => Err(486),
            Place::Rings if !is_own && !self.may_see(account, &owner) => Err(403),
            Place::Taken => Err(481), // RFC 3891 §3: an early dialog that we did not begin, or none of that kind
            Place::Talks | Place::Rings => Ok((call, leg)),
        }
    }

    /// Somebody dialled to pick up what rings at the person with this number, or, where it is none, at somebody who shares a
    /// ring group with him. Of several calls the oldest is taken.
    pub(super) fn picks_up(&mut self, incoming: Incoming, number: &str, now: Time, out: &mut Vec<Output>) {
        match self.rings_at(&incoming.origin, number) {
            Ok((call, leg)) => self.takes_place(call, leg, incoming, now, out),
            Err(status) => self.reject(incoming.leg, status, now),
        }
    }

    fn rings_at(&self, origin: &Origin, number: &str) -> Result<(CallId, LegId), u16> {
        let Origin::Account(account) = origin else { return Err(403) };
        let people: Vec<&str> = match number {
            "" => {
                let groups = self.flow_conf.groups.values().map(|group| &group.people);
                groups.filter(|people| people.contains(account)).flatten().map(String::as_str).collect()
            }
            number => vec![self.routes.people.get(number).ok_or(404_u16)?],
        };
        let others = people.into_iter().filter(|person| person != account);
        let people: Vec<&str> = others.filter(|person| self.may_see(account, person)).collect();
        if people.is_empty() {
            return Err(403);
        }
        let ringing = self.journeys.iter().flat_map(|(id, running)| {
            let call = running.journey.call();
            let rings = |leg: &&call::Leg| {
                let is_theirs = leg.party.account.as_deref().is_some_and(|account| people.contains(&account));
                is_theirs && call.place_of(leg.id) == Some(Place::Rings)
            };
            let began = call.facts().first().map(|fact| fact.at);
            call.legs().iter().find(rings).map(|leg| (began, *id, leg.id))
        });
        let oldest = ringing.min_by_key(|(began, ..)| *began);
        oldest.map(|(_, call, leg)| (call, leg)).ok_or(480) // nothing rings there
    }

    /// The phone takes its place, with media where the call's are.
    pub(super) fn takes_place(
        &mut self,
        call: CallId,
        leg: LegId,
        incoming: Incoming,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let offer = incoming.sdp.clone();
        let Some(new) = self.comes_into(call, incoming, now, out) else { return };
        let replacement = Replacement { old: leg, new, offer };
        self.step(call, now, out, |journey| journey.replace(replacement, now));
    }

    /// A leg for a phone that comes into a call that stands. None: there is no port for it, and it was refused.
    pub(super) fn comes_into(
        &mut self,
        call: CallId,
        incoming: Incoming,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Option<NewLeg> {
        let Some(port) = self.ports.take() else {
            self.reject(incoming.leg, 503, now);
            return None;
        };
        let party = self.knocker(&incoming).party;
        let media = self.directory.media(&incoming.origin);
        self.legs.insert(incoming.leg, call);
        out.push(Output::Dialog { call, sip_call_id: incoming.call_id });
        Some(self.new_leg(incoming.leg, port, party, incoming.flow, media))
    }
}
