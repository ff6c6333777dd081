//! What one rater found one call worth, by one card.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Answers, Card, Note, Points, QaError, meant};

/// The ratings of one recording, as `NAME.qa.json` has them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ratings {
    /// 1; rises when a field changes its meaning.
    pub version: u32,
    /// One for each rater and card.
    pub ratings: Vec<Rating>,
}

/// A rating, with all that was asked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rating {
    /// The card's name.
    pub card: String,
    /// Who rated.
    pub rater: String,
    /// And when.
    pub at: Timestamp,
    /// What was rated.
    pub recording: Recording,
    /// What it comes to.
    pub score: Score,
    /// In the card's order.
    pub answers: Vec<Answer>,
    /// In the order of their moments.
    pub notes: Vec<Note>,
}

/// What reports ask of a recording.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Recording {
    /// Its id.
    pub id: String,
    /// When it began, RFC 3339, UTC.
    pub began: String,
    /// How long it is.
    pub seconds: f64,
    /// Who talked with the caller.
    pub agent: Option<String>,
    /// The queue waited in.
    pub queue: Option<String>,
}

/// An item, and what it was given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The section's title.
    pub section: String,
    /// The item's id.
    pub id: String,
    /// What was asked.
    pub ask: String,
    /// Points; null where it did not apply.
    pub points: Option<u32>,
    /// Of so many.
    pub of: u32,
    /// Less than all of them is too little.
    pub critical: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What answers come to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Score {
    /// Of all that applied, as the card weighs it; to the hundredth.
    pub percent: f64,
    /// As many as the card wants, and no critical item lost a point.
    pub passed: bool,
    /// Critical items that lost points.
    pub failed: Vec<String>,
}

impl Rating {
    /// By this card and these answers.
    ///
    /// # Errors
    /// When the answers are not those the card asks for, or a note is not within the recording.
    pub fn new(
        (name, card): (&str, &Card),
        answers: Answers,
        recording: Recording,
        rater: &str,
        at: Timestamp,
    ) -> Result<Rating, QaError> {
        let Answers { mut items, mut notes } = answers;
        let mut unanswered = Vec::new();
        let mut given = Vec::new();
        for (section, item) in card.items() {
            let Some(answer) = items.remove(&item.id) else {
                unanswered.push(item.id.clone());
                continue;
            };
            let points = match answer.points {
                Points::Some(points) if points <= item.points => Some(points),
                Points::Skipped if item.skippable => None,
                Points::Some(points) => {
                    let what = format!("{} is given {points} of {} points", item.id, item.points);
                    return Err(meant(what, "give no more than there are"));
                }
                Points::Skipped => {
                    let what = format!("{} cannot be skipped", item.id);
                    return Err(meant(what, "give it points, or write skippable = true into the card"));
                }
            };
            given.push(Answer {
                section: section.title.clone(),
                id: item.id.clone(),
                ask: item.ask.clone(),
                points,
                of: item.points,
                critical: item.critical,
                note: answer.note,
            });
        }
        if let Some(id) = items.keys().next() {
            return Err(meant(format!("the card {name} has no item {id}"), "`centrala qa card` shows what it asks"));
        }
        if !unanswered.is_empty() {
            return Err(QaError::Unanswered(unanswered));
        }
        if let Some(note) = notes.iter().find(|note| note.at_secs > recording.seconds) {
            let what = format!("a note at {} s of a recording of {} s", note.at_secs, recording.seconds);
            return Err(meant(what, "count from the recording's beginning"));
        }
        notes.sort_by(|one, other| one.at_secs.total_cmp(&other.at_secs));
        let score = score(card, &given)?;
        Ok(Rating { card: name.to_owned(), rater: rater.to_owned(), at, recording, score, answers: given, notes })
    }
}

impl Ratings {
    /// Adds one; the same rater's by the same card only where it is to be replaced.
    ///
    /// # Errors
    /// When there is one already, or there are too many.
    pub fn add(&mut self, rating: Rating, replace: bool) -> Result<(), QaError> {
        let same = |other: &Rating| other.rater == rating.rater && other.card == rating.card;
        if !replace && self.ratings.iter().any(same) {
            let what = format!("{} has rated {} by {}", rating.rater, rating.recording.id, rating.card);
            return Err(meant(what, "--replace takes the new rating instead"));
        }
        self.ratings.retain(|other| !same(other));
        if self.ratings.len() >= RATINGS_MAX {
            return Err(meant(format!("{RATINGS_MAX} ratings of one recording"), "rate another"));
        }
        self.ratings.push(rating);
        Ok(())
    }
}

impl Default for Ratings {
    fn default() -> Ratings {
        Ratings { version: 1, ratings: Vec::new() }
    }
}

/// Each section is as good as its points are of those that could be had, and counts as much as its weight; without
/// weights as much as its points. What did not apply is not there.
fn score(card: &Card, answers: &[Answer]) -> Result<Score, QaError> {
    let (mut sum, mut all) = (0.0, 0.0);
    for section in &card.sections {
        let of_it = answers.iter().filter(|answer| section.items.iter().any(|item| item.id == answer.id));
        let applied = of_it.filter_map(|answer| Some((answer.points?, answer.of)));
        let (had, could) = applied.fold((0, 0), |(had, could), (points, of)| (had + points, could + of));
        if could > 0 {
            let weight = section.weight.unwrap_or(could.into());
            sum += weight * f64::from(had) / f64::from(could);
            all += weight;
        }
    }
    if all == 0.0 {
        return Err(meant("nothing of the card applies".to_owned(), "rate the call by another card"));
    }
    let failed =
        answers.iter().filter(|answer| answer.critical && answer.points.is_some_and(|points| points < answer.of));
    let failed: Vec<String> = failed.map(|answer| answer.id.clone()).collect();
    let percent = (sum / all * 10_000.0).round() / 100.0;
    Ok(Score { percent, passed: percent >= card.pass_percent && failed.is_empty(), failed })
}

const RATINGS_MAX: usize = 100;

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By a card whose first item has five points, the second one and is critical, and the others five and may be skipped.
    pub(crate) fn rating(rater: &str, id: &str, agent: &str, points: &[Option<u32>]) -> Rating {
        let item = |at: usize| {
            let (of, critical) = if at == 1 { (1, true) } else { (5, false) };
            format!("{{ id = \"item{at}\", ask = \"?\", points = {of}, critical = {critical}, skippable = true }}")
        };
        let items: Vec<String> = (0..points.len()).map(item).collect();
        let card = format!("title = \"card\"\n[[section]]\ntitle = \"all\"\nitem = [{}]", items.join(", "));
        let mut answers = Answers::default();
        for (at, points) in points.iter().enumerate() {
            let points = points.map_or("n/a".to_owned(), |points| points.to_string());
            answers.add(&format!("item{at}={points}")).unwrap();
        }
        let recording = Recording { id: id.to_owned(), agent: Some(agent.to_owned()), ..Recording::default() };
        Rating::new(("card", &Card::parse(&card).unwrap()), answers, recording, rater, Timestamp::UNIX_EPOCH).unwrap()
    }

    const PLAIN: &str = r#"
        title = "plain"
        [[section]]
        title = "one"
        item = [{ id = "a", ask = "?", points = 5 }, { id = "b", ask = "?", points = 5, skippable = true }]
        [[section]]
        title = "two"
        item = [{ id = "c", ask = "?", points = 10, critical = true, skippable = true }]
    "#;

    fn rated(card: &str, answers: &[&str], notes: &[&str]) -> Result<Rating, QaError> {
        let card = Card::parse(card).unwrap();
        let mut given =
            Answers { notes: notes.iter().map(|note| note.parse().unwrap()).collect(), ..Answers::default() };
        answers.iter().for_each(|answer| given.add(answer).unwrap());
        let recording = Recording { id: "x_1".to_owned(), seconds: 60.0, ..Recording::default() };
        Rating::new(("plain", &card), given, recording, "quinn", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn answers_come_to_what_the_card_says() {
        let weighed = PLAIN
            .replace("title = \"one\"", "title = \"one\"\nweight = 3")
            .replace("title = \"two\"", "title = \"two\"\nweight = 1");
        for (card, answers, percent, passed, failed) in [
            (PLAIN, ["a=5", "b=5", "c=10"], 100.0, true, &[][..]),
            (PLAIN, ["a=1", "b=5", "c=10"], 80.0, true, &[]),
            (PLAIN, ["a=0", "b=5", "c=10"], 75.0, false, &[]),
            (PLAIN, ["a=5", "b=5", "c=9"], 95.0, false, &["c"]),
            (PLAIN, ["a=4", "b=n/a", "c=10"], 93.33, true, &[]),
            (PLAIN, ["a=4", "b=n/a", "c=n/a"], 80.0, true, &[]),
            (&weighed, ["a=5", "b=5", "c=0"], 75.0, false, &["c"]),
            (&weighed, ["a=0", "b=5", "c=10"], 62.5, false, &[]),
            (&weighed, ["a=0", "b=n/a", "c=10"], 25.0, false, &[]),
            (&weighed, ["a=3", "b=5", "c=n/a"], 80.0, true, &[]),
        ] {
            let score = rated(card, &answers, &[]).unwrap().score;
            assert_eq!((score.percent, score.passed), (percent, passed), "{answers:?}");
            assert_eq!(score.failed, failed, "{answers:?}");
        }
    }

    #[test]
    fn answers_that_are_not_those_asked_for_are_refused() {
        for (answers, notes, why) in [
            (&["a=5"][..], &[][..], "not answered: b, c"),
            (&["a=6", "b=5", "c=10"], &[], "6 of 5 points"),
            (&["a=n/a", "b=5", "c=10"], &[], "a cannot be skipped"),
            (&["a=5", "b=5", "c=10", "d=1"], &[], "no item d"),
            (&["a=5", "b=5", "c=10"], &["1:01 too late"], "a note at 61 s"),
        ] {
            let told = rated(PLAIN, answers, notes).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
        let all = PLAIN.replace("points = 5 }", "points = 5, skippable = true }");
        assert!(
            rated(&all, &["a=n/a", "b=n/a", "c=n/a"], &[]).unwrap_err().to_string().contains("nothing of the card")
        );
    }

    #[test]
    fn a_rater_rates_once_by_a_card_and_a_file_of_ratings_can_be_read_back() {
        let mut ratings = Ratings::default();
        let rating = rated(PLAIN, &["a=5", "b=n/a", "c=10"], &["0:30 laughs", "2 greets"]).unwrap();
        assert_eq!(rating.notes.iter().map(|note| note.at_secs).collect::<Vec<_>>(), [2.0, 30.0]);
        ratings.add(rating.clone(), false).unwrap();
        assert!(ratings.add(rating.clone(), false).unwrap_err().to_string().contains("quinn has rated"));
        ratings.add(rating.clone(), true).unwrap();
        ratings.add(Rating { rater: "ruth".to_owned(), ..rating }, false).unwrap();
        assert_eq!(ratings.ratings.len(), 2);
        let text = serde_json::to_string(&ratings).unwrap();
        assert_eq!(serde_json::from_str::<Ratings>(&text).unwrap(), ratings);
    }

    proptest! {
        /// More points are never worth less, and nothing is worth more than everything.
        #[test]
        fn a_point_more_costs_nothing(a in 0_u32..5, b in 0_u32..=5, c in 0_u32..=10, weighed: bool) {
            let card = if weighed { PLAIN.replace("title = \"one\"", "title = \"one\"\nweight = 7").replace("title = \"two\"", "title = \"two\"\nweight = 2") } else { PLAIN.to_owned() };
            let percent = |a: u32| rated(&card, &[&format!("a={a}"), &format!("b={b}"), &format!("c={c}")], &[]).unwrap().score.percent;
            prop_assert!(percent(a) < percent(a + 1));
            prop_assert!((0.0..=100.0).contains(&percent(a)) && (0.0..=100.0).contains(&percent(5)));
        }
    }
}
