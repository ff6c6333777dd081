//! What mixing costs: 20 ms of 200 legs, their packets received, decoded, mixed, encoded and sent.
//! `cargo bench -p media --bench mixer`
//!
//! A core can do it as long as that takes less than 20 ms. What sending costs is the system's affair.
#![allow(missing_docs)] // of what criterion_group! makes

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use audio::{Clip, Codec, ComfortNoise, Encoder, OpusConf, tone};
use base::{LegId, Random, RecordingId, Time};
use criterion::{Criterion, criterion_group, criterion_main};
use media::{Channel, Command, Component, Event, Exit, MediaLimits, Patchbay, Place, Security, StreamConf};

const LEGS: u64 = 200;

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

fn stream(leg: LegId, codec: Codec) -> StreamConf {
    StreamConf {
        remote: phone(leg),
        remote_rtcp: phone(leg),
        rtcp_mux: false,
        codec,
        payload_type: codec.payload_type(),
        telephone_event: Some(101),
        telephone_event_rate: codec.clock_rate(),
        ptime_ms: 20,
        sends: true,
        receives: true,
        learn: None,
        security: Security::Open,
    }
}

/// A second of packets: somebody's voice, or his quiet room.
fn packets(codec: Codec, speaks: bool, seed: u64) -> Vec<Vec<u8>> {
    let mut pcm = vec![0; 8000];
    if speaks {
        pcm = tone(&[(200.0 + 10.0 * seed as f64, -18.0), (1000.0 + 30.0 * seed as f64, -24.0)], 1000);
    } else {
        let mut room = ComfortNoise::new(seed);
        room.follow(&[62]);
        room.fill(&mut pcm);
    }
    let mut encoder = Encoder::new(codec, 8000, &OpusConf::default());
    let packet = |samples: &[i16]| {
        let mut packet = vec![0; 12];
        encoder.encode(samples, &mut packet);
        packet
    };
    pcm.chunks(160).map(packet).collect()
}

/// Rooms of so many legs, in each of which the first ones speak.
fn mixed(c: &mut Criterion, name: &str, codecs: &[Codec], room: u64, speaking: u64) {
    let mut bay = Patchbay::new(MediaLimits::default(), Random::numbered(1));
    let codec = |leg: u64| codecs[(leg % codecs.len() as u64) as usize];
    let mut said = Vec::new();
    for leg in 0..LEGS {
        let local = SocketAddr::from(([192, 0, 2, 1], 20_000));
        bay.command(Command::Open { leg: LegId(leg), local }, Time::ZERO, &mut Nowhere);
        let stream = Box::new(stream(LegId(leg), codec(leg)));
        bay.command(Command::Connect { leg: LegId(leg), stream }, Time::ZERO, &mut Nowhere);
        said.push(packets(codec(leg), leg % room < speaking, leg));
    }
    for from in 0..LEGS {
        for to in (0..LEGS).filter(|to| *to != from && *to / room == from / room) {
            bay.command(Command::Wire { from: LegId(from), to: LegId(to) }, Time::ZERO, &mut Nowhere);
        }
    }
    let places: Vec<Place> = (0..LEGS).map(|leg| bay.place(LegId(leg)).expect("open")).collect();
    let (mut now, mut turn) = (Time::ZERO, 0_u64);
    let mut pass = || {
        for (leg, place) in places.iter().enumerate() {
            let packet = &mut said[leg][(turn % 50) as usize];
            let codec = codec(leg as u64);
            let timestamp = turn as u32 * codec.clock_rate() / 50;
            rtp::write_header(packet, codec.payload_type(), turn as u16, timestamp, leg as u32 + 1, false);
            let bytes = &mut packet.clone();
            bay.packet_at(*place, Component::Rtp, phone(LegId(leg as u64)), bytes, now, &mut Nowhere);
        }
        turn += 1;
        let end = now + Duration::from_millis(20);
        while now < end {
            bay.tick(now, &mut Nowhere);
            now += Duration::from_millis(5);
        }
        bay.mixes()
    };
    let mixes = (0..300).map(|_| pass()).last(); // those who hear the same have found each other
    eprintln!("{name}: {} mixes for {LEGS} legs", mixes.unwrap_or(0));
    c.bench_function(&format!("20 ms of 200 legs, {name}"), |b| b.iter(&mut pass));
}

fn mixer(c: &mut Criterion) {
    for codec in Codec::ALL {
        let name = codec.name();
        mixed(c, &format!("one room, 3 speak, {name}"), &[codec], LEGS, 3);
        mixed(c, &format!("one room, all speak, {name}"), &[codec], LEGS, LEGS);
        mixed(c, &format!("rooms of 4, all speak, {name}"), &[codec], 4, 4);
    }
    let all = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];
    mixed(c, "one room, 3 speak, all codecs", &all, LEGS, 3);
}

criterion_group!(benches, mixer);
criterion_main!(benches);
