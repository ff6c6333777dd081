//! What a leg hears, from samples: one stream's payloads in their order.
//!
//! Where it stands: `media` has one wherever sound is made for a leg and no ready payload fits.

use crate::{Codec, Encoding, OpusConf, g722, opus};

/// The memory of one encoded stream.
#[derive(Debug)]
pub struct Encoder {
    codec: Codec,
    rate: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    G711(Encoding),
    G722(Box<g722::Encoder>),
    /// G.722 with an empty higher band.
    G722Low(Box<g722::Encoder>),
    Opus(opus::Encoder),
    /// libopus would not: nothing is said.
    Mute,
}

impl Encoder {
    /// For a stream of `codec`, from samples of `rate` (8, 16 or 48 kHz) where the codec can: Opus from all of them, G.722
    /// from 8 and 16 kHz.
    pub fn new(codec: Codec, rate: u32, conf: &OpusConf) -> Encoder {
        let rate = codec.rate_near(rate);
        let kind = match codec {
            Codec::Pcmu => Kind::G711(Encoding::Pcmu),
            Codec::Pcma => Kind::G711(Encoding::Pcma),
            Codec::G722 if rate == 8000 => Kind::G722Low(Box::new(g722::Encoder::new())),
            Codec::G722 => Kind::G722(Box::new(g722::Encoder::new())),
            Codec::Opus => opus::Encoder::new(rate, conf).map_or(Kind::Mute, Kind::Opus),
        };
        Encoder { codec, rate, kind }
    }

    /// What it makes.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Samples a second of what goes in.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// One that goes on for a listener where another left off, which had encoded this `past`: what is made next fits what
    /// the listener's decoder remembers. Of the past, [`Codec::memory_ms`] are enough.
    pub fn going_on(codec: Codec, rate: u32, conf: &OpusConf, past: &[i16]) -> Encoder {
        let mut encoder = Encoder::new(codec, rate, conf);
        let frame = encoder.rate as usize / 50;
        let memory = frame * (codec.memory_ms() / 20);
        let mut unsent = Vec::new();
        for samples in past[past.len().saturating_sub(memory)..].rchunks_exact(frame).rev() {
            unsent.clear();
            encoder.encode(samples, &mut unsent);
        }
        encoder.stand_alone();
        encoder
    }

    /// Let the next packet lean on none before it, as far as the codec can: a listener of another stream of the same
    /// sound may come over to this one there.
    pub fn stand_alone(&mut self) {
        if let Kind::Opus(encoder) = &mut self.kind {
            encoder.stand_alone();
        }
    }

    /// How many samples what is decoded is behind what was encoded.
    pub fn lookahead(&mut self) -> u32 {
        match &mut self.kind {
            Kind::Opus(encoder) => encoder.lookahead(),
            _ => 0,
        }
    }

    /// Appends the payload of one packet: for Opus of 10, 20, 40 or 60 ms. False, and nothing appended, if there is
    /// nothing to send.
    pub fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) -> bool {
        let before = payload.len();
        match &mut self.kind {
            Kind::G711(encoding) => {
                payload.resize(before + samples.len(), 0);
                encoding.encode_into(samples, &mut payload[before..]);
            }
            Kind::G722(encoder) => {
                payload.resize(before + samples.len() / 2, 0);
                encoder.encode_into(samples, &mut payload[before..]);
            }
            Kind::G722Low(encoder) => {
                payload.resize(before + samples.len(), 0);
                encoder.encode_low_into(samples, &mut payload[before..]);
            }
            Kind::Opus(encoder) => {
                let mut packet = [0; opus::PACKET_MAX];
                payload.extend_from_slice(encoder.encode(samples, &mut packet).unwrap_or_default());
            }
            Kind::Mute => {}
        }
        payload.len() > before
    }
}
