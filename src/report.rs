//! `centrala report`: what queues and agents did, read off the journal of a folder, or of a copy with the switch off.

mod columns;

use std::path::PathBuf;
use std::time::Duration;

use acd::{Denominator, QueueName};
use base::Time;
use clap::{Args, ValueEnum};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use journal::{Interval, Report, ReportConf, Store};

use crate::Failure;
use columns::{AGENT, Form, Measures, QUEUE, Row};

#[derive(Args)]
pub struct ReportArgs {
    /// By what
    #[arg(value_enum)]
    by: By,
    /// The journal folder, or a copy of it
    #[arg(long, default_value = "journal", env = "CENTRALA_JOURNAL")]
    journal: PathBuf,
    /// From this day or moment on: 2026-11-24, 2026-11-24T10:15 or, in another zone, 2026-11-24T10:15:00Z [default: the day of the last entry]
    #[arg(long, value_name = "WHEN", value_parser = from)]
    from: Option<Timestamp>,
    /// Until the end of this day, or until this moment [default: the last entry]
    #[arg(long, value_name = "WHEN", value_parser = to)]
    to: Option<Timestamp>,
    /// Split into intervals of this length: 15m, 1h, 24h [default for intervals: 30m]
    #[arg(long, value_name = "TIME", value_parser = length)]
    interval: Option<Duration>,
    /// This queue alone
    #[arg(long)]
    queue: Option<QueueName>,
    /// Answered within so many seconds is answered in time
    #[arg(long, value_name = "SECS", default_value_t = 20)]
    within: u64,
    /// What the service level is measured by, beside the answered
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Counted::Abandoned, Counted::FlowOuts])]
    count: Vec<Counted>,
    /// Who calls a queue again within so many days was not helped the first time
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=366))]
    repeat_days: u64,
    /// Comma-separated values, with all there is
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// One JSON object a line, with all there is
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// A line a queue
    Queues,
    /// A line an agent
    Agents,
    /// A line an interval, all queues together
    Intervals,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Counted {
    /// Those who hung up after really waiting
    Abandoned,
    /// Those who hung up at once
    ShortAbandoned,
    /// Those who left otherwise: timed out, overflowed, by key, closed
    FlowOuts,
    /// Only the answered
    None,
}

/// No report has more intervals.
const INTERVALS_MAX: u128 = 50_000;

impl ReportArgs {
    pub fn run(self) -> Result<(), Failure> {
        let nothing = || format!("{} holds no journal; name a folder that does with --journal", self.journal.display());
        let store = Store::read_only(&self.journal)?.ok_or_else(nothing)?;
        let conf = self.conf(&store)?;
        let mut report = Report::new(conf);
        let first = store.before(conf.from)?;
        store.agents_before(first, |entry| report.take(&entry))?;
        let until = report.reads_until();
        store.after(first, |entry| {
            let reads = entry.at < until;
            if reads {
                report.take(&entry);
            }
            reads
        })?;
        print!("{}", self.text(&report.finish(), conf));
        Ok(())
    }

    fn conf(&self, store: &Store) -> Result<ReportConf, Failure> {
        let last = store.last_at()?.ok_or("the journal is empty")?;
        let until = self.to.map_or(last + Duration::from_nanos(1), time_of);
        let first_of_day = || {
            let last =
                timestamp(Time::from_nanos(until.as_nanos().saturating_sub(1))).to_zoned_datetime(TimeZone::system());
            last.start_of_day().map_or(Time::ZERO, |start| time_of(start.timestamp()))
        };
        let from = self.from.map_or_else(first_of_day, time_of);
        if from >= until {
            return Err("--from is not before --to".into());
        }
        let interval = self.interval.or((self.by == By::Intervals).then_some(HALF_HOUR));
        if interval.is_some_and(|length| until.since(from).as_nanos() / length.as_nanos().max(1) > INTERVALS_MAX) {
            return Err(format!("more than {INTERVALS_MAX} intervals; choose a longer --interval").into());
        }
        let (answer_within, days) = (Duration::from_secs(self.within), Duration::from_secs(24 * 3600));
        Ok(ReportConf { from, until, interval, answer_within, repeat_within: days * self.repeat_days as u32 })
    }

    fn text(&self, intervals: &[Interval], conf: ReportConf) -> String {
        let form = match (self.csv, self.json) {
            (true, _) => Form::Csv,
            (_, true) => Form::Json,
            _ => Form::Table { intervals: conf.interval.is_some() },
        };
        let counts = |counted| self.count.contains(&counted);
        let measures = Measures {
            within: conf.answer_within,
            repeat_days: self.repeat_days,
            denominator: Denominator {
                abandoned: counts(Counted::Abandoned),
                short_abandoned: counts(Counted::ShortAbandoned),
                flow_outs: counts(Counted::FlowOuts),
            },
        };
        let wanted = |queue: &QueueName| self.queue.as_ref().is_none_or(|one| one == queue);
        let span = |interval: &Interval| (timestamp(interval.from), timestamp(interval.until));
        match self.by {
            By::Agents => {
                let rows = intervals.iter().flat_map(|interval| {
                    let row =
                        |(agent, of): (&acd::AgentName, _)| Row { span: span(interval), name: agent.to_string(), of };
                    interval.agents.iter().map(row).collect::<Vec<_>>()
                });
                columns::print("agent", AGENT, rows, &measures, form)
            }
            By::Queues => {
                let rows = intervals.iter().flat_map(|interval| {
                    let row = |(queue, of): (&QueueName, _)| Row { span: span(interval), name: queue.to_string(), of };
                    interval.queues.iter().filter(|(queue, _)| wanted(queue)).map(row).collect::<Vec<_>>()
                });
                columns::print("queue", QUEUE, rows, &measures, form)
            }
            By::Intervals => {
                let sums: Vec<_> = intervals.iter().map(|interval| (interval, sum(interval, wanted))).collect();
                let name = || self.queue.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
                let rows = sums.iter().map(|(interval, of)| Row { span: span(interval), name: name(), of });
                columns::print("queue", QUEUE, rows, &measures, form)
            }
        }
    }
}

fn sum(interval: &Interval, wanted: impl Fn(&QueueName) -> bool) -> journal::QueueRow {
    let mut sum = journal::QueueRow::default();
    interval.queues.iter().filter(|(queue, _)| wanted(queue)).for_each(|(_, row)| sum.add(row));
    sum
}

const HALF_HOUR: Duration = Duration::from_secs(1800);

fn time_of(timestamp: Timestamp) -> Time {
    Time::from_nanos(u64::try_from(timestamp.as_nanosecond()).unwrap_or(0))
}

fn timestamp(time: Time) -> Timestamp {
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
    let zone = TimeZone::system;
    let day = || {
        Some(
            text.parse::<Date>()
                .ok()?
                .checked_add(days.days())
                .ok()?
                .at(0, 0, 0, 0)
                .to_zoned_datetime(zone())
                .ok()?
                .timestamp(),
        )
    };
    let civil = || Some(text.parse::<DateTime>().ok()?.to_zoned_datetime(zone()).ok()?.timestamp());
    let moment = if text.len() == 10 { day() } else { text.parse().ok().or_else(civil) };
    moment.ok_or_else(|| format!("{text:?} is no day or moment; write it as 2026-11-24, or as 2026-11-24T10:15"))
}

fn length(text: &str) -> Result<Duration, String> {
    let length = text.parse::<SignedDuration>().ok().and_then(|length| Duration::try_from(length).ok());
    length
        .filter(|length| *length >= Duration::from_secs(60))
        .ok_or_else(|| format!("{text:?} is no length of a minute or more; write it as 15m, 1h or 24h"))
}
