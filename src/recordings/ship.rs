//! `centrala recordings ship` and `fetch`: to the store of the conf, and back.

use std::path::PathBuf;

use clap::Args;

use super::Archive;
use crate::Failure;

#[derive(Args)]
pub struct ShipArgs {
    #[command(flatten)]
    archive: Archive,
    /// The conf whose [storage] says where the store is
    #[arg(long, default_value = "conf", env = "CENTRALA_CONF")]
    conf: PathBuf,
    /// Only tell what is not in the store
    #[arg(long)]
    dry_run: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct FetchArgs {
    #[command(flatten)]
    archive: Archive,
    /// The conf whose [storage] says where the store is
    #[arg(long, default_value = "conf", env = "CENTRALA_CONF")]
    conf: PathBuf,
    /// The recording's id, or its file below the folder
    id: String,
}

#[cfg(not(feature = "s3"))]
const WITHOUT: &str = "this program was built without a client for stores; build it with --features s3";

#[cfg(not(feature = "s3"))]
impl ShipArgs {
    pub fn run(self) -> Result<(), Failure> {
        Err(WITHOUT.into())
    }
}

#[cfg(not(feature = "s3"))]
impl FetchArgs {
    pub fn run(self) -> Result<(), Failure> {
        Err(WITHOUT.into())
    }
}

#[cfg(feature = "s3")]
mod with {
    use centrala::conf::Conf;
    use centrala::storage::Storage;
    use recorder::{Manifest, holdings, shipped};
    use serde_json::json;

    use super::super::find::the_one;
    use super::super::keep::now;
    use super::super::progress::Bar;
    use super::{Failure, FetchArgs, ShipArgs};

    fn store(conf: &Conf) -> Result<Storage, Failure> {
        match &conf.switch.storage {
            Some(storage) => Ok(Storage::open(storage)?),
            None => Err("the conf names no store; write [storage] into switch.toml".into()),
        }
    }

    impl ShipArgs {
        pub fn run(self) -> Result<(), Failure> {
            let folder = self.archive.folder()?;
            let storage = store(&crate::load(&self.conf)?)?;
            let mut manifest = Manifest::new(folder);
            let mut due: Vec<_> = holdings(&manifest)?.into_iter().filter(|(_, is_shipped)| !is_shipped).collect();
            due.retain(|(entry, _)| folder.join(&entry.file).exists()); // what is not here is `verify`'s to tell
            let all: u64 = due.iter().map(|(entry, _)| entry.bytes).sum();
            let (mut bar, mut sent, mut failed) = (Bar::new(), 0, 0);
            for (entry, _) in &due {
                let url = storage.url_of(&entry.file);
                let done = match self.dry_run {
                    true => Ok(()),
                    false => storage
                        .ship(folder, entry, |bytes| {
                            sent += bytes;
                            bar.show(sent, all, || entry.file.clone());
                        })
                        .map_err(Failure::from)
                        .and_then(|()| Ok(shipped(&mut manifest, entry, &url, now())?)),
                };
                failed += usize::from(done.is_err());
                let why = done.err().map(|why| why.to_string());
                match (self.json, &why) {
                    (true, why) => {
                        let is_there = why.is_none() && !self.dry_run;
                        println!(
                            "{}",
                            json!({ "file": entry.file, "bytes": entry.bytes, "url": url, "stored": is_there, "why": why })
                        );
                    }
                    (false, None) => println!("{url}"),
                    (false, Some(why)) => eprintln!("{}: {why}", entry.file),
                }
            }
            drop(bar);
            let days = recorder::manifests(folder)?;
            for day in days.iter().filter(|_| !self.dry_run) {
                storage.ship_if_new(folder, day)?;
            }
            match failed {
                0 => Ok(()),
                failed => Err(format!("{failed} of {} are not in the store", due.len()).into()),
            }
        }
    }

    impl FetchArgs {
        pub fn run(self) -> Result<(), Failure> {
            let folder = self.archive.folder()?;
            let row = the_one(folder, &self.id)?;
            if folder.join(&row.file).exists() {
                return Err(format!("{} is here", row.file).into());
            }
            let held = holdings(&Manifest::new(folder))?.into_iter().find(|(entry, _)| entry.file == row.file);
            let (entry, _) = held.ok_or_else(|| format!("{} is not in the manifests", row.file))?;
            store(&crate::load(&self.conf)?)?.fetch(folder, &entry)?;
            println!("{}", folder.join(&row.file).display());
            Ok(())
        }
    }
}
