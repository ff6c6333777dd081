//! What a recording session says of the conversation it carries (RFC 7865): who takes part, and whose voice is which stream.
//!
//! Where it stands: under `call`, which records what others send (SRS) and sends what others are to record (SRC). It reads
//! and writes the XML, and keeps the sum of what was said. It knows no SIP, no description and no sound.
#![forbid(unsafe_code)]

mod id;
mod metadata;
mod read;
mod write;

pub use id::id;
pub use metadata::{Link, Metadata, Participant, Session, Stream};
pub use read::MetadataError;
