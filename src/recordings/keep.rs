//! `centrala recordings hold`, `release`, `erase` and `expire`: what is kept, and what is not.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use recorder::{Because, KeepError, Manifest, Query, Retention, Row, erase, hold, release};

use super::Archive;
use super::find::{open, the_one};
use super::progress::Bar;
use crate::Failure;

#[derive(Args)]
pub struct HoldArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    decision: Decision,
    /// The recording's id, or its file below the folder
    id: String,
}

#[derive(Args)]
pub struct EraseArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    decision: Decision,
    /// The recording's id, or its file below the folder
    #[arg(required_unless_present = "number", conflicts_with = "number")]
    id: Option<String>,
    /// All recordings with this number on either side
    #[arg(long)]
    number: Option<String>,
    /// Only say what would be erased
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
pub struct ExpireArgs {
    #[command(flatten)]
    archive: Archive,
    /// The conf whose [retention] says how long recordings are kept
    #[arg(long, default_value = "conf", env = "CENTRALA_CONF")]
    conf: PathBuf,
    /// Whatever the conf says: recordings that began so many days ago
    #[arg(long)]
    days: Option<u32>,
    /// Only those of this queue
    #[arg(long)]
    queue: Option<String>,
    /// Only say what would be erased
    #[arg(long)]
    dry_run: bool,
    /// Why; it stays in the manifest
    #[arg(long, default_value = "its time is over")]
    why: String,
    /// Who decides
    #[arg(long, env = "USER")]
    by: String,
}

#[derive(Args)]
struct Decision {
    /// Why; it stays in the manifest
    #[arg(long)]
    why: String,
    /// Who decides
    #[arg(long, env = "USER")]
    by: String,
}

impl Decision {
    fn because(&self) -> Because<'_> {
        Because { by: &self.by, why: &self.why, at: now() }
    }
}

impl HoldArgs {
    pub fn hold(self) -> Result<(), Failure> {
        self.change(hold, "on hold")
    }

    pub fn release(self) -> Result<(), Failure> {
        self.change(release, "released")
    }

    fn change(
        self,
        change: fn(&mut Manifest, &str, Because<'_>) -> Result<(), KeepError>,
        done: &str,
    ) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let row = the_one(folder, &self.id)?;
        change(&mut Manifest::new(folder), &row.file, self.decision.because())?;
        println!("{} is {done}", row.id);
        Ok(())
    }
}

impl EraseArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let rows = match (&self.id, &self.number) {
            (Some(id), _) => vec![the_one(folder, id)?],
            // A number that is asked for by its end alone would erase other people's calls.
            (None, number) => open(folder)?
                .find(&Query { number: number.clone(), ..Query::default() })?
                .into_iter()
                .filter(|row| [&row.caller, &row.called].into_iter().any(|had| same(had, number.as_deref())))
                .collect(),
        };
        erase_all(folder, &rows, &self.decision, self.dry_run)
    }
}

impl ExpireArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let retention = match self.days {
            Some(_) => Retention { days: self.days, ..Retention::default() },
            None => crate::load(&self.conf)?.retention,
        };
        if retention.is_forever() {
            let conf = self.conf.display();
            return Err(format!("{conf} keeps everything for ever; write [retention] there, or say --days").into());
        }
        let mut rows = retention.over(&open(folder)?, now(), usize::MAX)?;
        rows.retain(|row| self.queue.is_none() || row.queue == self.queue);
        erase_all(folder, &rows, &Decision { why: self.why, by: self.by }, self.dry_run)
    }
}

/// Is it this number, however it is written?
fn same(had: &str, number: Option<&str>) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    number.is_some_and(|number| digits(had) == digits(number))
}

fn erase_all(folder: &Path, rows: &[Row], decision: &Decision, dry_run: bool) -> Result<(), Failure> {
    let mut manifest = Manifest::new(folder);
    let (mut bar, mut refused) = (Bar::new(), 0);
    for (done, row) in rows.iter().enumerate() {
        bar.show(done as u64, rows.len() as u64, || format!("{done} of {} recordings", rows.len()));
        if dry_run {
            println!("{}  {}", row.id, row.began);
        } else if let Err(why) = erase(&mut manifest, &row.file, decision.because()) {
            eprintln!("{why}");
            refused += 1;
        }
    }
    drop(bar);
    if !dry_run && !rows.is_empty() {
        open(folder)?.scrub()?; // nor is it found any more
    }
    match (dry_run, refused) {
        (true, _) => println!("{} recordings would be erased", rows.len()),
        (false, 0) => println!("{} recordings are erased", rows.len()),
        (false, refused) => return Err(format!("{refused} of {} recordings are not erased", rows.len()).into()),
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "the command line decides now")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
