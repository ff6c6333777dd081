//! `centrala report menus`: how many callers came by each step of the menus, for how long, and where they went from there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use base::{CallId, Time};
use call::{Side, What};
use journal::{Entry, Record};
use serde_json::{Value, json};

use crate::remote::print_table;

/// All steps, by destination.
#[derive(Debug, Default)]
pub struct Menus {
    steps: BTreeMap<String, Step>,
    /// Where each caller is.
    at: HashMap<CallId, (String, Time)>,
}

#[derive(Debug, Default)]
struct Step {
    visits: u64,
    calls: HashSet<CallId>,
    /// Visits that are over, how long they were in all, and how many ended with the caller hanging up.
    over: u64,
    time: Duration,
    hung_up: u64,
    /// Where it went on, how often; an empty word is the end of the call by us.
    next: BTreeMap<String, u64>,
}

impl Menus {
    /// Takes one entry, in order.
    pub fn take(&mut self, entry: &Entry) {
        let Record::Call { call, what } = &entry.record else { return };
        match what {
            What::Entered { destination } => {
                self.leaves(*call, entry.at, |step| *step.next.entry(destination.clone()).or_default() += 1);
                if destination.starts_with("menu:") {
                    let step = self.steps.entry(destination.clone()).or_default();
                    step.visits += 1;
                    step.calls.insert(*call);
                    self.at.insert(*call, (destination.clone(), entry.at));
                }
            }
            What::HungUp { by: Side::Caller, .. } => self.leaves(*call, entry.at, |step| step.hung_up += 1),
            What::HungUp { .. } => {
                self.leaves(*call, entry.at, |step| *step.next.entry(String::new()).or_default() += 1);
            }
            _ => {}
        }
    }

    fn leaves(&mut self, call: CallId, at: Time, how: impl FnOnce(&mut Step)) {
        let Some((step, since)) = self.at.remove(&call) else { return };
        let step = self.steps.entry(step).or_default();
        step.over += 1;
        step.time += at.since(since);
        how(step);
    }

    /// A line for each step.
    pub fn print(&self, json: bool, csv: bool) {
        let rows = self.steps.iter();
        match (json, csv) {
            (true, _) => rows.for_each(|(name, step)| println!("{}", step.json(name))),
            (_, true) => {
                println!("step,visits,calls,hung_up,mean_secs,next");
                rows.for_each(|(name, step)| println!("{}", step.row(name).join(",").replace(", ", ";")));
            }
            _ => {
                let heads = ["STEP", "VISITS", "CALLS", "HUNG UP", "MEAN S", "WENT ON TO"].map(str::to_owned);
                let rows = rows.map(|(name, step)| step.row(name));
                print_table(&[heads.to_vec()].into_iter().chain(rows).collect::<Vec<_>>());
            }
        }
    }
}

impl Step {
    fn mean_secs(&self) -> Option<f64> {
        (self.over > 0).then(|| self.time.as_secs_f64() / self.over as f64)
    }

    /// The ways on, the most frequent first.
    fn ways(&self) -> Vec<(&str, u64)> {
        let name = |to| if str::is_empty(to) { "the end" } else { to };
        let mut ways: Vec<_> = self.next.iter().map(|(to, count)| (name(to.as_str()), *count)).collect();
        ways.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        ways
    }

    fn row(&self, name: &str) -> Vec<String> {
        let ways: Vec<String> = self.ways().iter().map(|(to, count)| format!("{to} {count}")).collect();
        let mean = self.mean_secs().map_or_else(|| "-".to_owned(), |secs| format!("{secs:.1}"));
        let counts = [self.visits, self.calls.len() as u64, self.hung_up].map(|count| count.to_string());
        [name.to_owned()].into_iter().chain(counts).chain([mean, ways.join(", ")]).collect()
    }

    fn json(&self, name: &str) -> Value {
        json!({
            "step": name, "visits": self.visits, "calls": self.calls.len(), "hung_up": self.hung_up,
            "mean_secs": self.mean_secs(), "next": self.ways().into_iter().collect::<BTreeMap<_, _>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_counted_where_they_come_by() {
        let calls: [CallId; 3] =
            ["0000000000001", "0000000000002", "0000000000003"].map(|id| id.parse().expect("an id"));
        let to = |destination: &str| What::Entered { destination: destination.to_owned() };
        let ends = |by| What::HungUp { by, cause: "bye".into() };
        let facts = [
            (0, 0, to("menu:main")),
            (1, 1, to("menu:main")),
            (2, 2, to("echo")),
            (4, 0, to("menu:main")), // it pressed nothing
            (6, 0, to("queue:sales")),
            (7, 1, ends(Side::Caller)),
            (9, 0, ends(Side::Agent)),
            (9, 2, ends(Side::Switch)),
            (10, 1, to("menu:main")),
            (11, 1, ends(Side::Switch)),
            (12, 2, to("menu:late")), // and is still there
        ];
        let mut menus = Menus::default();
        for (number, (secs, call, what)) in (1..).zip(facts) {
            let at = Time::from_nanos(secs * 1_000_000_000);
            menus.take(&Entry { number, at, record: Record::Call { call: calls[call], what } });
        }
        let main = &menus.steps["menu:main"];
        let wanted = ["menu:main", "4", "2", "1", "3.2", "the end 1, menu:main 1, queue:sales 1"];
        assert_eq!(main.row("menu:main"), wanted);
        assert_eq!(menus.steps["menu:late"].row("menu:late"), ["menu:late", "1", "1", "0", "-", ""]);
        assert_eq!(menus.steps.len(), 2);
    }
}
