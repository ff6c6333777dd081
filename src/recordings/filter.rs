//! Which recordings are meant: the same words for all that is done to many of them.

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use recorder::Query;

#[derive(Args)]
pub struct Filter {
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
}

impl Filter {
    /// All that are meant.
    pub fn query(self) -> Query {
        Query {
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
            limit: 0,
        }
    }
}

/// The first moment of a day, or a moment, as sidecars write it.
pub fn from(text: &str) -> Result<String, String> {
    moment(text, 0)
}

/// The first moment after a day, or a moment.
pub fn to(text: &str) -> Result<String, String> {
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
