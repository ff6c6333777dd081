//! What a call came to, in a word, and what there is to note: said by who talked in it, with keys, afterwards by phone or by
//! command.
//!
//! Where it stands: a fact like others; records and reports are folds over it. Which words there are is the conf's business.

use serde::{Deserialize, Serialize};

use base::Time;

use crate::{Actor, Call, Fact, What};

/// What somebody said of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposed {
    /// What it came to, by name; nothing where only a note was made.
    pub disposition: Option<String>,
    /// A note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who says so.
    #[serde(flatten)]
    pub actor: Actor,
}

/// The same as records have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disposition {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What was said, and by whom.
    #[serde(flatten)]
    pub said: Disposed,
}

impl Call {
    /// Somebody says what the call came to.
    pub fn dispose(&mut self, said: Disposed, now: Time) {
        self.now = now;
        self.note(What::Disposed(said));
    }
}

/// All that was said of a call.
pub(crate) fn dispositions(facts: &[Fact], date: impl Fn(Time) -> String) -> Vec<Disposition> {
    let said = |fact: &Fact| match &fact.what {
        What::Disposed(said) => Some(Disposition { at: date(fact.at), said: said.clone() }),
        _ => None,
    };
    facts.iter().filter_map(said).collect()
}
