//! `[park]` of `conf/switch.toml`: callers who are parked.

use std::time::Duration;

use audio::Music;
use flow::ParkConf;
use route::Destination;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;
use super::music::MusicSaid;
use super::names::Names;

/// As it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParkTable {
    come_back_secs: Option<Spanned<u64>>,
    ring_secs: Option<Spanned<u64>>,
    music: Option<Spanned<MusicSaid>>,
    otherwise: Option<Spanned<String>>,
}

impl ParkTable {
    /// Checked.
    pub(super) fn checked(&self, file: &mut File<'_>, names: &mut Names<'_>, hold_music: &Music) -> ParkConf {
        let mut secs = |said: &Option<Spanned<u64>>, name: &str, usual: u64| {
            let secs = said.as_ref().map_or(usual, |said| *said.get_ref());
            if let Some(said) = said.as_ref().filter(|_| !(5..=3600).contains(&secs)) {
                file.problem(said.span(), format!("{name} is a number from 5 to 3600"));
            }
            Duration::from_secs(secs)
        };
        let come_back = secs(&self.come_back_secs, "come_back_secs", 120);
        let ring = secs(&self.ring_secs, "ring_secs", 30);
        let music = self.music.as_ref().map_or_else(|| hold_music.clone(), |said| names.music(file, said));
        let otherwise = self.otherwise.as_ref().and_then(|to| names.leads(file, to));
        ParkConf { music, come_back, ring, otherwise: otherwise.unwrap_or(Destination::Reject(480)) }
    }
}
