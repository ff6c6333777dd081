//! The file `queue_log` in the journal's folder, as Asterisk's tools read it.
//!
//! Where it stands: the journal's thread gives it each entry that is safe. After a crash the same entries say the same lines,
//! and of these it appends what the file has not got.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use journal::{Entry, JournalError, QueueLog, Store};

/// Up to which entry the file has its lines, and how long it was then.
pub(super) const SHOWN: &str = "queue_log";
pub(super) const BYTES: &str = "queue_log.bytes";

pub(super) struct QueueFile {
    path: PathBuf,
    fold: QueueLog,
    /// Said, and not in the file yet.
    unwritten: String,
    /// How long the file is.
    bytes: u64,
}

impl QueueFile {
    pub(super) fn new(folder: &Path) -> QueueFile {
        QueueFile { path: folder.join("queue_log"), fold: QueueLog::default(), unwritten: String::new(), bytes: 0 }
    }

    /// Reads again what the journal has, from the start of the run before this: by then everything before was closed.
    pub(super) fn catch_up(&mut self, store: &Store, run: u64) -> Result<(), JournalError> {
        let (shown, bytes) = (store.mark(SHOWN)?, store.mark(BYTES)?);
        let mut said_before = String::new();
        store.after(if shown >= run { run.saturating_sub(1) } else { 0 }, |entry| {
            let lines = if entry.number <= shown { &mut said_before } else { &mut self.unwritten };
            self.fold.take(&entry, lines);
            said_before.clear();
            true
        })?;
        self.bytes = bytes;
        let there = self.written_since(bytes).unwrap_or_default();
        if self.unwritten.as_bytes().starts_with(&there) {
            self.unwritten.drain(..there.len());
            self.bytes += there.len() as u64;
        }
        Ok(())
    }

    /// What was written after the file was so long; nothing, where it was begun anew.
    fn written_since(&self, bytes: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(bytes))?;
        let mut there = Vec::new();
        file.read_to_end(&mut there)?;
        Ok(there)
    }

    pub(super) fn take(&mut self, entry: &Entry) {
        self.fold.take(entry, &mut self.unwritten);
    }

    /// Appends what there is to say. The file may be moved away at any time: then it is begun anew.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        let whole = file.metadata()?.len();
        if let Err(why) = file.write_all(self.unwritten.as_bytes()) {
            let _ = file.set_len(whole); // half a line is none
            return Err(why);
        }
        self.bytes = whole + self.unwritten.len() as u64;
        self.unwritten.clear();
        Ok(())
    }

    /// How long the file is.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How much is not in it yet.
    pub(super) fn unwritten(&self) -> usize {
        self.unwritten.len()
    }
}
