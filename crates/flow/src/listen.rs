//! Somebody listens to the messages left for him: each is said with its date and caller, then kept, erased or left new.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ::voicemail::Message;
use audio::Sound;
use call::{Call, Event, Side};

use crate::greetings::Greetings;
use crate::{Next, Phrase, Program, VoicemailConf, Word};

/// One person and the mailbox.
#[derive(Debug)]
pub(crate) struct Listen {
    account: String,
    /// What is to be keyed in first.
    pin: Option<String>,
    conf: Arc<VoicemailConf>,
    state: State,
    typed: String,
    misses: u32,
    /// The one that is listened to first.
    messages: VecDeque<Message>,
    greetings: Greetings,
    words: Vec<Word>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Pin,
    /// The mailbox is being opened, or a message fetched.
    Fetching,
    /// How many there are is being said.
    Counting,
    /// A message is heard, with what is said before it.
    Playing,
    /// What is to become of it?
    Choosing,
    /// That there are no more is being said.
    Ending,
    /// He changes his greetings.
    Greeting,
}

impl Listen {
    pub(crate) fn new(account: String, pin: Option<String>, conf: Arc<VoicemailConf>) -> Listen {
        let (typed, words, messages) = (String::new(), Vec::new(), VecDeque::new());
        let greetings = Greetings::new(&account, conf.clone(), BTreeMap::new());
        Listen { account, pin, conf, state: State::Fetching, typed, misses: 0, messages, greetings, words }
    }

    /// Says something, or nothing where the conf has no words for it.
    fn says<'a>(&self, phrase: Option<&Phrase>, call: &'a Call, fields: &[(&str, &'a str)]) -> Option<Sound> {
        let field = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        phrase.map(|phrase| phrase.with(call, field))
    }

    fn begin(&mut self, call: &mut Call) {
        call.answer();
        match &self.pin {
            Some(_) => self.ask_pin(call),
            None => self.open(call),
        }
    }

    fn ask_pin(&mut self, call: &mut Call) {
        (self.state, self.typed) = (State::Pin, String::new());
        let sound = self.says(self.conf.pin.as_ref(), call, &[]).unwrap_or_else(|| self.conf.tone.clone());
        call.ask(&sound, self.conf.patience);
    }

    fn open(&mut self, call: &Call) {
        self.state = State::Fetching;
        self.words.push(::voicemail::Input::Open { call: call.id(), account: self.account.clone() }.into());
    }

    fn typed(&mut self, call: &mut Call) -> Next {
        if self.pin.as_ref() == Some(&self.typed) {
            self.open(call);
            return Next::Wait;
        }
        self.misses += 1;
        if self.misses >= PIN_TRIES {
            call.hang_up(Side::Switch, "wrong PIN");
            return Next::Over;
        }
        self.ask_pin(call);
        Next::Wait
    }

    /// Fetches the next message, or says that there is none.
    fn next(&mut self, call: &mut Call) {
        match self.messages.front() {
            Some(message) => {
                self.state = State::Fetching;
                self.words.push(Word::Fetch { call: call.id(), file: message.file.clone() });
                call.listen(FETCH_MAX);
            }
            None => {
                self.state = State::Ending;
                let sound = self.says(self.conf.no_more.as_ref(), call, &[]);
                call.play(&sound.unwrap_or_else(|| self.conf.done.clone()), false);
            }
        }
    }

    fn asks(&mut self, call: &mut Call) {
        self.state = State::Choosing;
        let sound = self.says(self.conf.menu.as_ref(), call, &[]).unwrap_or_else(|| self.conf.tone.clone());
        call.ask(&sound, self.conf.patience);
    }

    fn key(&mut self, key: char, call: &mut Call) -> Next {
        let (account, front) = (self.account.clone(), self.messages.front().map(|message| message.file.clone()));
        let Some(file) = front else { return Next::Wait };
        match key {
            '1' => {}
            '2' => {
                self.words.push(::voicemail::Input::Heard { account, file }.into());
                self.messages.pop_front();
            }
            '3' => {
                self.words.push(::voicemail::Input::Erase { account, file }.into());
                self.messages.pop_front();
            }
            '#' => drop(self.messages.pop_front()),
            _ => {
                self.asks(call);
                return Next::Wait;
            }
        }
        self.misses = 0;
        call.stop();
        self.next(call);
        Next::Wait
    }
}

impl Program for Listen {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match (&self.state, event) {
            (_, Event::Started) => self.begin(call),
            (State::Greeting, event) => {
                let hung_up = event == Event::HungUp;
                if !self.greetings.step(&event, call) {
                    self.next(call);
                }
                if hung_up {
                    return Next::Over;
                }
            }
            (_, Event::HungUp) => return Next::Over,
            (State::Counting | State::Playing | State::Choosing | State::Ending, Event::Key('0')) => {
                self.state = State::Greeting;
                self.greetings.begin(call);
            }
            (State::Pin, Event::Key('#')) => return self.typed(call),
            (State::Pin, Event::Key(key)) => {
                self.typed.push(key);
                if self.pin.as_ref().is_some_and(|pin| pin.len() == self.typed.len()) {
                    return self.typed(call);
                }
                call.listen(self.conf.patience);
            }
            (State::Pin, Event::NoKey) => return self.typed(call),
            (State::Fetching, Event::NoKey) => {
                call.hang_up(Side::Switch, "mailbox not there");
                return Next::Over;
            }
            (State::Counting, Event::Played) => self.next(call),
            (State::Counting, Event::Key(_)) => {
                call.stop();
                self.next(call);
            }
            (State::Playing, Event::Played) => self.asks(call),
            (State::Playing | State::Choosing, Event::Key(key)) => return self.key(key, call),
            (State::Choosing, Event::NoKey) if self.misses + 1 < CHOICE_TRIES => {
                self.misses += 1;
                self.asks(call);
            }
            (State::Choosing, Event::NoKey) | (State::Ending, Event::Played) => {
                call.hang_up(Side::Switch, "listened");
                return Next::Over;
            }
            _ => {}
        }
        Next::Wait
    }

    fn mail(&mut self, news: &::voicemail::Output, call: &mut Call) -> Next {
        if let (State::Fetching, ::voicemail::Output::Opened { messages, greetings, .. }) = (&self.state, news) {
            self.greetings = Greetings::new(&self.account, self.conf.clone(), greetings.clone());
            self.messages = messages.iter().cloned().collect();
            let count = |heard| messages.iter().filter(|message| message.heard == heard).count().to_string();
            let (new, old) = (count(false), count(true));
            match self.says(self.conf.intro.as_ref(), call, &[("new", &new), ("old", &old)]) {
                Some(sound) => {
                    self.state = State::Counting;
                    call.play(&sound, false);
                }
                None => self.next(call),
            }
        }
        Next::Wait
    }

    fn fetched(&mut self, file: &str, sound: Option<&Sound>, call: &mut Call) -> Next {
        if self.state == State::Greeting {
            self.greetings.fetched(sound, call);
            return Next::Wait;
        }
        let Some(message) = self.messages.front().filter(|front| front.file == file && self.state == State::Fetching)
        else {
            return Next::Wait;
        };
        let Some(sound) = sound else {
            self.messages.pop_front(); // it cannot be read: said in the log
            self.next(call);
            return Next::Wait;
        };
        let (at, caller) = (message.at.clone(), message.caller.clone());
        let before = self.says(self.conf.envelope.as_ref(), call, &[("at", &at), ("caller", &caller)]);
        self.state = State::Playing;
        call.play(&Sound::joined(before.iter().chain([sound])), false);
        Next::Wait
    }

    fn recorded(&mut self, file: &str, call: &mut Call) -> Next {
        self.greetings.recorded(file, call);
        Next::Wait
    }

    fn words(&mut self) -> Vec<Word> {
        self.words.append(&mut self.greetings.words);
        std::mem::take(&mut self.words)
    }
}

/// A disk that takes longer is not there.
const FETCH_MAX: Duration = Duration::from_secs(8);
const PIN_TRIES: u32 = 3;
const CHOICE_TRIES: u32 = 3;
