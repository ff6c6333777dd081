//! The words numbers, dates and amounts are said with: `conf/prompts/say-WORD.wav`, and `conf/prompts/LANGUAGE/say-WORD.wav`.
//!
//! Where it stands: `names` asks for them when a phrase has a value in it. Words nobody recorded are spoken; where nothing
//! speaks, half a vocabulary is a problem of the conf: no caller hears a gap.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Vocabulary, Words};
use spoken::{Kind, Language, slug};

use super::prompts::Reader;
use super::sound_file::sound;

impl Reader<'_> {
    /// The words of a kind of values; the error says what to do.
    pub(super) fn words(&mut self, kind: Kind) -> Result<Arc<Words>, String> {
        if let Some(words) = self.words.get(&kind) {
            return Ok(words.clone());
        }
        let usual = self.speech.language;
        let usual = self.vocabulary(kind, usual, usual.tag(), &self.folder)?.ok_or_else(|| {
            let all: Vec<_> = kind.pieces(usual).into_iter().map(|word| self.folder.join(file(word))).collect();
            lacks(kind, usual, &all)
        })?;
        let mut languages = BTreeMap::new();
        for tag in &self.languages {
            let Some(language) = Language::of(tag) else { continue };
            let vocabulary = self.vocabulary(kind, language, tag, &self.folder.join(tag))?;
            languages.extend(vocabulary.map(|vocabulary| (tag.clone(), vocabulary)));
        }
        Ok(self.words.entry(kind).or_insert(Arc::new(Words { usual, languages })).clone())
    }

    /// None, where nothing of it was recorded, and nothing speaks.
    fn vocabulary(
        &self,
        kind: Kind,
        language: Language,
        tag: &str,
        folder: &Path,
    ) -> Result<Option<Vocabulary>, String> {
        let mut sounds = HashMap::new();
        let mut missing = Vec::new();
        for word in kind.pieces(language) {
            let path = folder.join(file(word));
            match path.exists() {
                true => drop(sounds.insert(word, sound(&path)?)),
                false => missing.push(word),
            }
        }
        if let Some(speaker) = &self.speech.speaker {
            sounds.extend(missing.iter().copied().zip(speaker.speak_all(&missing, tag)?));
            missing.clear();
        }
        match (sounds.is_empty(), missing.is_empty()) {
            (false, true) => Ok(Some(Vocabulary { language, sounds })),
            (true, _) => Ok(None),
            (false, false) => {
                let missing: Vec<_> = missing.into_iter().map(|word| folder.join(file(word))).collect();
                Err(lacks(kind, language, &missing))
            }
        }
    }
}

/// Where a word's recording is.
fn file(word: &str) -> String {
    format!("say-{}.wav", slug(word))
}

fn lacks(kind: Kind, language: Language, missing: &[PathBuf]) -> String {
    let shown: Vec<String> = missing.iter().take(3).map(|path| path.display().to_string()).collect();
    let tag = language.tag();
    format!(
        "{kind} cannot be said in the language {tag}: {} recordings are not there ({} …); `centrala flow words {kind} {tag}` \
         lists all words; record them, or name a command that speaks in [speech] of switch.toml",
        missing.len(),
        shown.join(", ")
    )
}
