//! The languages whose grammar is known.

use crate::grammar::Grammar;
use crate::{croatian, english, french, german, spanish};

/// A language whose grammar is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// hr
    Croatian,
    /// en
    English,
    /// fr
    French,
    /// de
    German,
    /// es
    Spanish,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 5] =
        [Language::Croatian, Language::English, Language::French, Language::German, Language::Spanish];

    /// By its tag (RFC 5646): `hr`, `de-AT`.
    pub fn of(tag: &str) -> Option<Language> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        Language::ALL.into_iter().find(|language| language.tag() == primary)
    }

    /// Its tag.
    pub fn tag(self) -> &'static str {
        match self {
            Language::Croatian => "hr",
            Language::English => "en",
            Language::French => "fr",
            Language::German => "de",
            Language::Spanish => "es",
        }
    }

    pub(crate) fn grammar(self) -> &'static dyn Grammar {
        match self {
            Language::Croatian => &croatian::Croatian,
            Language::English => &english::English,
            Language::French => &french::French,
            Language::German => &german::German,
            Language::Spanish => &spanish::Spanish,
        }
    }
}
