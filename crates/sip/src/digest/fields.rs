//! `Digest name=value, name="value"`: read tolerantly, as phones write it.

use std::borrow::Cow;

use crate::text::{cut, position, quoted_len, split_while, trim, trim_start, unquote};

/// The fields of a challenge or an authorization; the first of a name counts, names are found in any case.
pub struct Fields<'a>(Vec<(&'a str, &'a str)>);

/// More than anybody sends; the rest is not read.
const FIELDS_MAX: usize = 32;

impl<'a> Fields<'a> {
    /// `None`: it is of another scheme, or it breaks off.
    pub fn read(value: &'a str) -> Option<Fields<'a>> {
        let (scheme, mut rest) = split_while(trim(value), |b| b.is_ascii_alphanumeric());
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut fields = Vec::with_capacity(12);
        while fields.len() < FIELDS_MAX {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let (name, after) = cut(rest, b'=')?;
            let after = trim_start(after);
            let len =
                if after.starts_with('"') { quoted_len(after)? } else { position(after, b',').unwrap_or(after.len()) };
            let (value, after) = after.split_at(len);
            fields.push((trim(name), trim(value)));
            rest = after;
        }
        Some(Fields(fields))
    }

    /// A field without its quotes and backslashes.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| unquote(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_however_they_are_written() {
        for text in [
            "Digest username=\"a, \\\"b\\\"\",realm=\"r\",nc=00000001,qop=auth",
            "digest  UserName = \"a, \\\"b\\\"\" , NC=00000001, Realm=r,qop=\"auth\"",
            "DIGEST qop=auth,,nc=00000001 ,\trealm=\"r\", username=\"a, \\\"b\\\"\",",
        ] {
            let fields = Fields::read(text).unwrap();
            let all = ["username", "realm", "nc", "qop", "none"].map(|name| fields.get(name).map(Cow::into_owned));
            assert_eq!(
                all,
                [Some("a, \"b\""), Some("r"), Some("00000001"), Some("auth"), None].map(|text| text.map(str::to_owned)),
                "{text}"
            );
        }
        for text in
            ["", "Basic abc", "Digest", "Digest realm", "Digest realm=\"open", "NoOneKnowsThisScheme opaque-data=here"]
        {
            assert!(Fields::read(text).is_none_or(|fields| fields.get("realm").is_none()), "{text}");
        }
    }
}
