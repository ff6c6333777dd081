//! A piece of what one side said, with its place in time: what a tap hands to the recorder.

use crate::Encoding;

/// A run of encoded samples without a hole. Places and lengths are counted in samples of 8 kHz, whatever its rate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clip {
    /// Where it belongs: samples (8 kHz) since the recording began.
    pub at: u64,
    /// How `payload` is encoded.
    pub encoding: Encoding,
    /// So many samples it has for each of 8 kHz: 1, 2 or 6.
    pub wide: u8,
    /// The samples.
    pub payload: Vec<u8>,
}

impl Clip {
    /// How long it is.
    pub fn samples(&self) -> usize {
        self.payload.len() / (self.encoding.width() * usize::from(self.wide.max(1)))
    }

    /// The sample after the last one.
    pub fn end(&self) -> u64 {
        self.at.saturating_add(self.samples() as u64)
    }
}
