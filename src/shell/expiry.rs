//! The thread that erases what has been kept for long enough, as far as the machine has nothing better to do.
//!
//! Where it stands: beside the settler and the encoder, on the same archives. It looks when the switch begins and each
//! day from then on; what the conf says of days may change meanwhile.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base::Time;
use recorder::{Because, Index, Manifest, Retention, erase};
use tracing::{error, info};

use super::clock::Clock;

const LOOK_EVERY: Duration = Duration::from_secs(24 * 3600);
/// So many are looked up at once.
const AT_ONCE: usize = 10_000;
/// How far behind everything else it stands (nice(2)).
const NICE: i32 = 10;

/// A door to it. It ends, leaving for the next start what is not done, when this is gone.
pub(super) struct Expiry(SyncSender<Retention>);

impl Expiry {
    /// Starts the thread.
    pub(super) fn start(
        folders: &[PathBuf],
        retention: Retention,
        clock: Clock,
    ) -> io::Result<(Expiry, JoinHandle<()>)> {
        let (sender, inbox) = sync_channel(8);
        let expiring = Expiring { folders: folders.to_owned(), retention, clock, inbox };
        let thread = thread::Builder::new().name("expiry".to_owned()).spawn(move || expiring.run())?;
        Ok((Expiry(sender), thread))
    }

    /// The conf says something else from now on; it is looked what that means the next day.
    pub(super) fn keep(&self, retention: Retention) {
        if self.0.try_send(retention).is_err() {
            error!("recordings are kept as long as the conf before this one said; reload it once more");
        }
    }
}

struct Expiring {
    folders: Vec<PathBuf>,
    retention: Retention,
    clock: Clock,
    inbox: Receiver<Retention>,
}

impl Expiring {
    fn run(mut self) {
        let _ = rustix::process::nice(NICE); // of this thread alone, on Linux
        let mut next = Time::ZERO;
        loop {
            if self.clock.now() >= next {
                next = self.clock.now() + LOOK_EVERY;
                for folder in self.folders.clone() {
                    while self.erase_some(&folder) {}
                }
            }
            match self.inbox.recv_timeout(next.since(self.clock.now())) {
                Ok(retention) => self.retention = retention,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Erases what is over. Is there more?
    fn erase_some(&mut self, folder: &Path) -> bool {
        if self.retention.is_forever() {
            return false;
        }
        let now = self.clock.today();
        let found = Index::open(folder, |_, _| {}).and_then(|index| self.retention.over(&index, now, AT_ONCE));
        let rows = match found {
            Ok(rows) if rows.is_empty() => return false,
            Ok(rows) => rows,
            Err(why) => {
                error!("recordings whose time is over stay until tomorrow: {why}");
                return false;
            }
        };
        let (mut manifest, mut erased, mut goes_on) = (Manifest::new(folder), 0, true);
        for row in &rows {
            match self.inbox.try_recv() {
                // Whoever changes how long they are kept has reason to see none go that may stay.
                Ok(retention) => (self.retention, goes_on) = (retention, false),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => goes_on = false,
            }
            if !goes_on {
                break;
            }
            let days = self.retention.days_of(row).unwrap_or_default();
            let because = Because { by: "centrala", why: &format!("kept for {days} days"), at: self.clock.today() };
            match erase(&mut manifest, &row.file, because) {
                Ok(()) => erased += 1,
                Err(why) => error!("a recording whose time is over stays: {why}"),
            }
        }
        // Nor is it found any more.
        if let Err(why) = Index::open(folder, |_, _| {}).and_then(|index| index.scrub()) {
            error!("{why}");
        }
        info!(folder = %folder.display(), recordings = erased, "erased what was kept for long enough");
        goes_on && erased > 0 && rows.len() == AT_ONCE
    }
}
