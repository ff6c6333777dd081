//! A sound drawn as one line of text, for a terminal.

use crate::{SILENT_DBFS, rms_dbfs};

/// Draws samples as `columns` letters ` ▁▂▃▄▅▆▇█`, each the mean level of its share of the time: a blank below
/// −60 dBFS, a full block near full scale.
///
/// ```
/// let pcm = [audio::tone(&[(440.0, -3.0)], 100), audio::silence(100)].concat();
/// assert_eq!(audio::waveform(&pcm, 8), "████    ");
/// ```
pub fn waveform(samples: &[i16], columns: usize) -> String {
    let start = |column: usize| (column as u128 * samples.len() as u128 / columns as u128) as usize;
    (0..columns).map(|column| block(&samples[start(column)..start(column + 1)])).collect()
}

fn block(samples: &[i16]) -> char {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const FLOOR_DBFS: f64 = -60.0;
    let level = if samples.is_empty() { SILENT_DBFS } else { rms_dbfs(samples) };
    let height = (level - FLOOR_DBFS) / -FLOOR_DBFS; // 0 at the floor, 1 at full scale
    if height <= 0.0 { BLOCKS[0] } else { BLOCKS[((height * 8.0) as usize + 1).min(8)] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{silence, tone};
    use proptest::prelude::*;

    #[test]
    fn louder_is_higher() {
        let pcm: Vec<i16> =
            [-70.0, -55.0, -40.0, -25.0, -10.0, 0.0].iter().flat_map(|dbfs| tone(&[(500.0, *dbfs)], 100)).collect();
        assert_eq!(waveform(&pcm, 6), " ▁▃▅▇█");
        assert_eq!(waveform(&silence(1000), 3), "   ");
        assert_eq!(waveform(&[], 3), "   ");
    }

    proptest! {
        #[test]
        fn it_is_always_as_wide_as_asked(samples: Vec<i16>, columns in 0..200_usize) {
            prop_assert_eq!(waveform(&samples, columns).chars().count(), columns);
        }
    }
}
