//! `centrala qa show` and `calibrate`: the ratings of one recording.

use std::fs;
use std::path::Path;

use clap::Args;
use qa::{Calibration, Rating, Ratings};
use recorder::ratings_of;
use serde_json::json;

use crate::Failure;
use crate::recordings::{Archive, length, local, the_one};
use crate::remote::print_table;

#[derive(Args)]
pub struct ShowArgs {
    #[command(flatten)]
    archive: Archive,
    /// The recording's id, or its file below the folder
    id: String,
    /// One JSON object a line, for each rating
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct CalibrateArgs {
    #[command(flatten)]
    archive: Archive,
    /// The recording's id, or its file below the folder
    id: String,
    /// Ratings by this card; needed where there are several
    #[arg(long)]
    card: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl ShowArgs {
    pub fn run(self) -> Result<(), Failure> {
        let ratings = of(self.archive.folder()?, &self.id)?;
        if ratings.is_empty() {
            println!("nobody has rated {}", self.id);
        }
        for rating in &ratings {
            match self.json {
                true => println!("{}", json!(rating)),
                false => show(rating),
            }
        }
        Ok(())
    }
}

impl CalibrateArgs {
    pub fn run(self) -> Result<(), Failure> {
        let mut ratings = of(self.archive.folder()?, &self.id)?;
        if let Some(card) = &self.card {
            ratings.retain(|rating| rating.card == *card);
        }
        let mut cards: Vec<&str> = ratings.iter().map(|rating| &*rating.card).collect();
        cards.sort_unstable();
        cards.dedup();
        if cards.len() > 1 {
            return Err(format!("{} is rated by the cards {}; say --card", self.id, cards.join(", ")).into());
        }
        let calibration = Calibration::of(&ratings.iter().collect::<Vec<_>>());
        let calibration =
            calibration.ok_or_else(|| format!("{} ratings of {}; two are needed", ratings.len(), self.id))?;
        if self.json {
            println!("{}", json!(calibration));
            return Ok(());
        }
        let line = |name: &str, cells: &mut dyn Iterator<Item = String>, last: [String; 2]| {
            [name.to_owned()].into_iter().chain(cells).chain(last).collect::<Vec<_>>()
        };
        let none = || [String::new(), String::new()];
        let Calibration { raters, percents, passed, percent, offsets, spread, agreed_percent, items } = calibration;
        let mut lines = vec![line("", &mut raters.into_iter(), ["of".to_owned(), "apart".to_owned()])];
        for item in &items {
            let points = item.points.iter().map(|points| points.map_or("n/a".to_owned(), |points| points.to_string()));
            let apart = match item.spread {
                _ if item.agreed => String::new(),
                Some(spread) => format!("{spread} %"),
                None => "applies or not".to_owned(),
            };
            lines.push(line(&item.item, &mut points.into_iter(), [item.of.to_string(), apart]));
        }
        lines.push(line(
            "score, %",
            &mut percents.iter().map(f64::to_string),
            ["100".to_owned(), format!("{spread} %")],
        ));
        lines.push(line("from the mean", &mut offsets.iter().map(|offset| format!("{offset:+}")), none()));
        lines.push(line("passed", &mut passed.iter().map(|passed| yes(*passed)), none()));
        print_table(&lines);
        println!("mean {percent} %; all agree on {agreed_percent} % of the items");
        Ok(())
    }
}

/// The ratings of the recording of this id.
fn of(folder: &Path, id: &str) -> Result<Vec<Rating>, Failure> {
    read(&ratings_of(&folder.join(the_one(folder, id)?.file)))
}

/// The ratings in a file; none where it is not there.
pub fn read(path: &Path) -> Result<Vec<Rating>, Failure> {
    let text = match fs::read(path) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(|why| format!("{}: {why}", path.display()))?,
    };
    let ratings: Ratings = serde_json::from_slice(&text).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(ratings.ratings)
}

/// A rating for people.
pub fn show(rating: &Rating) {
    let Rating { card, rater, at, recording, score, answers, notes } = rating;
    let agent = recording.agent.as_deref().unwrap_or("nobody");
    println!("{} of {agent}, by {rater} with the card {card}, {}", recording.id, local(&at.to_string()));
    let mut lines = Vec::new();
    for answer in answers {
        let points = answer.points.map_or("n/a".to_owned(), |points| format!("{points} of {}", answer.of));
        let failed = if score.failed.contains(&answer.id) { "critical" } else { "" };
        let note = answer.note.clone().unwrap_or_default();
        lines.push(vec![answer.section.clone(), answer.id.clone(), points, failed.to_owned(), note]);
    }
    for note in notes {
        lines.push(vec!["note".to_owned(), length(note.at_secs), String::new(), String::new(), note.text.clone()]);
    }
    print_table(&lines);
    println!("{} %, {}", score.percent, if score.passed { "passed" } else { "not passed" });
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}
