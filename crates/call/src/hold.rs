//! Hold: one party puts the other aside by its own phone (RFC 3264 §8.4), and the other hears music meanwhile.
//!
//! Where it stands: `Call` asks here whenever members or agreements change. Who may hear whom is not decided here: a
//! holding phone simply does not listen, and a player covers the silence it leaves. The tap goes on.

use std::time::Duration;

use base::LegId;

use crate::{Call, Do, Fact, What};

impl Call {
    /// Plays music to each leg that hears nobody, as all others were put aside or have put it on hold, and stops it where
    /// that is no longer so. A leg that holds as well gets it too: it hears nothing of it until it resumes. Who dials, or
    /// brings somebody elsewhere, is not waiting.
    pub(crate) fn cover_silence(&mut self) {
        let put_aside: Vec<LegId> = match &self.members[..] {
            members @ [_, _, ..] => members
                .iter()
                .map(|member| member.leg)
                .filter(|leg| !self.is_about_others(*leg) && !self.hears_somebody(*leg))
                .collect(),
            _ => Vec::new(),
        };
        for leg in self.music.clone() {
            if !put_aside.contains(&leg) {
                self.music.retain(|one| *one != leg);
                self.wish(Do::Media(media::Command::Stop { leg }));
            }
        }
        for leg in put_aside {
            let busy = self.music.contains(&leg) || (leg == self.legs[0].id && self.playing.is_some());
            if !busy {
                self.players += 1;
                self.music.push(leg);
                let player = self.players;
                let sound = self.conf.hold_music.to(self.id().bits(), Duration::ZERO, self.now);
                self.wish(Do::Media(media::Command::Play { leg, player, sound, repeat: true }));
            }
        }
    }

    fn hears_somebody(&self, leg: LegId) -> bool {
        self.wired.iter().any(|wire| wire.to == leg && (wire.from == leg || !self.holds(wire.from)))
    }

    /// Does it bring somebody elsewhere, or ask somebody first?
    fn is_about_others(&self, leg: LegId) -> bool {
        let brings = self.transfer.as_ref().is_some_and(|transfer| transfer.by == leg);
        brings || self.consults(leg) || self.dials_for() == Some(leg)
    }

    /// Writes down that a party began or ended a hold.
    pub(crate) fn note_hold(&mut self, leg: LegId, held_before: bool) {
        let holds = self.holds(leg);
        if holds != held_before && self.facts.len() < FACTS_WITH_HOLDS_MAX {
            self.facts
                .push(Fact { at: self.now, what: if holds { What::Held { leg } } else { What::Resumed { leg } } });
        }
    }

    pub(crate) fn holds(&self, leg: LegId) -> bool {
        self.position(leg).is_some_and(|at| self.legs[at].holds())
    }
}

/// A phone that holds and resumes for hours must not fill the memory.
const FACTS_WITH_HOLDS_MAX: usize = 1_000;
