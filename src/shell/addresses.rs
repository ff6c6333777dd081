//! Which of our addresses a remote one sees: what we write into Via, Contact and SDP must be where we can be reached.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use sip::Transport;

use crate::conf::Advertised;

/// Finds our own address towards others.
#[derive(Clone, Debug)]
pub struct Addresses {
    listening: Vec<(Transport, SocketAddr)>,
    advertised: Advertised,
    known: RefCell<HashMap<IpAddr, IpAddr>>,
    /// What we were to those we are in touch with, when that was last looked at.
    were: RefCell<HashMap<IpAddr, IpAddr>>,
    /// All the routing table ever said we are.
    own: RefCell<BTreeSet<IpAddr>>,
}

/// So many answers of the routing table are remembered; then it is asked anew.
const KNOWN_MAX: usize = 10_000;
/// No machine has more addresses that matter.
const OWN_MAX: usize = 64;
/// The routing table does not look at ports.
const ANY_PORT: u16 = 5060;

impl Addresses {
    /// For a switch that listens here, and tells others this where it stands behind a NAT.
    pub fn new(listening: Vec<(Transport, SocketAddr)>, advertised: Advertised) -> Addresses {
        let (known, were, own) = Default::default();
        Addresses { listening, advertised, known, were, own }
    }

    /// Our SIP address towards `remote`, by the first listener for that transport that can reach it.
    pub fn towards(&self, transport: Transport, remote: SocketAddr) -> SocketAddr {
        let of_transport =
            |kind| self.listening.iter().filter(move |(own, _)| *own == kind).map(|(_, address)| address);
        let same_family = |listener: &&SocketAddr| listener.is_ipv4() == remote.is_ipv4();
        let reaches =
            |listener: &&SocketAddr| same_family(listener) && listener.ip().is_loopback() == remote.ip().is_loopback();
        let best = |kind| of_transport(kind).find(reaches).or_else(|| of_transport(kind).find(same_family));
        let first = || self.listening.first().map(|(_, address)| address);
        match best(transport).or_else(|| best(Transport::Udp)).or_else(first) {
            Some(listener) => self.seen_by(*listener, remote),
            None => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5060), // there is always a listener
        }
    }

    /// How `remote` sees this listener of ours.
    pub fn seen_by(&self, listener: SocketAddr, remote: SocketAddr) -> SocketAddr {
        let own = self.advertised.towards(remote.ip()).unwrap_or_else(|| match listener.ip() {
            any if any.is_unspecified() => self.route_to(remote),
            own => own,
        });
        SocketAddr::new(own, listener.port())
    }

    /// Asks the routing table anew about those we are in touch with. True: to one of them we are another now.
    pub fn look_again(&self, remotes: impl Iterator<Item = IpAddr>) -> bool {
        let mut moved = false;
        let mut were = HashMap::new();
        for remote in remotes {
            let known = self.known.borrow_mut().remove(&remote);
            let before = self.were.borrow_mut().remove(&remote).or(known);
            let now = self.route_to(SocketAddr::new(remote, ANY_PORT));
            moved |= before.is_some_and(|before| before != now);
            were.insert(remote, now);
        }
        self.were.replace(were);
        moved
    }

    /// Those of our addresses that the machine has no more. What we are to others is asked anew.
    pub fn lost(&self) -> BTreeSet<IpAddr> {
        let is_lost = |own: &IpAddr| {
            let bound = UdpSocket::bind((*own, 0));
            bound.is_err_and(|why| why.kind() == io::ErrorKind::AddrNotAvailable)
        };
        let lost: BTreeSet<IpAddr> = self.own.borrow().iter().copied().filter(is_lost).collect();
        if !lost.is_empty() {
            self.known.borrow_mut().retain(|_, own| !lost.contains(own));
        }
        lost
    }

    /// The source address the routing table gives towards `remote`. Connecting a UDP socket asks, and sends nothing.
    fn route_to(&self, remote: SocketAddr) -> IpAddr {
        let known = self.known.borrow().get(&remote.ip()).copied();
        // Nowhere is where nobody stays for long.
        if let Some(own) = known.filter(|own| own.is_loopback() == remote.ip().is_loopback()) {
            return own;
        }
        let (any, nowhere): (IpAddr, IpAddr) = match remote {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::LOCALHOST.into()),
        };
        let asked = UdpSocket::bind((any, 0)).and_then(|socket| {
            socket.connect(remote)?;
            socket.local_addr()
        });
        let own = asked.map_or(nowhere, |own| own.ip());
        let mut all = self.own.borrow_mut();
        if all.len() < OWN_MAX {
            all.insert(own);
        }
        let mut known = self.known.borrow_mut();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(remote.ip(), own);
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seen_when_we_are_another() {
        let addresses =
            Addresses::new(vec![(Transport::Udp, "0.0.0.0:5060".parse().expect("an address"))], Advertised::default());
        let remote: IpAddr = "127.0.0.9".parse().expect("an address");
        let looks_again = || addresses.look_again([remote].into_iter());
        assert!(!looks_again(), "nobody has asked yet");
        addresses.towards(Transport::Udp, SocketAddr::new(remote, 5060));
        assert!(!looks_again());
        addresses.were.borrow_mut().insert(remote, "192.0.2.1".parse().expect("an address"));
        assert!(looks_again());
        assert!(!looks_again());
    }

    #[test]
    fn others_see_an_address_they_can_reach() {
        let listening = [
            (Transport::Udp, "0.0.0.0:5060"),
            (Transport::Udp, "127.0.0.1:5070"),
            (Transport::Udp, "[::1]:5080"),
            (Transport::Tls, "127.0.0.1:5071"),
        ];
        let listening = listening.map(|(transport, text)| (transport, text.parse().expect("an address")));
        let plain = Addresses::new(listening.to_vec(), Advertised::default());
        let behind_nat =
            Addresses::new(listening.to_vec(), Advertised::to_all("203.0.113.5".parse().expect("an address")));
        for (transport, remote, seen) in [
            (Transport::Udp, "127.0.0.9:5060", "127.0.0.1:5070"),
            (Transport::Tls, "127.0.0.9:5060", "127.0.0.1:5071"),
            (Transport::Tls, "[::1]:9", "[::1]:5080"), // no such listener: another of ours
            (Transport::Udp, "[::1]:9", "[::1]:5080"),
        ] {
            let remote = remote.parse().expect("an address");
            assert_eq!(plain.towards(transport, remote).to_string(), seen);
            assert_eq!(behind_nat.towards(transport, remote).to_string(), seen);
        }
        let outside = "198.51.100.7:5060".parse().expect("an address");
        assert_eq!(behind_nat.towards(Transport::Udp, outside).to_string(), "203.0.113.5:5060");
    }
}
