//! `[retention]` of switch.toml: how long recordings are kept.

use std::collections::{BTreeMap, BTreeSet};

use recorder::Retention;
use route::Destination;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;
use super::names::Names;

/// As it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RetentionTable {
    days: Option<Spanned<u32>>,
    queue: BTreeMap<Spanned<String>, Spanned<u32>>,
    class: BTreeMap<Spanned<String>, Spanned<u32>>,
}

/// More is a slip of the hand; for longer, nothing is said.
const DAYS_MAX: u32 = 36_500;

impl RetentionTable {
    pub(super) fn checked(&self, file: &mut File<'_>, names: &mut Names<'_>) -> Retention {
        for days in self.days.iter().chain(self.queue.values()).chain(self.class.values()) {
            if !(1..=DAYS_MAX).contains(days.get_ref()) {
                let what = format!("recordings are kept for 1 to {DAYS_MAX} days; leave it out to keep them for ever");
                file.problem(days.span(), what);
            }
        }
        for queue in self.queue.keys() {
            names.check(file, &Destination::Queue(queue.get_ref().clone()), &queue.span());
        }
        let plain = |said: &BTreeMap<Spanned<String>, Spanned<u32>>| {
            said.iter().map(|(name, days)| (name.get_ref().clone(), *days.get_ref())).collect()
        };
        let days = self.days.as_ref().map(|days| *days.get_ref());
        Retention { days, queues: plain(&self.queue), classes: plain(&self.class) }
    }

    /// Says so of a class that is not there.
    pub(super) fn check_class(&self, file: &mut File<'_>, class: &Spanned<String>) {
        let known: BTreeSet<&str> = self.class.keys().map(|name| name.get_ref().as_str()).collect();
        if !known.contains(class.get_ref().as_str()) {
            let what =
                format!("there is no class {:?}; say under [retention.class] how long it is kept", class.get_ref());
            file.problem(class.span(), what);
        }
    }
}
