//! What the patchbay adds to the system's two calls a packet. `cargo bench -p media`
//!
//! 500 calls take turns, as they do in a thread, so their ports are not all in the nearest cache. A sent packet goes
//! nowhere; what sending costs is the system's affair.
#![allow(missing_docs)] // of what criterion_group! makes

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use audio::{Clip, Codec, Sound};
use base::{CallId, LegId, Random, RecordingId, Time};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use media::{
    Channel, Command, Component, Event, Exit, MasterKey, MediaLimits, Patchbay, Place, Security, StreamConf, Suite,
};
use rtp::srtp::Sealer;

const CALLS: u64 = 500;

struct Nowhere;

impl Exit for Nowhere {
    fn send(&mut self, from: Place, _: Component, to: SocketAddr, bytes: &[u8]) {
        black_box((from, to, bytes));
    }
    fn event(&mut self, event: Event) {
        black_box(event);
    }
    fn tapped(&mut self, _: RecordingId, _: Channel, clip: Clip) {
        black_box(clip);
    }
}

fn phone(leg: LegId) -> SocketAddr {
    SocketAddr::from(([10, 0, (leg.0 >> 8) as u8, leg.0 as u8], 4000))
}

fn codec(leg: LegId, mixed: bool) -> Codec {
    if mixed && leg.0 % 2 == 1 { Codec::Pcma } else { Codec::Pcmu }
}

fn stream(leg: LegId, mixed: bool) -> StreamConf {
    StreamConf {
        remote: phone(leg),
        remote_rtcp: phone(leg),
        rtcp_mux: false,
        codec: codec(leg, mixed),
        payload_type: codec(leg, mixed).payload_type(),
        telephone_event: Some(101),
        telephone_event_rate: 8000,
        ptime_ms: 20,
        sends: true,
        receives: true,
        learn: None,
        security: Security::Open,
    }
}

/// 500 calls of two legs each, wired.
fn calls(mixed: bool, tapped: bool) -> Patchbay {
    let mut bay = Patchbay::new(MediaLimits::default(), Random::numbered(1));
    let mut tell = |command| bay.command(command, Time::ZERO, &mut Nowhere);
    let recording = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
    for leg in (0..2 * CALLS).map(LegId) {
        tell(Command::Open { leg, local: SocketAddr::from(([192, 0, 2, 1], 20_000)) });
        let stream = stream(leg, mixed);
        tell(Command::Connect { leg, stream: Box::new(stream) });
        if tapped {
            tell(Command::Tap {
                leg,
                recording,
                channel: Channel::Left,
                began: Time::ZERO,
                rate: audio::SAMPLE_RATE,
                beep: None,
            });
        }
    }
    for leg in 0..2 * CALLS {
        tell(Command::Wire { from: LegId(leg), to: LegId(leg ^ 1) });
    }
    bay
}

fn relay(c: &mut Criterion) {
    for (name, mixed, tapped) in
        [("relayed packet", false, false), ("recorded packet", false, true), ("transcoded packet", true, false)]
    {
        let mut bay = calls(mixed, tapped);
        let places: Vec<Place> = (0..2 * CALLS).map(|leg| bay.place(LegId(leg)).expect("open")).collect();
        let mut datagram = [0x55; 172];
        let mut turn = 0_u64;
        c.bench_function(name, |b| {
            b.iter(|| {
                let (round, leg) = (turn / (2 * CALLS), turn % (2 * CALLS));
                turn += 1;
                let leg = LegId(leg);
                let payload_type = codec(leg, mixed).payload_type();
                rtp::write_header(&mut datagram, payload_type, round as u16, round as u32 * 160, leg.0 as u32, false);
                let now = Time::from_millis(round * 20);
                bay.packet_at(places[leg.0 as usize], Component::Rtp, phone(leg), &mut datagram, now, &mut Nowhere);
            });
        });
    }
}

/// The same where every other leg is in SRTP: what plain legs say is sealed, what secured legs say is opened.
fn secured(c: &mut Criterion) {
    for suite in [Suite::AesCm128HmacSha1_80, Suite::AeadAes128Gcm] {
        let key =
            |fill| MasterKey::new(suite, &vec![fill; suite.key_bytes() + suite.salt_bytes()]).expect("its length");
        let mut bay = calls(false, false);
        for leg in (1..2 * CALLS).step_by(2).map(LegId) {
            let security = Security::Keys { ours: key(1), theirs: key(2) };
            let stream = StreamConf { security, ..stream(leg, false) };
            bay.command(Command::Connect { leg, stream: Box::new(stream) }, Time::ZERO, &mut Nowhere);
        }
        let places: Vec<Place> = (0..2 * CALLS).map(|leg| bay.place(LegId(leg)).expect("open")).collect();
        for (name, first) in [("sealed packet", 0), ("opened packet", 1)] {
            // A phone's sealing costs as much again, so its packets are ready before.
            let mut sealers: Vec<Sealer> = (0..CALLS).map(|_| Sealer::new(&key(2))).collect();
            let mut turn = 0_u64;
            c.bench_function(&format!("{name}, {}", suite.name()), |b| {
                b.iter_batched_ref(
                    || {
                        let (round, call) = (turn / CALLS, turn % CALLS);
                        turn += 1;
                        let leg = LegId(2 * call + first);
                        let mut datagram = [0x55; 172];
                        let (sequence, timestamp) = (round as u16, round as u32 * 160);
                        rtp::write_header(&mut datagram, 0, sequence, timestamp, leg.0 as u32 + first as u32, false);
                        let bytes = match first {
                            0 => datagram.to_vec(),
                            _ => sealers[call as usize].seal(&datagram).expect("a new number").to_vec(),
                        };
                        (leg, bytes, Time::from_millis(round * 20))
                    },
                    |(leg, bytes, now)| {
                        let place = places[leg.0 as usize];
                        bay.packet_at(place, Component::Rtp, phone(*leg), bytes, *now, &mut Nowhere);
                    },
                    BatchSize::SmallInput,
                );
            });
            let heard = bay.stats(LegId(first)).expect("open");
            assert!(heard.packets_received > 0 && heard.not_authentic == 0, "{heard:?}");
        }
    }
}

fn play(c: &mut Criterion) {
    let mut bay = calls(false, false);
    let sound = Sound::from_pcm(vec![100; 80_000]);
    for leg in (0..2 * CALLS).map(LegId) {
        bay.command(
            Command::Play { leg, player: 1, sound: sound.clone().into(), repeat: true },
            Time::ZERO,
            &mut Nowhere,
        );
    }
    let mut now = Time::ZERO;
    c.bench_function("1000 frames played, 20 ms", |b| {
        b.iter(|| {
            now += Duration::from_millis(20);
            bay.tick(now, &mut Nowhere);
        });
    });
}

criterion_group!(benches, relay, secured, play);
criterion_main!(benches);
