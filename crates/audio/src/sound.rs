//! Something to be played: a prompt, music, a tone. Encoded once, shared by every call that plays it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::{Codec, Encoder, Encoding, OpusConf, SAMPLE_RATE};

/// A sound of 8 kHz, one channel, ready in each law of G.711, and in the other codecs from the first time it is asked
/// for. A clone is a counted pointer.
#[derive(Clone)]
pub struct Sound(Arc<Encodings>);

struct Encodings {
    pcm: Vec<i16>,
    pcmu: Vec<u8>,
    pcma: Vec<u8>,
    g722: OnceLock<Vec<u8>>,
    opus: OnceLock<Packets>,
}

/// Packets one after another in one run of bytes.
struct Packets {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Sound {
    /// Encodes samples in both laws.
    pub fn from_pcm(pcm: Vec<i16>) -> Sound {
        let (pcmu, pcma) = (Encoding::Pcmu.encoded(&pcm), Encoding::Pcma.encoded(&pcm));
        Sound(Arc::new(Encodings { pcm, pcmu, pcma, g722: OnceLock::new(), opus: OnceLock::new() }))
    }

    /// One byte for each sample of 8 kHz. Nothing in Opus, which has [packets](Sound::opus_packet).
    #[inline]
    pub fn payload(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcmu => &self.0.pcmu,
            Codec::Pcma => &self.0.pcma,
            Codec::G722 => self.0.g722.get_or_init(|| g722(&self.0.pcm)),
            Codec::Opus => &[],
        }
    }

    /// The `n`-th packet of 20 ms in Opus; the last one is filled up with silence.
    pub fn opus_packet(&self, n: usize) -> Option<&[u8]> {
        let packets = self.0.opus.get_or_init(|| opus(&self.0.pcm));
        let end = *packets.ends.get(n)?;
        let start = if n == 0 { 0 } else { packets.ends[n - 1] };
        packets.bytes.get(start..end)
    }

    /// Encodes it now, where that is still to be done: a minute takes G.722 20 ms and Opus 0.2 s, which a thread that
    /// sends in time may not have.
    pub fn prepare(&self, codec: Codec) {
        match codec {
            Codec::Opus => drop(self.opus_packet(0)),
            codec => drop(self.payload(codec)),
        }
    }

    /// The samples it was made of.
    pub fn pcm(&self) -> &[i16] {
        &self.0.pcm
    }

    /// How many samples it has.
    pub fn samples(&self) -> usize {
        self.0.pcm.len()
    }

    /// Nothing to play.
    pub fn is_empty(&self) -> bool {
        self.0.pcm.is_empty()
    }

    /// How long it lasts.
    pub fn seconds(&self) -> f64 {
        self.0.pcm.len() as f64 / f64::from(SAMPLE_RATE)
    }
}

fn g722(pcm: &[i16]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(pcm.len());
    Encoder::new(Codec::G722, SAMPLE_RATE, &OpusConf::default()).encode(pcm, &mut payload);
    payload
}

fn opus(pcm: &[i16]) -> Packets {
    let mut encoder = Encoder::new(Codec::Opus, SAMPLE_RATE, &OpusConf::default());
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    let mut frame = [0; FRAME];
    for piece in pcm.chunks(FRAME) {
        frame.fill(0);
        frame[..piece.len()].copy_from_slice(piece);
        encoder.encode(&frame, &mut bytes);
        ends.push(bytes.len());
    }
    Packets { bytes, ends }
}

/// 20 ms.
const FRAME: usize = 160;

impl PartialEq for Sound {
    fn eq(&self, other: &Sound) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.pcm == other.0.pcm
    }
}

impl Eq for Sound {}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sound({:.2} s)", self.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, goertzel, rms_dbfs};

    #[test]
    fn a_sound_is_ready_in_each_codec() {
        let sound = Sound::from_pcm(crate::tone(&[(425.0, -10.0)], 510));
        assert_eq!((sound.samples(), sound.seconds()), (4080, 0.51));
        for codec in Codec::ALL {
            sound.prepare(codec);
            let mut heard = Vec::new();
            let mut decoder = Decoder::new(codec, 8000);
            if codec == Codec::Opus {
                (0..).map_while(|n| sound.opus_packet(n)).for_each(|packet| decoder.decode(packet, &mut heard));
            } else {
                decoder.decode(sound.payload(codec), &mut heard);
            }
            let seconds = heard.len() as f64 / f64::from(decoder.rate());
            assert!((seconds - 0.515).abs() < 0.006, "{codec:?}: {seconds} s");
            let steady = &heard[800..3600];
            assert!((rms_dbfs(steady) + 10.0).abs() < 1.0, "{codec:?}: {} dBFS", rms_dbfs(steady));
            assert!(goertzel::share(steady, 425.0) > 0.95, "{codec:?}");
        }
        assert_eq!(sound.clone(), sound);
        let nothing = Sound::from_pcm(Vec::new());
        assert!(nothing.is_empty() && nothing.opus_packet(0).is_none() && nothing.payload(Codec::G722).is_empty());
    }
}
