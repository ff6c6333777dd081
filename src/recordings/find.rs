//! `centrala recordings list`, `show` and `index`: what is in the archive.

use std::fs;
use std::path::Path;

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use recorder::{Index, Query, Row};
use serde_json::{Value, json};

use super::Archive;
use super::progress::Bar;
use crate::Failure;
use crate::remote::print_table;

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    archive: Archive,
    /// From this day or moment on: 2026-11-24, or 2026-11-24T10:15:00Z
    #[arg(long, value_name = "WHEN", value_parser = from)]
    from: Option<String>,
    /// Until the end of this day, or until this moment
    #[arg(long, value_name = "WHEN", value_parser = to)]
    to: Option<String>,
    /// Who talked with the caller, by account
    #[arg(long)]
    agent: Option<String>,
    /// The queue the caller waited in
    #[arg(long)]
    queue: Option<String>,
    /// A number on either side, or the end of one
    #[arg(long)]
    number: Option<String>,
    /// inbound, outbound or internal
    #[arg(long)]
    direction: Option<String>,
    /// At least so long
    #[arg(long, value_name = "SECS")]
    min_secs: Option<f64>,
    /// At most so long
    #[arg(long, value_name = "SECS")]
    max_secs: Option<f64>,
    /// Words, or their beginnings: names, numbers, queues, causes
    #[arg(long)]
    text: Option<String>,
    /// All recordings of one call
    #[arg(long, value_name = "ID")]
    call: Option<String>,
    /// No more than these, the latest; 0 for all
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ShowArgs {
    #[command(flatten)]
    archive: Archive,
    /// The recording's id, or its file below the folder
    id: String,
    /// The sidecar as it is, with `file` added
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct IndexArgs {
    #[command(flatten)]
    archive: Archive,
}

impl ListArgs {
    pub fn run(self) -> Result<(), Failure> {
        let query = Query {
            from: self.from,
            to: self.to,
            agent: self.agent,
            queue: self.queue,
            number: self.number,
            direction: self.direction,
            secs_min: self.min_secs,
            secs_max: self.max_secs,
            text: self.text,
            id: self.call,
            limit: self.limit,
        };
        let rows = open(self.archive.folder()?)?.find(&query)?;
        if self.json {
            rows.iter().for_each(|row| println!("{}", json!(row)));
            return Ok(());
        }
        match rows.len() {
            0 => println!("no recordings"),
            _ => print_table(&rows.iter().map(columns).collect::<Vec<_>>()),
        }
        if rows.len() == self.limit {
            println!("only the latest {} are shown; --limit 0 shows all", self.limit);
        }
        Ok(())
    }
}

impl ShowArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let row = the_one(folder, &self.id)?;
        let path = folder.join(&row.file);
        let sidecar = path.with_extension("json");
        let text = fs::read(&sidecar).map_err(|why| format!("{} cannot be read: {why}", sidecar.display()))?;
        let mut sidecar: Value = serde_json::from_slice(&text)?;
        if self.json {
            sidecar["file"] = row.file.into();
            println!("{sidecar}");
            return Ok(());
        }
        let mut lines = Vec::new();
        let mut say = |name: &str, value: String| lines.push(vec![name.to_owned(), value]);
        say("recording", row.id.clone());
        say("began", local(&row.began));
        say("length", length(row.seconds));
        say("left", party(&sidecar["channels"]["left"]));
        for right in sidecar["channels"]["right"].as_array().into_iter().flatten() {
            say("right", party(right));
        }
        for (name, field) in [
            ("direction", "direction"),
            ("dialled", "called"),
            ("queue", "queue"),
            ("waited, s", "wait_secs"),
            ("ended by", "ended_by"),
            ("cause", "cause"),
        ] {
            match &sidecar["cdr"][field] {
                Value::Null => {}
                Value::String(text) => say(name, text.clone()),
                other => say(name, other.to_string()),
            }
        }
        if row.salvaged {
            say("cut off", sidecar["failed"].as_str().unwrap_or("the switch was killed").to_owned());
        }
        if let Some(hold) = sidecar["legal_hold"].as_object() {
            let said = |name: &str| hold.get(name).and_then(Value::as_str).unwrap_or("unknown").to_owned();
            say("on hold", format!("since {}, by {}: {}", local(&said("since")), said("by"), said("why")));
        }
        say("sha256", sidecar["integrity"]["sha256"].as_str().unwrap_or("unknown").to_owned());
        say("file", path.display().to_string());
        print_table(&lines);
        let keys = if sidecar["encrypted"] == true { " --keys FILE" } else { "" };
        println!("hear it: centrala recordings play '{}'{keys} | ffplay -autoexit -", row.id);
        Ok(())
    }
}

impl IndexArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let mut bar = Bar::new();
        let (recordings, unread) = Index::open(folder, |_, _| {})?
            .rebuild(|done, all| bar.show(done as u64, all as u64, || format!("{done} of {all} sidecars")))?;
        drop(bar);
        println!("{recordings} recordings are in the search index");
        for sidecar in &unread {
            println!("{}: cannot be read", sidecar.display());
        }
        match unread.len() {
            0 => Ok(()),
            unread => Err(format!("{unread} sidecars cannot be read; their recordings are not found").into()),
        }
    }
}

/// The index, with a bar while it reads.
pub fn open(folder: &Path) -> Result<Index, Failure> {
    let mut bar = Bar::new();
    Ok(Index::open(folder, |done, all| bar.show(done as u64, all as u64, || format!("{done} of {all} sidecars")))?)
}

/// The recording of this id.
pub fn the_one(folder: &Path, id: &str) -> Result<Row, Failure> {
    let mut rows = open(folder)?.find(&Query { id: Some(id.to_owned()), ..Query::default() })?;
    match rows.len() {
        0 => Err(format!("there is no recording {id}; `centrala recordings list` tells their ids").into()),
        1 => Ok(rows.remove(0)),
        _ => {
            let ids: Vec<&str> = rows.iter().rev().map(|row| &*row.id).collect();
            Err(format!("the call {id} has several recordings: {}; name one", ids.join(", ")).into())
        }
    }
}

fn columns(row: &Row) -> Vec<String> {
    vec![
        row.id.clone(),
        local(&row.began),
        length(row.seconds),
        row.direction.clone(),
        row.caller.clone(),
        row.called.clone(),
        row.queue.clone().unwrap_or_else(|| "-".to_owned()),
        row.agent.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

fn party(party: &Value) -> String {
    let words = ["account", "number", "name"].map(|field| party[field].as_str());
    let words: Vec<&str> = words.into_iter().flatten().collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join(", ") }
}

/// On the clock of the room.
pub fn local(moment: &str) -> String {
    let zoned = moment.parse::<Timestamp>().map(|moment| moment.to_zoned_datetime(TimeZone::system()));
    zoned.map_or(moment.to_owned(), |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn length(secs: f64) -> String {
    let secs = secs.round() as u64;
    format!("{}:{:02}", secs / 60, secs % 60)
}

/// The first moment of a day, or a moment, as sidecars write it.
fn from(text: &str) -> Result<String, String> {
    moment(text, 0)
}

/// The first moment after a day, or a moment.
fn to(text: &str) -> Result<String, String> {
    moment(text, 1)
}

fn moment(text: &str, days: i64) -> Result<String, String> {
    let of_day = |day: Date| {
        Some(day.checked_add(days.days()).ok()?.at(0, 0, 0, 0).to_zoned_datetime(TimeZone::system()).ok()?.timestamp())
    };
    let moment = match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => of_day(day),
        _ => text.parse().ok(),
    };
    let moment: Timestamp = moment
        .ok_or_else(|| format!("{text:?} is no day or moment; write it as 2026-11-24, or as 2026-11-24T10:15:00Z"))?;
    Ok(moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}
