//! What there is to be seen of people: the lines of all calls, by person.

use std::collections::HashMap;
use std::fmt;

use base::CallId;
use call::Line;
use sip::{Lines, Package, Shown};

use crate::lamps::{lamp, out};

/// Somebody or something that can be watched. Printed it is the name `sip` knows it by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watched {
    /// A person, by account.
    Person(String),
    /// A queue.
    Queue(String),
    /// A place where callers are parked.
    Place(String),
    /// The people of a group, as far as one who watches them all together may see them.
    List {
        /// The group.
        group: String,
        /// Who watches.
        watcher: String,
    },
}

/// What of it looks different now.
pub type Sight = (Package, Watched);

/// The calls of people, as others see them.
#[derive(Debug, Default)]
pub struct Calls {
    people: HashMap<String, Person>,
    /// Who has lines in a call.
    calls: HashMap<CallId, Vec<String>>,
}

#[derive(Debug, Default)]
struct Person {
    /// One for each call: the one that has come farthest, where several of his phones ring.
    lines: Vec<(CallId, Line)>,
    /// The last one there was.
    last: Option<sip::Line>,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Watched::Person(name) => write!(f, "person:{name}"),
            Watched::Queue(name) => write!(f, "queue:{name}"),
            Watched::Place(place) => write!(f, "place:{place}"),
            Watched::List { group, watcher } => write!(f, "group:{group} for {watcher}"),
        }
    }
}

impl Calls {
    /// The lines of a call stand so now. Returned is who looks different.
    pub fn call(&mut self, call: CallId, lines: Vec<Line>) -> Vec<Sight> {
        let before = self.calls.remove(&call).unwrap_or_default();
        let mut now: Vec<(String, Line)> = Vec::new();
        for line in lines {
            let rank = |line: &Line| (line.progress, self.shows(call, line));
            match now.iter_mut().find(|(account, _)| *account == line.account) {
                Some((_, farther)) if rank(farther) >= rank(&line) => {}
                Some((_, nearer)) => *nearer = line,
                None => now.push((line.account.clone(), line)),
            }
        }
        let mut changed = Vec::new();
        for account in before.into_iter().filter(|account| !now.iter().any(|(one, _)| one == account)) {
            self.put(&account, call, None);
            changed.push(account);
        }
        for (account, line) in now {
            if self.put(&account, call, Some(line)) {
                changed.push(account.clone());
            }
            self.calls.entry(call).or_default().push(account);
        }
        let sights = |account: String| {
            [Package::Dialog, Package::Presence].map(|package| (package, Watched::Person(account.clone())))
        };
        changed.into_iter().flat_map(sights).collect()
    }

    /// A person's lines, for the lamps of others. `local`: how he is shown.
    pub fn lines(&self, account: &str, local: Shown) -> Lines {
        let lines = match self.people.get(account) {
            None => vec![out(None)],
            Some(Person { lines, last }) if lines.is_empty() => vec![out(last.as_ref())],
            Some(Person { lines, .. }) => lines.iter().map(|(_, line)| lamp(line)).collect(),
        };
        Lines { local, lines }
    }

    /// Is he on the phone?
    pub fn talks(&self, account: &str) -> bool {
        self.people.get(account).is_some_and(|person| !person.lines.is_empty())
    }

    /// Forgets people who are gone and in no call: no more are kept than there ever were at a time.
    pub fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.people.retain(|account, person| !person.lines.is_empty() || is_there(account));
    }

    /// Is it this phone's line of the call that is shown? Then it stays, where another has come no farther.
    fn shows(&self, call: CallId, line: &Line) -> bool {
        let lines = self.people.get(&line.account).map_or(&[][..], |person| &person.lines);
        lines.iter().any(|(one, shown)| *one == call && shown.leg == line.leg)
    }

    /// False, if that is how it was.
    fn put(&mut self, account: &str, call: CallId, line: Option<Line>) -> bool {
        let person = match self.people.get_mut(account) {
            Some(person) => person,
            None => self.people.entry(account.to_owned()).or_default(),
        };
        let at = person.lines.iter().position(|(one, _)| *one == call);
        match (at, line) {
            (Some(at), Some(line)) => {
                let before = std::mem::replace(&mut person.lines[at].1, line);
                before != person.lines[at].1
            }
            (Some(at), None) => {
                person.last = Some(out(Some(&lamp(&person.lines.remove(at).1))));
                true
            }
            (None, Some(line)) => {
                person.lines.push((call, line));
                true
            }
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{LegId, Random};
    use call::{Party, Progress};
    use sip::Stage;

    fn line(account: &str, leg: u64, progress: Progress) -> Line {
        Line {
            leg: LegId(leg),
            account: account.to_owned(),
            calls: leg == 1,
            progress,
            holds: false,
            remote: Party::default(),
        }
    }

    fn stages(calls: &Calls, account: &str) -> Vec<(u64, Stage)> {
        calls.lines(account, Shown::default()).lines.iter().map(|line| (line.id, line.stage)).collect()
    }

    #[test]
    fn lamps_follow_the_calls() {
        use Progress::{Rings, Talks, Trying};
        let mut random = Random::numbered(1);
        let [first, second] = [(); 2].map(|()| CallId::new(0, &mut random));
        let mut calls = Calls::default();
        assert_eq!(stages(&calls, "bob"), [(0, Stage::Terminated)]);
        let mut step = |call, lines: Vec<Line>, changed: &[&str], bob: &[(u64, Stage)]| {
            let sights = calls.call(call, lines);
            let dialogs = sights.iter().filter(|(package, _)| *package == Package::Dialog);
            let who: Vec<_> = dialogs.map(|(_, watched)| watched.to_string()).collect();
            assert_eq!(who, changed.iter().map(|name| format!("person:{name}")).collect::<Vec<_>>());
            assert_eq!(sights.len(), 2 * who.len());
            assert_eq!(stages(&calls, "bob"), bob);
            assert_eq!(calls.talks("bob"), bob[0].1 != Stage::Terminated);
        };
        step(first, vec![line("ann", 1, Trying)], &["ann"], &[(0, Stage::Terminated)]);
        // Two phones of Bob's are one lamp.
        let rings = vec![line("ann", 1, Rings), line("bob", 2, Rings), line("bob", 3, Rings)];
        step(first, rings.clone(), &["ann", "bob"], &[(2, Stage::Early)]);
        step(first, rings, &[], &[(2, Stage::Early)]);
        let desk = vec![line("ann", 1, Rings), line("bob", 3, Rings)];
        step(first, desk, &["bob"], &[(3, Stage::Early)]);
        step(
            first,
            vec![line("ann", 1, Rings), line("bob", 2, Rings), line("bob", 3, Rings)],
            &[],
            &[(3, Stage::Early)],
        );
        let talks = vec![line("ann", 1, Talks), line("bob", 2, Rings), line("bob", 3, Talks)];
        step(first, talks, &["ann", "bob"], &[(3, Stage::Confirmed)]);
        step(second, vec![line("bob", 9, Rings)], &["bob"], &[(3, Stage::Confirmed), (9, Stage::Early)]);
        step(first, vec![], &["ann", "bob"], &[(9, Stage::Early)]);
        step(second, vec![], &["bob"], &[(9, Stage::Terminated)]);
        step(second, vec![], &[], &[(9, Stage::Terminated)]);
        assert!(calls.calls.is_empty());
        calls.keep(|account| account == "ann");
        assert_eq!(calls.people.len(), 1);
    }
}
