//! Where a URI or a Via points: a name or an address, and a port (RFC 3261 §25.1, RFC 5954).
//!
//! Where it stands: under the grammars of [`crate::Uri`] and [`crate::Via`]. It resolves no name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::BadSyntax;
use crate::text::{cut, is_host_byte, split_while};

/// Where a URI or a Via points.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Nowhere: the URI has no host.
    None,
    /// A name, in the case it was written.
    Name(String),
    /// An address, IPv6 without its brackets.
    Address(IpAddr),
}

impl Host {
    /// The same place, names in any case (RFC 3261 §19.1.4, RFC 5954 §4.2 for addresses)?
    pub fn is(&self, other: &Host) -> bool {
        match (self, other) {
            (Host::Name(ours), Host::Name(theirs)) => ours.eq_ignore_ascii_case(theirs),
            _ => self == other,
        }
    }

    /// The address, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Host::Address(address) => Some(*address),
            _ => None,
        }
    }
}

impl FromStr for Host {
    type Err = BadSyntax;
    fn from_str(text: &str) -> Result<Host, BadSyntax> {
        HostText::split(text)
            .filter(|(_, rest)| rest.is_empty())
            .map(|(host, _)| host.to_host())
            .ok_or(BadSyntax { what: "host" })
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Host {
        Host::Address(address)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::None => Ok(()),
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Takes `host[:port]` off the head of a text, as a URI and a Via have it.
pub(crate) fn host_port(text: &str) -> Option<(HostText<'_>, Option<u16>, &str)> {
    let (host, rest) = HostText::split(text)?;
    let Some(port) = rest.strip_prefix(':') else { return Some((host, None, rest)) };
    let (port, rest) = split_while(port, |b| b.is_ascii_digit());
    Some((host, Some(port.parse().ok()?), rest))
}

/// A host, not yet copied.
#[derive(Clone, Copy)]
pub(crate) enum HostText<'a> {
    None,
    Name(&'a str),
    Address(IpAddr),
}

impl<'a> HostText<'a> {
    fn split(text: &'a str) -> Option<(HostText<'a>, &'a str)> {
        if let Some(inner) = text.strip_prefix('[') {
            let (address, rest) = cut(inner, b']')?;
            return Some((HostText::Address(ipv6(address)?.into()), rest));
        }
        let (name, rest) = split_while(text, is_host_byte);
        if name.starts_with(|letter: char| letter.is_ascii_digit()) {
            if let Ok(address) = name.parse::<Ipv4Addr>() {
                return Some((HostText::Address(address.into()), rest));
            }
            // RFC 3261 §25.1: the last label of a name is no number, so this would be a broken address.
            if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
                return None;
            }
        }
        (!name.is_empty() && !name.starts_with(['.', '-'])).then_some((HostText::Name(name), rest))
    }

    pub fn to_host(self) -> Host {
        match self {
            HostText::None => Host::None,
            HostText::Name(name) => Host::Name(name.to_owned()),
            HostText::Address(address) => Host::Address(address),
        }
    }
}

fn ipv6(text: &str) -> Option<Ipv6Addr> {
    // Some write by which of their interfaces; that says nothing to anybody else (RFC 4007 §6).
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    // RFC 5118 §4.10: the grammar of RFC 3261 wrote three colons before an IPv4 tail; those who obeyed it are understood.
    text.parse().ok().or_else(|| text.contains('.').then(|| text.replacen(":::", "::", 1).parse().ok())?)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for (text, want) in [
            ("h.Example-1.org.", Some("h.Example-1.org.")),
            ("3com.example", Some("3com.example")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("[2001:DB8:0::1]", Some("[2001:db8::1]")),
            ("[2001:db8:::192.0.2.1]", Some("[2001:db8::c000:201]")),
            ("[fe80::1%eth0]", Some("[fe80::1]")),
            ("[%eth0]", None),
            ("", None),
            ("-h", None),
            ("192.0.2", None),
            ("192.0.2.256", None),
            ("2001:db8::1", None),
            ("[::1", None),
            ("[::g]", None),
            ("h:5060", None),
        ] {
            assert_eq!(text.parse::<Host>().ok().map(|host| host.to_string()).as_deref(), want, "{text}");
        }
    }

    pub(crate) fn any_host() -> impl Strategy<Value = Host> {
        prop_oneof![
            "[a-z][a-zA-Z0-9_-]{0,8}(\\.[a-z0-9-]{1,6}){0,2}".prop_map(Host::Name),
            any::<u32>().prop_map(|bits| Host::Address(Ipv4Addr::from(bits).into())),
            any::<u128>().prop_map(|bits| Host::Address(Ipv6Addr::from(bits).into())),
        ]
    }
}
