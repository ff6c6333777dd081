//! Text in XML documents: what a stranger chose must not become markup.

use std::fmt;

/// Prints text as character data, fit for attributes too; what XML 1.0 §2.2 forbids becomes U+FFFD.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_special) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            let mut letters = special.chars();
            f.write_str(match letters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\'') => "&apos;",
                _ => "\u{fffd}",
            })?;
            rest = letters.as_str();
        }
        f.write_str(rest)
    }
}

fn is_special(letter: char) -> bool {
    matches!(letter, '&' | '<' | '>' | '"' | '\'' | '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        for (text, printed) in [
            ("Ann", "Ann"),
            ("", ""),
            ("<b a=\"1\">&'", "&lt;b a=&quot;1&quot;&gt;&amp;&apos;"),
            ("Zoë 東", "Zoë 東"),
            ("a\0b\u{1b}\u{ffff}", "a\u{fffd}b\u{fffd}\u{fffd}"),
            ("]]>", "]]&gt;"),
        ] {
            assert_eq!(Escaped(text).to_string(), printed);
        }
    }
}
