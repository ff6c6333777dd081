//! `conf/trunks.toml`: carriers and other switches, trusted by their address, or by those their name has.

use std::path::PathBuf;

use call::{MediaRules, Srtp};
use locate::Place;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use sip::digest::Credentials;
use sip::{Params, Transport, Uri};
use toml::Spanned;

use super::file::File;
use super::switch_file::srtp;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrunkTable {
    address: Spanned<String>,
    transport: Option<Spanned<String>>,
    tls_name: Option<Spanned<String>>,
    tls_roots: Option<Spanned<PathBuf>>,
    number: Option<String>,
    user: Option<Spanned<String>>,
    password: Option<String>,
    #[serde(default)]
    nat: bool,
    srtp: Option<Spanned<String>>,
}

/// One trunk, checked.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name.
    pub name: String,
    /// Where calls are sent, and how; calls are taken from all addresses it has, by any transport.
    pub place: Place,
    /// Whom to take it for, where it is reached by TLS.
    pub tls: Option<TlsTrust>,
    /// The number we show; else the caller's own.
    pub number: Option<String>,
    /// What it may challenge us for.
    pub credentials: Option<Credentials>,
    /// How its media is treated.
    pub media: MediaRules,
}

/// When a trunk's certificate is believed.
#[derive(Clone, Debug)]
pub struct TlsTrust {
    /// The name it must be for; else the trunk's own name or address (RFC 5922 §7.2).
    pub name: Option<ServerName<'static>>,
    /// Who must have signed it: a PEM file, relative to the conf folder; else any the system trusts.
    pub roots: Option<PathBuf>,
}

pub(super) fn read(file: &mut File<'_>) -> Vec<Trunk> {
    let mut trunks = Vec::new();
    for entry in file.entries() {
        let (named, name) = (file.check_name(&entry), entry.name.clone());
        let Some(said) = file.entry::<TrunkTable>(entry) else { continue };
        let credentials = match (said.user, said.password) {
            (Some(user), Some(password)) => Some(Credentials { user: user.into_inner(), password, realm: None }),
            (Some(user), None) => {
                file.problem(user.span(), format!("[{name}] has a user but no password; add it, or take the user out"));
                None
            }
            (None, _) => None,
        };
        let transport = said.transport.as_ref().map(|text| transport(file, text));
        let place = place(file, &said.address, transport);
        // A name that says no transport may come to TLS by its NAPTR records.
        let may_be_tls = match transport {
            Some(transport) => transport == Transport::Tls,
            None => place.as_ref().is_some_and(|place| place.name().is_some() && place.port.is_none()),
        };
        let tls_name = said.tls_name.as_ref().and_then(|text| server_name(file, text));
        let trust = TlsTrust { name: tls_name, roots: said.tls_roots.as_ref().map(|path| path.get_ref().clone()) };
        let tls = may_be_tls.then_some(trust);
        let spans = [said.tls_name.as_ref().map(Spanned::span), said.tls_roots.as_ref().map(Spanned::span)];
        if let (None, Some(span)) = (&tls, spans.into_iter().flatten().next()) {
            file.problem(span, format!("[{name}] is not reached by TLS; add transport = \"tls\", or take this out"));
        }
        if let (true, Some(place)) = (named, place) {
            let number = said.number;
            let srtp = said.srtp.as_ref().map_or(Srtp::Preferred, |text| srtp(file, text));
            let media = MediaRules { nat: said.nat, srtp };
            trunks.push(Trunk { name, place, tls, number, credentials, media });
        }
    }
    trunks
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
