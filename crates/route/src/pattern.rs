//! Which numbers are meant: one, a shape, or all that begin so.

use std::fmt;
use std::str::FromStr;

/// A number (`600`), a shape of numbers (`2??`: three letters, the first a 2), or all that begin so (`9*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    begin: String,
    /// More may follow.
    open: bool,
}

impl Pattern {
    /// Is this number meant?
    pub fn matches(&self, number: &str) -> bool {
        let mut letters = number.chars();
        let begins = self.begin.chars().all(|wanted| letters.next().is_some_and(|is| wanted == '?' || wanted == is));
        begins && (self.open || letters.next().is_none())
    }

    /// The one number that is meant, if it is only one.
    pub fn exact(&self) -> Option<&str> {
        (!self.open && !self.begin.contains('?')).then_some(&self.begin)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Pattern, String> {
        let (begin, open) = text.strip_suffix('*').map_or((text, false), |begin| (begin, true));
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "+-._#?*".contains(letter);
        if !begin.chars().all(allowed) || (begin.is_empty() && !open) {
            return Err(format!(
                "{text:?} is no number; write one such as \"600\", a shape such as \"2??\", or a beginning and a star: \
                 \"9*\""
            ));
        }
        Ok(Pattern { begin: begin.to_owned(), open })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.begin, if self.open { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_number_its_shape_or_its_beginning() {
        for (pattern, meant, others) in [
            ("600", &["600"][..], &["6000", "60", ""][..]),
            ("9*", &["9", "9123"], &["8", ""]),
            ("*", &["", "1"], &[]),
            ("2??", &["200", "2ab"], &["20", "2000", "300"]),
            ("2?*", &["20", "2000"], &["2"]),
            ("*81*", &["*81", "*81201"], &["81", "*8"]),
            ("*97", &["*97"], &["97", "097"]),
        ] {
            let read: Pattern = pattern.parse().expect("a pattern");
            assert_eq!(read.to_string(), pattern);
            assert!(meant.iter().all(|number| read.matches(number)), "{pattern}");
            assert!(!others.iter().any(|number| read.matches(number)), "{pattern}");
        }
        for bad in ["", "6 0", "a;b"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }
}
