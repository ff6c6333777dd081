//! Who calls, as far as others are told: P-Asserted-Identity (RFC 3325), Remote-Party-ID, Diversion (RFC 5806),
//! History-Info (RFC 7044) and Privacy (RFC 3323).
//!
//! Where it stands: what a trusted trunk says of a caller is read here, and what a trunk is told is written here. A
//! phone's word about itself is never asked: who it is, its password has said. All of them are headers nobody can slip
//! through: [`is_identity`] keeps them out of what is passed on.

use sip::{Headers, Host, Name, NameAddr, Uri};

use crate::number::of_uri;

/// Who calls, and by what way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The number, as people and routes see it; `anonymous` where the caller wants it so.
    pub number: String,
    /// The name shown with it.
    pub name: Option<String>,
    /// The account, where it is one of ours.
    pub account: Option<String>,
    /// The trunk the call came by, if it did.
    pub trunk: Option<String>,
    /// The number for those who are trusted, where the caller wants it kept from others.
    pub kept: Option<String>,
    /// The caller wants number and name kept from the called.
    pub private: bool,
    /// The number that was called.
    pub called: String,
    /// The numbers the call was sent on from, the last first.
    pub diversions: Vec<Diversion>,
    /// Headers of the caller's that trunks may pass on.
    pub headers: Vec<(Name, String)>,
    /// What the caller sends the called (RFC 7433).
    pub user_to_user: Vec<String>,
}

/// A number that sent a call on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diversion {
    /// The number.
    pub number: String,
    /// A word of RFC 5806 §10.1: `unconditional`, `user-busy`, `no-answer` …
    pub reason: String,
}

/// What a trunk's carrier may know, and is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityPolicy {
    /// It is of our trust domain (RFC 3325 §3): what it asserts is believed, and it is told who really calls.
    pub trusted: bool,
    /// How it is told.
    pub send: Asserted,
    /// How it is told who sent a call on.
    pub diversion: Diverted,
    /// Every caller is anonymous there.
    pub anonymous: bool,
    /// A call that came from outside and is sent on shows its caller's number, not ours.
    pub shows_forwarded: bool,
}

/// The header an identity goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asserted {
    /// P-Asserted-Identity.
    Pai,
    /// Remote-Party-ID.
    Rpid,
    /// P-Preferred-Identity, as a customer's own switch tells a provider (RFC 3325 §9.2).
    Ppi,
    /// None.
    Nothing,
}

/// The header a forwarding number goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diverted {
    /// Diversion.
    Diversion,
    /// History-Info.
    HistoryInfo,
    /// None.
    Nothing,
}

impl Default for IdentityPolicy {
    fn default() -> IdentityPolicy {
        IdentityPolicy {
            trusted: false,
            send: Asserted::Nothing,
            diversion: Diverted::Nothing,
            anonymous: false,
            shows_forwarded: false,
        }
    }
}

impl std::str::FromStr for Asserted {
    type Err = String;
    fn from_str(text: &str) -> Result<Asserted, String> {
        match text {
            "pai" => Ok(Asserted::Pai),
            "rpid" => Ok(Asserted::Rpid),
            "ppi" => Ok(Asserted::Ppi),
            "none" => Ok(Asserted::Nothing),
            other => Err(format!(
                "{other:?} is no way to tell who calls; write \"pai\" (P-Asserted-Identity), \"rpid\" (Remote-Party-ID), \
                 \"ppi\" (P-Preferred-Identity) or \"none\""
            )),
        }
    }
}

impl std::str::FromStr for Diverted {
    type Err = String;
    fn from_str(text: &str) -> Result<Diverted, String> {
        match text {
            "diversion" => Ok(Diverted::Diversion),
            "history-info" => Ok(Diverted::HistoryInfo),
            "none" => Ok(Diverted::Nothing),
            other => Err(format!(
                "{other:?} is no way to tell who sent a call on; write \"diversion\", \"history-info\" or \"none\""
            )),
        }
    }
}

/// What an INVITE says of its caller to a trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The From header.
    pub from: NameAddr,
    /// The others.
    pub headers: Vec<(Name, String)>,
}

/// Is this a header that says who somebody is, or asks to hide it?
pub fn is_identity(name: &Name) -> bool {
    const OTHERS: [&str; 11] = [
        "Remote-Party-ID",
        "RPID-Privacy",
        "Anonymity",
        "P-Called-Party-ID",
        "P-Asserted-Service",
        "P-Preferred-Service",
        "P-Charging-Vector",
        "Identity",
        "Identity-Info",
        "y", // Identity and Identity-Info, compact (RFC 4474 §9)
        "n",
    ];
    let known = matches!(
        Name::from(name.as_str()),
        Name::From
            | Name::PAssertedIdentity
            | Name::PPreferredIdentity
            | Name::Diversion
            | Name::HistoryInfo
            | Name::Privacy
            | Name::ReferredBy
            | Name::ReplyTo
    );
    known || OTHERS.iter().any(|other| name.as_str().eq_ignore_ascii_case(other))
}

/// Does this say that the caller is to be kept from the called (RFC 3323 §4.2, RFC 3325 §9.3)? `none` wins: who writes
/// it wants to be known.
pub fn wants_privacy(headers: &Headers) -> bool {
    let words = headers.all(&Name::Privacy).flat_map(|value| value.split([';', ',']));
    let words: Vec<&str> = words.map(str::trim).collect();
    let has = |word: &str| words.iter().any(|said| said.eq_ignore_ascii_case(word));
    !has("none") && ["id", "user", "header"].iter().any(|word| has(word))
}

/// Who calls by a trunk: what a trusted one asserts, else what From says. Numbers are written with `write`.
pub fn read(headers: &Headers, from: &NameAddr, trusted: bool, write: impl Fn(&str) -> String) -> Caller {
    let anonymous_from = is_anonymous(&from.uri);
    let asserted = if trusted { asserted(headers) } else { None };
    let private = anonymous_from || (trusted && (wants_privacy(headers) || rpid_hides(headers)));
    let (uri, name) = match &asserted {
        Some(asserted) => (&asserted.uri, asserted.display.clone().or_else(|| from.display.clone())),
        None => (&from.uri, from.display.clone()),
    };
    let number = of_uri(uri).map(|number| write(&number));
    let kept = number.clone().filter(|_| asserted.is_some() || !anonymous_from);
    let diversions = if trusted { diversions(headers, &write) } else { Vec::new() };
    let (number, name) = match (private, number) {
        (false, Some(number)) => (number, name.filter(|name| !name.is_empty())),
        _ => (ANONYMOUS.to_owned(), None),
    };
    Caller { number, name, private, kept: kept.filter(|_| private), diversions, ..Caller::default() }
}

/// What an INVITE to a trunk says of who calls. `shown` is our number there, if it has one of its own; `host` what
/// stands after the `@`; `write` writes numbers as the carrier wants them; `called` is whom the call goes to.
pub fn tell(
    caller: &Caller,
    policy: &IdentityPolicy,
    shown: Option<&str>,
    host: &Host,
    port: Option<u16>,
    write: impl Fn(&str) -> String,
    called: &str,
) -> Told {
    let address = |number: &str, name: Option<&str>| {
        let address = NameAddr::new(Uri::sip(number, host.clone(), port).to_string());
        name.map_or(address.clone(), |name| address.named(name))
    };
    let forwarded = caller.trunk.is_some();
    let own = caller.kept.as_deref().unwrap_or(&caller.number);
    let asserted = shown.unwrap_or(own);
    let presented = if forwarded && policy.shows_forwarded { own } else { asserted };
    let name = caller.name.as_deref().filter(|_| shown.is_none() || (forwarded && policy.shows_forwarded));
    let private = caller.private || policy.anonymous;
    let known = asserted != ANONYMOUS;
    let from = match private || presented == ANONYMOUS {
        true => NameAddr::new("sip:anonymous@anonymous.invalid").named("Anonymous"), // RFC 3323 §4.1.1.3
        false => address(&write(presented), name),
    };
    let mut headers = Vec::new();
    let identity = address(&write(asserted), name);
    match policy.send {
        Asserted::Pai if known && policy.trusted => {
            headers.push((Name::PAssertedIdentity, identity.to_string()));
            headers.extend(private.then(|| (Name::Privacy, "id".to_owned())));
        }
        Asserted::Rpid if known && policy.trusted => {
            let privacy = if private { "full" } else { "off" };
            headers.push((
                Name::from("Remote-Party-ID"),
                format!("{identity};party=calling;screen=yes;privacy={privacy}"),
            ));
        }
        Asserted::Ppi if known => {
            headers.push((Name::PPreferredIdentity, identity.to_string()));
            headers.extend(private.then(|| (Name::Privacy, "id".to_owned())));
        }
        _ => headers.extend(private.then(|| (Name::Privacy, "id".to_owned())).filter(|_| policy.trusted)),
    }
    match policy.diversion {
        Diverted::Diversion => headers.extend(diverted(caller, host, port, write)),
        Diverted::HistoryInfo if !caller.diversions.is_empty() => {
            // RFC 7044 §10.1: the first target first, each index a level below the one before.
            let mut index = "1".to_owned();
            for one in caller.diversions.iter().take(DIVERSIONS_MAX).rev() {
                headers.push((Name::HistoryInfo, format!("{};index={index}", address(&write(&one.number), None))));
                index.push_str(".1");
            }
            headers.push((Name::HistoryInfo, format!("{};index={index}", address(called, None))));
        }
        Diverted::HistoryInfo | Diverted::Nothing => {}
    }
    Told { from, headers }
}

/// The numbers that sent a call on, the last first (RFC 5806 §4).
pub fn diverted(
    caller: &Caller,
    host: &Host,
    port: Option<u16>,
    write: impl Fn(&str) -> String,
) -> impl Iterator<Item = (Name, String)> {
    caller.diversions.iter().take(DIVERSIONS_MAX).map(move |one| {
        let address = NameAddr::new(Uri::sip(write(&one.number), host.clone(), port).to_string());
        (Name::Diversion, format!("{address};reason={}", one.reason))
    })
}

/// What nobody is called who does not want to be known.
pub const ANONYMOUS: &str = "anonymous";
/// More numbers are not told.
const DIVERSIONS_MAX: usize = 5;

/// The first identity asserted that is a number or a user.
fn asserted(headers: &Headers) -> Option<NameAddr> {
    let rpid = headers.all(&REMOTE_PARTY).filter_map(|value| value.parse::<NameAddr>().ok());
    let mut calling =
        rpid.filter(|party| party.params.get("party").is_none_or(|party| party.eq_ignore_ascii_case("calling")));
    let pai = headers.all(&Name::PAssertedIdentity).filter_map(|value| value.parse::<NameAddr>().ok());
    { pai }
        .find(|address| of_uri(&address.uri).is_some())
        .or_else(|| calling.find(|party| of_uri(&party.uri).is_some()))
}

/// RFC 3323 §4.1.1.3, and how some carriers write it.
fn is_anonymous(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<Uri>() else { return false };
    let user = uri.user.as_deref().unwrap_or_default();
    user.eq_ignore_ascii_case(ANONYMOUS) || uri.host.to_string().eq_ignore_ascii_case("anonymous.invalid")
}

fn rpid_hides(headers: &Headers) -> bool {
    let hides = |value: &str| {
        let privacy =
            value.parse::<NameAddr>().ok().and_then(|party| party.params.get("privacy").map(str::to_ascii_lowercase));
        privacy.is_some_and(|privacy| privacy != "off")
    };
    headers.all(&REMOTE_PARTY).any(hides)
}

const REMOTE_PARTY: Name = Name::Other(std::borrow::Cow::Borrowed("Remote-Party-ID"));

/// The numbers that sent the call on, the last first; of Diversion, else of History-Info.
fn diversions(headers: &Headers, write: impl Fn(&str) -> String) -> Vec<Diversion> {
    let read = |value: &str| {
        let address: NameAddr = value.parse().ok()?;
        let number = write(&of_uri(&address.uri)?);
        let reason = address.params.unquoted("reason").map(|reason| reason.to_ascii_lowercase());
        let reason = reason.filter(|reason| REASONS.contains(&&**reason)).unwrap_or_else(|| "unknown".to_owned());
        Some(Diversion { number, reason })
    };
    let said: Vec<Diversion> = headers.all(&Name::Diversion).filter_map(read).take(DIVERSIONS_MAX).collect();
    if !said.is_empty() {
        return said;
    }
    let mut history: Vec<Diversion> =
        headers.all(&Name::HistoryInfo).filter_map(read).take(DIVERSIONS_MAX + 1).collect();
    history.pop(); // the last entry is whom the call is for now
    history.reverse();
    history
}

/// RFC 5806 §10.1.
const REASONS: [&str; 11] = [
    "unknown",
    "user-busy",
    "no-answer",
    "unavailable",
    "unconditional",
    "time-of-day",
    "do-not-disturb",
    "deflection",
    "follow-me",
    "out-of-service",
    "away",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        lines.iter().for_each(|(name, value)| headers.push(Name::from(*name), *value));
        headers
    }

    fn caller(lines: &[(&str, &str)], from: &str, trusted: bool) -> Caller {
        read(&headers(lines), &from.parse().expect("an address"), trusted, str::to_owned)
    }

    #[test]
    fn a_trusted_trunk_says_who_calls() {
        const FROM: &str = "\"Shop\" <sip:5550100@h>;tag=1";
        const PAI: (&str, &str) = ("P-Asserted-Identity", "\"Ann\" <sip:+38515550199@h>");
        for (lines, from, trusted, number, name, private) in [
            (vec![], FROM, true, "5550100", Some("Shop"), false),
            (vec![PAI], FROM, true, "+38515550199", Some("Ann"), false),
            (vec![PAI], FROM, false, "5550100", Some("Shop"), false),
            (vec![("p-asserted-IDENTITY", "<tel:+385-1-5550199>")], FROM, true, "+385-1-5550199", Some("Shop"), false),
            (
                vec![("P-Asserted-Identity", "<sip:carrier.example>"), PAI],
                FROM,
                true,
                "+38515550199",
                Some("Ann"),
                false,
            ),
            (
                vec![("Remote-Party-ID", "<sip:+4312@h>;party=calling;privacy=off")],
                FROM,
                true,
                "+4312",
                Some("Shop"),
                false,
            ),
            (vec![("Remote-Party-ID", "<sip:+4312@h>;party=called")], FROM, true, "5550100", Some("Shop"), false),
            (vec![("Remote-Party-ID", "<sip:+4312@h>;privacy=full")], FROM, true, "anonymous", None, true),
            (vec![PAI, ("Privacy", "id")], FROM, true, "anonymous", None, true),
            (vec![PAI, ("privacy", "critical; ID")], FROM, true, "anonymous", None, true),
            (vec![PAI, ("Privacy", "none")], FROM, true, "+38515550199", Some("Ann"), false),
            (vec![PAI, ("Privacy", "session")], FROM, true, "+38515550199", Some("Ann"), false),
            (vec![("Privacy", "id")], FROM, false, "5550100", Some("Shop"), false),
            (vec![PAI], "Anonymous <sip:anonymous@anonymous.invalid>", true, "anonymous", None, true),
            (vec![], "<sip:h>", true, "anonymous", None, false),
        ] {
            let caller = caller(&lines, from, trusted);
            assert_eq!((&*caller.number, caller.name.as_deref(), caller.private), (number, name, private), "{lines:?}");
        }
        let hidden = caller(&[PAI, ("Privacy", "id")], FROM, true);
        assert_eq!(hidden.kept.as_deref(), Some("+38515550199"));
        assert_eq!(caller(&[], "<sip:anonymous@anonymous.invalid>", true).kept, None);
    }

    fn carrier(trusted: bool, send: Asserted) -> IdentityPolicy {
        IdentityPolicy { trusted, send, diversion: Diverted::Diversion, ..IdentityPolicy::default() }
    }

    fn told(caller: &Caller, policy: &IdentityPolicy, shown: Option<&str>) -> String {
        let host = "carrier.example".parse().expect("a host");
        let told = tell(caller, policy, shown, &host, None, |number| number.replace('+', "00"), "4366");
        let lines = told.headers.iter().map(|(name, value)| format!("{}: {value}", name.as_str()));
        std::iter::once(told.from.to_string()).chain(lines).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_trunk_is_told_what_it_may_know() {
        let ann = Caller { number: "+201".into(), name: Some("Ann".into()), ..Caller::default() };
        let hidden = Caller { private: true, ..ann.clone() };
        let always = IdentityPolicy { anonymous: true, ..carrier(true, Asserted::Pai) };
        const ANN: &str = "\"Ann\" <sip:00201@carrier.example>";
        const NOBODY: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
        for (caller, policy, shown, told_them) in [
            (&ann, carrier(false, Asserted::Pai), None, ANN.to_owned()),
            (&ann, carrier(true, Asserted::Pai), None, format!("{ANN}\nP-Asserted-Identity: {ANN}")),
            (
                &ann,
                carrier(true, Asserted::Pai),
                Some("+1"),
                "<sip:001@carrier.example>\nP-Asserted-Identity: <sip:001@carrier.example>".to_owned(),
            ),
            (
                &ann,
                carrier(true, Asserted::Rpid),
                None,
                format!("{ANN}\nRemote-Party-ID: {ANN};party=calling;screen=yes;privacy=off"),
            ),
            (&ann, carrier(false, Asserted::Ppi), None, format!("{ANN}\nP-Preferred-Identity: {ANN}")),
            (&hidden, carrier(false, Asserted::Pai), None, NOBODY.to_owned()),
            (&hidden, carrier(true, Asserted::Pai), None, format!("{NOBODY}\nP-Asserted-Identity: {ANN}\nPrivacy: id")),
            (
                &hidden,
                carrier(true, Asserted::Rpid),
                None,
                format!("{NOBODY}\nRemote-Party-ID: {ANN};party=calling;screen=yes;privacy=full"),
            ),
            (&hidden, carrier(true, Asserted::Nothing), None, format!("{NOBODY}\nPrivacy: id")),
            (&ann, always, None, format!("{NOBODY}\nP-Asserted-Identity: {ANN}\nPrivacy: id")),
        ] {
            assert_eq!(told(caller, &policy, shown), told_them, "{policy:?}");
        }
    }

    #[test]
    fn a_call_that_is_sent_on_says_from_where() {
        let diversions = [("+2", "unconditional"), ("+1", "no-answer")]
            .map(|(number, reason)| Diversion { number: number.into(), reason: reason.into() })
            .to_vec();
        let customer = Caller { number: "+43".into(), trunk: Some("in".into()), diversions, ..Caller::default() };
        let quiet = IdentityPolicy { diversion: Diverted::Nothing, ..carrier(false, Asserted::Nothing) };
        assert_eq!(told(&customer, &quiet, Some("+9")), "<sip:009@carrier.example>");
        let shows = IdentityPolicy { shows_forwarded: true, ..carrier(true, Asserted::Pai) };
        assert_eq!(
            told(&customer, &shows, Some("+9")),
            "<sip:0043@carrier.example>\nP-Asserted-Identity: <sip:009@carrier.example>\n\
             Diversion: <sip:002@carrier.example>;reason=unconditional\n\
             Diversion: <sip:001@carrier.example>;reason=no-answer"
        );
        let history = IdentityPolicy { diversion: Diverted::HistoryInfo, ..quiet };
        assert_eq!(
            told(&customer, &history, None),
            "<sip:0043@carrier.example>\nHistory-Info: <sip:001@carrier.example>;index=1\n\
             History-Info: <sip:002@carrier.example>;index=1.1\nHistory-Info: <sip:4366@carrier.example>;index=1.1.1"
        );
    }

    #[test]
    fn who_sent_a_call_on_is_read_from_either_header() {
        let diverted = |lines: &[(&str, &str)], trusted| -> Vec<String> {
            let caller = caller(lines, "<sip:1@h>", trusted);
            caller.diversions.iter().map(|one| format!("{} {}", one.number, one.reason)).collect()
        };
        let said = [("Diversion", "<sip:2@h>;reason=User-Busy"), ("Diversion", "<tel:1>;reason=\"made up\"")];
        assert_eq!(diverted(&said, true), ["2 user-busy", "1 unknown"]);
        assert!(diverted(&said, false).is_empty());
        let history = [
            ("History-Info", "<sip:1@h?Reason=SIP%3Bcause%3D302>;index=1"),
            ("History-Info", "<sip:2@h>;index=1.1"),
            ("History-Info", "<sip:3@h>;index=1.1.1"),
        ];
        assert_eq!(diverted(&history, true), ["2 unknown", "1 unknown"]);
    }

    #[test]
    fn no_spelling_of_an_identity_is_overlooked() {
        for name in [
            "P-Asserted-Identity",
            "p-asserted-identity",
            "P-ASSERTED-IDENTITY",
            "P-Preferred-Identity",
            "remote-party-id",
            "Remote-Party-ID",
            "DIVERSION",
            "History-Info",
            "Privacy",
            "b", // Referred-By, compact
            "Referred-By",
            "f",
            "From",
            "Identity",
            "y",
        ] {
            assert!(is_identity(&Name::from(name)) && is_identity(&Name::other(name)), "{name}");
        }
        assert!(!is_identity(&Name::from("X-Customer")) && !is_identity(&Name::UserToUser));
    }
}
