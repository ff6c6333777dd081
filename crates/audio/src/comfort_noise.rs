//! Comfort noise (RFC 3389): the quiet of a room, made here while the other side sends none of it.
//!
//! Where it stands: `media` uses it where a decoded talker tells of his silence. Only the level is followed; the
//! spectrum, which may come with it, is ours: a gentle fall, as most rooms have.

/// Noise of a told level.
#[derive(Clone, Debug)]
pub struct ComfortNoise {
    state: u64,
    low: f32,
    gain: f32,
}

impl Default for ComfortNoise {
    fn default() -> ComfortNoise {
        ComfortNoise::new(1)
    }
}

impl ComfortNoise {
    /// Silence at first. The seed makes one noise differ from another.
    pub fn new(seed: u64) -> ComfortNoise {
        ComfortNoise { state: seed | 1, low: 0.0, gain: 0.0 }
    }

    /// Follow a comfort-noise payload: its first byte is the level in −dBov (RFC 3389 §3.1). False if it has none.
    pub fn follow(&mut self, payload: &[u8]) -> bool {
        let Some(level) = payload.first() else { return false };
        let rms = 32768.0 * 10_f32.powf(-f32::from(level & 127) / 20.0);
        self.gain = rms.min(RMS_MAX) * WHITE_TO_LOW;
        true
    }

    /// The next samples.
    pub fn fill(&mut self, samples: &mut [i16]) {
        samples.fill_with(|| {
            // Knuth's MMIX generator: noise need not be hard to guess.
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let white = ((self.state >> 32) as i32) as f32 / 2_147_483_648.0;
            self.low += 0.5 * (white - self.low);
            (self.low * self.gain) as i16
        });
    }
}

/// Nobody's quiet is louder than −30 dBov.
const RMS_MAX: f32 = 1036.0;
/// √3 for evenly spread white noise of mean square one, √3 again for what the filter takes away.
const WHITE_TO_LOW: f32 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SILENT_DBFS, rms_dbfs};

    #[test]
    fn the_noise_is_as_loud_as_told() {
        let mut noise = ComfortNoise::new(7);
        let mut samples = [0; 8000];
        noise.fill(&mut samples);
        assert_eq!(rms_dbfs(&samples), SILENT_DBFS, "until it is told");
        // dBov is by a square wave, dBFS by a sine: 3 dB between them.
        for (payload, dbfs) in [(&[50][..], -47.0), (&[60, 1, 2][..], -57.0), (&[0][..], -27.0)] {
            assert!(noise.follow(payload));
            noise.fill(&mut samples);
            assert!((rms_dbfs(&samples) - dbfs).abs() < 1.0, "{payload:?}: {}", rms_dbfs(&samples));
        }
        assert!(!noise.follow(&[]));
    }
}
