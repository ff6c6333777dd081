//! Which flows are a trunk's: by their address, or by the certificate that a connection has shown (RFC 5922).
//!
//! Where it stands: the shell checks certificates and says whom one has proven ([`Input::Proven`](super::Input::Proven)).
//! Such a connection may be used both ways, if who opened it says so (RFC 5923).

use std::collections::HashMap;
use std::net::SocketAddr;

use super::conf::Peer;
use super::{Endpoint, Output};
use crate::{Flow, Transport, Via};

/// What connections have proven.
#[derive(Debug, Default)]
pub struct Proofs(HashMap<u64, Proof>);

#[derive(Debug)]
struct Proof {
    /// Whose the connection is.
    trunk: Box<str>,
    /// Where its owner is called by it, too.
    alias: Option<SocketAddr>,
}

impl Proofs {
    /// A connection is this trunk's.
    pub fn add(&mut self, connection: u64, trunk: &str) {
        self.0.insert(connection, Proof { trunk: trunk.into(), alias: None });
    }

    /// It is gone.
    pub fn forget(&mut self, connection: u64) {
        self.0.remove(&connection);
    }

    /// Is what comes by this flow the trunk's?
    pub fn believes(&self, peer: &Peer, flow: Flow) -> bool {
        match self.0.get(&flow.connection) {
            Some(proof) => *proof.trunk == *peer.name,
            None => !peer.by_certificate && is_at(peer, flow),
        }
    }
}

/// Is the trunk there?
pub fn is_at(peer: &Peer, flow: Flow) -> bool {
    peer.port.is_none_or(|port| port == flow.remote.port())
        && peer.addresses.iter().any(|network| network.has(flow.remote.ip()))
}

impl Endpoint {
    /// The trunk whose requests come by this flow.
    pub(super) fn trunk_from(&self, flow: Flow) -> Option<&Peer> {
        self.conf.trunks.iter().find(|peer| self.proofs.believes(peer, flow))
    }

    /// Does this flow lead to a trunk?
    pub(super) fn is_to_trunk(&self, flow: Flow) -> bool {
        self.conf.trunks.iter().any(|peer| is_at(peer, flow)) || self.proofs.0.contains_key(&flow.connection)
    }

    /// Who opened a connection and proved a name wants requests by it, too, where it takes connections itself (RFC 5923 §8):
    /// the address is what we saw, so nobody is called where somebody else is.
    pub(super) fn hears_alias(&mut self, via: &Via, flow: Flow, out: &mut Vec<Output>) {
        let Some(proof) = self.proofs.0.get_mut(&flow.connection) else { return };
        if flow.transport != Transport::Tls || !via.params.has("alias") {
            return;
        }
        let alias = SocketAddr::new(flow.remote.ip(), via.port.unwrap_or(5061));
        if proof.alias != Some(alias) {
            proof.alias = Some(alias);
            let trunk = proof.trunk.to_string();
            out.push(Output::Reuse { connection: flow.connection, trunk, remote: alias });
        }
    }
}
