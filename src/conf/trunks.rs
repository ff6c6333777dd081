//! `conf/trunks.toml`: carriers and other switches, trusted by their address.

use std::net::SocketAddr;

use serde::Deserialize;
use sip::digest::Credentials;
use toml::Spanned;

use super::file::File;
use super::switch_file::address;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrunkTable {
    address: Spanned<String>,
    number: Option<String>,
    user: Option<Spanned<String>>,
    password: Option<String>,
    #[serde(default)]
    nat: bool,
}

/// One trunk, checked.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name.
    pub name: String,
    /// Where calls are sent, and the address calls are taken from.
    pub address: SocketAddr,
    /// The number we show; else the caller's own.
    pub number: Option<String>,
    /// What it may challenge us for.
    pub credentials: Option<Credentials>,
    /// Its media may come from elsewhere than its SDP says.
    pub nat: bool,
}

pub(super) fn read(file: &mut File<'_>) -> Vec<Trunk> {
    let mut trunks = Vec::new();
    for entry in file.entries() {
        let (named, name) = (file.check_name(&entry), entry.name.clone());
        let Some(said) = file.entry::<TrunkTable>(entry) else { continue };
        let credentials = match (said.user, said.password) {
            (Some(user), Some(password)) => Some(Credentials { user: user.into_inner(), password }),
            (Some(user), None) => {
                file.problem(user.span(), format!("[{name}] has a user but no password; add it, or take the user out"));
                None
            }
            (None, _) => None,
        };
        if let (true, Some(address)) = (named, address(file, &said.address)) {
            trunks.push(Trunk { name, address, number: said.number, credentials, nat: said.nat });
        }
    }
    trunks
}
