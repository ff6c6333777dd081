//! Who may watch whom: `[watch]` in switch.toml, `watchers` in people.toml.

use std::ops::RangeInclusive;

use presence::Watchers;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WatchTable {
    watchers: Spanned<WatchersText>,
    expires_secs_min: u32,
    expires_secs_max: u32,
    per_person_max: usize,
    max: usize,
}

/// `"everybody"`, `"nobody"`, or a list of people.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum WatchersText {
    Word(String),
    List(Vec<String>),
}

/// `[watch]`, checked.
#[derive(Clone, Debug)]
pub struct WatchConf {
    /// Who may see whether a person talks and is there, where people.toml does not say.
    pub watchers: Watchers,
    /// The shortest and the longest subscription, seconds.
    pub expires_secs: RangeInclusive<u32>,
    /// Subscriptions of one person.
    pub per_person_max: usize,
    /// Subscriptions of all.
    pub all_max: usize,
}

impl Default for WatchTable {
    fn default() -> WatchTable {
        WatchTable {
            watchers: Spanned::new(0..0, WatchersText::Word("everybody".to_owned())),
            expires_secs_min: 60,
            expires_secs_max: 3600,
            per_person_max: 300,
            max: 100_000,
        }
    }
}

pub(super) fn checked(file: &mut File<'_>, said: &WatchTable) -> WatchConf {
    if said.expires_secs_min == 0 || said.expires_secs_min > said.expires_secs_max {
        file.problem(0..0, "[watch] expires_secs_min must be at least 1 and at most expires_secs_max");
    }
    let watchers = watchers(file, &said.watchers);
    if let Watchers::These(_) = watchers {
        let what = "[watch] watchers is \"everybody\" or \"nobody\"; people are named in people.toml";
        file.problem(said.watchers.span(), what);
    }
    let expires_secs = said.expires_secs_min..=said.expires_secs_max;
    WatchConf { watchers, expires_secs, per_person_max: said.per_person_max, all_max: said.max }
}

/// Who they are. Whether there are such people is not known here.
pub(super) fn watchers(file: &mut File<'_>, text: &Spanned<WatchersText>) -> Watchers {
    match text.get_ref() {
        WatchersText::List(names) => Watchers::These(names.iter().cloned().collect()),
        WatchersText::Word(word) => match word.as_str() {
            "everybody" => Watchers::Everybody,
            "nobody" => Watchers::Nobody,
            other => {
                let what =
                    format!("{other:?} are no watchers; write \"everybody\", \"nobody\" or a list: [\"ann\", \"bob\"]");
                file.problem(text.span(), what);
                Watchers::Nobody
            }
        },
    }
}
