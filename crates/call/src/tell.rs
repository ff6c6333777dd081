//! Who does not belong to the house is told, in the talk itself, that it is going to be recorded: the called of a call out,
//! most of all, whom no menu has asked.
//!
//! Where it stands: a rule of what is recorded says what is said; what follows from it, once all have heard it, follows from the
//! field [`CONSENT`] as ever. The others hear meanwhile what is said to them, and are not heard by who is told.

use audio::Sound;
use base::LegId;

use crate::{CONSENT, Call, Do};

impl Call {
    /// Says this to every party that talks and is no account of ours; to all but the caller where each is one. Those who
    /// hear it already, or have heard it, are left alone.
    pub fn tell_of_recording(&mut self, words: &Sound) {
        if self.has_ended() || self.is_consented() {
            return;
        }
        let talkers: Vec<(LegId, bool)> = self.talkers().map(|leg| (leg.id, leg.party.account.is_none())).collect();
        let caller = self.caller().id;
        let has_strangers = talkers.iter().any(|(_, is_stranger)| *is_stranger);
        self.told.retain(|(leg, _)| talkers.iter().any(|(talks, _)| talks == leg));
        for (leg, is_stranger) in talkers {
            let is_meant = if has_strangers { is_stranger } else { leg != caller };
            if is_meant && !self.told.iter().any(|(told, _)| *told == leg) {
                self.players += 1;
                let player = self.players;
                self.told.push((leg, Some(player)));
                self.wish(Do::Media(media::Command::Play { leg, player, sound: words.clone().into(), repeat: false }));
            }
        }
        self.all_are_told();
    }

    /// Something was played to its end. False: it was none of these words.
    pub(crate) fn told(&mut self, leg: LegId, player: u32) -> bool {
        let Some((_, hears)) = self.told.iter_mut().find(|told| **told == (leg, Some(player))) else { return false };
        *hears = None;
        self.all_are_told();
        true
    }

    fn all_are_told(&mut self) {
        if !self.told.is_empty() && self.told.iter().all(|(_, hears)| hears.is_none()) {
            self.set_field(CONSENT, "told");
        }
    }
}
