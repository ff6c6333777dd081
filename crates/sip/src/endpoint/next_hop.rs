//! Where a dialog goes on: the first proxy of its route, or a carrier's Contact, by address or by name (RFC 3261 §12.2.1.1,
//! RFC 3263).
//!
//! Where it stands: [`send`](Endpoint::send) asks for every request within a dialog. Names are looked up by the rooms above
//! ([`Event::Named`], [`Input::Leads`](super::Input::Leads)) as soon as a dialog says one, and nothing waits for them: what
//! is not known yet goes the way the dialog's last message came.
//!
//! A phone that no proxy stands before is where it was heard, whatever its Contact names: that may be behind a NAT, and a
//! phone could have us call anybody, a carrier that trusts our address above all (RFC 5626 §2).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::Time;

use super::{Endpoint, Event, Output};
use crate::dialog::{Dialog, tag};
use crate::name_addr::Parts;
use crate::{Flow, Headers, Host, Name, Place, Request, Transport};

/// So many names are remembered.
const NAMES_MAX: usize = 1_024;
/// One that is used is asked for again after that; who looks it up knows how long an answer holds.
const AGAIN: Duration = Duration::from_secs(30);

/// The names dialogs go on by, and where they lead.
#[derive(Debug, Default)]
pub struct Places(HashMap<Place, Named>);

#[derive(Debug)]
struct Named {
    /// In the order to be tried.
    flows: Vec<Flow>,
    asked: Time,
}

impl Places {
    /// A name leads there.
    pub fn learn(&mut self, place: Place, flows: Vec<Flow>, now: Time) {
        if self.0.len() >= NAMES_MAX && !self.0.contains_key(&place) {
            self.0.clear(); // nobody goes by so many; those that are needed are asked for anew
        }
        self.0.insert(place, Named { flows, asked: now });
    }

    /// Is it to be asked for?
    fn asks(&mut self, place: &Place, now: Time) -> bool {
        match self.0.get_mut(place) {
            Some(named) if now < named.asked + AGAIN => return false,
            Some(named) => named.asked = now,
            None => self.learn(place.clone(), Vec::new(), now),
        }
        true
    }

    /// The flow to a place for one who was reached by `flow`: by the same transport and family of addresses, if there is one.
    fn flow(&self, place: &Place, flow: Flow) -> Option<Flow> {
        let named = match &place.host {
            Host::Name(_) => &self.0.get(place)?.flows,
            Host::Address(address) => {
                let usual = if flow.transport == Transport::Tls { 5061 } else { 5060 };
                let remote = SocketAddr::new(*address, place.port.unwrap_or(usual));
                return Some(Flow { remote, connection: 0, ..flow });
            }
            Host::None => return None,
        };
        // Neither is what is encrypted said in the open, nor the other way round: whom we greet by TLS says the conf.
        let as_safe =
            named.iter().filter(|there| (there.transport == Transport::Tls) == (flow.transport == Transport::Tls));
        let unlike =
            |there: &&Flow| (there.transport != flow.transport, there.remote.is_ipv4() != flow.remote.is_ipv4());
        as_safe.min_by_key(unlike).copied()
    }

    /// Where what was reached by a connection goes on when that is gone: to the first proxy before it, if that says where it
    /// takes connections.
    pub fn way_back(&self, hop: &str, flow: Flow) -> Option<Flow> {
        self.by_stream(&place(hop)?, flow)
    }

    /// The same for a dialog: a carrier without proxies takes connections where its Contact says. A phone's own is gone
    /// for good (RFC 5626 §4.3).
    pub fn dialogs_way_back(&self, dialog: &Dialog, is_trunk: bool) -> Option<Flow> {
        match dialog.route() {
            Some(route) => self.way_back(route, dialog.flow),
            None if is_trunk => self.by_stream(&Place::of(&dialog.target().parse().ok()?)?, dialog.flow),
            None => None,
        }
    }

    fn by_stream(&self, place: &Place, flow: Flow) -> Option<Flow> {
        self.flow(place, flow).filter(|there| there.transport == flow.transport && flow.transport.is_stream())
    }
}

/// Where a request says it goes: to its first Route, or to whom it is for.
pub fn hop(request: &Request) -> Option<Place> {
    match request.headers.first(&Name::Route) {
        Some(route) => place(route),
        None => Place::of(&request.uri.parse().ok()?),
    }
}

/// The place that a Route, a Path or a Contact names.
fn place(hop: &str) -> Option<Place> {
    Place::of(&Parts::read(hop).ok()?.uri.parse().ok()?)
}

impl Endpoint {
    /// Where a request within a dialog goes. One that begins something goes where the rooms above say.
    pub(super) fn next_hop(&mut self, request: &Request, flow: Flow, now: Time, out: &mut Vec<Output>) -> Flow {
        let headers = &request.headers;
        if tag(headers.first(&Name::To).unwrap_or_default()).is_empty() {
            return flow;
        }
        let routed = headers.has(&Name::Route);
        if !routed && !self.is_to_trunk(flow) {
            return flow;
        }
        let Some(hop) = hop(request) else { return flow };
        self.ask_for(&hop, now, out);
        match (flow.transport, hop.host.address()) {
            // What a carrier says of itself is true if it is one of its addresses; else there is a NAT between.
            (Transport::Udp, Some(_)) => {
                let there = self.places.flow(&hop, flow).filter(|there| routed || self.is_to_trunk(*there));
                there.unwrap_or(flow)
            }
            (Transport::Udp, None) => self.places.flow(&hop, flow).unwrap_or(flow),
            // A stream to a stranger is not ours to open; a proxy that recorded its route keeps its own.
            (_, Some(_)) => flow,
            (Transport::Tcp, None) => match self.places.0.get(&hop) {
                Some(named) if named.flows.iter().any(|there| there.remote.ip() == flow.remote.ip()) => flow,
                _ => self.places.flow(&hop, flow).unwrap_or(flow),
            },
            (Transport::Tls | Transport::Ws | Transport::Wss, None) => flow,
        }
    }

    /// A dialog has begun, or another contact is registered: if it will go on by a name, that is looked up meanwhile.
    /// `last` of several proxies is the nearest one.
    pub(super) fn foresee(&mut self, headers: &Headers, last: bool, flow: Flow, now: Time, out: &mut Vec<Output>) {
        let mut routes = headers.all(&Name::RecordRoute);
        let route = if last { routes.last() } else { routes.next() };
        let contact = || headers.first(&Name::Contact).filter(|_| self.is_to_trunk(flow));
        let hop = route.or_else(|| headers.first(&Name::Path)).or_else(contact);
        if let Some(place) = hop.and_then(place) {
            self.ask_for(&place, now, out);
        }
    }

    fn ask_for(&mut self, place: &Place, now: Time, out: &mut Vec<Output>) {
        if place.name().is_some() && self.places.asks(place, now) {
            out.push(Output::Event(Event::Named { place: place.clone() }));
        }
    }
}
