//! What a person wants of the calls to him, as a key or a command says it.

use std::fmt;
use std::str::FromStr;

/// What a person wants of the calls to him.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// Not to be disturbed, or to be again.
    Quiet(bool),
    /// Calls go to a number instead.
    Forward(Case),
    /// They do not any more, none of them.
    ForwardNone,
    /// To be rung when the person dialled is free, or nobody is.
    WhenFree(bool),
}

/// Which calls go elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Case {
    /// All.
    Always,
    /// Those that find him busy.
    Busy,
    /// Those that nobody answers, or that find no phone.
    NoAnswer,
}

/// As the conf and commands write them.
const WORDS: [(&str, Wish); 8] = [
    ("dnd", Wish::Quiet(true)),
    ("dnd:off", Wish::Quiet(false)),
    ("forward:always", Wish::Forward(Case::Always)),
    ("forward:busy", Wish::Forward(Case::Busy)),
    ("forward:no-answer", Wish::Forward(Case::NoAnswer)),
    ("forward:off", Wish::ForwardNone),
    ("when-free", Wish::WhenFree(true)),
    ("when-free:off", Wish::WhenFree(false)),
];

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Wish, String> {
        let found = WORDS.iter().find(|(word, _)| *word == text).map(|(_, wish)| *wish);
        found.ok_or_else(|| format!("{text:?} is no wish; write {}", WORDS.map(|(word, _)| word).join(", ")))
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WORDS.iter().find(|(_, wish)| wish == self).map_or("", |(word, _)| word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_has_a_word() {
        for (word, wish) in WORDS {
            assert_eq!((word.parse(), wish.to_string().as_str()), (Ok(wish), word));
        }
        assert!("forward".parse::<Wish>().is_err());
    }
}
