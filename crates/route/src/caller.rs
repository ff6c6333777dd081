//! Who calls, as far as routing cares, and what a route asks of it.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use crate::Pattern;

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who, as a password or a trunk's address has proven.
    pub from: From,
    /// The number shown; `anonymous` where the caller wants it so. It proves nothing.
    pub number: String,
}

impl Caller {
    /// One of ours.
    pub fn person(account: &str) -> Caller {
        Caller { from: From::Person(account.to_owned()), number: account.to_owned() }
    }
}

/// By what way somebody calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// One of ours, by account.
    Person(String),
    /// A stranger who came through this trunk.
    Trunk(String),
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            From::Person(name) => write!(f, "person:{name}"),
            From::Trunk(name) => write!(f, "trunk:{name}"),
        }
    }
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<From, String> {
        match text.split_once(':') {
            Some(("person", name)) if !name.is_empty() => Ok(From::Person(name.to_owned())),
            Some(("trunk", name)) if !name.is_empty() => Ok(From::Trunk(name.to_owned())),
            _ => Err(format!("{text:?} is no caller; write person:NAME or trunk:NAME")),
        }
    }
}

/// Numbers callers show: a few, or a list of thousands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    exact: HashSet<String>,
    patterns: Vec<Pattern>,
}

impl Numbers {
    /// Is it one of them?
    pub fn have(&self, number: &str) -> bool {
        self.exact.contains(number) || self.patterns.iter().any(|pattern| pattern.matches(number))
    }
}

impl FromIterator<Pattern> for Numbers {
    fn from_iter<T: IntoIterator<Item = Pattern>>(patterns: T) -> Numbers {
        let mut numbers = Numbers::default();
        for pattern in patterns {
            match pattern.exact() {
                Some(exact) => drop(numbers.exact.insert(exact.to_owned())),
                None => numbers.patterns.push(pattern),
            }
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_whole_or_by_their_pattern() {
        let pattern = |text: &str| text.parse::<Pattern>().expect("a pattern");
        let numbers: Numbers = ["+385911", "+4477*", "anonymous", "2??"].into_iter().map(pattern).collect();
        for number in ["+385911", "+44771", "+4477", "anonymous", "299"] {
            assert!(numbers.have(number), "{number}");
        }
        for number in ["", "+38591", "+3859111", "+447", "29", "2999"] {
            assert!(!numbers.have(number), "{number}");
        }
    }
}
