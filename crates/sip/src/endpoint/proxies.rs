//! Proxies before us (an edge, an SBC, a balancer) that are believed: whom what they pass on is really from.
//!
//! Where it stands: the endpoint asks before it judges anybody, so that bans, buckets and nonces are the sender's and never
//! the proxy's. Answers and dialogs go the way requests came all the same. Who is no such proxy may write what Vias it will.

use std::net::{IpAddr, SocketAddr};

use super::conf::SipConf;
use super::gate::user_of;
use crate::{Flow, Headers, Method, Name, Network, Request, Via};

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// Where they are.
    pub networks: Vec<Network>,
    /// They ask for passwords themselves: whom their P-Asserted-Identity names is not asked again (RFC 3325). Never for
    /// a REGISTER.
    pub assert: bool,
}

impl Proxies {
    /// Is one of them there?
    pub fn has(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.has(address))
    }

    /// The flow as if none of them stood between: its other end is who spoke to the first of them, as that one saw it
    /// (RFC 3261 §18.2.1, RFC 3581 §4). Still one of them, where it speaks for itself or does not say for whom.
    pub fn seen_behind(&self, headers: &Headers, flow: Flow) -> Flow {
        let mut remote = flow.remote;
        let mut below = headers.all(&Name::Via).skip(1); // the first is of who speaks to us
        while self.has(remote.ip()) {
            let Some(hop) = below.next().and_then(|via| source(&via.parse().ok()?)) else { break };
            remote = hop;
        }
        Flow { remote, ..flow }
    }
}

/// Where a proxy saw a request come from.
fn source(via: &Via) -> Option<SocketAddr> {
    let address = via.received().or(via.host.address())?;
    Some(SocketAddr::new(address, via.rport().or(via.port).unwrap_or(5060)))
}

impl SipConf {
    /// The account that one of our proxies says a request is from.
    pub(super) fn asserted(&self, request: &Request, flow: Flow) -> Option<String> {
        if !self.proxies.assert || request.method == Method::Register || !self.proxies.has(flow.remote.ip()) {
            return None;
        }
        // One may be a tel: URI beside it (RFC 3325 §9.1).
        let mut names = request.headers.all(&Name::PAssertedIdentity).filter_map(|name| user_of(Some(name)));
        names.find(|name| self.accounts.contains_key(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transport;

    const PROXY: &str = "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKp";

    fn behind(proxies: &[&str], from: &str, vias: &[&str]) -> String {
        let networks = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let local = "203.0.113.5:5060".parse().unwrap();
        let flow = Flow { transport: Transport::Udp, local, remote: from.parse().unwrap(), connection: 0 };
        let mut headers = Headers::default();
        vias.iter().for_each(|via| headers.push(Name::Via, *via));
        Proxies { networks, assert: false }.seen_behind(&headers, flow).remote.to_string()
    }

    #[test]
    fn the_topmost_hop_that_is_no_proxy_of_ours_is_the_source() {
        let phone = "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKx;received=198.51.100.7;rport=40000";
        let forged = "SIP/2.0/UDP 8.8.8.8;branch=z9hG4bKy";
        let named = "SIP/2.0/TLS phone.example;branch=z9hG4bKx";
        let inner = "SIP/2.0/TCP edge.example;branch=z9hG4bKi;received=192.0.2.11";
        let ours: &[&str] = &["192.0.2.0/28"];
        for (what, proxies, from, vias, source) in [
            ("no proxy", &[][..], "192.0.2.10:5060", &[PROXY, phone][..], "192.0.2.10:5060"),
            ("one", ours, "192.0.2.10:5060", &[PROXY, phone], "198.51.100.7:40000"),
            ("two", ours, "192.0.2.10:5060", &[PROXY, inner, phone], "198.51.100.7:40000"),
            ("what the phone wrote itself", ours, "192.0.2.10:5060", &[PROXY, phone, forged], "198.51.100.7:40000"),
            ("a stranger who forges", ours, "198.51.100.9:5060", &[PROXY, forged], "198.51.100.9:5060"),
            ("the proxy itself", ours, "192.0.2.10:5060", &[PROXY], "192.0.2.10:5060"),
            ("one that does not say", ours, "192.0.2.10:5060", &[PROXY, named], "192.0.2.10:5060"),
            (
                "an address that sent-by told rightly",
                ours,
                "192.0.2.10:5060",
                &[PROXY, "SIP/2.0/UDP [2001:db8::7]:5070;branch=z9hG4bKx"],
                "[2001:db8::7]:5070",
            ),
        ] {
            assert_eq!(behind(proxies, from, vias), source, "{what}");
        }
    }
}
