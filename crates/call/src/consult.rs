//! Consultation: a party asks somebody while its partner waits, and then leaves both to each other, goes back, or stays
//! with both.
//!
//! Where it stands: `features.rs` begins one and says how it goes on; the program that rings whom is asked is the
//! journey's. All three are legs of one call, so its record and its recording go on whatever becomes of it. Whoever
//! asks is the call's first leg meanwhile, as the one for whom somebody is rung.

use base::{LegId, Time};

use crate::call::Purpose;
use crate::leg::State;
use crate::{Call, Event, Member, Role, Side, What};

/// A consultation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consultation {
    by: LegId,
    /// The partner, who waits.
    held: LegId,
    /// Whose call it is.
    first: LegId,
    /// Who is asked, once there.
    asked: Option<LegId>,
    talks: With,
}

/// With whom the party talks that consults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    Asked,
    Held,
    Both,
}

impl Call {
    /// Puts this leg's partner aside: the program that runs next rings who is asked. False: it has none.
    pub fn begin_consultation(&mut self, by: LegId, now: Time) -> bool {
        self.now = now;
        let Some(held) = self.partner(by) else { return false };
        self.keying = None;
        let first = self.legs[0].id;
        self.consultation = Some(Consultation { by, held, first, asked: None, talks: With::Asked });
        self.comes_first(by);
        self.note(What::Consults { leg: by });
        self.set_members(self.members_with(None));
        true
    }

    /// Does this leg consult somebody?
    pub(crate) fn consults(&self, leg: LegId) -> bool {
        self.consultation.is_some_and(|consultation| consultation.by == leg)
    }

    /// Nobody consults: none. Else, does this leg, and is who was asked there?
    pub(crate) fn has_asked(&self, leg: LegId) -> Option<bool> {
        self.consultation.map(|consultation| consultation.by == leg && consultation.asked.is_some())
    }

    /// The one who consults leaves, and somebody of another call comes for it: all three talk, so that none is left behind
    /// on hold by somebody who is gone. Returns them, who comes first.
    pub(crate) fn takes_part(&mut self, comes: LegId, by: LegId) -> Vec<LegId> {
        let Some(Consultation { held, asked: Some(asked), first, .. }) = self.consultation else { return Vec::new() };
        let first = if first == by { comes } else { first };
        self.consultation = Some(Consultation { by: comes, held, first, asked: Some(asked), talks: With::Both });
        vec![comes, asked, held]
    }

    /// Who talks and who waits when this dialled leg is heard.
    pub(crate) fn members_with(&self, leg: Option<LegId>) -> Vec<Member> {
        let member = |leg, role| Member { leg, role };
        let heard = leg.map(|leg| member(leg, Role::Talk));
        let held = self.consultation.map(|consultation| member(consultation.held, Role::Hold));
        [member(self.legs[0].id, Role::Talk)].into_iter().chain(heard).chain(held).collect()
    }

    /// Who is asked has answered. False: nobody consults, so this is whom the caller called.
    pub(crate) fn is_consulted(&mut self, leg: LegId) -> bool {
        match &mut self.consultation {
            Some(consultation) => consultation.asked = Some(leg),
            None => return false,
        }
        true
    }

    /// Talks with the other one.
    pub(crate) fn toggle(&mut self) {
        let talks = self.consultation.map(|consultation| consultation.talks);
        self.talk_with(if talks == Some(With::Asked) { With::Held } else { With::Asked });
    }

    /// Talks with both.
    pub(crate) fn together(&mut self) {
        let Some(Consultation { by, asked: Some(_), .. }) = self.consultation else { return };
        self.note(What::Together { leg: by });
        self.talk_with(With::Both);
    }

    /// Leaves both to each other; if who is asked has not answered yet, as soon as that is so.
    pub(crate) fn complete(&mut self) {
        let Some(Consultation { by, .. }) = self.consultation else { return };
        self.leave_both();
        if let Some(at) = self.position(by) {
            self.drop_leg(at, None);
        }
    }

    /// Back to the partner. `failed`: not because the one who asked wanted it.
    pub(crate) fn consultation_ends(&mut self, failed: bool) {
        let Some(Consultation { by, held, first, asked, .. }) = self.consultation.take() else { return };
        let rung: Vec<LegId> = self.take_attempts().iter().flat_map(|attempt| attempt.legs()).collect();
        for leg in rung.into_iter().chain(asked) {
            if let Some(at) = self.position(leg).filter(|at| self.legs[*at].is_live()) {
                self.drop_leg(at, None);
            }
        }
        self.comes_first(first);
        self.note(What::Returns { leg: by });
        let talks = |leg| Member { leg, role: Role::Talk };
        let other = if first == by { held } else { by };
        self.set_members(vec![talks(first), talks(other)]);
        self.events.push_back(Event::HandedBack);
        if failed {
            self.feature_fails(by);
        }
    }

    /// One of the three is gone. False: nobody consults, or it was none of them.
    pub(crate) fn consultation_left(&mut self, leg: LegId, cause: &'static str) -> bool {
        let Some(Consultation { by, held, first, asked, talks }) = self.consultation else { return false };
        match leg {
            leg if leg == by => self.leave_both(),
            // Who leaves a talk of three has failed nobody.
            leg if Some(leg) == asked => self.consultation_ends(talks != With::Both),
            leg if leg == held && asked.is_some() => {
                self.note(What::Left { leg });
                self.consultation = None;
                let talks = |leg| Member { leg, role: Role::Talk };
                self.set_members([by].into_iter().chain(asked).map(talks).collect());
            }
            leg if leg == held => self.end(if first == held { Side::Caller } else { Side::Agent }, cause, 480),
            _ => return false,
        }
        true
    }

    /// The one who consults leaves, as with a transfer asked for by its phone. It is dropped by whoever calls this.
    fn leave_both(&mut self) {
        let Some(Consultation { by, held, asked, .. }) = self.consultation.take() else { return };
        let rings = self.attempt.as_ref().is_some_and(|attempt| attempt.rings());
        self.comes_first(held);
        self.note(What::Left { leg: by });
        let talks = |leg| Member { leg, role: Role::Talk };
        self.set_members([held].into_iter().chain(asked).map(talks).collect());
        match asked.and_then(|leg| self.position(leg)) {
            Some(at) => {
                let (leg, party) = (self.legs[at].id, self.legs[at].party.label().to_owned());
                self.note(What::Connected { leg, party });
                self.tap_legs();
            }
            None => {
                self.goes_on_ringing(by);
                if rings && matches!(self.legs[0].state, State::Up) {
                    let ringback = self.conf.ringback.clone();
                    self.start_player(ringback, true, Purpose::Ringback);
                }
            }
        }
        self.events.push_back(Event::HandedOn);
    }

    fn talk_with(&mut self, talks: With) {
        let Some(Consultation { by, held, asked: Some(asked), .. }) = self.consultation else { return };
        self.consultation.iter_mut().for_each(|consultation| consultation.talks = talks);
        let role = |is_heard| if is_heard { Role::Talk } else { Role::Hold };
        self.set_members(vec![
            Member { leg: by, role: Role::Talk },
            Member { leg: asked, role: role(talks != With::Held) },
            Member { leg: held, role: role(talks != With::Asked) },
        ]);
    }

    /// Who keeps its side of a recording while others come and go: the one who waits.
    pub(crate) fn stays(&self) -> LegId {
        self.consultation.map_or(self.legs[0].id, |consultation| consultation.held)
    }
}
