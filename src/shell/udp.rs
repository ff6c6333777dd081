//! SIP over UDP: one socket a listening address, one task that reads it.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use sip::{Flow, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::Sender;

use super::control::Arrival;
use super::{Addresses, icmp};
use crate::Input;

/// A bound socket.
pub(super) struct UdpListener {
    pub(super) address: SocketAddr,
    pub(super) socket: UdpSocket,
}

/// A burst of registrations after a power cut should find room in the kernel.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// An error may be an ICMP message about a datagram sent before, to somebody else: it is told once, and nothing was sent.
/// So many in a row are taken to be such.
const OTHERS_ERRORS_MAX: usize = 3;

impl UdpListener {
    pub(super) fn bind(address: SocketAddr) -> io::Result<UdpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?; // IPv4 has a listener of its own
        }
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES); // the system may allow less
        socket.set_nonblocking(true)?;
        icmp::keep(&socket, address.is_ipv6());
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(UdpListener { address: socket.local_addr()?, socket })
    }

    /// Reads until the switch is gone.
    pub(super) async fn read(self: Rc<Self>, addresses: Rc<Addresses>, inbox: Sender<Arrival>) {
        let mut datagram = vec![0; 65_536];
        loop {
            // An error is an ICMP message about something we sent, read elsewhere; the next read is a new chance.
            let Ok((length, remote)) = self.socket.recv_from(&mut datagram).await else { continue };
            let local = addresses.seen_by(self.address, remote);
            let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
            let bytes = Bytes::copy_from_slice(&datagram[..length]);
            let input = Input::Sip(sip::Input::Received { flow, bytes });
            if inbox.send(Arrival::Input(input)).await.is_err() {
                return;
            }
        }
    }

    /// Sends, or loses it as the network might.
    pub(super) fn send(&self, remote: SocketAddr, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = self.socket.try_send_to(bytes, remote);
        for _ in 0..OTHERS_ERRORS_MAX {
            match sent {
                Err(why) if why.kind() != io::ErrorKind::WouldBlock => sent = self.socket.try_send_to(bytes, remote),
                sent => return sent,
            }
        }
        sent
    }
}
