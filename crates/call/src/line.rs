//! How the people of a call stand in it, for those who watch them.
//!
//! Where it stands: the switch asks after each step and passes what has changed on to `presence`. It is read off the legs and
//! nothing else, so that no path a call may take can be forgotten here.

use base::LegId;

use crate::leg::State;
use crate::{Call, Leg, Party};

/// One leg of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The leg.
    pub leg: LegId,
    /// Whose it is.
    pub account: String,
    /// Did this person call, or was called?
    pub calls: bool,
    /// How far it has come.
    pub progress: Progress,
    /// This person's phone has put the other on hold.
    pub holds: bool,
    /// The other party, as far as it is known.
    pub remote: Party,
}

/// How far a leg has come. The later is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    /// Called, and nobody rings yet.
    Trying,
    /// Rings.
    Rings,
    /// Answered.
    Talks,
}

impl Call {
    /// The lines of the people in it: none once somebody has hung up.
    pub fn lines(&self) -> Vec<Line> {
        if self.has_ended() {
            return Vec::new();
        }
        let legs = self.legs().iter().enumerate().filter(|(_, leg)| leg.is_live() && !self.is_only_called(leg));
        legs.filter_map(|(at, leg)| self.line(leg, at == 0)).collect()
    }

    /// Does this person's phone hold the other side?
    pub fn is_held_by(&self, account: &str) -> bool {
        let theirs = |leg: &&Leg| leg.is_live() && leg.party.account.as_deref() == Some(account);
        !self.has_ended() && self.legs().iter().filter(theirs).any(Leg::holds)
    }

    fn line(&self, leg: &Leg, calls: bool) -> Option<Line> {
        let account = leg.party.account.clone()?;
        let partner = self.partner(leg.id).and_then(|other| self.legs().iter().find(|one| one.id == other));
        let dialled = || self.legs().iter().skip(1).find(|one| one.is_live());
        let progress = match leg.state {
            State::Up => Progress::Talks,
            State::Knocking { .. } if dialled().is_none() => Progress::Trying,
            _ => Progress::Rings,
        };
        let remote = match partner {
            Some(other) => other.party.clone(),
            None if !calls => self.caller().party.clone(),
            None => dialled().map_or_else(|| self.number_dialled(), |other| other.party.clone()),
        };
        Some(Line { leg: leg.id, account, calls, progress, holds: leg.holds(), remote })
    }

    /// Is this a phone that was called and has not said yet that it rings? Nothing is to be seen of it, and nothing to be
    /// picked up.
    fn is_only_called(&self, leg: &Leg) -> bool {
        matches!(leg.state, State::Dialling) && !self.rings_at(leg.id)
    }

    fn number_dialled(&self) -> Party {
        let number = self.facts().iter().find_map(|fact| match &fact.what {
            crate::What::Started { called, .. } => Some(called.clone()),
            _ => None,
        });
        Party { number: number.unwrap_or_default(), ..Party::default() }
    }
}
