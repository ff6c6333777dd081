//! A caller comes to a room: he says by keys that he may, waits until it has begun, hears who comes and goes, and tells by
//! keys what is to be done there.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ::conference::{Guest, Input, News, Order, RoomConf, Standing};
use audio::{Music, Sound};
use call::{Actor, Call, Event, How, Side};

use crate::{Next, Phrase, Program, Word};

/// A room, as callers meet it.
#[derive(Clone, Debug)]
pub struct ConferenceConf {
    /// Its name.
    pub name: String,
    /// Its rules.
    pub rules: Arc<RoomConf>,
    /// What is to be keyed in; nothing: whoever comes is let in.
    pub pin: Option<String>,
    /// What makes a moderator of who keys it in.
    pub moderator_pin: Option<String>,
    /// Accounts that are moderators and key in nothing.
    pub moderators: HashSet<String>,
    /// Whether it is heard who comes and goes.
    pub announce: bool,
    /// What is heard by who waits for a moderator, or for anybody.
    pub music: Music,
    /// What is said there.
    pub words: Arc<RoomWords>,
}

/// What is said in rooms; where the conf has no words, tones say it.
#[derive(Clone, Debug)]
pub struct RoomWords {
    /// The PIN is wanted.
    pub pin: Option<Phrase>,
    /// That was none.
    pub wrong: Option<Phrase>,
    /// Too many are there.
    pub full: Option<Phrase>,
    /// Nobody may come in any more.
    pub locked: Option<Phrase>,
    /// A moderator is awaited.
    pub waits: Option<Phrase>,
    /// Nobody else is there.
    pub alone: Option<Phrase>,
    /// Another came,
    pub came: Option<Phrase>,
    /// or went.
    pub went: Option<Phrase>,
    /// The others do not hear who is told so,
    pub muted: Option<Phrase>,
    /// or hear him again.
    pub unmuted: Option<Phrase>,
    /// All is recorded from now.
    pub recorded: Option<Phrase>,
    /// Who is told so must go.
    pub kicked: Option<Phrase>,
    /// It is over.
    pub over: Option<Phrase>,
    /// How long to wait for a key.
    pub patience: Duration,
    /// Speak, or press something.
    pub tone: Sound,
    /// It is so; or somebody came.
    pub done: Sound,
    /// It is not; or somebody went.
    pub failed: Sound,
}

/// No words, and silent tones.
impl Default for RoomWords {
    fn default() -> RoomWords {
        let silence = Sound::from_pcm(audio::silence(20));
        RoomWords {
            pin: None,
            wrong: None,
            full: None,
            locked: None,
            waits: None,
            alone: None,
            came: None,
            went: None,
            muted: None,
            unmuted: None,
            recorded: None,
            kicked: None,
            over: None,
            patience: Duration::from_secs(5),
            tone: silence.clone(),
            done: silence.clone(),
            failed: silence,
        }
    }
}

/// One caller and a room.
#[derive(Debug)]
pub(crate) struct Conference {
    conf: Arc<ConferenceConf>,
    state: State,
    typed: String,
    misses: u32,
    /// What is still to be said, in order.
    sayings: VecDeque<Sound>,
    says: bool,
    /// What is heard when nothing is said.
    standing: Standing,
    keying: Keying,
    words: Vec<Word>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Pin,
    /// The room is asked.
    Knocking,
    There,
    /// Why it is over is being said.
    Ending(&'static str),
}

/// What a member presses.
#[derive(Debug, PartialEq, Eq)]
enum Keying {
    Nothing,
    /// The star.
    Begun,
    /// Somebody's number.
    Number {
        kicks: bool,
        typed: String,
    },
}

impl Conference {
    pub(crate) fn new(conf: Arc<ConferenceConf>) -> Conference {
        Conference {
            conf,
            state: State::Pin,
            typed: String::new(),
            misses: 0,
            sayings: VecDeque::new(),
            says: false,
            standing: Standing::Hears,
            keying: Keying::Nothing,
            words: Vec::new(),
        }
    }

    fn begins(&mut self, call: &mut Call) {
        call.answer();
        let moderates = call.caller().party.account.as_ref().is_some_and(|who| self.conf.moderators.contains(who));
        match (&self.conf.pin, &self.conf.moderator_pin) {
            _ if moderates => self.knocks(true, call),
            (None, None) => self.knocks(false, call),
            _ => {
                let ask = self.sound(self.conf.words.pin.as_ref(), &self.conf.words.tone, call);
                self.asks(&ask, call);
            }
        }
    }

    fn asks(&mut self, sound: &Sound, call: &mut Call) {
        (self.state, self.typed) = (State::Pin, String::new());
        call.ask(sound, self.conf.words.patience);
    }

    /// What was keyed in is whole.
    fn typed(&mut self, call: &mut Call) -> Next {
        let (typed, conf) = (Some(&self.typed), self.conf.clone());
        if conf.moderator_pin.as_ref() == typed {
            self.knocks(true, call);
        } else if conf.pin.as_ref() == typed || conf.pin.is_none() && self.typed.is_empty() {
            self.knocks(false, call);
        } else {
            self.misses += 1;
            let wrong = self.sound(conf.words.wrong.as_ref(), &conf.words.failed, call);
            if self.misses >= PIN_TRIES {
                self.ends("wrong PIN", &wrong, call);
                return Next::Wait;
            }
            let ask = self.sound(conf.words.pin.as_ref(), &conf.words.tone, call);
            self.asks(&Sound::joined([&wrong, &ask]), call);
        }
        Next::Wait
    }

    fn knocks(&mut self, moderator: bool, call: &mut Call) {
        self.state = State::Knocking;
        call.stop();
        let caller = call.caller();
        let who = caller.party.label().to_owned();
        let guest = Guest { call: call.id(), leg: caller.id, who, moderator };
        self.words.push(Input::Joins { room: self.conf.name.clone(), conf: self.conf.rules.clone(), guest }.into());
    }

    fn sound(&self, phrase: Option<&Phrase>, tone: &Sound, call: &Call) -> Sound {
        phrase.map_or_else(|| tone.clone(), |phrase| phrase.to(call))
    }

    /// Says something to this member, after what is being said.
    fn says(&mut self, sound: Sound, call: &mut Call) {
        if self.sayings.len() < SAYINGS_MAX {
            self.sayings.push_back(sound);
        }
        if !self.says {
            self.goes_on(call);
        }
    }

    /// Says the next thing; when all is said, he hears the room, or what is heard instead.
    fn goes_on(&mut self, call: &mut Call) {
        let next = self.sayings.pop_front();
        self.says = next.is_some();
        match (next, self.standing) {
            (Some(sound), _) => call.play(&sound, false),
            (None, Standing::Waits | Standing::Alone) => call.play_music(&self.conf.music, Duration::ZERO, None),
            (None, Standing::Quiet) => call.play(&Sound::from_pcm(audio::silence(1000)), true), // phones want to be sent something
            (None, Standing::Hears) => call.stop(),
        }
    }

    fn ends(&mut self, why: &'static str, sound: &Sound, call: &mut Call) {
        self.state = State::Ending(why);
        self.sayings.clear();
        call.wake_no_more();
        call.leave_room();
        call.play(sound, false);
    }

    fn key(&mut self, key: char, call: &mut Call) {
        let order = match (std::mem::replace(&mut self.keying, Keying::Nothing), key) {
            (Keying::Nothing, '*') => {
                self.keying = Keying::Begun;
                None
            }
            (Keying::Begun, '1') => Some(Order::MuteOwn),
            (Keying::Begun, '2') => Some(Order::Lock { locked: None }),
            (Keying::Begun, '3') => Some(Order::MuteOthers { muted: None }),
            (Keying::Begun, '4' | '5') => {
                self.keying = Keying::Number { kicks: key == '4', typed: String::new() };
                None
            }
            (Keying::Begun, '6') => Some(Order::Record { recorded: None }),
            (Keying::Begun, '9') => Some(Order::End),
            (Keying::Number { kicks, typed }, '#') => {
                let member = typed.parse().ok();
                Some(if kicks { Order::Kick { member } } else { Order::Turn { member } })
            }
            (Keying::Number { kicks, typed }, digit) if digit.is_ascii_digit() && typed.len() < 6 => {
                self.keying = Keying::Number { kicks, typed: format!("{typed}{digit}") };
                None
            }
            _ => None,
        };
        match self.keying {
            Keying::Nothing => call.wake_no_more(),
            _ => call.wake_after(self.conf.words.patience),
        }
        self.words.extend(order.map(|order| Input::Wants { call: call.id(), order }.into()));
    }
}

impl Program for Conference {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match (&self.state, event) {
            (_, Event::Started) => self.begins(call),
            (_, Event::HungUp) => return Next::Over,
            (State::Pin, Event::Key('#') | Event::NoKey) => return self.typed(call),
            (State::Pin, Event::Key(key)) => {
                self.typed.push(key);
                if self.typed.len() >= PIN_MAX {
                    return self.typed(call);
                }
                call.listen(self.conf.words.patience);
            }
            (State::There, Event::Key(key)) => self.key(key, call),
            (State::There, Event::Woken) => self.keying = Keying::Nothing,
            (State::There, Event::Played) => self.goes_on(call),
            (State::Ending(why), Event::Played) => {
                call.hang_up(Side::Switch, why);
                return Next::Over;
            }
            _ => {}
        }
        Next::Wait
    }

    fn room(&mut self, news: &News, call: &mut Call) -> Next {
        let words = self.conf.words.clone();
        let (done, failed) = (&words.done, &words.failed);
        let mut say = |this: &mut Self, phrase: Option<&Phrase>, tone: &Sound| {
            let sound = this.sound(phrase, tone, call);
            this.says(sound, call);
        };
        match news {
            News::Full | News::Locked => {
                let is_full = matches!(news, News::Full);
                let phrase = if is_full { &words.full } else { &words.locked };
                let sound = self.sound(phrase.as_ref(), failed, call);
                self.ends(if is_full { "room full" } else { "room locked" }, &sound, call);
            }
            News::Joined => {
                self.state = State::There;
                call.enter_room();
            }
            News::Stands(standing) => {
                self.standing = *standing;
                match standing {
                    Standing::Waits => say(self, words.waits.as_ref(), &words.tone),
                    Standing::Alone => say(self, words.alone.as_ref(), &words.tone),
                    Standing::Quiet | Standing::Hears if self.says => {}
                    Standing::Quiet | Standing::Hears => self.goes_on(call),
                }
            }
            News::Came if self.conf.announce => say(self, words.came.as_ref(), done),
            News::Went if self.conf.announce => say(self, words.went.as_ref(), failed),
            News::Came | News::Went => {}
            News::Muted(true) => say(self, words.muted.as_ref(), failed),
            News::Muted(false) => say(self, words.unmuted.as_ref(), done),
            News::Done(_) => say(self, None, done),
            News::NotDone => say(self, None, failed),
            News::Recorded(recorded) => {
                let actor = Actor { by: format!("conference:{}", self.conf.name), how: How::Menu };
                call.order(if *recorded { call::Order::Start } else { call::Order::Stop }, actor);
                if *recorded && words.recorded.is_some() {
                    let sound = self.sound(words.recorded.as_ref(), done, call);
                    self.says(sound, call);
                }
            }
            News::Kicked => {
                let sound = self.sound(words.kicked.as_ref(), failed, call);
                self.ends("kicked", &sound, call);
            }
            News::Over => {
                let sound = self.sound(words.over.as_ref(), failed, call);
                self.ends("conference over", &sound, call);
            }
        }
        Next::Wait
    }

    fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }
}

const PIN_TRIES: u32 = 3;
/// No PIN is longer.
const PIN_MAX: usize = 12;
/// Who would be told more at once is told the rest never: so many came and went that he sees it in the list.
const SAYINGS_MAX: usize = 8;
