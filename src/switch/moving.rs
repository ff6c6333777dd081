//! The machine loses an address: standing calls go on from another, where there is another way out.
//!
//! Where it stands: the shell says which addresses are gone, again and again as long as they are. Trunks are told by their
//! registrations (`places`); here dialogs get the flow that leads out now, and media moves with them. To a carrier we open
//! another connection; a phone opens its own anew, and its media follows then.

use std::collections::BTreeSet;
use std::net::IpAddr;

use base::{CallId, LegId, Time};
use sip::{Flow, Transport};

use super::{Output, Switch};

impl Switch {
    pub(super) fn addresses_are_lost(&mut self, lost: BTreeSet<IpAddr>, now: Time, out: &mut Vec<Output>) {
        self.lost_addresses = lost;
        for (call, leg) in self.stranded() {
            let Some(flow) = self.endpoint.flow_of(leg) else { continue };
            let Some(to) = self.found(flow).or_else(|| self.another_connection(leg)) else { continue };
            if flow.transport.is_stream() {
                self.endpoint.goes_by(leg, to);
            } else if to != flow {
                self.endpoint.handle(sip::Input::Moved { from: flow, to }, now, &mut self.heard);
            }
            self.own_addresses.insert(to.local.ip());
            self.step(call, now, out, |journey| journey.stand_at(leg, to.local.ip(), now));
        }
    }

    /// The legs whose media stands where we are no more.
    fn stranded(&self) -> Vec<(CallId, LegId)> {
        if self.lost_addresses.is_empty() {
            return Vec::new();
        }
        let legs = self.journeys.iter().flat_map(|(call, running)| {
            let is_lost = |leg: &&call::Leg| self.lost_addresses.contains(&leg.local().ip());
            running.journey.call().legs().iter().filter(is_lost).map(|leg| (*call, leg.id))
        });
        legs.collect()
    }

    /// The way there from where we are now. None: there is none.
    pub(super) fn found(&self, flow: Flow) -> Option<Flow> {
        if !self.lost_addresses.contains(&flow.local.ip()) {
            return Some(flow);
        }
        if flow.transport != Transport::Udp {
            return None;
        }
        self.reachable(flow)
    }

    /// The same by a connection that is ours to open: to a carrier, or to a proxy before it.
    fn another_connection(&self, leg: LegId) -> Option<Flow> {
        self.reachable(self.endpoint.way_back(leg)?)
    }

    fn reachable(&self, flow: Flow) -> Option<Flow> {
        let local = (self.local_for)(flow.transport, flow.remote);
        let leads = !local.ip().is_loopback() || flow.remote.ip().is_loopback();
        (leads && !self.lost_addresses.contains(&local.ip())).then_some(Flow { local, ..flow })
    }
}
