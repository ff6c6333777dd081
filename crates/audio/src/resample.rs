//! From one sample rate to another, by rubato: the one file that knows the crate.
//!
//! Where it stands: a sound is made at the rates its listeners hear; `media` puts one where a talker's rate is not the
//! listener's, which happens only where several are mixed: two alone settle on a rate both codecs can do. Whole frames of
//! 20 ms go in and come out, 10 ms later; nothing is allocated on the way.

use std::fmt;

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// A way between two rates, with the memory of what has passed.
pub struct Resampler {
    fft: Fft<f32>,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Resampler {
    /// Between two rates that are multiples of 50 Hz. `None` where there is nothing to do, or rubato will not.
    pub fn new(from: u32, to: u32) -> Option<Resampler> {
        if from == to {
            return None;
        }
        let (input, output) = (from as usize / 50, to as usize / 50);
        let fft = Fft::new(from as usize, to as usize, input, 1, FixedSync::Both).ok()?;
        if (fft.input_frames_next(), fft.output_frames_next()) != (input, output) {
            return None;
        }
        Some(Resampler { fft, input: vec![0.0; input], output: vec![0.0; output] })
    }

    /// Appends to `out` what each whole frame of 20 ms becomes; a rest that is no whole frame is left out.
    pub fn resample(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        for frame in samples.chunks_exact(self.input.len()) {
            for (float, sample) in self.input.iter_mut().zip(frame) {
                *float = (*sample).into();
            }
            if self.run().is_none() {
                self.output.fill(0.0); // rubato refuses only sizes, and those are fixed
            }
            out.extend(self.output.iter().map(|float| float.round() as i16)); // `as` saturates
        }
    }

    /// How many samples of the output come before those of the input's first.
    pub fn delay(&self) -> usize {
        self.fft.output_delay()
    }

    fn run(&mut self) -> Option<()> {
        let (input_frames, output_frames) = (self.input.len(), self.output.len());
        let input = InterleavedSlice::new(&self.input, 1, input_frames).ok()?;
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, output_frames).ok()?;
        self.fft.process_into_buffer(&input, &mut output, None).ok().map(drop)
    }
}

/// A whole sound at another rate, as long as it was. `None` where one of the rates is no multiple of 50 Hz.
pub(crate) fn resampled(samples: &[i16], from: u32, to: u32) -> Option<Vec<i16>> {
    if from == to {
        return Some(samples.to_vec());
    }
    let mut resampler = Resampler::new(from, to)?;
    let delay = resampler.delay();
    let length = (samples.len() as u64 * u64::from(to)).div_ceil(from.into()) as usize;
    let frame = resampler.input.len();
    let mut out = Vec::with_capacity(length + 4 * delay);
    let whole = samples.len() / frame * frame;
    resampler.resample(&samples[..whole], &mut out);
    let mut rest = samples[whole..].to_vec();
    rest.resize(3 * frame, 0); // what it holds back comes out, too
    resampler.resample(&rest, &mut out);
    out.drain(..delay.min(out.len()));
    out.truncate(length);
    Some(out)
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resampler({} to {} a frame)", self.input.len(), self.output.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{sine, snr_db};

    #[test]
    fn a_tone_comes_through_and_what_does_not_fit_is_gone() {
        for (from, to, hz, comes) in [
            (8000, 16_000, 1000.0, true),
            (8000, 48_000, 3000.0, true),
            (16_000, 8000, 1000.0, true),
            (48_000, 8000, 3000.0, true),
            (16_000, 48_000, 6000.0, true),
            (48_000, 16_000, 6000.0, true),
            (16_000, 8000, 5000.0, false),
            (48_000, 8000, 5500.0, false),
            (48_000, 16_000, 10_000.0, false),
        ] {
            let out = resampled(&sine(from, hz, -10.0, 500), from, to).unwrap();
            assert_eq!(out.len(), to as usize / 2);
            let snr = snr_db(&out[to as usize / 20..to as usize / 5 * 2], to, hz);
            let level = crate::rms_dbfs(&out[to as usize / 20..to as usize / 5 * 2]);
            if comes {
                assert!(snr > 60.0 && (level + 10.0).abs() < 0.1, "{from} → {to}, {hz} Hz: {snr} dB at {level} dBFS");
            } else {
                assert!(level < -70.0, "{from} → {to}, {hz} Hz: {level} dBFS");
            }
        }
    }

    #[test]
    fn frame_by_frame_is_the_same_as_all_at_once() {
        let samples = sine(8000, 440.0, -10.0, 200);
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        Resampler::new(8000, 16_000).unwrap().resample(&samples, &mut whole);
        let mut resampler = Resampler::new(8000, 16_000).unwrap();
        samples.chunks(160).for_each(|frame| resampler.resample(frame, &mut pieces));
        assert_eq!(whole, pieces);
        assert!(Resampler::new(8000, 8000).is_none());
    }
}
