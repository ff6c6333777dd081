//! `[features]` of `conf/switch.toml`: what keys do during a call, and for whom.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use audio::{CONGESTION, Sound};
use call::{Feature, FeatureConf};
use serde::Deserialize;
use toml::Spanned;

use super::file::File;

/// As it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeaturesTable {
    pub(super) who: Who,
    blind: Option<Spanned<String>>,
    attended: Option<Spanned<String>>,
    toggle: Option<Spanned<String>>,
    three_way: Option<Spanned<String>>,
    complete: Option<Spanned<String>>,
    abort: Option<Spanned<String>>,
    mask: Option<Spanned<String>>,
    pause: Option<Spanned<String>>,
    record: Option<Spanned<String>>,
    disposition: Option<Spanned<String>>,
    /// A prompt in place of the dial tone.
    pub(super) prompt: Option<Spanned<String>>,
    first_key_secs: u64,
    next_key_secs: u64,
}

/// Who may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Everybody with an account.
    People,
    /// Who serves a queue.
    Agents,
}

impl Default for FeaturesTable {
    fn default() -> FeaturesTable {
        FeaturesTable {
            who: Who::People,
            blind: None,
            attended: None,
            toggle: None,
            three_way: None,
            complete: None,
            abort: None,
            mask: None,
            pause: None,
            record: None,
            disposition: None,
            prompt: None,
            first_key_secs: 10,
            next_key_secs: 3,
        }
    }
}

impl FeaturesTable {
    /// Checked. `ready`: the prompt, if one is said.
    pub(super) fn read(&self, file: &mut File<'_>, users: HashSet<Arc<str>>, ready: Option<Sound>) -> FeatureConf {
        let named = [
            (&self.blind, Feature::Blind),
            (&self.attended, Feature::Attended),
            (&self.toggle, Feature::Toggle),
            (&self.three_way, Feature::ThreeWay),
            (&self.complete, Feature::Complete),
            (&self.abort, Feature::Abort),
            (&self.mask, Feature::Mask),
            (&self.pause, Feature::Pause),
            (&self.record, Feature::Record),
            (&self.disposition, Feature::Dispose),
        ];
        let mut keys: Vec<(String, Feature)> = Vec::new();
        for (said, feature) in named.into_iter().filter_map(|(said, feature)| Some((said.as_ref()?, feature))) {
            let text = said.get_ref();
            if !(1..=8).contains(&text.len()) || !text.chars().all(|key| key.is_ascii_digit() || "*#".contains(key)) {
                let what = format!("{text:?} are no keys; write one to eight of 0-9, * and #, such as \"*1\"");
                file.problem(said.span(), what);
            } else if let Some((other, _)) =
                keys.iter().find(|(other, _)| other.starts_with(text.as_str()) || text.starts_with(other.as_str()))
            {
                let what =
                    format!("{text:?} and {other:?} begin alike, so one of them could never be meant; change one");
                file.problem(said.span(), what);
            }
            keys.push((text.clone(), feature));
        }
        FeatureConf {
            keys,
            dispositions: BTreeMap::new(),
            users,
            ready: ready.unwrap_or_else(|| Sound::from_pcm(audio::tone(&[DIAL_TONE], 1000))),
            failed: Sound::from_pcm(CONGESTION.pcm().repeat(2)),
            on: Sound::from_pcm(audio::melody(&[(660.0, 100), (880.0, 150)], CUE_DBFS)),
            off: Sound::from_pcm(audio::melody(&[(880.0, 100), (660.0, 150)], CUE_DBFS)),
            first_key: Duration::from_secs(self.first_key_secs.clamp(1, 60)),
            next_key: Duration::from_secs(self.next_key_secs.clamp(1, 60)),
        }
    }
}

/// ITU-T E.180: the dial tone of most of Europe.
const DIAL_TONE: (f64, f64) = (425.0, -13.0);
/// Short and not loud: it is heard in the middle of a talk.
const CUE_DBFS: f64 = -24.0;
