//! What many ratings come to: by agent, team or whatever they have in common, and item by item.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::Rating;

/// Ratings with something in common.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Line {
    /// What they have in common.
    pub of: String,
    /// How many ratings.
    pub ratings: usize,
    /// Of how many recordings.
    pub recordings: usize,
    /// Their mean.
    pub percent: f64,
    /// The lowest.
    pub percent_min: f64,
    /// The highest.
    pub percent_max: f64,
    /// The share that passed.
    pub passed_percent: f64,
    /// In how many a critical item lost points.
    pub failed: usize,
}

/// An item of a card over many ratings.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ItemLine {
    /// The card.
    pub card: String,
    /// The section's title.
    pub section: String,
    /// The item's id.
    pub item: String,
    /// How often it was given points.
    pub answered: usize,
    /// How often it did not apply.
    pub skipped: usize,
    /// The share of the points it could have; none where it never applied.
    pub percent: Option<f64>,
    /// How often it got all of them.
    pub full: usize,
    /// It is critical, and so often it lost points.
    pub failed: usize,
}

/// A line for each value of `of`.
pub fn by<'a>(ratings: impl IntoIterator<Item = &'a Rating>, of: impl Fn(&Rating) -> String) -> Vec<Line> {
    let mut groups: BTreeMap<String, Vec<&Rating>> = BTreeMap::new();
    ratings.into_iter().for_each(|rating| groups.entry(of(rating)).or_default().push(rating));
    let line = |(of, ratings): (String, Vec<&Rating>)| {
        let percents = || ratings.iter().map(|rating| rating.score.percent);
        let share = |count: usize| hundredths(100.0 * count as f64 / ratings.len() as f64);
        Line {
            of,
            ratings: ratings.len(),
            recordings: ratings.iter().map(|rating| &*rating.recording.id).collect::<BTreeSet<_>>().len(),
            percent: hundredths(percents().sum::<f64>() / ratings.len() as f64),
            percent_min: percents().fold(f64::INFINITY, f64::min),
            percent_max: percents().fold(f64::NEG_INFINITY, f64::max),
            passed_percent: share(ratings.iter().filter(|rating| rating.score.passed).count()),
            failed: ratings.iter().filter(|rating| !rating.score.failed.is_empty()).count(),
        }
    };
    groups.into_iter().map(line).collect()
}

/// A line for each item, by cards, in the order of the latest card.
pub fn by_item<'a>(ratings: impl IntoIterator<Item = &'a Rating>) -> Vec<ItemLine> {
    let mut cards: BTreeMap<&str, Vec<&Rating>> = BTreeMap::new();
    ratings.into_iter().for_each(|rating| cards.entry(&rating.card).or_default().push(rating));
    let mut lines = Vec::new();
    for (card, mut ratings) in cards {
        ratings.sort_by_key(|rating| std::cmp::Reverse(rating.at));
        let mut known = BTreeSet::new();
        let answers = || ratings.iter().flat_map(|rating| &rating.answers);
        for asked in answers().filter(|answer| known.insert(&*answer.id)) {
            let given: Vec<_> = answers().filter(|answer| answer.id == asked.id).collect();
            let applied = || given.iter().filter_map(|answer| Some((answer.points?, *answer)));
            let had: u64 = applied().map(|(points, _)| u64::from(points)).sum();
            let could: u64 = applied().map(|(_, answer)| u64::from(answer.of)).sum();
            let answered = applied().count();
            lines.push(ItemLine {
                card: card.to_owned(),
                section: asked.section.clone(),
                item: asked.id.clone(),
                answered,
                skipped: given.len() - answered,
                percent: (could > 0).then(|| hundredths(100.0 * had as f64 / could as f64)),
                full: applied().filter(|(points, answer)| *points == answer.of).count(),
                failed: applied().filter(|(points, answer)| answer.critical && *points < answer.of).count(),
            });
        }
    }
    lines
}

pub(crate) fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rating::tests::rating;

    #[test]
    fn ratings_are_summed_by_what_they_have_in_common() {
        let ratings = [
            rating("quinn", "x_1", "ann", &[Some(5), Some(1)]),
            rating("ruth", "x_1", "ann", &[Some(3), Some(1)]),
            rating("quinn", "y_1", "bob", &[Some(5), Some(0)]),
        ];
        let lines = by(&ratings, |rating| rating.recording.agent.clone().unwrap_or_default());
        let told: Vec<_> = lines
            .iter()
            .map(|line| (&*line.of, line.ratings, line.recordings, line.percent, line.passed_percent, line.failed))
            .collect();
        assert_eq!(told, [("ann", 2, 1, 83.34, 50.0, 0), ("bob", 1, 1, 83.33, 0.0, 1)]);
        assert_eq!((lines[0].percent_min, lines[0].percent_max), (66.67, 100.0));
        let all = by(&ratings, |_| String::new());
        assert_eq!((all.len(), all[0].ratings, all[0].recordings, all[0].percent), (1, 3, 2, 83.33));
        assert_eq!(by([], |_| String::new()), []);
    }

    #[test]
    fn items_are_summed_by_card_and_skipped_ones_weigh_nothing() {
        let mut other = rating("quinn", "z_1", "ann", &[Some(5), Some(1)]);
        other.card = "another".to_owned();
        let ratings = [
            rating("quinn", "x_1", "ann", &[Some(5), None]),
            rating("ruth", "x_1", "ann", &[Some(2), Some(0)]),
            rating("quinn", "y_1", "bob", &[Some(5), None]),
            other,
        ];
        let lines = by_item(&ratings);
        let told: Vec<_> = lines
            .iter()
            .map(|line| (&*line.card, &*line.item, line.answered, line.skipped, line.percent, line.full, line.failed))
            .collect();
        let wanted = [
            ("another", "item0", 1, 0, Some(100.0), 1, 0),
            ("another", "item1", 1, 0, Some(100.0), 1, 0),
            ("card", "item0", 3, 0, Some(80.0), 2, 0),
            ("card", "item1", 1, 2, Some(0.0), 0, 1),
        ];
        assert_eq!(told, wanted);
        let never = by_item([&rating("quinn", "x_1", "ann", &[Some(5), None])]);
        assert_eq!((never[1].answered, never[1].percent), (0, None));
    }
}
