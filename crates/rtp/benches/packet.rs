//! What one packet costs on its way through. `cargo bench -p rtp`
#![allow(missing_docs)] // of what criterion_group! makes

use std::hint::black_box;
use std::time::Duration;

use base::Time;
use criterion::{Criterion, criterion_group, criterion_main};
use rtp::event::{Detector, Event};
use rtp::rtcp::{Compound, ReportBlock, SenderReport};
use rtp::srtp::{MasterKey, Opener, Sealer, Suite};
use rtp::{Packet, Reception, rewrite, write_header};

fn hot(c: &mut Criterion) {
    let mut datagram = [0x55; 172];
    write_header(&mut datagram, 8, 1, 160, 7, false);
    c.bench_function("read", |b| b.iter(|| Packet::read(black_box(&datagram))));
    c.bench_function("rewrite", |b| b.iter(|| rewrite(black_box(&mut datagram), 0, 2, 320, 9, false)));

    let mut reception = Reception::new(8000);
    let mut packet = Packet::read(&datagram).expect("we wrote it");
    let mut now = Time::ZERO;
    c.bench_function("count", |b| {
        b.iter(|| {
            packet.sequence = packet.sequence.wrapping_add(1);
            packet.timestamp = packet.timestamp.wrapping_add(160);
            now += Duration::from_millis(20);
            reception.receive(black_box(&packet), now)
        });
    });
    c.bench_function("read, count, rewrite", |b| {
        let (mut sequence, mut timestamp) = (0_u16, 0_u32);
        b.iter(|| {
            sequence = sequence.wrapping_add(1);
            timestamp = timestamp.wrapping_add(160);
            now += Duration::from_millis(20);
            let datagram = black_box(&mut datagram);
            write_header(datagram, 8, sequence, timestamp, 7, false);
            let packet = Packet::read(datagram).expect("we wrote it");
            reception.receive(&packet, now);
            rewrite(datagram, 0, packet.sequence, packet.timestamp, 9, packet.marker)
        });
    });

    let mut detector = Detector::new();
    let payload = Event { code: 5, end: false, volume: 10, duration: 160 }.to_bytes();
    c.bench_function("hear a key", |b| b.iter(|| detector.receive(black_box(&packet), black_box(&payload))));
}

fn report(c: &mut Criterion) {
    let compound = Compound {
        ssrc: 7,
        sender: Some(SenderReport { ntp: 1, rtp_timestamp: 2, packets: 3, octets: 4 }),
        blocks: vec![ReportBlock { ssrc: 9, ..ReportBlock::default() }],
        cname: Some("0123456789abcdef".into()),
        bye: Vec::new(),
    };
    let datagram = compound.to_bytes();
    c.bench_function("write a report", |b| b.iter(|| black_box(&compound).to_bytes()));
    c.bench_function("read a report", |b| b.iter(|| Compound::read(black_box(&datagram))));
}

/// 160 octets of payload, as G.711 has them.
fn secure(c: &mut Criterion) {
    for suite in [Suite::AesCm128HmacSha1_80, Suite::AesCm256HmacSha1_80, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm] {
        let key = MasterKey::new(suite, &vec![7; suite.key_bytes() + suite.salt_bytes()]).expect("its length");
        let (mut sealer, mut opener) = (Sealer::new(&key), Opener::new(&key));
        let mut datagram = [0x55; 172];
        let mut sequence = 0_u16;
        c.bench_function(&format!("seal, {}", suite.name()), |b| {
            b.iter(|| {
                sequence = sequence.wrapping_add(1);
                write_header(&mut datagram, 8, sequence, 160, 7, false);
                sealer.seal(black_box(&datagram)).map(<[u8]>::len)
            });
        });
        let mut copy = [0; 188];
        c.bench_function(&format!("seal and open, {}", suite.name()), |b| {
            b.iter(|| {
                sequence = sequence.wrapping_add(1);
                write_header(&mut datagram, 8, sequence, 160, 7, false);
                let sealed = sealer.seal(&datagram).expect("a new number");
                let copy = &mut copy[..sealed.len()];
                copy.copy_from_slice(sealed);
                opener.open(black_box(copy)).expect("our own")
            });
        });
    }
}

criterion_group!(benches, hot, report, secure);
criterion_main!(benches);
