//! One TOML file of the conf, read so that every error in it is found and not only the first.
//!
//! Where it stands: the readers of people, trunks, routes and so on take their entries from here one by one, and say
//! here what they dislike about them. An entry that cannot be read is a problem; the others are still looked at.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::Problem;

/// A file as it was read.
pub(super) struct Source {
    path: PathBuf,
    text: String,
    unreadable: Option<Problem>,
}

/// A file's text, and what was found wrong with it.
pub(super) struct File<'a> {
    path: &'a Path,
    text: &'a str,
    problems: Vec<Problem>,
}

/// A named table of a file, as yet unread.
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) span: Range<usize>,
    value: Spanned<DeValue<'a>>,
}

impl Source {
    /// Reads `name` in the conf folder. A file that is not there is empty.
    pub(super) fn read(folder: &Path, name: &str) -> Source {
        let path = folder.join(name);
        let (text, unreadable) = match fs::read_to_string(&path) {
            Ok(text) => (text, None),
            Err(why) if why.kind() == ErrorKind::NotFound => (String::new(), None),
            Err(why) => {
                let what = format!("cannot be read ({why}); make it a UTF-8 text file the switch may read");
                (String::new(), Some(Problem::of_file(&path, what)))
            }
        };
        Source { path, text, unreadable }
    }

    pub(super) fn file(&self) -> File<'_> {
        File { path: &self.path, text: &self.text, problems: self.unreadable.iter().cloned().collect() }
    }
}

impl<'a> File<'a> {
    /// The file's top-level keys in the order of the text. Syntax errors become problems.
    pub(super) fn entries(&mut self) -> Vec<Entry<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            self.problem(error.span().unwrap_or_default(), error.message());
        }
        in_order(table.into_inner())
    }

    /// The whole file as one table.
    pub(super) fn whole<T: DeserializeOwned>(&mut self) -> Option<T> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.problem(error.span().unwrap_or_default(), error.message());
        }
        let value = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        self.entry(Entry { name: String::new(), span: 0..0, value })
    }

    /// Reads an entry as a `T`; if it is none, that is a problem.
    pub(super) fn entry<T: DeserializeOwned>(&mut self, entry: Entry<'a>) -> Option<T> {
        let whole = entry.span.clone();
        match T::deserialize(entry.value.into_deserializer()) {
            Ok(value) => Some(value),
            Err(why) => {
                let span = why.span().filter(|span| !span.is_empty()).unwrap_or(whole);
                self.problem(span, why.message());
                None
            }
        }
    }

    /// Is nothing wrong so far? What follows from an error need not be told beside it.
    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// Notes a problem at a place in this file.
    pub(super) fn problem(&mut self, span: Range<usize>, what: impl Into<String>) {
        self.problems.push(Problem::at(self.path, self.text, span, what));
    }

    /// Reads a value's text as what it stands for; a wrong one is a problem.
    pub(super) fn parse<T>(&mut self, text: &Spanned<String>) -> Option<T>
    where
        T: std::str::FromStr<Err = String>,
    {
        text.get_ref().parse().map_err(|what: String| self.problem(text.span(), what)).ok()
    }

    /// Is this a name: lower-case letters, digits, dashes, dots? Names become part of SIP addresses and file names.
    pub(super) fn check_name(&mut self, entry: &Entry<'_>) -> bool {
        let right = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
        let name = &entry.name;
        let is_name = !name.is_empty() && name.len() <= 40 && !name.starts_with('.') && name.chars().all(right);
        if !is_name {
            let what = format!("{name:?} is no name; write up to 40 lower-case letters, digits, dashes and dots");
            self.problem(entry.span.clone(), what);
        }
        is_name
    }

    /// All problems of this file, as they stand in it.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.place);
        self.problems
    }
}

impl<'a> Entry<'a> {
    /// The first of these keys that the table has.
    pub(super) fn has<'b>(&self, keys: &[&'b str]) -> Option<&'b str> {
        let DeValue::Table(table) = self.value.get_ref() else { return None };
        keys.iter().copied().find(|key| table.keys().any(|has| has.get_ref() == key))
    }

    /// The tables of an array of tables (`[[route]]`), or of a table of tables (`[group.sales]`).
    pub(super) fn children(self) -> Vec<Entry<'a>> {
        let name = self.name;
        match self.value.into_inner() {
            DeValue::Array(values) => {
                values.into_iter().map(|value| Entry { name: name.clone(), span: value.span(), value }).collect()
            }
            DeValue::Table(table) => in_order(table),
            _ => Vec::new(),
        }
    }
}

fn in_order(table: DeTable<'_>) -> Vec<Entry<'_>> {
    let entry = |(key, value): (Spanned<DeString<'_>>, _)| (key.get_ref().to_string(), key.span(), value);
    let mut entries: Vec<Entry<'_>> =
        table.into_iter().map(entry).map(|(name, span, value)| Entry { name, span, value }).collect();
    entries.sort_by_key(|entry| entry.span.start);
    entries
}
