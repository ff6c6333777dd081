//! The codecs we can make and read ourselves.
//!
//! Where it stands: `media` names one per leg, a [`Sound`](crate::Sound) is ready in each. It knows nothing of SDP:
//! names and clocks here are those of RFC 3551 and RFC 7587.

use crate::{Encoding, g711};

/// What a leg speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s: 7 kHz of sound in the bits of G.711.
    G722,
    /// Opus (RFC 6716): whatever bandwidth the other side sends.
    Opus,
}

impl Codec {
    /// All of them, the plainest first.
    pub const ALL: [Codec; 4] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];

    /// The RTP payload type: the static one (RFC 3551 table 4), or for Opus, which has none, the one we offer it by.
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
            Codec::Opus => 111,
        }
    }

    /// The encoding name of SDP, in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "OPUS",
        }
    }

    /// The codec of an encoding name; case does not matter (RFC 4855 §3).
    pub fn from_name(name: &str) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// Samples a second.
    pub const fn sample_rate(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma => 8000,
            Codec::G722 => 16_000,
            Codec::Opus => 48_000,
        }
    }

    /// RTP timestamp units a second. G.722's is 8000 though it samples at 16 kHz (RFC 3551 §4.5.2).
    #[inline]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8000,
            Codec::Opus => 48_000,
        }
    }

    /// The rate nearest to this one at which the codec can be decoded and encoded without resampling.
    pub const fn rate_near(self, rate: u32) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma => 8000,
            Codec::G722 if rate > 8000 => 16_000,
            Codec::G722 => 8000,
            Codec::Opus => rate,
        }
    }

    /// How long ago something may have been said and still matter to what is encoded now, in whole frames of 20 ms.
    pub const fn memory_ms(self) -> usize {
        match self {
            Codec::Pcmu | Codec::Pcma => 0,
            Codec::G722 => 200,
            Codec::Opus => 80,
        }
    }

    /// The encoding of single samples it is; `None` if it needs memory.
    #[inline]
    pub const fn encoding(self) -> Option<Encoding> {
        match self {
            Codec::Pcmu => Some(Encoding::Pcmu),
            Codec::Pcma => Some(Encoding::Pcma),
            Codec::G722 | Codec::Opus => None,
        }
    }

    /// How many RTP clock units a payload lasts; 0 if it is none.
    #[inline]
    pub fn duration(self, payload: &[u8]) -> u32 {
        match self {
            // 64 kbit/s of G.722 are a byte for each unit of its clock too.
            Codec::Pcmu | Codec::Pcma | Codec::G722 => payload.len() as u32,
            Codec::Opus => crate::opus::duration(payload),
        }
    }
}

/// Turns a payload of one law of G.711 into the same sound in the other, where it lies; same length, one table look-up
/// a byte. False, and nothing done, if the two are not that near to each other.
#[inline]
pub fn transcode_in_place(from: Codec, to: Codec, payload: &mut [u8]) -> bool {
    let table = match (from, to) {
        (Codec::Pcmu, Codec::Pcma) => &g711::PCMA_OF_PCMU,
        (Codec::Pcma, Codec::Pcmu) => &g711::PCMU_OF_PCMA,
        _ => return from == to,
    };
    for codeword in payload {
        *codeword = table[usize::from(*codeword)];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codecs_are_found_by_their_name() {
        for (name, codec) in [
            ("PCMU", Some(Codec::Pcmu)),
            ("pcma", Some(Codec::Pcma)),
            ("G722", Some(Codec::G722)),
            ("opus", Some(Codec::Opus)),
            ("G729", None),
            ("", None),
        ] {
            assert_eq!(Codec::from_name(name), codec, "{name}");
        }
    }

    #[test]
    fn the_laws_become_each_other_and_nothing_else_does() {
        let mut payload = [Encoding::Pcmu.silence(), Encoding::Pcma.silence(), 7];
        assert!(transcode_in_place(Codec::Pcmu, Codec::Pcma, &mut payload[..1]));
        assert!(transcode_in_place(Codec::Pcma, Codec::Pcmu, &mut payload[1..2]));
        assert_eq!(payload[0], Encoding::Pcma.silence());
        // A-law has no zero; its least sample stays what it is.
        assert_eq!(Encoding::Pcmu.decoded(&payload[1..2]), [8]);
        assert!(!transcode_in_place(Codec::Pcma, Codec::G722, &mut payload[2..]));
        assert!(transcode_in_place(Codec::Opus, Codec::Opus, &mut payload[2..]));
        assert_eq!(payload[2], 7);
    }

    #[test]
    fn a_payload_knows_how_long_it_lasts() {
        for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
            assert_eq!(codec.duration(&[0; 160]), 160);
        }
        assert_eq!(Codec::Opus.duration(&[0x78; 40]), 960, "20 ms of CELT at 48 kHz");
        assert_eq!(Codec::Opus.duration(&[]), 0);
    }

    proptest! {
        #[test]
        fn transcoding_is_within_a_step_of_decoding_and_encoding(mut payload: Vec<u8>) {
            let before = Encoding::Pcmu.decoded(&payload);
            transcode_in_place(Codec::Pcmu, Codec::Pcma, &mut payload);
            for (was, is) in before.iter().zip(Encoding::Pcma.decoded(&payload)) {
                prop_assert!((i32::from(*was) - i32::from(is)).abs() <= i32::max(16, i32::from(*was).abs() / 16));
            }
        }
    }
}
