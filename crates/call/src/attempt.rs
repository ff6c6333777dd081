//! One attempt to reach somebody: every phone of every target rings, the first to answer gets the call.
//!
//! Where it stands: `Call::dial` makes one; the switch resolves its targets to legs; `Call` tells it what each leg
//! answers. It decides which legs still matter and which status is the honest summary (RFC 3261 §16.7).

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
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
    /// The same, and its phones are told to pick up by themselves and speak aloud. Who talks already is not disturbed.
    Aloud(String),
    /// A number through a trunk.
    Trunk(Onward),
}

/// A number that goes out through a trunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Onward {
    /// The name of a trunk, or of a group of them, in `conf/trunks.toml`.
    pub trunk: String,
    /// The number to send.
    pub number: String,
    /// The trunks that were tried for it and failed.
    pub tried: Vec<String>,
    /// The trunk was tried already, by those of its servers we speak to from one address of ours: media has one in a call.
    pub beside: Option<Box<Beside>>,
}

impl Target {
    /// How the party is called in facts and CDRs: the account, or the number dialled.
    pub fn party(&self) -> &str {
        match self {
            Target::Account(name) | Target::Aloud(name) => name,
            Target::Trunk(onward) => &onward.number,
        }
    }
}

/// A trunk's servers of another address family than those that were tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Our address towards those that were.
    pub local: IpAddr,
    /// Whom to ring if these come to nothing as well.
    pub then: Option<Elsewhere>,
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
    /// Whom to ring if it comes to nothing for no fault of whom we call.
    pub elsewhere: Option<Elsewhere>,
}

/// Another way to the same party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// After these answers, unless somebody rang and did not come.
    pub statuses: Arc<[RangeInclusive<u16>]>,
    /// The other way.
    pub target: Target,
}

/// What is left of a [`Dial`] under way.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) until: Time,
    branches: Vec<Branch>,
    statuses: Vec<u16>,
    /// Targets whose phones are being looked for.
    searches: usize,
    /// Targets so far.
    targets: usize,
}

#[derive(Debug)]
struct Branch {
    leg: LegId,
    target: usize,
    rings: bool,
    elsewhere: Option<Elsewhere>,
}

impl Attempt {
    pub(crate) fn new(until: Time) -> Attempt {
        Attempt { until, branches: Vec::new(), statuses: Vec::new(), searches: 1, targets: 0 }
    }

    /// Phones were looked for. Returns the number of the first of so many targets.
    pub(crate) fn found(&mut self, targets: usize) -> usize {
        self.searches = self.searches.saturating_sub(1);
        self.targets += targets;
        self.targets - targets
    }

    pub(crate) fn ring(&mut self, leg: LegId, target: usize, elsewhere: Option<Elsewhere>) {
        self.branches.push(Branch { leg, target, rings: false, elsewhere });
    }

    /// A leg is about to say no: is there another way to whom it was for? Then that is looked for. Where somebody rang and
    /// did not come (408), another way would only ring there again.
    pub(crate) fn elsewhere(&mut self, leg: LegId, status: u16) -> Option<Target> {
        let branch = self.branches.iter_mut().find(|branch| branch.leg == leg)?;
        let rang = branch.rings && status == 408;
        let speaks_of_the_way = |way: &mut Elsewhere| way.statuses.iter().any(|range| range.contains(&status));
        let elsewhere = branch.elsewhere.take_if(|way| !rang && speaks_of_the_way(way))?;
        self.searches += 1;
        Some(elsewhere.target)
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

    /// This leg has been picked up: those of the others, which need ring no longer.
    pub(crate) fn keep_only(&mut self, leg: LegId) -> Vec<LegId> {
        let (kept, others) = self.branches.drain(..).partition(|branch| branch.leg == leg);
        self.branches = kept;
        let others: Vec<Branch> = others;
        others.into_iter().map(|branch| branch.leg).collect()
    }

    /// This leg is out of it, though it has not said no.
    pub(crate) fn forget(&mut self, leg: LegId) {
        self.branches.retain(|branch| branch.leg != leg);
    }

    pub(crate) fn has(&self, leg: LegId) -> bool {
        self.branches.iter().any(|branch| branch.leg == leg)
    }

    /// A leg rings. True the first time.
    pub(crate) fn rings_now(&mut self, leg: LegId) -> bool {
        let branch = self.branches.iter_mut().find(|branch| branch.leg == leg);
        branch.is_some_and(|branch| !std::mem::replace(&mut branch.rings, true))
    }

    /// Does this leg ring?
    pub(crate) fn is_ringing(&self, leg: LegId) -> bool {
        self.branches.iter().any(|branch| branch.leg == leg && branch.rings)
    }

    /// Does anybody ring?
    pub(crate) fn rings(&self) -> bool {
        self.branches.iter().any(|branch| branch.rings)
    }

    pub(crate) fn legs(&self) -> impl Iterator<Item = LegId> {
        self.branches.iter().map(|branch| branch.leg)
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.branches.is_empty() && self.searches == 0
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
        assert_eq!(attempt.found(2), 0);
        for (leg, target) in [(1, 0), (2, 0), (3, 1)] {
            attempt.ring(LegId(leg), target, None);
        }
        assert_eq!(attempt.refused(LegId(1), 603), [LegId(2)]);
        assert!(attempt.has(LegId(3)) && !attempt.is_lost());
        assert!(attempt.refused(LegId(3), 486).is_empty());
        assert!(attempt.is_lost());
    }

    #[test]
    fn another_way_is_looked_for_when_the_way_failed_and_not_the_party() {
        let tried = vec!["a".to_owned()];
        let target = Target::Trunk(Onward { trunk: "out".into(), number: "1".into(), tried, beside: None });
        let statuses = Arc::new([408..=408, 500..=599]);
        for (status, rings, looks) in [
            (503, false, true),
            (503, true, true),
            (408, false, true),
            (408, true, false),
            (486, false, false),
            (404, false, false),
            (603, false, false),
        ] {
            let mut attempt = Attempt::new(Time::ZERO);
            attempt.found(1);
            attempt.ring(LegId(1), 0, Some(Elsewhere { statuses: statuses.clone(), target: target.clone() }));
            if rings {
                attempt.rings_now(LegId(1));
            }
            assert_eq!(attempt.elsewhere(LegId(1), status), looks.then(|| target.clone()), "{status}");
            attempt.refused(LegId(1), status);
            assert_eq!(attempt.is_lost(), !looks, "{status}");
            assert_eq!(attempt.found(1), 1);
            assert!(attempt.is_lost());
        }
    }
}
