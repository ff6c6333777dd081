//! Something to wait by, where the centre has no music of its own.

use crate::{Sound, melody};

/// A quiet, slow round of broken chords, half a minute long; play it repeated.
pub fn music() -> Sound {
    let bars = CHORDS.iter().flat_map(|[low, third, fifth, high]| [*low, *third, *fifth, *high, *fifth, *third]);
    let notes: Vec<(f64, u32)> = bars.map(|hz| (hz, NOTE_MS)).collect();
    Sound::from_pcm(melody(&notes, DBFS))
}

/// C, A minor, F, G, E minor, A minor, D minor, G.
const CHORDS: [[f64; 4]; 8] = [
    [261.63, 329.63, 392.00, 523.25],
    [220.00, 261.63, 329.63, 440.00],
    [174.61, 220.00, 261.63, 349.23],
    [196.00, 246.94, 293.66, 392.00],
    [164.81, 196.00, 246.94, 329.63],
    [220.00, 261.63, 329.63, 440.00],
    [146.83, 174.61, 220.00, 293.66],
    [196.00, 246.94, 293.66, 392.00],
];
const NOTE_MS: u32 = 600;
/// Well below speech: nobody should have to hold the receiver away.
const DBFS: f64 = -18.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_soft_and_never_silent_for_long() {
        let music = music();
        assert!((28.0..30.0).contains(&music.seconds()), "{}", music.seconds());
        for second in music.pcm().chunks(8_000) {
            let level = crate::rms_dbfs(second);
            assert!((-40.0..-18.0).contains(&level), "{level}");
        }
    }
}
