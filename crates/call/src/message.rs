//! A message that the caller leaves for somebody: a recording of its own, that lies in a mailbox.

use crate::recording::{Reason, Recording};
use crate::{Actor, Call, Do, How, Order, What};

impl Call {
    /// Records what the caller says from now as a message for this account. What was being recorded of the call ends here:
    /// a message is for its owner alone.
    pub fn record_message(&mut self, account: &str) {
        let actor = Actor { by: format!("voicemail:{account}"), how: How::Menu };
        self.order(Order::Stop, actor.clone());
        if self.has_ended() {
            return;
        }
        let reason = Reason::Asked(actor);
        let recording = Recording::message(self, account, reason.clone());
        self.note(What::Recording { id: recording.id, file: recording.file.clone(), reason: Some(reason) });
        self.recordings.push(recording.clone());
        self.wish(Do::Record(recording));
        self.tap_legs();
    }

    /// The message is whole.
    pub fn end_message(&mut self) {
        let account = self.recordings.last().and_then(|recording| recording.mailbox.clone());
        if let Some(account) = account {
            self.order(Order::Stop, Actor { by: format!("voicemail:{account}"), how: How::Menu });
        }
    }
}
