//! The nails of the house: time, identifiers, seeded randomness. Never business.
//!
//! Where it stands: under every other room. It knows none of them, and neither a clock nor an operating system.
#![forbid(unsafe_code)]

mod id;
pub mod nanos;
mod random;
mod time;

pub use id::{CallId, LegId, RecordingId};
pub use random::Random;
pub use time::{Time, WallClock};
