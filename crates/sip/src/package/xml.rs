//! Text in XML documents: what a stranger chose must not become markup; and what a stranger's document says.

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

/// An element as it begins: its name without prefix, and the text up to the next markup.
pub struct Element<'a> {
    /// The name, without its prefix.
    pub name: &'a str,
    /// The text after it, with its references.
    pub text: &'a str,
}

/// The elements of a document in the order of their beginning, whatever they stand in. It is no judge of documents: what
/// it cannot make out it passes over.
pub fn elements(document: &str) -> impl Iterator<Item = Element<'_>> {
    document.split('<').skip(1).filter_map(|piece| {
        let (tag, text) = piece.split_once('>')?;
        let name = tag.split(|letter: char| letter.is_whitespace() || letter == '/').next()?;
        let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
        (!name.is_empty() && !name.starts_with(['?', '!'])).then_some(Element { name, text: text.trim() })
    })
}

/// Text without its references (XML 1.0 §4.6), those to letters by number left out.
pub fn plain(text: &str) -> String {
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    known.iter().fold(text.to_owned(), |text, (reference, letter)| text.replace(reference, letter))
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

    #[test]
    fn elements_are_found_whatever_their_prefix() {
        let document = "<?xml version=\"1.0\"?><!-- x --><p:presence a=\"b\">\r\n<basic> open </basic><r:away/><note>a &lt; b &amp;amp;</note>";
        let found: Vec<_> = elements(document).map(|element| (element.name, element.text)).collect();
        assert_eq!(found, [("presence", ""), ("basic", "open"), ("away", ""), ("note", "a &lt; b &amp;amp;")]);
        assert_eq!(plain("a &lt; b &amp;amp;"), "a < b &amp;");
        assert_eq!(elements("<<>< a><").count(), 0);
    }
}
