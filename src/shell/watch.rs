//! The SIP messages of the last while, and who watches them go by.

use std::collections::VecDeque;

use base::{CallId, Time};
use bytes::Bytes;
use serde_json::{Value, json};
use sip::Flow;

use super::ask::Line;
use super::clock::Clock;
use super::console::Answers;
use crate::trace::{Said, Trace, Wanted};

/// Messages kept to be looked at: half an hour at ten messages a second.
const TRACE_BYTES_MAX: usize = 16 << 20;
/// Traces followed at once.
const FOLLOWERS_MAX: usize = 4;
/// Of what was said before, one who follows is shown so much.
const FOLLOWED_ROWS_MAX: usize = 512;
/// One who follows may be behind by so much, beside what the console says of lines.
const UNREAD_BYTES_MAX: usize = 4 << 20;

/// The messages kept, and their watchers.
pub struct Watch {
    clock: Clock,
    trace: Trace,
    followers: Vec<Follower>,
}

/// One who watches messages go by.
struct Follower {
    /// The call, where it is one's messages.
    call: Option<String>,
    wanted: Wanted,
    answers: Answers,
    unread: Unread,
}

/// How long the rows are that somebody has not read yet, the oldest first.
#[derive(Default)]
struct Unread {
    rows: VecDeque<usize>,
    bytes: usize,
}

impl Unread {
    /// One more, while so many are unread. False: it would be too much.
    fn has_room(&mut self, unread: usize, bytes: usize) -> bool {
        while self.rows.len() > unread {
            self.bytes -= self.rows.pop_front().unwrap_or(0);
        }
        if self.bytes + bytes > UNREAD_BYTES_MAX {
            return false;
        }
        self.rows.push_back(bytes);
        self.bytes += bytes;
        true
    }
}

impl Follower {
    /// Shows it a row. False: it is too far behind, or gone.
    fn shows(&mut self, said: &Said) -> bool {
        let unread = self.answers.max_capacity() - self.answers.capacity();
        self.unread.has_room(unread, said.text.len()) && self.answers.try_send(Line::Row(json!(said))).is_ok()
    }
}

impl Watch {
    /// Nothing has gone by yet.
    pub fn new(clock: Clock) -> Watch {
        Watch { clock, trace: Trace::new(TRACE_BYTES_MAX), followers: Vec::new() }
    }

    /// Notes a message that goes by, and shows it to who watches. One who is too far behind is shown no more.
    pub fn record(&mut self, at: Time, sent: bool, flow: Flow, bytes: Bytes) {
        self.trace.record(at, sent, flow, bytes);
        let (trace, clock) = (&self.trace, self.clock.wall());
        self.followers.retain_mut(|follower| match trace.last(&follower.wanted, clock) {
            Some(said) => follower.shows(&said),
            None => !follower.answers.is_closed(),
        });
    }

    /// A call has one more dialog.
    pub fn dialog(&mut self, call: CallId, sip_call_id: String) {
        for follower in &mut self.followers {
            if let (Some(of), Wanted::Dialogs(ids)) = (&follower.call, &mut follower.wanted)
                && *of == call.to_string()
            {
                ids.push(sip_call_id.clone());
            }
        }
        self.trace.dialog(call, sip_call_id);
    }

    /// What was said in a call, or with a user.
    pub fn said(&self, call: Option<&str>, user: Option<&str>) -> Vec<Value> {
        let said = self.trace.find(&self.wanted(call, user), self.clock.wall());
        said.iter().map(|said| json!(said)).collect()
    }

    /// Shows what was said lately, and from now on what will be.
    pub fn follow(&mut self, call: Option<String>, user: Option<String>, answers: Answers) {
        if self.followers.len() >= FOLLOWERS_MAX {
            let _ = answers.try_send(Line::Failed(format!("{FOLLOWERS_MAX} traces are followed already; end one")));
            return;
        }
        let wanted = self.wanted(call.as_deref(), user.as_deref());
        let rows = self.trace.find(&wanted, self.clock.wall());
        let mut follower = Follower { call, wanted, answers, unread: Unread::default() };
        // The latest of what was said; what follows needs the room behind it.
        let mut bytes = 0;
        let fits = |said: &&Said| {
            bytes += said.text.len();
            bytes <= UNREAD_BYTES_MAX / 2
        };
        let latest = rows.iter().rev().take(FOLLOWED_ROWS_MAX).take_while(fits).count();
        if rows[rows.len() - latest..].iter().all(|said| follower.shows(said)) {
            self.followers.push(follower);
        }
    }

    fn wanted(&self, call: Option<&str>, user: Option<&str>) -> Wanted {
        match call {
            Some(call) => self.trace.dialogs_of(call),
            None => Wanted::User(user.unwrap_or_default().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_read_is_behind_by_no_more_than_so_many_bytes() {
        let mut unread = Unread::default();
        let large = UNREAD_BYTES_MAX / 4;
        assert!((0..4).all(|rows| unread.has_room(rows, large)));
        assert!(!unread.has_room(4, 1));
        assert!(unread.has_room(3, large), "one was read");
        assert!(!unread.has_room(4, large));
        assert!(unread.has_room(0, large) && unread.rows.len() == 1 && unread.bytes == large, "and then all");
    }
}
