//! `[hours.NAME]` of `conf/routes.toml`: when somebody is there; and the calendars that say when nobody is.

use std::fs;
use std::path::Path;

use icalendar::{Calendar, CalendarComponent, Component, Event};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use route::{Hours, Span};
use serde::Deserialize;
use toml::Spanned;

use super::file::{Entry, File};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursTable {
    zone: Option<Spanned<String>>,
    open: Vec<Spanned<String>>,
    #[serde(default)]
    closed: Vec<Spanned<String>>,
    holidays: Option<Spanned<String>>,
}

pub(super) fn read<'a>(file: &mut File<'a>, folder: &Path, entry: Entry<'a>) -> Option<(String, Hours)> {
    let (named, name) = (file.check_name(&entry), entry.name.clone());
    let said = file.entry::<HoursTable>(entry)?;
    let spans = |file: &mut File<'_>, said: &[Spanned<String>]| -> Vec<Span> {
        said.iter().filter_map(|span| file.parse(span)).collect()
    };
    let (open, mut closed) = (spans(file, &said.open), spans(file, &said.closed));
    let zone = match &said.zone {
        None => TimeZone::system(),
        Some(zone) => TimeZone::get(zone.get_ref()).unwrap_or_else(|_| {
            let what = format!("there is no time zone {:?}; write one such as \"Europe/Zagreb\"", zone.get_ref());
            file.problem(zone.span(), what);
            TimeZone::UTC
        }),
    };
    if let Some(calendar) = &said.holidays {
        match holidays(&folder.join(calendar.get_ref())) {
            Ok(days) => closed.extend(days),
            Err(what) => file.problem(calendar.span(), what),
        }
    }
    named.then_some((name, Hours { zone, open, closed }))
}

/// The whole days of a calendar (RFC 5545).
fn holidays(path: &Path) -> Result<Vec<Span>, String> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|why| format!("the calendar {shown} cannot be read ({why}); put an iCalendar file (.ics) there"))?;
    let calendar: Calendar = text
        .parse()
        .map_err(|why| format!("the calendar {shown} is no iCalendar file ({why}); export it as .ics again"))?;
    let events = calendar.components.iter().filter_map(|component| match component {
        CalendarComponent::Event(event) => Some(event),
        _ => None,
    });
    events.map(|event| whole_days(event).map_err(|what| format!("the calendar {shown}: {what}"))).collect()
}

fn whole_days(event: &Event) -> Result<Span, String> {
    let name = event.get_summary().unwrap_or("an event").trim();
    let date = |property: &str| event.property_value(property).map(day);
    let (from, end) = match (date("DTSTART"), date("DTEND")) {
        (Some(Some(from)), end @ (None | Some(Some(_)))) => (from, end.flatten()),
        _ => return Err(format!("{name:?} is not of whole days; take it out, and write it as a line of `closed`")),
    };
    let last = end.and_then(|end| end.yesterday().ok()).unwrap_or(from).max(from); // DTEND is the first day after
    match event.property_value("RRULE") {
        None => Ok(Span::dates(from, last)),
        Some(rule) if is_yearly(rule) && last == from => Ok(Span::yearly(from)),
        Some(rule) => Err(format!(
            "{name:?} comes again by a rule that is not understood ({rule}); only single days of each year are: write \
             the others as lines of `closed`"
        )),
    }
}

/// `20261225`
fn day(text: &str) -> Option<Date> {
    if text.len() == 8 { Date::strptime("%Y%m%d", text).ok() } else { None }
}

/// The same day each year, for ever.
fn is_yearly(rule: &str) -> bool {
    let mut parts = rule.split(';');
    let harmless = |part: &str| ["FREQ=YEARLY", "INTERVAL=1"].contains(&part) || part.starts_with("WKST=");
    rule.contains("FREQ=YEARLY") && parts.all(harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(events: &[&str]) -> Result<Vec<String>, String> {
        let path = std::env::temp_dir().join(format!("centrala-holidays-{}-{}.ics", std::process::id(), events.len()));
        let events = events.iter().map(|event| format!("BEGIN:VEVENT\r\nUID:1\r\n{event}\r\nEND:VEVENT\r\n"));
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.collect::<String>());
        fs::write(&path, text).expect("written");
        let read = holidays(&path);
        fs::remove_file(&path).expect("gone");
        read.map(|spans| spans.iter().map(Span::to_string).collect())
    }

    #[test]
    fn a_calendar_says_when_nobody_is_there() {
        let days = calendar(&[
            "SUMMARY:Christmas\r\nDTSTART;VALUE=DATE:20201225\r\nDTEND;VALUE=DATE:20201226\r\nRRULE:FREQ=YEARLY",
            "SUMMARY:Easter Monday\r\nDTSTART;VALUE=DATE:20270329",
            "SUMMARY:Summer\r\nDTSTART;VALUE=DATE:20270801\r\nDTEND;VALUE=DATE:20270816",
        ]);
        let expected = ["12-25", "2027-03-29", "2027-08-01..2027-08-15"].map(str::to_owned).to_vec();
        assert_eq!(days, Ok(expected));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let timed = calendar(&["SUMMARY:Lunch\r\nDTSTART:20270329T120000Z\r\nDTEND:20270329T130000Z"]);
        assert!(timed.expect_err("a problem").contains("\"Lunch\" is not of whole days"));
        let monthly = calendar(&["SUMMARY:Audit\r\nDTSTART;VALUE=DATE:20270329\r\nRRULE:FREQ=MONTHLY", "SUMMARY:x"]);
        assert!(monthly.expect_err("a problem").contains("\"Audit\" comes again by a rule"));
        assert!(holidays(Path::new("/nowhere.ics")).expect_err("a problem").contains("cannot be read"));
    }
}
