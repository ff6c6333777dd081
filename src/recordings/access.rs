//! Who listens: written into the manifests before anything is heard, and told by `centrala recordings log`.

use std::path::Path;

use clap::Args;
use recorder::{Access, Because, Entry, KeepError, Manifest, access};
use serde_json::json;

use super::Archive;
use super::find::{local, the_one};
use super::keep::now;
use crate::Failure;
use crate::remote::print_table;

#[derive(Args)]
pub struct Listener {
    /// Who listens; the system's user, if it is not said
    #[arg(long, env = "USER")]
    by: Option<String>,
    /// Why; it stays in the manifest
    #[arg(long, default_value = "")]
    why: String,
}

#[derive(Args)]
pub struct LogArgs {
    #[command(flatten)]
    archive: Archive,
    /// Only what was done to this recording: its id, or its file below the folder
    id: Option<String>,
    /// Only what this one did
    #[arg(long)]
    by: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

impl Listener {
    /// Writes it down. What no line of the manifests knows can be heard, but nobody will know of it.
    pub fn enter(&self, folder: &Path, file: &str, act: Access) -> Result<(), Failure> {
        let user = || format!("uid {}", rustix::process::getuid().as_raw());
        let by = self.by.clone().filter(|by| !by.is_empty()).unwrap_or_else(user);
        let because = Because { by: &by, why: &self.why, at: now() };
        match access(&mut Manifest::new(folder), file, act, because) {
            Ok(()) => Ok(()),
            Err(why @ KeepError::Unknown { .. }) => {
                eprintln!("{why}; that somebody listens is not written down");
                Ok(())
            }
            Err(why) => Err(format!("{why}; nobody listens to what cannot be written down: take a copy").into()),
        }
    }
}

impl LogArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        // What was erased is found by its file alone; what has another format now was heard in the other, too.
        let name = |file: &str| Path::new(file).with_extension("");
        let wanted_name = self.id.map(|id| name(&the_one(folder, &id).map_or(id, |row| row.file)));
        let wanted = |entry: &Entry| {
            entry.by.is_some()
                && self.by.as_ref().is_none_or(|by| entry.by.as_ref() == Some(by))
                && wanted_name.as_ref().is_none_or(|wanted| *wanted == name(&entry.file))
        };
        let mut entries = Vec::new();
        Manifest::new(folder).entries(|entry| entries.extend(Some(entry.clone()).filter(&wanted)))?;
        if self.json {
            entries.iter().for_each(|entry| println!("{}", json!(entry)));
        } else if entries.is_empty() {
            println!("nobody has held, released, erased, heard or exported any of it");
        } else {
            print_table(&entries.iter().map(columns).collect::<Vec<_>>());
        }
        Ok(())
    }
}

fn columns(entry: &Entry) -> Vec<String> {
    let act = json!(entry.act).as_str().unwrap_or_default().to_owned();
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    vec![local(&entry.at.to_string()), act, said(&entry.by), entry.file.clone(), said(&entry.why)]
}
