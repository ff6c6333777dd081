//! `centrala recordings make-key` and `rotate-key`, and the keys that other commands need for sealed recordings.

use std::path::PathBuf;

use clap::Args;
use recorder::{Keyring, rewrap};

use super::Archive;
use super::progress::Bar;
use crate::Failure;

#[derive(Args)]
pub struct Keys {
    /// The master keys of sealed recordings, as `key_file` of switch.toml names them
    #[arg(long, value_name = "FILE", env = "CENTRALA_KEYS")]
    keys: Option<PathBuf>,
}

#[derive(Args)]
pub struct MakeKeyArgs {
    /// The file of master keys; it is made, or the new key is put before those in it
    file: PathBuf,
}

#[derive(Args)]
pub struct RotateKeyArgs {
    #[command(flatten)]
    archive: Archive,
    /// The file of master keys: the first is the newest, and one of the others opens what it has not
    #[arg(long, value_name = "FILE", env = "CENTRALA_KEYS")]
    keys: PathBuf,
}

impl Keys {
    /// The keys; none where no file was named.
    pub fn ring(&self) -> Result<Keyring, Failure> {
        Ok(self.keys.as_deref().map(Keyring::read).transpose()?.unwrap_or_default())
    }
}

impl MakeKeyArgs {
    pub fn run(self) -> Result<(), Failure> {
        let file = self.file.display();
        match Keyring::add_key(&self.file)? {
            1 => println!("{file} has a master key; name it as key_file in [recording] of switch.toml"),
            keys => {
                println!("{file} has {keys} master keys; `centrala recordings rotate-key` gives all to the new one")
            }
        }
        println!("keep a copy of it elsewhere: what was sealed cannot be heard without it");
        Ok(())
    }
}

impl RotateKeyArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let mut bar = Bar::new();
        let changed = rewrap(folder, &Keyring::read(&self.keys)?, |done, all| {
            bar.show(done as u64, all as u64, || format!("{done} of {all} keys"));
        });
        drop(bar);
        let changed = changed.map_err(|why| format!("not all keys in {} are changed: {why}", folder.display()))?;
        println!("{changed} keys in {} are changed; the first master key opens all", folder.display());
        Ok(())
    }
}
