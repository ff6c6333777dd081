//! Goertzel's filter: how much of one frequency a run of samples holds, without a whole Fourier transform.
//!
//! Where it stands: tests and the demo ask it who is heard; DTMF and beep detection will stand on it.
//! It does no windowing: give it 50 ms or more and frequencies 100 Hz or more apart.

use std::f64::consts::TAU;

use crate::SAMPLE_RATE;
use crate::level::dbfs;

/// The level in dBFS of the sine of `hz` within `samples`; a lone tone measures as loud as it was made.
pub fn level(samples: &[i16], hz: f64) -> f64 {
    dbfs(2.0 * power(samples, hz).sqrt() / samples.len().max(1) as f64)
}

/// Which part of the energy lies at `hz`: 1 for a lone tone, near 0 for another one, for noise and for silence.
pub fn share(samples: &[i16], hz: f64) -> f64 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    if energy == 0.0 { 0.0 } else { (2.0 * power(samples, hz) / (energy * samples.len() as f64)).min(1.0) }
}

/// The squared magnitude of the Fourier sum at `hz`.
fn power(samples: &[i16], hz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * hz / f64::from(SAMPLE_RATE)).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in samples {
        (before, last) = (last, f64::from(*sample) + coefficient * last - before);
    }
    (last * last + before * before - coefficient * last * before).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoding, tone};

    #[test]
    fn a_tone_is_heard_at_its_frequency_and_not_at_another() {
        let samples = tone(&[(440.0, -12.0)], 1000);
        assert!((level(&samples, 440.0) + 12.0).abs() < 0.1);
        assert!(level(&samples, 620.0) < -50.0);
        assert!(share(&samples, 440.0) > 0.99 && share(&samples, 620.0) < 0.01);
    }

    #[test]
    fn a_tone_survives_each_codec() {
        for codec in Encoding::ALL {
            let heard = codec.decoded(&codec.encoded(&tone(&[(1004.0, -16.0)], 200)));
            assert!((level(&heard, 1004.0) + 16.0).abs() < 0.3, "{codec:?}");
            assert!(share(&heard, 1004.0) > 0.98, "{codec:?}");
        }
    }

    #[test]
    fn nothing_holds_no_tone() {
        for samples in [&[][..], &[0; 160][..]] {
            assert_eq!((level(samples, 440.0), share(samples, 440.0)), (crate::SILENT_DBFS, 0.0));
        }
    }
}
