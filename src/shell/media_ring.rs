//! The network of one media thread by io_uring: receives stand for ever, and one call a wake-up takes all that came and
//! sends all that goes.
//!
//! Where it stands: chosen at start where the kernel has it and lets us ([`Ring::is_there`]; containers often do not), else
//! there is [`Polled`](super::media_net::Polled), which does the same.
//!
//! What it does: each socket has one receive (`recvmsg`, multishot) that fills buffers of a pool all sockets share. What a
//! connected socket sends is copied to a slot and goes with the next wait; what must name its address (a NAT being learned, a
//! browser, RTCP) is sent at once, by a call of its own. `unsafe` stands here and in `memory` alone: what the kernel reads and
//! writes lies in memory that `Ring` owns, never moves, and gives up after the ring.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use io_uring::types::{BufRingEntry, CancelBuilder, Fd, RecvMsgOut, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use media::{Component, Place};

use super::media_net::{BELL, Came, Net, Sockets, token};
use super::media_threads::Counts;
use super::udp_pair::UdpPair;

/// One thread's ring, and all the memory the kernel knows of.
pub(super) struct Ring {
    ring: IoUring,
    /// What receives fill, and the ring by which they are given back.
    buffers: Box<[[u8; BUFFER_BYTES]]>,
    pool: Box<Pool>,
    given: u16,
    /// How receives lay out an address and a datagram.
    header: Box<libc::msghdr>,
    /// What is being sent.
    slots: Box<[Slot]>,
    free: Vec<u16>,
    sockets: Sockets,
    bell: RawFd,
    rang: bool,
    came: Vec<Filled>,
    served: usize,
    /// Receives that have ended and shall stand again.
    ended: Vec<u64>,
    counts: Arc<Counts>,
}

#[repr(C, align(4096))]
struct Pool([BufRingEntry; BUFFERS as usize]);

struct Slot {
    from: Place,
    bytes: usize,
    datagram: [u8; SLOT_BYTES],
}

/// A buffer the kernel has filled.
struct Filled {
    token: u64,
    buffer: u16,
    bytes: usize,
}

impl Ring {
    /// Whether the kernel has all that is needed and lets us: datagrams are sent and received. On a thread of its own, for
    /// what the kernel clears away after a ring interrupts the calls of the thread that had it.
    pub fn is_there() -> bool {
        thread::spawn(Ring::try_out).join().is_ok_and(|tried| tried.unwrap_or(false))
    }

    fn try_out() -> io::Result<bool> {
        let bell = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC)?;
        let mut ring = Ring::new(std::os::fd::AsFd::as_fd(&bell), Arc::default())?;
        let phone = UdpSocket::bind("127.0.0.1:0")?;
        let pair = UdpPair::on_loopback()?;
        let (local, place) = (pair.rtp.local_addr()?, Place { leg: base::LegId(0), index: 0 });
        ring.open(place, pair)?;
        ring.hear_only(place, Some(phone.local_addr()?));
        phone.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut datagram = [0; 64];
        for _ in 0..2 {
            // Twice: the receive must stand on.
            phone.send_to(&[1, 2, 3], local)?;
            ring.wait(Some(Duration::from_secs(1)))?;
            let Some(came) = ring.next(&mut datagram) else { return Ok(false) };
            ring.send(place, Component::Rtp, came.from, &datagram[..came.bytes]);
            ring.wait(Some(Duration::ZERO))?;
            if phone.recv(&mut [0; 64])? != 3 {
                return Ok(false);
            }
        }
        ring.close(place);
        Ok(ring.ended.is_empty() && UdpSocket::bind(local).is_ok())
    }

    pub fn new(bell: BorrowedFd, counts: Arc<Counts>) -> io::Result<Ring> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        // SAFETY: all zero is a header without address, data and control.
        let mut header: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        header.msg_namelen = ADDRESS_BYTES as u32;
        // SAFETY: all zero is an empty entry.
        let pool: Box<Pool> = Box::new(unsafe { std::mem::zeroed() });
        let slot = || Slot { from: Place { leg: base::LegId(0), index: 0 }, bytes: 0, datagram: [0; SLOT_BYTES] };
        let mut ring = Ring {
            ring,
            buffers: vec![[0; BUFFER_BYTES]; BUFFERS.into()].into_boxed_slice(),
            pool,
            given: 0,
            header,
            slots: (0..SLOTS).map(|_| slot()).collect(),
            free: (0..SLOTS).collect(),
            sockets: Sockets::default(),
            bell: bell.as_raw_fd(),
            rang: false,
            came: Vec::with_capacity(BUFFERS.into()),
            served: 0,
            ended: vec![BELL],
            counts,
        };
        let address = ring.pool.0.as_ptr() as u64;
        // SAFETY: `pool` is page-aligned, has as many entries as said, and stands as long as the ring.
        unsafe { ring.ring.submitter().register_buf_ring_with_flags(address, BUFFERS, POOL, 0)? };
        (0..BUFFERS).for_each(|buffer| ring.give(buffer));
        Ok(ring)
    }

    /// A buffer may be filled (again).
    #[inline]
    fn give(&mut self, buffer: u16) {
        let Some(bytes) = self.buffers.get_mut(usize::from(buffer)) else { return };
        let entry = &mut self.pool.0[usize::from(self.given % BUFFERS)];
        entry.set_addr(bytes.as_mut_ptr() as u64);
        entry.set_len(BUFFER_BYTES as u32);
        entry.set_bid(buffer);
        self.given = self.given.wrapping_add(1);
        // SAFETY: the tail lies in the first entry, where nothing else of ours is written; the kernel reads it as we publish
        // it, with release ordering.
        unsafe {
            let tail = BufRingEntry::tail(self.pool.0.as_ptr()).cast::<AtomicU16>();
            (*tail).store(self.given, Ordering::Release);
        }
    }

    /// Puts an entry into the queue, which is handed in when it is full.
    ///
    /// # Safety
    /// What the entry points to stands until its completion was seen.
    #[inline]
    unsafe fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: as the caller says.
        while unsafe { self.ring.submission().push(entry) }.is_err() {
            if self.ring.submit().is_err() {
                self.reap(); // the completions were too many
            }
        }
    }

    /// A receive stands (again), or the bell is listened to.
    fn stand(&mut self, token: u64) {
        let entry = if token == BELL {
            opcode::PollAdd::new(Fd(self.bell), libc::POLLIN as u32).multi(true).build()
        } else {
            let Some((_, component, pair)) = self.sockets.by_token(token) else { return };
            let header: *const libc::msghdr = &*self.header;
            opcode::RecvMsgMulti::new(Fd(pair.of(component).as_raw_fd()), header, POOL).build()
        };
        // SAFETY: `header` and the pool stand as long as the ring; sockets are closed only after their receives have ended.
        unsafe { self.push(&entry.user_data(token)) };
    }

    /// Look at all that is completed.
    fn reap(&mut self) {
        let Ring { ring, slots, free, sockets, came, ended, rang, counts, .. } = self;
        for completion in ring.completion() {
            let (token, result) = (completion.user_data(), completion.result());
            if token & SENT != 0 && token != BELL {
                let slot = (token ^ SENT) as u16;
                free.push(slot);
                if result < 0 {
                    // About an earlier packet, mostly: this one has not gone yet.
                    let slot = &slots[usize::from(slot)];
                    let sent = sockets.of(slot.from).map(|pair| pair.rtp.send(&slot.datagram[..slot.bytes]));
                    if sent.is_none_or(|sent| sent.is_err()) {
                        counts.send_failed();
                    }
                }
                continue;
            }
            *rang |= token == BELL;
            let flags = completion.flags();
            if let (Some(buffer), Ok(bytes)) = (cqueue::buffer_select(flags), usize::try_from(result)) {
                came.push(Filled { token, buffer, bytes });
            } else if result < 0 && token != CANCELLED && ![-libc::ECANCELED, -libc::ENOBUFS].contains(&result) {
                counts.receive_failed();
            }
            if !cqueue::more(flags) && token != CANCELLED {
                ended.push(token);
            }
        }
    }

    /// Hand in what is queued, and wait for as much as is being sent, and `more` things beyond.
    fn enter(&mut self, more: usize, timeout: Option<Duration>) -> io::Result<()> {
        let want = usize::from(SLOTS) - self.free.len() + more;
        let timeout = timeout.map(|wait| Timespec::new().sec(wait.as_secs()).nsec(wait.subsec_nanos()));
        let done = match &timeout {
            Some(timeout) => self.ring.submitter().submit_with_args(want, &SubmitArgs::new().timespec(timeout)),
            None => self.ring.submitter().submit_and_wait(want),
        };
        self.reap();
        match done {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// All that was to be sent has gone.
    fn flush(&mut self) {
        while self.free.len() < SLOTS.into() && self.enter(0, None).is_ok() {}
    }

    fn receives_of(place: Place) -> [u64; 2] {
        [Component::Rtp, Component::Rtcp].map(|component| token(place, component))
    }
}

impl Net for Ring {
    fn open(&mut self, place: Place, pair: UdpPair) -> io::Result<()> {
        self.sockets.put(place, pair);
        Ring::receives_of(place).into_iter().for_each(|token| self.stand(token));
        Ok(())
    }

    fn close(&mut self, place: Place) {
        if self.sockets.of(place).is_none() {
            return;
        }
        self.flush();
        // The kernel holds the sockets until their receives have ended, and the next leg with this index has the same tokens.
        let receives = Ring::receives_of(place);
        for token in receives {
            // SAFETY: it points to nothing.
            unsafe { self.push(&opcode::AsyncCancel::new(token).build().user_data(CANCELLED)) };
        }
        let mut standing = receives.len();
        loop {
            self.ended.retain(|ended| {
                let is_one = receives.contains(ended);
                standing -= usize::from(is_one);
                !is_one
            });
            if standing == 0 || self.enter(1, None).is_err() {
                break;
            }
        }
        self.came.drain(..std::mem::take(&mut self.served));
        let is_mine = |filled: &mut Filled| receives.contains(&filled.token);
        let mine: Vec<Filled> = self.came.extract_if(.., is_mine).collect();
        mine.into_iter().for_each(|filled| self.give(filled.buffer));
        self.sockets.take(place);
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.came.drain(..self.served);
        self.served = 0;
        while let Some(token) = self.ended.pop() {
            self.stand(token);
        }
        // The bell may have been heard while something else was waited for: it will not ring again before it is silenced.
        let timeout = if self.came.is_empty() && !self.rang { timeout } else { Some(Duration::ZERO) };
        self.enter(1, timeout)
    }

    #[inline]
    fn next(&mut self, datagram: &mut [u8]) -> Option<Came> {
        while let Some(&Filled { token, buffer, bytes }) = self.came.get(self.served) {
            self.served += 1;
            let leg = self.sockets.by_token(token).map(|(place, component, _)| (place, component));
            let filled = self.buffers.get(usize::from(buffer)).and_then(|buffer| buffer.get(..bytes));
            let came = filled.and_then(|filled| RecvMsgOut::parse(filled, &self.header).ok()).and_then(|message| {
                let payload = message.payload_data();
                let bytes = payload.len().min(datagram.len());
                datagram[..bytes].copy_from_slice(&payload[..bytes]);
                let ((place, component), from) = (leg?, address(message.name_data())?);
                Some(Came { place, component, from, bytes })
            });
            self.give(buffer);
            if came.is_some() {
                return came;
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
        if component == Component::Rtcp || !pair.is_connected_to(to) || bytes.len() > SLOT_BYTES {
            if pair.send(component, bytes, to).is_err() {
                self.counts.send_failed(); // as if the network had lost it
            }
            return;
        }
        let socket = Fd(pair.rtp.as_raw_fd());
        if self.free.is_empty() {
            self.flush();
        }
        let Some(nth) = self.free.pop() else { return self.counts.send_failed() };
        let slot = &mut self.slots[usize::from(nth)];
        slot.datagram[..bytes.len()].copy_from_slice(bytes);
        (slot.from, slot.bytes) = (from, bytes.len());
        let (start, length) = (slot.datagram.as_ptr(), bytes.len() as u32);
        let entry = opcode::Send::new(socket, start, length).flags(libc::MSG_DONTWAIT).build();
        // SAFETY: a slot is written again only when it is free, and it is free once its completion was seen.
        unsafe { self.push(&entry.user_data(SENT | u64::from(nth))) };
    }

    fn hear_only(&mut self, leg: Place, source: Option<SocketAddr>) {
        if self.sockets.of(leg).is_some_and(|pair| pair.is_other(source)) {
            self.flush(); // what is queued was for where it went so far
            if let Some(pair) = self.sockets.of_mut(leg) {
                pair.hear_only(source);
            }
        }
    }
}

impl Drop for Ring {
    /// Nothing is received any more once the memory goes.
    fn drop(&mut self) {
        self.flush();
        let _ = self.ring.submitter().register_sync_cancel(Some(Timespec::new().sec(1)), CancelBuilder::any());
    }
}

/// As the kernel writes a socket's address: the family in our order, the port in the network's.
fn address(name: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*name.first_chunk()?);
    let port = u16::from_be_bytes(*name.get(2..)?.first_chunk()?);
    let ip = match i32::from(family) {
        libc::AF_INET => IpAddr::from(*name.get(4..)?.first_chunk::<4>()?),
        libc::AF_INET6 => {
            let flow = u32::from_ne_bytes(*name.get(4..)?.first_chunk()?);
            let ip = *name.get(8..)?.first_chunk::<16>()?;
            let scope = u32::from_ne_bytes(*name.get(24..)?.first_chunk()?);
            return Some(std::net::SocketAddrV6::new(ip.into(), port, u32::from_be(flow), scope).into());
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Buffers that wait to be filled: more than come between two wake-ups.
const BUFFERS: u16 = 256;
/// What precedes a datagram in its buffer: the kernel's words on it, and room for an address.
const HEAD_BYTES: usize = 16 + ADDRESS_BYTES;
const ADDRESS_BYTES: usize = 28;
/// More than any path carries in one piece.
const BUFFER_BYTES: usize = HEAD_BYTES + 2048;
const SLOTS: u16 = 128;
const SLOT_BYTES: usize = 1500;
const SUBMISSIONS: u32 = 1024;
const COMPLETIONS: u32 = 8192;
/// The one pool of buffers.
const POOL: u16 = 0;
/// Tokens that are no leg's: what was sent (with its slot), and the end of a cancellation.
const SENT: u64 = 1 << 62;
const CANCELLED: u64 = (1 << 62) - 1;

#[cfg(test)]
mod tests {
    use super::super::super::conf::MediaNet;
    use super::super::media_threads::Way;
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let v4 = [&(libc::AF_INET as u16).to_ne_bytes()[..], &[0x13, 0xc4, 192, 0, 2, 7], &[0; 8]].concat();
        assert_eq!(address(&v4), "192.0.2.7:5060".parse().ok());
        let ip: std::net::Ipv6Addr = "2001:db8::9".parse().unwrap();
        let v6 =
            [&(libc::AF_INET6 as u16).to_ne_bytes()[..], &[0x13, 0xc4, 0, 0, 0, 0], &ip.octets(), &[0; 4]].concat();
        assert_eq!(address(&v6), "[2001:db8::9]:5060".parse().ok());
        for length in 0..v6.len() {
            assert_eq!(address(&v6[..length]), None);
        }
        assert_eq!(address(&[0; 28]), None);
    }

    #[test]
    fn a_kernel_that_refuses_is_found_out() {
        // As container engines do: the call that makes a ring is answered with an error, for this thread and its children.
        let refused = thread::spawn(|| {
            let rule = |code: u32, k: u32, jt: u8| libc::sock_filter { code: code as u16, jt, jf: 0, k };
            let mut rules = [
                rule(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0), // the call's number
                libc::sock_filter { jf: 1, ..rule(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, SETUP_CALL, 0) },
                rule(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0),
                rule(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0),
            ];
            let program = libc::sock_fprog { len: rules.len() as u16, filter: rules.as_mut_ptr() };
            // SAFETY: the program lies on this stack while the kernel copies it.
            let refuses = unsafe {
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                    && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
            };
            refuses.then(|| (Way::of(MediaNet::Auto), Way::of(MediaNet::IoUring), Way::of(MediaNet::Epoll)))
        });
        if let Some(ways) = refused.join().unwrap() {
            assert_eq!(ways, (Some(Way::Epoll), None, Some(Way::Epoll)));
        }
    }

    /// `io_uring_setup`, on every architecture.
    const SETUP_CALL: u32 = 425;
}
