//! `centrala flow trace`: where a caller came by, read off the journal beside a running switch or on a copy.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::{CallId, Time};
use call::{Side, What};
use clap::Args;
use jiff::tz::TimeZone;
use journal::{Entry, Record, Store};
use serde_json::{Value, json};

use crate::Failure;
use crate::remote::print_table;
use crate::window::timestamp;

#[derive(Args)]
pub struct TraceArgs {
    /// The call, as `centrala calls` and the CDR have it
    #[arg(long, value_name = "ID")]
    call: CallId,
    /// The journal folder, or a copy of it
    #[arg(long, default_value = "journal", env = "CENTRALA_JOURNAL")]
    journal: PathBuf,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

impl TraceArgs {
    pub fn run(self) -> Result<(), Failure> {
        let nothing = || format!("{} holds no journal; name a folder that does with --journal", self.journal.display());
        let store = Store::read_only(&self.journal)?.ok_or_else(nothing)?;
        let visits = visits(&store.of_call(self.call)?);
        if visits.is_empty() {
            return Err(format!("nothing is written of a call {}", self.call).into());
        }
        match self.json {
            true => visits.iter().for_each(|visit| println!("{}", visit.json(self.call))),
            false => print_table(&visits.iter().map(Visit::row).collect::<Vec<_>>()),
        }
        Ok(())
    }
}

/// A caller's stay at one place.
#[derive(Debug, PartialEq)]
struct Visit {
    /// The number dialled, then destinations as the conf writes them.
    at: String,
    from: Time,
    /// None while the caller is there.
    until: Option<Time>,
    /// What became known of the caller meanwhile.
    fields: BTreeMap<String, String>,
    /// What else there is to say of it, in order.
    met: Vec<String>,
}

impl Visit {
    fn new(at: &str, from: Time) -> Visit {
        Visit { at: at.to_owned(), from, until: None, fields: BTreeMap::new(), met: Vec::new() }
    }

    fn length_ms(&self) -> Option<u64> {
        Some((self.until?.since(self.from).as_nanos() / 1_000_000) as u64)
    }

    fn row(&self) -> Vec<String> {
        let from = timestamp(self.from).to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S.%3f");
        let length =
            self.length_ms().map_or_else(|| "there now".to_owned(), |ms| format!("{:>7.1} s", ms as f64 / 1e3));
        let fields = self.fields.iter().map(|(name, value)| format!("{name}={value}"));
        let words = fields.chain(self.met.iter().cloned()).collect::<Vec<_>>().join(", ");
        vec![from.to_string(), length, self.at.clone(), words]
    }

    fn json(&self, call: CallId) -> Value {
        json!({
            "call": call.to_string(), "node": self.at, "from": timestamp(self.from).to_string(),
            "length_ms": self.length_ms(), "fields": self.fields, "met": self.met,
        })
    }
}

/// Where a call's caller came by, from its entries.
fn visits(entries: &[Entry]) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    for entry in entries {
        let Record::Call { what, .. } = &entry.record else { continue };
        if let What::Started { called: to, .. } | What::Entered { destination: to } = what {
            if let Some(last) = visits.last_mut() {
                last.until = Some(entry.at);
            }
            visits.push(Visit::new(to, entry.at));
        }
        let Some(last) = visits.last_mut() else { continue };
        if let What::Field { name, value } = what {
            last.fields.insert(name.clone(), value.clone());
        }
        last.met.extend(words(what));
        if let What::HungUp { .. } | What::Rejected { .. } = what {
            last.until = Some(entry.at);
            break; // what is written after that is about its legs
        }
    }
    visits
}

/// What it means to a caller, in words.
fn words(what: &What) -> Option<String> {
    Some(match what {
        What::Started { caller, trunk: Some(trunk), .. } => format!("from {caller} by {trunk}"),
        What::Started { caller, .. } => format!("from {caller}"),
        What::Answered => "answered".to_owned(),
        What::Unqueued { outcome, .. } => format!("waited: {outcome}"),
        What::Connected { party, .. } => format!("talks with {party}"),
        What::Rejected { status } => format!("refused with {status}"),
        What::HungUp { by, cause } => format!("ended by {}: {cause}", side(*by)),
        _ => return None,
    })
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Caller => "the caller",
        Side::Agent => "the other party",
        Side::Switch => "the switch",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call::Direction;

    fn entries(facts: Vec<(u64, What)>) -> Vec<Entry> {
        let call: CallId = "0000000000001".parse().expect("a call's number");
        let entry = |(number, (secs, what))| Entry {
            number,
            at: Time::from_nanos(secs * 1_000_000_000),
            record: Record::Call { call, what },
        };
        (1..).zip(facts).map(entry).collect()
    }

    fn started() -> What {
        let (caller, called) = ("ann".to_owned(), "700".to_owned());
        What::Started { caller, called, direction: Direction::Internal, trunk: None }
    }

    fn entered(to: &str) -> What {
        What::Entered { destination: to.to_owned() }
    }

    fn brief(facts: Vec<(u64, What)>) -> Vec<(String, Option<u64>, String)> {
        visits(&entries(facts)).iter().map(|one| (one.at.clone(), one.length_ms(), one.row()[3].clone())).collect()
    }

    #[test]
    fn a_caller_is_at_one_place_until_the_next() {
        let field = What::Field { name: "language".into(), value: "hr".into() };
        let facts = vec![
            (10, started()),
            (10, entered("menu:main")),
            (11, What::Answered),
            (14, field),
            (15, entered("queue:sales")),
            (45, What::Unqueued { outcome: "abandoned".into() }),
            (45, What::HungUp { by: Side::Caller, cause: "bye".into() }),
            (46, What::Answered), // after the end nothing counts
        ];
        let wanted = [
            ("700", Some(0), "from ann"),
            ("menu:main", Some(5_000), "language=hr, answered"),
            ("queue:sales", Some(30_000), "waited: abandoned, ended by the caller: bye"),
        ];
        assert_eq!(brief(facts), wanted.map(|(at, length, words)| (at.to_owned(), length, words.to_owned())));
    }

    #[test]
    fn who_is_still_there_has_no_length_yet() {
        let there = brief(vec![(1, started()), (2, entered("menu:main"))]);
        assert_eq!(there[0].1, Some(1_000));
        assert_eq!(there[1].1, None);
    }

    #[test]
    fn who_came_nowhere_was_refused_at_the_number() {
        let there = brief(vec![(1, started()), (1, What::Rejected { status: 404 })]);
        assert_eq!(there, [("700".to_owned(), Some(0), "from ann, refused with 404".to_owned())]);
        assert!(visits(&[]).is_empty());
    }
}
