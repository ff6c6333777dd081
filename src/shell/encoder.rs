//! The thread that gives recordings another format when their calls are over, as far as the machine has nothing better
//! to do.
//!
//! Where it stands: beside the settler, which only wakes it: what there is to do is in the archive's chain.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use recorder::{Encode, Format, Keyring};
use tracing::{debug, error};

use super::clock::Clock;
use super::hook::Hook;

/// What was missed while the disk failed is looked for so often.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How far behind everything else it stands (nice(2)).
const NICE: i32 = 10;

/// Wakes the encoder. It ends, leaving for the next start what is not done, when this is gone.
pub(super) struct Encoder(SyncSender<()>);

impl Encoder {
    /// Starts the thread; none where recordings stay as they are.
    pub(super) fn start(
        folders: &[PathBuf],
        format: Format,
        keys: &Keyring,
        hook: Option<Hook>,
        clock: Clock,
    ) -> io::Result<Option<(Encoder, JoinHandle<()>)>> {
        if format == Format::Wav {
            return Ok(None);
        }
        let archives = folders.iter().map(|folder| Encode::new(folder, format, keys.clone(), clock.today())).collect();
        let (sender, inbox) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("encoder".to_owned())
            .spawn(move || run(archives, hook.as_ref(), clock, &inbox))?;
        Ok(Some((Encoder(sender), thread)))
    }

    /// A recording was closed.
    pub(super) fn wake(&self) {
        let _ = self.0.try_send(()); // full: it is woken already
    }
}

fn run(mut archives: Vec<Encode>, hook: Option<&Hook>, clock: Clock, inbox: &Receiver<()>) {
    let _ = rustix::process::nice(NICE); // of this thread alone, on Linux
    let going = || !matches!(inbox.try_recv(), Err(TryRecvError::Disconnected));
    loop {
        for encode in &mut archives {
            while going() {
                match encode.next(clock.today(), going) {
                    Ok(Some(done)) => {
                        debug!(file = done.file, bytes = done.bytes, before = done.before, "encoded");
                        hook.iter().for_each(|hook| hook.wake());
                    }
                    Ok(None) => break,
                    Err(why) => error!("a recording keeps its format: {why}"),
                }
            }
        }
        if let Err(RecvTimeoutError::Disconnected) = inbox.recv_timeout(LOOK_EVERY) {
            return;
        }
    }
}
