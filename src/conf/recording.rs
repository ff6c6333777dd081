//! `[recording]` of switch.toml: where recordings go, and as what.

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
}

impl Default for RecordingConf {
    fn default() -> RecordingConf {
        RecordingConf { folder: PathBuf::from("recordings"), format: Format::Wav }
    }
}
