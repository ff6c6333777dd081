//! How good calls are, as people judge them: score cards, ratings by them, what to listen to, and what it comes to.
//!
//! Where it stands: under `centrala qa`, which reads cards, finds recordings and keeps ratings beside them. A [`Card`] and
//! [`Answers`] make a [`Rating`], which holds all that was asked and answered: reports need no card, and a card that
//! changes changes no rating. It reads no file and no clock, and knows neither calls nor sound.
#![forbid(unsafe_code)]

mod answers;
mod calibration;
mod card;
mod rating;
mod report;
mod sample;

pub use answers::{Answers, Given, Note, Points, moment};
pub use calibration::{Calibration, Compared};
pub use card::{Card, Item, Section};
pub use rating::{Answer, Rating, Ratings, Recording, Score};
pub use report::{ItemLine, Line, by, by_item};
pub use sample::sample;

/// What is wrong with a card, or with answers to one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QaError {
    /// It is not TOML, or has other keys.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// Something is in it that cannot be meant.
    #[error("{what}; {remedy}")]
    Meant {
        /// What.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Not every item has an answer.
    #[error("not answered: {}; give points to each, or n/a where the card lets it be skipped", .0.join(", "))]
    Unanswered(Vec<String>),
}

fn meant(what: String, remedy: &'static str) -> QaError {
    QaError::Meant { what, remedy }
}
