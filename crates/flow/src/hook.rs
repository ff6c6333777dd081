//! A web server leads the caller: it is told what happened, and its answer says what is to be done next.
//!
//! Where it stands: what a menu has in its conf, a [`Hook`] is told step by step. Where a caller may be sent and what may be
//! said is in the conf all the same, so that a server which goes wild cannot call the world.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use call::{Call, Dial, Event, Side, Silence};
use route::Destination;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::asking::Asking;
use crate::look_up::text;
use crate::ring::rung;
use crate::web::{Answer, ServerConf, all};
use crate::{FlowConf, Next, Phrase, Piece, Program, QuestionConf, Word};

/// A server that leads callers.
#[derive(Clone, Debug)]
pub struct HookConf {
    /// Where it is.
    pub server: ServerConf,
    /// What it may have said: prompts by their names, and ways to say a field by theirs (`digits`, `minutes`).
    pub says: HashMap<String, Piece>,
    /// Where it may send callers, and whom it may dial for them. A trunk stands for every number through it.
    pub leads: Vec<Destination>,
    /// Where callers go when it fails.
    pub otherwise: Destination,
}

impl HookConf {
    fn phrase(&self, text: &str) -> Option<Phrase> {
        let words: Vec<&str> = text.split_whitespace().take(PIECES_MAX + 1).collect();
        let pieces: Option<Vec<Piece>> = words.iter().map(|word| self.piece(word)).collect();
        pieces.filter(|pieces| (1..=PIECES_MAX).contains(&pieces.len())).map(Phrase::of_now)
    }

    fn piece(&self, word: &str) -> Option<Piece> {
        match word.split_once(':') {
            None => self.says.get(word).cloned(),
            Some((kind, of)) => match self.says.get(kind)?.clone() {
                Piece::Digits { digits, .. } => Some(Piece::Digits { field: of.to_owned(), digits }),
                Piece::Value { kind, words, .. } => Some(Piece::Value { field: of.to_owned(), kind, words }),
                Piece::Prompt(_) => None,
            },
        }
    }

    fn may_lead(&self, to: &str) -> Option<Destination> {
        let to: Destination = to.parse().ok()?;
        let through = match &to {
            Destination::Number { trunk, .. } => Some(Destination::Trunk(trunk.clone())),
            Destination::Trunk(_) => return None, // to which number?
            _ => None,
        };
        (self.leads.contains(&to) || through.is_some_and(|trunk| self.leads.contains(&trunk))).then_some(to)
    }
}

/// What a server answers.
#[derive(Debug, Deserialize)]
struct Reply {
    /// What is known of the caller from now.
    #[serde(default)]
    set: BTreeMap<String, Value>,
    #[serde(flatten)]
    verb: Verb,
}

/// What is to be done.
#[derive(Debug, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
enum Verb {
    /// Prompts are said.
    Say {
        say: String,
        #[serde(default)]
        barge_in: bool,
    },
    /// Keys are asked for.
    Collect {
        ask: String,
        #[serde(default = "one")]
        max: usize,
        end: Option<char>,
        patience_secs: Option<u64>,
        key_gap_secs: Option<u64>,
        barge_in: Option<bool>,
    },
    /// Somebody is rung, and talks with the caller; then the server is asked again.
    Dial { to: String, ring_secs: Option<u64> },
    /// The caller goes elsewhere for good.
    Go { to: String },
    /// The call ends.
    HangUp,
}

fn one() -> usize {
    1
}

/// One caller led by a server.
#[derive(Debug)]
pub(crate) struct Hook {
    conf: Arc<HookConf>,
    flow: Arc<FlowConf>,
    state: State,
    asking: Asking,
    /// Keys pressed while the server thought.
    ahead: String,
    /// Some of the keys that are collected were pressed under a mask.
    masked: bool,
    /// How often the server was told something.
    steps: u32,
    /// How often since the caller last heard something.
    unheard: u32,
    words: Vec<Word>,
}

#[derive(Debug)]
enum State {
    /// The server thinks.
    Thinks,
    Says {
        barge_in: bool,
    },
    Collects {
        question: Box<QuestionConf>,
        max: usize,
        end: Option<char>,
    },
    Rings,
    Talks,
}

impl Hook {
    pub(crate) fn new(conf: Arc<HookConf>, flow: Arc<FlowConf>) -> Hook {
        let (asking, ahead, words) = (Asking::default(), String::new(), Vec::new());
        Hook { conf, flow, state: State::Thinks, asking, ahead, masked: false, steps: 0, unheard: 0, words }
    }

    /// Tells the server what has happened, and asks it what is next.
    fn asks(&mut self, happened: Value, call: &mut Call) -> Next {
        if self.steps >= STEPS_MAX || self.unheard >= UNHEARD_MAX {
            return self.fails();
        }
        self.tells(happened, call);
        call.wake_after(self.conf.server.limit);
        self.state = State::Thinks;
        Next::Wait
    }

    fn tells(&mut self, happened: Value, call: &Call) {
        let mut said = all(call);
        said["step"] = self.steps.into();
        for (name, value) in happened.as_object().into_iter().flatten() {
            said[name] = value.clone();
        }
        self.words.push(Word::Ask(self.conf.server.ask(call, Some(said))));
        self.steps += 1;
        self.unheard += 1;
    }

    fn fails(&self) -> Next {
        Next::Go(self.conf.otherwise.clone())
    }

    /// Does what the server wants; nothing, where it may not want that.
    fn does(&mut self, verb: Verb, call: &mut Call) -> Option<Next> {
        match verb {
            Verb::Say { say, barge_in } => {
                let sound = self.conf.phrase(&say)?.to(call);
                self.unheard = 0;
                self.state = State::Says { barge_in };
                call.play(&sound, false);
            }
            Verb::Collect { ask, max, end, patience_secs, key_gap_secs, barge_in } => {
                let usual = QuestionConf::new(self.conf.phrase(&ask)?);
                let secs = |said: Option<u64>, usual| {
                    said.map_or(usual, |secs| Duration::from_secs(secs.clamp(1, PATIENCE_SECS_MAX)))
                };
                let question = QuestionConf {
                    barge_in: barge_in.unwrap_or(usual.barge_in),
                    patience: secs(patience_secs, usual.patience),
                    key_gap: secs(key_gap_secs, usual.key_gap),
                    ..usual
                };
                (self.unheard, self.masked, self.asking) = (0, false, Asking::default());
                self.asking.ask(&question, call);
                self.state = State::Collects { question: Box::new(question), max: max.clamp(1, KEYS_MAX), end };
                return Some(self.typed_ahead(call));
            }
            Verb::Dial { to, ring_secs } => {
                let (targets, ring) = rung(&self.conf.may_lead(&to)?, &self.flow)?;
                let ring = ring_secs.map_or(ring, |secs| Duration::from_secs(secs.clamp(1, RING_SECS_MAX)));
                self.state = State::Rings;
                call.dial(Dial { targets, ring });
            }
            Verb::Go { to } => return Some(Next::Go(self.conf.may_lead(&to)?)),
            Verb::HangUp => {
                call.hang_up(Side::Switch, "hook");
                return Some(Next::Over);
            }
        }
        Some(Next::Wait)
    }

    /// The keys pressed while the server thought were meant for this.
    fn typed_ahead(&mut self, call: &mut Call) -> Next {
        let mut keys = std::mem::take(&mut self.ahead).chars().collect::<Vec<_>>().into_iter();
        while matches!(self.state, State::Collects { .. })
            && let Some(key) = keys.next()
        {
            let next = self.key(key, call);
            if next != Next::Wait {
                return next;
            }
        }
        self.ahead = keys.collect();
        Next::Wait
    }

    fn key(&mut self, key: char, call: &mut Call) -> Next {
        match &self.state {
            State::Collects { question, max, end } => {
                if !self.asking.takes(key, call) {
                    return Next::Wait;
                }
                self.masked |= call.is_silent(Silence::Mask);
                if *end == Some(key) {
                    self.asking.take_back();
                    return self.collected(call);
                }
                if self.asking.typed().chars().count() >= *max {
                    return self.collected(call);
                }
                call.listen(question.key_gap);
                Next::Wait
            }
            State::Says { barge_in: true } => {
                self.keep_for_later(key);
                call.stop();
                self.asks(json!({ "event": "said" }), call)
            }
            State::Thinks => {
                self.keep_for_later(key);
                Next::Wait
            }
            State::Says { .. } | State::Rings | State::Talks => Next::Wait,
        }
    }

    fn keep_for_later(&mut self, key: char) {
        if self.ahead.len() < KEYS_MAX {
            self.ahead.push(key);
        }
    }

    /// Nothing more is typed. What was typed under a mask is nobody's business.
    fn collected(&mut self, call: &mut Call) -> Next {
        call.stop();
        let happened = match self.masked {
            true => json!({ "event": "collected", "masked": true }),
            false => json!({ "event": "collected", "digits": self.asking.typed() }),
        };
        self.asks(happened, call)
    }
}

impl Program for Hook {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match (&self.state, event) {
            (_, Event::HungUp) => {
                self.tells(json!({ "event": "hung_up" }), call); // what is said to that is not heard
                Next::Over
            }
            (_, Event::Started) => {
                call.ring();
                self.asks(json!({ "event": "started" }), call)
            }
            (_, Event::Key(key)) => self.key(key, call),
            (State::Thinks, Event::Woken) => self.fails(),
            (State::Says { .. }, Event::Played) => self.asks(json!({ "event": "said" }), call),
            (State::Collects { question, .. }, Event::Played) => {
                self.asking.played(question, call);
                Next::Wait
            }
            (State::Collects { .. }, Event::NoKey) => self.collected(call),
            (State::Rings, Event::Connected) => {
                (self.state, self.unheard) = (State::Talks, 0);
                Next::Wait
            }
            (State::Rings, Event::NotConnected(status)) => {
                self.asks(json!({ "event": "not_connected", "status": status }), call)
            }
            (State::Talks, Event::PartyLeft(_)) => self.asks(json!({ "event": "party_left" }), call),
            _ => Next::Wait,
        }
    }

    fn answered(&mut self, answer: Answer, call: &mut Call) -> Next {
        let reply = answer.and_then(|answer| Reply::deserialize(answer).map_err(|why| why.to_string()));
        call.wake_no_more();
        let Ok(Reply { set, verb }) = reply else { return self.fails() };
        for (field, value) in set.iter().filter(|(field, _)| is_field(field)) {
            text(value).iter().for_each(|value| call.set_field(field, value));
        }
        self.does(verb, call).unwrap_or_else(|| self.fails())
    }

    fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }
}

/// A name as it may stand in the conf.
fn is_field(name: &str) -> bool {
    let right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=40).contains(&name.len()) && name.bytes().all(right) && !matches!(name, "call" | "caller" | "called")
}

/// So often one call asks one server.
const STEPS_MAX: u32 = 1000;
/// So often without the caller hearing anything.
const UNHEARD_MAX: u32 = 8;
/// So many words are said in one breath,
const PIECES_MAX: usize = 32;
/// and so many keys collected.
const KEYS_MAX: usize = 64;
/// In silence nobody waits longer for a key.
const PATIENCE_SECS_MAX: u64 = 10;
const RING_SECS_MAX: u64 = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spoken;
    use audio::Sound;

    fn conf() -> HookConf {
        let spoken = || Spoken::only(Sound::from_pcm(audio::silence(20)));
        let digits = Piece::Digits { field: String::new(), digits: Box::new(std::array::from_fn(|_| spoken())) };
        let to = |text: &str| text.parse::<Destination>().expect("a destination");
        HookConf {
            server: ServerConf {
                url: "http://127.0.0.1/".parse().expect("an address"),
                token: None,
                limit: Duration::from_secs(3),
            },
            says: [("welcome".to_owned(), Piece::Prompt(spoken())), ("digits".to_owned(), digits)].into(),
            leads: vec![to("queue:sales"), to("trunk:carrier"), to("person:ann")],
            otherwise: to("reject:480"),
        }
    }

    #[test]
    fn a_server_leads_only_where_the_conf_says() {
        let conf = conf();
        for right in ["queue:sales", "person:ann", "trunk:carrier/+385911234567"] {
            assert_eq!(conf.may_lead(right).map(|to| to.to_string()).as_deref(), Some(right));
        }
        for wrong in ["queue:support", "trunk:carrier", "trunk:other/0911", "person:bob", "close:office", "echo", ""] {
            assert_eq!(conf.may_lead(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_server_says_only_what_the_conf_has() {
        let conf = conf();
        assert!(conf.phrase("welcome digits:account welcome").is_some());
        for wrong in ["", "goodbye", "welcome goodbye", "minutes:wait", "welcome:x", &"welcome ".repeat(33)] {
            assert!(conf.phrase(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_a_server_answers_is_read() {
        let read = |text: &str| serde_json::from_str::<Reply>(text).map_err(|why| why.to_string());
        let reply = read(r##"{"verb":"collect","ask":"welcome","max":4,"end":"#","set":{"tier":"gold"}}"##);
        assert!(
            matches!(reply, Ok(Reply { set, verb: Verb::Collect { max: 4, end: Some('#'), .. } }) if set.len() == 1)
        );
        assert!(matches!(read(r#"{"verb":"hang_up"}"#), Ok(Reply { verb: Verb::HangUp, .. })));
        for wrong in
            ["{}", "[]", r#"{"verb":"shout"}"#, r#"{"verb":"go"}"#, r#"{"verb":"collect","ask":"x","end":"ab"}"#]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
