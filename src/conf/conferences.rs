//! `conf/conferences.toml`: rooms in which many talk, and what is said there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use audio::{Music, Sound};
use conference::RoomConf;
use flow::{ConferenceConf, Phrase, RoomWords};
use route::Destination;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;
use super::music::MusicSaid;
use super::names::Names;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ConferencesFile {
    patience_secs: Option<Spanned<u16>>,
    say: SayTable,
    pub(super) room: BTreeMap<Spanned<String>, RoomTable>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SayTable {
    pin: Option<Spanned<String>>,
    wrong: Option<Spanned<String>>,
    full: Option<Spanned<String>>,
    locked: Option<Spanned<String>>,
    waits: Option<Spanned<String>>,
    alone: Option<Spanned<String>>,
    came: Option<Spanned<String>>,
    went: Option<Spanned<String>>,
    muted: Option<Spanned<String>>,
    unmuted: Option<Spanned<String>>,
    recorded: Option<Spanned<String>>,
    kicked: Option<Spanned<String>>,
    over: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RoomTable {
    pin: Option<Spanned<String>>,
    moderator_pin: Option<Spanned<String>>,
    moderators: Vec<Spanned<String>>,
    members_max: Option<Spanned<usize>>,
    wait_for_moderator: bool,
    end_with_moderator: bool,
    announce: Option<Spanned<String>>,
    muted: bool,
    record: bool,
    music: Option<Spanned<MusicSaid>>,
}

impl ConferencesFile {
    /// Checked.
    pub(super) fn checked(
        self,
        file: &mut File<'_>,
        names: &mut Names<'_>,
        hold_music: &Music,
    ) -> HashMap<String, Arc<ConferenceConf>> {
        let patience = self.patience_secs.as_ref().map_or(5, |said| *said.get_ref());
        if let Some(said) = self.patience_secs.filter(|_| !(1..=60).contains(&patience)) {
            file.problem(said.span(), "patience_secs is a number from 1 to 60");
        }
        let mut says = |said: Option<Spanned<String>>| -> Option<Phrase> { said.map(|said| names.phrase(file, &said)) };
        let say = self.say;
        let words = Arc::new(RoomWords {
            pin: says(say.pin),
            wrong: says(say.wrong),
            full: says(say.full),
            locked: says(say.locked),
            waits: says(say.waits),
            alone: says(say.alone),
            came: says(say.came),
            went: says(say.went),
            muted: says(say.muted),
            unmuted: says(say.unmuted),
            recorded: says(say.recorded),
            kicked: says(say.kicked),
            over: says(say.over),
            patience: Duration::from_secs(patience.into()),
            tone: Sound::from_pcm(audio::tone(&[(TONE_HZ, DBFS)], 300)),
            done: Sound::from_pcm(audio::melody(&[(660.0, 120), (880.0, 180)], DBFS)),
            failed: Sound::from_pcm(audio::melody(&[(880.0, 120), (660.0, 180)], DBFS)),
        });
        let rooms = self.room.into_iter();
        rooms.map(|(name, said)| room(name.into_inner(), said, file, names, (hold_music, &words))).collect()
    }
}

fn room(
    name: String,
    said: RoomTable,
    file: &mut File<'_>,
    names: &mut Names<'_>,
    (hold_music, words): (&Music, &Arc<RoomWords>),
) -> (String, Arc<ConferenceConf>) {
    for pin in said.pin.iter().chain(&said.moderator_pin) {
        let text = pin.get_ref();
        if !(4..=12).contains(&text.len()) || !text.bytes().all(|digit| digit.is_ascii_digit()) {
            file.problem(pin.span(), "a PIN has four to twelve digits");
        }
    }
    if let (Some(pin), Some(own)) = (&said.pin, &said.moderator_pin)
        && pin.get_ref() == own.get_ref()
    {
        file.problem(own.span(), "whoever comes in would be a moderator; let the two PINs differ");
    }
    for moderator in &said.moderators {
        names.check(file, &Destination::Person(moderator.get_ref().clone()), &moderator.span());
    }
    let members_max = said.members_max.as_ref().map_or(20, |said| *said.get_ref());
    if let Some(said) = said.members_max.filter(|_| !(2..=MEMBERS_MAX).contains(&members_max)) {
        file.problem(said.span(), format!("members_max is a number from 2 to {MEMBERS_MAX}"));
    }
    let has_moderators = said.moderator_pin.is_some() || !said.moderators.is_empty();
    let needs = [
        ("wait_for_moderator", said.wait_for_moderator),
        ("end_with_moderator", said.end_with_moderator),
        ("muted", said.muted),
    ];
    if let Some((needs, _)) = needs.into_iter().find(|(_, is)| *is && !has_moderators) {
        let what = format!("[room.{name}] has {needs} and nobody is a moderator; write moderator_pin or moderators");
        file.problem(0..0, what);
    }
    if let Some(said) = said.announce.as_ref().filter(|said| !["tone", "none"].contains(&said.get_ref().as_str())) {
        file.problem(
            said.span(),
            format!("{:?} does not announce who comes; write \"tone\" or \"none\"", said.get_ref()),
        );
    }
    let music = said.music.map_or_else(|| hold_music.clone(), |said| names.music(file, &said));
    let rules = RoomConf {
        members_max,
        waits_for_moderator: said.wait_for_moderator,
        ends_with_moderator: said.end_with_moderator,
        muted: said.muted,
        record: said.record,
    };
    let conf = ConferenceConf {
        name: name.clone(),
        rules: Arc::new(rules),
        pin: said.pin.map(Spanned::into_inner),
        moderator_pin: said.moderator_pin.map(Spanned::into_inner),
        moderators: said.moderators.into_iter().map(Spanned::into_inner).collect(),
        announce: said.announce.is_none_or(|said| said.get_ref() != "none"),
        music,
        words: words.clone(),
    };
    (name, Arc::new(conf))
}

/// Who hears whom is said of each two: of so many that is done at once.
const MEMBERS_MAX: usize = 50;
const TONE_HZ: f64 = 1400.0;
const DBFS: f64 = -20.0;
