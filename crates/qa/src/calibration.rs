//! How far raters agree who rated the same recording by the same card.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::Rating;
use crate::report::hundredths;

/// Several ratings beside each other.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Calibration {
    /// Who rated, in the order of all that follows.
    pub raters: Vec<String>,
    /// What each found it worth.
    pub percents: Vec<f64>,
    /// Whether each let it pass.
    pub passed: Vec<bool>,
    /// The mean of all.
    pub percent: f64,
    /// How far each is from the mean.
    pub offsets: Vec<f64>,
    /// The highest less the lowest.
    pub spread: f64,
    /// The share of items all say the same of.
    pub agreed_percent: f64,
    /// Item by item.
    pub items: Vec<Compared>,
}

/// An item, as each rater saw it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Compared {
    /// Its id.
    pub item: String,
    /// The points of each; none where he skipped it, or was not asked.
    pub points: Vec<Option<u32>>,
    /// Of so many.
    pub of: u32,
    /// The most less the least, as a share of all of its points; none where less than two gave any.
    pub spread: Option<f64>,
    /// All say the same.
    pub agreed: bool,
}

impl Calibration {
    /// Of ratings by one card; `None` where there are less than two.
    pub fn of(ratings: &[&Rating]) -> Option<Calibration> {
        if ratings.len() < 2 {
            return None;
        }
        let mut known = BTreeSet::new();
        let asked = ratings.iter().flat_map(|rating| &rating.answers).filter(|answer| known.insert(&*answer.id));
        let compared = asked.map(|asked| {
            let of_it = |rating: &&Rating| rating.answers.iter().find(|answer| answer.id == asked.id)?.points;
            let points: Vec<Option<u32>> = ratings.iter().map(of_it).collect();
            let given = || points.iter().flatten();
            let spread = given().max().zip(given().min()).filter(|_| given().count() > 1);
            Compared {
                item: asked.id.clone(),
                of: asked.of,
                spread: spread
                    .map(|(most, least)| hundredths(100.0 * f64::from(most - least) / f64::from(asked.of.max(1)))),
                agreed: points.windows(2).all(|pair| pair[0] == pair[1]),
                points,
            }
        });
        let items: Vec<Compared> = compared.collect();
        let percents: Vec<f64> = ratings.iter().map(|rating| rating.score.percent).collect();
        let mean = percents.iter().sum::<f64>() / percents.len() as f64;
        let most = percents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = percents.iter().copied().fold(f64::INFINITY, f64::min);
        let agreed = items.iter().filter(|item| item.agreed).count();
        Some(Calibration {
            raters: ratings.iter().map(|rating| rating.rater.clone()).collect(),
            passed: ratings.iter().map(|rating| rating.score.passed).collect(),
            percent: hundredths(mean),
            offsets: percents.iter().map(|percent| hundredths(percent - mean)).collect(),
            spread: hundredths(most - least),
            agreed_percent: hundredths(100.0 * agreed as f64 / items.len().max(1) as f64),
            percents,
            items,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rating::tests::rating;

    #[test]
    fn raters_are_compared_item_by_item() {
        let ratings = [
            rating("quinn", "x_1", "ann", &[Some(5), Some(1), None]),
            rating("ruth", "x_1", "ann", &[Some(2), Some(1), Some(4)]),
            rating("sue", "x_1", "ann", &[Some(4), Some(1), None]),
        ];
        let told = Calibration::of(&ratings.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(told.raters, ["quinn", "ruth", "sue"]);
        assert_eq!(told.percents, [100.0, 63.64, 83.33]);
        assert_eq!((told.percent, told.spread, told.agreed_percent), (82.32, 36.36, 33.33));
        assert_eq!(told.offsets, [17.68, -18.68, 1.01]);
        let items: Vec<_> = told.items.iter().map(|item| (&*item.points, item.spread, item.agreed)).collect();
        let wanted = [
            (&[Some(5), Some(2), Some(4)][..], Some(60.0), false),
            (&[Some(1), Some(1), Some(1)], Some(0.0), true),
            (&[None, Some(4), None], None, false),
        ];
        assert_eq!(items, wanted);
    }

    #[test]
    fn one_rater_agrees_with_nobody() {
        let one = rating("quinn", "x_1", "ann", &[Some(5)]);
        assert_eq!(Calibration::of(&[&one]), None);
        assert_eq!(Calibration::of(&[]), None);
        assert_eq!(Calibration::of(&[&one, &one]).unwrap().agreed_percent, 100.0);
    }
}
