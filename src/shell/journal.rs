//! The journal: one CDR a line, one file a day, appended before anybody is told.
//!
//! Where it stands: a thread of its own behind a bounded channel. A disk that fails loses no call: the line is kept in
//! memory, said in the log, and written when the disk is back.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use call::Cdr;
use tracing::{error, info};

/// Records waiting for the thread; more are refused, and the log says so.
const WAITING_MAX: usize = 65_536;
/// Lines kept while the disk fails: an hour at 30 calls a second.
const UNWRITTEN_MAX: usize = 100_000;
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A door to the journal.
pub(super) struct Journal(SyncSender<Box<Cdr>>);

impl Journal {
    /// Makes the folder, and starts the thread. It ends, with everything written, when the journal is dropped.
    pub(super) fn start(folder: &Path) -> io::Result<(Journal, JoinHandle<()>)> {
        fs::create_dir_all(folder)?;
        // Whether it can be written is better known now than after the first call.
        let probe = folder.join(".probe");
        File::create(&probe).and_then(|_| fs::remove_file(&probe))?;
        let (sender, inbox) = sync_channel(WAITING_MAX);
        let folder = folder.to_owned();
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || run(&folder, &inbox))?;
        Ok((Journal(sender), thread))
    }

    /// Appends a record.
    pub(super) fn append(&self, cdr: Box<Cdr>) {
        if let Err(refused) = self.0.try_send(cdr) {
            error!("the journal is far behind; this record is only in this log: {refused:?}");
        }
    }
}

fn run(folder: &Path, inbox: &Receiver<Box<Cdr>>) {
    let mut unwritten: VecDeque<(PathBuf, String)> = VecDeque::new();
    let mut open: Option<(PathBuf, File)> = None;
    let mut failing = false;
    loop {
        match inbox.recv_timeout(if unwritten.is_empty() { Duration::from_secs(3600) } else { TRY_AGAIN }) {
            Ok(cdr) => {
                let day = cdr.ended.get(..10).unwrap_or("undated");
                let line = serde_json::to_string(&cdr).unwrap_or_else(|why| format!("{{\"error\":\"{why}\"}}"));
                if unwritten.len() < UNWRITTEN_MAX {
                    unwritten.push_back((folder.join(format!("cdr-{day}.jsonl")), line + "\n"));
                } else {
                    error!("the journal's disk has failed for too long; this record is only in this log: {line}");
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let _ = write(&mut unwritten, &mut open);
                return;
            }
        }
        match write(&mut unwritten, &mut open) {
            Ok(()) if failing => {
                failing = false;
                info!("the journal in {} can be written again; nothing was lost", folder.display());
            }
            Err(why) if !failing => {
                failing = true;
                open = None;
                error!(
                    "the journal in {} cannot be written ({why}); make room or mend it: records wait",
                    folder.display()
                );
            }
            _ => {}
        }
    }
}

fn write(unwritten: &mut VecDeque<(PathBuf, String)>, open: &mut Option<(PathBuf, File)>) -> io::Result<()> {
    while let Some((path, line)) = unwritten.front() {
        if open.as_ref().is_none_or(|(of, _)| of != path) {
            *open = Some((path.clone(), OpenOptions::new().create(true).append(true).open(path)?));
        }
        if let Some((_, file)) = open {
            file.write_all(line.as_bytes())?;
        }
        unwritten.pop_front();
    }
    Ok(())
}
