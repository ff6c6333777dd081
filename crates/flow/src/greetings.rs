//! A person records what callers hear who are to leave a message: one greeting for when nobody comes, one for when the line is
//! busy. Each is heard, then kept or erased.
//!
//! Where it stands: a part of the mailbox (`listen.rs`), which hands it the events while its owner is here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::voicemail::{Greeting, Input};
use audio::Sound;
use call::{Call, Event};

use crate::{Phrase, VoicemailConf, Word};

/// One person who does so.
#[derive(Debug)]
pub(crate) struct Greetings {
    account: String,
    conf: Arc<VoicemailConf>,
    /// The files of those there are.
    kept: BTreeMap<Greeting, String>,
    state: State,
    which: Greeting,
    /// What was recorded, and is not kept yet.
    new: Option<String>,
    pub(crate) words: Vec<Word>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Which greeting?
    Which,
    /// What is to become of it?
    What,
    /// The tone before he speaks.
    Tone,
    Speaking,
    /// What he said is being written, or fetched.
    Waiting,
    /// He hears it, or a tone that says how it went.
    Hearing,
}

impl Greetings {
    pub(crate) fn new(account: &str, conf: Arc<VoicemailConf>, kept: BTreeMap<Greeting, String>) -> Greetings {
        let (which, words) = (Greeting::Away, Vec::new());
        Greetings { account: account.to_owned(), conf, kept, state: State::Which, which, new: None, words }
    }

    pub(crate) fn begin(&mut self, call: &mut Call) {
        self.asks(State::Which, call);
    }

    /// False: he is done here.
    pub(crate) fn step(&mut self, event: &Event, call: &mut Call) -> bool {
        match (&self.state, event) {
            (State::Which, Event::Key('1' | '2')) => {
                self.which = if *event == Event::Key('1') { Greeting::Away } else { Greeting::Busy };
                self.asks(State::What, call);
            }
            (State::Which, Event::Key('#') | Event::NoKey) => return false,
            (State::What | State::Hearing, Event::Key('1')) => {
                self.discards();
                self.state = State::Tone;
                call.play(&self.conf.tone, false);
            }
            (State::What | State::Hearing, Event::Key('2')) => self.fetches(call),
            (State::What | State::Hearing, Event::Key('3')) => match self.new.take() {
                Some(file) => self.keeps(Some(file), call),
                None => self.says(false, call),
            },
            (State::What | State::Hearing, Event::Key('4')) => {
                self.discards();
                self.keeps(None, call);
            }
            (State::What, Event::Key('#') | Event::NoKey) => {
                self.discards();
                self.asks(State::Which, call);
            }
            (State::Tone, Event::Played) => {
                self.state = State::Speaking;
                call.record_greeting(&self.account);
                self.conf.silence.iter().for_each(|silence| call.attend(*silence));
                call.listen(GREETING_MAX.min(self.conf.message_max));
            }
            (State::Speaking, Event::Key(_) | Event::NoKey | Event::Quiet) => {
                call.end_message();
                self.state = State::Waiting;
                call.listen(WAIT_MAX);
            }
            (State::Waiting, Event::NoKey) => self.says(false, call),
            (State::Which | State::What | State::Hearing, Event::Key(_)) | (State::Hearing, Event::Played) => {
                let state = if self.state == State::Which { State::Which } else { State::What };
                self.asks(state, call);
            }
            (_, Event::HungUp) => self.discards(),
            _ => {}
        }
        true
    }

    /// What he said is written.
    pub(crate) fn recorded(&mut self, file: &str, call: &mut Call) {
        self.new = Some(file.to_owned());
        if call.has_ended() {
            return self.discards();
        }
        if self.state == State::Waiting {
            self.fetches(call);
        }
    }

    pub(crate) fn fetched(&mut self, sound: Option<&Sound>, call: &mut Call) {
        match sound.filter(|_| self.state == State::Waiting) {
            Some(sound) => {
                self.state = State::Hearing;
                call.play(sound, false);
            }
            None => self.says(false, call),
        }
    }

    /// Fetches what was recorded now, or the greeting there is.
    fn fetches(&mut self, call: &mut Call) {
        match self.new.as_ref().or_else(|| self.kept.get(&self.which)) {
            Some(file) => {
                self.state = State::Waiting;
                self.words.push(Word::Fetch { call: call.id(), file: file.clone() });
                call.listen(WAIT_MAX);
            }
            None => self.says(false, call),
        }
    }

    fn keeps(&mut self, file: Option<String>, call: &mut Call) {
        match &file {
            Some(file) => drop(self.kept.insert(self.which, file.clone())),
            None => drop(self.kept.remove(&self.which)),
        }
        self.words.push(Input::Greet { account: self.account.clone(), greeting: self.which, file }.into());
        self.says(true, call);
    }

    fn discards(&mut self) {
        let account = &self.account;
        self.words.extend(self.new.take().map(|file| Input::Discard { account: account.clone(), file }.into()));
    }

    fn says(&mut self, done: bool, call: &mut Call) {
        self.state = State::Hearing;
        call.play(if done { &self.conf.done } else { &self.conf.failed }, false);
    }

    fn asks(&mut self, state: State, call: &mut Call) {
        let phrase: Option<&Phrase> = match state {
            State::Which => self.conf.greetings_menu.as_ref(),
            _ => self.conf.greeting_menu.as_ref(),
        };
        let sound = phrase.map_or_else(|| self.conf.tone.clone(), |phrase| phrase.to(call));
        self.state = state;
        call.ask(&sound, self.conf.patience);
    }
}

/// A greeting is no longer.
const GREETING_MAX: Duration = Duration::from_secs(60);
/// A disk that takes longer is not there.
const WAIT_MAX: Duration = Duration::from_secs(8);
