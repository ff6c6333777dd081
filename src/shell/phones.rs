//! The thread that keeps where phones are, so that a restart finds those that did not notice it (`sip::KeptBinding`).
//!
//! Where it stands: behind a bounded channel. What finds no room is not kept: the phone registers again, before what was kept of
//! it has ended.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use journal::{JournalError, Phones};
use sip::KeptBinding;
use tracing::warn;

/// Accounts waiting to be written: a storm's worth.
const WAITING_MAX: usize = 65_536;
/// So long is waited for the phones that follow one.
const GATHER: Duration = Duration::from_millis(50);
/// No group is larger.
const GROUP_MAX: usize = 4_096;

type Change = (String, Option<String>);

/// A door to the thread; it ends, with everything written, when this is gone.
pub(super) struct KeptPhones(SyncSender<Change>);

impl KeptPhones {
    /// Starts it, and hands over what was kept. A file that cannot be read costs no start: phones register again.
    pub(super) fn start(
        folder: &Path,
        mut each: impl FnMut(&str, Vec<KeptBinding>),
    ) -> io::Result<(KeptPhones, JoinHandle<()>)> {
        let opened = Phones::open(folder).and_then(|phones| {
            phones.each(|account, kept| match serde_json::from_str(kept) {
                Ok(kept) => each(account, kept),
                Err(why) => warn!(account, "what was kept of its phones cannot be read ({why})"),
            })?;
            Ok(phones)
        });
        let phones = opened.map_err(|why| warn!("phones are not kept over a restart: {why}")).ok();
        let (sender, changes) = sync_channel(WAITING_MAX);
        let thread = thread::Builder::new().name("phones".to_owned()).spawn(move || keep(phones, &changes))?;
        Ok((KeptPhones(sender), thread))
    }

    /// This is what is to be kept of an account.
    pub(super) fn keep(&self, account: String, kept: &[KeptBinding]) {
        let kept = (!kept.is_empty()).then(|| serde_json::to_string(kept).unwrap_or_default());
        let _ = self.0.try_send((account, kept));
    }
}

#[allow(clippy::disallowed_methods)] // the disk is not asked for each phone of a storm
fn keep(mut phones: Option<Phones>, changes: &Receiver<Change>) {
    let mut failing = false;
    while let Ok(first) = changes.recv() {
        thread::sleep(GATHER);
        let group: Vec<Change> = [first].into_iter().chain(changes.try_iter()).take(GROUP_MAX).collect();
        let written = phones.as_mut().map_or(Ok(()), |phones| phones.keep(&group));
        say(&written, failing);
        failing = written.is_err();
    }
}

fn say(written: &Result<(), JournalError>, failing: bool) {
    if let (Err(why), false) = (written, failing) {
        warn!("where phones are is not kept: a restart forgets it ({why})");
    }
}
