//! The transfers of a call, as its record tells them: a fold over the facts.

use base::LegId;
use serde::Serialize;

use crate::What;

/// A party brought its partner to somebody else, or wanted to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Handover {
    /// When it began, RFC 3339 in UTC.
    pub at: String,
    /// Who wanted it: an account.
    pub by: String,
    /// `blind`, `attended` (somebody was asked first) or `three-way` (all talked).
    pub how: String,
    /// Where the partner was brought, or who was asked: a party, or a destination where nobody has to answer.
    pub to: Option<String>,
    /// `done`, `failed`, `returned` (the party came back to its partner), or `open` where the call ended before.
    pub outcome: String,
}

/// The transfers so far.
#[derive(Debug, Default)]
pub(super) struct Handovers {
    all: Vec<Handover>,
    /// Whose leg the last one is for, while it is open.
    by: Option<LegId>,
}

impl Handovers {
    /// Takes a fact. `name` tells a leg's party.
    pub(super) fn take(&mut self, what: &What, at: impl Fn() -> String, name: impl Fn(LegId) -> String) {
        match what {
            What::Transfers { leg, attended } => {
                self.begin(*leg, if *attended { "attended" } else { "blind" }, at(), name(*leg));
            }
            What::Consults { leg } => self.begin(*leg, "attended", at(), name(*leg)),
            What::Together { .. } => self.last(|last| last.how = "three-way".to_owned()),
            What::Entered { destination } => self.last(|last| last.to = Some(destination.clone())),
            What::Dialled { party, .. } => self.last(|last| last.to = Some(party.clone())),
            What::Connected { party, .. } => self.last(|last| last.to = Some(party.clone())),
            What::TransferFailed { .. } => self.end("failed"),
            What::Returns { .. } if self.by.is_some() => self.end("returned"),
            _ => {}
        }
        match what {
            What::Left { leg } if self.by == Some(*leg) => self.last(|last| last.outcome = "done".to_owned()),
            What::Connected { .. } | What::HungUp { .. } => self.by = None,
            _ => {}
        }
    }

    pub(super) fn all(self) -> Vec<Handover> {
        self.all
    }

    fn begin(&mut self, leg: LegId, how: &str, at: String, by: String) {
        self.by = Some(leg);
        self.all.push(Handover { at, by, how: how.to_owned(), to: None, outcome: "open".to_owned() });
    }

    fn end(&mut self, outcome: &str) {
        self.last(|last| last.outcome = outcome.to_owned());
        self.by = None;
    }

    fn last(&mut self, change: impl FnOnce(&mut Handover)) {
        if let (Some(_), Some(last)) = (self.by, self.all.last_mut()) {
            change(last);
        }
    }
}
