//! When somebody is there: a time zone, a week, and the days that are not like the week.
//!
//! Where it stands: routes name hours, the table asks them at a moment. They are a function of the moment alone; that
//! somebody has closed early, or stays on, is [`crate::Switches`]' to know.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

/// Opening hours.
#[derive(Clone, Debug)]
pub struct Hours {
    /// Where the clock hangs.
    pub zone: TimeZone,
    /// When it is open. A line that names a date speaks for that whole day, instead of the week's lines.
    pub open: Vec<Span>,
    /// When it is closed all the same: holidays. It beats everything else.
    pub closed: Vec<Span>,
}

/// Some days, and some hours of each: `mon-fri 08:00-17:00`, `12-25`, `2026-08-01..2026-08-15`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    days: Days,
    /// From, and to: minutes after midnight. An end before the beginning is on the next day.
    from: u16,
    to: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    /// Days of the week, Monday first.
    Weekly([bool; 7]),
    /// Each year: month and day.
    Yearly(i8, i8),
    /// From one day to another, both with it.
    Dates(Date, Date),
}

const DAY: u16 = 24 * 60;

impl Hours {
    /// Is it open at that moment?
    pub fn is_open(&self, at: Timestamp) -> bool {
        let civil = at.to_zoned_datetime(self.zone.clone()).datetime();
        !self.closed.iter().any(|span| span.covers(civil)) && self.open_spans(civil).any(|span| span.covers(civil))
    }

    /// When that changes next, within a year.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let (now, open) = (at.to_zoned_datetime(self.zone.clone()), self.is_open(at));
        (0..=366)
            .find_map(|days| {
                let date = now.date().checked_add(days.days()).ok()?;
                let spans = self.open.iter().chain(&self.closed);
                let mut minutes: Vec<u16> = spans.flat_map(|span| [span.from, span.to % DAY]).chain([0]).collect();
                minutes.sort_unstable();
                let moments = minutes.into_iter().filter_map(|minute| self.moment(date, minute));
                moments.into_iter().find(|moment| *moment > now && self.is_open(moment.timestamp()) != open)
            })
            .map(|moment| moment.timestamp())
    }

    fn moment(&self, date: Date, minute: u16) -> Option<ZonedDateTime> {
        date.to_datetime(time(minute)).to_zoned_datetime(self.zone.clone()).ok()
    }

    /// The lines that speak for a moment: those of its date where there are some, else those of the week. What began the
    /// evening before speaks for itself.
    fn open_spans(&self, civil: DateTime) -> impl Iterator<Item = &Span> {
        let speaks = move |span: &&Span| match span.days {
            Days::Weekly(_) => {
                let date = if span.began_yesterday(civil.time()) { yesterday(civil.date()) } else { civil.date() };
                !self.open.iter().any(|other| other.is_dated() && other.days.have(date))
            }
            Days::Yearly(..) | Days::Dates(..) => true,
        };
        self.open.iter().filter(speaks)
    }
}

impl Span {
    /// Days from one to another, whole.
    pub fn dates(from: Date, to: Date) -> Span {
        Span { days: Days::Dates(from, to), from: 0, to: DAY }
    }

    /// A day of each year, whole.
    pub fn yearly(date: Date) -> Span {
        Span { days: Days::Yearly(date.month(), date.day()), from: 0, to: DAY }
    }

    fn is_dated(&self) -> bool {
        !matches!(self.days, Days::Weekly(_))
    }

    /// Is this the part after midnight of a span that began in the evening?
    fn began_yesterday(&self, time: Time) -> bool {
        self.to < self.from && minute(time) < self.to
    }

    fn covers(&self, civil: DateTime) -> bool {
        let at = minute(civil.time());
        if self.began_yesterday(civil.time()) {
            return self.days.have(yesterday(civil.date()));
        }
        let until = if self.to < self.from { DAY } else { self.to };
        (self.from..until).contains(&at) && self.days.have(civil.date())
    }
}

impl Days {
    fn have(&self, date: Date) -> bool {
        match self {
            Days::Weekly(days) => days[date.weekday().to_monday_zero_offset() as usize],
            Days::Yearly(month, day) => (date.month(), date.day()) == (*month, *day),
            Days::Dates(from, to) => (*from..=*to).contains(&date),
        }
    }
}

fn yesterday(date: Date) -> Date {
    date.yesterday().unwrap_or(date)
}

fn minute(time: Time) -> u16 {
    time.hour() as u16 * 60 + time.minute() as u16
}

fn time(minute: u16) -> Time {
    Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).unwrap_or_default()
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let mut words = text.split_whitespace();
        let (days, times) = (words.next().and_then(days), words.next().map_or(Some((0, DAY)), times));
        match (days, times, words.next()) {
            (Some(days), Some((from, to)), None) => Ok(Span { days, from, to }),
            _ => Err(format!(
                "{text:?} names no days and hours; write \"mon-fri 08:00-17:00\", \"sat,sun 22:00-06:00\", \"12-25\", \
                 \"2026-08-01..2026-08-15\" or \"2026-12-24 12:00-24:00\""
            )),
        }
    }
}

fn days(text: &str) -> Option<Days> {
    if let Some((from, to)) = text.split_once("..") {
        let (from, to) = (from.parse::<Date>().ok()?, to.parse::<Date>().ok()?);
        return (from <= to).then_some(Days::Dates(from, to));
    }
    if let Ok(date) = text.parse::<Date>() {
        return Some(Days::Dates(date, date));
    }
    if let Some((Ok(month), Ok(day))) = text.split_once('-').map(|(month, day)| (month.parse(), day.parse())) {
        return Date::new(LEAP_YEAR, month, day).ok().map(|_| Days::Yearly(month, day));
    }
    let mut week = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (weekday(first)?, weekday(last)?);
        let mut day = first;
        loop {
            week[day.to_monday_zero_offset() as usize] = true;
            if day == last {
                break;
            }
            day = day.next();
        }
    }
    Some(Days::Weekly(week))
}

/// It has a 29th of February.
const LEAP_YEAR: i16 = 2024;

const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn weekday(text: &str) -> Option<Weekday> {
    WEEK.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, day)| day)
}

fn times(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (clock(from)?, clock(to)?);
    (from != to && from < DAY).then_some((from, to))
}

/// `08:00`, up to `24:00`.
fn clock(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let is_number = |part: &str| part.len() <= 2 && part.bytes().all(|letter| letter.is_ascii_digit());
    if !is_number(hour) || !is_number(minute) || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.days {
            Days::Weekly(days) => {
                let names = WEEK.iter().zip(days).filter(|(_, open)| **open).map(|((name, _), _)| *name);
                f.write_str(&names.collect::<Vec<_>>().join(","))?;
            }
            Days::Yearly(month, day) => write!(f, "{month:02}-{day:02}")?,
            Days::Dates(from, to) if from == to => write!(f, "{from}")?,
            Days::Dates(from, to) => write!(f, "{from}..{to}")?,
        }
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        match (self.from, self.to) {
            (0, DAY) => Ok(()),
            (from, to) => write!(f, " {}-{}", clock(from), clock(to)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(open: &[&str], closed: &[&str]) -> Hours {
        let spans = |spans: &[&str]| spans.iter().map(|span| span.parse().expect("a span")).collect();
        Hours { zone: TimeZone::get("Europe/Zagreb").expect("a zone"), open: spans(open), closed: spans(closed) }
    }

    fn at(civil: &str) -> Timestamp {
        civil.parse::<DateTime>().expect("a time").in_tz("Europe/Zagreb").expect("a moment").timestamp()
    }

    #[test]
    fn a_moment_is_open_or_closed() {
        let office = hours(
            &["mon-fri 08:00-17:00", "sat 22:00-02:00", "2026-12-31 08:00-12:00", "2026-12-19 10:00-16:00"],
            &["12-25", "2026-08-03..2026-08-14", "2026-11-27 12:00-13:00"],
        );
        for (moment, open) in [
            ("2026-11-25T08:00", true), // a Wednesday
            ("2026-11-25T07:59", false),
            ("2026-11-25T16:59:59", true),
            ("2026-11-25T17:00", false),
            ("2026-11-22T12:00", false), // a Sunday
            ("2026-11-28T23:00", true),  // Saturday night,
            ("2026-11-29T01:59", true),  // and after midnight
            ("2026-11-29T02:00", false),
            ("2026-11-27T12:30", false), // lunch on that day
            ("2026-11-27T13:00", true),
            ("2026-12-25T10:00", false), // a Friday, and Christmas
            ("2026-08-10T10:00", false),
            ("2026-08-17T10:00", true),
            ("2026-12-31T11:00", true), // a Thursday with hours of its own
            ("2026-12-31T13:00", false),
            ("2026-12-19T11:00", true), // a Saturday with hours of its own, instead of its night
            ("2026-12-19T23:00", false),
            ("2026-12-20T01:00", false),
        ] {
            assert_eq!(office.is_open(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn the_next_change_is_found_over_nights_holidays_and_summer_time() {
        let office = hours(&["mon-fri 08:00-17:00"], &["12-25"]);
        for (moment, next) in [
            ("2026-11-25T09:00", Some("2026-11-25T17:00")),
            ("2026-11-25T17:00", Some("2026-11-26T08:00")),
            ("2026-12-24T18:00", Some("2026-12-28T08:00")),
            ("2026-03-27T18:00", Some("2026-03-30T08:00")), // the clocks go forward in between
        ] {
            assert_eq!(office.next_change(at(moment)), next.map(at), "{moment}");
        }
        assert_eq!(hours(&["mon-sun 00:00-24:00"], &[]).next_change(at("2026-11-25T09:00")), None);
        assert!(hours(&["mon-sun"], &[]).is_open(at("2026-03-29T03:00")));
    }

    #[test]
    fn what_is_written_reads_back_and_nonsense_is_an_error() {
        for text in [
            "mon,tue,wed 08:00-17:00",
            "12-25",
            "02-29",
            "2026-12-24 12:00-24:00",
            "2026-08-01..2026-08-15",
            "sat,sun 22:00-06:00",
        ] {
            assert_eq!(text.parse::<Span>().map(|span| span.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("fri-mon".parse::<Span>().map(|span| span.to_string()), Ok("mon,fri,sat,sun".to_owned()));
        for bad in [
            "",
            "someday",
            "mon 8-17",
            "mon 08:00",
            "mon 08:00-25:00",
            "13-01",
            "02-30",
            "2026-02-30",
            "mon 08:60-09:00",
            "2026-08-15..2026-08-01",
            "mon 08:00-17:00 extra",
            "mon 24:00-08:00",
            "mon 08:00-08:00",
            "-",
            "mon-",
        ] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
