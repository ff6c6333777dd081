//! The call's verbs: everything a program can do.
//!
//! Where it stands: programs in `flow` use these and nothing else. Each verb is safe in every state; where it makes no
//! sense any more (the caller hung up a moment ago) it does nothing, and the program hears `HungUp` next.

use std::time::Duration;

use audio::{Codec, Music, Playlist, Sound};

use crate::attempt::{Attempt, Dial};
use crate::call::{Playing, Purpose};
use crate::leg::State;
use crate::recording::{Reason, Recording};
use crate::{Call, Do, Event, Member, Role, Side, What};

impl Call {
    /// Answers the caller (200), if that is still to be done.
    pub fn answer(&mut self) {
        self.answer_in(None);
    }

    /// Answers the caller, in this codec where the offer has it. False if it cannot be done: then the call has ended.
    pub(crate) fn answer_in(&mut self, codec: Option<Codec>) -> bool {
        if self.has_ended() {
            return false;
        }
        let State::Knocking { offer } = &self.legs[0].state else { return true };
        let offer = offer.clone();
        let caller = &mut self.legs[0];
        let early = caller.early.take();
        let sdp = match &offer {
            Some(_) if early.is_some() => early.unwrap_or_default(), // the same again: some phones took it for the answer
            Some(offer) => match caller.answer(offer, codec) {
                Ok(sdp) => sdp,
                Err(status) => {
                    self.end(Side::Switch, "no common codec", status);
                    return false;
                }
            },
            None => early.unwrap_or_else(|| {
                caller.prefer(codec.as_slice());
                caller.offer() // its answer comes with the ACK
            }),
        };
        caller.state = State::Up;
        let leg = caller.id;
        self.falls_quiet();
        self.connect_media(0);
        self.say(sip::Command::Answer { leg, sdp });
        self.note(What::Answered);
        true
    }

    /// Refuses a caller not yet answered with this status, and hangs up on one who was.
    pub fn reject(&mut self, status: u16) {
        self.end(Side::Switch, "rejected", status);
    }

    /// Lets the caller hear that it rings (180).
    pub fn ring(&mut self) {
        if matches!(self.legs[0].state, State::Knocking { .. }) && !self.has_ended() {
            self.say(sip::Command::Ring { leg: self.legs[0].id, status: 180, sdp: None });
        }
    }

    /// Plays a sound to the caller, answering first. `Played` follows at its end, unless it repeats.
    pub fn play(&mut self, sound: &Sound, repeat: bool) {
        if !self.answer_in(None) {
            return;
        }
        if sound.pcm().is_empty() {
            self.stop();
            self.events.push_back(Event::Played);
        } else {
            self.start_player(sound.clone(), repeat, Purpose::Announce);
        }
    }

    /// Plays music to the caller, who has heard so much of it already, and is told of its end after so long, if ever.
    pub fn play_music(&mut self, music: &Music, heard: Duration, lasting: Option<Duration>) {
        if self.answer_in(None) {
            let list = music.to(self.id().bits(), heard, self.now);
            let list = lasting.into_iter().fold(list, Playlist::lasting);
            self.start_player(list, true, Purpose::Announce);
        }
    }

    /// Plays a sound and expects a key, for `patience` after the sound's end. `Key` or `NoKey` follows; a key cuts the
    /// sound short.
    pub fn ask(&mut self, sound: &Sound, patience: Duration) {
        if sound.pcm().is_empty() {
            self.listen(patience);
        } else if self.answer_in(None) {
            self.start_player(sound.clone(), false, Purpose::Ask { patience });
        }
    }

    /// Expects a key for so long, in silence. `Key` or `NoKey` follows.
    pub fn listen(&mut self, patience: Duration) {
        if self.answer_in(None) {
            self.stop();
            self.players += 1; // what was played before may still say that it has ended
            let until = self.now + patience;
            self.playing = Some(Playing { player: self.players, purpose: Purpose::Await { until } });
        }
    }

    /// Wants to be told when so much time has passed: `Woken` follows, whatever is played meanwhile.
    pub fn wake_after(&mut self, time: Duration) {
        self.wake = Some(self.now + time);
    }

    /// Does not want to be told any more.
    pub fn wake_no_more(&mut self) {
        self.wake = None;
    }

    /// Stops what the caller is played.
    pub fn stop(&mut self) {
        if let Some(playing) = self.playing.take()
            && !matches!(playing.purpose, Purpose::Await { .. })
        {
            self.wish(Do::Media(media::Command::Stop { leg: self.legs[0].id }));
            self.falls_quiet();
        }
    }

    /// Lets the caller hear himself.
    pub fn echo(&mut self) {
        if self.answer_in(None) {
            self.set_members(vec![Member { leg: self.legs[0].id, role: Role::Echo }]);
        }
    }

    /// Calls somebody. `Connected` or `NotConnected` follows.
    pub fn dial(&mut self, dial: Dial) {
        if self.has_ended() {
            return;
        }
        self.attempt = Some(Attempt::new(self.now + dial.ring));
        self.wish(Do::Find(dial.targets));
    }

    /// Records the call from now, if it is not being recorded: the caller left, whoever he talks with right.
    pub(crate) fn record(&mut self, reason: Reason) {
        if self.has_ended() || self.is_recorded() || self.recordings.len() >= RECORDINGS_MAX {
            return;
        }
        let recording = Recording::begin(self, reason.clone());
        self.note(What::Recording { id: recording.id, file: recording.file.clone(), reason: Some(reason) });
        self.recordings.push(recording.clone());
        let id = recording.id;
        self.wish(Do::Record(recording));
        self.silence_recording(id);
        self.tap_legs();
    }

    /// Writes down that a program took over.
    pub fn entered(&mut self, destination: String) {
        self.note(What::Entered { destination });
    }

    /// Writes down that the caller waits in a queue from now.
    pub fn queued(&mut self, queue: &str) {
        self.note(What::Queued { queue: queue.to_owned() });
    }

    /// Writes down that the caller's waiting is over, and in a word how.
    pub fn unqueued(&mut self, outcome: &'static str) {
        self.note(What::Unqueued { outcome: outcome.into() });
    }

    /// Ends the call on behalf of this side.
    pub fn hang_up(&mut self, by: Side, cause: &'static str) {
        self.end(by, cause, 480);
    }

    /// Can the caller's offer be answered at all? If not, the status that says so.
    pub fn offer_refusal(&self) -> Option<u16> {
        match &self.legs[0].state {
            State::Knocking { offer: Some(offer) } => self.legs[0].can_answer(offer).err(),
            _ => None,
        }
    }

    pub(crate) fn start_player(&mut self, sound: impl Into<Playlist>, repeat: bool, purpose: Purpose) {
        self.players += 1;
        self.sounds += 1;
        let caller = self.legs[0].id;
        self.music.retain(|leg| *leg != caller); // one player a leg: this one takes its place
        self.playing = Some(Playing { player: self.players, purpose });
        let play = media::Command::Play { leg: self.legs[0].id, player: self.players, sound: sound.into(), repeat };
        self.wish(Do::Media(play));
    }
}

/// Who stops and starts more often is not heard.
const RECORDINGS_MAX: usize = 100;
