//! Who may watch whom.

use std::collections::{HashMap, HashSet};

use sip::Package;

use crate::Watched;

/// Who may see whether a person talks, and whether he is there. He himself always may.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Watchers {
    /// All people of this switch.
    #[default]
    Everybody,
    /// He alone.
    Nobody,
    /// He and these.
    These(HashSet<String>),
}

/// What each person's watchers are.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// Whose are not said.
    pub usual: Watchers,
    /// By account.
    pub people: HashMap<String, Watchers>,
}

impl Rights {
    /// May `watcher` see this? If not, the SIP status that says so. Where somebody's phones are and what waits for him is
    /// his own affair; of queues only how many wait is to be seen.
    pub fn judge(&self, watcher: &str, package: Package, watched: &Watched) -> Result<(), u16> {
        match (watched, package) {
            (Watched::Person(person), _) if *person == *watcher => Ok(()),
            (Watched::Person(person), Package::Dialog | Package::Presence) => {
                let may = match self.people.get(person).unwrap_or(&self.usual) {
                    Watchers::Everybody => true,
                    Watchers::Nobody => false,
                    Watchers::These(these) => these.contains(watcher),
                };
                if may { Ok(()) } else { Err(403) }
            }
            (Watched::Person(_), Package::Reg | Package::MessageSummary) => Err(403),
            (Watched::Queue(_) | Watched::Place(_), Package::Dialog) => Ok(()),
            (Watched::List { .. }, Package::Dialog | Package::Presence) => Ok(()), // each on it is judged by himself
            (Watched::Queue(_) | Watched::Place(_) | Watched::List { .. }, _) => Err(404),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Package::{Dialog, MessageSummary, Presence, Reg};

    #[test]
    fn everybody_may_see_who_talks_unless_it_is_said_otherwise() {
        let these = Watchers::These(HashSet::from(["ann".to_owned()]));
        let people = [("carol", Watchers::Nobody), ("dave", these)];
        let people = people.into_iter().map(|(name, watchers)| (name.to_owned(), watchers)).collect();
        let rights = Rights { usual: Watchers::Everybody, people };
        let person = |name: &str| Watched::Person(name.to_owned());
        for (watcher, package, watched, may) in [
            ("ann", Dialog, person("bob"), Ok(())),
            ("ann", Presence, person("bob"), Ok(())),
            ("ann", Reg, person("bob"), Err(403)),
            ("ann", MessageSummary, person("bob"), Err(403)),
            ("bob", Reg, person("bob"), Ok(())),
            ("bob", MessageSummary, person("bob"), Ok(())),
            ("ann", Dialog, person("carol"), Err(403)),
            ("carol", Dialog, person("carol"), Ok(())),
            ("ann", Presence, person("dave"), Ok(())),
            ("bob", Presence, person("dave"), Err(403)),
            ("ann", Dialog, Watched::Queue("support".to_owned()), Ok(())),
            ("ann", Presence, Watched::Queue("support".to_owned()), Err(404)),
        ] {
            assert_eq!(rights.judge(watcher, package, &watched), may, "{watcher} {package:?} {watched:?}");
        }
        let closed = Rights { usual: Watchers::Nobody, people: HashMap::new() };
        assert_eq!(closed.judge("ann", Dialog, &person("bob")), Err(403));
    }
}
