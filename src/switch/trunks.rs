//! Trunks, where calls, carriers and the conf meet.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base::{CallId, LegId, Time};
use call::{Beside, Elsewhere, Onward, Outbound, Party, Target};
use sip::{Flow, Host, Incoming, Origin};
use trunk::{Caller, Choice, Order, Placed, Today, TrunkStatus};

use super::{Output, Switch};
use crate::conf::Conf;

/// Somebody who calls, as the rooms see him.
pub(super) struct Knocker {
    pub party: Party,
    pub from: route::From,
    pub caller: Caller,
    pub called: String,
}

impl Switch {
    /// How the trunks stand.
    pub fn trunks(&self, now: Time) -> Vec<TrunkStatus> {
        self.trunks.status(now)
    }

    /// The calls each trunk has had today.
    pub fn trunks_today(&self, now: Time) -> BTreeMap<&str, Today> {
        self.trunks.today(now)
    }

    /// The calls each had when the switch was last there.
    pub fn remember_trunks_today(&mut self, kept: &BTreeMap<String, Today>, now: Time) {
        self.trunks.remember_today(kept, now);
    }

    /// Takes a trunk out of use, or into it again; calls under way go on. False: there is no such trunk.
    pub fn enable_trunk(&mut self, name: &str, enabled: bool, now: Time, out: &mut Vec<Output>) -> bool {
        let mut said = Vec::new();
        let known = self.trunks.enable(name, enabled, now, &mut said);
        self.trunks_said(said, now, out);
        self.hear_out(now, out);
        known
    }

    pub(super) fn reload_trunks(&mut self, conf: &Conf, now: Time, out: &mut Vec<Output>) {
        let mut said = Vec::new();
        let trunks = conf.trunks.values().map(|trunk| trunk.conf.clone()).collect();
        self.trunks.reload(trunks, conf.trunk_groups.clone(), now, &mut said);
        self.keep_located(now);
        self.trunks_said(said, now, out);
    }

    /// Tells the trunks something and does what they want.
    pub(super) fn tell_trunks(&mut self, input: trunk::Input<'_>, now: Time, out: &mut Vec<Output>) {
        let mut said = Vec::new();
        self.trunks.handle(input, now, &mut said);
        self.trunks_said(said, now, out);
    }

    /// The answer to a request of a trunk's. False: it is not one of those.
    pub(super) fn trunk_answered(&mut self, event: &sip::Event, now: Time, out: &mut Vec<Output>) -> bool {
        let sip::Event::RequestDone { id, status, cseq, answer } = event else { return false };
        let Some(ask) = self.asked.remove(id) else { return false };
        let (status, cseq, answer) = (*status, *cseq, answer.as_deref());
        self.tell_trunks(trunk::Input::Answered { ask, status, cseq, answer }, now, out);
        true
    }

    fn trunks_said(&mut self, said: Vec<trunk::Output>, now: Time, out: &mut Vec<Output>) {
        for said in said {
            match said {
                trunk::Output::Ask { ask, request } => {
                    let id = self.endpoint.new_request();
                    self.asked.insert(id, ask);
                    let command = sip::Command::Request { id, request };
                    self.endpoint.handle(sip::Input::Command(command), now, &mut self.heard);
                }
                trunk::Output::News(news) => out.push(Output::Trunk(news)),
            }
        }
    }

    /// Who calls, and which number: as a password has proven, or as a trunk says.
    pub(super) fn knocker(&self, incoming: &Incoming) -> Knocker {
        match &incoming.origin {
            Origin::Account(account) => {
                let party = self.directory.person(account);
                let (number, name) = (party.number.clone(), party.name.clone());
                let caller = self.trunks.person(account, number, name, &incoming.headers);
                let from = route::From::Person(account.clone());
                Knocker { party, from, caller, called: incoming.called.clone() }
            }
            Origin::Trunk(trunk) => {
                let (caller, called) = self.trunks.caller(trunk, incoming);
                let (number, name) = (caller.number.clone(), caller.name.clone());
                let party = Party { account: None, number, name, trunk: Some(trunk.clone()) };
                Knocker { party, from: route::From::Trunk(trunk.clone()), caller, called }
            }
        }
    }

    /// May this call be taken, as far as its trunk goes?
    pub(super) fn admits(&mut self, incoming: &Incoming, now: Time, out: &mut Vec<Output>) -> bool {
        let Origin::Trunk(trunk) = &incoming.origin else { return true };
        let mut said = Vec::new();
        let admitted = self.trunks.admit(trunk, incoming.leg, now, &mut said);
        self.trunks_said(said, now, out);
        admitted
    }

    /// A way out through a trunk, or through the next of a group.
    pub(super) fn way_out(
        &mut self,
        id: CallId,
        onward: Onward,
        caller: &Caller,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<Outbound, u16> {
        self.may_go_outside(id, &onward.number, now, out)?;
        let leg = self.endpoint.new_leg();
        let Choice { trunk, elsewhere } = self.chooses(&onward.trunk, &onward.tried, leg, now, out)?;
        let place = self.directory.place(&trunk).cloned();
        let mut flows = place.map(|place| self.flows_to(&place, now, out)).unwrap_or_default();
        let Onward { trunk: route, number, tried, beside } = onward;
        let elsewhere = match beside {
            Some(beside) => {
                flows.retain(|flow| flow.local.ip() != beside.local);
                beside.then
            }
            None => {
                let tried = tried.into_iter().chain([trunk.clone()]).collect();
                let next = Onward { trunk: route, number: number.clone(), tried, beside: None };
                let then = elsewhere.map(|statuses| Elsewhere { statuses, target: Target::Trunk(next) });
                or_beside(&flows, &trunk, &number, then)
            }
        };
        let call = id.to_string();
        let mut placed = self.trunks.invite(&trunk, &flows, &Order { number: &number, caller, call: &call });
        let by = self.flows_by_service_route(&trunk, &flows, now, out);
        placed.iter_mut().for_each(|placed| placed.goes_by(&by));
        let way = self.outbound(placed, leg, &trunk, &number, elsewhere);
        match &way {
            Ok(_) => drop(self.legs.insert(leg, id)),
            Err(_) => {
                let given_up = sip::Event::Ended { leg, end: sip::End::HungUp };
                self.tell_trunks(trunk::Input::Leg(&given_up), now, out);
            }
        }
        way
    }

    /// The trunk, or the one of the group whose turn it is, for this leg.
    pub(super) fn chooses(
        &mut self,
        route: &str,
        tried: &[String],
        leg: LegId,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<Choice, u16> {
        let mut said = Vec::new();
        let chosen = self.trunks.choose(route, tried, leg, now, &mut said);
        self.trunks_said(said, now, out);
        chosen
    }

    pub(super) fn outbound(
        &mut self,
        placed: Option<Placed>,
        leg: LegId,
        trunk: &str,
        number: &str,
        elsewhere: Option<Elsewhere>,
    ) -> Result<Outbound, u16> {
        let (placed, media) = (placed.ok_or(503_u16)?, self.directory.trunk_media(trunk));
        if !self.directory.can_offer(media, placed.flow.transport) {
            return Err(488);
        }
        let port = self.ports.take().ok_or(503_u16)?;
        let party = Party { account: None, number: number.to_owned(), name: None, trunk: Some(trunk.to_owned()) };
        let mut headers = placed.headers;
        headers.push((sip::Name::SessionExpires, sip::TRUNK_SESSION_SECS.to_string()));
        Ok(Outbound {
            leg: self.new_leg(leg, port, party, placed.flow, media),
            uri: placed.uri,
            flow: placed.flow,
            from: placed.from,
            to: placed.to,
            credentials: placed.credentials,
            headers,
            remove: placed.remove,
            patience: Some(placed.patience),
            others: placed.others,
            elsewhere,
        })
    }

    /// What an INVITE to a phone says of a caller, beside who that is.
    pub(super) fn said_of(&self, caller: &Caller, local: SocketAddr) -> Vec<(sip::Name, String)> {
        self.trunks.towards_phone(caller, &Host::Address(local.ip()), Some(local.port()))
    }
}

/// Where a trunk has servers of both address families, those of the other come before whatever comes then.
fn or_beside(flows: &[Flow], trunk: &str, number: &str, then: Option<Elsewhere>) -> Option<Elsewhere> {
    let Some(local) = flows.first().map(|flow| flow.local.ip()) else { return then };
    if flows.iter().all(|flow| flow.local.ip() == local) {
        return then;
    }
    let beside = Some(Box::new(Beside { local, then }));
    let (trunk, number) = (trunk.to_owned(), number.to_owned());
    let target = Target::Trunk(Onward { trunk, number, tried: Vec::new(), beside });
    Some(Elsewhere { statuses: [408..=408, 503..=503].into(), target })
}
