//! A message that the caller leaves for somebody: a recording of its own, that lies in a mailbox.

use crate::recording::{Reason, Recording};
use crate::{Actor, Call, Do, How, Order, What};

impl Call {
    /// Records what the caller says from now as a message for this account. What was being recorded of the call ends here:
    /// a message is for its owner alone.
    pub fn record_message(&mut self, account: &str) {
        self.record_for(account, false);
    }

    /// Records what this person says from now for callers to hear.
    pub fn record_greeting(&mut self, account: &str) {
        self.record_for(account, true);
    }

    fn record_for(&mut self, account: &str, greeting: bool) {
        let kind = if greeting { "greeting" } else { "voicemail" };
        let actor = Actor { by: format!("{kind}:{account}"), how: How::Menu };
        self.order(Order::Stop, actor.clone());
        if self.has_ended() {
            return;
        }
        let reason = Reason::Asked(actor);
        let recording = Recording { greeting, ..Recording::message(self, account, reason.clone()) };
        self.note(What::Recording { id: recording.id, file: recording.file.clone(), reason: Some(reason) });
        self.recordings.push(recording.clone());
        self.wish(Do::Record(recording));
        self.tap_legs();
    }

    /// The program is told when the caller has said nothing for so long: `Quiet` follows, from the recorder.
    pub fn attend(&mut self, quiet: std::time::Duration) {
        if let Some(last) = self.recordings.last().filter(|last| last.runs()) {
            let (recording, began) = (last.id, last.began);
            self.wish(Do::Attend { recording, began, quiet });
        }
    }

    /// Nobody has spoken on a recording for long.
    pub fn fell_quiet(&mut self, recording: base::RecordingId, now: base::Time) {
        self.now = now;
        if self.recordings.last().is_some_and(|last| last.id == recording && last.runs()) {
            self.events.push_back(crate::Event::Quiet);
        }
    }

    /// The message is whole.
    pub fn end_message(&mut self) {
        let account = self.recordings.last().and_then(|recording| recording.mailbox.clone());
        if let Some(account) = account {
            self.order(Order::Stop, Actor { by: format!("voicemail:{account}"), how: How::Menu });
        }
    }
}
