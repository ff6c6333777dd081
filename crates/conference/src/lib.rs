//! Rooms in which many talk: who is there, who may speak, and what a moderator can do about it.
//!
//! Where it stands: `flow`'s program brings a caller to a room and tells what keys he pressed there; what comes of it goes to
//! the programs of all who are there, and as wires to media. A room is members of different calls with a role each, and
//! [`call::wires`] says who hears whom, as in every call. It knows no key, no sound and no port.
#![forbid(unsafe_code)]

mod room;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{CallId, LegId, Time};
use serde::{Deserialize, Serialize};

pub use room::{Member, MutedBy, Room};

/// The rules of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomConf {
    /// So many may be there.
    pub members_max: usize,
    /// Nobody hears anybody until a moderator is there.
    pub waits_for_moderator: bool,
    /// It is over when the last moderator leaves.
    pub ends_with_moderator: bool,
    /// Who comes, and is no moderator, may not speak until a moderator lets him.
    pub muted: bool,
    /// All who come are recorded.
    pub record: bool,
}

/// One who comes.
#[derive(Clone, Debug)]
pub struct Guest {
    /// By this call.
    pub call: CallId,
    /// Its caller's leg.
    pub leg: LegId,
    /// Who it is: an account, or a number.
    pub who: String,
    /// He may do all there is to do.
    pub moderator: bool,
}

/// What rooms are told.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody wants in.
    Joins {
        /// Where to.
        room: String,
        /// The rules, if he is the first there.
        conf: Arc<RoomConf>,
        /// Who.
        guest: Guest,
    },
    /// A call is there no longer.
    Leaves {
        /// Which.
        call: CallId,
    },
    /// Its phone holds: it hears nobody, and what it plays is not for the others; or it does so no longer.
    Holds {
        /// Which.
        call: CallId,
        /// It does.
        holds: bool,
    },
    /// A member wants something.
    Wants {
        /// Who.
        call: CallId,
        /// What.
        order: Order,
    },
}

/// What can be wanted. Members are known by their numbers, which count from 1 in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Who says so may not be heard, or may again, in turn.
    MuteOwn,
    /// The other way round than it is.
    Turn {
        /// Who; none: who came last.
        member: Option<u32>,
    },
    /// One may not be heard, or may.
    Mute {
        /// Who.
        member: u32,
        /// He may not.
        muted: bool,
    },
    /// None but moderators may be heard; or all may.
    MuteOthers {
        /// They may not; none: the other way round than it was last said.
        muted: Option<bool>,
    },
    /// One must go.
    Kick {
        /// Who; none: who came last.
        member: Option<u32>,
    },
    /// Nobody but moderators may come in; or all may.
    Lock {
        /// Nobody; none: the other way round than it is.
        locked: Option<bool>,
    },
    /// All are recorded, or nobody is any more.
    Record {
        /// They are; none: the other way round than it is.
        recorded: Option<bool>,
    },
    /// Everybody must go.
    End,
}

/// What rooms say.
#[derive(Clone, Debug)]
pub enum Output {
    /// To one who is there, or wanted to be.
    Tell {
        /// By this call.
        call: CallId,
        /// What.
        news: News,
    },
    /// A member hears another from now on, or no longer.
    Wire {
        /// Who speaks.
        from: LegId,
        /// Who hears it.
        to: LegId,
        /// One of the calls whose sound is there.
        call: CallId,
        /// From now on.
        hears: bool,
    },
}

/// What a member is told.
#[derive(Clone, Debug)]
pub enum News {
    /// He is not let in: too many are there, or it is locked.
    Full,
    /// See there.
    Locked,
    /// He is in.
    Joined,
    /// So it is with him now.
    Stands(Standing),
    /// Another came.
    Came,
    /// Another is there no longer.
    Went,
    /// The others do not hear him, or do again.
    Muted(bool),
    /// What he wanted was done; on, or off.
    Done(bool),
    /// It was not: he is no moderator, or there is nobody of that number.
    NotDone,
    /// He is recorded from now, or no longer.
    Recorded(bool),
    /// He must go.
    Kicked,
    /// It is over for all.
    Over,
}

/// What a member hears when nothing is played to him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A moderator is awaited.
    Waits,
    /// Nobody else is there.
    Alone,
    /// Others are there, and none of them may speak.
    Quiet,
    /// Others, who may.
    Hears,
}

/// All rooms with somebody in them.
#[derive(Debug, Default)]
pub struct Rooms {
    rooms: BTreeMap<String, Room>,
    at: BTreeMap<CallId, String>,
}

impl Rooms {
    /// Takes what happened.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Joins { room, conf, guest } => {
                if self.at.contains_key(&guest.call) {
                    return;
                }
                let call = guest.call;
                let there = self.rooms.entry(room.clone()).or_insert_with(|| Room::new(conf));
                if there.joins(guest, now, out) {
                    self.at.insert(call, room);
                } else if there.is_empty() {
                    self.rooms.remove(&room);
                }
            }
            Input::Leaves { call } => {
                let Some(name) = self.at.remove(&call) else { return };
                self.change(&name, out, |room, out| room.leaves(call, out));
            }
            Input::Holds { call, holds } => {
                let Some(name) = self.at.get(&call).cloned() else { return };
                self.change(&name, out, |room, out| room.holds(call, holds, out));
            }
            Input::Wants { call, order } => {
                let Some(name) = self.at.get(&call).cloned() else { return };
                self.change(&name, out, |room, out| {
                    let done = room.does(Some(call), order, out);
                    let news = done.map_or(News::NotDone, News::Done);
                    out.push(Output::Tell { call, news });
                });
            }
        }
    }

    /// The operator wants something. False: there is no such room, or nobody of that number in it.
    pub fn order(&mut self, room: &str, order: Order, out: &mut Vec<Output>) -> bool {
        let mut done = false;
        self.change(room, out, |room, out| done = room.does(None, order, out).is_some());
        done
    }

    /// The rooms and who is there.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Room)> {
        self.rooms.iter().map(|(name, room)| (name.as_str(), room))
    }

    /// A call that is in this room: the others' sound must be where its own is.
    pub fn somebody_in(&self, room: &str) -> Option<CallId> {
        self.rooms.get(room)?.members().next().map(|member| member.guest.call)
    }

    /// Would somebody be let in there?
    pub fn lets_in(&self, room: &str, moderator: bool) -> bool {
        self.rooms.get(room).is_none_or(|room| room.refusal(moderator).is_none())
    }

    /// The room a call is in.
    pub fn room_of(&self, call: CallId) -> Option<&str> {
        self.at.get(&call).map(String::as_str)
    }

    /// Something in a room changes; those who must go are there no longer, and a room nobody is in is none.
    fn change(&mut self, name: &str, out: &mut Vec<Output>, change: impl FnOnce(&mut Room, &mut Vec<Output>)) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        change(room, out);
        room.settle(out);
        for call in room.take_gone() {
            self.at.remove(&call);
        }
        if room.is_empty() {
            self.rooms.remove(name);
        }
    }
}
