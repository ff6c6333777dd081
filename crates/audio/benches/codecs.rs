//! What 20 ms of sound cost. `cargo bench -p audio`
#![allow(missing_docs)] // of what criterion_group! makes

use std::hint::black_box;

use audio::{
    Codec, Decoder, Encoder, OpusConf, Resampler, Sound, goertzel, rms_dbfs, tone, transcode_in_place, waveform,
};
use criterion::{Criterion, criterion_group, criterion_main};

fn frame(c: &mut Criterion) {
    let samples = tone(&[(440.0, -12.0), (1000.0, -20.0)], 20);
    for (codec, rate) in [
        (Codec::Pcmu, 8000),
        (Codec::Pcma, 8000),
        (Codec::G722, 16_000),
        (Codec::Opus, 8000),
        (Codec::Opus, 16_000),
        (Codec::Opus, 48_000),
    ] {
        let mut encoder = Encoder::new(codec, rate, &OpusConf::default());
        let frame: Vec<i16> = samples.iter().cycle().take(rate as usize / 50).copied().collect();
        let mut payload = Vec::new();
        c.bench_function(&format!("encode 20 ms of {} from {rate} Hz", codec.name()), |b| {
            b.iter(|| {
                payload.clear();
                encoder.encode(black_box(&frame), black_box(&mut payload))
            });
        });
        let mut decoder = Decoder::new(codec, rate);
        let mut pcm = Vec::new();
        c.bench_function(&format!("decode 20 ms of {} to {rate} Hz", codec.name()), |b| {
            b.iter(|| {
                pcm.clear();
                decoder.decode(black_box(&payload), black_box(&mut pcm));
            });
        });
        c.bench_function(&format!("conceal 20 ms of {} at {rate} Hz", codec.name()), |b| {
            b.iter(|| {
                pcm.clear();
                decoder.decode(black_box(&payload), black_box(&mut pcm));
                decoder.conceal(rate as usize / 50, None, black_box(&mut pcm));
            });
        });
    }
    for (from, to) in [(8000, 16_000), (16_000, 8000), (8000, 48_000), (48_000, 8000)] {
        let mut resampler = Resampler::new(from, to).expect("two of our rates");
        let (frame, mut out) = (vec![1000; from as usize / 50], Vec::new());
        c.bench_function(&format!("resample 20 ms, {from} to {to}"), |b| {
            b.iter(|| {
                out.clear();
                resampler.resample(black_box(&frame), black_box(&mut out));
            });
        });
    }
    let mut payload = vec![0x55; 160];
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
