//! The words values are said with, as they sound.

use std::collections::{BTreeMap, HashMap};

use audio::Sound;
use spoken::{Kind, Language};

/// A language's words.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// Whose grammar it is.
    pub language: Language,
    /// How each word sounds.
    pub sounds: HashMap<&'static str, Sound>,
}

/// The words of a kind of values, in every language there are any in.
#[derive(Clone, Debug)]
pub struct Words {
    /// For callers whose language has none.
    pub usual: Vocabulary,
    /// By language.
    pub languages: BTreeMap<String, Vocabulary>,
}

impl Words {
    /// How a value sounds in that language.
    pub(crate) fn say(&self, kind: Kind, value: &str, language: Option<&str>) -> Vec<&Sound> {
        let vocabulary = language.and_then(|language| self.languages.get(language)).unwrap_or(&self.usual);
        let words = kind.say(value, vocabulary.language).into_iter();
        words.filter_map(|word| vocabulary.sounds.get(word)).collect()
    }
}
