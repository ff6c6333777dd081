//! What is looked for in the search index, as SQL.
//!
//! Where it stands: beside `index`, whose tables it names and whose connection it never sees.

use rusqlite::types::Value as Sql;

use super::index::{COLUMNS, CROWDED_MS, NUMBERS_A_MS};
use super::row::{digits, moment};

/// What is looked for. All that is said must be true of a recording.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Began at or after this moment, RFC 3339, UTC.
    pub from: Option<String>,
    /// Began before this one.
    pub to: Option<String>,
    /// This account talked with the caller.
    pub agent: Option<String>,
    /// The queue.
    pub queue: Option<String>,
    /// A number in it ends with these digits.
    pub number: Option<String>,
    /// `inbound`, `outbound` or `internal`.
    pub direction: Option<String>,
    /// At least so long.
    pub secs_min: Option<f64>,
    /// At most so long.
    pub secs_max: Option<f64>,
    /// Has words that begin with each of these.
    pub text: Option<String>,
    /// Its id, its call's id, or its file.
    pub id: Option<String>,
    /// No more than these, the latest; 0 for all.
    pub limit: usize,
}

/// What recordings can have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The day they began on, by the clock of the room.
    Day,
    /// The queue waited in last.
    Queue,
    /// Who talked with the caller last.
    Agent,
    /// How they are kept.
    Format,
    /// `inbound`, `outbound` or `internal`.
    Direction,
}

impl By {
    pub(super) fn column(self) -> &'static str {
        match self {
            By::Day => "date(began, 'localtime')",
            By::Queue => "queue",
            By::Agent => "agent",
            By::Format => "format",
            By::Direction => "direction",
        }
    }
}

impl Query {
    /// Where many have the words, they are taken one by one from the latest on until there are enough; a number or an id is
    /// of few, and leads.
    pub(super) fn sql(&self) -> (String, Vec<Sql>) {
        let leads = self.number.is_none() && self.id.is_none() && self.words().is_some();
        let (conditions, values) = self.conditions(leads);
        let from = if leads { "words CROSS JOIN recordings ON n = words.rowid" } else { "recordings" };
        let order = if leads { "words.rowid DESC" } else { "n DESC" };
        let limit = if self.limit == 0 { -1 } else { self.limit as i64 };
        (format!("SELECT {COLUMNS} FROM {from} WHERE {conditions} ORDER BY {order} LIMIT {limit}"), values)
    }

    /// The words, if any are looked for.
    fn words(&self) -> Option<String> {
        self.text.as_ref().map(|text| prefixes(text)).filter(|words| !words.is_empty())
    }

    /// What must be true. Words that `lead` are looked for beside the recordings, else within them.
    pub(super) fn conditions(&self, lead: bool) -> (String, Vec<Sql>) {
        let mut conditions: Vec<&str> = Vec::new();
        let mut values: Vec<Sql> = Vec::new();
        let mut only = |condition: &'static str, new: Vec<Sql>| {
            conditions.push(condition);
            values.extend(new);
        };
        let text = |text: &String| vec![Sql::Text(text.clone())];
        if let Some(from) = &self.from {
            only("began >= ?", text(from));
            only("n >= ?", vec![Sql::Integer(moment(from).saturating_mul(NUMBERS_A_MS))]);
        }
        if let Some(to) = &self.to {
            only("began < ?", text(to));
            let ms = Some(moment(to)).filter(|ms| *ms > 0).unwrap_or(i64::MAX); // what is no moment says nothing of numbers
            only("n < ?", vec![Sql::Integer(ms.saturating_add(CROWDED_MS).saturating_mul(NUMBERS_A_MS))]);
        }
        if let Some(queue) = &self.queue {
            only("queue = ?", text(queue));
        }
        if let Some(direction) = &self.direction {
            only("direction = ?", text(direction));
        }
        if let Some(secs) = self.secs_min {
            only("seconds >= ?", vec![Sql::Real(secs)]);
        }
        if let Some(secs) = self.secs_max {
            only("seconds <= ?", vec![Sql::Real(secs)]);
        }
        if let Some(agent) = &self.agent {
            only("n IN (SELECT recording FROM agents WHERE account = ?)", text(agent));
        }
        if let Some(number) = &self.number {
            let backwards = reversed(&digits(number).unwrap_or_else(|| number.clone()));
            let end = Sql::Text(format!("{backwards}:")); // comes after every digit
            only(
                "n IN (SELECT recording FROM numbers WHERE backwards >= ? AND backwards < ?)",
                vec![Sql::Text(backwards), end],
            );
        }
        if let Some(words) = self.words() {
            let (beside, within) = ("words MATCH ?", "n IN (SELECT rowid FROM words WHERE words MATCH ?)");
            only(if lead { beside } else { within }, vec![Sql::Text(words)]);
        }
        if let Some(id) = &self.id {
            only("(id = ? OR call = ? OR file = ?)", [id, id, id].map(|id| Sql::Text(id.clone())).into());
        }
        (if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") }, values)
    }
}

/// Every word, as a search for what begins with it.
fn prefixes(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" ")
}

/// As ends of numbers are kept, so that they are looked for from their beginning.
pub(super) fn reversed(digits: &str) -> String {
    digits.chars().rev().collect()
}
