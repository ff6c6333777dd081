//! `centrala journal`: what is written down, read beside a running switch or on a copy.

use std::fmt::Write;
use std::thread;
use std::time::Duration;

use base::{CallId, Time};
use centrala::shell::entry_line;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use journal::{Entry, QueueLog, Record, cdr_of};
use serde_json::{Value, json};

use crate::Failure;
use crate::window::Folder;

#[derive(Subcommand)]
pub enum Command {
    /// Print the last entries, and with --follow those to come
    Tail(TailArgs),
    /// Say again what follows from the entries: the same, byte for byte
    Replay(ReplayArgs),
}

#[derive(Args)]
pub struct TailArgs {
    #[command(flatten)]
    folder: Folder,
    /// How many
    #[arg(long, default_value_t = 20)]
    lines: u64,
    /// Go on with what is still to come, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// What is about one call alone: all of it
    #[arg(long, value_name = "ID")]
    call: Option<CallId>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ReplayArgs {
    /// What
    #[arg(value_enum)]
    fold: Fold,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Clone, Copy, ValueEnum)]
enum Fold {
    /// The call records, as in cdr-*.jsonl
    Cdr,
    /// Asterisk's queue_log
    QueueLog,
}

impl Command {
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Command::Tail(args) => args.run(),
            Command::Replay(args) => args.run(),
        }
    }
}

impl TailArgs {
    #[allow(clippy::disallowed_methods)] // a reader beside the switch has nothing else to do than wait
    fn run(self) -> Result<(), Failure> {
        let store = self.folder.open()?;
        let mut last = match self.call {
            Some(_) => 0,
            None => store.last().saturating_sub(self.lines),
        };
        if let Some(call) = self.call {
            for entry in store.of_call(call)? {
                last = entry.number;
                println!("{}", self.line(&entry));
            }
            if last == 0 && !self.follow {
                return Err(format!("nothing is written of a call {call}").into());
            }
        }
        loop {
            store.after(last, |entry| {
                last = entry.number;
                if self.call.is_none_or(|call| entry.record.call() == Some(call)) {
                    println!("{}", self.line(&entry));
                }
                true
            })?;
            if !self.follow {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn line(&self, entry: &Entry) -> String {
        if self.json {
            return entry_line(entry);
        }
        let at = timestamp(entry.at).to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S.%3f");
        let call = entry.record.call().map_or_else(|| "-".to_owned(), |call| call.to_string());
        format!("{:>8}  {at}  {call:<13} {}", entry.number, words(&json!(entry.record)))
    }
}

impl ReplayArgs {
    fn run(self) -> Result<(), Failure> {
        let store = self.folder.open()?;
        match self.fold {
            Fold::QueueLog => {
                let (mut fold, mut lines) = (QueueLog::default(), String::new());
                store.after(0, |entry| {
                    fold.take(&entry, &mut lines);
                    print!("{lines}");
                    lines.clear();
                    true
                })?;
            }
            Fold::Cdr => {
                let mut failed = None;
                store.after(0, |entry| {
                    if let (Record::Over { .. }, Some(call)) = (&entry.record, entry.record.call()) {
                        match store.of_call(call) {
                            Ok(entries) => {
                                println!("{}", serde_json::to_string(&cdr_of(call, &entries)).unwrap_or_default())
                            }
                            Err(why) => failed = Some(why),
                        }
                    }
                    failed.is_none()
                })?;
                if let Some(why) = failed {
                    return Err(why.into());
                }
            }
        }
        Ok(())
    }
}

/// What others write is looked for so often.
const LOOK_EVERY: Duration = Duration::from_millis(200);

fn timestamp(at: Time) -> Timestamp {
    Timestamp::from_nanosecond(at.as_nanos().into()).unwrap_or_default()
}

/// A record as words and what they are about: `queue left queue=sales outcome=abandoned …`.
fn words(record: &Value) -> String {
    let mut text = String::new();
    let mut value = record;
    while let Value::Object(fields) = value
        && fields.len() == 1
        && let Some((word, inner)) = fields.iter().next()
        && inner.is_object()
    {
        let _ = write!(text, "{word} "); // a String takes it
        value = inner;
    }
    match value {
        Value::Object(fields) => fields.iter().filter(|(name, _)| *name != "call").for_each(|(name, field)| {
            // The kind of a call's fact is a word, too.
            match field {
                Value::Object(inner) if name == "what" && inner.len() == 1 => text.push_str(&words(field)),
                Value::String(word) if name == "what" => text.push_str(word),
                Value::String(said) => drop(write!(text, "{name}={said:?} ")),
                _ => drop(write!(text, "{name}={field} ")),
            }
        }),
        Value::String(word) => text.push_str(word),
        other => drop(write!(text, "{other}")),
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_like_a_sentence() {
        for (record, wanted) in [
            (json!({ "started": { "version": "1" } }), "started version=\"1\""),
            (json!("stopped"), "stopped"),
            (json!({ "call": { "call": "x", "what": "answered" } }), "call answered"),
            (json!({ "call": { "call": "x", "what": { "ringing": { "leg": 3 } } } }), "call ringing leg=3"),
            (
                json!({ "queue": { "left": { "queue": "sales", "call": "x", "outcome": "abandoned", "position": 1 } } }),
                "queue left outcome=\"abandoned\" position=1 queue=\"sales\"",
            ),
        ] {
            assert_eq!(words(&record), wanted);
        }
    }
}
