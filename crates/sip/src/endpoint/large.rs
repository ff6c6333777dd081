//! Requests too large for a datagram go by TCP where that can be (RFC 3261 §18.1.1).
//!
//! Where it stands: the endpoint's [`send`](Endpoint::send) asks for every request by UDP. Only the one request moves:
//! its Via says TCP, the dialog stays where it was. One that finds nobody there is sent by UDP all the same, as the RFC
//! wants it, and so are the next ones for a while. (Answers go where their request came from, whatever their size: §18.2.2.)

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::Time;

use super::next_hop::hop;
use super::transactions::Owner;
use super::{Endpoint, Output};
use crate::{Flow, Request, Transport};

/// Where the size of the way is not known, nothing larger is sent by UDP (RFC 3261 §18.1.1).
const DATAGRAM_MAX: usize = 1_300;
/// Who takes no TCP is not tried again for so long.
const REFUSED_TIME: Duration = Duration::from_secs(600);
/// So many are remembered.
const REFUSED_MAX: usize = 1_024;

/// Those who take no TCP, and until when they are not asked to.
#[derive(Debug, Default)]
pub struct Refused(HashMap<SocketAddr, Time>);

impl Refused {
    fn remember(&mut self, remote: SocketAddr, now: Time) {
        if self.0.len() >= REFUSED_MAX {
            self.0.clear(); // it is our own network then
        }
        self.0.insert(remote, now + REFUSED_TIME);
    }

    fn knows(&self, remote: SocketAddr, now: Time) -> bool {
        self.0.get(&remote).is_some_and(|until| *until > now)
    }
}

impl Endpoint {
    /// The flow a request by UDP takes instead, if it is too large: TCP to a trunk, and to a phone that says to be where
    /// it is; behind a NAT nobody could open a connection to it.
    pub(super) fn larger_way(&self, request: &Request, size: usize, flow: Flow, now: Time) -> Option<Flow> {
        if size <= DATAGRAM_MAX || flow.transport != Transport::Udp || self.refused.knows(flow.remote, now) {
            return None;
        }
        let open = self.is_to_trunk(flow) || says(request) == Some(flow.remote);
        open.then_some(Flow { transport: Transport::Tcp, connection: 0, ..flow })
    }

    /// Nobody takes a connection there: what was to go by it goes by UDP. False: nothing was to, or it has been heard.
    pub(super) fn turns_back(
        &mut self,
        id: crate::invite::TransactionId,
        remote: SocketAddr,
        now: Time,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some((request, flow, owner)) = self.transactions.turn_back(id, now, out) else { return false };
        self.refused.remember(remote, now);
        let again = self.send(request, flow, owner, now, out);
        if let Some(seat) = owner.and_then(Owner::leg).and_then(|leg| self.legs.get(leg))
            && seat.invite == Some(id)
        {
            seat.invite = Some(again);
        }
        true
    }
}

/// Where a request says it goes, if that is an address.
fn says(request: &Request) -> Option<SocketAddr> {
    let hop = hop(request)?;
    Some(SocketAddr::new(hop.host.address()?, hop.port.unwrap_or(5060)))
}
