//! What a URI says of where it leads, before any name server is asked (RFC 3263 §4).
//!
//! Where it stands: `locate` finds the servers of a place; the endpoint reads where a dialog's next hop is.

use std::fmt;

use crate::{Host, Scheme, Transport, Uri};

/// Where a request is to go: a name or an address, and what is said about the way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The name, in small letters, or the address.
    pub host: Host,
    /// The port, if it is said; then no SRV records are asked for.
    pub port: Option<u16>,
    /// The transport, if it is said; then no NAPTR records are asked for.
    pub transport: Option<Transport>,
    /// `sips:`: by TLS or not at all.
    pub secure: bool,
}

impl Place {
    /// As an operator says it: a host, and perhaps a port and a transport.
    pub fn new(host: Host, port: Option<u16>, transport: Option<Transport>) -> Place {
        let host = match host {
            Host::Name(name) => Host::Name(name.trim_end_matches('.').to_ascii_lowercase()),
            host => host,
        };
        Place { host, port, transport, secure: transport == Some(Transport::Tls) }
    }

    /// As a URI says it: `maddr` before the host (RFC 3263 §4), `sips:` makes TCP into TLS (RFC 3261 §26.2.2). `None`: it
    /// leads nowhere, or wants a transport that we do not open.
    pub fn of(uri: &Uri) -> Option<Place> {
        let secure = match uri.scheme {
            Scheme::Sip => false,
            Scheme::Sips => true,
            Scheme::Tel | Scheme::Other(_) => return None,
        };
        let transport = match uri.params.get("transport").map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("udp") if !secure => Some(Transport::Udp),
            Some("tcp") if !secure => Some(Transport::Tcp),
            Some("tcp" | "tls") => Some(Transport::Tls), // `tls` was given up by RFC 3261 and is written everywhere
            Some(_) => return None,
        };
        let maddr = uri.params.get("maddr").and_then(|maddr| maddr.parse().ok());
        let place = Place::new(maddr.unwrap_or_else(|| uri.host.clone()), uri.port, transport);
        (place.host != Host::None).then_some(Place { secure: secure || place.secure, ..place })
    }

    /// The name that is to be asked for; an address needs none.
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) => Some(name),
            Host::Address(_) | Host::None => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_says_where_and_how() {
        for (uri, place, transport, secure) in [
            ("sip:bob@Carrier.Example", "carrier.example", None, false),
            ("sip:bob@carrier.example.:5070", "carrier.example:5070", None, false),
            ("sip:carrier.example;transport=TCP", "carrier.example", Some(Transport::Tcp), false),
            ("sip:carrier.example;transport=tls", "carrier.example", Some(Transport::Tls), true),
            ("sips:carrier.example", "carrier.example", None, true),
            ("sips:carrier.example;transport=tcp", "carrier.example", Some(Transport::Tls), true),
            ("sip:a@h.example;maddr=192.0.2.7", "192.0.2.7", None, false),
            ("sip:a@[2001:db8::1]:5070", "[2001:db8::1]:5070", None, false),
        ] {
            let found = Place::of(&uri.parse().unwrap()).unwrap_or_else(|| panic!("{uri}"));
            assert_eq!((&*found.to_string(), found.transport, found.secure), (place, transport, secure), "{uri}");
        }
        for uri in ["tel:112", "sip:h;transport=sctp", "sips:h;transport=udp", "sip:h;transport=ws"] {
            assert_eq!(Place::of(&uri.parse().unwrap()), None, "{uri}");
        }
    }
}
