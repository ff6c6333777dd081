//! What is asked of a name server, and what it answers (RFC 1035, 2782, 3403, 3596), as far as RFC 3263 needs it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The kinds of records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// By which transports a domain wants to be reached.
    Naptr,
    /// Which servers speak a transport for a domain.
    Srv,
    /// IPv4 addresses of a host.
    A,
    /// IPv6 addresses of a host.
    Aaaa,
}

/// One question.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Question {
    /// The name: small letters, no dot at its end.
    pub name: Arc<str>,
    /// What of it.
    pub kind: Kind,
}

impl Question {
    /// About this name, in any case, with a dot at its end or without.
    pub fn new(name: &str, kind: Kind) -> Question {
        Question { name: plain(name).into(), kind }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Naptr => "NAPTR",
            Kind::Srv => "SRV",
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
        };
        write!(f, "{} {kind}", self.name)
    }
}

/// One record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// RFC 3403 §4.1.
    Naptr {
        /// Lower ones come first.
        order: u16,
        /// Lower ones come first among those of one order.
        preference: u16,
        /// `s`: the replacement has SRV records; `a`: it has addresses.
        flags: String,
        /// `SIP+D2U` and the like.
        service: String,
        /// The next name.
        replacement: String,
    },
    /// RFC 2782.
    Srv {
        /// Lower ones come first.
        priority: u16,
        /// How often it comes first among those of one priority.
        weight: u16,
        /// The server's port.
        port: u16,
        /// The server; `.` or nothing: there is none.
        target: String,
    },
    /// A or AAAA.
    Address(IpAddr),
}

/// What a name server says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// These.
    Records {
        /// Not empty.
        records: Vec<Record>,
        /// How long it holds.
        ttl: Duration,
    },
    /// There is no such name, or it has no such records.
    Nothing {
        /// How long it holds (RFC 2308).
        ttl: Duration,
    },
    /// It says nothing, or that it cannot tell.
    Failed,
}

/// A domain name as it is compared.
pub(crate) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
