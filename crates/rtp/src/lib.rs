//! RTP as bytes and numbers: packets, sequence numbers, reception statistics, RTCP reports, telephone-events.
//!
//! Where it stands: under `media`, which owns ports and clocks and decides what is sent where. This room only reads,
//! writes and counts. Whatever comes from a network may be anything: reading ends in a value or an [`RtpError`].
//!
//! RFC 3550 (RTP, RTCP), RFC 3551 (audio profile), RFC 4733 (telephone-event), RFC 5761 (RTP and RTCP on one port),
//! RFC 3711, 6188 and 7714 (SRTP).
#![forbid(unsafe_code)]

mod error;
pub mod event;
mod packet;
mod quality;
mod reception;
pub mod rtcp;
mod sequence;
pub mod srtp;

pub use error::RtpError;
pub use packet::{HEADER_BYTES, Packet, is_rtcp, rewrite, write_header};
pub use quality::{Passage, mos};
pub use reception::{Arrival, Reception};
pub use sequence::Sequence;
