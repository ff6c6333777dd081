//! Samples: G.711, sounds a player can send, tones, and how loud something is.
//!
//! Where it stands: under `media`, which sends and receives what is encoded here, and under `recorder`, which writes
//! it down. It knows no packet, no call and no file.
//!
//! One rate for now: 8 kHz, one channel, 16-bit samples. All levels are in dBFS where a sine of full scale is 0 dB
//! (AES17), so a tone made at −20 is measured as −20 by [`rms_dbfs`] and by [`goertzel::level`] alike.
#![forbid(unsafe_code)]

mod clip;
mod codec;
mod g711;
pub mod goertzel;
mod level;
mod sound;
mod tone;
mod waveform;

pub use clip::Clip;
pub use codec::{Codec, transcode_in_place};
pub use level::{SILENT_DBFS, peak_dbfs, rms_dbfs};
pub use sound::Sound;
pub use tone::{BEEP, BUSY, CONGESTION, Cadence, RINGBACK, RINGBACK_NORTH_AMERICA, dtmf, melody, silence, tone};
pub use waveform::waveform;

/// Samples a second: the only rate of G.711 (RFC 3551 §4.5.14).
pub const SAMPLE_RATE: u32 = 8000;
