//! The media threads: each owns a [`Patchbay`] and the sockets of its legs, and shares nothing.
//!
//! Where it stands: the switch's media commands come in by [`MediaThreads::command`]; which thread a leg lives on is the
//! switch's choice (both legs of a call on the same one). Events and clips leave by the closures given at the start.
//!
//! What it does per packet: one receive, one look at the patchbay, one send, by whichever `Net` the kernel allows. It
//! decides nothing.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use audio::Clip;
use base::{Random, RecordingId, Time};
use media::{Channel, Command, Component, Event, Exit, Identity, MediaLimits, Patchbay, Place};
use rustix::event::{EventfdFlags, eventfd};
use tracing::warn;

use super::super::conf::MediaNet;
use super::clock::Clock;
use super::media_net::{Came, Net, Polled};
use super::media_ring::Ring;
use super::udp_pair::UdpPair;

/// The handles of all media threads. Dropping it is [`stop`](Self::stop).
pub struct MediaThreads {
    threads: Vec<Handle>,
    counts: Arc<Counts>,
}

/// What went wrong without anybody being told, over all threads.
#[derive(Debug, Default)]
pub struct Counts {
    /// Datagrams the system did not take.
    pub sends_failed: AtomicU64,
    /// Receives that ended in an error, such as an ICMP refusal of what we sent.
    pub receives_failed: AtomicU64,
    /// Clips the recorder did not take.
    pub clips_lost: AtomicU64,
}

impl Counts {
    pub(super) fn send_failed(&self) {
        self.sends_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn receive_failed(&self) {
        self.receives_failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// By which calls of the system media threads receive and send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// One for each datagram: every kernel has them.
    Epoll,
    /// Many at a time.
    IoUring,
}

impl Way {
    /// As the conf says; none: the kernel refuses it.
    pub fn of(said: MediaNet) -> Option<Way> {
        match said {
            MediaNet::Epoll => Some(Way::Epoll),
            MediaNet::IoUring => Ring::is_there().then_some(Way::IoUring),
            MediaNet::Auto => Some(if Ring::is_there() { Way::IoUring } else { Way::Epoll }),
        }
    }

    /// For the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Way::Epoll => "epoll",
            Way::IoUring => "io_uring",
        }
    }
}

struct Handle {
    commands: SyncSender<Command>,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl MediaThreads {
    /// Start `n` threads (at least one) that receive and send in this way. `clock` is the switch's own, so that both mean the
    /// same moments; `identity` is what browsers are shown.
    ///
    /// `events` and `clips` are called on the media threads and must not block; `clips` says whether the recorder took
    /// it.
    pub fn start(
        (n, way): (usize, Way),
        limits: MediaLimits,
        (clock, mut random, identity): (Clock, Random, Arc<Identity>),
        events: impl Fn(Event) + Send + Clone + 'static,
        clips: impl Fn(RecordingId, Channel, Clip) -> bool + Send + Clone + 'static,
    ) -> io::Result<MediaThreads> {
        let counts = Arc::new(Counts::default());
        let threads = (0..n.max(1)).map(|nth| {
            let (sender, commands) = sync_channel(COMMANDS_MAX);
            let bell = Arc::new(Bell::new()?);
            let epoll = Polled::watch(bell.fd.as_fd())?;
            let patchbay = Patchbay::new(limits.clone(), random.fork()).with_identity(identity.clone());
            let (dscp, own_bell) = (limits.dscp, bell.clone());
            let (events, clips, counts) = (events.clone(), clips.clone(), counts.clone());
            let thread = thread::Builder::new().name(format!("media-{nth}")).spawn(move || {
                // A ring belongs to the thread that made it.
                let ring = (way == Way::IoUring).then(|| Ring::new(own_bell.fd.as_fd(), counts.clone()));
                if let Some(Err(why)) = &ring {
                    warn!("this media thread goes by epoll, for its io_uring is refused: {why}");
                }
                match ring {
                    Some(Ok(net)) => {
                        let world = World { net, events, clips, counts };
                        MediaThread { patchbay, dscp, clock, bell: own_bell, commands, world }.run();
                    }
                    _ => {
                        let net = Polled::new(epoll, counts.clone());
                        let world = World { net, events, clips, counts };
                        MediaThread { patchbay, dscp, clock, bell: own_bell, commands, world }.run();
                    }
                }
            })?;
            Ok(Handle { commands: sender, bell, thread: Some(thread) })
        });
        Ok(MediaThreads { threads: threads.collect::<io::Result<_>>()?, counts: counts.clone() })
    }

    /// How many there are: threads are named 0 to one less.
    pub fn len(&self) -> usize {
        self.threads.len()
    }

    /// Never: there is at least one.
    pub fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Tell a thread. Waits if it has fallen thousands of commands behind.
    pub fn command(&self, thread: usize, command: Command) {
        let handle = &self.threads[thread % self.threads.len()];
        // Refused only by a thread that has ended, with all its legs.
        if handle.commands.send(command).is_ok() {
            handle.bell.ring();
        }
    }

    /// What was lost on the way.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Close every leg (each ends in `Closed`, tapped ones give up what they gathered), and wait for the threads.
    pub fn stop(self) {}
}

impl Drop for MediaThreads {
    fn drop(&mut self) {
        for handle in &self.threads {
            handle.bell.stop.store(true, Ordering::Release);
            handle.bell.ring();
        }
        for handle in &mut self.threads {
            // A thread that panicked has said so itself.
            let _ = handle.thread.take().map(JoinHandle::join);
        }
    }
}

/// Wakes a thread; one system call however many commands follow before it wakes.
struct Bell {
    fd: OwnedFd,
    rung: AtomicBool,
    stop: AtomicBool,
}

impl Bell {
    fn new() -> io::Result<Bell> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Bell { fd, rung: AtomicBool::new(false), stop: AtomicBool::new(false) })
    }

    fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes()); // fails only where it has rung 2^64 times
        }
    }

    /// To be called before the commands are taken, so that one that comes meanwhile rings again.
    fn silence(&self) {
        let _ = rustix::io::read(&self.fd, &mut [0; 8]);
        self.rung.swap(false, Ordering::AcqRel);
    }
}

struct MediaThread<N, E, C> {
    patchbay: Patchbay,
    dscp: u8,
    clock: Clock,
    bell: Arc<Bell>,
    commands: Receiver<Command>,
    world: World<N, E, C>,
}

/// What the patchbay's output is performed with.
struct World<N, E, C> {
    net: N,
    events: E,
    clips: C,
    counts: Arc<Counts>,
}

impl<N: Net, E: Fn(Event), C: Fn(RecordingId, Channel, Clip) -> bool> MediaThread<N, E, C> {
    fn run(&mut self) {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        let mut behind = false; // more commands wait than one turn takes
        while !self.bell.stop.load(Ordering::Acquire) {
            let timeout = if behind { Some(Duration::ZERO) } else { self.timeout() };
            if let Err(error) = self.world.net.wait(timeout) {
                panic!("waiting failed, which only a bug of ours can cause: {error}");
            }
            // The time is read once for all that has come.
            let now = self.clock.now();
            while let Some(came) = self.world.net.next(&mut datagram) {
                self.receive(&came, &mut datagram[..came.bytes], now);
            }
            if self.world.net.rang() {
                self.bell.silence();
            }
            // Commands after packets: nothing of this turn can mean a socket that was closed or made in it.
            behind = self.obey(now);
            if self.patchbay.deadline().is_some_and(|deadline| deadline <= now) {
                self.patchbay.tick(now, &mut self.world);
            }
        }
        let now = self.clock.now();
        while self.obey(now) {} // what was said before the end
        for place in self.patchbay.places() {
            self.world.net.close(place);
        }
        self.patchbay.close_all(&mut self.world);
    }

    fn receive(&mut self, came: &Came, datagram: &mut [u8], now: Time) {
        // A fault of ours over one packet ends that leg's call; the thread and its other legs go on.
        let handled = catch_unwind(AssertUnwindSafe(|| {
            self.patchbay.packet_at(came.place, came.component, came.from, datagram, now, &mut self.world);
        }));
        if handled.is_err() {
            self.world.event(Event::Fault { leg: came.place.leg });
        }
    }

    /// Take some commands; true if there may be more.
    fn obey(&mut self, now: Time) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            match self.commands.try_recv() {
                Ok(Command::Open { leg, local }) => self.open(leg, local, now),
                Ok(Command::Move { leg, local }) => self.moves(leg, local, now),
                Ok(Command::Close { leg }) => self.close(leg, now),
                Ok(command) => self.patchbay.command(command, now, &mut self.world),
                Err(_) => return false,
            }
        }
        true
    }

    fn open(&mut self, leg: base::LegId, local: SocketAddr, now: Time) {
        if self.patchbay.place(leg).is_some() {
            return;
        }
        let Ok(pair) = UdpPair::bind(local, self.dscp) else {
            return self.world.event(Event::PortTaken { leg, local });
        };
        self.patchbay.command(Command::Open { leg, local }, now, &mut self.world);
        let Some(place) = self.patchbay.place(leg) else { return };
        if self.world.net.open(place, pair).is_err() {
            // The system watches no more sockets: the same to the call as having no port.
            self.world.event(Event::PortTaken { leg, local });
            self.close(leg, now);
        }
    }

    /// Other sockets, for the same leg.
    fn moves(&mut self, leg: base::LegId, local: SocketAddr, now: Time) {
        let Some(place) = self.patchbay.place(leg) else { return };
        self.world.net.close(place);
        let moved = UdpPair::bind(local, self.dscp).and_then(|pair| self.world.net.open(place, pair));
        self.patchbay.command(Command::Move { leg, local }, now, &mut self.world);
        if moved.is_err() {
            self.world.event(Event::PortTaken { leg, local });
            self.close(leg, now);
        }
    }

    /// The port is free before anybody hears that it is.
    fn close(&mut self, leg: base::LegId, now: Time) {
        if let Some(place) = self.patchbay.place(leg) {
            self.world.net.close(place);
        }
        self.patchbay.command(Command::Close { leg }, now, &mut self.world);
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.patchbay.deadline()?.since(self.clock.now()))
    }
}

impl<N: Net, E: Fn(Event), C: Fn(RecordingId, Channel, Clip) -> bool> Exit for World<N, E, C> {
    #[inline]
    fn send(&mut self, from: Place, component: Component, to: SocketAddr, bytes: &[u8]) {
        self.net.send(from, component, to, bytes);
    }

    fn hears_only(&mut self, leg: Place, source: Option<SocketAddr>) {
        self.net.hear_only(leg, source);
    }

    fn event(&mut self, event: Event) {
        (self.events)(event);
    }

    fn tapped(&mut self, recording: RecordingId, channel: Channel, clip: Clip) {
        if !(self.clips)(recording, channel, clip) {
            self.counts.clips_lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// More than any path carries in one piece.
const DATAGRAM_BYTES_MAX: usize = 2048;
const COMMANDS_MAX: usize = 4096;
/// So that a burst of set-ups does not hold up the packets.
const COMMANDS_PER_TURN: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::atomic::AtomicU16;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use audio::{Codec, Encoding, Sound};
    use base::{CallId, LegId};
    use media::StreamConf;

    use super::*;

    const A: LegId = LegId(1);
    const B: LegId = LegId(2);

    /// Two phones, their legs wired, and what the threads say.
    struct Room {
        threads: MediaThreads,
        events: Receiver<Event>,
        clips: Receiver<(Channel, Clip)>,
        phones: [UdpSocket; 2],
        legs: [SocketAddr; 2],
        clock: Clock,
    }

    fn phone(host: &str) -> UdpSocket {
        let socket = UdpSocket::bind((host, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    }

    /// An address whose port and the one above are free, and no other test's: below those the system hands out.
    fn free_pair(host: &str) -> SocketAddr {
        static NEXT: AtomicU16 = AtomicU16::new(23_000);
        loop {
            let port = NEXT.fetch_add(2, Ordering::Relaxed);
            if let (Ok(below), Ok(_)) = (UdpSocket::bind((host, port)), UdpSocket::bind((host, port + 1))) {
                return below.local_addr().unwrap();
            }
        }
    }

    /// What the kernel lets us do here; all of it does the same.
    fn ways() -> Vec<Way> {
        [MediaNet::Epoll, MediaNet::IoUring].into_iter().filter_map(Way::of).collect()
    }

    fn room(host: &str, way: Way) -> Room {
        let (said, events) = channel();
        let (tapped, clips) = channel();
        let clock = Clock::start();
        let threads = MediaThreads::start(
            (1, way),
            MediaLimits::default(),
            (clock, Random::numbered(1), super::super::identity::identity(clock).unwrap()),
            move |event| drop(said.send(event)),
            move |_, channel, clip| tapped.send((channel, clip)).is_ok(),
        );
        let (phones, legs) = ([phone(host), phone(host)], [free_pair(host), free_pair(host)]);
        let room = Room { threads: threads.unwrap(), events, clips, phones, legs, clock };
        for (leg, i) in [(A, 0), (B, 1)] {
            room.threads.command(0, Command::Open { leg, local: room.legs[i] });
            room.threads.command(0, Command::Connect { leg, stream: Box::new(stream(&room.phones[i])) });
        }
        room
    }

    fn stream(phone: &UdpSocket) -> StreamConf {
        let remote = phone.local_addr().unwrap();
        StreamConf {
            remote,
            remote_rtcp: SocketAddr::new(remote.ip(), remote.port() + 1),
            rtcp_mux: false,
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: Some(101),
            telephone_event_rate: 8000,
            ptime_ms: 20,
            sends: true,
            receives: true,
            learn: None,
            security: media::Security::Open,
        }
    }

    fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 12];
        packet.extend_from_slice(payload);
        rtp::write_header(&mut packet, 0, sequence, u32::from(sequence) * 160, 77, false);
        packet
    }

    fn heard(phone: &UdpSocket) -> Vec<u8> {
        let mut bytes = [0; 2000];
        let (length, _) = phone.recv_from(&mut bytes).expect("nothing was heard");
        bytes[12..length].to_vec()
    }

    /// Says one packet until it is heard: commands and packets come by different ways.
    fn until_heard(from: &UdpSocket, leg: SocketAddr, to: &UdpSocket) {
        to.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let through = (1..100).any(|n| {
            from.send_to(&packet(n, &[7; 160]), leg).unwrap();
            to.recv_from(&mut [0; 2000]).is_ok()
        });
        assert!(through);
        while to.recv_from(&mut [0; 2000]).is_ok() {}
        to.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    }

    #[test]
    fn two_phones_hear_each_other_over_both_address_families() {
        for (host, way) in
            ["127.0.0.1", "::1"].into_iter().flat_map(|host| ways().into_iter().map(move |way| (host, way)))
        {
            if UdpSocket::bind((host, 0)).is_err() {
                continue; // a machine without IPv6
            }
            let Room { threads, events, phones: [a, b], legs, .. } = room(host, way);
            threads.command(0, Command::Wire { from: A, to: B });
            threads.command(0, Command::Wire { from: B, to: A });
            until_heard(&a, legs[0], &b);
            until_heard(&b, legs[1], &a);
            a.send_to(&packet(100, &[1, 2, 3]), legs[0]).unwrap();
            assert_eq!(heard(&b), [1, 2, 3]);
            threads.command(0, Command::Close { leg: A });
            let Event::Closed { leg: A, stats } = events.recv().unwrap() else { panic!() };
            assert!(stats.packets_received > 1 && stats.packets_sent > 0, "{stats:?}");
            assert!(UdpSocket::bind(legs[0]).is_ok(), "the port is free when its closing is told");
            threads.stop();
            assert!(matches!(events.recv().unwrap(), Event::Closed { leg: B, .. }), "all legs are closed at the end");
        }
    }

    #[test]
    fn a_phone_that_moves_is_heard_from_its_new_place_and_a_stranger_from_none() {
        for way in ways() {
            let Room { threads, events, phones: [a, b], legs, .. } = room("127.0.0.1", way);
            threads.command(0, Command::Wire { from: A, to: B });
            until_heard(&a, legs[0], &b);
            let [moved, stranger] = [phone("127.0.0.1"), phone("127.0.0.1")];
            for n in 0..200 {
                stranger.send_to(&packet(100 + n, &[66; 160]), legs[0]).unwrap();
            }
            a.send_to(&packet(100, &[1]), legs[0]).unwrap();
            assert_eq!(heard(&b), [1]);
            threads.command(0, Command::Connect { leg: A, stream: Box::new(stream(&moved)) });
            until_heard(&moved, legs[0], &b);
            for _ in 0..2 {
                a.send_to(&packet(51, &[66]), legs[0]).unwrap();
                stranger.send_to(&packet(51, &[66]), legs[0]).unwrap();
            }
            moved.send_to(&packet(50, &[2]), legs[0]).unwrap();
            assert_eq!(heard(&b), [2]);
            threads.command(0, Command::Wire { from: A, to: A });
            until_heard(&moved, legs[0], &moved); // and it is spoken to where it is
            threads.stop();
            let closed: Vec<_> = events.try_iter().filter(|event| matches!(event, Event::Closed { .. })).collect();
            assert_eq!(closed.len(), 2);
            for silent in [a, stranger] {
                silent.set_nonblocking(true).unwrap();
                let heard = silent.recv_from(&mut [0; 2000]);
                assert!(heard.is_err(), "{heard:?}");
            }
        }
    }

    #[test]
    fn a_flood_at_one_leg_leaves_the_others_heard_and_ends_without_a_trace() {
        for way in ways() {
            let Room { threads, phones: [a, b], legs, .. } = room("127.0.0.1", way);
            threads.command(0, Command::Wire { from: B, to: B });
            threads.command(0, Command::Wire { from: A, to: B });
            let stranger = phone("127.0.0.1");
            let over = Arc::new(AtomicBool::new(false));
            let flood = {
                let (over, leg) = (over.clone(), legs[0]); // it has not spoken, so anybody reaches us there
                thread::spawn(move || {
                    let mut sent = 0;
                    while sent < 3000 || !over.load(Ordering::Acquire) {
                        let _ = stranger.send_to(&packet(sent as u16, &[66; 160]), leg);
                        sent += 1;
                    }
                })
            };
            until_heard(&b, legs[1], &b);
            over.store(true, Ordering::Release);
            flood.join().unwrap();
            threads.command(0, Command::Unwire { from: B, to: B });
            until_heard(&a, legs[0], &b);
            threads.stop();
        }
    }

    #[test]
    fn datagrams_of_any_kind_at_any_port_stop_nothing() {
        for way in ways() {
            let Room { threads, events, phones: [a, b], legs, .. } = room("127.0.0.1", way);
            threads.command(0, Command::Wire { from: A, to: B });
            until_heard(&a, legs[0], &b);
            let (stranger, mut random) = (phone("127.0.0.1"), Random::numbered(7));
            for nth in 0..2000_u16 {
                let mut datagram: Vec<u8> = (0..random.below(1600)).map(|_| random.below(256) as u8).collect();
                if let (true, Some(first)) = (nth % 2 == 0, datagram.first_mut()) {
                    *first = 0x80 | *first & 0x3f; // half of RTP and RTCP
                }
                let to = SocketAddr::new(legs[0].ip(), legs[0].port() + nth % 2);
                let from = if nth % 3 == 0 { &stranger } else { &a };
                from.send_to(&datagram, to).unwrap();
            }
            threads.command(0, Command::Connect { leg: A, stream: Box::new(stream(&a)) });
            b.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            while b.recv(&mut [0; 2000]).is_ok() {}
            until_heard(&a, legs[0], &b);
            threads.stop();
            assert!(events.try_iter().all(|event| !matches!(event, Event::Fault { .. })));
        }
    }

    #[test]
    fn a_phone_behind_nat_is_heard_and_gives_way_to_the_address_of_the_call() {
        for way in ways() {
            let Room { threads, phones: [a, b], legs, .. } = room("127.0.0.1", way);
            let named = phone("127.0.0.1");
            let learn = Some(a.local_addr().unwrap().ip());
            threads.command(0, Command::Connect { leg: A, stream: Box::new(StreamConf { learn, ..stream(&named) }) });
            threads.command(0, Command::Wire { from: A, to: B });
            until_heard(&a, legs[0], &b);
            until_heard(&named, legs[0], &b);
            a.send_to(&packet(100, &[66]), legs[0]).unwrap();
            named.send_to(&packet(100, &[3]), legs[0]).unwrap();
            assert_eq!(heard(&b), [3]);
            threads.stop();
        }
    }

    #[test]
    fn a_phone_that_was_gone_is_spoken_to_again() {
        for way in ways() {
            let Room { threads, phones: [a, b], legs, .. } = room("127.0.0.1", way);
            threads.command(0, Command::Wire { from: A, to: B });
            threads.command(0, Command::Wire { from: B, to: A });
            until_heard(&a, legs[0], &b);
            until_heard(&b, legs[1], &a);
            let address = b.local_addr().unwrap();
            drop(b);
            for n in 0..5 {
                a.send_to(&packet(100 + n, &[1; 160]), legs[0]).unwrap();
            }
            let b = UdpSocket::bind(address).unwrap();
            b.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            a.send_to(&packet(110, &[9]), legs[0]).unwrap();
            while heard(&b) != [9] {} // the first after its return
            threads.stop();
        }
    }

    #[test]
    fn a_sound_is_played_by_the_clock_and_told_when_over() {
        for way in ways() {
            let Room { threads, events, phones: [a, _], .. } = room("127.0.0.1", way);
            let sound = Sound::from_pcm(audio::tone(&[(425.0, -10.0)], 60));
            threads.command(0, Command::Play { leg: A, player: 5, sound: sound.clone().into(), repeat: false });
            let frames: Vec<u8> = (0..3).flat_map(|_| heard(&a)).collect();
            assert_eq!(frames, sound.payload(Codec::Pcmu));
            assert_eq!(events.recv_timeout(Duration::from_secs(5)), Ok(Event::Played { leg: A, player: 5 }));
        }
    }

    #[test]
    fn what_a_tapped_leg_says_reaches_the_recorder() {
        for way in ways() {
            let Room { threads, clips, phones: [a, b], legs, clock, .. } = room("127.0.0.1", way);
            let recording = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
            threads.command(0, Command::Wire { from: A, to: B });
            until_heard(&a, legs[0], &b);
            threads.command(
                0,
                Command::Tap {
                    leg: A,
                    recording,
                    channel: Channel::Left,
                    began: clock.now(),
                    rate: audio::SAMPLE_RATE,
                    beep: None,
                },
            );
            threads.command(0, Command::Unwire { from: A, to: B });
            threads.command(0, Command::Wire { from: A, to: A });
            until_heard(&a, legs[0], &a); // an echo: the tap stands, too
            threads.stop();
            let (channel, clip) = clips.recv().expect("a clip");
            assert_eq!((channel, clip.encoding, clip.payload[0]), (Channel::Left, Encoding::Pcmu, 7));
        }
    }

    #[test]
    fn a_port_in_use_is_told_and_stops_nothing() {
        for way in ways() {
            let Room { threads, events, legs, .. } = room("127.0.0.1", way);
            let leg = LegId(9);
            threads.command(0, Command::Open { leg, local: legs[0] });
            assert_eq!(events.recv_timeout(Duration::from_secs(5)), Ok(Event::PortTaken { leg, local: legs[0] }));
            threads.command(0, Command::Close { leg: A });
            assert!(matches!(events.recv_timeout(Duration::from_secs(5)), Ok(Event::Closed { leg: A, .. })));
            threads.command(0, Command::Open { leg, local: legs[0] });
            threads.command(0, Command::Close { leg });
            assert!(matches!(events.recv_timeout(Duration::from_secs(5)), Ok(Event::Closed { .. })), "free again");
        }
    }
}
