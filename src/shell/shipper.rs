//! The thread that sends recordings to a store, and lets go from here what has been there for long enough.
//!
//! Where it stands: beside settler and encoder, on the same archives, and like the hook a reader of their chain, which is
//! the queue: what is not sent when the switch ends is found again at the next start, and nothing is ever given up. What
//! is erased here is erased there. Nobody waits for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use base::Time;
use jiff::ToSpan;
use recorder::{Act, Because, Entry, Format, Manifest, Outbox, moved, shipped, shipped_before};
use tracing::{debug, error, info, warn};

use super::clock::Clock;
use crate::conf::SwitchConf;
use crate::storage::{Storage, sidecar_of};

/// How often the chain is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often days are looked at: the manifests of those that are over, and what may go.
const DAYS_EVERY: Duration = Duration::from_secs(6 * 3600);
/// So many go at once; there is another look soon.
const AT_ONCE: usize = 1_000;

/// A door to the thread, which ends when this is gone.
pub(super) struct Shipper(#[expect(dead_code, reason = "its end is what the thread sees")] SyncSender<()>);

impl Shipper {
    /// Starts the thread; none where no store is named.
    pub(super) fn start(folders: &[PathBuf], conf: &SwitchConf, clock: Clock) -> io::Result<Option<Shipper>> {
        let Some(said) = &conf.storage else { return Ok(None) };
        let storage = Storage::open(said).map_err(io::Error::other)?;
        let made: &[Act] = match conf.recording.format {
            Format::Wav => &[Act::Closed, Act::Salvaged],
            Format::G711 | Format::Opus => &[Act::Encoded], // as they will stay
        };
        let acts = [made, &[Act::Noted, Act::Held, Act::Released, Act::Erased]].concat();
        let outbox = |folder: &PathBuf| (folder.clone(), Outbox::new(folder, "storage", &acts).patient());
        let outboxes = folders.iter().map(outbox).collect();
        let (sender, inbox) = sync_channel(1);
        let shipping = Shipping { storage, keep_days: said.keep_local_days, clock, inbox };
        // Nobody joins it: it may wait for a network for minutes, and whatever it is about is done again.
        thread::Builder::new().name("shipper".to_owned()).spawn(move || shipping.run(outboxes))?;
        Ok(Some(Shipper(sender)))
    }
}

struct Shipping {
    storage: Storage,
    keep_days: Option<u32>,
    clock: Clock,
    inbox: Receiver<()>,
}

impl Shipping {
    fn run(self, mut outboxes: Vec<(PathBuf, Outbox)>) {
        let mut days_due = Time::ZERO;
        loop {
            for (folder, outbox) in &mut outboxes {
                if let Err(why) = self.send_due(folder, outbox) {
                    error!(folder = %folder.display(), "sending recordings to the store waits: {why}");
                }
            }
            if self.clock.now() >= days_due {
                days_due = self.clock.now() + DAYS_EVERY;
                for (folder, _) in &outboxes {
                    self.look_at_days(folder);
                }
            }
            if let Err(RecvTimeoutError::Disconnected) = self.inbox.recv_timeout(LOOK_EVERY) {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.inbox.try_recv() == Err(TryRecvError::Disconnected)
    }

    fn send_due(&self, folder: &Path, outbox: &mut Outbox) -> io::Result<()> {
        while !self.is_over()
            && let Some(entry) = outbox.next(self.clock.today())?
        {
            match self.send(folder, &entry) {
                Ok(()) => outbox.done(&entry)?,
                Err(why) => {
                    let again = outbox.failed(&entry, self.clock.today())?.unwrap_or_default();
                    warn!(file = entry.file, %again, "not in the store: {why}; it is tried again");
                }
            }
        }
        Ok(())
    }

    fn send(&self, folder: &Path, entry: &Entry) -> Result<(), Box<dyn std::error::Error>> {
        match entry.act {
            Act::Erased => self.storage.erase(&entry.file)?,
            Act::Noted | Act::Held | Act::Released => self.storage.ship_file(folder, &sidecar_of(&entry.file))?,
            _ => {
                self.storage.ship(folder, entry, |_| {})?;
                let url = self.storage.url_of(&entry.file);
                shipped(&mut Manifest::new(folder), entry, &url, self.clock.today())?;
                debug!(file = entry.file, url, "in the store");
            }
        }
        Ok(())
    }

    /// Sends the manifests of days that are over; lets go of sound whose days are over.
    fn look_at_days(&self, folder: &Path) {
        let today = self.clock.today().strftime("%Y/%m/%d").to_string();
        for file in recorder::manifests(folder).unwrap_or_default() {
            if self.is_over() {
                return;
            }
            if file.as_str() < today.as_str()
                && let Err(why) = self.storage.ship_if_new(folder, &file)
            {
                return warn!(file, "not in the store: {why}; it is tried again in some hours");
            }
        }
        let Some(days) = self.keep_days else { return };
        let Ok(last) = self.clock.today().checked_sub((i64::from(days) * 24).hours()) else { return };
        let before = last.strftime("%Y/%m/%d").to_string();
        match shipped_before(&Manifest::new(folder), &before, AT_ONCE) {
            Ok(entries) => self.let_go(folder, &entries, days),
            Err(why) => error!("what is in the store stays here until the manifests can be read: {why}"),
        }
    }

    fn let_go(&self, folder: &Path, entries: &[Entry], days: u32) {
        let (mut manifest, mut gone) = (Manifest::new(folder), 0);
        for entry in entries {
            if self.is_over() {
                break;
            }
            let url = self.storage.url_of(&entry.file);
            let because = Because { by: "centrala", why: &url, at: self.clock.today() };
            // Not what it was when it was sent: what it is now.
            let seen = self.storage.has(&entry.file, entry.sha256).map_err(Box::<dyn std::error::Error>::from);
            match seen.and_then(|()| Ok(moved(&mut manifest, &entry.file, &url, because)?)) {
                Ok(()) => gone += 1,
                Err(why) => warn!(file = entry.file, "its sound stays here: {why}"),
            }
        }
        if gone > 0 {
            info!(folder = %folder.display(), recordings = gone, days, "their sound is in the store alone");
        }
    }
}
