//! A call in a queue.

use std::sync::Arc;
use std::time::Duration;

use base::Time;

use crate::estimate::Made;
use crate::queue::Place;
use crate::want::Want;
use crate::{Needs, Occasion};

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) queue: u32,
    pub(crate) caller: Arc<str>,
    pub(crate) joined: Time,
    /// How long it had waited elsewhere.
    pub(crate) credit: Duration,
    pub(crate) place: Place,
    /// How long it would wait, as was estimated when it came,
    pub(crate) estimate: Option<Made>,
    /// and as its caller was told last.
    pub(crate) told: Option<Told>,
    pub(crate) needs: Needs,
    pub(crate) want: Want,
    /// When the want changes next.
    pub(crate) widens: Option<Time>,
    /// When it has waited as long as one may.
    pub(crate) times_out: Option<Time>,
    /// When nobody has been logged in for as long as it waits; set where nobody was when it came.
    pub(crate) unstaffed: Option<Time>,
    pub(crate) stands: Stands,
    /// He is not there, and has to be called for so long once an agent is found.
    pub(crate) away: Option<Duration>,
    /// The agents it is offered to now.
    pub(crate) offers: Vec<u32>,
    /// What is set in the timers.
    pub(crate) timer: Option<Time>,
}

/// Where a waiting call is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// In its queue's line: whoever fits may have it.
    InLine,
    /// Waiting for one agent alone, until then.
    For { agent: u32, until: Time, why: Occasion },
    /// Out of the line while one agent is rung.
    Offered,
}

/// What a caller was told, and what the load was then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) wait: Duration,
    pub(crate) position: usize,
    pub(crate) at_work: usize,
}

impl Entry {
    pub(crate) fn waited(&self, now: Time) -> Duration {
        now.since(self.joined) + self.credit
    }

    /// When the want changes next, having been looked at now.
    pub(crate) fn next_widening(&self, now: Time) -> Option<Time> {
        let stage = self.needs.next_stage(self.waited(now))?;
        Some(self.joined + stage.saturating_sub(self.credit))
    }

    /// When time alone changes something.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let alone = match self.stands {
            Stands::For { until, .. } => Some(until),
            _ => None,
        };
        // An agent whose phone rings may still answer when the time is up.
        let times_out = self.times_out.filter(|_| self.offers.is_empty());
        [self.widens, alone, times_out, self.unstaffed].into_iter().flatten().min()
    }
}
