//! Transfers, where calls, routes and dialogs meet: who asks, where that leads, and which call goes on.

use std::net::SocketAddr;

use base::{CallId, LegId, Time};
use route::Caller;
use sip::{DialogId, Referral};

use super::calls::Running;
use super::{Output, Switch};

impl Switch {
    /// A party of this call wants its partner elsewhere. Only who has an account may, with the rights of that account.
    pub(super) fn transfer(&mut self, id: CallId, by: LegId, referral: Referral, now: Time, out: &mut Vec<Output>) {
        let Some(account) = self.account_of(id, by) else {
            return self.step(id, now, out, |journey| journey.refuse_transfer(by, 403, now));
        };
        let other = referral.replaces.as_ref().map(|dialog| self.replaced(dialog, &account));
        match other {
            Some(Err(status)) => self.step(id, now, out, |journey| journey.refuse_transfer(by, status, now)),
            Some(Ok((other, leg))) if other != id && self.talks(other, leg) => {
                self.join((id, by), (other, leg), now, out)
            }
            consultation => {
                // The one consulted has not answered yet: that call is given up for this one.
                if let Some(Ok((other, _))) = consultation.filter(|other| other.is_ok_and(|(other, _)| other != id)) {
                    self.step(other, now, out, |journey| journey.hang_up("transferred", now));
                }
                let (called, only) = self.dialled_by(&referral.uri, referral.called);
                if let Some(running) = self.journeys.get_mut(&id) {
                    running.only = only;
                }
                let found = self.leads(&Caller::person(&account), &called, now);
                self.step(id, now, out, |journey| journey.transfer(by, found, now));
            }
        }
    }

    /// A party dialled with keys where its partner is to go, or whom it wants to ask.
    pub(super) fn dialled(
        &mut self,
        id: CallId,
        by: LegId,
        number: &str,
        attended: bool,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let account = self.account_of(id, by).unwrap_or_default(); // who has none leads nowhere
        let found = self.leads(&Caller::person(&account), number, now);
        self.step(id, now, out, |journey| journey.dialled(by, found, attended, now));
    }

    /// The leg a party means by a dialog of its own; nobody may speak of another's.
    fn replaced(&self, dialog: &DialogId, account: &str) -> Result<(CallId, LegId), u16> {
        let leg = self.endpoint.leg_in(dialog).ok_or(481_u16)?;
        let call = *self.legs.get(&leg).ok_or(481_u16)?;
        if self.account_of(call, leg).as_deref() == Some(account) { Ok((call, leg)) } else { Err(403) }
    }

    /// Two parties that talked with the same one talk with each other. The older call goes on: it is the customer's.
    fn join(&mut self, one: (CallId, LegId), other: (CallId, LegId), now: Time, out: &mut Vec<Output>) {
        let began = |(call, _): (CallId, LegId)| {
            let call = self.journeys.get(&call).map(|running| running.journey.call());
            call.and_then(|call| call.facts().first().map(|fact| fact.at))
        };
        let ((stays, by), (ends, from)) = if began(one) <= began(other) { (one, other) } else { (other, one) };
        let threads = [stays, ends].map(|call| self.journeys.get(&call).map(|running| running.thread));
        let port = if threads[0] == threads[1] { None } else { self.ports.take() };
        if threads[0] != threads[1] && port.is_none() {
            return self.step(one.0, now, out, |journey| journey.refuse_transfer(one.1, 503, now));
        }
        let mut given = None;
        self.step(ends, now, out, |journey| {
            given = journey.give_up_partner(from, now);
            if let (Some(leg), Some(port)) = (&mut given, port) {
                let local = SocketAddr::new(leg.local().ip(), port);
                journey.move_media(leg, local);
            }
        });
        let Some(leg) = given else {
            port.into_iter().for_each(|port| self.ports.give_back(port));
            return;
        };
        self.legs.insert(leg.id, stays);
        self.step(stays, now, out, |journey| journey.take_over(by, leg, now));
    }

    fn talks(&self, call: CallId, leg: LegId) -> bool {
        self.journeys.get(&call).is_some_and(|running| running.journey.call().partner(leg).is_some())
    }

    pub(super) fn account_of(&self, call: CallId, leg: LegId) -> Option<String> {
        let Running { journey, .. } = self.journeys.get(&call)?;
        journey.call().legs().iter().find(|one| one.id == leg)?.party.account.clone()
    }
}
