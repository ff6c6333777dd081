//! The messages' files: one thread fetches what is listened to, and erases what is to go.
//!
//! Where it stands: messages are recordings like others, below `voicemail/` in the recordings folder: hashed, sealed and
//! salvaged as they are. The control thread asks here and waits for nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use audio::Sound;
use recorder::{Because, Cut, Keyring, Manifest, erase, play};
use tracing::{info, warn};

use super::clock::Clock;
use crate::wav::Pcm;

/// What is asked for.
#[derive(Debug)]
pub(super) enum Ask {
    Fetch { call: base::CallId, file: String },
    Erase { file: String, account: String },
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
        thread::Builder::new().name("voicemail".to_owned()).spawn(move || {
            for ask in inbox {
                match ask {
                    Ask::Fetch { call, file } => {
                        let sound = find(&folders, &file).ok_or(io::ErrorKind::NotFound.into());
                        let sound = sound.and_then(|(folder, file)| load(&folder.join(file), &keys));
                        if let Err(why) = &sound {
                            warn!(file, "a message cannot be played: {why}");
                        }
                        fetched(call, file, sound.ok());
                    }
                    Ask::Erase { file, account } => {
                        let Some((folder, file)) = find(&folders, &file) else { continue };
                        let because = Because { by: &account, why: "voicemail", at: clock.today() };
                        match erase(&mut Manifest::new(folder), &file, because) {
                            Ok(()) => info!(file, account, "a message was erased"),
                            Err(why) => warn!(file, account, "a message is not erased: {why}"),
                        }
                    }
                }
            }
        })?;
        Ok(Messages(sender))
    }

    pub(super) fn ask(&self, ask: Ask) {
        if self.0.try_send(ask).is_err() {
            warn!("the disk of the messages is far behind; a message was neither fetched nor erased");
        }
    }
}

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

/// The message's sound: both sides in one, for the other one is silent.
pub fn load(path: &Path, keys: &Keyring) -> io::Result<Sound> {
    let mut wav = Vec::new();
    play(path, &mut wav, &Cut { mono: true, ..Cut::default() }, keys)?;
    Pcm::read(&wav[..], SECONDS_MAX).and_then(|pcm| pcm.sound()).map_err(io::Error::other)
}
