//! Samples: codecs, sounds a player can send, tones, and how loud something is.
//!
//! Where it stands: under `media`, which sends and receives what is encoded here, and under `recorder`, which writes
//! it down. It knows no packet, no call and no file.
//!
//! One channel, 16-bit samples; 8 kHz where nothing else is said. G.711 is two tables, G.722 is ours, Opus is libopus
//! (`opus.rs`), other rates are rubato's affair (`resample.rs`). All levels are in dBFS where a sine of full scale is 0 dB
//! (AES17), so a tone made at −20 is measured as −20 by [`rms_dbfs`] and by [`goertzel::level`] alike.
#![forbid(unsafe_code)]

mod clip;
mod codec;
mod comfort_noise;
mod conceal;
mod decoder;
mod dtmf_detector;
mod encoder;
mod encoding;
mod g711;
mod g722;
pub mod goertzel;
mod level;
mod music;
mod opus;
mod playlist;
mod resample;
mod sound;
mod tone;
mod waveform;

pub use clip::Clip;
pub use codec::{Codec, transcode_in_place};
pub use comfort_noise::ComfortNoise;
pub use decoder::Decoder;
pub use dtmf_detector::DtmfDetector;
pub use encoder::Encoder;
pub use encoding::Encoding;
pub use level::{SILENT_DBFS, peak_dbfs, rms_dbfs};
pub use music::music;
pub use opus::OpusConf;
pub use playlist::{Music, Playlist};
pub use resample::Resampler;
pub use sound::Sound;
pub use tone::{
    BEEP, BUSY, CONGESTION, Cadence, RECORDED, RINGBACK, RINGBACK_NORTH_AMERICA, dtmf, melody, silence, tone,
};
pub use waveform::waveform;

/// Samples a second: the only rate of G.711 (RFC 3551 §4.5.14).
pub const SAMPLE_RATE: u32 = 8000;

#[cfg(test)]
mod tests;
