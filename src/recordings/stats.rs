//! `centrala recordings stats`.

use clap::{Args, ValueEnum};
use recorder::{By, Total};
use serde_json::json;

use super::Archive;
use super::filter::Filter;
use super::find::open;
use crate::Failure;
use crate::remote::print_table;

#[derive(Args)]
pub struct StatsArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    filter: Filter,
    /// A line for each of these
    #[arg(long, value_enum)]
    by: Option<Wanted>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Wanted {
    /// The day they began on
    Day,
    /// The queue waited in last
    Queue,
    /// Who talked with the caller last
    Agent,
    /// wav, g711 or opus
    Format,
    /// inbound, outbound or internal
    Direction,
}

impl StatsArgs {
    pub fn run(self) -> Result<(), Failure> {
        let index = open(self.archive.folder()?)?;
        let by = self.by.map(|by| match by {
            Wanted::Day => By::Day,
            Wanted::Queue => By::Queue,
            Wanted::Agent => By::Agent,
            Wanted::Format => By::Format,
            Wanted::Direction => By::Direction,
        });
        let totals = index.totals(&self.filter.query(), by)?;
        if self.json {
            totals.iter().for_each(|total| println!("{}", json!(total)));
            return Ok(());
        }
        let mut lines = vec![["", "recordings", "hours", "MB"].map(str::to_owned).to_vec()];
        if by.is_some() {
            lines.extend(totals.iter().map(|total| columns(total.of.as_deref().unwrap_or("-"), total)));
        }
        lines.push(columns("all", &sum(&totals)));
        print_table(&lines);
        Ok(())
    }
}

fn sum(totals: &[Total]) -> Total {
    Total {
        of: None,
        recordings: totals.iter().map(|total| total.recordings).sum(),
        seconds: totals.iter().map(|total| total.seconds).sum(),
        bytes: totals.iter().map(|total| total.bytes).sum(),
    }
}

fn columns(name: &str, total: &Total) -> Vec<String> {
    let (hours, megabytes) = (total.seconds / 3600.0, total.bytes as f64 / 1e6);
    vec![name.to_owned(), total.recordings.to_string(), format!("{hours:.2}"), format!("{megabytes:.1}")]
}
