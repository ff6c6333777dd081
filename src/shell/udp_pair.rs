//! A leg's two sockets: RTP on the port it was given, RTCP on the next.
//!
//! Where it stands: made by `media_threads` for each `Open`. Who is believed is the latch's decision, packet by packet; once
//! it says that only one source can be, RTP is connected to it, which spares each packet the search for a route (some 7 % of
//! all a packet costs) and keeps a stranger's flood in the system.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use media::Component;
use rustix::net::{connect_unspec, sockopt};

/// The sockets of one leg.
pub(super) struct UdpPair {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    /// What RTP is connected to.
    peer: Option<SocketAddr>,
    /// Bound to all our addresses.
    is_anywhere: bool,
}

impl UdpPair {
    /// Binds both, or neither.
    pub fn bind(local: SocketAddr, dscp: u8) -> io::Result<UdpPair> {
        let above = local.port().checked_add(1).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let rtp = bind(local, dscp)?;
        let rtcp = bind(SocketAddr::new(local.ip(), above), dscp)?;
        Ok(UdpPair { rtp, rtcp, peer: None, is_anywhere: local.ip().is_unspecified() })
    }

    /// On whatever ports there are, for a try.
    pub fn on_loopback() -> io::Result<UdpPair> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(UdpPair { rtp: bind(any, 0)?, rtcp: bind(any, 0)?, peer: None, is_anywhere: false })
    }

    pub fn of(&self, component: Component) -> &UdpSocket {
        match component {
            Component::Rtp => &self.rtp,
            Component::Rtcp => &self.rtcp,
        }
    }

    /// RTP comes from there or is of no use; none: it may come from anywhere.
    pub fn hear_only(&mut self, source: Option<SocketAddr>) {
        if !self.is_other(source) {
            return;
        }
        let peer = self.allowed(source).filter(|peer| self.rtp.connect(peer).is_ok());
        if peer.is_none() {
            let _ = connect_unspec(&self.rtp);
        }
        self.peer = peer;
    }

    /// Would `hear_only` change anything?
    pub fn is_other(&self, source: Option<SocketAddr>) -> bool {
        self.peer != self.allowed(source)
    }

    /// A connected socket has one local address, and of several it is the system that would choose.
    fn allowed(&self, source: Option<SocketAddr>) -> Option<SocketAddr> {
        source.filter(|_| !self.is_anywhere)
    }

    #[inline]
    pub fn is_connected_to(&self, to: SocketAddr) -> bool {
        self.peer == Some(to)
    }

    /// Sends a datagram.
    #[inline]
    pub fn send(&self, component: Component, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        if component == Component::Rtcp || !self.is_connected_to(to) {
            return self.of(component).send_to(bytes, to);
        }
        match self.rtp.send(bytes) {
            // This is about an earlier packet; it is off the socket now, and the phone may be back.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => self.rtp.send(bytes),
            sent => sent,
        }
    }
}

fn bind(local: SocketAddr, dscp: u8) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(local)?;
    socket.set_nonblocking(true)?;
    // Some seconds of speech; a flood should not take more. Neither setting is worth a call if it is refused.
    let _ = sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BYTES);
    if dscp > 0 {
        let _ = match local {
            SocketAddr::V4(_) => sockopt::set_ip_tos(&socket, dscp << 2),
            SocketAddr::V6(_) => sockopt::set_ipv6_tclass(&socket, u32::from(dscp) << 2),
        };
    }
    Ok(socket)
}

const RECEIVE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn both_sockets_carry_the_mark_in_both_address_families() {
        for (ip, port) in [(IpAddr::from(Ipv4Addr::LOCALHOST), 22_990), (Ipv6Addr::LOCALHOST.into(), 22_994)] {
            if UdpSocket::bind((ip, 0)).is_err() {
                continue; // a machine without IPv6
            }
            for dscp in [46, 0] {
                let pair = UdpPair::bind(SocketAddr::new(ip, port), dscp).unwrap();
                let mark = |socket: &UdpSocket| match ip {
                    IpAddr::V4(_) => u32::from(sockopt::ip_tos(socket).unwrap()),
                    IpAddr::V6(_) => sockopt::ipv6_tclass(socket).unwrap(),
                };
                assert_eq!([mark(&pair.rtp), mark(&pair.rtcp)], [u32::from(dscp) << 2; 2]);
            }
        }
    }
}
