//! The SIP messages of the last while, and who watches them go by.

use base::{CallId, Time};
use bytes::Bytes;
use serde_json::{Value, json};
use sip::Flow;

use super::ask::Line;
use super::clock::Clock;
use super::console::Answers;
use crate::trace::{Trace, Wanted};

/// Messages kept to be looked at: half an hour at ten messages a second.
const TRACE_BYTES_MAX: usize = 16 << 20;
/// Traces followed at once.
const FOLLOWERS_MAX: usize = 4;
/// Of what was said before, one who follows is shown so much.
const FOLLOWED_ROWS_MAX: usize = 512;

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
        self.followers.retain(|follower| match trace.last(&follower.wanted, clock) {
            Some(said) => follower.answers.try_send(Line::Row(json!(said))).is_ok(),
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
        // The latest of what was said; what follows needs the room behind it.
        let rows = self.said(call.as_deref(), user.as_deref());
        let latest = rows.len().saturating_sub(FOLLOWED_ROWS_MAX);
        rows.into_iter().skip(latest).for_each(|row| drop(answers.try_send(Line::Row(row))));
        let wanted = self.wanted(call.as_deref(), user.as_deref());
        self.followers.push(Follower { call, wanted, answers });
    }

    fn wanted(&self, call: Option<&str>, user: Option<&str>) -> Wanted {
        match call {
            Some(call) => self.trace.dialogs_of(call),
            None => Wanted::User(user.unwrap_or_default().to_owned()),
        }
    }
}
