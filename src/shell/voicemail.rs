//! The messages' files: one thread fetches what is listened to, erases what is to go, and lets the sidecars of recordings
//! say what was said of their calls afterwards.
//!
//! Where it stands: messages are recordings like others, below `voicemail/` in the recordings folder: hashed, sealed and
//! salvaged as they are. The control thread asks here and waits for nothing.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use audio::Sound;
use recorder::{Because, Cut, KeepError, Keyring, Manifest, Salvaged, erase, play};
use serde_json::Value;
use tracing::{info, warn};

use super::clock::Clock;
use crate::wav::Pcm;

/// What is asked for.
#[derive(Debug)]
pub(super) enum Ask {
    Fetch { call: base::CallId, file: String },
    Erase { file: String, account: String },
    Note(Note),
}

/// What was said of a call that is over, for the sidecar of one of its recordings.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) file: String,
    pub(super) by: String,
    pub(super) said: serde_json::Value,
}

/// A door to the thread.
pub(super) struct Messages(SyncSender<Ask>);

/// No message is longer.
const SECONDS_MAX: u32 = 3600;
/// So many requests wait for a slow disk.
const WAITING_MAX: usize = 1024;

impl Messages {
    /// Starts the thread. It ends when the door is gone.
    pub(super) fn start(
        folders: Vec<PathBuf>,
        keys: Keyring,
        clock: Clock,
        fetched: impl Fn(base::CallId, String, Option<Sound>) + Send + 'static,
    ) -> io::Result<Messages> {
        let (sender, inbox) = sync_channel(WAITING_MAX);
        let keeper = Keeper { folders, keys, clock, notes: VecDeque::new() };
        thread::Builder::new().name("voicemail".to_owned()).spawn(move || keeper.run(&inbox, fetched))?;
        Ok(Messages(sender))
    }

    pub(super) fn ask(&self, ask: Ask) {
        if self.0.try_send(ask).is_err() {
            warn!("the disk of the messages is far behind; something was neither fetched, erased nor noted");
        }
    }
}

struct Keeper {
    folders: Vec<PathBuf>,
    keys: Keyring,
    clock: Clock,
    /// What was said of recordings that are not in the archive yet, and how often they were looked for.
    notes: VecDeque<(Note, u32)>,
}

impl Keeper {
    fn run(mut self, inbox: &Receiver<Ask>, fetched: impl Fn(base::CallId, String, Option<Sound>)) {
        loop {
            let patience = if self.notes.is_empty() { LONG } else { AGAIN };
            match inbox.recv_timeout(patience) {
                Ok(Ask::Fetch { call, file }) => {
                    let sound = find(&self.folders, &file).ok_or(io::ErrorKind::NotFound.into());
                    let sound = sound.and_then(|(folder, file)| load(&folder.join(file), &self.keys));
                    if let Err(why) = &sound {
                        warn!(file, "a message cannot be played: {why}");
                    }
                    fetched(call, file, sound.ok());
                }
                Ok(Ask::Erase { file, account }) => self.erase(&file, &account),
                Ok(Ask::Note(note)) if self.notes.len() < WAITING_MAX => self.notes.push_back((note, 0)),
                Ok(Ask::Note(note)) => warn!(file = note.file, "what was said of a call is not in its sidecar"),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.note();
        }
    }

    fn erase(&self, file: &str, account: &str) {
        let Some((folder, file)) = find(&self.folders, file) else { return };
        let because = Because { by: account, why: "voicemail", at: self.clock.today() };
        match erase(&mut Manifest::new(folder), &file, because) {
            Ok(()) => info!(file, account, "a message was erased"),
            Err(why) => warn!(file, account, "a message is not erased: {why}"),
        }
    }

    /// Writes what was said into the sidecars. A recording that is still being closed is looked for again.
    fn note(&mut self) {
        for (note, tries) in std::mem::take(&mut self.notes) {
            let because = Because { by: &note.by, why: "disposition", at: self.clock.today() };
            let noted = match find(&self.folders, &note.file) {
                Some((folder, file)) => recorder::note(&mut Manifest::new(folder), &file, because, &note.said),
                None => Err(KeepError::Unknown { file: note.file.clone() }),
            };
            match noted {
                Ok(()) => info!(file = note.file, by = note.by, "noted"),
                Err(KeepError::Unknown { .. }) if tries < TRIES_MAX => self.notes.push_back((note, tries + 1)),
                Err(why) => warn!(file = note.file, "what was said of a call is not in its sidecar: {why}"),
            }
        }
    }
}

/// A recording is in the archive so soon after its call, on a disk that is well.
const AGAIN: Duration = Duration::from_millis(500);
const TRIES_MAX: u32 = 240;
const LONG: Duration = Duration::from_secs(3600);

/// Where a message is: it may have been packed since, or lie on the spill disk.
pub(super) fn find<'a>(folders: &'a [PathBuf], file: &str) -> Option<(&'a Path, String)> {
    let packed = Path::new(file).with_extension("opus").to_string_lossy().into_owned();
    let names = [file.to_owned(), packed];
    let there = |folder: &'a PathBuf| {
        let name = names.iter().find(|name| folder.join(name).is_file())?;
        Some((folder.as_path(), name.clone()))
    };
    folders.iter().find_map(there)
}

/// A recording that was cut off, if it is a message: for whom, and as it lies in the mailbox.
pub(super) fn salvaged(folder: &Path, one: &Salvaged) -> Option<(String, ::voicemail::Message)> {
    let seconds = *one.outcome.as_ref().ok()?;
    let file = one.file.strip_prefix(folder).ok()?.to_str()?.to_owned();
    let sidecar: Value = serde_json::from_slice(&fs::read(one.file.with_extension("json")).ok()?).ok()?;
    let account = sidecar["asked"]["by"].as_str()?.strip_prefix("voicemail:")?.to_owned();
    let left = &sidecar["channels"]["left"];
    let caller = left["account"].as_str().or(left["number"].as_str())?.to_owned();
    let at = sidecar["began"].as_str()?.to_owned();
    Some((account, ::voicemail::Message { file, caller, at, seconds, heard: false }))
}

/// The message's sound: both sides in one, for the other one is silent.
pub fn load(path: &Path, keys: &Keyring) -> io::Result<Sound> {
    let mut wav = Vec::new();
    play(path, &mut wav, &Cut { mono: true, ..Cut::default() }, keys)?;
    Pcm::read(&wav[..], SECONDS_MAX).and_then(|pcm| pcm.sound()).map_err(io::Error::other)
}
