//! `centrala recordings`: the archive from the command line, with a switch running or not, on the folder or a copy.

mod access;
mod export;
mod filter;
mod find;
mod keep;
mod keys;
mod live;
mod picture;
mod play;
mod progress;
mod ship;
mod stats;
mod verify;
mod wave;
mod zip;

pub use filter::{Filter, from, to};
pub use find::{length, local, open, the_one};
pub use keep::now;

use std::path::PathBuf;

use centrala::shell::RecordingOrder;
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
    /// Write many recordings and their sidecars into one zip file
    Zip(zip::ZipArgs),
    /// Show how loud each side is over time, in the terminal or as a PNG
    Wave(wave::WaveArgs),
    /// Play a recording, or a piece of it: WAV to the standard output, for any player
    Play(play::PlayArgs),
    /// Tell who has held, released, erased, heard or exported what, when and why
    Log(access::LogArgs),
    /// Keep a recording whatever expires, until it is released
    Hold(keep::HoldArgs),
    /// End a hold
    Release(keep::HoldArgs),
    /// Erase a recording, or all of a number; a line that proves it stays
    Erase(keep::EraseArgs),
    /// Erase what has been kept for long enough and is not on hold, as the conf or --days says
    Expire(keep::ExpireArgs),
    /// Count recordings, their hours and their bytes, by day, queue, agent, format or direction
    Stats(stats::StatsArgs),
    /// Make the search index anew from the sidecars
    Index(find::IndexArgs),
    /// Keep neither sound nor keys of a call that is recorded, for card data
    Mask(live::SilenceArgs),
    /// Keep them again
    Unmask(live::LiveArgs),
    /// Keep no sound of a call that is recorded
    Pause(live::SilenceArgs),
    /// Keep it again
    Resume(live::LiveArgs),
    /// Record a call from now on
    Start(live::LiveArgs),
    /// Record a call no longer; what there is stays
    Stop(live::LiveArgs),
    /// Make a master key: recordings that begin from now are sealed with it
    MakeKey(keys::MakeKeyArgs),
    /// Give the keys of all recordings to the newest master key; no sound is touched
    RotateKey(keys::RotateKeyArgs),
    /// Send to the store of the conf what is not there yet
    Ship(ship::ShipArgs),
    /// Bring the sound of a recording back from the store
    Fetch(ship::FetchArgs),
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
    pub fn folder(&self) -> Result<&PathBuf, Failure> {
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
            Command::Zip(args) => args.run(),
            Command::Wave(args) => args.run(),
            Command::Play(args) => args.run(),
            Command::Log(args) => args.run(),
            Command::Hold(args) => args.hold(),
            Command::Release(args) => args.release(),
            Command::Erase(args) => args.run(),
            Command::Expire(args) => args.run(),
            Command::Stats(args) => args.run(),
            Command::Index(args) => args.run(),
            Command::Mask(args) => args.run(RecordingOrder::Mask),
            Command::Unmask(args) => args.run(RecordingOrder::Unmask),
            Command::Pause(args) => args.run(RecordingOrder::Pause),
            Command::Resume(args) => args.run(RecordingOrder::Resume),
            Command::Start(args) => args.run(RecordingOrder::Start),
            Command::Stop(args) => args.run(RecordingOrder::Stop),
            Command::MakeKey(args) => args.run(),
            Command::RotateKey(args) => args.run(),
            Command::Ship(args) => args.run(),
            Command::Fetch(args) => args.run(),
            Command::Verify(args) => args.run(),
        }
    }
}
