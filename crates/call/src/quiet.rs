//! A caller who was answered and hears nothing for a while hears a soft note, so that he knows the line is alive:
//! whatever the programs do, and however slow those are they wait for.
//!
//! Where it stands: programs alone decide what is heard; this speaks only where nobody else does. It is about a caller
//! whom a program has, not about parties who talk, hold or are brought elsewhere. Who leaves a message is not interrupted.

use std::sync::LazyLock;
use std::time::Duration;

use audio::Sound;
use base::Time;

use crate::call::{Playing, Purpose};
use crate::leg::State;
use crate::recording::Recording;
use crate::{Call, Do};

impl Call {
    /// How many sounds the caller was played.
    pub fn sounds(&self) -> u32 {
        self.sounds
    }

    /// When the caller has heard nothing for too long.
    pub(crate) fn quiet_deadline(&self) -> Option<Time> {
        self.is_quiet().then_some(self.quiet_since + QUIET_MAX)
    }

    /// From now on the caller hears nothing, unless something else begins.
    pub(crate) fn falls_quiet(&mut self) {
        self.quiet_since = self.now;
    }

    pub(crate) fn quiet_time_is_up(&mut self) {
        if self.quiet_deadline().is_some_and(|at| self.now >= at) {
            self.falls_quiet();
            self.players += 1;
            let (leg, player) = (self.legs[0].id, self.players);
            let sound = NOTE.clone().into();
            self.wish(Do::Media(media::Command::Play { leg, player, sound, repeat: false }));
            // A key is still waited for; what is heard meanwhile has another number and is no business of a program's.
        }
    }

    fn is_quiet(&self) -> bool {
        let caller = &self.legs[0];
        self.ended.is_none()
            && !self.in_room
            && matches!(caller.state, State::Up)
            && matches!(self.playing, None | Some(Playing { purpose: Purpose::Await { .. }, .. }))
            && self.members.is_empty()
            && !self.music.contains(&caller.id)
            && self.transfer.is_none()
            && self.consultation.is_none()
            && !self.wired.iter().any(|wire| wire.to == caller.id)
            && !self.recordings.last().is_some_and(|last: &Recording| last.runs() && last.mailbox.is_some())
    }
}

/// Nobody hears nothing for longer.
const QUIET_MAX: Duration = Duration::from_secs(8);
/// The note.
static NOTE: LazyLock<Sound> = LazyLock::new(|| Sound::from_pcm(audio::tone(&[(440.0, -32.0)], 200)));
