//! Small steps through header text, byte by byte: blanks, tokens, quotes, cuts (RFC 3261 §25.1).
//!
//! Where it stands: under the grammars of this room. Values are short, so plain loops beat searching with patterns.

use std::borrow::Cow;

/// RFC 3261 §25.1 token.
const TOKEN: u8 = 1;
/// A host name, and the underscore that is met in the field.
const HOST: u8 = 2;
/// Anywhere in a URI: no blank, control, bracket of addresses or quote (RFC 3986 §2).
const URI: u8 = 4;
/// An unquoted parameter value: a token, a host or an address in brackets; more is let through, for instance `:` and
/// `/`, as phones write it.
const VALUE: u8 = 8;

static KINDS: [u8; 256] = {
    let mut kinds = [URI | VALUE; 256];
    let mut byte = 0;
    while byte < 128 {
        let letter = byte as u8;
        kinds[byte] = match letter {
            0..=b' ' | b'<' | b'>' | b'"' | 0x7f => 0,
            b'-' | b'.' | b'_' => TOKEN | HOST | URI | VALUE,
            b'!' | b'%' | b'*' | b'+' | b'`' | b'\'' | b'~' => TOKEN | URI | VALUE,
            b';' | b',' => URI,
            _ if letter.is_ascii_alphanumeric() => TOKEN | HOST | URI | VALUE,
            _ => URI | VALUE,
        };
        byte += 1;
    }
    kinds
};

#[inline]
pub fn is_token_byte(byte: u8) -> bool {
    KINDS[usize::from(byte)] & TOKEN != 0
}

#[inline]
pub fn is_host_byte(byte: u8) -> bool {
    KINDS[usize::from(byte)] & HOST != 0
}

#[inline]
pub fn is_uri_byte(byte: u8) -> bool {
    KINDS[usize::from(byte)] & URI != 0
}

#[inline]
pub fn is_value_byte(byte: u8) -> bool {
    KINDS[usize::from(byte)] & VALUE != 0
}

#[inline]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

#[inline]
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Where an ASCII byte first stands.
#[inline]
pub fn position(text: &str, byte: u8) -> Option<usize> {
    text.as_bytes().iter().position(|b| *b == byte)
}

/// What stands before and after an ASCII byte.
#[inline]
pub fn cut(text: &str, byte: u8) -> Option<(&str, &str)> {
    position(text, byte).map(|at| (&text[..at], &text[at + 1..]))
}

/// Splits where the first byte is not of the kind; the kind must be of ASCII.
#[inline]
pub fn split_while(text: &str, kind: impl Fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().position(|b| !kind(b)).unwrap_or(text.len()))
}

/// Without the blanks before it.
#[inline]
pub fn trim_start(text: &str) -> &str {
    split_while(text, is_blank).1
}

/// Without the blanks after it.
#[inline]
pub fn trim_end(text: &str) -> &str {
    let end = text.bytes().rposition(|b| !is_blank(b)).map_or(0, |at| at + 1);
    &text[..end]
}

/// Without the blanks around it.
#[inline]
pub fn trim(text: &str) -> &str {
    trim_end(trim_start(text))
}

/// A decimal number of digits only; too large ones are none.
#[inline]
pub fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Length of the quoted string at the head of the text, quotes included; `None` if it does not end.
pub fn quoted_len(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => _ = bytes.next()?,
            _ => {}
        }
    }
    None
}

/// Cuts a list at its commas, but not at those in quotes or in `<>`. Elements come without blanks and may be empty.
pub fn elements(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = comma(text);
        rest = end.map(|at| &text[at + 1..]);
        Some(trim(&text[..end.unwrap_or(text.len())]))
    })
}

fn comma(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|b| matches!(b, b',' | b'"' | b'<'))?;
        at += match bytes[at] {
            b',' => return Some(at),
            b'"' => quoted_len(&text[at..])?,
            _ => position(&text[at..], b'>')? + 1,
        };
    }
}

/// Takes quotes and backslashes away; text without quotes is left as it is.
pub fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.into() };
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut plain = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain.into()
}

/// Puts text into quotes (RFC 3261 §25.1 quoted-string); line breaks, which not even a backslash may hold, become
/// blanks.
///
/// ```
/// assert_eq!(sip::quote(r#"the "best" desk"#), r#""the \"best\" desk""#);
/// ```
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\r' | '\n' => quoted.push(' '),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_and_quotes_are_found_to_their_end() {
        assert_eq!((trim(" \ta b\t "), trim("  "), trim_end("a ")), ("a b", "", "a"));
        for (text, len) in
            [("\"a\"b", Some(3)), ("\"\\\"\"", Some(4)), ("\"\\\\\"\"", Some(4)), ("\"a", None), ("\"\\", None)]
        {
            assert_eq!(quoted_len(text), len, "{text}");
        }
        for text in ["", "a", "\"", "\\", "Jörg \"J\" \\o/"] {
            assert_eq!(unquote(&quote(text)), text);
        }
    }

    #[test]
    fn lists_are_cut_outside_quotes_and_brackets() {
        for (list, want) in [
            ("a", vec!["a"]),
            ("", vec![""]),
            ("a, b ,c", vec!["a", "b", "c"]),
            ("\"x,\\\",y\" <sip:a,b@c>;d=\",\", <e>", vec!["\"x,\\\",y\" <sip:a,b@c>;d=\",\"", "<e>"]),
            ("a,,b,", vec!["a", "", "b", ""]),
            ("\"open, b", vec!["\"open, b"]),
            ("<open, b", vec!["<open, b"]),
        ] {
            assert_eq!(elements(list).collect::<Vec<_>>(), want, "{list}");
        }
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(
            (digits("0070"), digits("+7"), digits(""), digits("18446744073709551616")),
            (Some(70), None, None, None)
        );
    }
}
