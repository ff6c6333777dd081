//! The two companding laws of ITU-T G.711, as arithmetic and as tables made by the compiler.
//!
//! Where it stands: behind [`Codec`](crate::Codec). Samples are 16-bit; the laws see the upper 14 bits (µ) or 13 bits
//! (A) of them. Negative samples are taken by their ones' complement, as in the ITU's own software tools (G.191), so
//! that both laws are functions of the upper 14 bits and a table of 16 KiB holds each.

/// µ-law codeword of each 14-bit sample, index [`upper`].
pub static PCMU_OF: [u8; 1 << 14] = encode_table(true);
/// A-law codeword of each 14-bit sample, index [`upper`].
pub static PCMA_OF: [u8; 1 << 14] = encode_table(false);
/// Sample of each µ-law codeword.
pub static OF_PCMU: [i16; 256] = decode_table(true);
/// Sample of each A-law codeword.
pub static OF_PCMA: [i16; 256] = decode_table(false);
/// A-law codeword nearest to each µ-law codeword.
pub static PCMA_OF_PCMU: [u8; 256] = transcode_table(&OF_PCMU, &PCMA_OF);
/// µ-law codeword nearest to each A-law codeword.
pub static PCMU_OF_PCMA: [u8; 256] = transcode_table(&OF_PCMA, &PCMU_OF);

/// The upper 14 bits of a sample, as an index.
#[inline(always)]
pub const fn upper(sample: i16) -> usize {
    (sample as u16 >> 2) as usize
}

/// G.711 table 2: magnitude plus 33 is a leading one (the segment, 5..=12) and the four bits after it; all inverted.
const fn to_pcmu(sample: i16) -> u8 {
    let (positive, magnitude) = sign_and_magnitude(sample);
    let biased = (magnitude >> 2) + 33;
    let biased = if biased > 0x1fff { 0x1fff } else { biased };
    let segment = biased.ilog2() - 5;
    let step = biased >> (segment + 1) & 15;
    !(segment as u8 * 16 + step as u8) & 0x7f | positive
}

/// G.711 table 2, backwards.
const fn from_pcmu(codeword: u8) -> i16 {
    let code = !codeword & 0x7f;
    let magnitude = (((code as i16 & 15) * 2 + 33) << (code >> 4)) - 33;
    if codeword & 0x80 != 0 { magnitude * 4 } else { magnitude * -4 }
}

/// G.711 table 1: two linear segments, then one for each doubling; even bits inverted.
const fn to_pcma(sample: i16) -> u8 {
    let (positive, magnitude) = sign_and_magnitude(sample);
    let steps = magnitude >> 4; // of the smallest size
    let code = if steps < 32 {
        steps as u8
    } else {
        let shift = steps.ilog2() - 4; // 1..=6
        (shift as u8 + 1) * 16 + (steps >> shift & 15) as u8
    };
    (code | positive) ^ 0x55
}

/// G.711 table 1, backwards: the middle of the interval.
const fn from_pcma(codeword: u8) -> i16 {
    let code = (codeword ^ 0x55) & 0x7f;
    let step = (code as i16 & 15) * 16 + 8;
    let magnitude = match code >> 4 {
        0 => step,
        segment => (step + 256) << (segment - 1),
    };
    if codeword & 0x80 != 0 { magnitude } else { -magnitude }
}

/// The sign bit as both laws write it (1 is positive), and the magnitude by ones' complement.
const fn sign_and_magnitude(sample: i16) -> (u8, u16) {
    if sample < 0 { (0, !sample as u16) } else { (0x80, sample as u16) }
}

const fn encode_table(mu: bool) -> [u8; 1 << 14] {
    let mut table = [0; 1 << 14];
    let mut index = 0;
    while index < table.len() {
        let sample = (index as u16) << 2;
        table[index] = if mu { to_pcmu(sample as i16) } else { to_pcma(sample as i16) };
        index += 1;
    }
    table
}

const fn decode_table(mu: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut codeword = 0;
    while codeword < 256 {
        table[codeword] = if mu { from_pcmu(codeword as u8) } else { from_pcma(codeword as u8) };
        codeword += 1;
    }
    table
}

/// By magnitude, the sign carried over: µ-law's negative zero stays negative.
const fn transcode_table(sample_of: &[i16; 256], codeword_of: &[u8; 1 << 14]) -> [u8; 256] {
    let mut table = [0; 256];
    let mut codeword = 0;
    while codeword < 256 {
        let other = codeword_of[upper(sample_of[codeword | 0x80])];
        table[codeword] = other & 0x7f | codeword as u8 & 0x80;
        codeword += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decision values of G.711 table 2a (µ), in 14-bit units: 0, 1, 3, … 31, 35, … 95, 103, … 8159.
    fn pcmu_decisions() -> Vec<i32> {
        let mut values = vec![0, 1];
        for segment in 0..8 {
            for step in 0..16 {
                let last = *values.last().unwrap();
                values.push(last + if segment == 0 && step == 15 { 0 } else { 2 << segment });
            }
            if segment == 0 {
                values.pop(); // segment 1 has 15 whole steps and the half one at zero
            }
        }
        values
    }

    /// Decision values of G.711 table 1a (A), in 13-bit units: 0, 2, 4, … 64, 68, … 4096.
    fn pcma_decisions() -> Vec<i32> {
        let mut values = vec![0];
        for segment in 0..8 {
            for _ in 0..16 {
                values.push(values.last().unwrap() + (2 << i32::max(segment - 1, 0)));
            }
        }
        values
    }

    #[test]
    fn each_sample_falls_between_the_decision_values_of_the_itu_tables() {
        let (mu, a) = (pcmu_decisions(), pcma_decisions());
        assert_eq!((mu.len(), *mu.last().unwrap()), (129, 8159));
        assert_eq!((a.len(), *a.last().unwrap()), (129, 4096));
        for sample in i16::MIN..=i16::MAX {
            let magnitude = i32::from(if sample < 0 { !sample } else { sample });
            let mu_interval = mu.partition_point(|value| *value <= magnitude >> 2).min(128) - 1;
            let a_interval = a.partition_point(|value| *value <= magnitude >> 3) - 1;
            let sign = if sample < 0 { 0 } else { 0x80 };
            assert_eq!(PCMU_OF[upper(sample)], sign | (0x7f - mu_interval as u8), "µ {sample}");
            assert_eq!(PCMA_OF[upper(sample)], (sign | a_interval as u8) ^ 0x55, "A {sample}");
        }
    }

    #[test]
    fn each_codeword_is_the_output_value_of_the_itu_tables() {
        let (mu, a) = (pcmu_decisions(), pcma_decisions());
        for code in 0..128_u8 {
            let n = usize::from(code);
            let mu_output = if n == 0 { 0 } else { (mu[n] + mu[n + 1]) / 2 };
            let a_output = (a[n] + a[n + 1]) / 2;
            assert_eq!(i32::from(OF_PCMU[usize::from(0xff - code)]), mu_output * 4, "µ +{code}");
            assert_eq!(i32::from(OF_PCMU[usize::from(0x7f - code)]), mu_output * -4, "µ -{code}");
            assert_eq!(i32::from(OF_PCMA[usize::from((code | 0x80) ^ 0x55)]), a_output * 8, "A +{code}");
            assert_eq!(i32::from(OF_PCMA[usize::from(code ^ 0x55)]), a_output * -8, "A -{code}");
        }
    }

    #[test]
    fn the_error_is_at_most_half_a_step() {
        for sample in -32124..=32124_i16 {
            let error = |decoded: i16| (i32::from(decoded) - i32::from(sample)).abs();
            let magnitude = i32::from(sample).abs();
            let mu_step = 8 << (u32::ilog2(((magnitude >> 2) + 33) as u32) - 5);
            let a_step = if magnitude < 512 { 16 } else { 16 << (magnitude.ilog2() - 8) };
            assert!(error(OF_PCMU[usize::from(PCMU_OF[upper(sample)])]) <= mu_step / 2 + 1, "µ {sample}");
            assert!(error(OF_PCMA[usize::from(PCMA_OF[upper(sample)])]) <= a_step / 2 + 1, "A {sample}");
        }
    }

    #[test]
    fn a_decoded_codeword_encodes_to_itself() {
        for codeword in 0..=255_u8 {
            let n = usize::from(codeword);
            let expected = if codeword == 0x7f { 0xff } else { codeword }; // µ-law's two zeros
            assert_eq!(PCMU_OF[upper(OF_PCMU[n])], expected, "µ {codeword:#x}");
            assert_eq!(PCMA_OF[upper(OF_PCMA[n])], codeword, "A {codeword:#x}");
        }
    }

    #[test]
    fn transcoding_keeps_sign_order_and_level() {
        for (to, from_samples, to_samples) in [(&PCMA_OF_PCMU, &OF_PCMU, &OF_PCMA), (&PCMU_OF_PCMA, &OF_PCMA, &OF_PCMU)]
        {
            let mut pairs: Vec<(i16, i16)> = Vec::new();
            for codeword in 0..256 {
                let other = usize::from(to[codeword]);
                assert_eq!(other & 0x80, codeword & 0x80, "sign of {codeword:#x}");
                let (was, is) = (from_samples[codeword], to_samples[other]);
                let largest_step = i32::max(16, i32::from(was).abs() / 16);
                assert!((i32::from(was) - i32::from(is)).abs() <= largest_step / 2 + 8, "{codeword:#x}: {was} → {is}");
                pairs.push((was, is));
            }
            pairs.sort();
            assert!(pairs.windows(2).all(|pair| pair[0].1 <= pair[1].1), "louder stays louder");
        }
    }

    #[test]
    fn there_and_back_costs_at_most_one_step_however_often() {
        for codeword in 0..256 {
            let there_and_back = |codeword: u8| PCMU_OF_PCMA[usize::from(PCMA_OF_PCMU[usize::from(codeword)])];
            let back = there_and_back(codeword as u8);
            assert!((i32::from(back) - codeword).abs() <= 1, "µ {codeword:#x} → {back:#x}");
            assert_eq!(there_and_back(back), back, "µ {codeword:#x}");

            let there_and_back = |codeword: u8| PCMA_OF_PCMU[usize::from(PCMU_OF_PCMA[usize::from(codeword)])];
            let back = there_and_back(codeword as u8);
            let step = |codeword: i32| codeword ^ 0x55;
            assert!((step(back.into()) - step(codeword)).abs() <= 1, "A {codeword:#x} → {back:#x}");
            assert_eq!(there_and_back(back), back, "A {codeword:#x}");
        }
    }
}
