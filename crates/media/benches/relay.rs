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
use criterion::{Criterion, criterion_group, criterion_main};
use media::{Channel, Command, Component, Event, Exit, MediaLimits, Patchbay, Place, Security, StreamConf};

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

/// 500 calls of two legs each, wired.
fn calls(mixed: bool, tapped: bool) -> Patchbay {
    let mut bay = Patchbay::new(MediaLimits::default(), Random::numbered(1));
    let mut tell = |command| bay.command(command, Time::ZERO, &mut Nowhere);
    let recording = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
    for leg in (0..2 * CALLS).map(LegId) {
        tell(Command::Open { leg, local: SocketAddr::from(([192, 0, 2, 1], 20_000)) });
        let stream = StreamConf {
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
        };
        tell(Command::Connect { leg, stream: Box::new(stream) });
        if tapped {
            tell(Command::Tap { leg, recording, channel: Channel::Left, began: Time::ZERO });
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

fn play(c: &mut Criterion) {
    let mut bay = calls(false, false);
    let sound = Sound::from_pcm(vec![100; 80_000]);
    for leg in (0..2 * CALLS).map(LegId) {
        bay.command(Command::Play { leg, player: 1, sound: sound.clone(), repeat: true }, Time::ZERO, &mut Nowhere);
    }
    let mut now = Time::ZERO;
    c.bench_function("1000 frames played, 20 ms", |b| {
        b.iter(|| {
            now += Duration::from_millis(20);
            bay.tick(now, &mut Nowhere);
        });
    });
}

criterion_group!(benches, relay, play);
criterion_main!(benches);
