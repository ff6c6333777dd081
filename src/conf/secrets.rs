//! `conf/secrets.toml`: what the switch keeps of passwords it made itself. Never the passwords: their digests (RFC 7616
//! §3.4.2, HA1), which let a phone in and can be made into no other password.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base::Random;
use serde::{Deserialize, Serialize};
use sip::digest::Ha1;

use super::Problem;

const NAME: &str = "secrets.toml";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretsFile {
    realm: String,
    #[serde(default)]
    people: BTreeMap<String, Secret>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    md5: String,
    sha256: String,
}

/// The digests kept on disk.
#[derive(Debug, Default)]
pub struct Secrets(SecretsFile);

impl Secrets {
    /// Reads the file; none is as good as an empty one.
    pub(super) fn read(folder: &Path, realm: &str) -> Result<Secrets, Problem> {
        let path = folder.join(NAME);
        let fault = |what: String| Problem::of_file(&path, what);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                return Ok(Secrets(SecretsFile { realm: realm.to_owned(), ..SecretsFile::default() }));
            }
            Err(why) => {
                return Err(fault(format!(
                    "cannot be read ({why}); let the switch read it, or delete it to make new passwords"
                )));
            }
        };
        let file: SecretsFile = toml::from_str(&text)
            .map_err(|why| fault(format!("is damaged ({}); delete it to make new passwords", why.message())))?;
        if file.realm != realm {
            let what = format!(
                "belongs to realm {:?}, but switch.toml says {realm:?}; write that realm there, or delete this file to make new passwords",
                file.realm
            );
            return Err(fault(what));
        }
        Ok(Secrets(file))
    }

    /// What lets this person's phones in whose password was made, if it was.
    pub(super) fn ha1(&self, account: &str) -> Option<Ha1> {
        let secret = self.0.people.get(account)?;
        Ha1::from_hex(&secret.md5, &secret.sha256)
    }

    /// Makes a password for this person; it is returned, to be shown once, and only its digests are kept.
    pub(super) fn make(&mut self, account: &str, realm: &str, random: &mut Random) -> (String, Ha1) {
        let password = random.token(16);
        let ha1 = Ha1::of(account, realm, &password);
        self.0.people.insert(account.to_owned(), Secret { md5: ha1.md5_hex(), sha256: ha1.sha256_hex() });
        (password, ha1)
    }

    /// Writes the file anew: first beside it, then in its place, readable by us alone.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let text = toml::to_string(&self.0).map_err(io::Error::other)?;
        let (path, beside) = (folder.join(NAME), folder.join("secrets.toml.new"));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        writeln!(file, "# Made by centrala. Digests of the passwords it made for people without one in people.toml.")?;
        writeln!(file, "# Take a person's table out, and the next start makes a new password.\n")?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(beside, path)
    }
}
