//! Keys heard in the sound itself, where a phone or carrier says them no other way (ITU-T Q.23, Q.24).
//!
//! Where it stands: `media` feeds it what a leg without telephone-events says. It wants two lone sines of the right
//! loudness for long enough; a voice, however it sings, has more in it than that.

use std::f32::consts::TAU;
use std::sync::LazyLock;

use crate::{Encoding, SAMPLE_RATE};

/// Samples looked at together: 12.75 ms, by which neighbouring frequencies are told apart.
const BLOCK: usize = 102;
/// A press lasts so many blocks at least: 23 ms are none, 40 ms are one (Q.24).
const PRESSED_BLOCKS: u8 = 2;
/// It is over after so many without it: 10 ms missing are not the end, 40 ms are (Q.24).
const RELEASED_BLOCKS: u8 = 3;
/// Each sine is at least so loud: −36 dBFS.
const PEAK_MIN: f32 = 32_768.0 * 0.0158;
/// The upper sine may be so much stronger than the lower (8 dB and some), and the lower than the upper (4 dB and some).
const TWIST_MAX: f32 = 7.5;
const TWIST_BACK_MAX: f32 = 3.0;
/// A sine stands out so much from its neighbours: 8 dB.
const ABOVE_OTHERS: f32 = 6.3;
/// So much of all energy is in the two.
const SHARE_MIN: f32 = 0.8;

const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// 2 cos ω of rows and columns.
static COEFFICIENTS: LazyLock<[f32; 8]> = LazyLock::new(|| {
    std::array::from_fn(|at| {
        let hz = if at < 4 { ROWS[at] } else { COLUMNS[at - 4] };
        2.0 * (TAU * hz / SAMPLE_RATE as f32).cos()
    })
});
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Listens to one side, 8000 samples a second.
///
/// ```
/// use audio::{DtmfDetector, dtmf, tone};
/// let pressed = tone(&dtmf('7').unwrap(), 60);
/// let mut detector = DtmfDetector::new();
/// let heard: Vec<char> = pressed.chunks(160).filter_map(|packet| detector.hear(packet)).collect();
/// assert_eq!(heard, ['7']);
/// ```
#[derive(Clone, Debug)]
pub struct DtmfDetector {
    block: [i16; BLOCK],
    filled: usize,
    /// The key of the last blocks, and how many there were.
    candidate: Option<char>,
    blocks: u8,
    /// The key that is down, and since how many blocks it was not heard.
    down: Option<char>,
    missed: u8,
}

impl Default for DtmfDetector {
    fn default() -> DtmfDetector {
        DtmfDetector::new()
    }
}

impl DtmfDetector {
    /// Has heard nothing.
    pub fn new() -> DtmfDetector {
        DtmfDetector { block: [0; BLOCK], filled: 0, candidate: None, blocks: 0, down: None, missed: 0 }
    }

    /// Hears one packet of at most 60 ms; the key whose press it makes certain. Once a press.
    pub fn hear(&mut self, mut samples: &[i16]) -> Option<char> {
        let mut pressed = None;
        while !samples.is_empty() {
            let room = &mut self.block[self.filled..];
            let (piece, rest) = samples.split_at(samples.len().min(room.len()));
            room[..piece.len()].copy_from_slice(piece);
            samples = rest;
            pressed = self.filled_by(piece.len()).or(pressed);
        }
        pressed
    }

    /// The same packet as it came.
    pub fn hear_encoded(&mut self, encoding: Encoding, mut payload: &[u8]) -> Option<char> {
        let mut pressed = None;
        while !payload.is_empty() {
            let room = &mut self.block[self.filled..];
            let (piece, rest) = payload.split_at(payload.len().min(room.len() * encoding.width()));
            encoding.decode_into(piece, room);
            payload = rest;
            pressed = self.filled_by(piece.len() / encoding.width()).or(pressed);
        }
        pressed
    }

    fn filled_by(&mut self, samples: usize) -> Option<char> {
        self.filled += samples;
        if self.filled < BLOCK {
            return None;
        }
        self.filled = 0;
        let key = if may_be_key(&self.block) { key_of(&self.block) } else { None };
        self.step(key)
    }

    /// A block says this key, or none.
    fn step(&mut self, key: Option<char>) -> Option<char> {
        self.blocks = if key == self.candidate { self.blocks.saturating_add(1) } else { 1 };
        self.candidate = key;
        if self.down.is_some() {
            self.missed = if key == self.down { 0 } else { self.missed + 1 };
            if self.missed >= RELEASED_BLOCKS {
                self.down = None;
            }
        }
        if key.is_none() || self.down.is_some() || self.blocks < PRESSED_BLOCKS {
            return None;
        }
        (self.down, self.missed) = (key, 0);
        key
    }
}

/// What any key must be, and silence and most of speech are not: loud, and as like itself one and two samples later as two
/// sines from different rows of the table are. At a tenth of the cost of looking for the sines.
fn may_be_key(block: &[i16; BLOCK]) -> bool {
    let block = block.map(|sample| sample >> 3); // so that sums of products fit
    let likeness = |later: usize| -> i32 {
        block.iter().zip(&block[later..]).map(|(one, other)| i32::from(*one) * i32::from(*other)).sum()
    };
    let energy = likeness(0) as f32;
    let is_within = |later, least: f32, most: f32| (least * energy..=most * energy).contains(&(likeness(later) as f32));
    energy >= 0.8 * BLOCK as f32 * (PEAK_MIN / 8.0).powi(2) && is_within(1, -0.05, 0.9) && is_within(2, -0.9, 0.5)
}

fn key_of(block: &[i16; BLOCK]) -> Option<char> {
    // Goertzel: the filters' last two values, of rows and columns.
    let coefficients = &*COEFFICIENTS;
    let (mut last, mut before) = ([0.0_f32; 8], [0.0_f32; 8]);
    let mut energy = 0.0;
    for sample in block {
        let sample = f32::from(*sample);
        for filter in 0..8 {
            let next = sample + coefficients[filter] * last[filter] - before[filter];
            (last[filter], before[filter]) = (next, last[filter]);
        }
        energy += sample * sample;
    }
    let powers: [f32; 8] = std::array::from_fn(|filter| {
        let (last, before) = (last[filter], before[filter]);
        last * last + before * before - coefficients[filter] * last * before
    });
    let (row, lower) = strongest(&powers[..4])?;
    let (column, upper) = strongest(&powers[4..])?;
    let loud = (PEAK_MIN * BLOCK as f32 / 2.0).powi(2);
    let share = 2.0 * (lower + upper) / (energy * BLOCK as f32);
    let is_key = lower >= loud
        && upper >= loud
        && upper <= lower * TWIST_MAX
        && lower <= upper * TWIST_BACK_MAX
        && share >= SHARE_MIN;
    is_key.then(|| KEYS[row][column])
}

/// The one that stands out from its three neighbours.
fn strongest(powers: &[f32]) -> Option<(usize, f32)> {
    let (at, most) = powers.iter().copied().enumerate().max_by(|one, other| one.1.total_cmp(&other.1))?;
    let stands_out = powers.iter().enumerate().all(|(other, power)| other == at || most >= power * ABOVE_OTHERS);
    stands_out.then_some((at, most))
}

#[cfg(test)]
mod tests {
    use base::Random;
    use proptest::prelude::*;

    use super::*;
    use crate::{RINGBACK, dtmf, melody, music, silence, tone};

    fn heard(samples: &[i16], packet: usize) -> String {
        let mut detector = DtmfDetector::new();
        samples.chunks(packet).filter_map(|packet| detector.hear(packet)).collect()
    }

    /// A key of these sines, in silence.
    fn press(key: char, levels: (f64, f64), ms: u32, detune: f64) -> Vec<i16> {
        let [(low, _), (high, _)] = dtmf(key).unwrap();
        let sines = [(low * detune, levels.0), (high * detune, levels.1)];
        [silence(50), tone(&sines, ms), silence(50)].concat()
    }

    #[test]
    fn every_key_is_heard_through_each_codec_of_telephony() {
        for key in "0123456789*#ABCD".chars() {
            for codec in Encoding::ALL {
                for packet in [80, 160, 240, 480] {
                    let pressed = codec.decoded(&codec.encoded(&press(key, (-12.0, -10.0), 60, 1.0)));
                    assert_eq!(heard(&pressed, packet), key.to_string(), "{codec:?} {packet}");
                }
            }
        }
    }

    #[test]
    fn what_counts_as_a_press_is_what_q_24_says() {
        for (what, levels, ms, detune, want) in [
            ("as short as allowed", (-10.0, -10.0), 40, 1.0, "5"),
            ("too short", (-10.0, -10.0), 20, 1.0, ""),
            ("held long", (-10.0, -10.0), 2000, 1.0, "5"),
            ("quiet", (-30.0, -30.0), 50, 1.0, "5"),
            ("too quiet", (-45.0, -45.0), 50, 1.0, ""),
            ("as loud as it goes", (-6.1, -6.1), 50, 1.0, "5"),
            ("the upper 8 dB stronger", (-18.0, -10.0), 50, 1.0, "5"),
            ("the upper 12 dB stronger", (-22.0, -10.0), 50, 1.0, ""),
            ("the lower 4 dB stronger", (-10.0, -14.0), 50, 1.0, "5"),
            ("the lower 8 dB stronger", (-10.0, -18.0), 50, 1.0, ""),
            ("1.5 % too high", (-10.0, -10.0), 50, 1.015, "5"),
            ("1.5 % too low", (-10.0, -10.0), 50, 0.985, "5"),
            ("5 % too high", (-10.0, -10.0), 50, 1.05, ""),
        ] {
            assert_eq!(heard(&press('5', levels, ms, detune), 160), want, "{what}");
        }
    }

    #[test]
    fn presses_apart_are_two_and_a_short_break_is_none() {
        for (gap_ms, want) in [(40, "55"), (50, "55"), (10, "5")] {
            let sines = dtmf('5').unwrap();
            let pressed = [silence(30), tone(&sines, 60), silence(gap_ms), tone(&sines, 60), silence(60)].concat();
            assert_eq!(heard(&pressed, 160), want, "{gap_ms}");
        }
    }

    #[test]
    fn music_tones_and_noise_press_no_key() {
        let mut random = Random::numbered(5);
        let noise: Vec<i16> = (0..80_000).map(|_| (random.below(20_000) as i32 - 10_000) as i16).collect();
        let row: Vec<(f64, u32)> = (0..200).map(|n| (200.0 + 9.0 * f64::from(n), 60)).collect();
        for (what, samples) in [
            ("noise", noise),
            ("the centre's music", music().pcm().to_vec()),
            ("ringback", RINGBACK.pcm()),
            ("one sine after another", melody(&row, -10.0)),
            ("a lone row", tone(&[(770.0, -10.0)], 1000)),
            ("three sines", tone(&[(770.0, -14.0), (1336.0, -14.0), (1000.0, -14.0)], 1000)),
        ] {
            assert_eq!(heard(&samples, 160), "", "{what}");
        }
    }

    #[test]
    fn what_comes_encoded_is_heard_as_what_was_decoded() {
        let pressed = [press('1', (-12.0, -10.0), 60, 1.0), press('D', (-12.0, -10.0), 60, 1.0)].concat();
        for encoding in Encoding::ALL {
            let payload = encoding.encoded(&pressed);
            for bytes in [1, 80, 101, 160, 204, 480] {
                let mut detector = DtmfDetector::new();
                let bytes = bytes * encoding.width();
                let keys: String =
                    payload.chunks(bytes).filter_map(|piece| detector.hear_encoded(encoding, piece)).collect();
                assert_eq!(keys, "1D", "{encoding:?} {bytes}");
            }
            assert_eq!(DtmfDetector::new().hear_encoded(encoding, &payload[..1]), None);
        }
    }

    proptest! {
        #[test]
        fn the_quick_look_turns_no_key_away(
            key in 0..16_usize, detune in 0.96..1.04_f64, louder in 0.0..30.0_f64, twist in -6.0..10.0_f64,
            noise in 0..1000_u64, at in 0..300_usize, seed in any::<u64>(),
        ) {
            let key = "0123456789*#ABCD".as_bytes()[key] as char;
            let levels = (-37.0 + louder - twist / 2.0, -37.0 + louder + twist / 2.0);
            let mut samples = press(key, levels, 60, detune);
            let mut random = Random::numbered(seed);
            let mut add = |sample: &mut i16| {
                let noise = random.below(2 * noise + 1) as i64 - noise as i64;
                *sample = sample.saturating_add(noise as i16);
            };
            samples.iter_mut().for_each(&mut add);
            for block in samples[at..].as_chunks::<BLOCK>().0 {
                prop_assert!(key_of(block).is_none() || may_be_key(block));
            }
        }

        #[test]
        fn keys_are_heard_in_noise_wherever_they_begin(
            at in 0..400_usize, key in 0..16_usize, ms in 50..200_u32, seed in any::<u64>(),
        ) {
            let key = "0123456789*#ABCD".as_bytes()[key] as char;
            let mut samples = [vec![0; at], press(key, (-14.0, -12.0), ms, 1.0)].concat();
            let mut random = Random::numbered(seed);
            // White noise 20 dB below.
            samples.iter_mut().for_each(|sample| *sample += (random.below(2000) as i32 - 1000) as i16);
            prop_assert_eq!(heard(&samples, 160), key.to_string());
        }
    }
}
