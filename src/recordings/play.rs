//! `centrala recordings play`.

use std::io::{self, IsTerminal};

use clap::Args;
use recorder::{Access, Cut, play};

use super::Archive;
use super::access::Listener;
use super::find::{here, the_one};
use super::keys::Keys;
use crate::Failure;

#[derive(Args)]
pub struct PlayArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    listener: Listener,
    /// The recording's id, or its file below the folder
    id: String,
    /// Both sides in one channel
    #[arg(long)]
    mono: bool,
    /// From this second on
    #[arg(long, value_name = "SECS", default_value_t = 0.0)]
    from_secs: f64,
    /// Until this second
    #[arg(long, value_name = "SECS")]
    to_secs: Option<f64>,
}

impl PlayArgs {
    pub fn run(self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            return Err(
                "this writes a WAV file to the standard output; give it to a player: | ffplay -autoexit -".into()
            );
        }
        let folder = self.archive.folder()?;
        let row = the_one(folder, &self.id)?;
        here(folder, &row)?;
        let keys = self.keys.ring()?;
        self.listener.enter(folder, &row.file, Access::Hear)?;
        let cut = Cut { mono: self.mono, from_secs: self.from_secs, to_secs: self.to_secs, ..Cut::default() };
        play(&folder.join(&row.file), &mut out, &cut, &keys)
            .map_err(|why| format!("{} cannot be played: {why}", row.file))?;
        Ok(())
    }
}
