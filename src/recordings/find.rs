//! `centrala recordings list`, `show` and `index`: what is in the archive.

use std::fs;
use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use recorder::{Index, Query, Row};
use serde_json::{Value, json};

use super::Archive;
use super::filter::Filter;
use super::progress::Bar;
use crate::Failure;
use crate::remote::print_table;

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    filter: Filter,
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
        let query = Query { limit: self.limit, ..self.filter.query() };
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

/// A recording's sound must be here to be heard.
pub fn here(folder: &Path, row: &Row) -> Result<(), Failure> {
    match recorder::away(&folder.join(&row.file)) {
        Some(url) => {
            Err(format!("its sound is at {url}; `centrala recordings fetch {}` brings it back", row.id).into())
        }
        None => Ok(()),
    }
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

pub fn party(party: &Value) -> String {
    let words = ["account", "number", "name"].map(|field| party[field].as_str());
    let words: Vec<&str> = words.into_iter().flatten().collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join(", ") }
}

/// On the clock of the room.
pub fn local(moment: &str) -> String {
    let zoned = moment.parse::<Timestamp>().map(|moment| moment.to_zoned_datetime(TimeZone::system()));
    zoned.map_or(moment.to_owned(), |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

pub fn length(secs: f64) -> String {
    let secs = secs.round() as u64;
    format!("{}:{:02}", secs / 60, secs % 60)
}
