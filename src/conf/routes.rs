//! `conf/routes.toml`: which number goes where, and the ring groups.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use flow::GroupConf;
use route::{Destination, Route};
use serde::Deserialize;
use toml::Spanned;

use super::file::File;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteTable {
    number: Spanned<String>,
    to: Spanned<String>,
    from: Option<Spanned<String>>,
    #[serde(default)]
    record: bool,
    #[serde(default)]
    strip: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupTable {
    people: Vec<Spanned<String>>,
    ring_secs: Option<u16>,
    #[serde(default)]
    record: bool,
}

/// What was read, with the places of the names that must lead somewhere.
#[derive(Default)]
pub(super) struct Read {
    pub(super) routes: Vec<Route>,
    pub(super) groups: HashMap<String, GroupConf>,
    pub(super) destinations: Vec<(Destination, Range<usize>)>,
    pub(super) callers: Vec<(route::From, Range<usize>)>,
    pub(super) members: Vec<(String, Range<usize>)>,
}

pub(super) fn read(file: &mut File<'_>) -> Read {
    let mut read = Read::default();
    for entry in file.entries() {
        match entry.name.as_str() {
            "route" => entry.children().into_iter().for_each(|route| route_entry(file, route, &mut read)),
            "group" => entry.children().into_iter().for_each(|group| group_entry(file, group, &mut read)),
            other => {
                let what = format!("{other:?} is unknown here; write [[route]] or [group.NAME]");
                file.problem(entry.span, what);
            }
        }
    }
    read
}

fn route_entry<'a>(file: &mut File<'a>, entry: super::file::Entry<'a>, read: &mut Read) {
    let Some(said) = file.entry::<RouteTable>(entry) else { return };
    let from = said.from.as_ref().map(|from| (file.parse::<route::From>(from), from.span()));
    let (number, to) = (file.parse(&said.number), file.parse::<Destination>(&said.to));
    if let Some((Some(from), span)) = &from {
        read.callers.push((from.clone(), span.clone()));
    }
    if let (Some(number), Some(to)) = (number, to) {
        read.destinations.push((to.clone(), said.to.span()));
        let from = from.and_then(|(from, _)| from);
        read.routes.push(Route { number, from, to, record: said.record, strip: said.strip });
    }
}

fn group_entry<'a>(file: &mut File<'a>, entry: super::file::Entry<'a>, read: &mut Read) {
    let (named, name, span) = (file.check_name(&entry), entry.name.clone(), entry.span.clone());
    let Some(said) = file.entry::<GroupTable>(entry) else { return };
    if said.people.is_empty() || said.people.len() > 50 {
        file.problem(span, format!("group {name} must have 1 to 50 people"));
    }
    read.members.extend(said.people.iter().map(|person| (person.get_ref().clone(), person.span())));
    if named {
        let people = said.people.into_iter().map(Spanned::into_inner).collect();
        let ring = Duration::from_secs(said.ring_secs.unwrap_or(25).clamp(1, 600).into());
        read.groups.insert(name, GroupConf { people, ring, record: said.record });
    }
}
