//! What a relayed packet costs a media thread, beside a thread that forwards and does nothing else: the floor. And what a
//! packet of a prompt costs, beside a thread that only sends.
//! `cargo bench -p centrala --bench media_threads [ROUNDS]`
//!
//! Both stand in this process with a port for each of 1000 legs, and take turns of a few milliseconds, so that whatever
//! else the machine does falls on both alike. Time is what the system says a thread was on a processor, with all that
//! receiving and sending on loopback is.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use audio::{Codec, Sound};
use base::{LegId, Random};
use centrala::shell::clock::Clock;
use centrala::shell::media_threads::{MediaThreads, Way};
use media::{Command, Event, Identity, MediaLimits, Security, StreamConf};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const LEGS: usize = 1000;
const PHONES: usize = 64;
const FIRST_PORT: u16 = 10_000;

#[allow(clippy::disallowed_methods)] // ports are waited for
fn main() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).expect("own hard limit");
    let rounds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(100_usize);
    let phones: Vec<UdpSocket> =
        (0..PHONES).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port")).collect();
    for phone in &phones {
        phone.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    }
    let addresses: Vec<SocketAddr> = phones.iter().map(|phone| phone.local_addr().expect("bound")).collect();
    let phone_of = |leg: usize| leg % 2 * (PHONES / 2) + leg / 2 % (PHONES / 2);

    let forwarder: Arc<[UdpSocket]> =
        (0..LEGS).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port")).collect();
    let floor: Vec<SocketAddr> = forwarder.iter().map(|socket| socket.local_addr().expect("bound")).collect();
    let remotes: Arc<[SocketAddr]> = (0..LEGS).map(|leg| addresses[phone_of(leg)]).collect();
    thread::Builder::new()
        .name("floor".into())
        .spawn({
            let (forwarder, remotes) = (forwarder.clone(), remotes.clone());
            move || forward(&forwarder, &remotes)
        })
        .expect("a thread");

    let clock = Clock::start();
    let (told, played) = channel();
    let threads: Vec<MediaThreads> = [Way::Epoll, Way::IoUring]
        .into_iter()
        .enumerate()
        .map(|(nth, way)| {
            let (telephone_event, told) = (Some(101), told.clone());
            let started = MediaThreads::start(
                (1, way),
                MediaLimits::default(),
                (clock, Random::numbered(1), identity(clock)),
                move |event| match event {
                    Event::PortTaken { local, .. } => panic!("somebody has port {}", local.port()),
                    Event::Played { .. } => told.send(()).expect("it is awaited"),
                    _ => {}
                },
                |_, _, _| true,
            );
            let threads = started.expect("a thread");
            for leg in 0..LEGS {
                let stream = stream(addresses[phone_of(leg)], telephone_event);
                let (id, local) = (LegId(leg as u64), leg_address(nth, leg));
                threads.command(0, Command::Open { leg: id, local });
                threads.command(0, Command::Connect { leg: id, stream: Box::new(stream) });
            }
            for leg in 0..LEGS as u64 {
                threads.command(0, Command::Wire { from: LegId(leg ^ 1), to: LegId(leg) });
            }
            threads
        })
        .collect();
    let relays = [0, 1].map(|nth| (0..LEGS).map(|leg| leg_address(nth, leg)).collect::<Vec<_>>());
    for nth in 0..2 {
        while UdpSocket::bind(leg_address(nth, LEGS - 1)).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    }
    thread::sleep(Duration::from_secs(1)); // what follows the binding is done, too
    let mut tasks = tasks("media-0");
    tasks.insert(0, tasks_named("floor"));
    let sides = [("floor", &floor), ("relay by epoll", &relays[0]), ("relay by io_uring", &relays[1])];
    let mut datagram = [0x55; 172];
    let mut sequence = 0_u16;
    for (batch, what) in [(25, "25 packets at a time"), (1, "packets one by one")] {
        let mut spent: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
        for round in 0..rounds + 2 {
            sequence = sequence.wrapping_add(1);
            for (side, (_, legs)) in sides.iter().enumerate() {
                let before = on_processor_ns(&tasks[side]);
                for first in (0..LEGS).step_by(batch) {
                    for leg in first..first + batch {
                        rtp::write_header(&mut datagram, 0, sequence, u32::from(sequence) * 160, leg as u32, false);
                        phones[phone_of(leg)].send_to(&datagram, legs[leg]).expect("loopback");
                    }
                    for leg in first..first + batch {
                        phones[phone_of(leg ^ 1)].recv(&mut [0; 2000]).expect("relayed");
                    }
                }
                if round >= 2 {
                    spent[side].push((on_processor_ns(&tasks[side]) - before) as f64 / LEGS as f64);
                }
            }
        }
        tell(what, sides.map(|(name, _)| name), &spent);
    }

    // A second of sound to each leg; nobody reads it, neither theirs nor the bare sends.
    let sound = Sound::from_pcm(audio::tone(&[(425.0, -10.0)], 1000));
    let mut spent: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    for _ in 0..rounds.div_ceil(10) {
        let (forwarder, remotes) = (forwarder.clone(), remotes.clone());
        let bare = thread::spawn(move || send(&forwarder, &remotes)).join().expect("it sends");
        spent[0].push(bare as f64 / (50 * LEGS) as f64);
        for (nth, threads) in threads.iter().enumerate() {
            let before = on_processor_ns(&tasks[nth + 1]);
            for leg in 0..LEGS {
                let sound = sound.clone().into();
                threads.command(0, Command::Play { leg: LegId(leg as u64), player: 1, sound, repeat: false });
            }
            (0..LEGS).for_each(|_| played.recv().expect("it ends"));
            spent[nth + 1].push((on_processor_ns(&tasks[nth + 1]) - before) as f64 / (50 * LEGS) as f64);
        }
    }
    tell("a prompt, 1000 hear it", ["bare sends", "by epoll", "by io_uring"], &spent);
}

fn tell(what: &str, names: [&str; 3], spent: &[Vec<f64>]) {
    for (name, side) in names.into_iter().zip(spent) {
        let ratios = side.iter().zip(&spent[0]).map(|(one, floor)| one / floor);
        let (ns, ratio) = (median(side.iter().copied()), median(ratios));
        println!("{what:24} {name:20} {ns:6.0} ns a packet, {ratio:.3} × floor (medians of {} rounds)", side.len());
    }
}

/// A second of packets every 20 ms, and what it took.
#[allow(clippy::disallowed_methods)] // as a player waits
fn send(sockets: &[UdpSocket], remotes: &[SocketAddr]) -> u64 {
    let before = on_processor_ns("/proc/thread-self");
    for _ in 0..50 {
        for (socket, remote) in sockets.iter().zip(remotes) {
            let _ = socket.send_to(&[0x55; 172], remote);
        }
        thread::sleep(Duration::from_millis(20));
    }
    on_processor_ns("/proc/thread-self") - before
}

/// As `floor ports`: one receive for each readiness, one send.
fn forward(sockets: &[UdpSocket], remotes: &[SocketAddr]) {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll");
    for (leg, socket) in sockets.iter().enumerate() {
        epoll::add(&poll, socket, epoll::EventData::new_u64(leg as u64), epoll::EventFlags::IN).expect("watched");
    }
    let mut ready = Vec::with_capacity(512);
    let mut datagram = [0; 2048];
    loop {
        ready.clear();
        let _ = epoll::wait(&poll, spare_capacity(&mut ready), None);
        for event in &ready {
            let leg = event.data.u64() as usize;
            if let Ok(bytes) = sockets[leg].recv(&mut datagram) {
                let _ = sockets[leg ^ 1].send_to(&datagram[..bytes], remotes[leg ^ 1]);
            }
        }
    }
}

fn leg_address(nth: usize, leg: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST_PORT + 2 * (nth * LEGS + leg) as u16))
}

fn stream(remote: SocketAddr, telephone_event: Option<u8>) -> StreamConf {
    StreamConf {
        remote,
        remote_rtcp: SocketAddr::new(remote.ip(), 9),
        rtcp_mux: false,
        codec: Codec::Pcmu,
        payload_type: 0,
        telephone_event,
        telephone_event_rate: 8000,
        ptime_ms: 20,
        sends: true,
        receives: true,
        learn: None,
        security: Security::Open,
    }
}

fn identity(clock: Clock) -> Arc<Identity> {
    let pair = || {
        let made = rcgen::generate_simple_self_signed(["bench".to_owned()]).expect("a certificate");
        (made.cert.der().to_vec(), made.signing_key.serialize_der())
    };
    Arc::new(Identity::new([pair(), pair()], clock.origin()))
}

/// The threads of this name, as they were made.
fn tasks(name: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let folders = entries.map(|entry| entry.path().display().to_string());
    let mut named: Vec<String> = folders
        .filter(|folder| fs::read_to_string(format!("{folder}/comm")).is_ok_and(|comm| comm.trim() == name))
        .collect();
    named.sort_by_key(|folder| folder.rsplit('/').next().and_then(|id| id.parse::<u32>().ok()));
    named
}

fn tasks_named(name: &str) -> String {
    tasks(name).remove(0)
}

/// How long a thread has been on a processor; exact while it waits.
fn on_processor_ns(task: &str) -> u64 {
    let schedstat = fs::read_to_string(format!("{task}/schedstat")).expect("the thread lives");
    schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number")
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
