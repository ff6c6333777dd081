//! Music as the conf says it: one prompt, several one after another, or all of a folder.

use serde::Deserialize;

/// What is written after `music =` and `hold_music =`.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "write a prompt's name, a list of names, or { list = [\"a\", \"b\"], shuffled = true, goes_on = true }, or \
                 folder = \"NAME\" in place of list"
)]
pub(super) enum MusicSaid {
    One(String),
    List(Vec<String>),
    Table(MusicTable),
}

/// The same in full.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MusicTable {
    pub list: Vec<String>,
    /// All there is in this folder of `prompts`, by name.
    pub folder: Option<String>,
    pub shuffled: bool,
    pub goes_on: bool,
}

impl From<MusicSaid> for MusicTable {
    fn from(said: MusicSaid) -> MusicTable {
        match said {
            MusicSaid::One(name) => MusicTable { list: vec![name], ..MusicTable::default() },
            MusicSaid::List(list) => MusicTable { list, ..MusicTable::default() },
            MusicSaid::Table(table) => table,
        }
    }
}
