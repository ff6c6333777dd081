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
    /// The same, encrypted.
    Tls,
    /// A WebSocket (RFC 7118): a message is a message, as it is in a datagram, and none is lost.
    Ws,
    /// The same, encrypted.
    Wss,
}

impl Transport {
    /// The word in a Via header.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The word in a `transport=` URI parameter. Browsers write `ws` whether it is encrypted or not.
    pub fn as_param(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws | Transport::Wss => "ws",
        }
    }

    /// Nothing is lost on the way, so nothing needs repeating (RFC 3261 §17).
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// Messages follow each other without a mark between, so each must say its length (RFC 3261 §18.3; a WebSocket
    /// cuts them itself, RFC 7118 §5).
    pub fn is_stream(self) -> bool {
        matches!(self, Transport::Tcp | Transport::Tls)
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
    /// The shell's number of the connection. 0 for UDP, and where the shell is to find one or open one.
    pub connection: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transport_says_what_it_is() {
        for (transport, via, param, reliable, stream) in [
            (Transport::Udp, "UDP", "udp", false, false),
            (Transport::Tcp, "TCP", "tcp", true, true),
            (Transport::Tls, "TLS", "tls", true, true),
            (Transport::Ws, "WS", "ws", true, false),
            (Transport::Wss, "WSS", "ws", true, false),
        ] {
            assert_eq!((transport.as_str(), transport.as_param()), (via, param));
            assert_eq!((transport.is_reliable(), transport.is_stream()), (reliable, stream), "{via}");
        }
    }
}
