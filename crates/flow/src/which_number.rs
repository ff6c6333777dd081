//! What somebody is asked who wants to be called back: is it that number, and else which? The number he gives is said back to him
//! before it counts.
//!
//! Where it stands: `queue` plays what is asked and listens; here is what an answer leads to.

use crate::CallBackConf;

/// What he is asked just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Is it that one? `own`: it is the one he calls from.
    IsIt { number: String, own: bool },
    /// Which is it? So much of it he has given, and so often it was none we may call.
    Which { keys: String, misses: u8 },
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Ask that.
    Ask(Asked),
    /// Hear on.
    Listen(Asked),
    /// He is called back there.
    Agreed { number: String, own: bool },
    /// He waits on.
    Never,
}

impl Asked {
    /// Another number, from the beginning.
    pub(crate) fn which() -> Asked {
        Asked::Which { keys: String::new(), misses: 0 }
    }

    /// He pressed a key.
    pub(crate) fn key(self, key: char, conf: &CallBackConf) -> Then {
        match self {
            Asked::IsIt { number, own } if key == YES => Then::Agreed { number, own },
            Asked::IsIt { .. } if key == OTHER && conf.other.is_some() => Then::Ask(Asked::which()),
            Asked::IsIt { .. } => Then::Never,
            Asked::Which { keys, misses } if key == '#' => complete(keys, misses, conf),
            Asked::Which { misses, .. } if key == '*' => Then::Ask(Asked::Which { keys: String::new(), misses }),
            Asked::Which { mut keys, misses } => {
                keys.push(key);
                match keys.len() < KEYS_MAX {
                    true => Then::Listen(Asked::Which { keys, misses }),
                    false => complete(keys, misses, conf),
                }
            }
        }
    }

    /// He pressed none for a while.
    pub(crate) fn no_key(self, conf: &CallBackConf) -> Then {
        match self {
            Asked::IsIt { .. } => Then::Never,
            Asked::Which { keys, .. } if keys.is_empty() => Then::Never,
            Asked::Which { keys, misses } => complete(keys, misses, conf),
        }
    }
}

fn complete(number: String, misses: u8, conf: &CallBackConf) -> Then {
    let may = conf.other.as_ref().is_some_and(|other| other.numbers.iter().any(|one| one.matches(&number)));
    match may && !number.is_empty() {
        true => Then::Ask(Asked::IsIt { number, own: false }),
        false if misses < MISSES_MAX => Then::Ask(Asked::Which { keys: String::new(), misses: misses + 1 }),
        false => Then::Never,
    }
}

/// The key that says that a number is right, and the one that says that it is another.
const YES: char = '1';
const OTHER: char = '2';
/// No number is longer.
const KEYS_MAX: usize = 20;
/// Who has given so many numbers that may not be called waits on.
const MISSES_MAX: u8 = 2;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use audio::Sound;

    use super::*;
    use crate::{OtherNumberConf, Phrase};

    fn conf(numbers: &[&str]) -> CallBackConf {
        let phrase = Phrase::only(Sound::from_pcm(audio::silence(20)));
        let numbers: Vec<_> = numbers.iter().map(|text| text.parse().expect("a pattern")).collect();
        let second = Duration::from_secs(1);
        CallBackConf {
            key: '5',
            confirm: phrase.clone(),
            other: (!numbers.is_empty()).then(|| OtherNumberConf { ask: phrase, numbers }),
            offer: None,
            offer_after: second,
            then: None,
            trunk: None,
            hours: None,
            first: acd::First::default(),
            dial: second,
            retry: second,
            tries: 1,
            stands: second,
        }
    }

    /// What he is asked, and agrees to, who presses these keys; a space is a pause. A `?` says that he is asked anew.
    fn told(keys: &str, conf: &CallBackConf) -> String {
        let mut asked = Asked::IsIt { number: "own".to_owned(), own: true };
        let mut told = String::new();
        for key in keys.chars() {
            let then = match key {
                ' ' => asked.clone().no_key(conf),
                key => asked.clone().key(key, conf),
            };
            asked = match then {
                Then::Ask(Asked::IsIt { number, own }) => {
                    told += &format!("{number}! ");
                    Asked::IsIt { number, own }
                }
                Then::Ask(which) => {
                    told += "? ";
                    which
                }
                Then::Listen(which) => which,
                Then::Agreed { number, own } => return format!("{told}{number} {}", if own { "own" } else { "other" }),
                Then::Never => return told + "no",
            };
        }
        told + "…"
    }

    #[test]
    fn the_number_is_the_one_he_has_said_is_right() {
        let (none, some) = (conf(&[]), conf(&["09*", "+385*"]));
        for (keys, conf, wanted) in [
            ("1", &none, "own own"),
            ("2", &none, "no"),
            (" ", &none, "no"),
            ("7", &some, "no"),
            ("2091#1", &some, "? 091! 091 other"),
            ("2091 1", &some, "? 091! 091 other"),
            ("2091#2092#1", &some, "? 091! ? 092! 092 other"),
            ("2091#7", &some, "? 091! no"),
            ("2 ", &some, "? no"),
            ("208*091#1", &some, "? ? 091! 091 other"),
            ("2#", &some, "? ? …"),
            ("2061#062#063#", &some, "? ? ? no"),
            ("209123456789012345678901", &some, "? 09123456789012345678! no"),
        ] {
            assert_eq!(told(keys, conf), wanted, "{keys:?}");
        }
    }
}
