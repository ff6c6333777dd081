//! Where media is to be sent: the value of a `c=` line (RFC 4566 §5.7).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A connection address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// An IP address. 0.0.0.0 and :: mean "nowhere": the old way to hold a call (RFC 3264 §8.4).
    Ip(IpAddr),
    /// Anything else, as written: a name, or a group of addresses. It can be read, not sent to.
    Other(String),
}

impl Address {
    /// Reads `IN IP4 192.0.2.1`. The address itself says which family it is; phones err in the word before it.
    pub fn parse(value: &str) -> Address {
        let mut words = value.split_ascii_whitespace();
        let address = match (words.next(), words.next(), words.next(), words.next()) {
            (Some("IN"), Some("IP4" | "IP6"), Some(address), None) => address.parse().ok().or_else(|| zoned(address)),
            _ => None,
        };
        address.map_or_else(|| Address::Other(value.to_owned()), Address::Ip)
    }

    /// The address, if media for one party can be sent there, or if it says that none must be.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Address::Ip(ip) if !ip.is_multicast() && !is_broadcast(*ip) => Some(*ip),
            _ => None,
        }
    }
}

/// Some phones write by which of their interfaces, which says nothing to us (RFC 4007 §6). An address that holds on one
/// link alone cannot be sent to without, and stays what it is.
fn zoned(text: &str) -> Option<IpAddr> {
    let (address, _) = text.split_once('%')?;
    address.parse::<Ipv6Addr>().ok().filter(|address| !address.is_unicast_link_local()).map(IpAddr::V6)
}

fn is_broadcast(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.is_broadcast())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(IpAddr::V4(ip)) => write!(f, "IN IP4 {ip}"),
            Address::Ip(IpAddr::V6(ip)) => write!(f, "IN IP6 {ip}"),
            Address::Other(value) => f.write_str(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_of_one_party_will_do() {
        for (value, ip) in [
            ("IN IP4 192.0.2.1", Some("192.0.2.1")),
            ("IN IP6 2001:db8::1", Some("2001:db8::1")),
            ("IN IP4 2001:db8::1", Some("2001:db8::1")), // the wrong word
            ("IN  IP4  0.0.0.0", Some("0.0.0.0")),
            ("IN IP6 ::", Some("::")),
            ("IN IP4 phone.example.com", None),
            ("IN IP4 224.2.1.1/127/3", None),
            ("IN IP4 224.2.1.1", None),
            ("IN IP4 255.255.255.255", None),
            ("IN IP6 fe80::1%eth0", None),
            ("IN IP6 2001:db8::1%eth0", Some("2001:db8::1")),
            ("ATM NSAP 47", None),
            ("IN IP4", None),
            ("", None),
        ] {
            let address = Address::parse(value);
            assert_eq!(address.ip(), ip.map(|ip| ip.parse().unwrap()), "{value}");
            assert_eq!(Address::parse(&address.to_string()), address, "{value}");
        }
    }
}
