//! Mailboxes among the rooms: what programs and the recorder say to them, and what they say to lamps and files.

use ::voicemail::Mailboxes;
use std::time::Duration;

use base::{CallId, RecordingId, Time};
use call::Recording;
use sip::Mailbox;

use super::{Output, Switch};

impl Switch {
    /// What was left for people when the switch was last there.
    pub fn remember_voicemail(&mut self, kept: Mailboxes) {
        self.voicemail = kept;
        let mut said = Vec::new();
        self.voicemail.say_all(&mut said);
        said.into_iter().for_each(|said| self.mailbox_says(said, Time::ZERO, &mut Vec::new()));
    }

    /// The messages that wait for people.
    pub fn voicemail(&self) -> &Mailboxes {
        &self.voicemail
    }

    /// A recording begins; it may be a message for somebody.
    pub(super) fn message_begins(&mut self, id: CallId, recording: &Recording) {
        let (Some(account), Some(running)) = (&recording.mailbox, self.journeys.get(&id)) else { return };
        if recording.greeting {
            return;
        }
        let call = running.journey.call();
        let (caller, at) = (call.caller().party.label().to_owned(), call.date(recording.began));
        let begins = ::voicemail::Input::Begins { recording: recording.id, account: account.clone(), caller, at };
        self.mail.push_back(begins);
    }

    /// A greeting is whole as soon as it is stopped: who records it wants to hear it.
    pub(super) fn closes_greeting(&self, id: CallId, recording: RecordingId, length: Duration) -> Option<Output> {
        let call = self.journeys.get(&id)?.journey.call();
        let one = call.recordings().iter().find(|one| one.id == recording && one.greeting)?;
        let sidecar = crate::sidecar::of(call, one, &call.cdr());
        Some(Output::Record(recorder::Input::Close { id: recording, length, sidecar }))
    }

    /// The recorder has said something; it may be of a message.
    pub(super) fn message_recorded(&mut self, event: &recorder::Event) {
        self.mail.extend(match event {
            recorder::Event::Closed { id, file, seconds } => {
                Some(::voicemail::Input::Recorded { recording: *id, file: file.clone(), seconds: *seconds })
            }
            recorder::Event::Failed { id, .. } => Some(::voicemail::Input::Failed { recording: *id }),
            _ => None,
        });
    }

    pub(super) fn tell_mailboxes(&mut self, input: ::voicemail::Input, now: Time, out: &mut Vec<Output>) {
        let mut said = Vec::new();
        if self.voicemail.handle(input, &mut said) {
            out.push(Output::Voicemail { kept: self.voicemail.print() });
        }
        said.into_iter().for_each(|said| self.mailbox_says(said, now, out));
    }

    fn mailbox_says(&mut self, said: ::voicemail::Output, now: Time, out: &mut Vec<Output>) {
        match said {
            ::voicemail::Output::Opened { call, .. } => self.step(call, now, out, |journey| journey.mail(&said, now)),
            ::voicemail::Output::Waits { account, new, old } => {
                self.waits(account, Mailbox { new, old, ..Mailbox::default() });
            }
            ::voicemail::Output::Erase { file, account } => out.push(Output::EraseMessage { file, account }),
        }
    }
}
