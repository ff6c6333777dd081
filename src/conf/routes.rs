//! `conf/routes.toml`: which number goes where and when, and the ring groups.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use flow::{GroupConf, RingOrder};
use route::{Destination, Guest, Hours, Numbers, Pattern, Route, Share, When};
use serde::Deserialize;
use toml::Spanned;

use super::file::{Entry, File};
use super::forward::ForwardTable;
use super::hours;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteTable {
    number: Spanned<String>,
    to: Spanned<String>,
    from: Option<Spanned<String>>,
    #[serde(default)]
    caller: Vec<Spanned<String>>,
    caller_file: Option<Spanned<String>>,
    when: Option<Spanned<String>>,
    #[serde(default)]
    split: Vec<ShareTable>,
    language: Option<Spanned<String>>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    record: bool,
    #[serde(default)]
    strip: usize,
    #[serde(default)]
    prefix: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShareTable {
    percent: Spanned<u8>,
    to: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupTable {
    people: Vec<Spanned<String>>,
    #[serde(default)]
    order: RingOrder,
    ring_secs: Option<u16>,
    #[serde(default)]
    record: bool,
    #[serde(default)]
    forward: ForwardTable,
}

/// What was read, with the places of the names that must lead somewhere.
#[derive(Default)]
pub(super) struct Read {
    pub(super) routes: Vec<Route>,
    pub(super) groups: HashMap<String, GroupConf>,
    /// The groups whose talks are recorded.
    pub(super) recorded: Vec<String>,
    pub(super) hours: BTreeMap<String, Hours>,
    pub(super) destinations: Vec<(Destination, Range<usize>)>,
    pub(super) callers: Vec<(route::From, Range<usize>)>,
    pub(super) members: Vec<(String, Range<usize>)>,
}

pub(super) fn read(file: &mut File<'_>, folder: &Path) -> Read {
    let mut read = Read::default();
    let mut whens = Vec::new();
    for entry in file.entries() {
        match entry.name.as_str() {
            "route" => {
                for route in entry.children() {
                    route_entry(file, folder, route, &mut read, &mut whens);
                }
            }
            "group" => entry.children().into_iter().for_each(|group| group_entry(file, group, &mut read)),
            "hours" => {
                read.hours =
                    entry.children().into_iter().filter_map(|hours| hours::read(file, folder, hours)).collect();
            }
            other => {
                let what = format!("{other:?} is unknown here; write [[route]], [group.NAME] or [hours.NAME]");
                file.problem(entry.span, what);
            }
        }
    }
    for (hours, span) in whens {
        if !read.hours.contains_key(&hours) {
            file.problem(span, format!("there are no hours {hours:?}; add [hours.{hours}] to routes.toml"));
        }
    }
    read
}

fn route_entry<'a>(
    file: &mut File<'a>,
    folder: &Path,
    entry: Entry<'a>,
    read: &mut Read,
    whens: &mut Vec<(String, Range<usize>)>,
) {
    let Some(said) = file.entry::<RouteTable>(entry) else { return };
    let from = said.from.as_ref().map(|from| (file.parse::<route::From>(from), from.span()));
    let (number, to) = (file.parse(&said.number), file.parse::<Destination>(&said.to));
    if let Some((Some(from), span)) = &from {
        read.callers.push((from.clone(), span.clone()));
    }
    let when = said.when.as_ref().and_then(|when| {
        let read: When = file.parse(when)?;
        whens.push((read.hours.clone(), when.span()));
        Some(read)
    });
    let caller = callers(file, folder, &said);
    let split: Vec<Share> = said.split.iter().filter_map(|share| self::share(file, share, read)).collect();
    if split.iter().map(|share| u32::from(share.percent)).sum::<u32>() > 100 {
        file.problem(said.number.span(), "its shares are more than 100 percent; what is left over goes to `to`");
    }
    let language = said.language.map(|language| language.into_inner().to_lowercase());
    if let (Some(number), Some(to)) = (number, to) {
        read.destinations.push((to.clone(), said.to.span()));
        read.routes.push(Route {
            number,
            from: from.and_then(|(from, _)| from),
            caller,
            when,
            to,
            split,
            guest: Guest { language, priority: said.priority },
            record: said.record,
            strip: said.strip,
            prefix: said.prefix,
        });
    }
}

fn share(file: &mut File<'_>, said: &ShareTable, read: &mut Read) -> Option<Share> {
    let to: Destination = file.parse(&said.to)?;
    read.destinations.push((to.clone(), said.to.span()));
    let percent = *said.percent.get_ref();
    if !(1..=100).contains(&percent) {
        file.problem(said.percent.span(), "a share is 1 to 100 percent of the calls");
    }
    Some(Share { percent, to })
}

/// The numbers a route is for: those it lists, and those of its file, one a line.
fn callers(file: &mut File<'_>, folder: &Path, said: &RouteTable) -> Option<Numbers> {
    let mut numbers: Vec<Pattern> = said.caller.iter().filter_map(|number| file.parse(number)).collect();
    if let Some(named) = &said.caller_file {
        let path = folder.join(named.get_ref());
        let shown = path.display();
        match fs::read_to_string(&path) {
            Err(why) => {
                let what = format!("the list {shown} cannot be read ({why}); put a text file there, a number a line");
                file.problem(named.span(), what);
            }
            Ok(text) => {
                for (at, line) in text.lines().enumerate() {
                    match line.split_whitespace().next().map(|word| (word.starts_with('#'), word.parse())) {
                        None | Some((true, _)) => {}
                        Some((_, Ok(number))) => numbers.push(number),
                        Some((_, Err(what))) => {
                            let what: String = what;
                            file.problem(named.span(), format!("line {} of {shown}: {what}", at + 1));
                        }
                    }
                }
            }
        }
    }
    let any = said.caller.is_empty() && said.caller_file.is_none();
    (!any).then(|| numbers.into_iter().collect())
}

fn group_entry<'a>(file: &mut File<'a>, entry: Entry<'a>, read: &mut Read) {
    let (named, name, span) = (file.check_name(&entry), entry.name.clone(), entry.span.clone());
    let Some(said) = file.entry::<GroupTable>(entry) else { return };
    if said.people.is_empty() || said.people.len() > 50 {
        file.problem(span, format!("group {name} must have 1 to 50 people"));
    }
    read.members.extend(said.people.iter().map(|person| (person.get_ref().clone(), person.span())));
    let forward = said.forward.read(file, &mut read.destinations);
    if named {
        let people = said.people.into_iter().map(Spanned::into_inner).collect();
        let ring = Duration::from_secs(said.ring_secs.unwrap_or(25).clamp(1, 600).into());
        read.recorded.extend(said.record.then(|| name.clone()));
        read.groups.insert(name, GroupConf { people, order: said.order, ring, forward });
    }
}
