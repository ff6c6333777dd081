//! Which journal a command reads, and which time of it.

use std::path::PathBuf;
use std::time::Duration;

use base::Time;
use clap::Args;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use journal::Store;

use crate::Failure;

#[derive(Args)]
pub struct Folder {
    /// The journal folder, or a copy of it
    #[arg(long, default_value = "journal", env = "CENTRALA_JOURNAL")]
    journal: PathBuf,
}

#[derive(Args)]
pub struct Window {
    #[command(flatten)]
    folder: Folder,
    /// From this day or moment on: 2026-11-24, 2026-11-24T10:15 or, in another zone, 2026-11-24T10:15:00Z [default: the day of the last entry]
    #[arg(long, value_name = "WHEN", value_parser = from)]
    from: Option<Timestamp>,
    /// Until the end of this day, or until this moment [default: the last entry]
    #[arg(long, value_name = "WHEN", value_parser = to)]
    to: Option<Timestamp>,
}

impl Folder {
    pub fn open(&self) -> Result<Store, Failure> {
        let nothing = || format!("{} holds no journal; name a folder that does with --journal", self.journal.display());
        Ok(Store::read_only(&self.journal)?.ok_or_else(nothing)?)
    }
}

impl Window {
    pub fn open(&self) -> Result<Store, Failure> {
        self.folder.open()
    }

    /// From when, and until before when.
    pub fn span(&self, store: &Store) -> Result<(Time, Time), Failure> {
        let last = store.last_at()?.ok_or("the journal is empty")?;
        let until = self.to.map_or(last + Duration::from_nanos(1), time_of);
        let first_of_day = || {
            let last = Time::from_nanos(until.as_nanos().saturating_sub(1));
            let day = timestamp(last).to_zoned_datetime(TimeZone::system()).start_of_day();
            day.map_or(Time::ZERO, |start| time_of(start.timestamp()))
        };
        let from = self.from.map_or_else(first_of_day, time_of);
        if from >= until {
            return Err("--from is not before --to".into());
        }
        Ok((from, until))
    }
}

fn time_of(timestamp: Timestamp) -> Time {
    Time::from_nanos(u64::try_from(timestamp.as_nanosecond()).unwrap_or(0))
}

pub fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_nanosecond(time.as_nanos().into()).unwrap_or_default()
}

fn from(text: &str) -> Result<Timestamp, String> {
    moment(text, 0)
}

fn to(text: &str) -> Result<Timestamp, String> {
    moment(text, 1)
}

/// A moment, or so many days after the beginning of a day; in this machine's zone where none is said.
fn moment(text: &str, days: i64) -> Result<Timestamp, String> {
    let here = |at: DateTime| Some(at.to_zoned_datetime(TimeZone::system()).ok()?.timestamp());
    let day = || here(text.parse::<Date>().ok()?.checked_add(days.days()).ok()?.at(0, 0, 0, 0));
    let civil = || here(text.parse::<DateTime>().ok()?);
    let moment = if text.len() == 10 { day() } else { text.parse().ok().or_else(civil) };
    moment.ok_or_else(|| format!("{text:?} is no day or moment; write it as 2026-11-24, or as 2026-11-24T10:15"))
}
