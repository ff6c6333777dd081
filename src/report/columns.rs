//! The columns of reports: each figure once, with its name, its formula, and how it comes off a row.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use acd::Denominator;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use journal::{AgentRow, QueueRow};

use crate::remote::table;

/// By what figures are measured.
pub struct Measures {
    pub within: Duration,
    pub denominator: Denominator,
    pub repeat_days: u64,
}

/// A line of a report.
pub struct Row<'a, R> {
    pub span: (Timestamp, Timestamp),
    pub name: String,
    pub of: &'a R,
}

/// How a report is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people: the main columns, and their formulas below.
    Table {
        intervals: bool,
    },
    Csv,
    Json,
}

/// One figure.
pub struct Column<R> {
    /// In CSV and JSON.
    name: &'static str,
    /// In tables; none: it is not there.
    head: &'static str,
    /// Where it is not the name that says it.
    formula: &'static str,
    cell: fn(&R, &Measures) -> Cell,
}

pub enum Cell {
    Count(u64),
    Secs(Duration),
    Average(Option<Duration>),
    Share(Option<f64>),
    /// Of numbers that are no time.
    Mean(Option<f64>),
    /// What a figure is made of, by name: the largest first.
    Parts(Vec<(String, Duration)>),
    /// The same of things that are counted.
    Counts(Vec<(String, u64)>),
}

use Cell::{Average, Count, Counts, Mean, Parts, Secs, Share};

const fn column<R>(
    name: &'static str,
    head: &'static str,
    formula: &'static str,
    cell: fn(&R, &Measures) -> Cell,
) -> Column<R> {
    Column { name, head, formula, cell }
}

/// What there is to say of a queue.
pub const QUEUE: &[Column<QueueRow>] = &[
    column("offered", "OFFERED", "", |row, _| Count(row.figures.offered)),
    column("answered", "ANSWERED", "", |row, _| Count(row.figures.answered)),
    column("answered_in_time", "", "", |row, _| Count(row.figures.answered_in_time)),
    column("service_level", "SL", "answered in time ÷ (answered + what is counted beside)", |row, measures| {
        Share(row.figures.service_level(measures.denominator))
    }),
    column("abandoned", "ABAND", "", |row, _| Count(row.figures.abandoned)),
    column("short_abandoned", "SHORT", "", |row, _| Count(row.figures.short_abandoned)),
    column("abandoned_in_time", "", "", |row, _| Count(row.figures.abandoned_in_time)),
    column("abandonment_rate", "ABAND %", "abandoned (short ones apart) ÷ offered", |row, _| {
        Share(row.figures.abandonment_rate())
    }),
    column("flow_outs", "OUT", "timed out + overflowed + by key + closed", |row, _| Count(row.figures.flow_outs())),
    column("timed_out", "", "", |row, _| Count(row.figures.timed_out)),
    column("overflowed", "", "", |row, _| Count(row.figures.overflowed)),
    column("left_by_key", "", "", |row, _| Count(row.figures.left_by_key)),
    column("closed", "", "", |row, _| Count(row.figures.closed)),
    column("call_backs", "", "", |row, _| Count(row.figures.call_backs)),
    column("called_back", "", "", |row, _| Count(row.figures.called_back)),
    column("unreached", "", "", |row, _| Count(row.figures.unreached)),
    column("moved", "", "", |row, _| Count(row.figures.moved)),
    column("withdrawn", "", "", |row, _| Count(row.figures.withdrawn)),
    column("failed", "", "", |row, _| Count(row.figures.failed)),
    column("waiting", "", "", |row, _| Count(row.figures.offered - row.figures.outcomes())),
    column("speed_of_answer_secs", "ASA", "Σ wait of the answered ÷ answered", |row, _| {
        Average(row.figures.average_speed_of_answer())
    }),
    column("wait_to_abandon_secs", "", "Σ wait of the abandoned ÷ abandoned", |row, _| {
        Average(row.figures.average_wait_to_abandon())
    }),
    column("wait_secs_max", "LONGEST", "", |row, _| Secs(row.figures.wait_max)),
    column("estimated", "", "", |row, _| Count(row.figures.estimated)),
    column("estimate_error_secs", "", "", |row, _| Average(row.figures.average_estimate_error())),
    column("completed", "", "", |row, _| Count(row.figures.completed)),
    column("handle_secs", "AHT", "(talk with hold + wrap-up) ÷ conversations that are over", |row, _| {
        Average(row.figures.average_handle_time())
    }),
    column("talk_secs_sum", "", "", |row, _| Secs(row.figures.talked.saturating_sub(row.held))),
    column("hold_secs_sum", "", "", |row, _| Secs(row.held)),
    column("wrap_up_secs_sum", "", "", |row, _| Secs(row.figures.wrapped_up)),
    column("transfers", "", "", |row, _| Count(row.transfers)),
    column("transfer_rate", "TRANSF", "ended by a transfer ÷ conversations that are over", |row, _| {
        Share(row.transfer_rate())
    }),
    column("offers", "", "", |row, _| Count(row.figures.offers)),
    column("offers_refused", "", "", |row, _| Count(row.figures.offers_refused)),
    column("offers_unanswered", "", "", |row, _| Count(row.figures.offers_unanswered)),
    column("no_answer_rate", "NO ANSW", "offers let ring ÷ offers to agents", |row, _| {
        Share(row.figures.no_answer_rate())
    }),
    column("contacts", "", "", |row, _| Count(row.contacts)),
    column("repeats", "", "", |row, _| Count(row.repeats)),
    column(
        "first_contact_resolution",
        "FCR",
        "answered without another call of the same caller to the queue ÷ answered, known callers",
        |row, _| Share(row.first_contact_resolution()),
    ),
    column("dispositions", "CAME TO", "what conversations came to, as was said last of each", |row, _| {
        Counts(largest_first(&row.dispositions))
    }),
    column("survey_answers", "", "", |row, _| Count(row.survey.answers)),
    column("survey_average", "SURVEY", "what callers answered afterwards ÷ answers", |row, _| {
        Mean(row.survey.average())
    }),
    column("asterisk_sl", "", "", |row, _| Share(row.figures.asterisk_sl())),
    column("asterisk_sl2", "", "", |row, _| Share(row.figures.asterisk_sl2())),
];

/// What there is to say of an agent.
pub const AGENT: &[Column<AgentRow>] = &[
    column("answered", "ANSWERED", "", |row, _| Count(row.figures.answered)),
    column("offers", "OFFERS", "", |row, _| Count(row.figures.offers)),
    column("offers_refused", "", "", |row, _| Count(row.figures.refused)),
    column("offers_unanswered", "", "", |row, _| Count(row.figures.unanswered)),
    column("no_answer_rate", "NO ANSW", "offers let ring ÷ offers", |row, _| Share(row.figures.no_answer_rate())),
    column("logged_in_secs", "LOGGED IN", "", |row, _| Secs(row.figures.logged_in())),
    column("available_secs", "AVAILABLE", "", |row, _| Secs(row.figures.available)),
    column("talking_secs", "TALKING", "with hold", |row, _| Secs(row.figures.talking)),
    column("hold_secs", "HOLD", "", |row, _| Secs(row.held)),
    column("wrap_up_secs", "WRAP-UP", "", |row, _| Secs(row.figures.wrap_up)),
    column("paused_secs", "PAUSED", "", |row, _| Secs(row.figures.paused)),
    column("pauses", "PAUSES", "in pauses, by reason", |row, _| Parts(largest_first(&row.figures.pauses))),
    column("resting_secs", "", "", |row, _| Secs(row.figures.resting)),
    column("transfers", "", "", |row, _| Count(row.transfers)),
    column("dispositions", "CAME TO", "what conversations came to, as was said last of each", |row, _| {
        Counts(largest_first(&row.dispositions))
    }),
    column("survey_answers", "", "", |row, _| Count(row.survey.answers)),
    column("survey_average", "SURVEY", "what callers answered afterwards ÷ answers", |row, _| {
        Mean(row.survey.average())
    }),
    column("handle_secs", "AHT", "(talk with hold + wrap-up) ÷ answered", |row, _| {
        Average(row.figures.average_handle_time())
    }),
    column("occupancy", "OCCUP", "(talk with hold + wrap-up) ÷ (the same + available)", |row, _| {
        Share(row.figures.occupancy())
    }),
    column("utilisation", "UTIL", "(talk with hold + wrap-up) ÷ logged in", |row, _| Share(row.figures.utilisation())),
];

/// The whole report.
pub fn print<'a, R: 'a>(
    of: &str,
    columns: &[Column<R>],
    rows: impl Iterator<Item = Row<'a, R>>,
    measures: &Measures,
    form: Form,
) -> String {
    match form {
        Form::Csv => {
            let names = columns.iter().map(|column| column.name);
            let head: Vec<&str> = ["from", "to", of].into_iter().chain(names).collect();
            let line = |row: Row<'_, R>| {
                let cells = columns.iter().map(|column| (column.cell)(row.of, measures).plain());
                let keys = [row.span.0.to_string(), row.span.1.to_string(), row.name];
                keys.into_iter().chain(cells).collect::<Vec<_>>().join(",")
            };
            std::iter::once(head.join(",")).chain(rows.map(line)).map(|line| line + "\r\n").collect() // RFC 4180
        }
        Form::Json => {
            let line = |row: Row<'_, R>| {
                let mut line =
                    format!("{{\"from\":\"{}\",\"to\":\"{}\",\"{of}\":\"{}\"", row.span.0, row.span.1, row.name);
                for column in columns {
                    let _ = write!(line, ",\"{}\":{}", column.name, (column.cell)(row.of, measures).json());
                }
                line + "}\n"
            };
            rows.map(line).collect()
        }
        Form::Table { intervals } => for_people(of, columns, rows, measures, intervals),
    }
}

fn for_people<'a, R: 'a>(
    of: &str,
    columns: &[Column<R>],
    rows: impl Iterator<Item = Row<'a, R>>,
    measures: &Measures,
    intervals: bool,
) -> String {
    let shown: Vec<&Column<R>> = columns.iter().filter(|column| !column.head.is_empty()).collect();
    let local = |at: Timestamp| at.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
    let line = |row: Row<'_, R>| {
        let cells = shown.iter().map(|column| (column.cell)(row.of, measures).shown());
        let from = intervals.then(|| local(row.span.0));
        from.into_iter().chain([row.name]).chain(cells).collect::<Vec<_>>()
    };
    let mut lines: Vec<Vec<String>> = rows.map(line).collect();
    if lines.is_empty() {
        return format!("no {of} did anything in that time\n");
    }
    let heads = shown.iter().map(|column| column.head.to_owned());
    let from = intervals.then(|| "FROM".to_owned());
    lines.insert(0, from.into_iter().chain([of.to_uppercase()]).chain(heads).collect());
    let mut text = table(&lines) + "\n";
    for column in shown.iter().filter(|column| !column.formula.is_empty()) {
        let _ = writeln!(text, "{}: {}{}", column.head, column.formula, measures.said(column.name)); // a String takes it
    }
    text
}

impl Measures {
    /// What a formula was measured by here.
    fn said(&self, name: &str) -> String {
        let Denominator { abandoned, short_abandoned, flow_outs } = self.denominator;
        match name {
            "service_level" => {
                let counted = [(abandoned, "abandoned"), (short_abandoned, "short ones"), (flow_outs, "out")];
                let beside: Vec<_> = counted.into_iter().filter(|(counts, _)| *counts).map(|(_, word)| word).collect();
                let beside = if beside.is_empty() { "nothing".to_owned() } else { beside.join(" + ") };
                format!("; in time is {} s, counted is {beside}", self.within.as_secs())
            }
            "first_contact_resolution" => format!("; within {} days", self.repeat_days),
            _ => String::new(),
        }
    }
}

impl Cell {
    /// For programs; nothing where there is nothing to divide by.
    fn plain(&self) -> String {
        match self {
            Count(count) => count.to_string(),
            Secs(secs) | Average(Some(secs)) => format!("{:.3}", secs.as_secs_f64()),
            Share(Some(share)) => format!("{share:.4}"),
            Mean(Some(mean)) => format!("{mean:.3}"),
            Average(None) | Share(None) | Mean(None) => String::new(),
            Parts(parts) => {
                let part = |(name, lasted): &(String, Duration)| format!("{name}={:.3}", lasted.as_secs_f64());
                quoted(&parts.iter().map(part).collect::<Vec<_>>().join(";"))
            }
            Counts(counts) => {
                let part = |(name, count): &(String, u64)| format!("{name}={count}");
                quoted(&counts.iter().map(part).collect::<Vec<_>>().join(";"))
            }
        }
    }

    fn json(&self) -> String {
        match self {
            Parts(parts) => {
                let secs = |(name, lasted): &(String, Duration)| (name.clone(), lasted.as_millis() as f64 / 1000.0);
                serde_json::json!(parts.iter().map(secs).collect::<BTreeMap<_, _>>()).to_string()
            }
            Counts(counts) => serde_json::json!(counts.iter().cloned().collect::<BTreeMap<_, _>>()).to_string(),
            cell => Some(cell.plain()).filter(|cell| !cell.is_empty()).unwrap_or_else(|| "null".to_owned()),
        }
    }

    /// For people.
    fn shown(&self) -> String {
        match self {
            Count(count) => count.to_string(),
            Secs(secs) => clock(*secs),
            Parts(parts) if parts.is_empty() => "-".to_owned(),
            Counts(counts) if counts.is_empty() => "-".to_owned(),
            Counts(counts) => {
                let part = |(name, count): &(String, u64)| format!("{name} {count}");
                counts.iter().map(part).collect::<Vec<_>>().join(", ")
            }
            Parts(parts) => {
                let part = |(name, lasted): &(String, Duration)| format!("{name} {}", clock(*lasted));
                parts.iter().map(part).collect::<Vec<_>>().join(", ")
            }
            Average(Some(secs)) => format!("{:.1} s", secs.as_secs_f64()),
            Share(Some(share)) => format!("{:.1} %", share * 100.0),
            Mean(Some(mean)) => format!("{mean:.2}"),
            Average(None) | Share(None) | Mean(None) => "-".to_owned(),
        }
    }
}

fn largest_first<T: Copy + Ord>(parts: &BTreeMap<Arc<str>, T>) -> Vec<(String, T)> {
    let mut parts: Vec<_> = parts.iter().map(|(name, much)| (name.to_string(), *much)).collect();
    parts.sort_by(|(one, more), (other, less)| less.cmp(more).then(one.cmp(other)));
    parts
}

fn clock(lasted: Duration) -> String {
    let secs = lasted.as_secs();
    format!("{}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

/// RFC 4180: what has commas or quotes of its own stands in quotes.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
