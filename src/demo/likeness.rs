//! Was it this that was heard? Telephones change samples; the rise and fall of a voice they do not.

/// How like what was heard is to what was said, from 0 to 1: the best correlation of their loudness, 20 ms by 20 ms,
/// wherever in `heard` it may begin.
pub(super) fn likeness(heard: &[i16], said: &[i16]) -> f64 {
    let (heard, said) = (loudness(heard), loudness(said));
    let shortest = said.len() * 3 / 4; // so much of it must have been heard
    let begins = 0..=heard.len().saturating_sub(shortest);
    let late = begins.map(|at| correlation(&heard[at..], &said));
    let early = (1..=said.len() - shortest).map(|at| correlation(&heard, &said[at..]));
    late.chain(early).fold(0.0, f64::max)
}

fn loudness(samples: &[i16]) -> Vec<f64> {
    samples.chunks_exact(160).map(|frame| audio::rms_dbfs(frame).max(-60.0)).collect()
}

/// Pearson's, over what both have.
fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let count = one.len().min(other.len());
    let mean = |values: &[f64]| values[..count].iter().sum::<f64>() / count.max(1) as f64;
    let (mean_one, mean_other) = (mean(one), mean(other));
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (one, other) in one.iter().zip(other) {
        let (one, other) = (one - mean_one, other - mean_other);
        (both, first, second) = (both + one * other, first + one * one, second + other * other);
    }
    if count < 25 || first <= 0.0 || second <= 0.0 { 0.0 } else { both / (first * second).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::{Codec, Encoding, silence, tone};

    fn beeps(rhythm: &[u32]) -> Vec<i16> {
        rhythm.iter().flat_map(|ms| [tone(&[(700.0, -15.0)], *ms), silence(170)].concat()).collect()
    }

    #[test]
    fn the_demos_voices_are_not_like_each_other() {
        let voices = super::super::centre::voices().expect("they are in the program");
        for (at, one) in voices.iter().enumerate() {
            for (other_at, other) in voices.iter().enumerate() {
                let over_the_line = Encoding::Pcma.decoded(other.payload(Codec::Pcma));
                let like = likeness(&over_the_line, one.pcm());
                assert_eq!(like > super::super::LIKE, at == other_at, "{at} and {other_at}: {like}");
            }
        }
    }

    #[test]
    fn what_went_over_the_telephone_is_like_itself_and_like_nothing_else() {
        let (said, other) = (beeps(&[100, 300, 80, 500, 120]), beeps(&[400, 90, 250, 60, 300, 200]));
        let over_the_line = Encoding::Pcmu.decoded(&Encoding::Pcmu.encoded(&said));
        for late_ms in [0, 500, 1_010] {
            let heard = [silence(late_ms), over_the_line.clone(), silence(400)].concat();
            assert!(likeness(&heard, &said) > 0.9, "{late_ms}: {}", likeness(&heard, &said));
            assert!(likeness(&heard, &other) < 0.6, "{late_ms}: {}", likeness(&heard, &other));
        }
        assert!(likeness(&over_the_line[1_600..], &said) > 0.9);
        assert_eq!((likeness(&silence(3_000), &said), likeness(&[], &said)), (0.0, 0.0));
    }
}
