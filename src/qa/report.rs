//! `centrala qa report`.

use clap::{Args, ValueEnum};
use qa::{Rating, by, by_item};
use recorder::ratings;
use serde::Serialize;
use serde_json::{Value, json};

use super::cards::Cards;
use super::rated::read;
use crate::Failure;
use crate::recordings::{Archive, from, to};
use crate::remote::print_table;

#[derive(Args)]
pub struct ReportArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    cards: Cards,
    /// A line for each of these; teams are those of teams.toml beside the cards
    #[arg(long, value_enum, default_value = "agent")]
    by: By,
    /// Recordings from this day or moment on: 2026-11-24, or 2026-11-24T10:15:00Z
    #[arg(long, value_name = "WHEN", value_parser = from)]
    from: Option<String>,
    /// Until the end of this day, or until this moment
    #[arg(long, value_name = "WHEN", value_parser = to)]
    to: Option<String>,
    /// Only this agent's
    #[arg(long)]
    agent: Option<String>,
    /// Only this queue's
    #[arg(long)]
    queue: Option<String>,
    /// Only by this card
    #[arg(long)]
    card: Option<String>,
    /// Only by this rater
    #[arg(long)]
    rater: Option<String>,
    /// Comma-separated values (RFC 4180)
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum By {
    Agent,
    Team,
    Queue,
    Rater,
    Card,
    Item,
}

impl ReportArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let mut all: Vec<Rating> = Vec::new();
        for file in ratings(folder).map_err(|why| format!("{} cannot be read: {why}", folder.display()))? {
            all.extend(read(&file)?.into_iter().filter(|rating| self.wants(rating)));
        }
        let teams = if self.by == By::Team { self.cards.teams()? } else { Default::default() };
        let agent = |rating: &Rating| rating.recording.agent.clone().unwrap_or_else(|| "-".to_owned());
        let key = |rating: &Rating| match self.by {
            By::Agent | By::Item => agent(rating),
            By::Team => teams.get(&agent(rating)).cloned().unwrap_or_else(|| "-".to_owned()),
            By::Queue => rating.recording.queue.clone().unwrap_or_else(|| "-".to_owned()),
            By::Rater => rating.rater.clone(),
            By::Card => rating.card.clone(),
        };
        match self.by {
            By::Item => self.print(&by_item(&all), &ITEM_COLUMNS),
            _ => self.print(&by(&all, key), &COLUMNS),
        }
        Ok(())
    }

    fn wants(&self, rating: &Rating) -> bool {
        let same =
            |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|wanted| is == Some(wanted));
        let recording = &rating.recording;
        self.from.as_ref().is_none_or(|from| recording.began >= *from)
            && self.to.as_ref().is_none_or(|to| recording.began < *to)
            && same(&self.agent, recording.agent.as_deref())
            && same(&self.queue, recording.queue.as_deref())
            && same(&self.card, Some(&rating.card))
            && same(&self.rater, Some(&rating.rater))
    }

    fn print<T: Serialize>(&self, lines: &[T], columns: &[(&str, &str)]) {
        let lines = lines.iter().map(|line| json!(line));
        if self.json {
            lines.for_each(|line| println!("{line}"));
            return;
        }
        let cells = |line: Value| columns.iter().map(|(field, _)| cell(&line[*field])).collect::<Vec<_>>();
        if self.csv {
            let heads = columns.iter().map(|(field, _)| (*field).to_owned()).collect();
            [heads].into_iter().chain(lines.map(cells)).for_each(|line: Vec<String>| print!("{}", csv_line(&line)));
            return;
        }
        let heads = columns.iter().map(|(_, head)| (*head).to_owned()).collect();
        print_table(&[heads].into_iter().chain(lines.map(cells)).collect::<Vec<_>>());
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A record of RFC 4180 §2. A cell that a spreadsheet would reckon with is text to it.
fn csv_line(cells: &[String]) -> String {
    let cell = |cell: &String| {
        let text = if cell.starts_with(['=', '+', '@']) { format!("'{cell}") } else { cell.clone() };
        if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n"
}

/// Fields of `qa::Line`, and as people call them.
const COLUMNS: [(&str, &str); 8] = [
    ("of", ""),
    ("ratings", "ratings"),
    ("recordings", "recordings"),
    ("percent", "mean %"),
    ("percent_min", "lowest %"),
    ("percent_max", "highest %"),
    ("passed_percent", "passed %"),
    ("failed", "critical"),
];

/// Fields of `qa::ItemLine`, and as people call them.
const ITEM_COLUMNS: [(&str, &str); 8] = [
    ("card", "card"),
    ("section", "section"),
    ("item", "item"),
    ("answered", "rated"),
    ("skipped", "n/a"),
    ("percent", "mean %"),
    ("full", "full"),
    ("failed", "critical"),
];

#[cfg(test)]
mod tests {
    use qa::{ItemLine, Line};

    use super::*;

    #[test]
    fn every_column_is_a_field() {
        let rating = serde_json::from_value::<Rating>(json!({
            "card": "c", "rater": "q", "at": "2026-11-24T10:00:00Z",
            "recording": { "id": "x_1", "began": "", "seconds": 1.0, "agent": "ann", "queue": null },
            "score": { "percent": 50.0, "passed": false, "failed": ["a"] },
            "answers": [{ "section": "s", "id": "a", "ask": "?", "points": 1, "of": 2, "critical": true }],
            "notes": [],
        }))
        .expect("a rating");
        let line: Line = by([&rating], |_| "ann".to_owned()).remove(0);
        let item: ItemLine = by_item([&rating]).remove(0);
        for (line, columns) in [(json!(line), COLUMNS), (json!(item), ITEM_COLUMNS)] {
            let fields = line.as_object().expect("an object");
            assert_eq!(fields.len(), columns.len(), "{line}");
            assert!(columns.iter().all(|(field, _)| fields.contains_key(*field)), "{line}");
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_meant() {
        for (cells, line) in [
            (&["ann", "83.5"][..], "ann,83.5\r\n"),
            (&["Opening, first", "says \"hello\""], "\"Opening, first\",\"says \"\"hello\"\"\"\r\n"),
            (&["=1+1", "-"], "'=1+1,-\r\n"),
            (&["a\nb", ""], "\"a\nb\",\r\n"),
        ] {
            assert_eq!(csv_line(&cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()), line);
        }
    }
}
