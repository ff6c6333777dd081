//! `[speech]` of switch.toml, and texts.toml: what callers are told that nobody recorded.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;
use spoken::Language;
use toml::Spanned;

use super::file::File;
use crate::shell::Speaker;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SpeechTable {
    language: Spanned<String>,
    command: Option<Spanned<Vec<String>>>,
    voices: BTreeMap<String, String>,
    cache: String,
}

impl Default for SpeechTable {
    fn default() -> SpeechTable {
        SpeechTable {
            language: Spanned::new(0..0, Language::English.tag().to_owned()),
            command: None,
            voices: BTreeMap::new(),
            cache: "spoken".to_owned(),
        }
    }
}

/// How values and texts are said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechConf {
    /// The language of prompts that lie in no language's folder.
    pub language: Language,
    /// What speaks that nobody recorded.
    pub speaker: Option<Speaker>,
}

impl SpeechTable {
    pub(super) fn checked(self, file: &mut File<'_>, folder: &Path) -> SpeechConf {
        let language = Language::of(self.language.get_ref()).unwrap_or_else(|| {
            let known = Language::ALL.map(Language::tag).join(", ");
            let what =
                format!("{:?} is no language whose numbers can be said; write one of {known}", self.language.get_ref());
            file.problem(self.language.span(), what);
            Language::English
        });
        let mut speaker = None;
        if let Some(command) = self.command {
            let span = command.span();
            let one = Speaker { command: command.into_inner(), voices: self.voices, folder: folder.join(self.cache) };
            match one.fault() {
                _ if one.command.is_empty() => {
                    file.problem(span, "the command is empty; name a program, or take it out")
                }
                Some(fault) => file.problem(span, fault),
                None => speaker = Some(one),
            }
        }
        SpeechConf { language, speaker }
    }
}

/// Texts by prompt, then by language.
pub(super) type Texts = HashMap<String, BTreeMap<String, String>>;

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Usual(String),
    Languages(BTreeMap<String, String>),
}

/// Reads texts.toml.
pub(super) fn texts(file: &mut File<'_>, usual: Language) -> Texts {
    let mut texts = Texts::new();
    for entry in file.entries() {
        let (name, span) = (entry.name.clone(), entry.span.clone());
        let languages = match file.entry::<Text>(entry) {
            Some(Text::Usual(text)) => BTreeMap::from([(usual.tag().to_owned(), text)]),
            Some(Text::Languages(texts)) => texts,
            None => continue,
        };
        if languages.values().any(|text| text.trim().is_empty() || text.len() > TEXT_BYTES_MAX) {
            file.problem(
                span,
                format!("a text of {name} is empty, or longer than {TEXT_BYTES_MAX} bytes; write what is to be said"),
            );
            continue;
        }
        texts.insert(name, languages);
    }
    texts
}

/// A few minutes.
const TEXT_BYTES_MAX: usize = 4_000;
