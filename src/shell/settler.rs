//! The thread that settles recordings: hashes them, enters them in the manifest, gives them their names.
//!
//! Where it stands: behind the recorder's thread, which must never wait for a disk to say that it has something. What
//! the disk refuses is kept and tried again, so that a full or absent disk costs no recording that had ended.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use recorder::{Closing, Event, Manifest};
use tracing::{error, info};

use super::clock::Clock;
use super::encoder::Encoder;
use super::hook::Hook;

/// Recordings that have ended and wait for their names.
const WAITING_MAX: usize = 16_384;
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// A door to the settler. It ends, with everything settled that can be, when the door is gone.
pub(super) struct Settler(SyncSender<Closing>);

impl Settler {
    /// Starts the thread.
    pub(super) fn start(
        encoder: Option<Encoder>,
        hook: Option<Hook>,
        clock: Clock,
        events: impl Fn(Event) + Send + 'static,
    ) -> io::Result<(Settler, JoinHandle<()>)> {
        let (sender, inbox) = sync_channel(WAITING_MAX);
        let thread = thread::Builder::new().name("settler".to_owned()).spawn(move || {
            Settling { manifests: HashMap::new(), encoder, hook, clock, events, unsettled: VecDeque::new() }
                .run(&inbox);
        })?;
        Ok((Settler(sender), thread))
    }

    /// Hands over a recording that has ended.
    pub(super) fn settle(&self, closing: Closing) {
        if let Err(TrySendError::Full(closing) | TrySendError::Disconnected(closing)) = self.0.try_send(closing) {
            error!(?closing, "the disk is far behind: a recording keeps its temporary name until the next start");
        }
    }
}

struct Settling<E> {
    /// Of each folder.
    manifests: HashMap<PathBuf, Manifest>,
    encoder: Option<Encoder>,
    hook: Option<Hook>,
    clock: Clock,
    events: E,
    /// What the disk has refused.
    unsettled: VecDeque<Closing>,
}

impl<E: Fn(Event)> Settling<E> {
    fn run(mut self, inbox: &Receiver<Closing>) {
        loop {
            let patience = if self.unsettled.is_empty() { Duration::from_secs(3600) } else { TRY_AGAIN };
            match inbox.recv_timeout(patience) {
                Ok(closing) => self.settle(closing, true),
                Err(RecvTimeoutError::Timeout) => self.try_again(),
                Err(RecvTimeoutError::Disconnected) => return self.try_again(),
            }
        }
    }

    fn try_again(&mut self) {
        for closing in std::mem::take(&mut self.unsettled) {
            self.settle(closing, false);
        }
    }

    fn settle(&mut self, closing: Closing, first: bool) {
        let folder = closing.folder();
        let manifest = self.manifests.entry(folder.to_owned()).or_insert_with(|| Manifest::new(folder));
        let settled = closing.settle(manifest, self.clock.today());
        if settled.is_ok() {
            self.encoder.iter().for_each(Encoder::wake);
            self.hook.iter().for_each(Hook::wake);
        }
        match (settled, closing.id) {
            (Ok(settled), Some(id)) if closing.is_whole() => {
                (self.events)(Event::Closed { id, file: settled.file, seconds: settled.seconds });
            }
            (Ok(settled), _) => {
                info!(file = settled.file, seconds = settled.seconds, "saved a recording that broke off")
            }
            (Err(why), id) => {
                if let Some(id) = id.filter(|_| first && closing.is_whole()) {
                    (self.events)(Event::Failed { id, why: why.to_string() });
                }
                if self.unsettled.len() < WAITING_MAX {
                    self.unsettled.push_back(closing);
                }
            }
        }
    }
}
