//! Transfers, where calls, routes and dialogs meet: who asks, where that leads, and which call goes on.

use std::net::SocketAddr;

use base::{CallId, LegId, Time};
use call::Standing;
use route::Caller;
use sip::{DialogId, Referral};

use super::{Output, Switch};

impl Switch {
    /// A party of this call wants its partner elsewhere. Only who has an account may, with the rights of that account.
    pub(super) fn transfer(&mut self, id: CallId, by: LegId, referral: Referral, now: Time, out: &mut Vec<Output>) {
        let Some(account) = self.account_of(id, by) else {
            return self.step(id, now, out, |journey| journey.refuse_transfer(by, 403, now));
        };
        let other = referral.replaces.as_ref().map(|dialog| self.replaced(dialog, &account));
        let other = match other.transpose() {
            Err(status) => return self.step(id, now, out, |journey| journey.refuse_transfer(by, status, now)),
            Ok(other) => other.filter(|(other, _)| *other != id),
        };
        let standing = other.map(|other| (self.stands((id, by)), self.stands(other), other));
        match standing {
            Some((Standing::Talks, Standing::Talks, other)) => self.join((id, by), other, now, out),
            // Of a consultation nobody is taken out: it goes on, with somebody more.
            Some((Standing::Talks, Standing::Consults, other)) => self.bring(other, (id, by), (id, by), now, out),
            Some((Standing::Consults, Standing::Talks, other)) => self.bring((id, by), other, (id, by), now, out),
            Some((Standing::Consults, ..) | (_, Standing::Consults | Standing::Taken, _)) => {
                self.step(id, now, out, |journey| journey.refuse_transfer(by, 491, now));
            }
            standing => {
                // The one consulted has not answered yet: that call is given up for this one.
                if let Some((_, _, (other, _))) = standing {
                    self.step(other, now, out, |journey| journey.hang_up(call::TRANSFERRED, now));
                }
                if self.is_foreign(&referral.uri, None) {
                    return self.step(id, now, out, |journey| journey.refuse_transfer(by, 404, now));
                }
                let (called, only) = self.dialled_by(&referral.uri, referral.called);
                if let Some(running) = self.journeys.get_mut(&id) {
                    (running.only, running.by) = (only, Some(account.clone()));
                    if !referral.user_to_user.is_empty() {
                        running.caller.user_to_user.clone_from(&referral.user_to_user);
                    }
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
        if let Some(running) = self.journeys.get_mut(&id) {
            running.by = Some(account.clone());
        }
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
        let (stays, ends) = if began(one) <= began(other) { (one, other) } else { (other, one) };
        self.bring(stays, ends, one, now, out);
    }

    /// The partner of the second leg comes to the call of the first, for that leg. `asked`: which of both wanted it.
    fn bring(
        &mut self,
        (stays, by): (CallId, LegId),
        (ends, from): (CallId, LegId),
        asked: (CallId, LegId),
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let threads = [stays, ends].map(|call| self.journeys.get(&call).map(|running| running.thread));
        let port = if threads[0] == threads[1] { None } else { self.ports.take() };
        if threads[0] != threads[1] && port.is_none() {
            return self.step(asked.0, now, out, |journey| journey.refuse_transfer(asked.1, 503, now));
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

    fn stands(&self, (call, leg): (CallId, LegId)) -> Standing {
        self.journeys.get(&call).map_or(Standing::Waits, |running| running.journey.call().standing(leg))
    }

    pub(super) fn account_of(&self, call: CallId, leg: LegId) -> Option<String> {
        self.journeys.get(&call)?.journey.call().legs().iter().find(|one| one.id == leg)?.party.account.clone()
    }
}
