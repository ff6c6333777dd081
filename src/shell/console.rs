//! The door for the command line: a Unix socket that only the switch's own user can open.
//!
//! Where it stands: each connection is a task beside the sockets' readers; requests enter the control thread's inbox like
//! everything else, and are answered between two messages. Nothing here decides.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::ask::{Line, Request};
use super::control::Arrival;
use super::journal::Progress;

/// The socket. It is taken away when the switch ends.
pub(super) struct Console {
    path: PathBuf,
    listener: UnixListener,
}

/// Where answers go. One who does not read them is forgotten.
pub(super) type Answers = Sender<Line>;

/// Commands at once; the next one waits.
const COMMANDS_MAX: usize = 16;
/// No request is longer.
const REQUEST_MAX: u64 = 4096;
/// How long a request may take to be written, and a line to be read.
const PATIENCE: Duration = Duration::from_secs(10);
/// Lines a slow reader may be behind.
const UNREAD_MAX: usize = 1024;

impl Console {
    /// Opens the socket, in place of one a killed switch left behind.
    pub(super) fn open(path: &Path) -> io::Result<Console> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another switch answers there"));
        }
        let _ = fs::remove_file(path);
        // Bound under another name and moved when it is ours alone: nobody else gets in between.
        let beside = path.with_extension("new");
        let _ = fs::remove_file(&beside);
        let listener = UnixListener::bind(&beside)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
        fs::rename(&beside, path)?;
        Ok(Console { path: path.to_owned(), listener })
    }

    /// Answers until the switch is gone.
    pub(super) async fn serve(self, inbox: Sender<Arrival>, journal: Arc<Progress>) {
        let places = Arc::new(Semaphore::new(COMMANDS_MAX));
        while let Ok(place) = places.clone().acquire_owned().await {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await; // out of descriptors, most likely
                continue;
            };
            let (inbox, journal) = (inbox.clone(), journal.clone());
            spawn_local(async move {
                let _ = answer(stream, &inbox, &journal).await; // a command that is gone needs no answer
                drop(place);
            });
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// One request, and all that is said to it.
async fn answer(stream: UnixStream, inbox: &Sender<Arrival>, journal: &Progress) -> io::Result<()> {
    let by = stream.peer_cred().map_or("a command".to_owned(), |peer| format!("uid {}", peer.uid())).into();
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader.take(REQUEST_MAX));
    let mut text = String::new();
    timeout(PATIENCE, reader.read_line(&mut text)).await??;
    let (answers, mut lines) = channel(UNREAD_MAX);
    match serde_json::from_str::<Request>(&text) {
        Ok(request) => {
            let _ = inbox.send(Arrival::Asked { request, by, answers }).await;
        }
        Err(why) => {
            let _ = answers.try_send(Line::Failed(format!(
                "the switch does not understand this request ({why}); are command and switch of one version?"
            )));
            drop(answers);
        }
    }
    let (mut closed, mut settled) = ([0], false);
    loop {
        // A reader that goes away ends the wait for more.
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = reader.read(&mut closed) => None,
        };
        let Some(line) = line else { return Ok(()) };
        if !std::mem::replace(&mut settled, true) {
            journal.settle().await; // one moment's state: its first line waits for all of it
        }
        let text = serde_json::to_string(&line)? + "\n";
        timeout(PATIENCE, writer.write_all(text.as_bytes())).await??;
    }
}
