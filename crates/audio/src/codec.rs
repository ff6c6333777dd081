//! The codecs we can make and read ourselves.
//!
//! Where it stands: `media` names one per leg, a [`Sound`](crate::Sound) and a [`Clip`](crate::Clip) carry one. It
//! knows nothing of SDP: payload numbers here are the static ones of RFC 3551.

use crate::g711;

/// A codec of one byte a sample at 8 kHz.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl Codec {
    /// Both, in the order of their numbers.
    pub const ALL: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

    /// The static RTP payload type (RFC 3551 table 4).
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The encoding name of SDP, in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// The codec of an encoding name; case does not matter (RFC 4855 §3).
    pub fn from_name(name: &str) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// The codeword of a sample that is zero, or as near as the law allows.
    pub const fn silence(self) -> u8 {
        match self {
            Codec::Pcmu => 0xff,
            Codec::Pcma => 0xd5,
        }
    }

    /// One sample to its codeword.
    #[inline]
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Codec::Pcmu => g711::PCMU_OF[g711::upper(sample)],
            Codec::Pcma => g711::PCMA_OF[g711::upper(sample)],
        }
    }

    /// One codeword to its sample.
    #[inline]
    pub fn decode(self, codeword: u8) -> i16 {
        match self {
            Codec::Pcmu => g711::OF_PCMU[usize::from(codeword)],
            Codec::Pcma => g711::OF_PCMA[usize::from(codeword)],
        }
    }

    /// As many samples as fit.
    pub fn encode_into(self, samples: &[i16], payload: &mut [u8]) {
        let table = match self {
            Codec::Pcmu => &g711::PCMU_OF,
            Codec::Pcma => &g711::PCMA_OF,
        };
        for (codeword, sample) in payload.iter_mut().zip(samples) {
            *codeword = table[g711::upper(*sample)];
        }
    }

    /// As many codewords as fit.
    pub fn decode_into(self, payload: &[u8], samples: &mut [i16]) {
        let table = match self {
            Codec::Pcmu => &g711::OF_PCMU,
            Codec::Pcma => &g711::OF_PCMA,
        };
        for (sample, codeword) in samples.iter_mut().zip(payload) {
            *sample = table[usize::from(*codeword)];
        }
    }

    /// All samples, encoded.
    pub fn encoded(self, samples: &[i16]) -> Vec<u8> {
        let mut payload = vec![0; samples.len()];
        self.encode_into(samples, &mut payload);
        payload
    }

    /// All codewords, decoded.
    pub fn decoded(self, payload: &[u8]) -> Vec<i16> {
        let mut samples = vec![0; payload.len()];
        self.decode_into(payload, &mut samples);
        samples
    }
}

/// Turns a payload of one codec into the same sound in another, where it lies; same length, one table look-up a byte.
pub fn transcode_in_place(from: Codec, to: Codec, payload: &mut [u8]) {
    let table = match (from, to) {
        (Codec::Pcmu, Codec::Pcma) => &g711::PCMA_OF_PCMU,
        (Codec::Pcma, Codec::Pcmu) => &g711::PCMU_OF_PCMA,
        (Codec::Pcmu, Codec::Pcmu) | (Codec::Pcma, Codec::Pcma) => return,
    };
    for codeword in payload {
        *codeword = table[usize::from(*codeword)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codecs_are_found_by_their_name() {
        for (name, codec) in [("PCMU", Some(Codec::Pcmu)), ("pcma", Some(Codec::Pcma)), ("G722", None), ("", None)] {
            assert_eq!(Codec::from_name(name), codec, "{name}");
        }
    }

    #[test]
    fn silence_is_silent() {
        for codec in Codec::ALL {
            assert_eq!(codec.encode(0), codec.silence());
            assert!(codec.decode(codec.silence()).abs() <= 8);
        }
        let mut payload = [Codec::Pcmu.silence(), Codec::Pcma.silence()];
        transcode_in_place(Codec::Pcmu, Codec::Pcma, &mut payload[..1]);
        transcode_in_place(Codec::Pcma, Codec::Pcmu, &mut payload[1..]);
        assert_eq!(payload[0], Codec::Pcma.silence());
        assert_eq!(Codec::Pcmu.decode(payload[1]), 8); // A-law has no zero; its least sample stays what it is
    }

    #[test]
    fn slices_of_unequal_length_meet_at_the_shorter_one() {
        let mut payload = [1; 3];
        Codec::Pcmu.encode_into(&[0, 0], &mut payload);
        assert_eq!(payload, [0xff, 0xff, 1]);
        let mut samples = [1; 1];
        Codec::Pcmu.decode_into(&payload, &mut samples);
        assert_eq!(samples, [0]);
    }

    proptest! {
        #[test]
        fn slices_say_what_single_samples_say(samples: Vec<i16>) {
            for codec in Codec::ALL {
                let payload = codec.encoded(&samples);
                prop_assert!(payload.iter().zip(&samples).all(|(codeword, sample)| *codeword == codec.encode(*sample)));
                let decoded = codec.decoded(&payload);
                prop_assert!(decoded.iter().zip(&payload).all(|(sample, codeword)| *sample == codec.decode(*codeword)));
            }
        }

        #[test]
        fn transcoding_is_within_a_step_of_decoding_and_encoding(mut payload: Vec<u8>) {
            let before = Codec::Pcmu.decoded(&payload);
            transcode_in_place(Codec::Pcmu, Codec::Pcma, &mut payload);
            for (was, is) in before.iter().zip(Codec::Pcma.decoded(&payload)) {
                prop_assert!((i32::from(*was) - i32::from(is)).abs() <= i32::max(16, i32::from(*was).abs() / 16));
            }
        }
    }
}
