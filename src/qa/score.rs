//! `centrala qa score`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use qa::{Answers, Note, Rating, Ratings, Recording};
use recorder::{Manifest, with_ratings};
use serde_json::json;

use super::cards::Cards;
use super::rated::show;
use crate::Failure;
use crate::recordings::{Archive, now, the_one};

#[derive(Args)]
pub struct ScoreArgs {
    #[command(flatten)]
    archive: Archive,
    #[command(flatten)]
    cards: Cards,
    /// The recording's id, or its file below the folder
    id: String,
    /// Answers: ITEM=POINTS, or ITEM=n/a
    #[arg(value_name = "ITEM=POINTS")]
    answers: Vec<String>,
    /// The card: its file's name without .toml
    #[arg(long)]
    card: String,
    /// Who rates
    #[arg(long, env = "USER")]
    rater: String,
    /// A file of answers, as `centrala qa card` prints it; answers in words count instead of those in it
    #[arg(long = "answers", value_name = "FILE")]
    file: Option<PathBuf>,
    /// A note at a moment of the recording: "1:23 interrupts the caller"
    #[arg(long = "note", value_name = "MOMENT TEXT")]
    notes: Vec<Note>,
    /// In place of what the same rater said by the same card
    #[arg(long)]
    replace: bool,
    /// The rating as it is kept
    #[arg(long)]
    json: bool,
}

impl ScoreArgs {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.archive.folder()?;
        let card = self.cards.read(&self.card)?;
        let row = the_one(folder, &self.id)?;
        let mut answers = match &self.file {
            None => Answers::default(),
            Some(file) => {
                let text = fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
                Answers::parse(&text).map_err(|why| format!("{}: {why}", file.display()))?
            }
        };
        for answer in &self.answers {
            answers.add(answer)?;
        }
        answers.notes.extend(self.notes);
        let rater = self.rater.trim();
        if rater.is_empty() || rater.len() > 100 || rater.contains(char::is_control) {
            return Err("a rater needs a name of 100 letters at most; say --rater".into());
        }
        let recording =
            Recording { id: row.id, began: row.began, seconds: row.seconds, agent: row.agent, queue: row.queue };
        let rating = Rating::new((&self.card, &card), answers, recording, rater, now())?;
        with_ratings(&mut Manifest::new(folder), &row.file, |before| {
            let unreadable = |why| format!("the ratings of {} cannot be read: {why}; move the file away", row.file);
            let read = before.map(serde_json::from_slice::<Ratings>).transpose();
            let mut ratings = read.map_err(unreadable)?.unwrap_or_default();
            ratings.add(rating.clone(), self.replace)?;
            let mut text = serde_json::to_vec_pretty(&ratings)?;
            text.push(b'\n');
            Ok::<_, Failure>(text)
        })?;
        match self.json {
            true => println!("{}", json!(rating)),
            false => show(&rating),
        }
        Ok(())
    }
}
