//! A piece of what one side said, with its place in time: what a tap hands to the recorder.

use crate::Codec;

/// A run of encoded samples without a hole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clip {
    /// Where it belongs: samples (8 kHz) since the recording began.
    pub at: u64,
    /// How `payload` is encoded, one byte a sample.
    pub codec: Codec,
    /// The samples.
    pub payload: Vec<u8>,
}

impl Clip {
    /// The sample after the last one.
    pub fn end(&self) -> u64 {
        self.at.saturating_add(self.payload.len() as u64)
    }
}
