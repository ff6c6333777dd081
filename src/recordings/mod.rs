//! `centrala recordings`: the archive from the command line, with a switch running or not, on the folder or a copy.

mod export;
mod find;
mod keep;
mod progress;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::Failure;

#[derive(Subcommand)]
pub enum Command {
    /// List recordings by date, agent, queue, number, length and words, the latest first
    List(find::ListArgs),
    /// Show what is known of a recording
    Show(find::ShowArgs),
    /// Write a copy of a recording, whole or a piece of it, in a format of your choice
    Export(export::ExportArgs),
    /// Keep a recording whatever expires, until it is released
    Hold(keep::HoldArgs),
    /// End a hold
    Release(keep::HoldArgs),
    /// Erase a recording, or all of a number; a line that proves it stays
    Erase(keep::EraseArgs),
    /// Erase what is older than so many days and not on hold
    Expire(keep::ExpireArgs),
    /// Make the search index anew from the sidecars
    Index(find::IndexArgs),
    /// Compare every recording with what was written down when it was made
    Verify(verify::VerifyArgs),
}

#[derive(Args)]
pub struct Archive {
    /// The recordings folder, or a copy of it
    #[arg(long, default_value = "recordings", env = "CENTRALA_RECORDINGS")]
    folder: PathBuf,
}

impl Archive {
    /// The folder, which must be there: a misspelt one is not an archive where all is well.
    fn folder(&self) -> Result<&PathBuf, Failure> {
        match self.folder.is_dir() {
            true => Ok(&self.folder),
            false => Err(format!("{} is no folder; name the recordings with --folder", self.folder.display()).into()),
        }
    }
}

impl Command {
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Command::List(args) => args.run(),
            Command::Show(args) => args.run(),
            Command::Export(args) => args.run(),
            Command::Hold(args) => args.hold(),
            Command::Release(args) => args.release(),
            Command::Erase(args) => args.run(),
            Command::Expire(args) => args.run(),
            Command::Index(args) => args.run(),
            Command::Verify(args) => args.run(),
        }
    }
}
