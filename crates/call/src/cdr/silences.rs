//! What of a call was not kept, as its record tells it: a fold over the facts.

use base::Time;
use serde::Serialize;

use crate::{Actor, Fact, Silence, What};

/// A mask or a pause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Silenced {
    /// `mask` or `pause`.
    pub kind: Silence,
    /// When it began, RFC 3339 in UTC.
    pub at: String,
    /// How long it was.
    pub secs: f64,
    /// Who began it.
    #[serde(flatten)]
    pub actor: Actor,
    /// Who ended it; null where the call ended before.
    pub ended: Option<Actor>,
}

/// The silences of a call, the last of them until its end.
pub(super) fn silences(facts: &[Fact], end: Time, date: impl Fn(Time) -> String) -> Vec<Silenced> {
    let mut all: Vec<(Time, Silenced)> = Vec::new();
    for fact in facts {
        match &fact.what {
            What::Silenced { kind, actor } => {
                let secs = super::secs(end.since(fact.at));
                let (kind, actor) = (*kind, actor.clone());
                all.push((fact.at, Silenced { kind, at: date(fact.at), secs, actor, ended: None }));
            }
            What::Sounds { kind, actor } => {
                if let Some((from, last)) = all.iter_mut().rev().find(|(_, silenced)| silenced.kind == *kind) {
                    (last.secs, last.ended) = (super::secs(fact.at.since(*from)), Some(actor.clone()));
                }
            }
            _ => {}
        }
    }
    all.into_iter().map(|(_, silenced)| silenced).collect()
}
