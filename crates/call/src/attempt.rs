//! One attempt to reach somebody: every phone of every target rings, the first to answer gets the call.
//!
//! Where it stands: `Call::dial` makes one; the switch resolves its targets to legs; `Call` tells it what each leg
//! answers. It decides which legs still matter and which status is the honest summary (RFC 3261 §16.7).

use std::time::Duration;

use base::{LegId, Time};
use sip::digest::Credentials;
use sip::{Flow, Hop, Name, NameAddr};

use crate::NewLeg;

/// Whom to ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A registered account: all its phones.
    Account(String),
    /// A number through a trunk.
    Trunk {
        /// The trunk's name in `conf/trunks.toml`.
        trunk: String,
        /// The number to send.
        number: String,
    },
}

impl Target {
    /// How the party is called in facts and CDRs: the account, or the number dialled.
    pub fn party(&self) -> &str {
        match self {
            Target::Account(name) => name,
            Target::Trunk { number, .. } => number,
        }
    }
}

/// A wish to reach somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// All of them ring at once.
    pub targets: Vec<Target>,
    /// How long they may ring.
    pub ring: Duration,
}

/// One phone or trunk to ring for a target: a fresh leg, and the INVITE it begins with.
#[derive(Debug)]
pub struct Outbound {
    /// The leg.
    pub leg: NewLeg,
    /// The Request-URI.
    pub uri: String,
    /// Where to send it.
    pub flow: Flow,
    /// Who calls.
    pub from: NameAddr,
    /// Who is called.
    pub to: NameAddr,
    /// What a trunk may challenge us for.
    pub credentials: Option<Credentials>,
    /// Further header lines.
    pub headers: Vec<(Name, String)>,
    /// Header lines it is to be without.
    pub remove: Vec<Name>,
    /// If nobody says a word to it in that time, it is given up.
    pub patience: Option<Duration>,
    /// Where it goes, in turn, when nobody is there.
    pub others: Vec<Hop>,
}

/// What is left of a [`Dial`] under way.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) until: Time,
    branches: Vec<Branch>,
    statuses: Vec<u16>,
}

#[derive(Debug)]
struct Branch {
    leg: LegId,
    target: usize,
    rings: bool,
}

impl Attempt {
    pub(crate) fn new(until: Time) -> Attempt {
        Attempt { until, branches: Vec::new(), statuses: Vec::new() }
    }

    pub(crate) fn ring(&mut self, leg: LegId, target: usize) {
        self.branches.push(Branch { leg, target, rings: false });
    }

    /// A target could not even be rung, or a leg came to nothing.
    pub(crate) fn failed(&mut self, status: u16) {
        self.statuses.push(status);
    }

    /// A leg said no. Returns the other legs of the same target that its word ends: a 6xx speaks for all of a user's
    /// phones (RFC 3261 §21.6), never for another member of a group.
    pub(crate) fn refused(&mut self, leg: LegId, status: u16) -> Vec<LegId> {
        let Some(at) = self.branches.iter().position(|branch| branch.leg == leg) else { return Vec::new() };
        let target = self.branches.swap_remove(at).target;
        self.failed(status);
        if status < 600 {
            return Vec::new();
        }
        let (same, others) = self.branches.drain(..).partition(|branch| branch.target == target);
        self.branches = others;
        let same: Vec<Branch> = same;
        same.into_iter().map(|branch| branch.leg).collect()
    }

    pub(crate) fn has(&self, leg: LegId) -> bool {
        self.branches.iter().any(|branch| branch.leg == leg)
    }

    /// A leg rings. True the first time.
    pub(crate) fn rings_now(&mut self, leg: LegId) -> bool {
        let branch = self.branches.iter_mut().find(|branch| branch.leg == leg);
        branch.is_some_and(|branch| !std::mem::replace(&mut branch.rings, true))
    }

    /// Does anybody ring?
    pub(crate) fn rings(&self) -> bool {
        self.branches.iter().any(|branch| branch.rings)
    }

    pub(crate) fn legs(&self) -> impl Iterator<Item = LegId> {
        self.branches.iter().map(|branch| branch.leg)
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.branches.is_empty()
    }

    /// The status when the ringing time is up: phones rang and nobody came (480), or nothing even rang (408).
    pub(crate) fn status_at_timeout(&self) -> u16 {
        if self.branches.iter().any(|branch| branch.rings) { 480 } else { 408 }
    }

    /// The one status that tells the caller honestly why nobody answered: a decline before a busy before an absence
    /// before whatever else was said; what only our own side understands becomes 480 or 500.
    pub(crate) fn status(&self) -> u16 {
        let rank = |status: u16| match status {
            600..=699 => 0,
            486 => 1,
            408 => 2,
            480 => 3,
            404 | 410 | 484 => 4,
            500..=599 => 6,
            _ => 5,
        };
        let best = self.statuses.iter().copied().min_by_key(|status| rank(*status)).unwrap_or(480);
        match best {
            401 | 407 => 500, // the phone wanted a password of us; the caller's password is not meant
            300..=399 | 481 | 487 => 480,
            status => status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_status_is_the_most_telling_one() {
        for (said, told) in [
            (vec![], 480),
            (vec![486], 486),
            (vec![480, 486], 486),
            (vec![503, 480], 480),
            (vec![486, 603], 603),
            (vec![408, 480], 408),
            (vec![404], 404),
            (vec![488], 488),
            (vec![401], 500),
            (vec![302], 480),
            (vec![503], 503),
        ] {
            let mut attempt = Attempt::new(Time::ZERO);
            said.iter().for_each(|status| attempt.failed(*status));
            assert_eq!(attempt.status(), told, "{said:?}");
        }
    }

    #[test]
    fn a_decline_speaks_for_one_user_only() {
        let mut attempt = Attempt::new(Time::ZERO);
        for (leg, target) in [(1, 0), (2, 0), (3, 1)] {
            attempt.ring(LegId(leg), target);
        }
        assert_eq!(attempt.refused(LegId(1), 603), [LegId(2)]);
        assert!(attempt.has(LegId(3)) && !attempt.is_lost());
        assert!(attempt.refused(LegId(3), 486).is_empty());
        assert!(attempt.is_lost());
    }
}
