//! The lines a description has at either level: of the whole session, and of one medium (RFC 4566 §5).

use std::fmt;

use crate::{Address, Direction};

/// A session-level or media-level section without its first lines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Section {
    /// Where media is to be sent. A second `c=` in one section is not read.
    pub address: Option<Address>,
    /// `a=` lines, known or not, in order.
    pub attributes: Vec<Attribute>,
    /// All other lines, in order: times, bandwidth, contacts and what the future brings.
    pub lines: Vec<Line>,
}

/// One `a=` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    /// What stands before the colon.
    pub name: String,
    /// What stands after it; `None` where there is no colon.
    pub value: Option<String>,
}

/// One line of another letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The letter before the `=`.
    pub letter: char,
    /// What stands after it.
    pub value: String,
}

impl Section {
    /// The value of the first attribute of a name; empty for one without a value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.value())
    }

    /// The values of all attributes of a name.
    pub fn attributes<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes.iter().filter(move |attribute| attribute.name == name).map(Attribute::value)
    }

    /// The direction written at this level. If there are several, the last word counts.
    pub fn direction(&self) -> Option<Direction> {
        self.attributes.iter().rev().find_map(|attribute| Direction::from_name(&attribute.name))
    }

    /// The values of all lines of a letter.
    pub fn lines(&self, letter: char) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(move |line| line.letter == letter).map(|line| line.value.as_str())
    }

    /// Adds an attribute; for building.
    pub fn push(&mut self, name: &str, value: impl fmt::Display) {
        self.attributes.push(Attribute { name: name.to_owned(), value: Some(value.to_string()) });
    }

    /// Adds an attribute that has no value; for building.
    pub fn push_flag(&mut self, name: &str) {
        self.attributes.push(Attribute { name: name.to_owned(), value: None });
    }

    /// Takes a line as read.
    pub(crate) fn take(&mut self, letter: char, value: &str) {
        match letter {
            'a' => self.attributes.push(Attribute::parse(value)),
            'c' => drop(self.address.get_or_insert_with(|| Address::parse(value))),
            _ => self.lines.push(Line { letter, value: value.to_owned() }),
        }
    }
}

impl Attribute {
    fn parse(text: &str) -> Attribute {
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        Attribute { name: name.to_owned(), value }
    }

    fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}

/// In the order of RFC 4566 §5: what describes, the address, bandwidth and times, attributes.
impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest): (Vec<&Line>, Vec<&Line>) =
            self.lines.iter().partition(|line| matches!(line.letter, 'i' | 'u' | 'e' | 'p'));
        first.iter().try_for_each(|line| write!(f, "{}={}\r\n", line.letter, line.value))?;
        if let Some(address) = &self.address {
            write!(f, "c={address}\r\n")?;
        }
        rest.iter().try_for_each(|line| write!(f, "{}={}\r\n", line.letter, line.value))?;
        self.attributes.iter().try_for_each(|attribute| match &attribute.value {
            Some(value) => write!(f, "a={}:{value}\r\n", attribute.name),
            None => write!(f, "a={}\r\n", attribute.name),
        })
    }
}
