//! `centrala report`: what queues and agents did, read off the journal of a folder, or of a copy with the switch off.

mod columns;
mod menus;

use std::time::Duration;

use acd::{Denominator, QueueName};
use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use journal::{Interval, Report, ReportConf, Store};

use crate::Failure;
use crate::window::{Window, timestamp};
use columns::{AGENT, Form, Measures, QUEUE, Row};

#[derive(Args)]
pub struct ReportArgs {
    /// By what
    #[arg(value_enum)]
    by: By,
    #[command(flatten)]
    window: Window,
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
    /// The field that has what callers were asked after the call
    #[arg(long, value_name = "FIELD", default_value = "csat")]
    survey: String,
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
    /// A line a step of the menus: who came by, for how long, and where they went
    Menus,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Counted {
    /// Those who hung up after really waiting
    Abandoned,
    /// Those who hung up at once
    ShortAbandoned,
    /// Those who left otherwise: timed out, overflowed, by key, closed
    FlowOuts,
    /// Only the answered
    None,
}

impl Counted {
    /// What is named, as the formula takes it.
    pub fn denominator(named: &[Counted]) -> Denominator {
        let counts = |counted| named.contains(&counted);
        Denominator {
            abandoned: counts(Counted::Abandoned),
            short_abandoned: counts(Counted::ShortAbandoned),
            flow_outs: counts(Counted::FlowOuts),
        }
    }
}

/// No report has more intervals.
const INTERVALS_MAX: u128 = 50_000;

impl ReportArgs {
    pub fn run(self) -> Result<(), Failure> {
        let store = self.window.open()?;
        if self.by == By::Menus {
            return self.menus(&store);
        }
        let conf = self.conf(&store)?;
        let mut report = Report::new(conf).surveyed_in(&self.survey);
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

    fn menus(&self, store: &Store) -> Result<(), Failure> {
        if self.interval.is_some() {
            return Err("menus are counted for all of the time; say which with --from and --to".into());
        }
        let (from, until) = self.window.span(store)?;
        let mut menus = menus::Menus::default();
        store.after(store.before(from)?, |entry| {
            let reads = entry.at < until;
            if reads {
                menus.take(&entry);
            }
            reads
        })?;
        menus.print(self.json, self.csv);
        Ok(())
    }

    fn conf(&self, store: &Store) -> Result<ReportConf, Failure> {
        let (from, until) = self.window.span(store)?;
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
        let measures = Measures {
            within: conf.answer_within,
            repeat_days: self.repeat_days,
            denominator: Counted::denominator(&self.count),
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
            By::Menus => String::new(), // they have figures of their own
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

fn length(text: &str) -> Result<Duration, String> {
    let length = text.parse::<SignedDuration>().ok().and_then(|length| Duration::try_from(length).ok());
    length
        .filter(|length| *length >= Duration::from_secs(60))
        .ok_or_else(|| format!("{text:?} is no length of a minute or more; write it as 15m, 1h or 24h"))
}
