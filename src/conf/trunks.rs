//! `conf/trunks.toml`: carriers and other switches, trusted by their address.

use std::net::SocketAddr;
use std::path::PathBuf;

use call::{MediaRules, Srtp};
use rustls::pki_types::ServerName;
use serde::Deserialize;
use sip::Transport;
use sip::digest::Credentials;
use toml::Spanned;

use super::file::File;
use super::switch_file::{address, srtp};

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
    /// Where calls are sent, and the address calls are taken from.
    pub address: SocketAddr,
    /// How they are sent: UDP, TCP or TLS. Calls are taken by any.
    pub transport: Transport,
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
    /// The name it must be for; else the trunk's address.
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
        let transport = said.transport.as_ref().map_or(Transport::Udp, |text| transport(file, text));
        let tls_name = said.tls_name.as_ref().and_then(|text| server_name(file, text));
        let trust = TlsTrust { name: tls_name, roots: said.tls_roots.as_ref().map(|path| path.get_ref().clone()) };
        let tls = (transport == Transport::Tls).then_some(trust);
        let spans = [said.tls_name.as_ref().map(Spanned::span), said.tls_roots.as_ref().map(Spanned::span)];
        if let (None, Some(span)) = (&tls, spans.into_iter().flatten().next()) {
            file.problem(span, format!("[{name}] is not reached by TLS; add transport = \"tls\", or take this out"));
        }
        if let (true, Some(address)) = (named, address(file, &said.address)) {
            let number = said.number;
            let srtp = said.srtp.as_ref().map_or(Srtp::Preferred, |text| srtp(file, text));
            let media = MediaRules { nat: said.nat, srtp };
            trunks.push(Trunk { name, address, transport, tls, number, credentials, media });
        }
    }
    trunks
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
