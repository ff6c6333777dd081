//! The address of From, To, Contact, Route and their kin: `"Display" <uri>;params` or `uri;params` (RFC 3261 §20.10).
//!
//! Where it stands: headers hold text; this is the view one reads and the pen one writes with. The URI inside stays
//! text, byte for byte ([`crate::Uri`] reads it where its parts matter).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use memchr::memchr;

use crate::text::{
    cut, is_blank, is_token_byte, is_value_byte, quote, quoted_len, split_while, trim, trim_end, trim_start, unquote,
};
use crate::uri;

/// A display name, a URI and header parameters.
///
/// ```
/// let from: sip::NameAddr = "\"Ann\" <sip:ann@example.com;transport=tcp>;tag=1".parse().unwrap();
/// assert_eq!(from.display.as_deref(), Some("Ann"));
/// assert_eq!(from.uri, "sip:ann@example.com;transport=tcp");
/// assert_eq!(from.tag(), Some("1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// What a phone shows, without its quotes and escapes.
    pub display: Option<String>,
    /// The URI, as it was written.
    pub uri: String,
    /// Parameters of the header, not of the URI.
    pub params: Params,
}

/// `;name=value` parameters in order; names are found in any case.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Params(Vec<(String, Option<String>)>);

/// Why a header's value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad syntax in {what}: answer 400")]
pub struct BadSyntax {
    /// The thing that was being read: "address", "Via", "URI".
    pub what: &'static str,
}

impl NameAddr {
    /// An address without display name and parameters.
    pub fn new(uri: impl Into<String>) -> NameAddr {
        NameAddr { display: None, uri: uri.into(), params: Params::default() }
    }

    /// The same with a display name.
    #[must_use]
    pub fn named(mut self, display: impl Into<String>) -> NameAddr {
        self.display = Some(display.into());
        self
    }

    /// The same with a tag.
    #[must_use]
    pub fn tagged(mut self, tag: impl Into<String>) -> NameAddr {
        self.params.set("tag", Some(tag.into()));
        self
    }

    /// The tag, which names one end of a dialog (RFC 3261 §19.3).
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }
}

impl FromStr for NameAddr {
    type Err = BadSyntax;
    fn from_str(text: &str) -> Result<NameAddr, BadSyntax> {
        let parts = Parts::read(text)?;
        let display = parts.display.map(|name| unquote(name).into_owned());
        Ok(NameAddr { display, uri: parts.uri.to_owned(), params: ParamScan(parts.params).flatten().collect() })
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// An address cut into its parts, each a slice of the header.
pub(crate) struct Parts<'a> {
    /// With its quotes, if it had some.
    pub display: Option<&'a str>,
    pub uri: &'a str,
    /// From the first `;`, or empty; syntax checked.
    pub params: &'a str,
}

impl<'a> Parts<'a> {
    pub fn read(text: &'a str) -> Result<Parts<'a>, BadSyntax> {
        const BAD: BadSyntax = BadSyntax { what: "address" };
        let text = trim(text);
        let (display, rest) = if text.starts_with('"') {
            let (quoted, rest) = text.split_at(quoted_len(text).ok_or(BAD)?);
            (Some(quoted), trim_start(rest).strip_prefix('<').ok_or(BAD)?)
        } else if let Some((display, rest)) = cut(text, b'<') {
            // RFC 3261 §25.1 allows tokens; letters beyond ASCII are widespread and harm nobody.
            if !display.bytes().all(|b| is_token_byte(b) || is_blank(b) || b >= 0x80) {
                return Err(BAD);
            }
            (Some(trim_end(display)).filter(|display| !display.is_empty()), rest)
        } else {
            // RFC 3261 §20.10: without <> all that follows a `;` is the header's, and `?` or `,` may not stand.
            let (uri, params) = split_while(text, |b| !matches!(b, b';' | b'?' | b','));
            let uri = trim_end(uri);
            uri::check(uri)?;
            return check_params(params).map(|()| Parts { display: None, uri, params }).ok_or(BAD);
        };
        let end = memchr(b'>', rest.as_bytes()).ok_or(BAD)?;
        let (uri, params) = (&rest[..end], &rest[end + 1..]);
        uri::check(uri)?;
        check_params(params).map(|()| Parts { display, uri, params }).ok_or(BAD)
    }
}

impl Params {
    /// No parameters.
    pub const NONE: Params = Params(Vec::new());

    /// The value of a parameter as written (a quoted one with its quotes); empty for a mere flag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_deref().unwrap_or(""))
    }

    /// The value without quotes and backslashes.
    pub fn unquoted(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(unquote)
    }

    /// Is there such a parameter, with a value or without?
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a parameter, or adds it at the end; `None` makes a flag. The value is written as it is: quote it first
    /// ([`quote`]) if it is not a token.
    pub fn set(&mut self, name: &str, value: Option<String>) {
        match self.0.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Removes a parameter.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<(&'a str, Option<&'a str>)> for Params {
    fn from_iter<I: IntoIterator<Item = (&'a str, Option<&'a str>)>>(params: I) -> Params {
        Params(params.into_iter().map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).collect())
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

/// Are these `;name=value` header parameters (RFC 3261 §25.1 generic-param)?
pub(crate) fn check_params(text: &str) -> Option<()> {
    ParamScan(text).try_for_each(|part| part.map(|_| ()))
}

/// Walks `;name=value`; a `None` inside is the place where the grammar ends.
pub(crate) struct ParamScan<'a>(pub &'a str);

impl<'a> Iterator for ParamScan<'a> {
    type Item = Option<(&'a str, Option<&'a str>)>;
    fn next(&mut self) -> Option<Self::Item> {
        if trim_start(self.0).is_empty() {
            return None;
        }
        let part = param(trim_start(self.0));
        self.0 = part.map_or("", |(_, _, rest)| rest);
        Some(part.map(|(name, value, _)| (name, value)))
    }
}

fn param(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let (name, rest) = split_while(trim_start(text.strip_prefix(';')?), is_token_byte);
    if name.is_empty() {
        return None;
    }
    let rest = trim_start(rest);
    let Some(value) = rest.strip_prefix('=') else {
        return (rest.is_empty() || rest.starts_with(';')).then_some((name, None, rest));
    };
    let value = trim_start(value);
    let (value, rest) =
        if value.starts_with('"') { value.split_at(quoted_len(value)?) } else { split_while(value, is_value_byte) };
    let rest = trim_start(rest);
    (!value.is_empty() && (rest.is_empty() || rest.starts_with(';'))).then_some((name, Some(value), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_however_they_are_legal() {
        for (text, display, uri, params) in [
            ("sip:a@h;tag=1", None, "sip:a@h", ";tag=1"),
            ("<sip:a@h;lr>;tag=1", None, "sip:a@h;lr", ";tag=1"),
            ("caller<sip:a@h>;tag=323", Some("caller"), "sip:a@h", ";tag=323"),
            ("A. Bell  <sip:a@h>", Some("A. Bell"), "sip:a@h", ""),
            ("Jörg <sip:a@h>", Some("Jörg"), "sip:a@h", ""),
            (r#""J \"R\" <x>, \\"<sip:a,b@h> ; tag = 9 ;q=0.3"#, Some(r#"J "R" <x>, \"#), "sip:a,b@h", ";tag=9;q=0.3"),
            (r#""" <sip:a@h>"#, Some(""), "sip:a@h", ""),
            (
                r#"<sip:a@h>;+sip.instance="<urn:uuid:1;2>";reg-id=1"#,
                None,
                "sip:a@h",
                r#";+sip.instance="<urn:uuid:1;2>";reg-id=1"#,
            ),
            ("sip:+1972@gw1.example.net;unknownparam", None, "sip:+1972@gw1.example.net", ";unknownparam"),
            ("<name:John_Smith>", None, "name:John_Smith", ""),
            ("<sip:u@h?Route=%3Csip:e%3E>", None, "sip:u@h?Route=%3Csip:e%3E", ""),
        ] {
            let address: NameAddr = text.parse().unwrap_or_else(|_| panic!("{text}"));
            assert_eq!(
                (address.display.as_deref(), &*address.uri, &*address.params.to_string()),
                (display, uri, params),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "*",
            "<>",
            "<sip:a@h",
            "\"open <sip:a@h>",
            "\"a\" sip:a@h",
            "a, b <sip:a@h>",
            "< sip:a@h >",
            "<sip:a@h>;",
            "<sip:a@h>;;x",
            "<sip:a@h>x",
            "<sip:a@h>;tag=",
            "<sip:a@h>;=x",
            "<sip:a@h>;x y",
            "sip:a@h?b=c",
            "sip:a@h,sip:b@h",
            "<sip:a@h>,<sip:b@h>",
            "<sip:a@h>;x=\"y",
        ] {
            assert!(text.parse::<NameAddr>().is_err(), "{text}");
        }
    }

    #[test]
    fn parameters_are_found_and_changed_in_any_case() {
        let mut address: NameAddr = "<sip:a@h>;Tag=1;lr;+sip.instance=\"<urn:x>\"".parse().unwrap();
        assert_eq!((address.tag(), address.params.get("LR"), address.params.get("none")), (Some("1"), Some(""), None));
        assert_eq!(address.params.unquoted("+SIP.instance").as_deref(), Some("<urn:x>"));
        address.params.set("TAG", Some("2".into()));
        address.params.remove("Lr");
        address.params.set("x", None);
        assert_eq!(address.tagged("3").to_string(), "<sip:a@h>;Tag=3;+sip.instance=\"<urn:x>\";x");
        assert_eq!(
            NameAddr::new("sip:a@h").named("say \"hi\"\r\nVia: x").to_string(),
            "\"say \\\"hi\\\"  Via: x\" <sip:a@h>"
        );
    }

    proptest! {
        #[test]
        fn what_we_print_we_can_read(
            display in prop::option::of("\\PC{0,12}"),
            uri in "sip:[a-z;?,/]{1,8}@[a-z]{1,8}(;[a-z]{1,3}){0,2}",
            params in prop::collection::vec(("[a-zA-Z0-9.+-]{1,6}", prop::option::of(prop_oneof!["[a-zA-Z0-9%:/._-]{1,8}", "\\PC{0,8}".prop_map(|text| quote(&text))])), 0..4),
        ) {
            let params = params.iter().map(|(name, value)| (&**name, value.as_deref())).collect();
            let address = NameAddr { display, uri, params };
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }
    }
}
