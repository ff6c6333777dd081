//! Tones, written and found again: how the tests know who heard whom.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use audio::Encoding;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

const RATE: u32 = 8_000;
/// 50 ms: long enough to tell 20 Hz apart, short enough that a lost packet spoils only its own window.
const WINDOW: usize = 400;

/// A file of one tone, 10 dB under full scale, the same on each channel.
pub fn write_tone(path: &Path, hz: u32, seconds: u32, channels: u16) {
    write_tone_at(RATE, path, hz, seconds, channels);
}

/// The same at another rate.
pub fn write_tone_at(sample_rate: u32, path: &Path, hz: u32, seconds: u32, channels: u16) {
    let spec = WavSpec { channels, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut wav = WavWriter::create(path, spec).expect("a new WAV file");
    for n in 0..seconds * sample_rate {
        let phase = TAU * f64::from(hz) * f64::from(n) / f64::from(sample_rate);
        (0..channels).for_each(|_| wav.write_sample((phase.sin() * 10_360.0) as i16).expect("room for a sample"));
    }
    wav.finalize().expect("a closed WAV file");
}

/// Which part of what a phone heard lies at a frequency, at the rate of its codec.
pub fn share(path: &Path, hz: u32) -> f64 {
    let wav = WavReader::open(path).unwrap_or_else(|why| panic!("{} is no WAV file: {why}", path.display()));
    let (rate, channels) = (f64::from(wav.spec().sample_rate), wav.spec().channels.into());
    let samples: Vec<i16> = wav.into_samples().map_while(Result::ok).step_by(channels).collect();
    let loud = |window: &&[i16]| audio::rms_dbfs(window) > -30.0;
    let shares: Vec<f64> = samples
        .chunks_exact(WINDOW)
        .filter(loud)
        .map(|window| audio::goertzel::share(window, f64::from(hz) * f64::from(RATE) / rate))
        .collect();
    assert!(!shares.is_empty(), "{}: nothing was heard", path.display());
    shares.iter().sum::<f64>() / shares.len() as f64
}

/// The same tone as bare A-law, as sipp wants it.
pub fn write_alaw_tone(path: &Path, hz: u32, seconds: u32) {
    fs::write(path, Encoding::Pcma.encoded(&tone(hz, seconds))).expect("a file in our own folder");
}

/// The same, not yet written.
pub fn tone(hz: u32, seconds: u32) -> Vec<i16> {
    (0..seconds * RATE).map(|n| tone_at(hz, n)).collect()
}

fn tone_at(hz: u32, n: u32) -> i16 {
    let phase = TAU * f64::from(hz) * f64::from(n) / f64::from(RATE);
    (phase.sin() * 10_360.0) as i16
}

/// One side of a recording, or all of a phone's.
pub struct Side(Vec<i16>);

/// The channels of a WAV file, which must be a sound one: 16 bit, its header telling its true length. One of more than
/// 8 kHz, as a wideband phone writes it, is brought down to that.
pub fn read(path: &Path) -> Vec<Side> {
    read_samples(path, |n, why| panic!("{} breaks off at sample {n}: {why}", path.display()))
}

/// The same of a phone that ends with its file half written.
pub fn read_broken(path: &Path) -> Vec<Side> {
    read_samples(path, |_, _| {})
}

fn read_samples(path: &Path, broken: impl Fn(usize, hound::Error)) -> Vec<Side> {
    let wav = WavReader::open(path).unwrap_or_else(|why| panic!("{} is no WAV file: {why}", path.display()));
    let spec = wav.spec();
    assert_eq!((spec.sample_rate % RATE, spec.bits_per_sample), (0, 16), "{}", path.display());
    let channels = usize::from(spec.channels);
    let mut sides: Vec<Side> = (0..channels).map(|_| Side(Vec::new())).collect();
    for (n, sample) in wav.into_samples::<i16>().enumerate() {
        match sample {
            Ok(sample) => sides[n % channels].0.push(sample),
            Err(why) => {
                broken(n, why);
                break;
            }
        }
    }
    let of = (spec.sample_rate / RATE) as usize;
    let mean = |samples: &[i16]| (samples.iter().map(|sample| i64::from(*sample)).sum::<i64>() / of as i64) as i16;
    sides.iter_mut().for_each(|side| side.0 = side.0.chunks_exact(of).map(mean).collect());
    sides
}

impl Side {
    /// Samples from elsewhere.
    pub fn of(samples: Vec<i16>) -> Side {
        Side(samples)
    }

    /// What it is made of.
    pub fn into_samples(self) -> Vec<i16> {
        self.0
    }

    pub fn seconds(&self) -> f64 {
        self.0.len() as f64 / f64::from(RATE)
    }

    /// How much the loudness of this goes up and down as in the other, wherever that begins: 1 is the same, 0 is not alike.
    pub fn likeness(&self, other: &Side) -> f64 {
        let [heard, said] = [self, other].map(Side::loudness);
        let offsets = 0..heard.len().saturating_sub(said.len()).max(1);
        offsets.map(|at| correlation(&heard[at..], &said)).fold(0.0, f64::max)
    }

    /// In pieces of 20 ms.
    fn loudness(&self) -> Vec<f64> {
        let rms = |piece: &[i16]| {
            (piece.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / piece.len() as f64).sqrt()
        };
        self.0.chunks(RATE as usize / 50).map(rms).collect()
    }

    /// How loud this tone is in the whole, in dB under full scale (Goertzel, window by window).
    pub fn level(&self, hz: u32) -> f64 {
        let windows = self.0.chunks_exact(WINDOW);
        let count = windows.len().max(1) as f64;
        let power: f64 = windows.map(|window| goertzel(window, hz)).sum();
        10.0 * (power / count).max(1e-12).log10()
    }

    /// Is this tone there, and the other one not? A tone from [`write_tone`] that plays for a third of the time
    /// still stands at -15 dB; what leaks of a tone through G.711 and a few lost packets stays under -45 dB.
    pub fn assert_only(&self, who: &str, here: u32, absent: u32) {
        let (here, absent) = ((here, self.level(here)), (absent, self.level(absent)));
        let right = here.1 > -18.0 && absent.1 < -45.0;
        let seconds = self.seconds();
        assert!(
            right,
            "{who} should have {} Hz and no {} Hz, but has {:.1} dB and {:.1} dB in {seconds:.2} s",
            here.0, absent.0, here.1, absent.1
        );
    }
}

fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let count = one.len().min(other.len());
    let mean = |all: &[f64]| all[..count].iter().sum::<f64>() / count.max(1) as f64;
    let (mean_one, mean_other) = (mean(one), mean(other));
    let pairs = || one.iter().zip(other).map(|(one, other)| (one - mean_one, other - mean_other));
    let [both, square_one, square_other] = pairs().fold([0.0; 3], |[both, first, second], (one, other)| {
        [both + one * other, first + one * one, second + other * other]
    });
    both / (square_one * square_other).sqrt().max(1e-9)
}

/// How loud a tone is in samples of any rate, in dB under full scale.
pub fn level_at(samples: &[i16], rate: u32, hz: u32) -> f64 {
    let windows = samples.chunks_exact((rate / 20) as usize);
    let count = windows.len().max(1) as f64;
    let power: f64 = windows.map(|window| goertzel_at(window, rate, hz)).sum();
    10.0 * (power / count).max(1e-12).log10()
}

/// Power of one frequency in a window, as a share of a full-scale sine's.
fn goertzel(window: &[i16], hz: u32) -> f64 {
    goertzel_at(window, RATE, hz)
}

fn goertzel_at(window: &[i16], rate: u32, hz: u32) -> f64 {
    let turn = 2.0 * (TAU * f64::from(hz) / f64::from(rate)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in window {
        (last, before) = (f64::from(*sample) / 32_768.0 + turn * last - before, last);
    }
    let half = window.len() as f64 / 2.0;
    (last * last + before * before - turn * last * before) / (half * half)
}

#[test]
fn a_tone_is_found_at_its_level_and_not_elsewhere() {
    let room = super::Scratch::new("tone");
    let file = room.path().join("tone.wav");
    write_tone(&file, 700, 1, 1);
    let side = read(&file).remove(0);
    assert!((side.level(700) + 10.0).abs() < 0.1, "{}", side.level(700));
    assert!(side.level(1900) < -70.0, "{}", side.level(1900));
    side.assert_only("the file", 700, 1900);
}
