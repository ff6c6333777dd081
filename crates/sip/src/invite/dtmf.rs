//! Keys in INFO bodies, as phones have long sent them: no RFC, two habits.

use crate::{Name, Request};

/// Answered 415.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownBody;

/// The key an INFO says; `None` is a body of the right kind without a key we know (a hook flash).
pub fn digit(info: &Request) -> Result<Option<char>, UnknownBody> {
    let kind = info.headers.first(&Name::ContentType).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let body = std::str::from_utf8(&info.body).unwrap_or_default();
    let key = if kind.eq_ignore_ascii_case("application/dtmf-relay") {
        let signal = |line: &str| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("Signal").then(|| value.trim().to_owned())
        };
        body.lines().find_map(signal).unwrap_or_default()
    } else if kind.eq_ignore_ascii_case("application/dtmf") {
        body.trim().to_owned()
    } else {
        return Err(UnknownBody);
    };
    Ok(match key.as_str() {
        "10" => Some('*'), // the event numbers of RFC 4733, as some phones write them
        "11" => Some('#'),
        key => key.parse::<char>().ok().map(|key| key.to_ascii_uppercase()).filter(|key| KEYS.contains(*key)),
    })
}

const KEYS: &str = "0123456789*#ABCD";

#[cfg(test)]
mod tests {
    use super::*;
    use rsip::Method;

    #[test]
    fn keys_are_read_as_phones_write_them() {
        for (kind, body, key) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Ok(Some('5'))),
            ("Application/DTMF-Relay; x=y", "Duration=1\nsignal = a\n", Ok(Some('A'))),
            ("application/dtmf-relay", "Signal= #", Ok(Some('#'))),
            ("application/dtmf-relay", "Signal=10\r\n", Ok(Some('*'))),
            ("application/dtmf-relay", "Signal=hf", Ok(None)),
            ("application/dtmf-relay", "\u{0}", Ok(None)),
            ("application/dtmf", "*", Ok(Some('*'))),
            ("application/dtmf", " 7\r\n", Ok(Some('7'))),
            ("application/dtmf", "16", Ok(None)),
            ("text/plain", "5", Err(UnknownBody)),
            ("", "5", Err(UnknownBody)),
        ] {
            let mut info = Request::new(Method::Info, "sip:x").with(Name::ContentType, kind);
            info.body = body.to_owned().into();
            assert_eq!(digit(&info), key, "{kind} {body:?}");
        }
    }
}
