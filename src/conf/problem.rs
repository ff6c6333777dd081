//! What is wrong with the conf, where, and what to do about it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One error in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line and column, counted from 1; none where the whole file is meant.
    pub place: Option<(usize, usize)>,
    /// What is wrong and what to do.
    pub what: String,
}

impl Problem {
    /// A problem of the whole file.
    pub fn of_file(file: &Path, what: impl Into<String>) -> Problem {
        Problem { file: file.to_owned(), place: None, what: what.into() }
    }

    /// A problem at a place in its text.
    pub fn at(file: &Path, text: &str, span: Range<usize>, what: impl Into<String>) -> Problem {
        Problem { file: file.to_owned(), place: Some(line_and_column(text, span.start)), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file.display(), self.what),
            None => write!(f, "{}: {}", self.file.display(), self.what),
        }
    }
}

/// Every error of a conf folder; never empty.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one() {
        for (at, place) in [(0, (1, 1)), (1, (1, 2)), (3, (2, 1)), (5, (2, 2)), (99, (2, 3))] {
            assert_eq!(line_and_column("ab\nšc", at), place, "{at}");
        }
    }
}
