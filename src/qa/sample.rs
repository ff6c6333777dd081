//! `centrala qa sample`.

use centrala::shell::random;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use recorder::{Row, ratings_of};
use serde_json::json;

use crate::Failure;
use crate::recordings::{Archive, Filter, length, local, open};
use crate::remote::print_table;

#[derive(Args)]
pub struct SampleArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    filter: Filter,
    /// So many of each agent
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    per_agent: usize,
    /// So many of each agent in each of these
    #[arg(long, value_enum)]
    each: Option<Period>,
    /// Only what nobody has rated
    #[arg(long)]
    unrated: bool,
    /// Draw what was drawn with this number before
    #[arg(long)]
    seed: Option<u64>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Period {
    Day,
    Week,
    Month,
}

impl SampleArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let seed = match self.seed {
            Some(seed) => seed,
            None => random()?.below(1_000_000),
        };
        let mut rows = open(folder)?.find(&self.filter.query())?;
        rows.retain(|row| row.agent.is_some() && !(self.unrated && ratings_of(&folder.join(&row.file)).exists()));
        let each = self.each;
        let group = |row: &Row| {
            let agent = row.agent.clone().unwrap_or_default();
            each.map_or(agent.clone(), |period| format!("{agent} {}", period.of(&row.began)))
        };
        let drawn = qa::sample(rows, seed, self.per_agent, |row| row.id.clone(), group);
        if self.json {
            drawn.iter().for_each(|row| println!("{}", json!(row)));
        } else {
            print_table(&drawn.iter().map(columns).collect::<Vec<_>>());
        }
        eprintln!("{} recordings; --seed {seed} draws the same again", drawn.len());
        Ok(())
    }
}

impl Period {
    /// The one a moment lies in, on the clock of the room.
    fn of(self, began: &str) -> String {
        let format = match self {
            Period::Day => "%Y-%m-%d",
            Period::Week => "%G-W%V",
            Period::Month => "%Y-%m",
        };
        let moment = began.parse::<Timestamp>().map(|moment| moment.to_zoned_datetime(TimeZone::system()));
        moment.map_or(String::new(), |moment| moment.strftime(format).to_string())
    }
}

fn columns(row: &Row) -> Vec<String> {
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    vec![said(&row.agent), row.id.clone(), local(&row.began), length(row.seconds), said(&row.queue)]
}
