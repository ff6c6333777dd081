//! `centrala qa`: what to listen to, score cards, and what ratings come to. All of it is files: cards in the conf, ratings
//! beside the recordings; it works on a copy of the folder, with the switch off.

mod cards;
mod rated;
mod report;
mod sample;
mod score;

use clap::Subcommand;

use crate::Failure;

#[derive(Subcommand)]
pub enum Command {
    /// List the score cards, and what is wrong with any
    Cards(cards::CardsArgs),
    /// Print a card as a file of answers to fill in
    Card(cards::CardArgs),
    /// Draw recordings to listen to, by chance: so many of each agent
    Sample(sample::SampleArgs),
    /// Rate a recording by a card, with notes at moments of it
    Score(score::ScoreArgs),
    /// Show what a recording was rated
    Show(rated::ShowArgs),
    /// Compare several raters of one recording
    Calibrate(rated::CalibrateArgs),
    /// Sum ratings up, by agent, team, queue, rater, card or item
    Report(report::ReportArgs),
}

impl Command {
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Command::Cards(args) => args.run(),
            Command::Card(args) => args.run(),
            Command::Sample(args) => args.run(),
            Command::Score(args) => args.run(),
            Command::Show(args) => args.run(),
            Command::Calibrate(args) => args.run(),
            Command::Report(args) => args.run(),
        }
    }
}
