//! Where a message came from and where it goes: transport and the two addresses.
//!
//! Where it stands: the shell makes flows from its sockets; every other part of the room copies them. A binding keeps
//! the flow its REGISTER came by, so that a phone behind NAT is reached the way it reached us (RFC 5626 §2).

use std::net::SocketAddr;

/// How bytes travel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// Datagrams: one message each, lost ones are repeated by the transactions.
    Udp,
    /// A stream: messages are framed by Content-Length.
    Tcp,
}

impl Transport {
    /// The word in a Via header.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }

    /// The word in a `transport=` URI parameter.
    pub fn as_param(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }

    /// Nothing is lost on the way, so nothing needs repeating (RFC 3261 §17).
    pub fn is_reliable(self) -> bool {
        self == Transport::Tcp
    }
}

/// A message's two ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// How it travels.
    pub transport: Transport,
    /// Our end; always a concrete address, never `0.0.0.0`.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// The shell's number of the stream; 0 for UDP.
    pub connection: u64,
}
