//! Lines and fields of a message's head: where they begin and end.
//!
//! Where it stands: under the scanner and the framer. CRLF is the rule (RFC 3261 §7); a bare LF is understood.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use crate::text::{is_blank, is_token_byte, split_while, trim, trim_start};

/// Where a head ends and its body begins.
pub struct HeadEnd {
    /// Just after the last header line.
    pub head: usize,
    /// Just after the empty line.
    pub body: usize,
}

/// Finds the empty line, looking from `from` on; all before it is known to hold none.
pub fn head_end(bytes: &[u8], from: usize) -> Option<HeadEnd> {
    let from = from.min(bytes.len());
    memchr_iter(b'\n', &bytes[from..]).find_map(|at| {
        let head = from + at + 1;
        match bytes.get(head..)? {
            [b'\r', b'\n', ..] => Some(HeadEnd { head, body: head + 2 }),
            [b'\n', ..] => Some(HeadEnd { head, body: head + 1 }),
            _ => None,
        }
    })
}

/// How many bytes of empty lines stand before a message (RFC 3261 §7.5).
pub fn skip_empty_lines(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()
}

/// Is there a CR that ends no line?
pub fn has_bare_cr(head: &[u8]) -> bool {
    memchr_iter(b'\r', head).any(|at| head.get(at + 1) != Some(&b'\n'))
}

/// The first line without its end, and what follows it.
pub fn line(text: &str) -> (&str, &str) {
    let (line, rest) = match memchr(b'\n', text.as_bytes()) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    (line.strip_suffix('\r').unwrap_or(line), rest)
}

/// Cuts a head into header fields; a line that begins with a blank belongs to the one before (RFC 3261 §7.3.1).
pub struct Fields<'a>(pub &'a str);

/// One header field: `Name: value`.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// All of it, folds included.
    pub text: &'a str,
    folded: bool,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;
    fn next(&mut self) -> Option<Field<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = self.0.as_bytes();
        let (mut end, mut folded) = (0, false);
        loop {
            end = memchr(b'\n', &bytes[end..]).map_or(bytes.len(), |at| end + at + 1);
            if !bytes.get(end).copied().is_some_and(is_blank) {
                break;
            }
            folded = true;
        }
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        let text = text.strip_suffix('\n').unwrap_or(text);
        Some(Field { text: text.strip_suffix('\r').unwrap_or(text), folded })
    }
}

impl<'a> Field<'a> {
    /// Name and value, unfolded and without the blanks around them. `None`: this is no header field.
    pub fn name_and_value(self) -> Option<(&'a str, Cow<'a, str>)> {
        let (name, rest) = split_while(self.text, is_token_byte);
        let value = trim_start(rest).strip_prefix(':').filter(|_| !name.is_empty())?;
        Some((name, if self.folded { unfold(value).into() } else { trim(value).into() }))
    }
}

fn unfold(value: &str) -> String {
    let lines = value.split('\n').map(|line| trim(line.strip_suffix('\r').unwrap_or(line)));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_trimmed() {
        let text = "To :\r\n <sip:a>\r\n\t;tag=1\r\nSubject:\nX-Y: :z \r\nbad line\r\n";
        let fields: Vec<_> =
            Fields(text).map(|field| field.name_and_value().map(|(name, value)| format!("{name}|{value}"))).collect();
        let want = [Some("To|<sip:a> ;tag=1"), Some("Subject|"), Some("X-Y|:z"), None];
        assert_eq!(fields, want.map(|field| field.map(str::to_owned)));
    }

    #[test]
    fn a_head_ends_at_the_first_empty_line() {
        for (bytes, want) in [
            ("a\r\n\r\nb", Some((3, 5))),
            ("a\n\nb", Some((2, 3))),
            ("a\r\n\nb", Some((3, 4))),
            ("a\r\nb\r\n", None),
            ("a\r\n\r", None),
            ("", None),
        ] {
            assert_eq!(head_end(bytes.as_bytes(), 0).map(|end| (end.head, end.body)), want, "{bytes:?}");
        }
    }
}
