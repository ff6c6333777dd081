//! `centrala recordings export`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use recorder::{Access, Cut, Format};

use super::Archive;
use super::access::Listener;
use super::find::{here, the_one};
use super::keys::Keys;
use super::progress::Bar;
use crate::Failure;

#[derive(Args)]
pub struct ExportArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    listener: Listener,
    /// The recording's id, or its file below the folder
    id: String,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// How; what the file's ending says, if it is not said
    #[arg(long, value_enum)]
    format: Option<Wanted>,
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

#[derive(Clone, Copy, ValueEnum)]
enum Wanted {
    /// 16 bits a sample
    Wav,
    /// A-law or µ-law, whichever loses less
    G711,
    /// Ogg Opus
    Opus,
}

impl ExportArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let row = the_one(folder, &self.id)?;
        here(folder, &row)?;
        let format = match (self.format, self.to.extension().and_then(|ending| ending.to_str())) {
            (Some(Wanted::Wav), _) | (None, Some("wav")) => Format::Wav,
            (Some(Wanted::G711), _) => Format::G711,
            (Some(Wanted::Opus), _) | (None, Some("opus" | "ogg")) => Format::Opus,
            (None, _) => {
                return Err("say --format wav, g711 or opus, or name a file that ends with .wav or .opus".into());
            }
        };
        if self.to.exists() {
            return Err(format!("{} is there already; name another file", self.to.display()).into());
        }
        let cut = Cut { format, mono: self.mono, from_secs: self.from_secs, to_secs: self.to_secs };
        let keys = self.keys.ring()?;
        self.listener.enter(folder, &row.file, Access::Export)?;
        let mut bar = Bar::new();
        let written = recorder::export(&folder.join(&row.file), &self.to, &cut, &keys, |secs| {
            bar.show(secs as u64, row.seconds.ceil() as u64, || format!("{secs:.0} s"));
            true
        });
        drop(bar);
        if let Err(why) = written {
            let _ = fs::remove_file(&self.to); // half a copy is none
            return Err(format!("{} cannot be copied to {}: {why}", row.file, self.to.display()).into());
        }
        println!("{}", self.to.display());
        Ok(())
    }
}
