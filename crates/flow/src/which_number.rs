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
