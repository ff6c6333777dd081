//! Supervision: somebody hears a party's call, speaks to that party alone, or to both; and chooses by key in
//! mid-call. One more key takes the call over: he is the party then, and the one he supervised is let go.
//!
//! Where it stands: the switch has found the call and has said that the supervisor may. He is a leg of it that is no party:
//! never the partner of one, never on a recording's channel, and the call goes on as it was when he goes. Each change
//! is a fact.

use base::{LegId, Time};
use bytes::Bytes;
use media::KeysHeard;
use serde::{Deserialize, Serialize};

use crate::leg::State;
use crate::replace::Place;
use crate::{Call, Do, Event, Leg, Member, NewLeg, Role, What};

/// How a supervisor takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Supervision {
    /// Hears all, and is heard by nobody.
    Listen,
    /// Is heard by the supervised party alone.
    Whisper,
    /// Is heard by all.
    Barge,
}

impl Supervision {
    /// The word of facts and records.
    pub fn word(self) -> &'static str {
        match self {
            Supervision::Listen => "listen",
            Supervision::Whisper => "whisper",
            Supervision::Barge => "barge",
        }
    }

    /// The key by which a supervisor chooses it.
    fn by_key(key: char) -> Option<Supervision> {
        match key {
            '1' => Some(Supervision::Listen),
            '2' => Some(Supervision::Whisper),
            '3' => Some(Supervision::Barge),
            _ => None,
        }
    }
}

/// A phone that supervises a party of the call.
#[derive(Debug)]
pub struct Supervisor {
    /// Its leg, as it knocks.
    pub leg: NewLeg,
    /// Its offer, if it made one.
    pub offer: Option<Bytes>,
    /// Whom it supervises.
    pub of: LegId,
    /// How, to begin with.
    pub how: Supervision,
}

/// One who does so now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Supervising {
    pub(crate) leg: LegId,
    pub(crate) of: LegId,
    pub(crate) how: Supervision,
    pub(crate) part: Part,
}

/// Why a leg is in a call of which it is no party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It came to supervise.
    Supervises,
    /// It follows somebody, and goes home to the call it began.
    Follows,
    /// It is one of many the caller speaks to, and chooses nothing.
    IsPaged,
}

impl Supervising {
    pub(crate) fn member(&self) -> Member {
        let role = match self.how {
            Supervision::Listen => Role::Listen,
            Supervision::Whisper => Role::Whisper { to: self.of },
            Supervision::Barge => Role::Talk,
        };
        Member { leg: self.leg, role }
    }
}

impl Call {
    /// This phone, whose INVITE has just come, supervises a party that talks.
    pub fn supervise(&mut self, supervisor: Supervisor, now: Time) {
        self.now = now;
        let Supervisor { leg, offer, of, how } = supervisor;
        let codec = self.position(of).and_then(|at| self.legs[at].codec());
        let status = if !self.talks(of) {
            480
        } else if self.supervisors.len() >= SUPERVISORS_MAX {
            486
        } else {
            200
        };
        let id = leg.leg;
        if self.joins(leg, offer.as_ref(), codec, status).is_some() {
            self.supervisors.push(Supervising { leg: id, of, how, part: Part::Supervises });
            self.others_hear_keys_of(id, KeysHeard::None); // they are for us
            self.note_supervision(id);
            self.rewire();
        }
    }

    /// Does this party talk with somebody now?
    pub fn talks(&self, leg: LegId) -> bool {
        let talks = |member: &Member| member.leg == leg && member.role == Role::Talk;
        !self.has_ended() && self.members.len() > 1 && self.members.iter().any(talks)
    }

    /// Is this leg no party, but one who supervises?
    pub fn is_supervisor(&self, leg: LegId) -> bool {
        self.supervisors.iter().any(|supervising| supervising.leg == leg)
    }

    /// A phone's INVITE is answered in this call, unless there is a reason not to. Where its leg is then.
    pub(crate) fn joins(
        &mut self,
        leg: NewLeg,
        offer: Option<&Bytes>,
        codec: Option<audio::Codec>,
        status: u16,
    ) -> Option<usize> {
        let id = leg.leg;
        self.legs.push(Leg::new(leg, State::Dialling, &self.conf));
        let at = self.legs.len() - 1;
        let sdp = match offer {
            Some(offer) => self.legs[at].answer(offer, codec),
            None => Ok(self.legs[at].offer()), // its answer comes with the ACK
        };
        match sdp {
            Ok(sdp) if status == 200 => {
                self.legs[at].state = State::Up;
                self.connect_media(at);
                self.say(sip::Command::Answer { leg: id, sdp });
                Some(at)
            }
            refused => {
                let status = refused.err().unwrap_or(status);
                self.say(sip::Command::Reject { leg: id, status });
                self.legs[at].state = State::Ended;
                self.close_media(at);
                None
            }
        }
    }

    /// A supervisor pressed a key. False: it was none.
    pub(crate) fn supervisor_key(&mut self, leg: LegId, key: char) -> bool {
        if self.supervisors.iter().any(|one| one.leg == leg && one.part == Part::IsPaged) {
            return true;
        }
        if key == TAKE_OVER && self.supervisor_takes_over(leg) {
            return true;
        }
        let Some(supervising) = self.supervisors.iter_mut().find(|one| one.leg == leg) else { return false };
        if let Some(how) = Supervision::by_key(key).filter(|how| *how != supervising.how) {
            supervising.how = how;
            self.note_supervision(leg);
            self.rewire();
        }
        true
    }

    /// A supervisor takes the place of the party he supervises. False: he is no supervisor, or that is not possible now.
    fn supervisor_takes_over(&mut self, leg: LegId) -> bool {
        let Some(Supervising { of, .. }) = self.supervisors.iter().find(|one| one.leg == leg).copied() else {
            return false;
        };
        let Some(at) = self.position(leg).filter(|_| self.place_of(of) == Some(Place::Talks)) else { return false };
        self.supervisors.retain(|supervising| supervising.leg != leg);
        self.note(What::SupervisorLeft { leg });
        let party = self.legs[at].party.label().to_owned();
        self.note(What::Replaced { leg: of, by: leg, party });
        self.others_hear_keys_of(leg, KeysHeard::All);
        self.stands_in(of, at);
        self.events.push_back(Event::TakenOver);
        true
    }

    /// A supervisor is gone. False: it was none.
    pub(crate) fn supervisor_left(&mut self, leg: LegId) -> bool {
        let Some(at) = self.supervisors.iter().position(|supervising| supervising.leg == leg) else { return false };
        match self.supervisors.remove(at).part == Part::IsPaged {
            true => self.is_unpaged(leg),
            false => self.note(What::SupervisorLeft { leg }),
        }
        self.rewire();
        true
    }

    /// Whoever supervises a party that is in the call no longer is let go, or goes home: what is to be done for that.
    pub(crate) fn let_supervisors_go(&mut self) -> Vec<Do> {
        let is_there = |of: LegId| self.members.iter().any(|member| member.leg == of);
        let (stay, gone) = self.supervisors.iter().copied().partition(|one: &Supervising| is_there(one.of));
        self.supervisors = stay;
        let gone: Vec<Supervising> = gone;
        let mut homewards = Vec::new();
        for one in gone {
            let leg = one.leg;
            self.note(if one.part == Part::IsPaged { What::Left { leg } } else { What::SupervisorLeft { leg } });
            let Some(at) = self.position(leg) else { continue };
            match one.part {
                Part::Follows => homewards.extend(self.gives_back(at, one.how)),
                Part::Supervises | Part::IsPaged => self.drop_leg(at, None),
            }
        }
        homewards
    }

    pub(crate) fn note_supervision(&mut self, leg: LegId) {
        let Some(Supervising { of, how, .. }) = self.supervisors.iter().find(|one| one.leg == leg).copied() else {
            return;
        };
        let label = |leg| self.position(leg).map(|at| self.legs[at].party.label().to_owned()).unwrap_or_default();
        let (by, of) = (label(leg), label(of));
        self.note(What::Supervised { leg, by, of, how });
    }
}

/// The key by which a supervisor takes the call over.
const TAKE_OVER: char = '4';
/// So many may supervise one call at once.
pub(crate) const SUPERVISORS_MAX: usize = 8;
