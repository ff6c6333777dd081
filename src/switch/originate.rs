//! Calls the switch makes by itself: somebody is rung, and who answers goes on as if he had called.
//!
//! Where it stands: click-to-call and call-back begin here. What rings is found as for all calls (`calls.rs`); there is no
//! other way for the switch to ring somebody who has not been called.

use base::{CallId, Time};
use call::{Call, Dial, Direction, Origination, Party, Target};
use flow::{CallingBack, Journey};
use route::{Caller, Destination, Found};

use super::calls::Running;
use super::{Output, Switch};

/// A call to be made.
pub(super) struct Wanted {
    /// Its number.
    pub call: CallId,
    /// Who is rung.
    pub first: Dial,
    /// Who calls, for the phones that ring,
    pub shown: Party,
    /// and for trunks.
    pub caller: trunk::Caller,
    /// On whose account it goes outside.
    pub by: Option<String>,
    /// Where it goes then,
    pub then: Then,
    /// and as somebody would dial that.
    pub called: String,
    /// From where to where.
    pub direction: Direction,
}

/// Where a call of ours goes once somebody has answered.
pub(super) enum Then {
    /// Where a number leads.
    Found(Found),
    /// To whom somebody is called back by.
    CallBack(CallingBack),
}

impl Switch {
    /// Rings whom this person's first number leads to, and brings who answers to the second, as if this person had dialled
    /// both; `aloud`: this person's own phones pick up by themselves. An error is the SIP status that says why not.
    pub fn dial(
        &mut self,
        account: &str,
        first: &str,
        then: &str,
        aloud: bool,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<CallId, u16> {
        let asks = Caller::person(account);
        let rung = self.leads(&asks, first, now);
        let then_found = self.leads(&asks, then, now);
        let mut first =
            self.dials(&rung).ok_or(if let Destination::Reject(status) = rung.destination { status } else { 404 })?;
        match then_found.destination {
            Destination::Reject(status) => return Err(status),
            Destination::Supervise(_) | Destination::Take(_) | Destination::Pickup | Destination::Park => {
                return Err(404);
            } // these are answers to an INVITE
            _ => {}
        }
        if aloud {
            let own = Target::Account(account.to_owned());
            first
                .targets
                .iter_mut()
                .filter(|target| **target == own)
                .for_each(|target| *target = Target::Aloud(account.to_owned()));
        }
        let person = self.directory.person(account);
        let call = CallId::new(self.clock.unix_ms(now), &mut self.random);
        if !self.may_begin(call, &asks, then, now, out) {
            return Err(403);
        }
        let headers = sip::Headers::default();
        let wanted = Wanted {
            call,
            first,
            shown: match &then_found.destination {
                Destination::Person(name) => self.directory.person(name),
                _ => Party { number: then.to_owned(), ..Party::default() },
            },
            caller: self.trunks.person(account, person.number, person.name, &headers),
            by: Some(account.to_owned()),
            direction: self.directory.direction(&asks.from, &then_found.destination),
            then: Then::Found(then_found),
            called: then.to_owned(),
        };
        let begun = self.originate(wanted, now, out);
        if begun.is_err() {
            self.quotas.end(call, now);
        }
        self.hear_out(now, out);
        begun.map(|()| call)
    }

    /// Begins a call of ours. An error is the SIP status that says why not.
    pub(super) fn originate(&mut self, wanted: Wanted, now: Time, out: &mut Vec<Output>) -> Result<(), u16> {
        if self.closing || self.journeys.len() >= self.calls_max {
            return Err(503);
        }
        let Wanted { call: id, first, shown, caller, by, then, called, direction } = wanted;
        let nobody = self.nobody(shown);
        let call =
            Call::originate(Origination { call: id, nobody, first, called, direction }, self.call_conf.clone(), now);
        let (conf, wishes) = (self.flow_conf.clone(), self.wishes.clone());
        let journey = match then {
            Then::Found(found) => Journey::new(call, found, conf, wishes),
            Then::CallBack(to) => Journey::calls_back(call, to, conf, wishes),
        };
        self.begin(id, Running::new(journey, caller, by, HOPS), now, out);
        Ok(())
    }

    /// Who rings where a number leads; nobody, where nothing can be rung.
    pub(super) fn dials(&self, found: &Found) -> Option<Dial> {
        let destination = match &found.destination {
            Destination::Trunk(trunk) => &Destination::Number { trunk: trunk.clone(), number: found.number.clone() },
            destination => destination,
        };
        let (targets, ring) = flow::rung(destination, &self.flow_conf)?;
        Some(Dial { targets, ring })
    }
}

/// RFC 3261 §8.1.1.6: what an INVITE begins with.
const HOPS: u8 = 70;
