//! What a leg says, as samples: one stream's payloads in their order, and the holes between them.
//!
//! Where it stands: `media` has one wherever sound is decoded. It remembers what its codec must, and conceals what was
//! lost: Opus by itself, the others by repeating the last pitch.

use crate::conceal::Concealer;
use crate::{Codec, Encoding, g722, opus};

/// The memory of one decoded stream.
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
    rate: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    G711(Encoding, Concealer),
    G722(Box<g722::Decoder>, Concealer),
    /// Of G.722 the lower band alone.
    G722Low(Box<g722::Decoder>, Concealer),
    Opus(opus::Decoder),
    /// libopus would not: silence is heard.
    Deaf,
}

impl Decoder {
    /// For a stream of `codec`, heard at `rate` (8, 16 or 48 kHz) where the codec can: Opus at all of them, G.722 at 8
    /// and 16 kHz.
    pub fn new(codec: Codec, rate: u32) -> Decoder {
        let rate = codec.rate_near(rate);
        let kind = match codec {
            Codec::Pcmu => Kind::G711(Encoding::Pcmu, Concealer::new(rate)),
            Codec::Pcma => Kind::G711(Encoding::Pcma, Concealer::new(rate)),
            Codec::G722 if rate == 8000 => Kind::G722Low(Box::new(g722::Decoder::new()), Concealer::new(rate)),
            Codec::G722 => Kind::G722(Box::new(g722::Decoder::new()), Concealer::new(rate)),
            Codec::Opus => opus::Decoder::new(rate).map_or(Kind::Deaf, Kind::Opus),
        };
        Decoder { codec, rate, kind }
    }

    /// What it decodes.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Samples a second of what comes out.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Appends the samples of the next payload. One that cannot be read counts as lost.
    pub fn decode(&mut self, payload: &[u8], pcm: &mut Vec<i16>) {
        let before = pcm.len();
        match &mut self.kind {
            Kind::G711(encoding, concealer) => {
                pcm.resize(before + payload.len(), 0);
                encoding.decode_into(payload, &mut pcm[before..]);
                concealer.heard(&mut pcm[before..]);
            }
            Kind::G722(decoder, concealer) => {
                pcm.resize(before + 2 * payload.len(), 0);
                decoder.decode_into(payload, &mut pcm[before..]);
                concealer.heard(&mut pcm[before..]);
            }
            Kind::G722Low(decoder, concealer) => {
                pcm.resize(before + payload.len(), 0);
                decoder.decode_low_into(payload, &mut pcm[before..]);
                concealer.heard(&mut pcm[before..]);
            }
            Kind::Opus(decoder) => {
                if !decoder.decode(payload, pcm) {
                    decoder.conceal(self.rate as usize / 50, None, pcm);
                }
            }
            Kind::Deaf => pcm.resize(before + self.rate as usize / 50, 0),
        }
    }

    /// Appends `samples` in place of a payload that did not come. The one after it helps, where it is there already
    /// (Opus, RFC 6716 §2.1.7).
    pub fn conceal(&mut self, samples: usize, next: Option<&[u8]>, pcm: &mut Vec<i16>) {
        let before = pcm.len();
        match &mut self.kind {
            Kind::G711(_, concealer) | Kind::G722(_, concealer) | Kind::G722Low(_, concealer) => {
                pcm.resize(before + samples, 0);
                concealer.conceal(&mut pcm[before..]);
            }
            Kind::Opus(decoder) => {
                decoder.conceal(samples, next, pcm);
                pcm.resize(before + samples, 0);
            }
            Kind::Deaf => pcm.resize(before + samples, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{sine, snr_db};
    use crate::{Encoder, OpusConf, rms_dbfs};

    /// 440 Hz through a codec at `rate`, frame by frame of 20 ms; `lost` says which ones do not come.
    fn through(codec: Codec, rate: u32, lost: impl Fn(usize) -> bool, helped: bool) -> (Vec<i16>, u32) {
        let mut encoder = Encoder::new(codec, rate, &OpusConf { loss_percent: 20, ..OpusConf::default() });
        let mut decoder = Decoder::new(codec, rate);
        let said = sine(encoder.rate(), 440.0, -12.0, 1000);
        let mut payloads = Vec::new();
        for frame in said.chunks(encoder.rate() as usize / 50) {
            let mut payload = Vec::new();
            assert!(encoder.encode(frame, &mut payload));
            payloads.push(payload);
        }
        let mut pcm = Vec::new();
        for n in 0..payloads.len() {
            if lost(n) {
                let next = payloads.get(n + 1).filter(|_| helped).map(Vec::as_slice);
                decoder.conceal(decoder.rate() as usize / 50, next, &mut pcm);
            } else {
                decoder.decode(&payloads[n], &mut pcm);
            }
        }
        (pcm, decoder.rate())
    }

    #[test]
    fn each_codec_keeps_a_tone() {
        for (codec, rate, least_snr) in [
            (Codec::Pcmu, 8000, 33.0),
            (Codec::Pcma, 8000, 33.0),
            (Codec::G722, 16_000, 35.0),
            (Codec::G722, 8000, 35.0),
            (Codec::Opus, 8000, 15.0),
            (Codec::Opus, 16_000, 15.0),
            (Codec::Opus, 48_000, 15.0),
        ] {
            let (pcm, rate) = through(codec, rate, |_| false, false);
            assert_eq!(pcm.len(), rate as usize);
            let steady = &pcm[rate as usize / 5..];
            let (snr, level) = (snr_db(steady, rate, 440.0), rms_dbfs(steady));
            assert!(snr > least_snr && (level + 12.0).abs() < 1.0, "{codec:?} {rate}: {snr} dB at {level} dBFS");
        }
    }

    #[test]
    fn a_tenth_lost_is_concealed() {
        for (codec, rate) in [(Codec::Pcma, 8000), (Codec::G722, 16_000), (Codec::Opus, 8000), (Codec::Opus, 48_000)] {
            let (pcm, rate) = through(codec, rate, |n| n % 10 == 7, true);
            assert_eq!(pcm.len(), rate as usize, "time does not shrink");
            let steady = &pcm[rate as usize / 5..];
            assert!((rms_dbfs(steady) + 12.0).abs() < 1.5, "{codec:?} {rate}: {} dBFS", rms_dbfs(steady));
            assert!(snr_db(steady, rate, 440.0) > 5.0, "{codec:?} {rate}: {} dB", snr_db(steady, rate, 440.0));
        }
    }
}
