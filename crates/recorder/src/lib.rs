//! Recordings on disk: clips of both sides of a call become stereo WAV files with JSON sidecars, safe on `kill -9`.
//!
//! Where it stands: behind the media threads and the switch, in a thread of its own. It is told clips of
//! G.711 ([`audio::Clip`]) and when a recording begins and ends; it writes files and tells what became of them. It
//! reads no clock. It knows no call, no queue and no packet: names and sidecars come ready made from above.
//!
//! What lies in the folder:
//!
//! | file | while recording | afterwards |
//! | --- | --- | --- |
//! | `NAME.wav.part` | the sound so far, its header true at any instant | – |
//! | `NAME.opus.part` | the same as Ogg Opus, whole pages only, where that is wished ([`RecorderConf::live_opus`]) | – |
//! | `NAME.json.part` | what was known when it began | – |
//! | `NAME.wav`, `NAME.opus` | – | the whole sound: 8, 16 or 48 kHz, 16 bit, caller left, other party right |
//! | `NAME.key` | its key, where it is sealed | the same |
//! | `NAME.json` | – | the sidecar; it appears just before the `.wav` does |
//! | `NAME.qa.json` | – | what people think of it, once somebody has said |
//! | `YYYY/MM/DD/manifest.jsonl` | – | a line for each, by which [`Verify`] finds what was changed |
//!
//! Whatever was being recorded when the switch died is finished by [`salvage`] at the next start; at most the last
//! second of sound is missing. A power cut may take more: only finished recordings are forced to the disk.
#![forbid(unsafe_code)]

mod archive;
mod attention;
mod beeps;
mod closing;
mod error;
mod gaps;
mod opus_file;
mod place;
mod recorder;
mod recording;
mod salvage;
mod seal;
mod sidecar;
mod silences;
mod sound;
mod sound_file;
mod timeline;
mod walk;
mod wav_file;

pub use archive::{
    Access, Act, Because, By, CHUNK, Encode, Encoded, Entry, Fault, Finding, Hash, Index, IndexError, KeepError,
    Manifest, Noted, Outbox, Progress, Query, Report, Retention, Row, Sums, Total, Verify, access, away, erase, hold,
    holdings, manifests, moved, note, ratings, ratings_of, release, shipped, shipped_before, transcribed, with_ratings,
};
pub use closing::{Closing, Settled};
pub use error::RecorderError;
pub use recorder::{Event, Input, Output, Recorder, RecorderConf};
pub use salvage::{Salvaged, salvage};
pub use seal::{Keyring, SealError, rewrap};
pub use silences::Silence;
pub use sound::{Cut, Format, Wave, export, play, unsealed, wave};
pub use timeline::Channel;
