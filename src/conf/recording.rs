//! `[recording]` of switch.toml: where recordings go, and as what.

use std::num::NonZeroU16;
use std::path::PathBuf;

use recorder::Format;
use serde::Deserialize;

/// How calls are recorded.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingConf {
    /// The folder they lie in.
    pub folder: PathBuf,
    /// What they become when the call is over.
    pub format: Format,
    /// They are that from their beginning, where it is Opus and they are not sealed.
    pub live: bool,
    /// They have as many samples a second as what was said, but no more than these thousands.
    pub rate_khz_max: RateMax,
    /// Another folder, on another disk, for when that one fails or is nearly full.
    pub spill: Option<PathBuf>,
    /// A folder with less room than this gets no new recording while there is another; at twice as much it is said.
    pub floor_mb: u64,
    /// What becomes of a call that cannot be recorded.
    pub on_failure: OnFailure,
    /// A mask ends by itself after so long.
    pub mask_secs_max: u32,
    /// What is heard in its place.
    pub mask_sound: MaskSound,
    /// Who is recorded hears a beep that often.
    pub beep_secs: Option<NonZeroU16>,
    /// The command that is run after each recording, and its arguments; none if empty.
    pub hook: Vec<String>,
    /// It is ended after so long, and tried again.
    pub hook_secs_max: u32,
    /// A file of master keys: recordings are sealed with the first.
    pub key_file: Option<PathBuf>,
}

impl RecordingConf {
    /// Does only a restart apply this one?
    pub(super) fn needs_restart(&self, new: &RecordingConf) -> bool {
        let RecordingConf { mask_secs_max, beep_secs, .. } = *self;
        *self != RecordingConf { mask_secs_max, beep_secs, ..new.clone() }
    }
}

/// Thousands of samples a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "u32")]
pub enum RateMax {
    /// As a telephone has.
    Narrow,
    /// As G.722 has.
    #[default]
    Wide,
    /// As Opus has.
    Full,
}

impl RateMax {
    /// Samples a second.
    pub fn hz(self) -> u32 {
        match self {
            RateMax::Narrow => 8_000,
            RateMax::Wide => 16_000,
            RateMax::Full => 48_000,
        }
    }
}

impl TryFrom<u32> for RateMax {
    type Error = &'static str;

    fn try_from(khz: u32) -> Result<RateMax, &'static str> {
        match khz {
            8 => Ok(RateMax::Narrow),
            16 => Ok(RateMax::Wide),
            48 => Ok(RateMax::Full),
            _ => Err("recordings have 8, 16 or 48 thousand samples a second"),
        }
    }
}

/// What becomes of a call that is to be recorded and cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It goes on without.
    #[default]
    Continue,
    /// It ends: no recording, no call.
    Refuse,
}

/// What is heard where a recording is masked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskSound {
    /// Nothing.
    #[default]
    Silence,
    /// A soft tone, so that who listens knows.
    Tone,
}

impl Default for RecordingConf {
    fn default() -> RecordingConf {
        RecordingConf {
            folder: PathBuf::from("recordings"),
            format: Format::Wav,
            live: false,
            rate_khz_max: RateMax::default(),
            spill: None,
            floor_mb: 500,
            on_failure: OnFailure::Continue,
            mask_secs_max: 300,
            mask_sound: MaskSound::Silence,
            beep_secs: None,
            hook: Vec::new(),
            hook_secs_max: 60,
            key_file: None,
        }
    }
}
