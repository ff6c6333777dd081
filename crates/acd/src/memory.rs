//! Who talked with whom, so that a caller may get the same agent again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::Time;

/// The last agent of each caller: of the latest [`CALLERS_MAX`] callers.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    last: HashMap<Arc<str>, (u32, Time)>,
    oldest: BTreeSet<(Time, Arc<str>)>,
}

/// So many callers are remembered; the oldest is forgotten for the next.
const CALLERS_MAX: usize = 20_000;

impl Memory {
    pub(crate) fn talked(&mut self, caller: &Arc<str>, agent: u32, now: Time) {
        if let Some((_, before)) = self.last.insert(caller.clone(), (agent, now)) {
            self.oldest.remove(&(before, caller.clone()));
        }
        self.oldest.insert((now, caller.clone()));
        if self.last.len() > CALLERS_MAX
            && let Some((_, caller)) = self.oldest.pop_first()
        {
            self.last.remove(&caller);
        }
    }

    /// The agent this caller had, if that is not too long ago.
    pub(crate) fn agent(&self, caller: &str, within: Duration, now: Time) -> Option<u32> {
        self.last.get(caller).filter(|(_, at)| now.since(*at) <= within).map(|(agent, _)| *agent)
    }
}
