//! How samples lie in bytes, each by itself: G.711 and linear PCM.
//!
//! Where it stands: a [`Clip`](crate::Clip) says which one it is in; the G.711 codecs are these. What needs memory from
//! sample to sample is a [`Decoder`](crate::Decoder) or an [`Encoder`](crate::Encoder).

use crate::g711;

/// An encoding of single samples.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Encoding {
    /// G.711 µ-law, one byte a sample.
    Pcmu,
    /// G.711 A-law, one byte a sample.
    Pcma,
    /// 16 bits as they are, the upper byte first (RFC 3551 §4.5.11).
    L16,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Encoding; 3] = [Encoding::Pcmu, Encoding::Pcma, Encoding::L16];

    /// Bytes a sample.
    #[inline]
    pub const fn width(self) -> usize {
        match self {
            Encoding::Pcmu | Encoding::Pcma => 1,
            Encoding::L16 => 2,
        }
    }

    /// The byte that, repeated, is a sample that is zero, or as near as the law allows.
    #[inline]
    pub const fn silence(self) -> u8 {
        match self {
            Encoding::Pcmu => 0xff,
            Encoding::Pcma => 0xd5,
            Encoding::L16 => 0,
        }
    }

    /// As many samples as fit.
    pub fn encode_into(self, samples: &[i16], payload: &mut [u8]) {
        let table = match self {
            Encoding::Pcmu => &g711::PCMU_OF,
            Encoding::Pcma => &g711::PCMA_OF,
            Encoding::L16 => {
                for (bytes, sample) in payload.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
                    *bytes = sample.to_be_bytes();
                }
                return;
            }
        };
        for (codeword, sample) in payload.iter_mut().zip(samples) {
            *codeword = table[g711::upper(*sample)];
        }
    }

    /// As many whole samples as fit.
    pub fn decode_into(self, payload: &[u8], samples: &mut [i16]) {
        let table = match self {
            Encoding::Pcmu => &g711::OF_PCMU,
            Encoding::Pcma => &g711::OF_PCMA,
            Encoding::L16 => {
                for (sample, bytes) in samples.iter_mut().zip(payload.as_chunks::<2>().0) {
                    *sample = i16::from_be_bytes(*bytes);
                }
                return;
            }
        };
        for (sample, codeword) in samples.iter_mut().zip(payload) {
            *sample = table[usize::from(*codeword)];
        }
    }

    /// All samples, encoded.
    pub fn encoded(self, samples: &[i16]) -> Vec<u8> {
        let mut payload = vec![0; samples.len() * self.width()];
        self.encode_into(samples, &mut payload);
        payload
    }

    /// All whole samples, decoded.
    pub fn decoded(self, payload: &[u8]) -> Vec<i16> {
        let mut samples = vec![0; payload.len() / self.width()];
        self.decode_into(payload, &mut samples);
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn silence_is_silent() {
        for encoding in Encoding::ALL {
            assert_eq!(encoding.encoded(&[0]), vec![encoding.silence(); encoding.width()]);
            assert!(encoding.decoded(&[encoding.silence(); 2])[0].abs() <= 8);
        }
    }

    #[test]
    fn slices_of_unequal_length_meet_at_the_shorter_one() {
        let mut payload = [1; 3];
        Encoding::Pcmu.encode_into(&[0, 0], &mut payload);
        assert_eq!(payload, [0xff, 0xff, 1]);
        let mut samples = [1; 1];
        Encoding::Pcmu.decode_into(&payload, &mut samples);
        assert_eq!(samples, [0]);
        Encoding::L16.encode_into(&[0x1234, 0x5678], &mut payload);
        assert_eq!(payload, [0x12, 0x34, 1], "half a sample is none");
        assert_eq!(Encoding::L16.decoded(&payload), [0x1234]);
    }

    proptest! {
        #[test]
        fn linear_samples_come_back_as_they_were(samples: Vec<i16>) {
            prop_assert_eq!(Encoding::L16.decoded(&Encoding::L16.encoded(&samples)), samples);
        }
    }
}
