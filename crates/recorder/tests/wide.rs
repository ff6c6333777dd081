//! Recordings of more than 8 kHz: each side at its place and level, whatever it was said in, and so in every format.

#[allow(dead_code, reason = "of what the archive's tests share only some is needed here")]
mod common;

use std::fs;
use std::time::Duration;

use audio::{Clip, Encoding, rms_dbfs, tone};
use base::{CallId, Random, RecordingId, Time};
use common::{Archive, DAY, NOON};
use hound::WavReader;
use recorder::{
    Channel, Cut, Encode, Format, Input, Keyring, Manifest, Output, Recorder, RecorderConf, export, salvage,
};
use serde_json::{Value, json};

/// A tone of 6 kHz at -14 dBFS, at `rate`.
fn high(rate: u32, ms: u32) -> Vec<i16> {
    let turn = |at: u32| (f64::from(at) * 6_000.0 / f64::from(rate) * std::f64::consts::TAU).sin();
    (0..rate / 1000 * ms).map(|at| (turn(at) * 6_537.0) as i16).collect()
}

/// The caller speaks PCMU from 1.0 to 2.0 s; the other G.722 until 1.5 s, then PCMU. Nobody lives to close it, or all is
/// as it should be.
fn record(archive: &Archive, rate: u32, is_closed: bool) {
    let wide = u8::try_from(rate / 8000).unwrap();
    let conf = RecorderConf { folder: archive.0.clone(), ..RecorderConf::default() };
    let mut recorder = Recorder::new(conf).expect("a folder");
    let id = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
    let mut out = Vec::new();
    let open = Input::Open { id, file: format!("{DAY}/a"), began: Time::ZERO, rate, started: json!({}) };
    recorder.handle(open, Time::ZERO, &mut out);
    let low = Encoding::Pcmu.encoded(&tone(&[(500.0, -14.0)], 1000));
    let high = Encoding::L16.encoded(&high(rate, 1500));
    let (half, second) = (500 * 8, 1000 * 8);
    for at in (0..3 * second).step_by(half) {
        let now = Time::from_millis((at + half) as u64 / 8 + 20);
        let mut hear = |channel, encoding: Encoding, wide: u8, sound: &[u8], from: usize| {
            let bytes = half * encoding.width() * usize::from(wide);
            let passed = (at - from) / half * bytes;
            let clip = Clip { at: at as u64, encoding, wide, payload: sound[passed..passed + bytes].to_vec() };
            recorder.handle(Input::Audio { id, channel, clip }, now, &mut out);
        };
        if (second..2 * second).contains(&at) {
            hear(Channel::Left, Encoding::Pcmu, 1, &low, second);
        }
        match at < 3 * half {
            true => hear(Channel::Right, Encoding::L16, wide, &high, 0),
            false if at < 5 * half => hear(Channel::Right, Encoding::Pcmu, 1, &low, 3 * half),
            false => {}
        }
        recorder.handle(Input::Tick, now, &mut out);
    }
    let end = Time::from_millis(3000);
    if is_closed {
        recorder.handle(Input::Close { id, length: Duration::from_secs(3), sidecar: json!({}) }, end, &mut out);
        recorder.handle(Input::Tick, end + Duration::from_secs(1), &mut out);
        let Some(Output::Close(closing)) = out.pop() else { panic!("{out:?}") };
        closing.settle(&mut Manifest::new(&archive.0), NOON).expect("settled");
    }
}

/// Are those who talk heard from 1 to 2 s left, until 1.5 s high and until 2.5 s low right, ±20 ms, and nothing else?
fn assert_heard(file: &std::path::Path, rate: u32, is_high: bool) {
    let wav = WavReader::open(file).unwrap();
    assert_eq!(wav.spec().sample_rate, rate, "{}", file.display());
    let samples: Vec<i16> = wav.into_samples().map(Result::unwrap).collect();
    let side = |nth: usize| -> Vec<i16> { samples.iter().skip(nth).step_by(2).copied().collect() };
    let piece = |side: &[i16], from_ms: usize, to_ms: usize| {
        let at = |ms: usize| (ms * rate as usize / 1000).min(side.len());
        rms_dbfs(&side[at(from_ms)..at(to_ms)])
    };
    let (left, right) = (side(0), side(1));
    for (who, side, from_ms, to_ms, level) in [
        ("before", &left, 0, 980, -90.0),
        ("the caller", &left, 1020, 1980, -14.0),
        ("after", &left, 2020, 2900, -90.0),
        ("the high tone", &right, 20, 1480, if is_high { -14.0 } else { -90.0 }),
        ("the low tone", &right, 1520, 2480, -14.0),
        ("after", &right, 2520, 2900, -90.0),
    ] {
        let heard = piece(side, from_ms, to_ms);
        let right = if level < -80.0 { heard < -60.0 } else { (heard - level).abs() < 1.5 };
        assert!(right, "{rate} {who}: {heard} dBFS, not {level}, in {}", file.display());
    }
}

#[test]
fn each_side_lies_at_its_place_at_the_rate_of_the_file_whatever_it_was_said_in() {
    for rate in [16_000, 48_000] {
        let archive = Archive::empty();
        record(&archive, rate, true);
        assert_heard(&archive.path("a.wav"), rate, true);
        let sidecar: Value = serde_json::from_slice(&fs::read(archive.path("a.json")).unwrap()).unwrap();
        assert_eq!((&sidecar["sample_rate"], &sidecar["seconds"]), (&json!(rate), &json!(3.0)));
        archive.assert_proved();

        let left = Archive::empty();
        record(&left, rate, false);
        let found = salvage(&mut Manifest::new(&left.0), &Keyring::default(), NOON).unwrap();
        let seconds = *found[0].outcome.as_ref().unwrap();
        assert!((2.0..=3.0).contains(&seconds), "{seconds}");
        let wav = WavReader::open(left.path("a.wav")).unwrap();
        assert_eq!((wav.spec().sample_rate, f64::from(wav.duration()) / f64::from(rate)), (rate, seconds));
    }
}

#[test]
fn it_becomes_opus_as_wide_and_g711_as_a_telephone_has_it() {
    for rate in [16_000, 48_000] {
        for format in [Format::Opus, Format::G711] {
            let archive = Archive::empty();
            record(&archive, rate, true);
            let made = Encode::new(&archive.0, format, Keyring::default(), NOON).next(NOON, || true).unwrap().unwrap();
            let copy = archive.0.join("copy.wav");
            assert!(export(&archive.0.join(made.file), &copy, &Cut::default(), &Keyring::default(), |_| true).unwrap());
            match format {
                Format::Opus => assert_eq!(WavReader::open(&copy).unwrap().spec().sample_rate, rate),
                _ => assert_heard(&copy, 8000, false),
            }
            fs::remove_file(copy).unwrap();
            archive.assert_proved();
        }
    }
}

#[test]
fn sound_for_a_moment_that_was_written_is_put_right_at_every_rate() {
    for rate in [8_000, 16_000, 48_000] {
        let wide = u8::try_from(rate / 8000).unwrap();
        let archive = Archive::empty();
        let conf = RecorderConf { folder: archive.0.clone(), ..RecorderConf::default() };
        let mut recorder = Recorder::new(conf).expect("a folder");
        let id = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
        let mut out = Vec::new();
        let open = Input::Open { id, file: format!("{DAY}/a"), began: Time::ZERO, rate, started: json!({}) };
        recorder.handle(open, Time::ZERO, &mut out);
        let loud = |frames: usize| vec![5000; frames * usize::from(wide)];
        let clip =
            |at, frames| Clip { at, encoding: Encoding::L16, wide, payload: Encoding::L16.encoded(&loud(frames)) };
        let now = Time::from_millis(2100);
        recorder.handle(Input::Audio { id, channel: Channel::Left, clip: clip(12_000, 4000) }, now, &mut out);
        recorder.handle(Input::Tick, now + Duration::from_secs(1), &mut out); // written, and the right side silent
        recorder.handle(Input::Audio { id, channel: Channel::Right, clip: clip(14_000, 800) }, now, &mut out);
        let end = now + Duration::from_secs(2);
        recorder.handle(Input::Close { id, length: Duration::from_secs(3), sidecar: json!({}) }, end, &mut out);
        recorder.handle(Input::Tick, end + Duration::from_secs(1), &mut out);
        let Some(Output::Close(closing)) = out.pop() else { panic!("{out:?}") };
        closing.settle(&mut Manifest::new(&archive.0), NOON).expect("settled");
        let samples: Vec<i16> =
            WavReader::open(archive.path("a.wav")).unwrap().into_samples().map(Result::unwrap).collect();
        let span = |side: usize| {
            let loud = |sample: &i16| *sample == 5000;
            let side: Vec<i16> = samples.iter().skip(side).step_by(2).copied().collect();
            let count = side.iter().filter(|sample| loud(sample)).count();
            (side.iter().position(loud).unwrap(), count)
        };
        let wide = usize::from(wide);
        assert_eq!((span(0), span(1)), ((12_000 * wide, 4000 * wide), (14_000 * wide, 800 * wide)), "{rate}");
        assert_eq!(samples.len(), 2 * 24_000 * wide);
    }
}
