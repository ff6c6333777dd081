//! How long recordings are kept.
//!
//! Where it stands: the conf says it; the switch asks daily what is over, the command line when somebody wants to know.
//! What is over is erased by [`erase`](super::erase) like anything else: a legal hold beats it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Index, IndexError, Query, Row};

/// How long recordings are kept: by their class, else by their queue, else like all; where nothing is said, for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// So many days, all of which nothing else is said.
    pub days: Option<u32>,
    /// By the queue the caller waited in last.
    pub queues: BTreeMap<String, u32>,
    /// By the class that the rule gave by which it was recorded.
    pub classes: BTreeMap<String, u32>,
}

impl Retention {
    /// Is everything kept for ever?
    pub fn is_forever(&self) -> bool {
        self.shortest().is_none()
    }

    /// For how many days this one is kept; `None`: for ever.
    pub fn days_of(&self, row: &Row) -> Option<u32> {
        let said = |by: &BTreeMap<String, u32>, name: &Option<String>| by.get(name.as_ref()?).copied();
        said(&self.classes, &row.class).or_else(|| said(&self.queues, &row.queue)).or(self.days)
    }

    /// Those that have been kept for long enough and are not on hold; no more than `limit` at once.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn over(&self, index: &Index, now: Timestamp, limit: usize) -> Result<Vec<Row>, IndexError> {
        let Some(shortest) = self.shortest() else { return Ok(Vec::new()) };
        let before = |days: u32| {
            let moment = now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
            moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
        };
        let query = Query { to: Some(before(shortest)), ..Query::default() };
        // A sidecar that does not say when it began is nobody's reason to erase it.
        index.pick(&query, limit, |row| {
            !row.held && !row.began.is_empty() && self.days_of(row).is_some_and(|days| row.began < before(days))
        })
    }

    fn shortest(&self) -> Option<u32> {
        self.days.iter().chain(self.queues.values()).chain(self.classes.values()).min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_says_more_than_the_queue_and_that_more_than_nothing() {
        let said = |name: &str, days| BTreeMap::from([(name.to_owned(), days)]);
        let all = Retention { days: Some(180), queues: said("sales", 90), classes: said("contracts", 1825) };
        let few = Retention { days: None, ..all.clone() };
        let row = |class: &str, queue: &str| {
            let name = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
            Row { class: name(class), queue: name(queue), ..Row::default() }
        };
        for (class, queue, days, of_few) in [
            ("contracts", "sales", Some(1825), Some(1825)),
            ("", "sales", Some(90), Some(90)),
            ("forgotten", "sales", Some(90), Some(90)), // a class that the conf knows no longer
            ("contracts", "", Some(1825), Some(1825)),
            ("", "support", Some(180), None),
            ("", "", Some(180), None),
        ] {
            let row = row(class, queue);
            assert_eq!((all.days_of(&row), few.days_of(&row)), (days, of_few), "{class} {queue}");
        }
        assert!(Retention::default().is_forever() && !few.is_forever());
    }
}
