//! What 20 ms of sound cost. `cargo bench -p audio`
#![allow(missing_docs)] // of what criterion_group! makes

use std::hint::black_box;

use audio::{Codec, Sound, goertzel, rms_dbfs, tone, transcode_in_place, waveform};
use criterion::{Criterion, criterion_group, criterion_main};

fn frame(c: &mut Criterion) {
    let samples = tone(&[(440.0, -12.0), (1000.0, -20.0)], 20);
    let mut payload = Codec::Pcma.encoded(&samples);
    let mut decoded = [0; 160];
    for codec in Codec::ALL {
        c.bench_function(&format!("encode 20 ms of {}", codec.name()), |b| {
            b.iter(|| codec.encode_into(black_box(&samples), black_box(&mut payload)));
        });
        c.bench_function(&format!("decode 20 ms of {}", codec.name()), |b| {
            b.iter(|| codec.decode_into(black_box(&payload), black_box(&mut decoded)));
        });
    }
    c.bench_function("transcode 20 ms in place", |b| {
        b.iter(|| transcode_in_place(Codec::Pcma, Codec::Pcmu, black_box(&mut payload)));
    });
    c.bench_function("level of 20 ms", |b| b.iter(|| rms_dbfs(black_box(&samples))));
    c.bench_function("one frequency of 20 ms", |b| b.iter(|| goertzel::level(black_box(&samples), 440.0)));
}

fn sound(c: &mut Criterion) {
    let minute = tone(&[(440.0, -12.0)], 60_000);
    c.bench_function("a minute's sound from samples", |b| b.iter(|| Sound::from_pcm(black_box(minute.clone()))));
    c.bench_function("a minute's waveform", |b| b.iter(|| waveform(black_box(&minute), 40)));
}

criterion_group!(benches, frame, sound);
criterion_main!(benches);
