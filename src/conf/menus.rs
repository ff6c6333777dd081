//! `conf/menus.toml`: what a caller hears, and where each key leads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use route::Destination;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MenuTable {
    greeting: Spanned<String>,
    #[serde(default = "five")]
    patience_secs: u16,
    #[serde(default = "three")]
    tries: u32,
    otherwise: Option<Spanned<String>>,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, Spanned<String>>,
}

fn five() -> u16 {
    5
}

fn three() -> u32 {
    3
}

/// A menu whose names are not yet known to lead anywhere.
pub(super) struct Menu {
    pub(super) name: String,
    pub(super) greeting: Spanned<String>,
    pub(super) patience: Duration,
    pub(super) tries: u32,
    pub(super) keys: Vec<(char, Destination, Range<usize>)>,
    pub(super) otherwise: (Destination, Range<usize>),
}

pub(super) fn read(file: &mut File<'_>) -> Vec<Menu> {
    let mut menus = Vec::new();
    for entry in file.entries() {
        let (named, name) = (file.check_name(&entry), entry.name.clone());
        let Some(said) = file.entry::<MenuTable>(entry) else { continue };
        let mut keys = Vec::new();
        for (key, to) in said.keys {
            let letter = match key.get_ref().as_bytes() {
                [letter @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D')] => Some(char::from(*letter)),
                _ => None,
            };
            if letter.is_none() {
                file.problem(key.span(), format!("{:?} is no key; write one of 0-9, \"*\", \"#\"", key.get_ref()));
            }
            if let (Some(letter), Some(destination)) = (letter, file.parse(&to)) {
                keys.push((letter, destination, to.span()));
            }
        }
        let otherwise = match &said.otherwise {
            Some(text) => file.parse(text).map(|destination| (destination, text.span())),
            None => Some((Destination::Reject(480), 0..0)),
        };
        if let (true, Some(otherwise)) = (named, otherwise) {
            let patience = Duration::from_secs(said.patience_secs.clamp(1, 600).into());
            let tries = said.tries.clamp(1, 100);
            menus.push(Menu { name, greeting: said.greeting, patience, tries, keys, otherwise });
        }
    }
    menus
}
