//! `forward` of a person, or of a group: where calls go instead.

use std::ops::Range;

use flow::ForwardConf;
use route::Destination;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForwardTable {
    always: Option<Spanned<String>>,
    busy: Option<Spanned<String>>,
    no_answer: Option<Spanned<String>>,
    unreachable: Option<Spanned<String>>,
}

impl ForwardTable {
    /// What it says; the places of its names, which must lead somewhere, are noted.
    pub(super) fn read(&self, file: &mut File<'_>, destinations: &mut Vec<(Destination, Range<usize>)>) -> ForwardConf {
        let mut read = |text: &Option<Spanned<String>>| {
            let text = text.as_ref()?;
            let to: Destination = file.parse(text)?;
            destinations.push((to.clone(), text.span()));
            Some(to)
        };
        ForwardConf {
            always: read(&self.always),
            busy: read(&self.busy),
            no_answer: read(&self.no_answer),
            unreachable: read(&self.unreachable),
        }
    }
}
