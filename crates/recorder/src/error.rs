//! What can go wrong with a recording, in the operator's words.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// Why a recording is not there, or not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// The folder cannot be made or written to.
    #[error(
        "recordings cannot be written to {}: {why}; make it writable for this user, or name another folder under \
         [recording] in conf/switch.toml",
        folder.display()
    )]
    Folder {
        /// The folder as it was given.
        folder: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The name would lead out of the folder, or is none.
    #[error("{file:?} cannot name a recording; a relative path of plain names is expected, such as 2026/11/24/name")]
    Name {
        /// The name as it was given.
        file: String,
    },
    /// Something of that name is there already.
    #[error("recording {file} is there already and stays as it is; give the new one another name")]
    Taken {
        /// Its name.
        file: String,
    },
    /// The disk refused.
    #[error("recording {file} stopped: {why}; what was written is kept, {}", remedy(why))]
    Disk {
        /// Its name.
        file: String,
        /// What the system said.
        why: io::Error,
    },
    /// A file has an end. The recording goes on in another.
    #[error("recording {file} has {secs} seconds in one file, the most there may be")]
    TooLong {
        /// Its name.
        file: String,
        /// The limit.
        secs: u64,
    },
    /// Nobody talks that long, or one disk after the other failed.
    #[error(
        "recording {file} ended after {parts} files, the most there may be; look after its disks if they fail in turn"
    )]
    TooManyParts {
        /// Its name.
        file: String,
        /// How many.
        parts: u32,
    },
    /// As many as allowed are being made.
    #[error("recording {file} was not begun: {recordings} are being made already; raise recordings_max")]
    TooMany {
        /// Its name.
        file: String,
        /// The limit.
        recordings: usize,
    },
    /// A `.wav.part` that this room did not write.
    #[error("{} does not begin like a recording of ours; it was left as it is, move it away", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
}

fn remedy(why: &io::Error) -> &'static str {
    match why.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => "free some space",
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => "make the folder writable again",
        _ => "look after the disk",
    }
}
