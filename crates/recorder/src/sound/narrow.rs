//! A sound of 16 or 48 kHz at 8 kHz, as G.711 has it.
//!
//! Where it stands: between a file that is read and one that is made of it. As long as it was, and nothing is moved: what
//! the way between the rates holds back is asked for at the end and dropped at the beginning.

use audio::{Resampler, SAMPLE_RATE};

pub(crate) struct Narrow {
    way: Resampler,
    /// Samples of the first that make one of the second, and those of no whole frame yet.
    by: usize,
    waiting: Vec<i16>,
    /// Samples still to be dropped.
    skip: usize,
    taken: u64,
    given: u64,
}

impl Narrow {
    /// `None` where there is nothing to do.
    pub fn new(rate: u32) -> Option<Narrow> {
        let way = Resampler::new(rate, SAMPLE_RATE)?;
        let skip = way.delay();
        Some(Narrow { way, by: (rate / SAMPLE_RATE) as usize, waiting: Vec::new(), skip, taken: 0, given: 0 })
    }

    /// Appends to `out` what can be told by now.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        self.taken += samples.len() as u64;
        self.waiting.extend_from_slice(samples);
        self.resample(out);
    }

    /// Appends the rest.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        let due = (self.taken.div_ceil(self.by as u64) - self.given) as usize;
        let before = out.len();
        let frame = self.by * FRAME;
        self.waiting.resize(self.waiting.len().next_multiple_of(frame) + 2 * frame, 0);
        self.resample(out);
        out.truncate(before + due);
        self.given = self.taken.div_ceil(self.by as u64);
    }

    fn resample(&mut self, out: &mut Vec<i16>) {
        let before = out.len();
        let frame = self.by * FRAME;
        let whole = self.waiting.len() / frame * frame;
        self.way.resample(&self.waiting[..whole], out);
        self.waiting.drain(..whole);
        let skip = self.skip.min(out.len() - before);
        out.drain(before..before + skip);
        self.skip -= skip;
        self.given += (out.len() - before) as u64;
    }
}

/// Samples of 8 kHz made at once: 20 ms.
const FRAME: usize = 160;

#[cfg(test)]
mod tests {
    use audio::{rms_dbfs, tone};

    use super::*;

    #[test]
    fn it_is_as_long_as_it_was_and_nothing_is_moved_in_whatever_pieces_it_comes() {
        for (rate, by) in [(16_000, 2), (48_000, 6)] {
            for piece in [1, 77, 16_000, 100_000] {
                let mut sound = vec![0; 12_345 * by];
                let said: Vec<i16> = tone(&[(600.0, -10.0)], 500).iter().flat_map(|s| vec![*s; by]).collect();
                sound[3000 * by..7000 * by].copy_from_slice(&said);
                let mut narrow = Narrow::new(rate).unwrap();
                let mut out = Vec::new();
                sound.chunks(piece * by).for_each(|piece| narrow.push(piece, &mut out));
                narrow.finish(&mut out);
                assert_eq!(out.len(), 12_345);
                for silent in [&out[..2990], &out[7010..]] {
                    assert!(rms_dbfs(silent) < -50.0, "{rate} {piece}");
                }
                assert!((rms_dbfs(&out[3010..6990]) + 10.0).abs() < 0.5, "{rate} {piece}");
            }
        }
        assert!(Narrow::new(8000).is_none());
    }
}
