//! Where trunks are: their names, kept located, become the flows calls go out by and the addresses calls come from.
//!
//! Where it stands: the locator decides; here its questions go to the shell and what it finds reaches the endpoint.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use base::Time;
use locate::{Input, Target};
use sip::{Flow, NameAddr, Network, Peer, Place, Transport};

use super::{Output, Switch};
use crate::conf::Trunk;

/// A server that was not reached is tried last for so long.
const REST: Duration = Duration::from_secs(30);
/// No server may keep us away for longer.
const REST_MAX: Duration = Duration::from_secs(600);

impl Switch {
    /// Keeps the names of all trunks located.
    pub(super) fn keep_located(&mut self, now: Time) {
        self.locator.keep(self.directory.trunks().map(|trunk| trunk.place.clone()), now);
        self.trunks_call_from(now);
        self.trunks_are_at(now, &mut Vec::new());
    }

    /// Says where all trunks with a name are, as far as it is known.
    pub(super) fn say_where_trunks_are(&mut self, now: Time, out: &mut Vec<Output>) {
        let named = self.directory.trunks().filter(|trunk| trunk.place.name().is_some());
        let said = named.map(|trunk| locate::Output::Located(trunk.place.clone())).collect();
        self.locator_says(said, now, out);
    }

    /// Tells the locator something.
    pub(super) fn locate(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        let mut said = Vec::new();
        self.locator.handle(input, now, &mut said);
        let moved = said.iter().any(|said| matches!(said, locate::Output::Located(_)));
        self.locator_says(said, now, out);
        if moved {
            self.trunks_call_from(now);
            self.trunks_are_at(now, out);
        }
    }

    /// An INVITE found nobody there: the next ones go elsewhere first.
    pub(super) fn unreached(&mut self, flow: Flow, retry_after_secs: Option<u32>, now: Time, out: &mut Vec<Output>) {
        let target = Target { transport: flow.transport, address: flow.remote };
        let rest = retry_after_secs.map_or(REST, |secs| Duration::from_secs(secs.into()).min(REST_MAX));
        self.locate(Input::Failed { target, rest }, now, out);
    }

    /// The flows to a place, in the order to be tried. None: its name is not located, or we have no way there.
    pub(super) fn flows_to(&mut self, place: &Place, now: Time, out: &mut Vec<Output>) -> Vec<Flow> {
        let mut said = Vec::new();
        let targets = self.locator.targets(place, now, &mut said);
        self.locator_says(said, now, out);
        let flow = |Target { transport, address: remote }| {
            let local = (self.local_for)(transport, remote);
            Flow { transport, local, remote, connection: 0 }
        };
        // The routing table answers with the loopback where it knows no way out (no IPv6 at all, say).
        let leads = |flow: &Flow| !flow.local.ip().is_loopback() || flow.remote.ip().is_loopback();
        targets.into_iter().map(flow).filter(leads).collect()
    }

    /// The flows to the first proxy that a trunk wants passed (RFC 3608). None: there is no such proxy, it is not located
    /// yet, or a trunk that is to be reached by TLS is elsewhere: then calls go to the trunk itself, which knows the way.
    pub(super) fn flows_by_service_route(
        &mut self,
        trunk: &str,
        direct: &[Flow],
        now: Time,
        out: &mut Vec<Output>,
    ) -> Vec<Flow> {
        let hop = self.trunks.first_hop(trunk).and_then(|hop| hop.parse::<NameAddr>().ok());
        let Some(place) = hop.and_then(|hop| Place::of(&hop.uri.parse().ok()?)) else { return Vec::new() };
        let mut flows = self.flows_to(&place, now, out);
        // Whom we greet by TLS is said in the conf, and nobody talks us out of it.
        let plain = |flow: &Flow| flow.transport != Transport::Tls;
        flows.retain(|flow| direct.contains(flow) || plain(flow) && direct.iter().all(plain));
        flows
    }

    fn locator_says(&mut self, said: Vec<locate::Output>, now: Time, out: &mut Vec<Output>) {
        for said in said {
            match said {
                locate::Output::Ask(question) => out.push(Output::Ask(question)),
                locate::Output::Located(place) => {
                    let targets = self.locator.targets(&place, now, &mut Vec::new());
                    self.dialogs_go_to(place.clone(), now, out);
                    out.push(Output::Located { place, targets });
                }
            }
        }
    }

    /// Dialogs go on by this name, or may: tells the endpoint where it leads. What is not known yet comes when it is.
    pub(super) fn dialogs_go_to(&mut self, place: Place, now: Time, out: &mut Vec<Output>) {
        let flows = self.flows_to(&place, now, out);
        self.endpoint.handle(sip::Input::Leads { place, flows }, now, &mut self.heard);
    }

    /// Where all trunks are, as far as it is known, and whether or not we have a way there.
    pub fn trunk_addresses(&mut self, now: Time) -> BTreeSet<IpAddr> {
        let (directory, locator) = (&self.directory, &mut self.locator);
        directory.trunks().flat_map(|trunk| locator.addresses(&trunk.place, now)).collect()
    }

    /// Tells the trunks where they are.
    pub(super) fn trunks_are_at(&mut self, now: Time, out: &mut Vec<Output>) {
        let places: Vec<(String, Place)> =
            self.directory.trunks().map(|trunk| (trunk.conf.name.clone(), trunk.place.clone())).collect();
        for (name, place) in places {
            let flows = self.flows_to(&place, now, out);
            self.trunks.located(&name, flows, now);
        }
    }

    /// A trunk is who calls from one of its addresses. The port says nothing: it may be another than the one it takes ours at.
    fn trunks_call_from(&mut self, now: Time) {
        let (directory, locator) = (&self.directory, &mut self.locator);
        let peer = |trunk: &Trunk| {
            let conf = &trunk.conf;
            let located = locator.addresses(&trunk.place, now).into_iter().map(Network::from);
            let addresses = located.chain(trunk.networks.iter().copied()).collect();
            let line = conf.register.as_ref().map(|register| register.line.clone());
            let (name, credentials) = (conf.name.clone(), conf.credentials.clone());
            Peer { name, addresses, by_certificate: trunk.certificate.is_some(), port: None, line, credentials }
        };
        self.endpoint.trunks_are(directory.trunks().map(peer).collect());
    }
}
