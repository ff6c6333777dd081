//! Who supervised a call, as its record tells it: a fold over the facts.

use base::{LegId, Time};
use serde::Serialize;

use crate::{Fact, Supervision, What};

/// Somebody heard a party's call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Supervised {
    /// When it began, RFC 3339 in UTC.
    pub at: String,
    /// How long it was.
    pub secs: f64,
    /// Who did so.
    pub by: String,
    /// Whose call it was.
    pub of: String,
    /// `listen`, `whisper` or `barge`. A change is a row of its own.
    pub how: Supervision,
}

/// The supervisions of a call, the last of them until its end.
pub(super) fn supervisions(facts: &[Fact], end: Time, date: impl Fn(Time) -> String) -> Vec<Supervised> {
    let mut all: Vec<(Option<LegId>, Time, Supervised)> = Vec::new();
    for fact in facts {
        let leg = match &fact.what {
            What::Supervised { leg, .. } | What::SupervisorLeft { leg } => *leg,
            _ => continue,
        };
        if let Some((open, from, last)) = all.iter_mut().rev().find(|(open, ..)| *open == Some(leg)) {
            (last.secs, *open) = (super::secs(fact.at.since(*from)), None);
        }
        if let What::Supervised { leg, by, of, how } = &fact.what {
            let (by, of, secs) = (by.clone(), of.clone(), super::secs(end.since(fact.at)));
            all.push((Some(*leg), fact.at, Supervised { at: date(fact.at), secs, by, of, how: *how }));
        }
    }
    all.into_iter().map(|(.., supervised)| supervised).collect()
}
