//! Rooms among calls: what programs say to them, what they say to programs and to media, and where a room's sound is.

use std::net::SocketAddr;

use base::{CallId, Time};
use conference::{Input, Member, MutedBy, News, Order, Room};

use super::{Output, Switch};
use crate::status::ConferenceStatus;

impl Switch {
    pub(super) fn tell_rooms(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        if let Input::Joins { room, guest, .. } = &input
            && self.rooms.lets_in(room, guest.moderator)
            && !self.meets(guest.call, room, now, out)
        {
            return self.step(guest.call, now, out, |journey| journey.in_room(&News::Full, now));
        }
        let mut said = Vec::new();
        self.rooms.handle(input, now, &mut said);
        self.rooms_say(said, now, out);
    }

    /// The operator wants something of a room. False: there is no such room, or nobody of that number in it.
    pub fn order_room(&mut self, room: &str, order: Order, now: Time, out: &mut Vec<Output>) -> bool {
        let mut said = Vec::new();
        let done = self.rooms.order(room, order, &mut said);
        self.rooms_say(said, now, out);
        self.hear_out(now, out);
        done
    }

    /// Who is in rooms.
    pub fn conferences(&self, now: Time) -> Vec<ConferenceStatus> {
        let row = |name: &str, room: &Room, member: &Member| ConferenceStatus {
            conference: name.to_owned(),
            member: member.number,
            who: member.guest.who.clone(),
            call: member.guest.call.to_string(),
            secs: now.since(member.since).as_secs(),
            moderator: member.guest.moderator,
            muted: member.muted.is_some(),
            muted_by_moderator: member.muted == Some(MutedBy::Moderator),
            waits: !room.has_begun(),
            locked: room.locked,
            recorded: room.recorded,
        };
        self.rooms.all().flat_map(|(name, room)| room.members().map(move |member| row(name, room, member))).collect()
    }

    /// Has a call in a room ended, or does its phone hold?
    pub(super) fn sees_room(&mut self, id: CallId) {
        let Some(running) = self.journeys.get_mut(&id).filter(|_| self.rooms.room_of(id).is_some()) else { return };
        let call = running.journey.call();
        if call.has_ended() {
            self.room_words.push_back(Input::Leaves { call: id });
        } else if call.caller_holds() != running.holds {
            running.holds = !running.holds;
            self.room_words.push_back(Input::Holds { call: id, holds: running.holds });
        }
    }

    fn rooms_say(&mut self, said: Vec<conference::Output>, now: Time, out: &mut Vec<Output>) {
        for said in said {
            match said {
                conference::Output::Tell { call, news } => {
                    self.step(call, now, out, |journey| journey.in_room(&news, now));
                }
                conference::Output::Wire { from, to, call, hears } => {
                    let Some(thread) = self.journeys.get(&call).map(|running| running.thread) else { continue };
                    let command = match hears {
                        true => media::Command::Wire { from, to },
                        false => media::Command::Unwire { from, to },
                    };
                    out.push(Output::Media { thread, command });
                }
            }
        }
    }

    /// Brings a call's sound to where that of the room is. False: there is no port for it.
    fn meets(&mut self, id: CallId, room: &str, now: Time, out: &mut Vec<Output>) -> bool {
        let there = self.rooms.somebody_in(room).and_then(|call| self.journeys.get(&call)).map(|other| other.thread);
        let Some(running) = self.journeys.get(&id) else { return true };
        let Some(thread) = there.filter(|thread| *thread != running.thread) else { return true };
        let Some(port) = self.ports.take() else { return false };
        let local = SocketAddr::new(running.journey.call().caller().local().ip(), port);
        self.step(id, now, out, |journey| journey.departs(local));
        if let Some(running) = self.journeys.get_mut(&id) {
            running.thread = thread;
        }
        self.step(id, now, out, |journey| journey.arrives());
        true
    }
}
