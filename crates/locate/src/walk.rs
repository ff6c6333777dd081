//! From a place to its targets through what is known: RFC 3263 §4.1 (transport) and §4.2 (address and port).
//!
//! Where it stands: the locator calls it anew whenever an answer has come; it keeps nothing. What it looked at and would
//! need is said along, to be asked and kept fresh.

use std::net::SocketAddr;

use base::{Random, Time};
use sip::{Host, Place, Transport};

use crate::cache::{Cache, Known};
use crate::locator::{LocateConf, Target};
use crate::order::{Server, in_turn, shuffle};
use crate::record::{Kind, Question, Record};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order they are to be tried.
    pub(crate) targets: Vec<Target>,
    /// All that was looked at, known or not.
    pub(crate) asked: Vec<Question>,
    /// Something is not known yet, so there may be more.
    pub(crate) waits: bool,
}

/// One look through the cache.
pub(crate) struct Walk<'a> {
    pub(crate) conf: LocateConf,
    pub(crate) cache: &'a Cache,
    pub(crate) now: Time,
    pub(crate) random: &'a mut Random,
    pub(crate) found: Found,
}

/// More targets are not tried for one request.
const TARGETS_MAX: usize = 16;

impl Walk<'_> {
    /// Finds the targets of a place.
    pub(crate) fn place(mut self, place: &Place) -> Found {
        let default = if place.secure { Transport::Tls } else { Transport::Udp };
        match (&place.host, place.port, place.transport) {
            (Host::Address(address), port, transport) => {
                let transport = transport.unwrap_or(default);
                let address = SocketAddr::new(*address, port.unwrap_or(standard_port(transport)));
                self.found.targets.push(Target { transport, address });
            }
            (Host::Name(name), Some(port), transport) => self.host(name, port, transport.unwrap_or(default)),
            (Host::Name(name), None, Some(transport)) => {
                if !self.servers(&service(transport, name), transport) {
                    self.host(name, standard_port(transport), transport);
                }
            }
            (Host::Name(name), None, None) => self.any_transport(name, place.secure),
            (Host::None, ..) => {}
        }
        self.found.targets.truncate(TARGETS_MAX);
        self.found
    }

    /// RFC 3263 §4.1: the domain says by NAPTR how it wants to be reached; else by which SRV records it has.
    fn any_transport(&mut self, name: &str, secure: bool) {
        let mut offers: Vec<_> = self.look(name, Kind::Naptr).iter().flatten().filter_map(offer).collect();
        offers.retain(|offer| !secure || offer.transport == Transport::Tls);
        offers.sort_by_key(|offer| (offer.order, offer.preference));
        for Offer { transport, addresses, next, .. } in &offers {
            match addresses {
                true => self.host(next, standard_port(*transport), *transport),
                false => drop(self.servers(next, *transport)),
            }
        }
        if !offers.is_empty() {
            return;
        }
        let ours: &[Transport] = if secure { &[Transport::Tls] } else { &[Transport::Udp, Transport::Tcp] };
        let mut any = false;
        for transport in ours {
            any |= self.servers(&service(*transport, name), *transport);
        }
        if !any {
            self.host(name, standard_port(ours[0]), ours[0]); // there is always one
        }
    }

    /// The servers an SRV name has. False: it has none, and the domain's own addresses are meant.
    fn servers(&mut self, name: &str, transport: Transport) -> bool {
        let Some(records) = self.look(name, Kind::Srv) else { return true }; // not known is not none
        let servers = records.iter().filter_map(|record| match record {
            Record::Srv { priority, weight, port, target } => {
                Some(Server { priority: *priority, weight: *weight, what: (target.clone(), *port) })
            }
            _ => None,
        });
        let servers: Vec<_> = servers.collect();
        let any = !servers.is_empty();
        for (target, port) in in_turn(servers, self.random) {
            if !target.trim_end_matches('.').is_empty() {
                self.host(&target, port, transport); // "." says that nobody serves here (RFC 2782)
            }
        }
        any
    }

    /// The addresses of a host, IPv6 first where we speak it (RFC 6724 §2.1).
    fn host(&mut self, name: &str, port: u16, transport: Transport) {
        for (kind, speak) in [(Kind::Aaaa, self.conf.ipv6), (Kind::A, self.conf.ipv4)] {
            if !speak {
                continue;
            }
            let mut addresses: Vec<_> = self.look(name, kind).iter().flatten().filter_map(address_of).collect();
            shuffle(&mut addresses, self.random);
            let targets = addresses.into_iter().map(|ip| Target { transport, address: SocketAddr::new(ip, port) });
            for target in targets {
                if !self.found.targets.contains(&target) {
                    self.found.targets.push(target);
                }
            }
        }
    }

    /// What is known; `None` if that is nothing. A name server that cannot tell NAPTR records is taken to have none:
    /// some never heard of them.
    fn look(&mut self, name: &str, kind: Kind) -> Option<Vec<Record>> {
        let question = Question::new(name, kind);
        let known = match self.cache.known(&question, self.now) {
            Known::Said(records) => Some(records.to_vec()),
            Known::Failed if kind == Kind::Naptr => Some(Vec::new()),
            Known::Failed => None,
            Known::Unknown => {
                self.found.waits = true;
                None
            }
        };
        if !self.found.asked.contains(&question) {
            self.found.asked.push(question);
        }
        known
    }
}

struct Offer {
    order: u16,
    preference: u16,
    transport: Transport,
    /// The next name has addresses, not SRV records.
    addresses: bool,
    next: String,
}

/// A NAPTR record that speaks of a transport we open (RFC 3263 §4.1).
fn offer(record: &Record) -> Option<Offer> {
    let Record::Naptr { order, preference, flags, service, replacement } = record else { return None };
    let transport = match service.to_ascii_uppercase().as_str() {
        "SIP+D2U" => Transport::Udp,
        "SIP+D2T" => Transport::Tcp,
        "SIPS+D2T" => Transport::Tls,
        _ => return None,
    };
    let addresses = match flags.to_ascii_lowercase().as_str() {
        "s" => false,
        "a" => true,
        _ => return None,
    };
    let (order, preference, next) = (*order, *preference, replacement.clone());
    Some(Offer { order, preference, transport, addresses, next })
}

fn address_of(record: &Record) -> Option<std::net::IpAddr> {
    match record {
        Record::Address(ip) => Some(*ip),
        _ => None,
    }
}

/// The SRV name of a transport (RFC 3263 §4.2).
fn service(transport: Transport, name: &str) -> String {
    match transport {
        Transport::Udp => format!("_sip._udp.{name}"),
        Transport::Tls | Transport::Wss => format!("_sips._tcp.{name}"),
        Transport::Tcp | Transport::Ws => format!("_sip._tcp.{name}"),
    }
}

/// RFC 3261 §19.1.2.
fn standard_port(transport: Transport) -> u16 {
    if transport == Transport::Tls { 5061 } else { 5060 }
}
