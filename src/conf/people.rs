//! `conf/people.toml`: who may register phones, and how each is reached.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use call::{MediaRules, Srtp};
use flow::ForwardConf;
use presence::Watchers;
use route::Destination;
use serde::Deserialize;
use sip::digest::Algorithm;
use toml::Spanned;

use super::file::File;
use super::forward::ForwardTable;
use super::limits::PersonLimits;
use super::switch_file::{algorithm, srtp};
use super::watch::{WatchersText, watchers};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonTable {
    number: Option<Spanned<String>>,
    name: Option<String>,
    password: Option<Spanned<String>>,
    digest: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    record: bool,
    #[serde(default)]
    nat: bool,
    srtp: Option<Spanned<String>>,
    browser: Option<bool>,
    ring_secs: Option<Spanned<u16>>,
    watchers: Option<Spanned<WatchersText>>,
    mwi: Option<Spanned<String>>,
    #[serde(default)]
    forward: ForwardTable,
    #[serde(default)]
    supervises: Vec<Spanned<String>>,
    limits: Option<PersonLimits>,
}

/// One person, checked. There may be 100,000, so each is small.
#[derive(Debug)]
pub struct Person {
    /// The account: SIP user name and AOR.
    pub account: Arc<str>,
    /// The extension.
    pub number: Option<Arc<str>>,
    /// The name shown to others.
    pub name: Option<Box<str>>,
    /// The digest algorithms this person's phones are offered; none, where they are the switch's.
    pub algorithms: Box<[Algorithm]>,
    /// Record what is talked with this person.
    pub record: bool,
    /// How their media is treated.
    pub media: MediaRules,
    /// How long to ring.
    pub ring: Duration,
    /// Who may see whether this person talks and is there, where it differs from the switch's.
    pub watchers: Option<Box<Watchers>>,
    /// The phones are told of waiting messages without having asked (many desk phones expect it).
    pub light_unasked: bool,
    /// Where this person's calls go instead.
    pub forward: Option<Arc<ForwardConf>>,
    /// Whose calls this person may hear; `*` is everybody's.
    pub supervises: Box<[String]>,
    /// What this person may use, where it differs from the switch's.
    pub limits: Option<Box<PersonLimits>>,
}

/// What was read, with the places of the names that must lead somewhere.
#[derive(Default)]
pub(super) struct Read {
    pub(super) people: HashMap<Arc<str>, Person>,
    pub(super) passwords: HashMap<Arc<str>, String>,
    /// Who is named as a watcher, or as supervised.
    pub(super) named: Vec<(String, Range<usize>)>,
    pub(super) destinations: Vec<(Destination, Range<usize>)>,
}

/// Reads the file.
pub(super) fn read(file: &mut File<'_>) -> Read {
    let Read { mut people, mut passwords, named: mut others, mut destinations } = Read::default();
    let mut numbers: HashMap<Arc<str>, Arc<str>> = HashMap::new();
    for entry in file.entries() {
        let (named, span) = (file.check_name(&entry), entry.span.clone());
        let account: Arc<str> = entry.name.as_str().into();
        let Some(said) = file.entry::<PersonTable>(entry) else { continue };
        if !named {
            continue;
        }
        let number = said.number.map(|number| {
            let text: Arc<str> = number.get_ref().as_str().into();
            if text.is_empty()
                || text.len() > 32
                || !text.chars().all(|digit| digit.is_ascii_digit() || "+*#".contains(digit))
            {
                file.problem(number.span(), format!("{text:?} is no number; write digits, such as \"201\""));
            } else if let Some(other) = numbers.get(&text) {
                file.problem(number.span(), format!("{text} is already {other}'s number; give {account} another"));
            } else {
                numbers.insert(text.clone(), account.clone());
            }
            text
        });
        if said.name.as_ref().is_some_and(|name| name.len() > 100 || name.chars().any(char::is_control)) {
            file.problem(span.clone(), format!("[{account}] name must be at most 100 letters on one line"));
        }
        if let Some(password) = &said.password
            && password.get_ref().chars().count() < 6
        {
            let what = format!(
                "{account}'s password is shorter than 6 letters; make it longer, or leave it out and one is made"
            );
            file.problem(password.span(), what);
        }
        let ring_secs = said.ring_secs.map_or(25, |ring_secs| {
            if !(1..=600).contains(ring_secs.get_ref()) {
                file.problem(ring_secs.span(), "ring_secs is a number from 1 to 600");
            }
            *ring_secs.get_ref()
        });
        let algorithms = said.digest.map_or_else(Box::default, |digest| {
            if digest.is_empty() {
                file.problem(span, format!("[{account}] digest is empty; write [\"MD5\"], or leave it out"));
            }
            digest.iter().filter_map(|text| algorithm(file, text)).collect()
        });
        let watchers = said.watchers.map(|text| {
            let watchers = watchers(file, &text);
            if let Watchers::These(these) = &watchers {
                others.extend(these.iter().map(|name| (name.clone(), text.span())));
            }
            Box::new(watchers)
        });
        let supervised = said.supervises.iter().filter(|name| *name.get_ref() != "*");
        others.extend(supervised.map(|name| (name.get_ref().clone(), name.span())));
        let light_unasked = said.mwi.is_some_and(|mwi| {
            if !matches!(mwi.get_ref().as_str(), "subscribe" | "unsolicited") {
                let what = format!(
                    "{:?} is no way to tell of messages; write \"subscribe\" or \"unsolicited\"",
                    mwi.get_ref()
                );
                file.problem(mwi.span(), what);
            }
            mwi.get_ref() == "unsolicited"
        });
        passwords.extend(said.password.map(|password| (account.clone(), password.into_inner())));
        let forward = said.forward.read(file, &mut destinations);
        let person = Person {
            account: account.clone(),
            number,
            name: said.name.map(String::into_boxed_str),
            algorithms,
            record: said.record,
            media: MediaRules {
                browser: said.browser,
                nat: said.nat,
                srtp: said.srtp.as_ref().map_or(Srtp::Preferred, |text| srtp(file, text)),
            },
            ring: Duration::from_secs(ring_secs.into()),
            watchers,
            light_unasked,
            forward: Some(forward).filter(|forward| *forward != ForwardConf::default()).map(Arc::new),
            supervises: said.supervises.into_iter().map(Spanned::into_inner).collect(),
            limits: said.limits.map(Box::new),
        };
        people.insert(account, person);
    }
    Read { people, passwords, named: others, destinations }
}
