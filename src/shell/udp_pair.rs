//! A leg's two sockets: RTP on the port it was given, RTCP on the next.
//!
//! Where it stands: made by `media_threads` for each `Open`. Not connected: who is believed is the latch's decision.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use rustix::net::sockopt;

/// The sockets of one leg.
pub(super) struct UdpPair {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
}

impl UdpPair {
    /// Binds both, or neither.
    pub fn bind(local: SocketAddr, dscp: u8) -> io::Result<UdpPair> {
        let above = local.port().checked_add(1).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let rtp = bind(local, dscp)?;
        let rtcp = bind(SocketAddr::new(local.ip(), above), dscp)?;
        Ok(UdpPair { rtp, rtcp })
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
