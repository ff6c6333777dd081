//! How loud each side is from moment to moment: what a picture of a recording is drawn from.

use std::io;
use std::path::Path;

use super::Reader;
use super::convert::{Cut, pieces};
use crate::seal::Keyring;

/// The highest sample of each side in every hundredth of a second.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wave {
    sides: [Vec<u16>; 2],
}

/// Looks at a recording, or at the piece of it that is cut out. `seen` is told how many seconds were read.
///
/// # Errors
/// When it cannot be read.
pub fn wave(sound: &Path, cut: &Cut, keys: &Keyring, mut seen: impl FnMut(f64)) -> io::Result<Wave> {
    let step = (Reader::open(sound, keys)?.rate() / STEPS_A_SECOND).max(1) as usize;
    let mut wave = Wave::default();
    let mut frames = 0;
    pieces(sound, &Cut { mono: false, ..*cut }, keys, |piece, secs| {
        for (side, samples) in wave.sides.iter_mut().zip(piece) {
            for (at, sample) in samples.iter().enumerate() {
                let step = (frames + at) / step;
                side.resize(side.len().max(step + 1), 0);
                side[step] = side[step].max(sample.unsigned_abs());
            }
        }
        frames += piece[0].len();
        seen(secs);
        Ok(true)
    })?;
    Ok(wave)
}

impl Wave {
    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.sides[0].len() as f64 / f64::from(STEPS_A_SECOND)
    }

    /// The highest sample of each side in every one of so many columns, the caller's side first: 0 to 32,768.
    pub fn columns(&self, columns: usize) -> [Vec<u16>; 2] {
        self.sides.each_ref().map(|side| {
            let column = |at: usize| {
                let from = side.len() * at / columns;
                let to = (side.len() * (at + 1) / columns).max(from + 1).min(side.len());
                side.get(from..to).and_then(|steps| steps.iter().max()).copied().unwrap_or_default()
            };
            (0..columns).map(column).collect()
        })
    }
}

const STEPS_A_SECOND: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_high_as_its_highest_sample() {
        let wave = Wave { sides: [vec![1, 5, 2, 0, 9, 3], vec![7; 6]] };
        for (columns, left) in [
            (1, &[9][..]),
            (2, &[5, 9]),
            (3, &[5, 2, 9]),
            (4, &[1, 5, 0, 9]),
            (6, &[1, 5, 2, 0, 9, 3]),
            (12, &[1, 1, 5, 5, 2, 2, 0, 0, 9, 9, 3, 3]),
        ] {
            assert_eq!(wave.columns(columns), [left.to_vec(), vec![7; columns]], "{columns}");
        }
        assert_eq!(Wave::default().columns(3), [vec![0; 3], vec![0; 3]], "nothing is silent");
        assert!(wave.columns(0).iter().all(Vec::is_empty));
    }
}
