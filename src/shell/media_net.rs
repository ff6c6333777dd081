//! How one media thread meets the network: the sockets of its legs, what comes from them and what goes out.
//!
//! Where it stands: `media_threads` has one [`Net`] for each thread. [`Polled`] is what every kernel can, one call for each
//! datagram each way; [`Ring`](super::media_ring::Ring) is io_uring, which takes and gives them many at a time. They do the
//! same, and decide nothing.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use media::{Component, Place};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::media_threads::Counts;
use super::udp_pair::UdpPair;

/// The network of one thread.
pub(super) trait Net {
    /// Watch a leg's sockets; an error is the system's, and the leg is not open.
    fn open(&mut self, place: Place, pair: UdpPair) -> io::Result<()>;
    /// The ports are free when this returns.
    fn close(&mut self, place: Place);
    /// Wait until something has come, the bell rings, or time is up. What is to go out goes before.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()>;
    /// One of the datagrams that had come when the last wait ended.
    fn next(&mut self, datagram: &mut [u8]) -> Option<Came>;
    /// Has the bell rung since this was last asked? To be asked when there is no next datagram.
    fn rang(&mut self) -> bool;
    /// Send a datagram, at the latest with the next wait.
    fn send(&mut self, from: Place, component: Component, to: SocketAddr, bytes: &[u8]);
    /// Only what comes from `source` is of use on the leg's RTP port; none: anything may be.
    fn hear_only(&mut self, leg: Place, source: Option<SocketAddr>);
}

/// A datagram came.
pub(super) struct Came {
    pub place: Place,
    pub component: Component,
    pub from: SocketAddr,
    /// So much of the buffer.
    pub bytes: usize,
}

/// The sockets of a thread's legs, by the legs' indices.
#[derive(Default)]
pub(super) struct Sockets {
    legs: Vec<Option<(Place, UdpPair)>>,
}

impl Sockets {
    pub fn put(&mut self, place: Place, pair: UdpPair) -> &UdpPair {
        let index = place.index as usize;
        if self.legs.len() <= index {
            self.legs.resize_with(index + 1, || None);
        }
        &self.legs[index].insert((place, pair)).1
    }

    pub fn take(&mut self, place: Place) -> Option<UdpPair> {
        self.legs.get_mut(place.index as usize)?.take().map(|(_, pair)| pair)
    }

    #[inline]
    pub fn of(&self, place: Place) -> Option<&UdpPair> {
        self.legs.get(place.index as usize)?.as_ref().map(|(_, pair)| pair)
    }

    pub fn of_mut(&mut self, place: Place) -> Option<&mut UdpPair> {
        self.legs.get_mut(place.index as usize)?.as_mut().map(|(_, pair)| pair)
    }

    /// Whose socket a token means.
    #[inline]
    pub fn by_token(&self, token: u64) -> Option<(Place, Component, &UdpPair)> {
        let (place, pair) = self.legs.get((token >> 1) as usize)?.as_ref()?;
        Some((*place, if token & 1 == 0 { Component::Rtp } else { Component::Rtcp }, pair))
    }
}

/// What the kernel is told of a socket: twice the leg's index, and one more for RTCP.
#[inline]
pub(super) fn token(place: Place, component: Component) -> u64 {
    u64::from(place.index) << 1 | u64::from(component == Component::Rtcp)
}

/// By epoll: one receive for each readiness and never until `EAGAIN`, as a leg's socket has one packet every 20 ms and a
/// second read would be wasted. Level-triggered: what is left is reported again.
pub(super) struct Polled {
    epoll: OwnedFd,
    sockets: Sockets,
    ready: Vec<epoll::Event>,
    served: usize,
    rang: bool,
    counts: Arc<Counts>,
}

impl Polled {
    /// What tells of the bell and shall tell of the sockets.
    pub fn watch(bell: BorrowedFd) -> io::Result<OwnedFd> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, bell, epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
        Ok(epoll)
    }

    pub fn new(epoll: OwnedFd, counts: Arc<Counts>) -> Polled {
        Polled {
            epoll,
            sockets: Sockets::default(),
            ready: Vec::with_capacity(READY_MAX),
            served: 0,
            rang: false,
            counts,
        }
    }
}

impl Net for Polled {
    fn open(&mut self, place: Place, pair: UdpPair) -> io::Result<()> {
        let pair = self.sockets.put(place, pair);
        for (socket, component) in [(&pair.rtp, Component::Rtp), (&pair.rtcp, Component::Rtcp)] {
            let data = epoll::EventData::new_u64(token(place, component));
            epoll::add(&self.epoll, socket, data, epoll::EventFlags::IN)?;
        }
        Ok(())
    }

    fn close(&mut self, place: Place) {
        self.sockets.take(place);
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.ready.clear();
        self.served = 0;
        let timeout =
            timeout.map(|wait| Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() });
        match epoll::wait(&self.epoll, spare_capacity(&mut self.ready), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    #[inline]
    fn next(&mut self, datagram: &mut [u8]) -> Option<Came> {
        while let Some(event) = self.ready.get(self.served) {
            self.served += 1;
            let Some((place, component, pair)) = self.sockets.by_token(event.data.u64()) else {
                self.rang |= event.data.u64() == BELL;
                continue;
            };
            match pair.of(component).recv_from(datagram) {
                Ok((bytes, from)) => return Some(Came { place, component, from, bytes }),
                // Receiving has taken the error off the socket, so it does not come back at once.
                Err(_) => self.counts.receive_failed(),
            }
        }
        None
    }

    fn rang(&mut self) -> bool {
        std::mem::take(&mut self.rang)
    }

    #[inline]
    fn send(&mut self, from: Place, component: Component, to: SocketAddr, bytes: &[u8]) {
        let Some(pair) = self.sockets.of(from) else { return };
        if pair.send(component, bytes, to).is_err() {
            self.counts.send_failed(); // as if the network had lost it
        }
    }

    fn hear_only(&mut self, leg: Place, source: Option<SocketAddr>) {
        if let Some(pair) = self.sockets.of_mut(leg) {
            pair.hear_only(source);
        }
    }
}

/// No leg's token.
pub(super) const BELL: u64 = u64::MAX;
const READY_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::sync::atomic::Ordering;
    use std::thread;

    use base::LegId;
    use rustix::event::{EventfdFlags, eventfd};

    use super::super::media_ring::Ring;
    use super::*;

    struct Room {
        net: Box<dyn Net>,
        counts: Arc<Counts>,
        bell: OwnedFd,
    }

    /// One for each way the kernel lets us.
    fn rooms() -> Vec<Room> {
        let room = |by_ring: bool| {
            let (bell, counts) = (eventfd(0, EventfdFlags::NONBLOCK).unwrap(), Arc::<Counts>::default());
            let net: Box<dyn Net> = if by_ring {
                Box::new(Ring::new(bell.as_fd(), counts.clone()).unwrap())
            } else {
                Box::new(Polled::new(Polled::watch(bell.as_fd()).unwrap(), counts.clone()))
            };
            Room { net, counts, bell }
        };
        [false, true].into_iter().filter(|by_ring| !by_ring || Ring::is_there()).map(room).collect()
    }

    fn place(leg: u64, index: u32) -> Place {
        Place { leg: LegId(leg), index }
    }

    fn phone() -> UdpSocket {
        let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
        phone.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        phone
    }

    impl Room {
        /// A leg that hears a phone of its own only.
        fn leg(&mut self, place: Place) -> (SocketAddr, UdpSocket) {
            let (pair, phone) = (UdpPair::on_loopback().unwrap(), phone());
            let local = pair.rtp.local_addr().unwrap();
            self.net.open(place, pair).unwrap();
            self.net.hear_only(place, Some(phone.local_addr().unwrap()));
            self.net.wait(Some(Duration::ZERO)).unwrap();
            (local, phone)
        }

        /// Looks at what comes until so many datagrams have, or nothing more does.
        fn come(&mut self, many: usize, mut look: impl FnMut(Came, &[u8])) -> usize {
            let (mut datagram, mut come) = ([0; 2048], 0);
            while come < many {
                self.net.wait(Some(Duration::from_secs(5))).unwrap();
                let before = come;
                while let Some(came) = self.net.next(&mut datagram) {
                    let bytes = came.bytes;
                    look(came, &datagram[..bytes]);
                    come += 1;
                }
                if come == before {
                    break;
                }
            }
            come
        }
    }

    #[test]
    fn more_than_all_buffers_hold_comes_whole_and_in_order() {
        for mut room in rooms() {
            let legs: Vec<_> = (0..10).map(|index| room.leg(place(u64::from(index), index))).collect();
            for round in 0..3_u8 {
                for nth in 0..60_u8 {
                    for (local, phone) in &legs {
                        phone.send_to(&[round, nth], local).unwrap();
                    }
                }
                let mut nexts = [0; 10];
                let come = room.come(600, |came, bytes| {
                    let next: &mut u8 = &mut nexts[came.place.index as usize];
                    assert_eq!((bytes, came.component), (&[round, *next][..], Component::Rtp));
                    *next += 1;
                });
                assert_eq!((come, nexts), (600, [60; 10]));
            }
            assert_eq!(room.counts.receives_failed.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn a_leg_that_closes_has_said_all_and_leaves_nothing_to_the_next() {
        for mut room in rooms() {
            let (other_local, other) = room.leg(place(0, 0));
            for turn in 0..20 {
                let (local, phone) = room.leg(place(2 * turn + 1, 1));
                // Some has been taken from the socket when the leg closes, some has not.
                for _ in 0..40 {
                    phone.send_to(&[66], local).unwrap();
                    other.send_to(&[1], other_local).unwrap();
                }
                room.net.wait(Some(Duration::from_secs(5))).unwrap();
                for _ in 0..40 {
                    phone.send_to(&[66], local).unwrap();
                }
                let many = 150_u8; // more than are queued at once
                for nth in 0..many {
                    room.net.send(place(2 * turn + 1, 1), Component::Rtp, phone.local_addr().unwrap(), &[nth]);
                }
                room.net.close(place(2 * turn + 1, 1));
                assert!(UdpSocket::bind(local).is_ok(), "the port is free");
                let mut heard = [0; 4];
                (0..many).for_each(|nth| assert_eq!((phone.recv(&mut heard).unwrap(), heard[0]), (1, nth)));

                let next = place(2 * turn + 2, 1);
                let (local, phone) = room.leg(next);
                phone.send_to(&[2], local).unwrap();
                let come = room.come(41, |came, bytes| {
                    assert_eq!(bytes, if came.place == next { [2] } else { [1] }, "{:?}", came.place);
                });
                assert_eq!(come, 41);
                room.net.close(next);
            }
            assert_eq!(room.counts.sends_failed.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn a_bell_that_rings_while_a_leg_closes_ends_the_next_wait() {
        for mut room in rooms() {
            room.leg(place(0, 0));
            rustix::io::write(&room.bell, &1_u64.to_ne_bytes()).unwrap();
            room.net.close(place(0, 0));
            room.net.wait(None).unwrap();
            assert!(room.net.next(&mut [0; 64]).is_none() && room.net.rang());
        }
    }

    #[test]
    fn a_datagram_of_any_length_is_cut_to_what_is_taken() {
        for mut room in rooms() {
            let (local, phone) = room.leg(place(0, 0));
            for length in [0, 1, 11, 12, 1500, 2047, 2048, 2049, 9000, 60_000] {
                phone.send_to(&vec![7; length], local).unwrap();
                let come = room.come(1, |came, bytes| {
                    assert_eq!((bytes.len(), came.from), (length.min(2048), phone.local_addr().unwrap()));
                    assert!(bytes.iter().all(|byte| *byte == 7));
                });
                assert_eq!(come, 1, "{length} bytes");
                room.net.send(place(0, 0), Component::Rtp, phone.local_addr().unwrap(), &vec![8; length.min(2048)]);
                room.net.wait(Some(Duration::ZERO)).unwrap();
                assert_eq!(phone.recv(&mut [0; 4096]).unwrap(), length.min(2048));
            }
        }
    }

    #[test]
    fn the_bell_is_heard_and_nothing_else_ends_the_wait() {
        for mut room in rooms() {
            room.net.wait(Some(Duration::from_millis(1))).unwrap();
            assert!(!room.net.rang());
            for _ in 0..3 {
                rustix::io::write(&room.bell, &1_u64.to_ne_bytes()).unwrap();
                room.net.wait(None).unwrap();
                assert!(room.net.next(&mut [0; 64]).is_none());
                assert!(room.net.rang() && !room.net.rang());
                rustix::io::read(&room.bell, &mut [0; 8]).unwrap();
            }
            let bell = room.bell.try_clone().unwrap();
            let ringer = thread::spawn(move || rustix::io::write(&bell, &1_u64.to_ne_bytes()).unwrap());
            while !room.net.rang() {
                room.net.wait(None).unwrap();
                assert!(room.net.next(&mut [0; 64]).is_none());
            }
            ringer.join().unwrap();
        }
    }
}
