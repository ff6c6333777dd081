//! What a call between PCMU and Opus costs beside its codecs' own work. `cargo bench -p media --bench transcode [ROUNDS]`
//!
//! 50 calls, 20 ms at a time: each phone's packet is received, decoded, waits in the jitter buffer, is encoded for the
//! other and sent (nowhere: what sending costs is the system's affair). In turns with the same decoding and encoding and
//! nothing else, so that whatever else the machine does falls on both. Time is what this thread was on a processor.

use std::fs;
use std::hint::black_box;
use std::net::SocketAddr;

use audio::{Clip, Codec, Decoder, Encoder, OpusConf, tone};
use base::{LegId, Random, RecordingId, Time};
use media::{Channel, Command, Component, Event, Exit, MediaLimits, Patchbay, Place, Security, StreamConf};

const LEGS: u64 = 100;

#[derive(Default)]
struct Counted {
    sent: u64,
}

impl Exit for Counted {
    fn send(&mut self, from: Place, component: Component, to: SocketAddr, bytes: &[u8]) {
        self.sent += u64::from(component == Component::Rtp);
        black_box((from, to, bytes));
    }
    fn event(&mut self, event: Event) {
        black_box(event);
    }
    fn tapped(&mut self, _: RecordingId, _: Channel, clip: Clip) {
        black_box(clip);
    }
}

fn main() {
    let rounds: usize = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(20);
    let codec = |leg: u64| if leg.is_multiple_of(2) { Codec::Pcmu } else { Codec::Opus };
    let said: Vec<Vec<Vec<u8>>> = (0..LEGS).map(|leg| packets(codec(leg), leg)).collect();

    let mut bay = Patchbay::new(MediaLimits::default(), Random::numbered(1));
    let mut exit = Counted::default();
    for leg in 0..LEGS {
        let local = SocketAddr::from(([192, 0, 2, 1], 20_000));
        bay.command(Command::Open { leg: LegId(leg), local }, Time::ZERO, &mut exit);
        let stream = Box::new(stream(leg, codec(leg)));
        bay.command(Command::Connect { leg: LegId(leg), stream }, Time::ZERO, &mut exit);
    }
    for leg in 0..LEGS {
        bay.command(Command::Wire { from: LegId(leg), to: LegId(leg ^ 1) }, Time::ZERO, &mut exit);
    }
    let places: Vec<Place> = (0..LEGS).map(|leg| bay.place(LegId(leg)).expect("open")).collect();
    let mut codecs: Vec<(Decoder, Encoder)> = (0..LEGS)
        .map(|leg| (Decoder::new(codec(leg), 8000), Encoder::new(codec(leg ^ 1), 8000, &OpusConf::default())))
        .collect();

    let (mut switched, mut alone, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut datagram, mut pcm, mut payload) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds + 1 {
        let sent = exit.sent;
        let began = on_processor_ns();
        for frame in (50 * round as u64..).take(50) {
            let now = Time::from_millis(20 * frame + 3);
            for leg in 0..LEGS {
                datagram.clear();
                datagram.extend_from_slice(&said[leg as usize][frame as usize % 50]);
                let units = u64::from(codec(leg).clock_rate() / 50);
                let (number, timestamp) = (frame as u16, (frame * units) as u32);
                rtp::write_header(&mut datagram, codec(leg).payload_type(), number, timestamp, leg as u32, false);
                bay.packet_at(places[leg as usize], Component::Rtp, phone(leg), &mut datagram, now, &mut exit);
            }
            while let Some(due) = bay.deadline().filter(|due| *due < Time::from_millis(20 * frame + 23)) {
                bay.tick(due, &mut exit);
            }
        }
        let between = on_processor_ns();
        for frame in 0..50 {
            for ((decoder, encoder), said) in codecs.iter_mut().zip(&said) {
                pcm.clear();
                decoder.decode(&said[frame][12..], &mut pcm);
                payload.clear();
                encoder.encode(&pcm, &mut payload);
                black_box(&payload);
            }
        }
        let ended = on_processor_ns();
        if round > 0 {
            assert_eq!(exit.sent - sent, 50 * LEGS, "each heard all that was said");
            switched.push((between - began) as f64 / (50 * LEGS) as f64);
            alone.push((ended - between) as f64 / (50 * LEGS) as f64);
            ratios.push((between - began) as f64 / (ended - between) as f64);
        }
    }
    println!(
        "PCMU and Opus, a packet of either side: {:.0} ns, the codecs alone {:.0} ns: {:.3} (medians of {rounds} rounds)",
        median(switched),
        median(alone),
        median(ratios)
    );
}

/// A second of somebody's voice.
fn packets(codec: Codec, leg: u64) -> Vec<Vec<u8>> {
    let pcm = tone(&[(200.0 + 3.0 * leg as f64, -18.0), (1000.0 + 7.0 * leg as f64, -24.0)], 1000);
    let mut encoder = Encoder::new(codec, 8000, &OpusConf::default());
    let packet = |samples: &[i16]| {
        let mut packet = vec![0; 12];
        encoder.encode(samples, &mut packet);
        packet
    };
    pcm.chunks(160).map(packet).collect()
}

fn phone(leg: u64) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, leg as u8], 4000))
}

fn stream(leg: u64, codec: Codec) -> StreamConf {
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

/// How long this thread has been on a processor.
fn on_processor_ns() -> u64 {
    std::thread::yield_now(); // what it used so far is counted
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
