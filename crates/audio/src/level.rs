//! How loud a run of samples is.

/// What is said of digital silence and of nothing at all: below the least sample 16 bits can hold, and still a number.
pub const SILENT_DBFS: f64 = -100.0;

/// The mean level; a sine of full scale is 0.
pub fn rms_dbfs(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    dbfs((2.0 * energy / samples.len().max(1) as f64).sqrt())
}

/// The highest level any one sample reaches.
pub fn peak_dbfs(samples: &[i16]) -> f64 {
    dbfs(samples.iter().map(|sample| f64::from(sample.unsigned_abs())).fold(0.0, f64::max))
}

/// The level of a sine of this amplitude.
pub(crate) fn dbfs(amplitude: f64) -> f64 {
    if amplitude > 0.0 { (20.0 * (amplitude / FULL_SCALE).log10()).max(SILENT_DBFS) } else { SILENT_DBFS }
}

/// The amplitude of a sine of this level.
pub(crate) fn amplitude(dbfs: f64) -> f64 {
    FULL_SCALE * 10_f64.powf(dbfs / 20.0)
}

const FULL_SCALE: f64 = i16::MAX as f64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    #[test]
    fn a_tone_measures_as_loud_as_it_was_made() {
        for made in [0.0, -3.0, -20.0, -50.0] {
            let samples = tone(&[(1000.0, made)], 200);
            assert!((rms_dbfs(&samples) - made).abs() < 0.1, "{made}: {}", rms_dbfs(&samples));
            assert!((peak_dbfs(&samples) - made).abs() < 0.2, "{made}: {}", peak_dbfs(&samples));
        }
    }

    #[test]
    fn silence_has_a_level_too() {
        for samples in [&[][..], &[0; 80][..]] {
            assert_eq!((rms_dbfs(samples), peak_dbfs(samples)), (SILENT_DBFS, SILENT_DBFS));
        }
        assert!(rms_dbfs(&[i16::MIN; 8]) < 3.1);
    }
}
