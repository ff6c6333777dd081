//! Which headers an INVITE to a trunk's carrier has beyond those every INVITE has: added, passed on, taken out.
//!
//! Where it stands: `trunks` asks it for each INVITE that goes out, and for what of a carrier's INVITE a phone may see.
//! What makes a dialog, and what says who somebody is, is nobody's to add or to pass on ([`may_be_named`]).

use sip::{Headers, Name};

use crate::identity::is_identity;

/// A trunk's headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRules {
    /// These are added. Values may hold `{call}`, `{person}`, `{caller}`, `{called}` and `{trunk}`.
    pub add: Vec<(Name, String)>,
    /// These are taken out, whoever put them there.
    pub remove: Vec<Name>,
    /// These pass from one side of a call to the other, both ways; a name may end with a star.
    pub pass: Vec<String>,
    /// User-to-User passes, both ways (RFC 7433).
    pub user_to_user: bool,
}

/// What a value may speak of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// Our id of the call.
    pub call: &'a str,
    /// The account that calls, where it is one of ours.
    pub person: &'a str,
    /// The caller's number.
    pub caller: &'a str,
    /// The number called.
    pub called: &'a str,
    /// The trunk.
    pub trunk: &'a str,
}

/// The words between braces that mean something.
pub const WORDS: [&str; 5] = ["call", "person", "caller", "called", "trunk"];
/// A call carries so many headers from one side to the other,
const CARRIED_MAX: usize = 16;
/// none with more letters.
const VALUE_MAX: usize = 1024;

impl HeaderRules {
    /// Does a header of that name pass?
    pub fn passes(&self, name: &Name) -> bool {
        self.pass.iter().any(|pattern| fits(pattern, name.as_str())) && may_be_named(name)
    }

    /// What is added, with its words filled in.
    pub fn added(&self, words: Words<'_>) -> impl Iterator<Item = (Name, String)> {
        let fill = move |value: &str| {
            let pairs = [words.call, words.person, words.caller, words.called, words.trunk];
            let mut value = value.to_owned();
            for (name, word) in WORDS.iter().zip(pairs) {
                value = value.replace(&format!("{{{name}}}"), &clean(word));
            }
            cut(value)
        };
        self.add.iter().map(move |(name, value)| (name.clone(), fill(value)))
    }
}

/// The headers of a message that may pass, as they are to be written.
pub fn carried(headers: &Headers, passes: impl Fn(&Name) -> bool) -> Vec<(Name, String)> {
    let named = headers.iter().map(|(name, value)| (Name::from(name), value));
    let passing = named.filter(|(name, value)| value.len() <= VALUE_MAX && passes(name));
    passing.take(CARRIED_MAX).map(|(name, value)| (name, clean(value))).collect()
}

/// May a conf add this header, or let it pass? Not if a dialog, a transaction, a body or an identity hangs on it.
pub fn may_be_named(name: &Name) -> bool {
    let text = name.as_str();
    let token = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b));
    let name = &Name::from(text); // compact and in any case
    let ours = matches!(
        name,
        Name::Via
            | Name::To
            | Name::CallId
            | Name::CSeq
            | Name::Contact
            | Name::MaxForwards
            | Name::Route
            | Name::RecordRoute
            | Name::Path
            | Name::ServiceRoute
            | Name::Require
            | Name::ProxyRequire
            | Name::Supported
            | Name::Allow
            | Name::SessionExpires
            | Name::MinSe
            | Name::RSeq
            | Name::RAck
            | Name::Replaces
            | Name::Join
            | Name::ReferTo
            | Name::Event
            | Name::Expires
    );
    let secret = matches!(
        name,
        Name::Authorization
            | Name::ProxyAuthorization
            | Name::AuthenticationInfo
            | Name::WwwAuthenticate
            | Name::ProxyAuthenticate
    );
    let body = matches!(
        name,
        Name::ContentType | Name::ContentLength | Name::ContentEncoding | Name::ContentDisposition | Name::MimeVersion
    );
    token && !ours && !secret && !body && !is_identity(name) && *name != Name::UserToUser
}

/// May a conf take this header out? Not what makes an INVITE one.
pub fn may_be_removed(name: &Name) -> bool {
    let spare = matches!(
        Name::from(name.as_str()),
        Name::Allow | Name::Supported | Name::UserAgent | Name::SessionExpires | Name::Diversion | Name::HistoryInfo
    );
    spare || may_be_named(name)
}

fn fits(pattern: &str, name: &str) -> bool {
    let begin = pattern.strip_suffix('*');
    match begin {
        Some(begin) => name.get(..begin.len()).is_some_and(|head| head.eq_ignore_ascii_case(begin)),
        None => Name::from(pattern) == Name::from(name) || name.eq_ignore_ascii_case(pattern),
    }
}

/// Without line breaks and their like: a value is one line, whoever wrote it.
fn clean(value: &str) -> String {
    value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn cut(value: String) -> String {
    if value.len() <= VALUE_MAX {
        return value;
    }
    let end = (0..=VALUE_MAX).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    value[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(pass: &[&str]) -> HeaderRules {
        HeaderRules { pass: pass.iter().map(|name| (*name).to_owned()).collect(), ..HeaderRules::default() }
    }

    #[test]
    fn only_what_is_named_passes_and_no_identity_ever() {
        let rules = rules(&["X-*", "Subject", "P-*", "*"]);
        for (name, passes) in [
            ("X-Customer", true),
            ("x-customer", true),
            ("Subject", true),
            ("s", true), // Subject, compact
            ("P-Charge-Info", true),
            ("P-Asserted-Identity", false),
            ("p-asserted-identity", false),
            ("Remote-Party-ID", false),
            ("Via", false),
            ("v", false),
            ("Authorization", false),
            ("t", false),
            ("m", false),
            ("Diversion", false),
            ("Privacy", false),
        ] {
            assert_eq!(rules.passes(&Name::from(name)), passes, "{name}");
            assert_eq!(rules.passes(&Name::Other(name.to_owned().into())), passes, "{name}");
        }
        assert!(!super::tests::rules(&["X-*"]).passes(&Name::Subject));
    }

    #[test]
    fn values_are_filled_in_and_stay_one_line() {
        let rules = HeaderRules {
            add: vec![(Name::from("X-Call"), "{call};by={person};to={called};{unknown}".into())],
            ..HeaderRules::default()
        };
        let words = Words { call: "c1", person: "ann\r\nVia: forged", called: "43", ..Words::default() };
        let added: Vec<_> = rules.added(words).collect();
        assert_eq!(added, [(Name::from("X-Call"), "c1;by=ann  Via: forged;to=43;{unknown}".to_owned())]);
        let long = HeaderRules { add: vec![(Name::from("X-Long"), "é".repeat(2_000))], ..HeaderRules::default() };
        assert!(long.added(words).all(|(_, value)| value.len() <= VALUE_MAX));
    }

    #[test]
    fn what_is_carried_has_limits() {
        let mut headers = Headers::default();
        headers.push(Name::from("X-Long"), "a".repeat(VALUE_MAX + 1));
        headers.push(Name::from("X-Lines"), "a\r\nVia: forged");
        (0..100).for_each(|n| headers.push(Name::from("X-Many"), n.to_string()));
        let carried = carried(&headers, |name| rules(&["X-*"]).passes(name));
        assert_eq!((carried.len(), &carried[0]), (CARRIED_MAX, &(Name::from("X-Lines"), "a  Via: forged".to_owned())));
    }

    #[test]
    fn a_conf_names_no_header_that_is_ours() {
        for name in ["X-A", "Subject", "Organization", "Alert-Info", "P-Charge-Info", "User-Agent"] {
            assert!(may_be_named(&Name::from(name)), "{name}");
        }
        for name in ["Via", "v", "To", "CONTACT", "Route", "X A", "X:A", "", "X\r\nVia", "Content-Type", "User-to-User"]
        {
            assert!(!may_be_named(&Name::Other(name.to_owned().into())), "{name:?}");
        }
        for name in ["User-Agent", "Allow", "Session-Expires", "X-Queue"] {
            assert!(may_be_removed(&Name::from(name)), "{name}");
        }
        assert!(!may_be_removed(&Name::From) && !may_be_removed(&Name::Contact));
    }
}
