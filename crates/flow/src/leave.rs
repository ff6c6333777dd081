//! A caller leaves a message: the greeting, a tone, and what he says until he hangs up, presses a key, says nothing
//! for a while, or it is long enough.

use std::sync::Arc;
use std::time::Duration;

use ::voicemail::Greeting;
use audio::Sound;
use call::{Call, Event, Side, What};

use crate::{Next, Phrase, Program, VoicemailConf, Word};

/// One caller before a mailbox.
#[derive(Debug)]
pub(crate) struct Leave {
    account: String,
    /// What is said first; the mailbox's own, or everybody's.
    greeting: Option<Phrase>,
    conf: Arc<VoicemailConf>,
    state: State,
    words: Vec<Word>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Is there room?
    Asking,
    /// The greeting he recorded himself is being fetched.
    Fetching,
    Greeting,
    Tone,
    Speaking,
    /// That it is kept, or that there is no room, is being said.
    Ending(&'static str),
}

impl Leave {
    pub(crate) fn new(account: String, greeting: Option<Phrase>, conf: Arc<VoicemailConf>) -> Leave {
        Leave { account, greeting, conf, state: State::Asking, words: Vec::new() }
    }

    /// Says what the conf has to say.
    fn greets(&mut self, call: &mut Call) {
        match &self.greeting {
            Some(greeting) => {
                self.state = State::Greeting;
                let sound = greeting.to(call);
                call.play(&sound, false);
            }
            None => self.tone(call),
        }
    }

    fn tone(&mut self, call: &mut Call) {
        self.state = State::Tone;
        call.play(&self.conf.tone, false);
    }

    fn ends(&mut self, why: &'static str, call: &mut Call) {
        self.state = State::Ending(why);
        let sound = if why == FULL { &self.conf.failed } else { &self.conf.done };
        call.play(sound, false);
    }
}

impl Program for Leave {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match (&self.state, event) {
            (State::Asking, Event::Started) => {
                self.words.push(::voicemail::Input::Open { call: call.id(), account: self.account.clone() }.into());
            }
            (State::Greeting, Event::Played | Event::Key(_)) => self.tone(call),
            (State::Fetching, Event::NoKey) => self.greets(call),
            (State::Fetching, Event::Key(_)) => self.tone(call),
            (State::Tone, Event::Played) => {
                self.state = State::Speaking;
                call.record_message(&self.account);
                self.conf.silence.iter().for_each(|silence| call.attend(*silence));
                call.listen(self.conf.message_max);
            }
            (State::Speaking, Event::Key(_) | Event::NoKey | Event::Quiet) => {
                call.end_message();
                self.ends(KEPT, call);
            }
            (State::Ending(why), Event::Played) => call.hang_up(Side::Switch, why),
            (_, Event::HungUp) => return Next::Over,
            _ => {}
        }
        Next::Wait
    }

    fn mail(&mut self, news: &::voicemail::Output, call: &mut Call) -> Next {
        let ::voicemail::Output::Opened { full, greetings, .. } = news else { return Next::Wait };
        if self.state != State::Asking {
            return Next::Wait;
        }
        let own = if was_busy(call) { greetings.get(&Greeting::Busy) } else { None };
        match own.or_else(|| greetings.get(&Greeting::Away)) {
            _ if *full => self.ends(FULL, call),
            Some(file) => {
                self.state = State::Fetching;
                self.words.push(Word::Fetch { call: call.id(), file: file.clone() });
                call.listen(FETCH_MAX);
            }
            None => self.greets(call),
        }
        Next::Wait
    }

    fn fetched(&mut self, _file: &str, sound: Option<&Sound>, call: &mut Call) -> Next {
        match sound {
            _ if self.state != State::Fetching => {}
            Some(sound) => {
                self.state = State::Greeting;
                call.play(sound, false);
            }
            None => self.greets(call), // it cannot be read: said in the log
        }
        Next::Wait
    }

    fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }
}

const KEPT: &str = "message left";
const FULL: &str = "mailbox full";
/// A disk that takes longer is not there.
const FETCH_MAX: Duration = Duration::from_secs(3);

/// Did the caller come here as somebody was busy, or declined?
fn was_busy(call: &Call) -> bool {
    let last = call.facts().iter().rev().find_map(|fact| match fact.what {
        What::Refused { status, .. } => Some(status),
        _ => None,
    });
    matches!(last, Some(486 | 600 | 603))
}
