//! URIs: `sip:`, `sips:` (RFC 3261 §19.1), `tel:` (RFC 3966) and the mere shape of others.
//!
//! Where it stands: messages keep URIs as text; this reads one where user, host or parameters matter. It resolves
//! nothing.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::host::{HostText, host_port};
use crate::text::{cut, is_uri_byte, split_while};
use crate::{BadSyntax, Host, Params};

/// A URI in its parts.
///
/// ```
/// let uri: sip::Uri = "sip:%61nn@[2001:db8::1]:5070;transport=tcp".parse().unwrap();
/// assert_eq!(uri.user.as_deref(), Some("ann"));
/// assert_eq!(uri.port, Some(5070));
/// assert!(uri.is("sip:ann@[2001:db8:0::1]:5070;Transport=TCP"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    /// What kind it is, and so which of the fields below are used.
    pub scheme: Scheme,
    /// The user part without its percent signs; the number of a `tel:`; all of an unknown URI, untouched.
    pub user: Option<String>,
    /// Password as written. Nobody should send one.
    pub password: Option<String>,
    /// Where it points; [`Host::None`] for `tel:` and unknown URIs.
    pub host: Host,
    /// The port, if it says one.
    pub port: Option<u16>,
    /// Parameters as written.
    pub params: Params,
    /// What stands after `?`, as written.
    pub headers: Option<String>,
}

/// A URI's first word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other; a Request-URI of these is answered 416.
    Other(Box<str>),
}

const BAD: BadSyntax = BadSyntax { what: "URI" };

impl Uri {
    /// `sip:user@host`.
    pub fn sip(user: impl Into<String>, host: Host, port: Option<u16>) -> Uri {
        let user = Some(user.into()).filter(|user: &String| !user.is_empty());
        Uri { scheme: Scheme::Sip, user, password: None, host, port, params: Params::NONE, headers: None }
    }

    /// Is it `sip:` or `sips:`?
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// Is it the same URI as that text (RFC 3261 §19.1.4)? Not if the text is none.
    pub fn is(&self, other: &str) -> bool {
        other.parse().is_ok_and(|other| self.equals(&other))
    }

    /// Equality of RFC 3261 §19.1.4, and of RFC 3966 §5 for numbers.
    pub fn equals(&self, other: &Uri) -> bool {
        let (ours, theirs) = (&self.params, &other.params);
        // A parameter in both must agree; user, ttl, method, maddr (and transport, as phones use it) in one must be in both.
        // Of one said twice, which §19.1.1 forbids, the first counts.
        let same = |name: &str| match theirs.get(name) {
            Some(other) => unescape(ours.get(name).unwrap_or("")).eq_ignore_ascii_case(&unescape(other)),
            None => !MATTERS.iter().any(|matters| matters.eq_ignore_ascii_case(name)),
        };
        let params =
            ours.iter().all(|(name, _)| same(name)) && MATTERS.iter().all(|name| ours.has(name) == theirs.has(name));
        let number = |uri: &Uri| uri.user.as_deref().map(|number| number.replace(['-', '.', '(', ')'], ""));
        let user = match self.scheme {
            Scheme::Tel => number(self) == number(other),
            _ => self.user == other.user,
        };
        self.scheme == other.scheme
            && user
            && self.password.as_deref().map(unescape) == other.password.as_deref().map(unescape)
            && self.host.is(&other.host)
            && self.port == other.port
            && params
            && same_headers(self.headers.as_deref(), other.headers.as_deref())
    }
}

const MATTERS: [&str; 6] = ["user", "ttl", "method", "maddr", "transport", "phone-context"];

fn same_headers(ours: Option<&str>, theirs: Option<&str>) -> bool {
    let sorted = |headers: Option<&str>| {
        let mut parts: Vec<_> =
            headers.unwrap_or("").split('&').map(|part| unescape(part).to_ascii_lowercase()).collect();
        parts.sort();
        parts
    };
    ours == theirs || sorted(ours) == sorted(theirs)
}

impl FromStr for Uri {
    type Err = BadSyntax;
    fn from_str(text: &str) -> Result<Uri, BadSyntax> {
        let parts = Parts::read(text)?;
        Ok(Uri {
            user: parts
                .user
                .map(|user| if matches!(parts.scheme, Known::Other(_)) { user.to_owned() } else { unescape(user) }),
            password: parts.password.map(str::to_owned),
            host: parts.host.to_host(),
            port: parts.port,
            params: read_params(parts.params),
            headers: parts.headers.map(str::to_owned),
            scheme: match parts.scheme {
                Known::Sip => Scheme::Sip,
                Known::Sips => Scheme::Sips,
                Known::Tel => Scheme::Tel,
                Known::Other(name) => Scheme::Other(name.to_ascii_lowercase().into()),
            },
        })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Scheme::Sip => f.write_str("sip:")?,
            Scheme::Sips => f.write_str("sips:")?,
            Scheme::Tel => {
                f.write_str("tel:")?;
                escape(f, self.user.as_deref().unwrap_or(""), b"+")?; // what follows a ; is a parameter (RFC 3966 §3)
                return write!(f, "{}", self.params);
            }
            Scheme::Other(name) => return write!(f, "{name}:{}", self.user.as_deref().unwrap_or("")),
        }
        if let Some(user) = &self.user {
            escape(f, user, b"&=+$,;?/")?; // user-unreserved (RFC 3261 §25.1)
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            f.write_char('@')?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        self.headers.as_ref().map_or(Ok(()), |headers| write!(f, "?{headers}"))
    }
}

/// Is this a URI by its shape, whatever its scheme?
pub(crate) fn check(text: &str) -> Result<(), BadSyntax> {
    Parts::read(text).map(|_| ())
}

/// May it stand in a request line? Headers may not (RFC 3261 §19.1.1).
pub(crate) fn check_request(text: &str) -> Result<(), BadSyntax> {
    Parts::read(text).and_then(|parts| if parts.headers.is_some() { Err(BAD) } else { Ok(()) })
}

/// Is it a URI whose scheme is one we know? A Request-URI of another is answered 416.
pub fn is_known_scheme(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| !matches!(Known::read(scheme), Known::Other(_)))
}

enum Known<'a> {
    Sip,
    Sips,
    Tel,
    Other(&'a str),
}

impl<'a> Known<'a> {
    fn read(scheme: &'a str) -> Known<'a> {
        match scheme {
            _ if scheme.eq_ignore_ascii_case("sip") => Known::Sip,
            _ if scheme.eq_ignore_ascii_case("sips") => Known::Sips,
            _ if scheme.eq_ignore_ascii_case("tel") => Known::Tel,
            _ => Known::Other(scheme),
        }
    }
}

struct Parts<'a> {
    scheme: Known<'a>,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: HostText<'a>,
    port: Option<u16>,
    params: &'a str,
    headers: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Result<Parts<'a>, BadSyntax> {
        let (scheme, rest) = cut(text, b':').ok_or(BAD)?;
        let lettered = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !lettered || !scheme.starts_with(|letter: char| letter.is_ascii_alphabetic()) || rest.is_empty() {
            return Err(BAD);
        }
        let opaque = |scheme, rest, params| Parts {
            scheme,
            user: Some(rest),
            password: None,
            host: HostText::None,
            port: None,
            params,
            headers: None,
        };
        match Known::read(scheme) {
            scheme @ (Known::Sip | Known::Sips) => Parts::read_sip(scheme, rest).ok_or(BAD),
            _ if !rest.bytes().all(is_uri_byte) => Err(BAD),
            Known::Tel => {
                let (number, params) = split_while(rest, |b| b != b';');
                let (params, rest) = split_params(params).filter(|_| !number.is_empty()).ok_or(BAD)?;
                if rest.is_empty() { Ok(opaque(Known::Tel, number, params)) } else { Err(BAD) }
            }
            scheme => Ok(opaque(scheme, rest, "")),
        }
    }

    fn read_sip(scheme: Known<'a>, rest: &'a str) -> Option<Parts<'a>> {
        // A user part may hold `;`, `?` and `,` but no bare `@` (RFC 3261 §25.1), so the first `@` ends it.
        let (before, after) = split_while(rest, |b| b != b'@' && is_uri_byte(b));
        let (userinfo, rest) = match after.strip_prefix('@') {
            Some(rest) => (Some(before), rest),
            None if after.is_empty() => (None, rest),
            None => return None,
        };
        let (user, password) = match userinfo.map(|userinfo| cut(userinfo, b':').ok_or(userinfo)) {
            Some(Ok((user, password))) => (Some(user), Some(password)),
            Some(Err(user)) => (Some(user), None),
            None => (None, None),
        };
        let (host, port, rest) = host_port(rest)?;
        let (params, rest) = split_params(rest)?;
        let headers = match rest.strip_prefix('?') {
            Some(headers) if !headers.is_empty() && headers.bytes().all(is_uri_byte) => Some(headers),
            None if rest.is_empty() => None,
            _ => return None,
        };
        (user != Some("")).then_some(Parts { scheme, user, password, host, port, params, headers })
    }
}

/// Takes `;name=value` off the head of a text, up to `?` or to what may not stand in a URI.
fn split_params(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    while let Some(param) = rest.strip_prefix(';') {
        let (name, after) = split_while(param, |b| !matches!(b, b';' | b'=' | b'?') && is_uri_byte(b));
        let (value, after) = if after.starts_with('=') {
            split_while(after, |b| !matches!(b, b';' | b'?') && is_uri_byte(b))
        } else {
            ("", after)
        };
        if name.is_empty() || value == "=" {
            return None;
        }
        rest = after;
    }
    Some(text.split_at(text.len() - rest.len()))
}

/// Reads what [`split_params`] has found right.
fn read_params(text: &str) -> Params {
    text.split(';')
        .skip(1)
        .map(|param| cut(param, b'=').map_or((param, None), |(name, value)| (name, Some(value))))
        .collect()
}

/// Percent signs resolved. Bytes that are not UTF-8 are read as Latin-1.
pub fn unescape(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high << 4 | low) as u8);
                at += 3;
            }
            _ => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(plain).unwrap_or_else(|plain| plain.as_bytes().iter().map(|b| char::from(*b)).collect())
}

/// Writes a user part; what RFC 3261 §25.1 does not let stand there gets a percent sign.
fn escape(f: &mut fmt::Formatter<'_>, user: &str, also: &[u8]) -> fmt::Result {
    for byte in user.bytes() {
        let unreserved = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')');
        if unreserved || also.contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::tests::any_host;

    #[test]
    fn uris_are_read_in_their_parts() {
        for (text, user, host, port, params) in [
            ("sip:1001@centrala", Some("1001"), "centrala", None, ""),
            ("SIPS:a%20b:pw@h.example:5061;lr;x=%41?Subject=hi", Some("a b"), "h.example", Some(5061), ";lr;x=%41"),
            ("sip:user;par=u%40example.net@example.com", Some("user;par=u@example.net"), "example.com", None, ""),
            ("sip:a?b,c/d@[2001:db8::10:5070]:5070", Some("a?b,c/d"), "[2001:db8::10:5070]", Some(5070), ""),
            ("sip:user@[2001:db8:::192.0.2.1]", Some("user"), "[2001:db8::c000:201]", None, ""),
            ("sip:192.0.2.1", None, "192.0.2.1", None, ""),
            ("sip:3com.example", None, "3com.example", None, ""),
            ("sip:J%F6rg@h", Some("Jörg"), "h", None, ""),
            (
                "tel:+1-201-555-0123;phone-context=example.com",
                Some("+1-201-555-0123"),
                "",
                None,
                ";phone-context=example.com",
            ),
            ("isbn:2983792873", Some("2983792873"), "", None, ""),
            ("soap.beep://192.0.2.103:3002", Some("//192.0.2.103:3002"), "", None, ""),
        ] {
            let uri: Uri = text.parse().unwrap_or_else(|_| panic!("{text}"));
            let got = (uri.user.as_deref(), uri.host.to_string(), uri.port, uri.params.to_string());
            assert_eq!(got, (user, host.to_owned(), port, params.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in [
            "",
            "sip",
            "sip:",
            ":a",
            "1sip:a",
            "s p:a",
            "sip:@h",
            "sip:a@",
            "sip:a@b@c",
            "sip:a@h:",
            "sip:a@h:65536",
            "sip:a@h:5x",
            "sip:a@h;",
            "sip:a@h;=x",
            "sip:a@h;x=",
            "sip:a@h;;x",
            "sip:a@h?",
            "sip:2001:db8::10",
            "sip:[2001:db8::g]",
            "sip:[::1",
            "sip:[::1]x",
            "sip:1.2.3.4.5",
            "sip:256.1.1.1",
            "sip:.h",
            "sip:a b@h",
            "sip:a@h; lr",
            "<sip:a@h>",
            "sip:a@h\r",
            "sip:a@é",
            "tel:",
            "x:",
        ] {
            assert_eq!(text.parse::<Uri>(), Err(BAD), "{text}");
        }
    }

    #[test]
    fn uris_are_equal_as_rfc_3261_19_1_4_says() {
        for (ours, theirs, equal) in [
            ("sip:bob@biloxi.com;p=1;p=2", "sip:bob@biloxi.com;p=1;p=2", true),
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", true),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
                true,
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
                true,
            ),
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false),
            ("sip:a@[2001:db8::9:1]", "sip:a@[2001:DB8:0::9:01]", true), // RFC 5954
            ("tel:+1-201-555-0123", "tel:+1(201)5550123", true),
            ("tel:863;phone-context=a.example", "tel:863;phone-context=b.example", false),
            ("sip:a@h", "sips:a@h", false),
        ] {
            let (one, other): (Uri, Uri) = (ours.parse().unwrap(), theirs.parse().unwrap());
            assert_eq!((one.equals(&other), other.equals(&one)), (equal, equal), "{ours} {theirs}");
        }
    }

    fn any_uri() -> impl Strategy<Value = Uri> {
        let params = prop::collection::vec(("[a-zA-Z0-9-]{1,6}", prop::option::of("[a-zA-Z0-9%:/._-]{1,8}")), 0..4);
        let params = params
            .prop_map(|params| params.iter().map(|(name, value)| (&**name, value.as_deref())).collect::<Params>());
        let headers = prop::option::of("[a-z]{1,5}=[a-z%0-9]{0,5}");
        let sip = (
            any::<bool>(),
            prop::option::of(("\\PC{1,10}", prop::option::of("[a-z0-9]{0,4}"))),
            any_host(),
            any::<Option<u16>>(),
            params,
            headers,
        );
        let sip = sip.prop_map(|(sips, user, host, port, params, headers)| {
            let (user, password) = user.map_or((None, None), |(user, password)| (Some(user), password));
            Uri { scheme: if sips { Scheme::Sips } else { Scheme::Sip }, user, password, host, port, params, headers }
        });
        let opaque = |scheme| {
            move |user: String| Uri {
                scheme,
                user: Some(user),
                password: None,
                host: Host::None,
                port: None,
                params: Params::NONE,
                headers: None,
            }
        };
        prop_oneof![
            4 => sip,
            1 => "\\+?[0-9.();?%=-]{1,15}".prop_map(move |number| opaque(Scheme::Tel)(number)),
            1 => "[a-z0-9/@:;?-]{1,15}".prop_map(move |rest| opaque(Scheme::Other("urn".into()))(rest)),
        ]
    }

    proptest! {
        #[test]
        fn what_we_print_we_can_read(uri in any_uri()) {
            prop_assert_eq!(uri.to_string().parse(), Ok(uri));
        }

        #[test]
        fn what_we_read_we_print_the_same_uri(text in "(sip|tel|x):[ -~]{0,30}") {
            if let Ok(uri) = text.parse::<Uri>() {
                prop_assert_eq!(uri.to_string().parse(), Ok(uri));
            }
        }
    }
}
