//! G.722 at 64 kbit/s (ITU-T G.722, mode 1): two bands of 4 kHz, each coded as adaptive differential PCM.
//!
//! Where it stands: behind [`Decoder`](crate::Decoder) and [`Encoder`](crate::Encoder). The block names of the
//! recommendation's clause 6.2 stand at the code that obeys them; [`Band`] is what both directions share. A byte holds
//! two samples of 16 kHz: six bits of the lower band below two of the higher.

mod band;

use band::{Band, HIGH, LOW, saturated, scaled};

/// Samples of 16 kHz become bytes.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    mirror: Mirror,
    low: Band,
    high: Band,
}

/// Bytes become samples of 16 kHz.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    mirror: Mirror,
    low: Band,
    high: Band,
}

impl Encoder {
    pub fn new() -> Encoder {
        Encoder { mirror: Mirror::default(), low: Band::new(&LOW), high: Band::new(&HIGH) }
    }

    /// One byte for each two samples; an odd last sample is left out.
    pub fn encode_into(&mut self, samples: &[i16], payload: &mut [u8]) {
        for (byte, pair) in payload.iter_mut().zip(samples.as_chunks::<2>().0) {
            let (odd, even) = self.mirror.turn(pair[0].into(), pair[1].into());
            // Of 16-bit samples the bands keep 15 bits: G.191 takes them to be 14 bits wide, and halves them twice.
            *byte = self.high_bits((even - odd) >> 14) << 6 | self.low_bits((even + odd) >> 14);
        }
    }

    /// The same from samples of 8 kHz: they are the lower band as it is, and there is nothing in the higher. So nothing is
    /// resampled, and nothing filtered.
    pub fn encode_low_into(&mut self, samples: &[i16], payload: &mut [u8]) {
        for (byte, sample) in payload.iter_mut().zip(samples) {
            *byte = self.high_bits(0) << 6 | self.low_bits(i32::from(*sample) >> 1);
        }
    }

    /// SUBTRA, QUANTL, INVQAL and what adapts.
    fn low_bits(&mut self, sample: i32) -> u8 {
        let error = saturated(sample - self.low.estimate());
        let magnitude = if error >= 0 { error } else { -(error + 1) };
        let step = self.low.step();
        let level = 1 + Q6.iter().take_while(|decision| magnitude >= (**decision * step) >> 12).count();
        let bits = if error < 0 { ILN[level] } else { ILP[level] };
        self.low.adapt(usize::from(bits) >> 2);
        bits
    }

    /// The same for the higher band: QUANTH, INVQAH.
    fn high_bits(&mut self, sample: i32) -> u8 {
        let error = saturated(sample - self.high.estimate());
        let magnitude = if error >= 0 { error } else { -(error + 1) };
        let far = magnitude >= (564 * self.high.step()) >> 12;
        let bits = match (error < 0, far) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        self.high.adapt(usize::from(bits));
        bits
    }
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder { mirror: Mirror::default(), low: Band::new(&LOW), high: Band::new(&HIGH) }
    }

    /// Two samples for each byte.
    pub fn decode_into(&mut self, payload: &[u8], samples: &mut [i16]) {
        for (pair, byte) in samples.as_chunks_mut::<2>().0.iter_mut().zip(payload) {
            let (low_bits, high_bits) = (usize::from(byte & 63), usize::from(byte >> 6));
            let low = self.low_sample(low_bits);
            let high = limited(self.high.estimate() + self.high.difference(high_bits));
            self.high.adapt(high_bits);
            let (odd, even) = self.mirror.turn(low + high, low - high);
            *pair = [saturated(even >> 11) as i16, saturated(odd >> 11) as i16];
        }
    }

    /// The lower band alone: one sample of 8 kHz for each byte, all that a narrowband listener can hear.
    pub fn decode_low_into(&mut self, payload: &[u8], samples: &mut [i16]) {
        for (sample, byte) in samples.iter_mut().zip(payload) {
            *sample = saturated(self.low_sample(usize::from(byte & 63)) << 1) as i16;
        }
    }

    /// INVQBL sees all six bits, the predictor only four, as at the lower rates.
    fn low_sample(&mut self, bits: usize) -> i32 {
        let sample = limited(self.low.estimate() + scaled(self.low.step(), QM6[bits]));
        self.low.adapt(bits >> 2);
        sample
    }
}

/// LIMIT: 15 bits.
fn limited(sample: i32) -> i32 {
    sample.clamp(-16384, 16383)
}

/// The quadrature mirror filter that splits the bands and joins them: 24 taps, symmetric, over two phases.
#[derive(Clone, Debug, Default)]
struct Mirror {
    /// Twice the last 12 pairs, so that those in question always lie in one run.
    pairs: [[i32; 2]; 24],
    next: usize,
}

impl Mirror {
    /// Takes a pair of samples; gives the sums over those of odd and even place.
    #[inline]
    fn turn(&mut self, first: i32, second: i32) -> (i32, i32) {
        self.pairs[self.next] = [first, second];
        self.pairs[self.next + 12] = [first, second];
        self.next = (self.next + 1) % 12;
        let window = &self.pairs[self.next..self.next + 12];
        let (mut odd, mut even) = (0, 0);
        for (i, pair) in window.iter().enumerate() {
            odd += pair[0] * TAPS[i];
            even += pair[1] * TAPS[11 - i];
        }
        (odd, even)
    }
}

/// Half of the filter's taps (table 11), for the samples of odd place; the other half backwards for those of even.
const TAPS: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// Decision levels of the lower band (table 14).
const Q6: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Code of each level below zero and above it; level 1 is the first.
const ILN: [u8; 31] = [
    0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
];
const ILP: [u8; 31] = [
    0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34,
    33, 32,
];
/// What six bits of the lower band mean (table 18).
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

#[cfg(test)]
mod tests;
