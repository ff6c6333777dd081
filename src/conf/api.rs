//! `conf/api.toml`: who may ask and command the switch by HTTP. Without a token in it there is no such door.
//!
//! Where it stands: the shell's `api` asks here whose token a request has. Of tokens their digests alone outlive the file's
//! reading.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::file::File;
use super::switch_file::address;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ApiFile {
    listen: Option<Spanned<String>>,
    client: BTreeMap<Spanned<String>, ClientTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientTable {
    token: Spanned<String>,
    #[serde(default)]
    may_change: bool,
}

/// The door for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConf {
    /// Where it is.
    pub listen: SocketAddr,
    /// Who may come in; where it is nobody, there is no door.
    pub clients: Arc<[Client]>,
}

/// A program that may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its name: who did it, in log and journal.
    pub name: Arc<str>,
    /// It may change something, too.
    pub may_change: bool,
    token: [u8; 32],
}

impl Default for ApiConf {
    fn default() -> ApiConf {
        ApiConf { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), clients: Arc::new([]) }
    }
}

impl ApiConf {
    /// Where it is, if it is anywhere.
    pub fn door(&self) -> Option<SocketAddr> {
        (!self.clients.is_empty()).then_some(self.listen)
    }

    /// Whose token this is. All are looked at, and each to its end: how long that takes tells nothing.
    pub fn client(&self, token: &str) -> Option<&Client> {
        let said: [u8; 32] = Sha256::digest(token).into();
        let mut found = None;
        for client in &*self.clients {
            let differs = said.iter().zip(client.token).fold(0, |differs, (one, other)| differs | (one ^ other));
            if std::hint::black_box(differs) == 0 {
                found = Some(client);
            }
        }
        found
    }
}

/// Reads it.
pub(super) fn read(file: &mut File<'_>, folder: &Path) -> ApiConf {
    let said: ApiFile = file.whole().unwrap_or_default();
    let usual = ApiConf::default();
    let listen = said.listen.as_ref().and_then(|text| address(file, text)).unwrap_or(usual.listen);
    let mut clients: Vec<Client> = Vec::new();
    for (name, table) in said.client {
        if table.token.get_ref().len() < TOKEN_MIN {
            let what = format!(
                "a token that can be guessed: it has less than {TOKEN_MIN} characters; `openssl rand -hex 32` makes one"
            );
            file.problem(table.token.span(), what);
        }
        let token: [u8; 32] = Sha256::digest(table.token.get_ref()).into();
        if let Some(other) = clients.iter().find(|other| other.token == token) {
            let what = format!("{} has this token already; give each a token of its own", other.name);
            file.problem(table.token.span(), what);
        }
        clients.push(Client { name: name.into_inner().into(), may_change: table.may_change, token });
    }
    let mode = fs::metadata(folder.join("api.toml")).map_or(0, |meta| meta.permissions().mode());
    if !clients.is_empty() && mode & 0o007 != 0 {
        file.problem(0..0, "has tokens, and everybody on this machine may read it; `chmod 600` it");
    }
    ApiConf { listen, clients: clients.into() }
}

const PORT: u16 = 9465;
/// What is shorter might be a word.
const TOKEN_MIN: usize = 32;
