//! What people ask of a call's recording while it runs: begin, stop, pause, mask.
//!
//! Where it stands: keys (`features`), programs and the command line come here; the recorder is told what follows, and the
//! facts say who wanted it. A mask is for card data: nothing is heard in the recording, and no key is written down. A
//! pause is for what is private: nothing is heard. In both the recording's time goes on.

use std::time::Duration;

use base::{LegId, RecordingId, Time};
use serde::{Deserialize, Serialize};

use crate::recording::{Reason, Recording};
use crate::{Call, Do, What};

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Record from now, if it is not done.
    Start,
    /// Record no longer; what there is stays.
    Stop,
    /// Silence, for so long at most: see [`CallConf::mask_max`](crate::CallConf::mask_max).
    Silence {
        /// Which kind.
        kind: Silence,
        /// A mask ends by itself after so long; the conf says how long, if it is not said.
        limit: Option<Duration>,
    },
    /// The end of it.
    Sound(Silence),
}

/// Why a recording is silent for a while, though people talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Silence {
    /// A card's number is said or keyed in: neither sound nor keys are kept anywhere.
    Mask,
    /// Something private is said: the sound is not kept.
    Pause,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    /// A person's account, a system user, a menu.
    pub by: String,
    /// By what means.
    pub how: How,
}

/// The means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Keys during the call.
    Key,
    /// The command line.
    Command,
    /// The caller is in a menu that wants it.
    Menu,
    /// A rule of what is recorded.
    Rule,
    /// The time was up.
    Limit,
}

/// A silence that is.
#[derive(Clone, Debug)]
pub(crate) struct Silent {
    kind: Silence,
    until: Option<Time>,
    actor: Actor,
}

impl Call {
    /// Does what is asked. False: there is nothing to stop or to end, or nothing can be recorded any more.
    pub fn order(&mut self, order: Order, actor: Actor) -> bool {
        if self.has_ended() {
            return false;
        }
        match order {
            Order::Start => {
                let before = self.recordings.len();
                self.ordered = true;
                self.record(Reason::Asked(actor));
                self.recordings.len() > before
            }
            Order::Stop => {
                self.ordered = true;
                self.stop_recording(actor)
            }
            Order::Silence { kind, limit } => {
                self.silence(kind, limit, actor);
                true
            }
            Order::Sound(kind) => self.sound(kind, actor),
        }
    }

    /// A rule says that this call is recorded. What somebody has ordered stays as it is.
    pub fn record_by_rule(&mut self, rule: &str, class: Option<&str>) {
        if self.ordered {
            return;
        }
        let reason = Reason::Rule { rule: rule.to_owned(), class: class.map(str::to_owned) };
        match self.recordings.last_mut().filter(|recording| recording.runs()) {
            Some(recording) => recording.reason = reason,
            None => self.record(reason),
        }
    }

    /// A rule says that this call is not recorded. What somebody has ordered stays as it is.
    pub fn leave_by_rule(&mut self, rule: &str) {
        if !self.ordered {
            self.stop_recording(Actor { by: rule.to_owned(), how: How::Rule });
        }
    }

    /// Is it so now?
    pub fn is_silent(&self, kind: Silence) -> bool {
        self.silences.iter().any(|silent| silent.kind == kind)
    }

    /// Is it being recorded, silent or not?
    pub fn is_recorded(&self) -> bool {
        self.recordings.last().is_some_and(Recording::runs)
    }

    /// May a key be written down? A key that was pressed under a mask may be told when it is over.
    pub(crate) fn keys_are_noted(&self) -> bool {
        !self.is_silent(Silence::Mask) && self.unmasked.is_none_or(|at| self.now >= at + KEYS_STILL_HIDDEN)
    }

    /// When the time of a mask is up.
    pub(crate) fn silence_deadline(&self) -> Option<Time> {
        self.silences.iter().filter_map(|silent| silent.until).min()
    }

    pub(crate) fn silence_time_is_up(&mut self) {
        let now = self.now;
        let is_up = |silent: &&Silent| silent.until.is_some_and(|until| now >= until);
        while let Some(Silent { kind, actor, .. }) = self.silences.iter().find(is_up).cloned() {
            self.sound(kind, Actor { by: actor.by, how: How::Limit });
        }
    }

    /// A recording that begins is silent, where the call is.
    pub(crate) fn silence_recording(&mut self, recording: RecordingId) {
        for Silent { kind, actor, .. } in self.silences.clone() {
            self.wish(Do::Silence { recording, kind, actor, at: self.now, begins: true });
        }
    }

    fn silence(&mut self, kind: Silence, limit: Option<Duration>, actor: Actor) {
        let until = match kind {
            _ if self.is_last_silence() => None,
            Silence::Mask => Some(self.now + limit.unwrap_or(self.conf.mask_max)),
            Silence::Pause => limit.map(|limit| self.now + limit),
        };
        if let Some(silent) = self.silences.iter_mut().find(|silent| silent.kind == kind) {
            silent.until = until; // it is; said again, it lasts longer
            return;
        }
        self.silences.push(Silent { kind, until, actor: actor.clone() });
        self.note(What::Silenced { kind, actor: actor.clone() });
        self.tell_recording(kind, actor, true);
    }

    fn sound(&mut self, kind: Silence, actor: Actor) -> bool {
        let before = self.silences.len();
        if self.is_last_silence() {
            return false;
        }
        self.silences.retain(|silent| silent.kind != kind);
        if self.silences.len() == before {
            return false;
        }
        if kind == Silence::Mask {
            self.unmasked = Some(self.now);
        }
        self.note(What::Sounds { kind, actor: actor.clone() });
        self.tell_recording(kind, actor, false);
        true
    }

    /// There were so many that this one stays to the end: what is written down of a call has a limit, and silence is safe.
    fn is_last_silence(&self) -> bool {
        self.facts.iter().filter(|fact| matches!(fact.what, What::Silenced { .. })).count() >= SILENCES_MAX
    }

    /// What comes in meanwhile is not even handed to the recorder; what lies within, whenever it comes, it does not keep.
    fn tell_recording(&mut self, kind: Silence, actor: Actor, begins: bool) {
        let Some(recording) = self.recordings.last().filter(|recording| recording.runs()) else { return };
        let (id, legs) = (recording.id, recording.legs());
        legs.for_each(|leg| self.deafen(leg));
        self.wish(Do::Silence { recording: id, kind, actor, at: self.now, begins });
    }

    /// Lets a tap keep what is to be kept now.
    pub(crate) fn deafen(&mut self, leg: LegId) {
        if self.position(leg).is_some_and(|at| self.legs[at].is_live()) {
            let deaf = !self.silences.is_empty();
            self.wish(Do::Media(media::Command::Deafen { leg, deaf }));
        }
    }

    /// A recording broke off, never began, or waits for a disk that does not answer.
    pub fn recording_failed(&mut self, id: RecordingId, why: &str, now: Time) {
        self.now = now;
        let what = What::RecordingFailed { id, why: why.to_owned() };
        if self.facts.iter().all(|fact| fact.what != what) {
            self.note(what); // a disk that stalls every minute is written down once
        }
    }

    fn stop_recording(&mut self, actor: Actor) -> bool {
        let now = self.now;
        let Some(recording) = self.recordings.last_mut().filter(|recording| recording.runs()) else { return false };
        let (id, length) = (recording.id, now.since(recording.began));
        let tapped = recording.stop(now);
        for leg in tapped {
            if self.position(leg).is_some_and(|at| self.legs[at].is_live()) {
                self.wish(Do::Media(media::Command::Untap { leg }));
            }
        }
        self.note(What::RecordingStopped { id, actor });
        self.wish(Do::StopRecording { recording: id, length });
        true
    }
}

/// See there.
const SILENCES_MAX: usize = 200;
/// A key is told when it has been heard: by its event at once, by its sound a little later.
const KEYS_STILL_HIDDEN: Duration = Duration::from_millis(500);
