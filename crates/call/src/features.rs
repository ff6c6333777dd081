//! Feature keys: what a party does with keys during a call, on a phone that can do nothing else. It brings its partner
//! elsewhere, asks somebody first, or talks with both.
//!
//! Where it stands: keys of those who may come here before anybody else hears of them. What they mean is conf; what
//! follows is `transfer.rs` and `consult.rs`. Where a number leads and whether it may be dialled is asked of the switch.
//! The first key of a feature is heard by the other side, as it may be the other side's own; those after it are not.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use audio::Sound;
use base::{LegId, Time};
use media::KeysHeard;

use crate::{Actor, Call, Disposed, Do, How, Member, Order, Role, Silence, What};

/// What keys do, and for whom.
#[derive(Clone, Debug)]
pub struct FeatureConf {
    /// The keys of each feature. None begins with another's.
    pub keys: Vec<(String, Feature)>,
    /// What calls may come to, by the code that is keyed.
    pub dispositions: BTreeMap<String, String>,
    /// The accounts that may.
    pub users: HashSet<Arc<str>>,
    /// What is heard while a number is expected: a dial tone, or a prompt.
    pub ready: Sound,
    /// What is heard when it could not be.
    pub failed: Sound,
    /// What is heard by who has begun a mask, a pause or a recording with keys.
    pub on: Sound,
    /// And who has ended it.
    pub off: Sound,
    /// How long the first key of a number may take.
    pub first_key: Duration,
    /// After so long without a key the number is complete.
    pub next_key: Duration,
}

/// What a party can do with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Bring the partner to the number that follows.
    Blind,
    /// Ask the number that follows, while the partner waits.
    Attended,
    /// Talk with the other of both.
    Toggle,
    /// Talk with both.
    ThreeWay,
    /// Leave both to each other.
    Complete,
    /// Back to the partner.
    Abort,
    /// Let nothing be kept of what a card's owner says and presses, or keep it again.
    Mask,
    /// Let nothing be heard later of what is said, or keep it again.
    Pause,
    /// Record, or record no longer.
    Record,
    /// Say by the code that follows what the call came to.
    Dispose,
}

/// Nothing, for nobody.
impl Default for FeatureConf {
    fn default() -> FeatureConf {
        let silence = Sound::from_pcm(audio::silence(20));
        FeatureConf {
            keys: Vec::new(),
            dispositions: BTreeMap::new(),
            users: HashSet::new(),
            ready: silence.clone(),
            failed: silence.clone(),
            on: silence.clone(),
            off: silence,
            first_key: Duration::from_secs(10),
            next_key: Duration::from_secs(3),
        }
    }
}

impl FeatureConf {
    fn read(&self, pressed: &str) -> Reading {
        match self.keys.iter().find(|(keys, _)| keys.starts_with(pressed)) {
            Some((keys, feature)) if keys == pressed => Reading::Whole(*feature),
            Some(_) => Reading::Part,
            None => Reading::Nothing,
        }
    }
}

enum Reading {
    Whole(Feature),
    Part,
    Nothing,
}

/// What somebody is about to say with keys.
#[derive(Clone, Debug)]
pub(crate) struct Keying {
    pub(crate) by: LegId,
    keys: String,
    pub(crate) until: Time,
    what: Keys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    /// A feature.
    Feature,
    /// Whom the partner is brought to, or who is asked.
    Number { attended: bool },
    /// What the call came to.
    Code,
}

impl Call {
    /// A party pressed a key. True: it meant a feature, and nobody else need hear of it.
    pub(crate) fn feature_key(&mut self, by: LegId, key: char) -> bool {
        match self.keying.take_if(|keying| keying.by == by) {
            Some(keying) if keying.what == Keys::Code => {
                self.code_of_disposition(keying, key);
                true
            }
            Some(keying) if keying.what != Keys::Feature => {
                self.number_key(keying, key);
                true
            }
            before => self.may_use_features(by) && self.code_key(by, before.map_or(String::new(), |old| old.keys), key),
        }
    }

    /// Nothing came after a key for too long.
    pub(crate) fn keying_time_is_up(&mut self) {
        let Some(keying) = self.keying.take_if(|keying| self.now >= keying.until) else { return };
        match keying.what {
            Keys::Feature => self.others_hear_keys_of(keying.by, KeysHeard::All),
            Keys::Code => self.disposes(&keying),
            Keys::Number { .. } if keying.keys.is_empty() => self.feature_fails(keying.by),
            Keys::Number { attended } => self.dials(keying.by, keying.keys, attended),
        }
    }

    /// What a number was dialled for came to nothing: back to the partner.
    pub(crate) fn feature_fails(&mut self, by: LegId) {
        self.is_back(by);
        let failed = self.conf.features.failed.clone();
        self.cue(by, failed, false);
    }

    /// The number a party dialled leads nowhere.
    pub fn dialled_in_vain(&mut self, by: LegId, now: Time) {
        self.now = now;
        if self.dials_for() == Some(by) {
            self.feature_fails(by);
        }
    }

    /// Who is about to dial; its partner waits.
    pub(crate) fn dials_for(&self) -> Option<LegId> {
        self.keying.as_ref().filter(|keying| matches!(keying.what, Keys::Number { .. })).map(|keying| keying.by)
    }

    /// Plays something to one leg, in place of what it hears. Nobody waits for its end.
    fn cue(&mut self, leg: LegId, sound: Sound, repeat: bool) {
        self.players += 1;
        self.music.retain(|one| *one != leg); // one player a leg
        let player = self.players;
        self.wish(Do::Media(media::Command::Play { leg, player, sound: sound.into(), repeat }));
    }

    fn may_use_features(&self, by: LegId) -> bool {
        let conf = &self.conf.features;
        let account = self.position(by).and_then(|at| self.legs[at].party.account.as_ref());
        account.is_some_and(|account| conf.users.contains(account.as_str()))
            && (self.consults(by) || (self.partner(by).is_some() && self.transfer.is_none() && self.attempt.is_none()))
            && self.dials_for().is_none()
    }

    /// One more key of what may be a feature.
    fn code_key(&mut self, by: LegId, mut keys: String, key: char) -> bool {
        let began = !keys.is_empty();
        keys.push(key);
        let mut reading = self.conf.features.read(&keys);
        if matches!(reading, Reading::Nothing) && began {
            keys = key.to_string(); // it was no feature, but this key may begin one
            reading = self.conf.features.read(&keys);
        }
        match reading {
            Reading::Whole(feature) => {
                self.others_hear_keys_of(by, KeysHeard::FromNext);
                self.use_feature(by, feature);
                true
            }
            Reading::Part => {
                self.others_hear_keys_of(by, KeysHeard::None);
                self.keying = Some(Keying { by, keys, until: self.now + NEXT_KEY, what: Keys::Feature });
                true
            }
            Reading::Nothing => {
                if began {
                    self.others_hear_keys_of(by, KeysHeard::All);
                }
                false
            }
        }
    }

    fn use_feature(&mut self, by: LegId, feature: Feature) {
        match (feature, self.consults(by)) {
            (Feature::Mask, _) => self.turn_silence(by, Silence::Mask),
            (Feature::Pause, _) => self.turn_silence(by, Silence::Pause),
            (Feature::Dispose, _) => {
                self.others_hear_keys_of(by, KeysHeard::None);
                let until = self.now + self.conf.features.first_key;
                self.keying = Some(Keying { by, keys: String::new(), until, what: Keys::Code });
            }
            (Feature::Record, _) => {
                let order = if self.is_recorded() { Order::Stop } else { Order::Start };
                self.turn(by, order, order == Order::Start);
            }
            (Feature::Blind | Feature::Attended, false) => {
                self.awaits_number(by, feature == Feature::Attended);
            }
            (Feature::Toggle, true) => self.toggle(),
            (Feature::ThreeWay, true) => self.together(),
            (Feature::Complete, true) => self.complete(),
            (Feature::Abort, true) => self.consultation_ends(false),
            _ => {}
        }
    }

    fn turn_silence(&mut self, by: LegId, kind: Silence) {
        let begins = !self.is_silent(kind);
        self.turn(by, if begins { Order::Silence { kind, limit: None } } else { Order::Sound(kind) }, begins);
    }

    /// Who wanted it hears that it was done.
    fn turn(&mut self, by: LegId, order: Order, on: bool) {
        let Some(at) = self.position(by) else { return };
        let actor = Actor { by: self.legs[at].party.label().to_owned(), how: How::Key };
        let done = self.order(order, actor);
        let conf = &self.conf.features;
        let sound = if !done { &conf.failed } else { if on { &conf.on } else { &conf.off } };
        let sound = sound.clone();
        self.cue(by, sound, false);
    }

    /// The partner hears music, and who pressed the keys that a number is expected.
    fn awaits_number(&mut self, by: LegId, attended: bool) {
        let Some(partner) = self.partner(by) else { return };
        let until = self.now + self.conf.features.first_key;
        self.keying = Some(Keying { by, keys: String::new(), until, what: Keys::Number { attended } });
        let member = |leg, role| Member { leg, role };
        self.set_members(vec![member(partner, Role::Talk), member(by, Role::Hold)]);
        let ready = self.conf.features.ready.clone();
        self.cue(by, ready, true);
    }

    fn number_key(&mut self, mut keying: Keying, key: char) {
        if keying.keys.is_empty() {
            self.wish(Do::Media(media::Command::Stop { leg: keying.by }));
        }
        match (key, keying.what) {
            ('#', Keys::Number { attended }) if !keying.keys.is_empty() => self.dials(keying.by, keying.keys, attended),
            // A star may begin a number; within one it takes all back, and so does a # alone.
            ('#', _) => self.is_back(keying.by),
            ('*', _) if !keying.keys.is_empty() => self.is_back(keying.by),
            _ => {
                if keying.keys.len() < NUMBER_MAX {
                    keying.keys.push(key);
                }
                keying.until = self.now + self.conf.features.next_key;
                self.keying = Some(keying);
            }
        }
    }

    /// Both talk on while a code is keyed.
    fn code_of_disposition(&mut self, mut keying: Keying, key: char) {
        if key.is_ascii_digit() && keying.keys.len() < NUMBER_MAX {
            keying.keys.push(key);
            keying.until = self.now + self.conf.features.next_key;
            self.keying = Some(keying);
        } else {
            self.disposes(&keying);
        }
    }

    /// The code is complete.
    fn disposes(&mut self, keying: &Keying) {
        let Keying { by, keys, .. } = keying;
        self.others_hear_keys_of(*by, KeysHeard::FromNext);
        let conf = &self.conf.features;
        let disposition = conf.dispositions.get(keys).cloned();
        let sound = if disposition.is_some() { conf.on.clone() } else { conf.failed.clone() };
        if let (Some(_), Some(at)) = (&disposition, self.position(*by)) {
            let actor = Actor { by: self.legs[at].party.label().to_owned(), how: How::Key };
            self.note(What::Disposed(Disposed { disposition, note: None, actor }));
        }
        self.cue(*by, sound, false);
    }

    /// Asks where that leads; see [`Call::begin_transfer`] and [`Call::begin_consultation`].
    fn dials(&mut self, by: LegId, number: String, attended: bool) {
        let until = Time::NEVER; // the answer comes at once
        self.keying = Some(Keying { by, keys: String::new(), until, what: Keys::Number { attended } });
        self.wish(Do::Dial { by, number, attended });
    }

    /// Both talk again.
    fn is_back(&mut self, by: LegId) {
        self.keying = None;
        let others = self.members.iter().map(|member| member.leg).filter(|leg| *leg != by);
        let members = others.chain([by]).map(|leg| Member { leg, role: Role::Talk }).collect();
        self.set_members(members);
    }

    /// A leg leaves for another call: whatever its keys might have come to.
    pub(crate) fn forget_keys(&mut self) {
        if let Some(keying) = self.keying.take() {
            self.others_hear_keys_of(keying.by, KeysHeard::All);
        }
    }

    pub(crate) fn others_hear_keys_of(&mut self, leg: LegId, heard: KeysHeard) {
        self.wish(Do::Media(media::Command::Keys { leg, heard }));
    }
}

/// How long the next key of a feature may take.
const NEXT_KEY: Duration = Duration::from_secs(2);
/// No number is longer.
const NUMBER_MAX: usize = 32;
