//! What the network says of datagrams that did not arrive: ICMP, from a UDP socket's error queue (`ip(7)`, `IP_RECVERR`).
//!
//! Where it stands: beside each UDP socket, on the control thread. It reads what was quoted and where that was to go; the
//! endpoint judges whether it means anything. What the network may also say – a datagram took too long, was too large –
//! is none of its business (RFC 3261 §18.4).

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;

use bytes::Bytes;
use nix::cmsg_space;
use nix::libc::{SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6, sock_extended_err, sockaddr_in6};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{Sender, error::TrySendError};

use super::control::Arrival;
use super::udp::UdpListener;
use crate::Input;

/// A request's first line and its Via are well within that; what is longer is cut off.
const QUOTED_MAX: usize = 2_048;

/// From now on the system keeps for this socket what it is told. One that does not is none the worse: timers find out.
pub(super) fn keep(socket: &impl AsFd, ipv6: bool) {
    let _ = match ipv6 {
        true => setsockopt(socket, sockopt::Ipv6RecvErr, &true),
        false => setsockopt(socket, sockopt::Ipv4RecvErr, &true),
    };
}

/// Reads until the switch is gone.
pub(super) async fn read(listener: Rc<UdpListener>, inbox: Sender<Arrival>) {
    loop {
        match listener.socket.async_io(Interest::ERROR, || next(&listener.socket)).await {
            Ok(Some((remote, quoted))) => {
                let input = Input::Sip(sip::Input::Undelivered { remote, quoted });
                // Where the inbox is full nobody waits for this: it is news, and timers know it, too.
                if let Err(TrySendError::Closed(_)) = inbox.try_send(Arrival::Input(input)) {
                    return;
                }
            }
            Ok(None) => {}
            Err(_) if inbox.is_closed() => return,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Takes the first message out of the error queue; where a datagram was to go that did not arrive, and how it began.
fn next(socket: &UdpSocket) -> io::Result<Option<(SocketAddr, Bytes)>> {
    let (mut quoted, mut said) = ([0; QUOTED_MAX], cmsg_space!(sock_extended_err, sockaddr_in6));
    let mut parts = [IoSliceMut::new(&mut quoted)];
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut said), MsgFlags::MSG_ERRQUEUE)?;
    let nobody = message.cmsgs()?.any(|said| match said {
        ControlMessageOwned::Ipv4RecvErr(said, _) | ControlMessageOwned::Ipv6RecvErr(said, _) => is_final(&said),
        _ => false,
    });
    let (length, remote) = (message.bytes, message.address.as_ref().and_then(address));
    Ok(remote.filter(|_| nobody).map(|remote| (remote, Bytes::copy_from_slice(&quoted[..length]))))
}

/// Destination unreachable, unless it is for a smaller datagram (RFC 792, RFC 4443 §3.1), or a parameter problem.
fn is_final(said: &sock_extended_err) -> bool {
    match (said.ee_origin, said.ee_type, said.ee_code) {
        (SO_EE_ORIGIN_ICMP, 3, code) => code != 4,
        (SO_EE_ORIGIN_ICMP, 12, _) | (SO_EE_ORIGIN_ICMP6, 1 | 4, _) => true,
        _ => false,
    }
}

fn address(of: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = || of.as_sockaddr_in().map(|v4| SocketAddr::V4(SocketAddrV4::from(*v4)));
    v4().or_else(|| of.as_sockaddr_in6().map(|v6| SocketAddr::V6(SocketAddrV6::from(*v6))))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;
    use std::time::Duration;

    use super::super::Addresses;
    use super::*;
    use crate::conf::Advertised;
    use tokio::sync::mpsc::channel;

    /// What a socket of that address hears when it says so to a port that nobody has.
    fn told(address: &str, text: &'static str) -> Option<(SocketAddr, Bytes)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let closed = std::net::UdpSocket::bind(address).unwrap().local_addr().unwrap();
            let listener = Rc::new(UdpListener::bind(address.parse().unwrap()).unwrap());
            let (door, mut inbox) = channel(8);
            let addresses = Rc::new(Addresses::new(Vec::new(), Advertised::default()));
            tokio::task::spawn_local(listener.clone().read(addresses, door.clone()));
            tokio::task::spawn_local(read(listener.clone(), door));
            listener.socket.writable().await.unwrap(); // the runtime has not looked yet
            listener.send(closed, text.as_bytes()).unwrap();
            let limit = Duration::from_secs(10);
            match tokio::time::timeout(limit, inbox.recv()).await.expect("the system tells at once") {
                Some(Arrival::Input(Input::Sip(sip::Input::Undelivered { remote, quoted }))) if remote == closed => {
                    // The next datagram goes its way, whatever was said of the one before.
                    let somebody = std::net::UdpSocket::bind(address).unwrap();
                    somebody.set_read_timeout(Some(limit)).unwrap();
                    (0..8).for_each(|_| drop(listener.send(closed, b"again")));
                    listener.send(somebody.local_addr().unwrap(), b"there").unwrap();
                    assert_eq!(somebody.recv(&mut [0; 16]).unwrap(), 5);
                    Some((remote, quoted))
                }
                _ => None,
            }
        })
    }

    #[test]
    fn a_datagram_to_nobody_comes_back_as_it_was() {
        let (_, quoted) = told("127.0.0.1:0", "OPTIONS sip:x SIP/2.0\r\n").expect("IPv4");
        assert_eq!(quoted, "OPTIONS sip:x SIP/2.0\r\n");
        if std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            let (_, quoted) = told("[::1]:0", "OPTIONS sip:y SIP/2.0\r\n").expect("IPv6");
            assert_eq!(quoted, "OPTIONS sip:y SIP/2.0\r\n");
        }
    }

    #[test]
    fn what_is_not_about_the_other_end_is_no_news() {
        let said = |ee_origin, ee_type, ee_code| sock_extended_err {
            ee_errno: 111,
            ee_origin,
            ee_type,
            ee_code,
            ee_pad: 0,
            ee_info: 0,
            ee_data: 0,
        };
        for (origin, kind, code, is) in [
            (SO_EE_ORIGIN_ICMP, 3, 3, true),   // nobody at that port
            (SO_EE_ORIGIN_ICMP, 3, 1, true),   // no such machine
            (SO_EE_ORIGIN_ICMP, 3, 4, false),  // too large
            (SO_EE_ORIGIN_ICMP, 4, 0, false),  // source quench
            (SO_EE_ORIGIN_ICMP, 11, 0, false), // took too long
            (SO_EE_ORIGIN_ICMP6, 1, 4, true),
            (SO_EE_ORIGIN_ICMP6, 2, 0, false), // too large
            (SO_EE_ORIGIN_ICMP6, 3, 0, false),
            (1, 3, 3, false), // we ourselves
        ] {
            assert_eq!(is_final(&said(origin, kind, code)), is, "{origin} {kind} {code}");
        }
    }
}
