//! `conf/trunks.toml`: carriers and other switches, trusted by their address or by those their name has, and groups of
//! them.
//!
//! Where it stands: what each of a trunk's tables means is read in `trunk_tables`; where it is reached and by what, here.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use call::{MediaRules, Srtp};
use rustls::pki_types::ServerName;
use serde::Deserialize;
use sip::digest::Credentials;
use sip::{Host, Network, Params, Place, Transport, Uri};
use toml::Spanned;
use trunk::{GroupConf, Member, TrunkConf, usual_statuses};

use super::file::{Entry, File};
use super::switch_file::srtp;
use super::trunk_tables::{HeadersTable, HealthTable, IdentityTable, LimitsTable, NumbersTable, RegisterTable};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrunkTable {
    address: Spanned<String>,
    #[serde(default)]
    from: Vec<Spanned<String>>,
    transport: Option<Spanned<String>>,
    tls_name: Option<Spanned<String>>,
    tls_roots: Option<Spanned<PathBuf>>,
    #[serde(default)]
    tls_from: Vec<Spanned<String>>,
    domain: Option<Spanned<String>>,
    number: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
    password: Option<String>,
    realm: Option<Spanned<String>>,
    #[serde(default)]
    nat: bool,
    #[serde(default)]
    siprec: bool,
    srtp: Option<Spanned<String>>,
    register: Option<Spanned<RegisterTable>>,
    #[serde(default)]
    health: HealthTable,
    #[serde(default)]
    limits: LimitsTable,
    numbers: Option<NumbersTable>,
    #[serde(default)]
    identity: IdentityTable,
    #[serde(default)]
    headers: HeadersTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupTable {
    trunks: Spanned<Vec<Spanned<MemberTable>>>,
    statuses: Option<Vec<Spanned<StatusText>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberTable {
    trunk: String,
    #[serde(default = "first")]
    priority: u16,
    #[serde(default = "first")]
    weight: u16,
}

fn first() -> u16 {
    1
}

/// `408`, or `"500-599"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum StatusText {
    One(u16),
    Range(String),
}

/// One trunk, checked.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Where calls are sent, and how; calls are taken from all addresses it has, by any transport.
    pub place: Place,
    /// Whom to take it for, where it is reached by TLS.
    pub tls: Option<TlsTrust>,
    /// Where calls are taken from beside.
    pub networks: Vec<Network>,
    /// Calls are taken by a certificate alone, if it is for one of these names.
    pub certificate: Option<CallsBy>,
    /// How its media is treated.
    pub media: MediaRules,
    /// It may have us record its calls (RFC 7866).
    pub siprec: bool,
    /// All else.
    pub conf: TrunkConf,
}

/// When a trunk's certificate is believed.
#[derive(Clone, Debug)]
pub struct TlsTrust {
    /// The name it must be for; else the trunk's own name or address (RFC 5922 §7.2).
    pub name: Option<ServerName<'static>>,
    /// Who must have signed it: a PEM file, relative to the conf folder; else any the system trusts.
    pub roots: Option<PathBuf>,
}

/// The certificates a trunk calls by (RFC 5922 §7.1).
#[derive(Clone, Debug)]
pub struct CallsBy {
    /// The domains they are for, in small letters.
    pub names: Vec<String>,
    /// Who must have signed them: a PEM file, relative to the conf folder; else any the system trusts.
    pub roots: Option<PathBuf>,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) trunks: Vec<Trunk>,
    pub(super) groups: Vec<GroupConf>,
}

/// The key groups stand under, which no trunk may have.
const GROUPS: &str = "groups";
/// A trunk calls from so many networks at most, and a group has so many trunks.
const MEMBERS_MAX: usize = 64;

/// `asked`: somebody asks those who call for certificates.
pub(super) fn read(file: &mut File<'_>, asked: bool) -> Read {
    let mut read = Read::default();
    let (groups, trunks): (Vec<_>, Vec<_>) = file.entries().into_iter().partition(|entry| entry.name == GROUPS);
    let names: HashSet<String> = trunks.iter().map(|entry| entry.name.clone()).collect();
    for entry in trunks {
        read.trunks.extend(trunk(file, entry, asked));
    }
    for entry in groups.into_iter().flat_map(Entry::children) {
        read.groups.extend(group(file, entry, &names));
    }
    read
}

fn trunk<'a>(file: &mut File<'a>, entry: Entry<'a>, asked: bool) -> Option<Trunk> {
    let (named, name) = (file.check_name(&entry), entry.name.clone());
    let said = file.entry::<TrunkTable>(entry)?;
    let realm = said.realm.as_ref().map(|realm| realm.get_ref().clone());
    let credentials = match (said.user, said.password) {
        (Some(user), Some(password)) => Some(Credentials { user: user.into_inner(), password, realm }),
        (Some(user), None) => {
            file.problem(user.span(), format!("[{name}] has a user but no password; add it, or take the user out"));
            None
        }
        (None, _) => None,
    };
    if let (None, Some(realm)) = (&credentials, &said.realm) {
        file.problem(realm.span(), format!("[{name}] has a realm but no user and password; add them, or take it out"));
    }
    let transport = said.transport.as_ref().map(|text| transport(file, text));
    let place = place(file, &said.address, transport);
    // A name that says no transport may come to TLS by its NAPTR records.
    let may_be_tls = match transport {
        Some(transport) => transport == Transport::Tls,
        None => place.as_ref().is_some_and(|place| place.name().is_some() && place.port.is_none()),
    };
    let tls_name = said.tls_name.as_ref().and_then(|text| server_name(file, text));
    let trust = TlsTrust { name: tls_name, roots: said.tls_roots.as_ref().map(|path| path.get_ref().clone()) };
    if let (Some(name), false) = (said.tls_from.first(), asked) {
        file.problem(name.span(), "nobody asks for certificates; add listen_tls_trunks to switch.toml");
    }
    let certificate = calls_by(file, &name, &said.tls_from, &said.from, trust.roots.clone());
    let tls = may_be_tls.then_some(trust);
    let roots = said.tls_roots.as_ref().filter(|_| certificate.is_none());
    let spans = [said.tls_name.as_ref().map(Spanned::span), roots.map(Spanned::span)];
    if let (None, Some(span)) = (&tls, spans.into_iter().flatten().next()) {
        file.problem(span, format!("[{name}] is not reached by TLS; add transport = \"tls\", or take this out"));
    }
    if let Some(one_too_many) = said.from.get(MEMBERS_MAX) {
        file.problem(one_too_many.span(), format!("[{name}] calls from {MEMBERS_MAX} networks at most"));
    }
    let networks: Vec<Network> = said.from.iter().filter_map(|text| file.parse(text)).collect();
    let domain: Option<Host> = said.domain.as_ref().and_then(|text| {
        let host = text.get_ref().parse().ok();
        if host.is_none() {
            let what = "domain is no name and no address; write what the carrier wants after the @, such as \"carrier.example\"";
            file.problem(text.span(), what);
        }
        host
    });
    let number = said.number.as_ref().map(|number| number.get_ref().clone());
    if let Some(number) = said.number.as_ref().filter(|number| !is_user(number.get_ref())) {
        let what = format!("{:?} is no number; write one such as \"+38515550100\"", number.get_ref());
        file.problem(number.span(), what);
    }
    let register = said.register.and_then(|table| {
        let at = place.as_ref().map(|place| place.host.clone());
        table.get_ref().read(file, &table.span(), &name, domain.clone().or(at)?, credentials.as_ref())
    });
    let (numbers, called, calling) = said.numbers.unwrap_or_default().read(file);
    let conf = TrunkConf {
        name,
        server: place.as_ref().and_then(|place| Some((Host::Name(place.name()?.to_owned()), place.port))),
        domain,
        number,
        register,
        health: said.health.read(file),
        limits: said.limits.read(),
        numbers,
        called,
        calling,
        identity: said.identity.read(file),
        headers: said.headers.read(file),
        credentials,
    };
    let srtp = said.srtp.as_ref().map_or(Srtp::Preferred, |text| srtp(file, text));
    let media = MediaRules { nat: said.nat, srtp, browser: Some(false) };
    Some(Trunk { place: place.filter(|_| named)?, tls, networks, certificate, media, siprec: said.siprec, conf })
}

/// By which certificates a trunk calls, if it does.
fn calls_by(
    file: &mut File<'_>,
    trunk: &str,
    names: &[Spanned<String>],
    from: &[Spanned<String>],
    roots: Option<PathBuf>,
) -> Option<CallsBy> {
    if let Some(one_too_many) = names.get(MEMBERS_MAX) {
        file.problem(one_too_many.span(), format!("[{trunk}] has {MEMBERS_MAX} names at most"));
    }
    let is_name = |name: &str| matches!(name.parse(), Ok(Host::Name(_)));
    for name in names.iter().filter(|name| !is_name(name.get_ref())) {
        let what = "tls_from has domain names, as the carrier's certificate has: \"sip.carrier.example\", no stars";
        file.problem(name.span(), what);
    }
    if let (Some(from), false) = (from.first(), names.is_empty()) {
        let what = format!(
            "[{trunk}] proves its calls by certificate, so its addresses prove nothing; take this or tls_from out"
        );
        file.problem(from.span(), what);
    }
    let names: Vec<String> = names.iter().map(|name| name.get_ref().to_ascii_lowercase()).collect();
    (!names.is_empty()).then_some(CallsBy { names, roots })
}

fn group<'a>(file: &mut File<'a>, entry: Entry<'a>, trunks: &HashSet<String>) -> Option<GroupConf> {
    let (named, name, span) = (file.check_name(&entry), entry.name.clone(), entry.span.clone());
    let said = file.entry::<GroupTable>(entry)?;
    if trunks.contains(&name) {
        file.problem(span, format!("{name} is a trunk already; give the group another name, as routes name either"));
    }
    let members = said.trunks.get_ref();
    if members.is_empty() || members.len() > MEMBERS_MAX {
        file.problem(said.trunks.span(), format!("group {name} must have 1 to {MEMBERS_MAX} trunks"));
    }
    let mut seen = HashSet::new();
    for member in members {
        let trunk = &member.get_ref().trunk;
        if !trunks.contains(trunk) {
            file.problem(member.span(), format!("there is no trunk {trunk:?}; add [{trunk}] to this file"));
        } else if !seen.insert(trunk) {
            file.problem(member.span(), format!("{trunk} is in group {name} already; take it out here"));
        }
    }
    let statuses = match said.statuses {
        Some(texts) => texts.iter().filter_map(|text| statuses(file, text)).collect(),
        None => usual_statuses(),
    };
    let members = said.trunks.into_inner().into_iter().map(Spanned::into_inner);
    let members = members.map(|MemberTable { trunk, priority, weight }| Member { trunk, priority, weight }).collect();
    named.then_some(GroupConf { name, members, statuses })
}

/// Answers after which another trunk is tried: those that speak of the trunk, and not of whom was called.
fn statuses(file: &mut File<'_>, text: &Spanned<StatusText>) -> Option<RangeInclusive<u16>> {
    let range = match text.get_ref() {
        StatusText::One(status) => Some(*status..=*status),
        StatusText::Range(text) => {
            text.split_once('-').and_then(|(from, to)| Some(from.trim().parse().ok()?..=to.trim().parse().ok()?))
        }
    };
    let Some(range) = range.filter(|range| *range.start() >= 400 && *range.end() <= 699 && !range.is_empty()) else {
        file.problem(text.span(), "this is no status; write one from 400 to 699, such as 503, or a range: \"500-599\"");
        return None;
    };
    match NEVER.iter().find(|status| range.contains(status)) {
        Some(status) => {
            let what = format!(
                "{status} speaks of whom was called and not of the trunk: another would hear it too; take it out"
            );
            file.problem(text.span(), what);
            None
        }
        None => Some(range),
    }
}

/// Not found, busy, not acceptable to the called, declined, nowhere.
const NEVER: [u16; 7] = [404, 410, 484, 486, 600, 603, 604];

/// Can this be what stands before the `@`?
pub(super) fn is_user(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._*#".contains(&b))
}

/// `name`, `name:port`, `address` or `address:port`.
fn place(file: &mut File<'_>, text: &Spanned<String>, transport: Option<Transport>) -> Option<Place> {
    let uri: Option<Uri> = format!("sip:{}", text.get_ref()).parse().ok();
    let plain = uri.filter(|uri| uri.user.is_none() && uri.params == Params::NONE && uri.headers.is_none());
    if plain.is_none() {
        let what = format!(
            "{:?} is neither a domain name nor an address; write it as \"sip.carrier.example\", \"192.0.2.1\" or \
             \"[2001:db8::1]\", with a port such as \":5060\" where it is not found by DNS",
            text.get_ref()
        );
        file.problem(text.span(), what);
    }
    plain.map(|uri| Place::new(uri.host, uri.port, transport))
}

fn transport(file: &mut File<'_>, text: &Spanned<String>) -> Transport {
    match text.get_ref().as_str() {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        other => {
            file.problem(text.span(), format!("{other:?} is no transport; write \"udp\", \"tcp\" or \"tls\""));
            Transport::Udp
        }
    }
}

fn server_name(file: &mut File<'_>, text: &Spanned<String>) -> Option<ServerName<'static>> {
    let name = ServerName::try_from(text.get_ref().clone()).ok();
    if name.is_none() {
        let what =
            "tls_name is no domain name; write the one in the carrier's certificate, such as \"sip.carrier.example\"";
        file.problem(text.span(), what);
    }
    name
}
