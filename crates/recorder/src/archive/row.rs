//! What a search knows of a recording: the part of its sidecar that people ask for.

use serde::{Deserialize, Serialize};

use crate::sound::Format;

/// A recording, as a search finds it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// Its id: the call's, an underscore, and which of the call's recordings it is; a file of one that went on elsewhere
    /// has its number behind a dash.
    pub id: String,
    /// The call's id, which all recordings of one caller's journey share.
    pub call: String,
    /// Its sound, below the archive.
    pub file: String,
    /// The moment of its first sample, RFC 3339, UTC.
    pub began: String,
    /// How long it is.
    pub seconds: f64,
    /// `inbound`, `outbound` or `internal`.
    pub direction: String,
    /// Who called: an account or a number.
    pub caller: String,
    /// The number dialled.
    pub called: String,
    /// The queue waited in last.
    pub queue: Option<String>,
    /// Who talked with the caller last.
    pub agent: Option<String>,
    /// How long it is to be kept, by name.
    pub class: Option<String>,
    /// It was cut off, by a crash or a failing disk.
    pub salvaged: bool,
    /// It is on hold: nothing erases it.
    pub held: bool,
    /// How large its sound is on the disk.
    pub bytes: u64,
    /// How it is kept.
    pub format: Format,
}

/// A row, and what it is found by besides.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Found {
    pub row: Row,
    /// The accounts of all who talked with the caller.
    pub agents: Vec<String>,
    /// Every number in it, digits only.
    pub numbers: Vec<String>,
    /// All its words.
    pub text: String,
}

/// A sidecar as far as it is read here. Whatever is not there is empty: sidecars of every version can be found.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sidecar {
    call: String,
    segment: u32,
    part: u32,
    legal_hold: Option<serde::de::IgnoredAny>,
    format: Format,
    integrity: Integrity,
    began: String,
    seconds: f64,
    salvaged: bool,
    class: Option<String>,
    channels: Channels,
    cdr: Cdr,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Integrity {
    bytes: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Channels {
    left: Party,
    right: Vec<Party>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Party {
    account: Option<String>,
    number: Option<String>,
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cdr {
    caller: String,
    called: String,
    direction: String,
    path: Vec<String>,
    queue: Option<String>,
    queue_outcome: Option<String>,
    answered_by: Option<String>,
    cause: String,
}

impl Found {
    /// Of the sidecar of `file`. `None` if it cannot be read.
    pub(crate) fn read(file: String, sidecar: &[u8]) -> Option<Found> {
        let sidecar: Sidecar = serde_json::from_slice(sidecar).ok()?;
        let Sidecar {
            call,
            segment,
            part,
            legal_hold,
            began,
            seconds,
            salvaged,
            class,
            channels,
            cdr,
            format,
            integrity,
        } = sidecar;
        let stem = || file.rsplit('/').next().unwrap_or_default().rsplit_once('.').map_or("", |(stem, _)| stem);
        let id = match (call.is_empty(), part) {
            (true, _) => stem().to_owned(),
            (false, 0 | 1) => format!("{call}_{segment}"),
            (false, part) => format!("{call}_{segment}-{part}"),
        };
        let mut agents: Vec<String> = channels.right.iter().filter_map(|party| party.account.clone()).collect();
        agents.extend(cdr.answered_by.clone());
        agents.sort();
        agents.dedup();
        let parties = || channels.right.iter().chain([&channels.left]);
        let said = parties().filter_map(|party| party.number.as_deref());
        let mut numbers: Vec<String> = said.chain([&*cdr.caller, &*cdr.called]).filter_map(digits).collect();
        numbers.sort();
        numbers.dedup();
        let names = parties().flat_map(|party| [&party.account, &party.number, &party.name]).flatten();
        let named = [&cdr.queue, &cdr.queue_outcome].into_iter().flatten();
        let words = names.chain(named).chain(&cdr.path).chain([&cdr.caller, &cdr.called, &cdr.cause, &id]);
        let text = words.map(String::as_str).collect::<Vec<_>>().join(" ");
        let Cdr { caller, called, direction, queue, answered_by: agent, .. } = cdr;
        let row = Row {
            id,
            call,
            file,
            began,
            seconds,
            direction,
            caller,
            called,
            queue,
            agent,
            class,
            salvaged,
            held: legal_hold.is_some(),
            bytes: integrity.bytes,
            format,
        };
        Some(Found { row, agents, numbers, text })
    }
}

impl Found {
    /// When it began.
    pub(crate) fn moment(&self) -> i64 {
        moment(&self.row.began)
    }
}

/// A moment as a sidecar says it, in milliseconds; what says none is older than all.
pub(crate) fn moment(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().map_or(0, |at| at.as_millisecond().max(0))
}

/// The digits of a number; `None` where there are too few to be one.
pub(crate) fn digits(number: &str) -> Option<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= 2).then_some(digits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sidecar_tells_who_when_and_where() {
        let sidecar = json!({
            "version": 1, "call": "0p2ab3", "segment": 2, "began": "2026-11-24T10:15:00Z", "seconds": 61.5,
            "format": "opus", "integrity": { "bytes": 70_000 },
            "channels": {
                "left": { "account": null, "number": "+385 1 555-0100", "name": "Žana" },
                "right": [{ "account": "ann", "number": "201", "name": "Ann" }, { "account": "bob", "number": "202", "name": null }],
            },
            "cdr": {
                "caller": "+38515550100", "called": "4000", "direction": "inbound", "path": ["menu:main", "queue:sales"],
                "queue": "sales", "queue_outcome": "answered", "answered_by": "bob", "cause": "hung up", "talk_secs": 60.0,
            },
        });
        let found = Found::read("2026/11/24/x.wav".to_owned(), &serde_json::to_vec(&sidecar).unwrap()).unwrap();
        assert_eq!((&*found.row.id, found.row.seconds, found.row.salvaged), ("0p2ab3_2", 61.5, false));
        assert_eq!((found.row.format, found.row.bytes), (Format::Opus, 70_000));
        assert_eq!(found.agents, ["ann", "bob"]);
        assert_eq!(found.numbers, ["201", "202", "38515550100", "4000"]);
        for word in ["Žana", "queue:sales", "hung up", "0p2ab3_2"] {
            assert!(found.text.contains(word), "{word} is not in {:?}", found.text);
        }
    }

    #[test]
    fn a_sidecar_that_says_little_is_found_by_its_name() {
        let second = br#"{ "call": "0p2ab3", "segment": 1, "part": 2 }"#;
        assert_eq!(Found::read("x-2.wav".to_owned(), second).unwrap().row.id, "0p2ab3_1-2");
        let found = Found::read("day/old.v1.wav".to_owned(), b"{}").unwrap();
        assert_eq!((&*found.row.id, found.row.seconds), ("old.v1", 0.0));
        assert_eq!(Found::read("x.wav".to_owned(), b"no JSON"), None);
    }
}
