//! What a rater says of a call: points for each item, and notes at moments of it.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{QaError, meant};

/// All of it, as it is written in a file of answers.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answers {
    /// By the items' ids.
    pub items: BTreeMap<String, Given>,
    /// At moments of the recording.
    #[serde(rename = "note")]
    pub notes: Vec<Note>,
}

/// What one item is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// How many points.
    pub points: Points,
    /// And why.
    pub note: Option<String>,
}

/// Points, or none because it does not apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Points {
    /// So many.
    Some(u32),
    /// The item does not apply to this call.
    Skipped,
}

/// A note at a moment of a recording.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// When, from the recording's beginning.
    #[serde(alias = "at", deserialize_with = "moment_or_secs")]
    pub at_secs: f64,
    /// What is to be said of it.
    pub text: String,
}

impl Answers {
    /// Reads a file of answers.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Answers, QaError> {
        Ok(toml::from_str(text)?)
    }

    /// Adds `ID=POINTS`; what was said of the item before is replaced.
    ///
    /// # Errors
    /// When it is not that.
    pub fn add(&mut self, text: &str) -> Result<(), QaError> {
        let read = text.split_once('=').and_then(|(id, points)| Some((id.trim(), points.trim().parse().ok()?)));
        let (id, points) =
            read.ok_or_else(|| meant(format!("{text:?} is no answer"), "write ITEM=POINTS, or ITEM=n/a"))?;
        let note = self.items.remove(id).and_then(|given| given.note);
        self.items.insert(id.to_owned(), Given { points, note });
        Ok(())
    }
}

impl FromStr for Points {
    type Err = QaError;

    fn from_str(text: &str) -> Result<Points, QaError> {
        match text {
            "n/a" => Ok(Points::Skipped),
            _ => text
                .parse()
                .map(Points::Some)
                .map_err(|_| meant(format!("{text:?} is no points"), "write a number, or n/a")),
        }
    }
}

impl FromStr for Note {
    type Err = QaError;

    /// `1:23 what was there`.
    fn from_str(text: &str) -> Result<Note, QaError> {
        let (at, text) = text.trim().split_once(char::is_whitespace).unwrap_or((text, ""));
        let at_secs = moment(at).filter(|_| !text.trim().is_empty());
        let at_secs = at_secs.ok_or_else(|| {
            meant(format!("{at:?} begins no note"), "write its moment and its text: \"1:23 interrupts\"")
        })?;
        Ok(Note { at_secs, text: text.trim().to_owned() })
    }
}

/// A moment of a recording: `83`, `1:23`, `1:23.5` or `1:02:03`.
pub fn moment(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    let (last, whole) = parts.split_last()?;
    let (seconds, minutes_before) = (last.parse::<f64>().ok()?, whole.len());
    let digits = last.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !digits || minutes_before > 2 || (minutes_before > 0 && seconds >= 60.0) {
        return None;
    }
    let before =
        whole.iter().try_fold(0_u32, |sum, part| sum.checked_mul(60)?.checked_add(part.parse::<u16>().ok()?.into()))?;
    Some(f64::from(before) * 60.0 + seconds)
}

fn moment_or_secs<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Secs(f64),
        Text(String),
    }
    let secs = match Either::deserialize(from)? {
        Either::Secs(secs) => Some(secs),
        Either::Text(text) => moment(&text),
    };
    secs.filter(|secs| secs.is_finite() && *secs >= 0.0)
        .ok_or_else(|| serde::de::Error::custom("a moment is in seconds, or as \"1:23\""))
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Given, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Number {
            Points(u32),
            Text(String),
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Bare(Number),
            Noted { points: Number, note: Option<String> },
        }
        let wrong = || serde::de::Error::custom("an answer is points, \"n/a\", or { points = 2, note = \"why\" }");
        let (number, note) = match Either::deserialize(from).map_err(|_| wrong())? {
            Either::Bare(number) => (number, None),
            Either::Noted { points, note } => (points, note),
        };
        let points = match number {
            Number::Points(points) => Points::Some(points),
            Number::Text(text) => text.parse().map_err(|_| wrong())?,
        };
        Ok(Given { points, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        for (text, secs) in [
            ("83", Some(83.0)),
            ("1:23", Some(83.0)),
            ("1:23.5", Some(83.5)),
            ("1:02:03", Some(3_723.0)),
            ("0:00", Some(0.0)),
            ("1:60", None),
            ("-1", None),
            ("1:-2", None),
            ("inf", None),
            ("1e9", None),
            ("", None),
            (":", None),
            ("1:2:3:4", None),
        ] {
            assert_eq!(moment(text), secs, "{text:?}");
        }
    }

    #[test]
    fn answers_come_from_a_file_and_from_words() {
        let text = "[items]\ngreeting = 5\noffer = \"n/a\"\nclosing = { points = 2, note = \"in haste\" }\n\
                    [[note]]\nat = \"1:23\"\ntext = \"interrupts\"\n[[note]]\nat_secs = 4\ntext = \"laughs\"";
        let mut answers = Answers::parse(text).unwrap();
        assert_eq!(answers.notes.iter().map(|note| note.at_secs).collect::<Vec<_>>(), [83.0, 4.0]);
        answers.add("greeting=4").unwrap();
        answers.add(" closing = 1 ").unwrap();
        let given: Vec<_> =
            answers.items.iter().map(|(id, given)| (&**id, given.points, given.note.as_deref())).collect();
        let wanted = [
            ("closing", Points::Some(1), Some("in haste")),
            ("greeting", Points::Some(4), None),
            ("offer", Points::Skipped, None),
        ];
        assert_eq!(given, wanted);
        for bad in ["greeting", "greeting=", "greeting=-1", "greeting=many", "=", ""] {
            assert!(answers.add(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            "1:23  says  his name".parse::<Note>().unwrap(),
            Note { at_secs: 83.0, text: "says  his name".into() }
        );
        for bad in ["1:23", "soon he laughs", "", " "] {
            assert!(bad.parse::<Note>().is_err(), "{bad:?}");
        }
        for bad in [
            "[items]\na = -1",
            "[items]\na = 1.5",
            "[items]\na = { note = \"x\" }",
            "[[note]]\nat = \"x\"\ntext = \"\"",
            "x = 1",
        ] {
            assert!(Answers::parse(bad).is_err(), "{bad:?}");
        }
    }
}
