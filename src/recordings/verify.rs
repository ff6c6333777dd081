//! `centrala recordings verify`.

use clap::Args;
use recorder::{Noted, Verify};
use serde_json::json;

use super::Archive;
use super::keys::Keys;
use super::progress::Bar;
use crate::Failure;

#[derive(Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    keys: Keys,
    /// Read only the recordings of this day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    day: Option<String>,
    /// An end of the chain that was noted elsewhere, as this command told it
    #[arg(long, value_name = "LINE:HASH", value_parser = noted)]
    noted: Option<Noted>,
    /// One JSON object a line: each finding, then the summary
    #[arg(long)]
    json: bool,
}

impl VerifyArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let mut bar = Bar::new();
        let verify = Verify { below: self.day, noted: self.noted, keys: self.keys.ring()? };
        let report = verify.run(folder, |done| {
            bar.show(done.bytes, done.bytes_all, || format!("{} of {} recordings", done.files, done.files_all));
            true
        });
        drop(bar);
        let mut report =
            report.map_err(|why| format!("{} cannot be read: {why}", folder.display()))?.unwrap_or_default();
        let findings = std::mem::take(&mut report.findings);
        for finding in &findings {
            match self.json {
                true => println!("{}", json!(finding)),
                false => println!("{}: {}", finding.file, finding.fault),
            }
        }
        match self.json {
            true => println!("{}", json!(report)),
            false => {
                let (recordings, megabytes) = (report.recordings, report.bytes as f64 / 1e6);
                println!("{recordings} recordings ({megabytes:.1} MB) compared, {} findings", findings.len());
                if report.unfinished > 0 {
                    println!("{} recordings are being made, or wait for the next start", report.unfinished);
                }
                if report.first_line > 1 {
                    println!("the chain begins with line {}: older days are not in this folder", report.first_line);
                }
                println!("the chain ends with {}:{}", report.last_line, report.last_hash);
            }
        }
        match findings.len() {
            0 => Ok(()),
            findings => Err(format!("{findings} things are not as they were recorded").into()),
        }
    }
}

/// A day, as the folder it has.
fn day(text: &str) -> Result<String, String> {
    let date: jiff::civil::Date = text.parse().map_err(|_| format!("{text:?} is no day; write it as 2026-11-24"))?;
    Ok(date.strftime("%Y/%m/%d").to_string())
}

fn noted(text: &str) -> Result<Noted, String> {
    let what = || format!("{text:?} is no end of a chain; write the line's number, a colon and its hash");
    let (n, hash) = text.split_once(':').ok_or_else(what)?;
    Ok(Noted { n: n.parse().map_err(|_| what())?, hash: hash.parse().map_err(|_| what())? })
}
