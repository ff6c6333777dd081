//! A queue: its line of waiting calls, and those of its members who are free.
//!
//! Where it stands: `acd` owns the queues and decides; here is only what makes its decisions quick. Waiting calls that
//! would take the same agents stand together, in order: to find the first call an agent may take, one look at the head
//! of each such part is enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{CallId, Time};

use crate::agent::State;
use crate::alert::Alerts;
use crate::estimate::{Estimate, Made};
use crate::idle::Idle;
use crate::places::Places;
use crate::want::Want;
use crate::{QueueConf, QueueView, Staffing};

/// A call's place in the order of all queues: when it came, less what its priority and earlier waiting are worth. The
/// order of two calls never changes while they wait, though both age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) rank: i64,
    pub(crate) number: u64,
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) conf: QueueConf,
    pub(crate) closed: bool,
    /// Nobody is let in, but those who wait may stay.
    pub(crate) shut: bool,
    pub(crate) idle: Idle,
    /// Everybody who waits, be he in the line or not.
    pub(crate) waiting: Places,
    pub(crate) estimate: Estimate,
    pub(crate) alerts: Alerts,
    line: BTreeMap<Want, BTreeSet<(Place, CallId)>>,
    staff: Staff,
    /// Since when nobody is logged in.
    pub(crate) unstaffed_since: Option<Time>,
    /// When they will have waited for too long for somebody to log in: what is set in the timers.
    pub(crate) timer: Option<Time>,
}

#[derive(Debug, Default)]
struct Staff {
    logged_in: usize,
    at_work: usize,
    free: usize,
}

impl Queue {
    pub(crate) fn new(conf: QueueConf, now: Time) -> Queue {
        Queue {
            idle: Idle::new(conf.strategy),
            conf,
            closed: false,
            shut: false,
            waiting: Places::default(),
            estimate: Estimate::default(),
            alerts: Alerts::default(),
            line: BTreeMap::new(),
            staff: Staff::default(),
            unstaffed_since: Some(now),
            timer: None,
        }
    }

    pub(crate) fn stand(&mut self, want: &Want, place: Place, call: CallId) {
        match self.line.get_mut(want) {
            Some(part) => drop(part.insert((place, call))),
            None => drop(self.line.insert(want.clone(), BTreeSet::from([(place, call)]))),
        }
    }

    pub(crate) fn step_out(&mut self, want: &Want, place: Place, call: CallId) {
        if let Some(part) = self.line.get_mut(want) {
            part.remove(&(place, call));
            if part.is_empty() {
                self.line.remove(want);
            }
        }
    }

    /// The first call in the line that would take this one.
    pub(crate) fn first(&self, fits: impl Fn(&Want) -> bool) -> Option<(Place, CallId)> {
        self.line.iter().filter(|(want, _)| fits(want)).filter_map(|(_, part)| part.first().copied()).min()
    }

    /// So many of its agents ring for one call at once.
    pub(crate) fn ring_max(&self) -> usize {
        self.conf.ring_max.clamp(1, RING_MAX)
    }

    /// A call's place in the line, 1 at its head.
    pub(crate) fn position(&self, place: Place, call: CallId) -> usize {
        self.waiting.before((place, call)) + 1
    }

    /// How long whoever stands there will wait.
    pub(crate) fn wait(&self, position: usize) -> Option<Made> {
        self.estimate.wait(position, self.staff.free, self.staff.at_work)
    }

    /// How many are logged in and not paused.
    pub(crate) fn at_work(&self) -> usize {
        self.staff.at_work
    }

    /// A member moves from one state to another.
    pub(crate) fn count(&mut self, from: &State, to: &State, now: Time) {
        let staff = &mut self.staff;
        for (count, was, is) in [
            (&mut staff.logged_in, from.is_logged_in(), to.is_logged_in()),
            (&mut staff.at_work, from.is_at_work(), to.is_at_work()),
            (&mut staff.free, from.is_free_or_rung(), to.is_free_or_rung()),
        ] {
            *count = *count + usize::from(is) - usize::from(was);
        }
        self.unstaffed_since = match self.unstaffed_since {
            _ if staff.logged_in > 0 => None,
            None => Some(now),
            since => since,
        };
    }

    pub(crate) fn has(&self, needed: Staffing) -> bool {
        match needed {
            Staffing::Nobody => true,
            Staffing::LoggedIn => self.staff.logged_in > 0,
            Staffing::AtWork => self.staff.at_work > 0,
            Staffing::Free => self.staff.free > 0,
        }
    }

    /// How it stands, as far as it knows itself.
    pub(crate) fn view(&self, talking: usize, waited_max: Duration) -> QueueView<'_> {
        QueueView {
            queue: &self.conf.name,
            closed: self.closed || self.shut,
            strategy: self.conf.strategy,
            waiting: self.waiting.len(),
            waited_max,
            talking,
            logged_in: self.staff.logged_in,
            at_work: self.staff.at_work,
            free: self.idle.len(),
            estimate: self.wait(self.waiting.len() + 1).map(|made| made.wait),
        }
    }

    pub(crate) fn free(&self) -> usize {
        self.idle.len()
    }
}

/// More phones do not ring for one call.
const RING_MAX: usize = 200;
