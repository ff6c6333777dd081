//! A score card: what is asked of a call, and how much it counts.

use std::collections::HashSet;

use serde::Deserialize;

use crate::{QaError, meant};

/// A card, as `conf/qa/NAME.toml` has it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// What it is for.
    pub title: String,
    /// A call with less is not passed.
    #[serde(default = "eighty")]
    pub pass_percent: f64,
    /// Its parts.
    #[serde(rename = "section")]
    pub sections: Vec<Section>,
}

/// Items that belong together.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// What they have in common.
    pub title: String,
    /// How much it counts beside the others. All have one or none: then each point counts the same.
    pub weight: Option<f64>,
    /// What is asked.
    #[serde(rename = "item")]
    pub items: Vec<Item>,
}

/// One thing to judge.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its short name, in answers and reports.
    pub id: String,
    /// What is asked.
    pub ask: String,
    /// The most it can get.
    #[serde(default = "one")]
    pub points: u32,
    /// With less than all of its points the call is not passed, whatever the rest is.
    #[serde(default)]
    pub critical: bool,
    /// It may not apply to a call, and then counts nothing.
    #[serde(default)]
    pub skippable: bool,
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// When it is no card, or one that cannot be meant.
    pub fn parse(text: &str) -> Result<Card, QaError> {
        let card: Card = toml::from_str(text)?;
        if !(0.0..=100.0).contains(&card.pass_percent) {
            return Err(meant(format!("pass_percent is {}", card.pass_percent), "it is a share of 100"));
        }
        if card.sections.iter().any(|section| section.items.is_empty()) || card.sections.is_empty() {
            return Err(meant("a section without items".to_owned(), "write [[section.item]] below each [[section]]"));
        }
        if card.items().count() > ITEMS_MAX {
            return Err(meant(format!("{} items", card.items().count()), "a card has 200 at most"));
        }
        let weights = card.sections.iter().filter_map(|section| section.weight).collect::<Vec<_>>();
        if !weights.is_empty() && weights.len() < card.sections.len() {
            return Err(meant(
                "some sections have a weight and some have none".to_owned(),
                "give one to each, or to none: then each point counts the same",
            ));
        }
        if let Some(weight) = weights.into_iter().find(|weight| !(*weight > 0.0 && *weight <= 1_000.0)) {
            return Err(meant(format!("a weight of {weight}"), "weights are above 0 and 1,000 at most"));
        }
        let mut ids = HashSet::new();
        for (_, item) in card.items() {
            let letter = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-');
            if item.id.is_empty() || !item.id.chars().all(letter) {
                let what = format!("the item {:?}", item.id);
                return Err(meant(what, "ids are of lower-case letters, digits and dashes"));
            }
            if !(1..=POINTS_MAX).contains(&item.points) {
                return Err(meant(format!("{} has {} points", item.id, item.points), "1 to 1,000 are possible"));
            }
            if !ids.insert(&item.id) {
                return Err(meant(format!("two items are {}", item.id), "each needs an id of its own"));
            }
        }
        Ok(card)
    }

    /// All items, with the sections they are in.
    pub fn items(&self) -> impl Iterator<Item = (&Section, &Item)> {
        self.sections.iter().flat_map(|section| section.items.iter().map(move |item| (section, item)))
    }
}

const ITEMS_MAX: usize = 200;
const POINTS_MAX: u32 = 1_000;

fn eighty() -> f64 {
    80.0
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_cannot_be_meant_is_told_why() {
        let item = |rest: &str| format!("title = \"x\"\n[[section]]\ntitle = \"s\"\n[[section.item]]\n{rest}");
        for (text, why) in [
            (item("id = \"a\"\nask = \"?\"\npoint = 3"), "unknown field `point`"),
            (item("id = \"a\"\nask = \"?\"\npoints = 0"), "a has 0 points"),
            (item("id = \"A\"\nask = \"?\""), "lower-case"),
            (item("id = \"a\"\nask = \"?\"\n[[section.item]]\nid = \"a\"\nask = \"!\""), "two items are a"),
            (format!("pass_percent = 101\n{}", item("id = \"a\"\nask = \"?\"")), "a share of 100"),
            ("title = \"x\"\n[[section]]\ntitle = \"s\"\nitem = []".to_owned(), "without items"),
            ("title = \"x\"\nsection = []".to_owned(), "without items"),
            (
                item(
                    "id = \"a\"\nask = \"?\"\n[[section]]\ntitle = \"t\"\nweight = 2\nitem = [{ id = \"b\", ask = \"?\" }]",
                ),
                "some have none",
            ),
            (item("id = \"a\"\nask = \"?\"").replace("title = \"s\"", "title = \"s\"\nweight = -1"), "above 0"),
            (item("id = \"a\"\nask = \"?\"").replace("title = \"s\"", "title = \"s\"\nweight = nan"), "above 0"),
            ("nonsense".to_owned(), "line 1"),
        ] {
            let told = Card::parse(&text).expect_err(&text).to_string();
            assert!(told.contains(why), "{text}: {told}");
        }
    }

    #[test]
    fn the_card_that_comes_along_is_one() {
        let card = Card::parse(include_str!("../../../conf/qa/support.toml")).unwrap();
        assert!(card.items().any(|(_, item)| item.critical) && card.items().any(|(_, item)| item.skippable));
    }
}
