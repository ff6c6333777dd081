//! Tones the network plays: ringing, busy, a beep, keys, and a plain melody for who has to wait.
//!
//! Frequencies and rhythms after ITU-T E.180 and Q.23; levels a telephone is used to.

use std::f64::consts::{PI, TAU};

use crate::level::amplitude;
use crate::{SAMPLE_RATE, Sound};

/// The sum of sines, each `(hz, dBFS)`, for `ms` milliseconds. What exceeds full scale is clipped.
///
/// ```
/// let half_a_second = audio::tone(&[(425.0, -10.0)], 500);
/// assert_eq!(half_a_second.len(), 4000);
/// assert!((audio::goertzel::level(&half_a_second, 425.0) + 10.0).abs() < 0.1);
/// ```
pub fn tone(sines: &[(f64, f64)], ms: u32) -> Vec<i16> {
    tone_at(SAMPLE_RATE, sines, ms)
}

fn tone_at(rate: u32, sines: &[(f64, f64)], ms: u32) -> Vec<i16> {
    let sines: Vec<(f64, f64)> =
        sines.iter().map(|(hz, dbfs)| (TAU * hz / f64::from(rate), amplitude(*dbfs))).collect();
    (0..samples_at(rate, ms))
        .map(|n| sines.iter().map(|(step, peak)| peak * (step * n as f64).sin()).sum::<f64>().round() as i16)
        .collect()
}

/// Nothing, for `ms` milliseconds.
pub fn silence(ms: u32) -> Vec<i16> {
    vec![0; samples(ms)]
}

/// A tone and its rhythm.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cadence {
    /// What sounds: `(hz, dBFS)`.
    pub sines: &'static [(f64, f64)],
    /// For how long it sounds and is silent, in milliseconds, in turn.
    pub beats: &'static [(u32, u32)],
}

impl Cadence {
    /// One round of the rhythm; play it repeated.
    pub fn pcm(&self) -> Vec<i16> {
        self.pcm_at(SAMPLE_RATE)
    }

    /// The same at another rate.
    pub fn pcm_at(&self, rate: u32) -> Vec<i16> {
        let beat = |(on_ms, off_ms): &(u32, u32)| {
            let mut pcm = tone_at(rate, self.sines, *on_ms);
            soften_at(rate, &mut pcm);
            pcm.resize(pcm.len() + samples_at(rate, *off_ms), 0);
            pcm
        };
        self.beats.iter().flat_map(beat).collect()
    }

    /// The same, ready to be played.
    pub fn sound(&self) -> Sound {
        Sound::from_pcm(self.pcm())
    }
}

/// The other phone rings, as most of Europe hears it (E.180: 425 Hz, 1 s in 5).
pub const RINGBACK: Cadence = Cadence { sines: &[(425.0, -13.0)], beats: &[(1000, 4000)] };
/// The other phone rings, as North America hears it (440 and 480 Hz, 2 s in 6).
pub const RINGBACK_NORTH_AMERICA: Cadence =
    Cadence { sines: &[(440.0, -19.0), (480.0, -19.0)], beats: &[(2000, 4000)] };
/// The other party is talking.
pub const BUSY: Cadence = Cadence { sines: &[(425.0, -13.0)], beats: &[(500, 500)] };
/// There is no way through.
pub const CONGESTION: Cadence = Cadence { sines: &[(425.0, -13.0)], beats: &[(250, 250)] };
/// Speak now.
pub const BEEP: Cadence = Cadence { sines: &[(1000.0, -13.0)], beats: &[(300, 0)] };

/// You are being recorded: to be repeated every so often (Federal Standard 1037: 1400 Hz, half a second, each 15 s), softly
/// beside what people say.
pub const RECORDED: Cadence = Cadence { sines: &[(1400.0, -22.0)], beats: &[(500, 0)] };

/// The two sines of a key (ITU-T Q.23), at the level Q.24 leads one to expect; `None` where there is no such key.
pub fn dtmf(key: char) -> Option<[(f64, f64); 2]> {
    const KEYS: [&str; 4] = ["123A", "456B", "789C", "*0#D"];
    const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
    const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
    let key = key.to_ascii_uppercase();
    let (row, column) = KEYS.iter().enumerate().find_map(|(row, keys)| Some((row, keys.find(key)?)))?;
    Some([(ROWS[row], -12.0), (COLUMNS[column], -10.0)])
}

/// Notes `(hz, ms)` one after another, each struck and fading, with a soft octave above: something to wait by.
/// A note of 0 Hz is a rest.
pub fn melody(notes: &[(f64, u32)], dbfs: f64) -> Vec<i16> {
    notes
        .iter()
        .flat_map(|(hz, ms)| {
            let mut pcm = match *hz {
                0.0 => silence(*ms),
                hz => tone(&[(hz, dbfs), (2.0 * hz, dbfs - 12.0)], *ms),
            };
            let length = pcm.len() as f64;
            for (n, sample) in pcm.iter_mut().enumerate() {
                *sample = (f64::from(*sample) * (-2.0 * n as f64 / length).exp()) as i16;
            }
            soften(&mut pcm);
            pcm
        })
        .collect()
}

/// Lets a tone rise and fall within 4 ms each, so that it does not click.
fn soften(pcm: &mut [i16]) {
    soften_at(SAMPLE_RATE, pcm);
}

fn soften_at(rate: u32, pcm: &mut [i16]) {
    let edge = usize::min(samples_at(rate, 4), pcm.len() / 2);
    let last = pcm.len().saturating_sub(1);
    for n in 0..edge {
        let rise = 0.5 - 0.5 * (PI * n as f64 / edge as f64).cos();
        for at in [n, last - n] {
            pcm[at] = (f64::from(pcm[at]) * rise) as i16;
        }
    }
}

fn samples(ms: u32) -> usize {
    samples_at(SAMPLE_RATE, ms)
}

fn samples_at(rate: u32, ms: u32) -> usize {
    (u64::from(ms) * u64::from(rate) / 1000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goertzel::level;
    use crate::{SILENT_DBFS, rms_dbfs};

    #[test]
    fn a_cadence_sounds_and_pauses_in_its_rhythm() {
        let pcm = RINGBACK.pcm();
        assert_eq!(pcm.len(), 5 * 8000);
        assert!((level(&pcm[80..7920], 425.0) + 13.0).abs() < 0.2);
        assert_eq!(rms_dbfs(&pcm[8000..]), SILENT_DBFS);
        assert_eq!(BEEP.sound().seconds(), 0.3);
        let american = RINGBACK_NORTH_AMERICA.pcm();
        assert!(
            (level(&american[..16_000], 440.0) + 19.0).abs() < 0.3
                && (level(&american[..16_000], 480.0) + 19.0).abs() < 0.3
        );
    }

    #[test]
    fn each_key_has_its_pair_of_sines() {
        for (key, low, high) in [('1', 697.0, 1209.0), ('0', 941.0, 1336.0), ('#', 941.0, 1477.0), ('d', 941.0, 1633.0)]
        {
            let sines = dtmf(key).unwrap();
            assert_eq!((sines[0].0, sines[1].0), (low, high), "{key}");
        }
        assert_eq!(dtmf('x'), None);
    }

    #[test]
    fn too_loud_is_clipped_and_nothing_is_nothing() {
        assert_eq!(tone(&[(1000.0, 0.0), (1000.0, 0.0)], 1)[2], i16::MAX);
        assert!(tone(&[(1000.0, 0.0)], 0).is_empty() && melody(&[(440.0, 0)], -10.0).is_empty());
        assert_eq!(tone(&[], 1), silence(1));
    }

    #[test]
    fn a_melody_plays_its_notes_in_order() {
        let pcm = melody(&[(440.0, 250), (0.0, 100), (660.0, 250)], -15.0);
        assert_eq!(pcm.len(), 600 * 8);
        assert!(level(&pcm[..2000], 440.0) > level(&pcm[..2000], 660.0) + 15.0);
        assert_eq!(rms_dbfs(&pcm[2000..2800]), SILENT_DBFS);
        assert!(level(&pcm[2800..], 660.0) > level(&pcm[2800..], 440.0) + 15.0);
    }
}
