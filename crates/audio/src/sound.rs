//! Something to be played: a prompt, music, a tone. Encoded once, shared by every call that plays it.

use std::fmt;
use std::sync::Arc;

use crate::{Codec, SAMPLE_RATE};

/// A sound of 8 kHz, one channel, ready in each codec. A clone is a counted pointer.
#[derive(Clone)]
pub struct Sound(Arc<Encodings>);

struct Encodings {
    pcm: Vec<i16>,
    pcmu: Vec<u8>,
    pcma: Vec<u8>,
}

impl Sound {
    /// Encodes samples in each codec.
    pub fn from_pcm(pcm: Vec<i16>) -> Sound {
        let (pcmu, pcma) = (Codec::Pcmu.encoded(&pcm), Codec::Pcma.encoded(&pcm));
        Sound(Arc::new(Encodings { pcm, pcmu, pcma }))
    }

    /// One byte a sample.
    #[inline]
    pub fn payload(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcmu => &self.0.pcmu,
            Codec::Pcma => &self.0.pcma,
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

    #[test]
    fn a_sound_is_ready_in_each_codec() {
        let sound = Sound::from_pcm(crate::tone(&[(425.0, -10.0)], 500));
        assert_eq!((sound.samples(), sound.seconds()), (4000, 0.5));
        for codec in Codec::ALL {
            assert_eq!(sound.payload(codec), codec.encoded(sound.pcm()));
        }
        assert_eq!(sound.clone(), sound);
        assert!(Sound::from_pcm(Vec::new()).is_empty());
    }
}
