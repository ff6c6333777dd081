//! What is written down, for those who follow it as it comes.
//!
//! Where it stands: the journal's thread tells it each entry once that is on the disk; `api` hands it on. Nobody is waited
//! for: who is too far behind has lost the thread, and reads on from the journal itself.

use std::sync::Arc;

use base::Time;
use jiff::Timestamp;
use journal::Entry;
use tokio::sync::broadcast::{Receiver, Sender, channel};

/// Entries that a slow reader may be behind.
const BEHIND_MAX: usize = 4096;

/// Where they come from.
#[derive(Clone)]
pub(super) struct Feed(Sender<Told>);

/// An entry, as a line.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) number: u64,
    pub(super) line: Arc<str>,
}

impl Default for Feed {
    fn default() -> Feed {
        Feed(channel(BEHIND_MAX).0)
    }
}

impl Feed {
    /// Tells it to whoever follows.
    pub(super) fn tell(&self, entry: &Entry) {
        if self.0.receiver_count() > 0 {
            let _ = self.0.send(Told { number: entry.number, line: entry_line(entry).into() }); // he may have just gone
        }
    }

    /// All entries from now on.
    pub(super) fn follow(&self) -> Receiver<Told> {
        self.0.subscribe()
    }
}

/// An entry of the journal as one JSON object.
pub fn entry_line(entry: &Entry) -> String {
    // As it is written: through a JSON value, numbers would look otherwise.
    let (at, record) = (timestamp(entry.at), serde_json::to_string(&entry.record).unwrap_or_default());
    format!("{{\"number\":{},\"at\":\"{at}\",\"record\":{record}}}", entry.number)
}

fn timestamp(at: Time) -> Timestamp {
    Timestamp::from_nanosecond(at.as_nanos().into()).unwrap_or_default()
}
