//! A piece of what one side said, with its place in time: what a tap hands to the recorder.

use crate::Encoding;

/// A run of encoded samples without a hole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clip {
    /// Where it belongs: samples (8 kHz) since the recording began.
    pub at: u64,
    /// How `payload` is encoded.
    pub encoding: Encoding,
    /// The samples.
    pub payload: Vec<u8>,
}

impl Clip {
    /// How many samples it has.
    pub fn samples(&self) -> usize {
        self.payload.len() / self.encoding.width()
    }

    /// The sample after the last one.
    pub fn end(&self) -> u64 {
        self.at.saturating_add(self.samples() as u64)
    }
}
