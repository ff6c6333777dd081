//! What callers are told: prompts in the caller's language, one after another, with what is known of the caller between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audio::Sound;
use call::{Call, LANGUAGE};
use spoken::Kind;

use crate::Words;

/// A prompt, in every language it was recorded in.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// For callers whose language has none of its own.
    pub usual: Sound,
    /// By language.
    pub languages: BTreeMap<String, Sound>,
}

impl Spoken {
    /// The same in every language.
    pub fn only(sound: Sound) -> Spoken {
        Spoken { usual: sound, languages: BTreeMap::new() }
    }

    /// As this caller is told it.
    pub fn to(&self, call: &Call) -> &Sound {
        self.by(call.field(LANGUAGE))
    }

    /// Every recording there is of it.
    pub fn sounds(&self) -> impl Iterator<Item = &Sound> {
        self.languages.values().chain([&self.usual])
    }

    fn by(&self, language: Option<&str>) -> &Sound {
        language.and_then(|language| self.languages.get(language)).unwrap_or(&self.usual)
    }
}

/// A part of a phrase.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A prompt.
    Prompt(Spoken),
    /// The digits of a field, one by one.
    Digits {
        /// Which field.
        field: String,
        /// How each digit is said, from 0 to 9.
        digits: Box<[Spoken; 10]>,
    },
    /// What a field says, as people say it.
    Value {
        /// Which field.
        field: String,
        /// What it is.
        kind: Kind,
        /// What it is said with.
        words: Arc<Words>,
    },
}

/// What a caller is told in one breath.
#[derive(Clone, Debug)]
pub struct Phrase {
    pieces: Vec<Piece>,
    /// The whole of it, where it is the same for every caller of a language.
    fixed: Option<Spoken>,
}

impl Phrase {
    /// One piece after another.
    pub fn new(pieces: Vec<Piece>) -> Phrase {
        let prompts: Option<Vec<&Spoken>> = pieces.iter().map(prompt).collect();
        let fixed = prompts.map(|prompts| match prompts[..] {
            [one] => one.clone(),
            _ => joined(&prompts),
        });
        Phrase { pieces, fixed }
    }

    /// The same, for a single occasion: nothing is prepared.
    pub(crate) fn of_now(pieces: Vec<Piece>) -> Phrase {
        Phrase { pieces, fixed: None }
    }

    /// A sound.
    pub fn only(sound: Sound) -> Phrase {
        Phrase::new(vec![Piece::Prompt(Spoken::only(sound))])
    }

    /// As this caller is told it now.
    pub fn to(&self, call: &Call) -> Sound {
        self.with(call, |_| None)
    }

    /// The same, where some fields are of this moment only.
    pub fn with<'a>(&self, call: &'a Call, now: impl Fn(&str) -> Option<&'a str>) -> Sound {
        self.say(call.field(LANGUAGE), |field| now(field).or_else(|| call.field(field)))
    }

    /// As somebody is told it whose language is not known.
    pub fn usual<'a>(&self, fields: impl Fn(&str) -> Option<&'a str>) -> Sound {
        self.say(None, fields)
    }

    fn say<'a>(&self, language: Option<&str>, fields: impl Fn(&str) -> Option<&'a str>) -> Sound {
        if let Some(fixed) = &self.fixed {
            return fixed.by(language).clone();
        }
        let value = |field: &str| fields(field).unwrap_or_default();
        let mut sounds = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Prompt(prompt) => sounds.push(prompt.by(language)),
                Piece::Value { field, kind, words } => {
                    sounds.extend(words.say(*kind, value(field), language));
                }
                Piece::Digits { field, digits } => {
                    let value = value(field);
                    let letters = value.chars().take(DIGITS_MAX);
                    let digits = letters.filter_map(|letter| digits.get(letter.to_digit(10)? as usize));
                    sounds.extend(digits.map(|digit| digit.by(language)));
                }
            }
        }
        Sound::joined(sounds)
    }

    /// What it is made of, where that is the same for every caller of a language: to be encoded before it is played.
    pub fn sounds(&self) -> impl Iterator<Item = &Sound> {
        self.fixed.iter().flat_map(Spoken::sounds)
    }
}

/// Longer numbers are not said to their end.
const DIGITS_MAX: usize = 40;

fn prompt(piece: &Piece) -> Option<&Spoken> {
    match piece {
        Piece::Prompt(prompt) => Some(prompt),
        Piece::Digits { .. } | Piece::Value { .. } => None,
    }
}

/// Several prompts as one, in every language that one of them has.
fn joined(prompts: &[&Spoken]) -> Spoken {
    let languages: BTreeSet<&String> = prompts.iter().flat_map(|prompt| prompt.languages.keys()).collect();
    let by = |language: Option<&str>| Sound::joined(prompts.iter().map(|prompt| prompt.by(language)));
    let languages = languages.into_iter().map(|language| (language.clone(), by(Some(language)))).collect();
    Spoken { usual: by(None), languages }
}
