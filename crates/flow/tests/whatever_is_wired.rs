//! However menus are wired, and whatever callers and web servers do: nobody who was answered hears nothing for longer than
//! ten seconds, nobody is led round in silence, and no call lasts for ever.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use audio::{RINGBACK, Sound, tone};
use base::{CallId, LegId, Random, Time, WallClock};
use call::{Call, CallConf, Direction, Do, FeatureConf, Input, Knock, MediaRules, NewLeg, Party, What};
use flow::{
    ChooseConf, CollectConf, FlowConf, HookConf, Journey, LookUpConf, MenuConf, Phrase, Piece, QuestionConf, SayConf,
    ServerConf, SetConf, Spoken, StepConf, Word,
};
use proptest::prelude::*;
use route::{Destination, Found};
use serde_json::{Value, json};

const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
const CALLER: LegId = LegId(1);
/// Nobody hears nothing for longer,
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// nobody is led through more steps without a word,
const SILENT_STEPS_MAX: usize = 25;
/// and no call in menus lasts for longer. A caller who is led on and on, to the bound on visits, is followed for so many turns
/// of the world: a web server's long menu would take minutes.
const FOLLOWED_MAX: usize = 10_000;
const LASTS_MAX: Duration = Duration::from_secs(100 * 24 * 3600);

/// Something that may happen to a caller who waits.
#[derive(Clone, Debug)]
enum Chance {
    Nothing,
    Key(char, u64),
}

/// The call, and a media thread and a web server as simple as can be.
struct World {
    journey: Journey,
    now: Time,
    /// What is played, and when it is over, if ever.
    playing: Option<(u32, Option<Time>)>,
    wired: BTreeSet<(LegId, LegId)>,
    answered: bool,
    /// Since when the caller hears nothing.
    quiet: Option<Time>,
    asks: Vec<(Time, u32, Result<Value, String>)>,
    answers: Vec<(u64, Option<Value>)>,
    asked: usize,
    /// How many facts were looked at, how many sounds there were, and how many programs since the last one.
    facts: usize,
    sounds: u32,
    silent_steps: usize,
}

impl World {
    fn new(flow: FlowConf, answers: Vec<(u64, Option<Value>)>) -> World {
        let caller = NewLeg {
            leg: CALLER,
            local: ([192, 0, 2, 1], 30000).into(),
            session_id: 1,
            party: Party { number: "0911".to_owned(), ..Party::default() },
            signalling: [192, 0, 2, 7].into(),
            media: MediaRules::default(),
            random: Random::numbered(2),
            hides_keys: false,
            is_browser: false,
        };
        let clock = WallClock { unix_ms_at_zero: 1_790_000_000_000 };
        let call = CallId::new(clock.unix_ms_at_zero, &mut Random::numbered(1));
        let (direction, offer) = (Direction::Inbound, Some(OFFER.into()));
        let knock = Knock { call, caller, called: "100".to_owned(), direction, offer, hears_reliably: false };
        let conf = CallConf {
            formats: vec![sdp::Format::pcma()],
            ringback: RINGBACK.sound(),
            hold_music: audio::music().into(),
            features: FeatureConf::default(),
            mask_max: Duration::from_secs(300),
            record_rate_max: audio::SAMPLE_RATE,
            clock,
            beep: None,
            fingerprints: None,
        };
        let found = Found::only(Destination::Menu("s0".to_owned()));
        let call = Call::new(knock, Arc::new(conf), Time::ZERO);
        let mut journey = Journey::new(call, found, Arc::new(flow), Arc::default());
        journey.run();
        let (wired, asks) = (BTreeSet::new(), Vec::new());
        World {
            journey,
            now: Time::ZERO,
            playing: None,
            wired,
            answered: false,
            quiet: None,
            asks,
            answers,
            asked: 0,
            facts: 0,
            sounds: 0,
            silent_steps: 0,
        }
    }

    /// Does what the call wants, until it wants nothing more.
    fn perform(&mut self) -> Result<(), TestCaseError> {
        loop {
            let words = self.journey.take_words();
            let wishes = self.journey.take_wishes();
            if words.is_empty() && wishes.is_empty() {
                return self.listens();
            }
            for word in words {
                if let Word::Ask(ask) = word {
                    let (delay, answer) = match self.answers.is_empty() {
                        true => (0, None),
                        false => self.answers[self.asked % self.answers.len()].clone(),
                    };
                    self.asked += 1;
                    let answer = answer.ok_or_else(|| "out of order".to_owned());
                    self.asks.push((self.now + Duration::from_millis(delay), ask.number, answer));
                }
            }
            for wish in wishes {
                match wish {
                    Do::Sip(sip::Command::Answer { .. }) => self.answered = true,
                    Do::Find(targets) => self.journey.place(targets.iter().map(|_| Err(480)).collect(), self.now),
                    Do::Media(media::Command::Play { player, sound, repeat, .. }) => {
                        let seconds: f64 = sound.sounds().iter().map(Sound::seconds).sum();
                        let until = self.now + Duration::from_secs_f64(seconds);
                        self.playing = Some((player, (!repeat).then_some(until)));
                    }
                    Do::Media(media::Command::Stop { .. }) => self.playing = None,
                    Do::Media(media::Command::Wire { from, to }) => drop(self.wired.insert((from, to))),
                    Do::Media(media::Command::Unwire { from, to }) => drop(self.wired.remove(&(from, to))),
                    _ => {}
                }
            }
        }
    }

    /// What does the caller hear?
    fn listens(&mut self) -> Result<(), TestCaseError> {
        let call = self.journey.call();
        let new = &call.facts()[self.facts..];
        self.silent_steps += new.iter().filter(|fact| matches!(fact.what, What::Entered { .. })).count();
        self.facts += new.len();
        if call.sounds() != self.sounds {
            (self.sounds, self.silent_steps) = (call.sounds(), 0);
        }
        prop_assert!(self.silent_steps <= SILENT_STEPS_MAX, "{} steps, and nothing was said", self.silent_steps);
        let hears = !self.answered || self.playing.is_some() || self.wired.iter().any(|(_, to)| *to == CALLER);
        let since = *self.quiet.get_or_insert(self.now);
        prop_assert!(
            self.now.since(since) <= SILENCE_MAX,
            "nothing is heard since {since:?}, and it is {:?}",
            self.now
        );
        if hears || self.journey.call().has_ended() {
            self.quiet = None;
        }
        Ok(())
    }

    /// Time passes to whatever is next. False: nothing is.
    fn passes(&mut self, chance: &Chance) -> Result<bool, TestCaseError> {
        let call = self.journey.call().deadline();
        let played = self.playing.and_then(|(_, until)| until);
        let web = self.asks.iter().map(|(at, ..)| *at).min();
        let key = match chance {
            Chance::Key(_, ms) => Some(self.now + Duration::from_millis(*ms)),
            Chance::Nothing => None,
        };
        let Some(next) = [call, played, web, key].into_iter().flatten().min() else { return Ok(false) };
        self.now = self.now.max(next);
        self.listens()?;
        if played.is_some_and(|at| at <= self.now) {
            let (player, _) = self.playing.take().expect("it was played");
            self.journey.handle(Input::Media(media::Event::Played { leg: CALLER, player }), self.now);
        } else if web.is_some_and(|at| at <= self.now) {
            let at = self.asks.iter().position(|(at, ..)| *at <= self.now).expect("there is one");
            let (_, number, answer) = self.asks.remove(at);
            self.journey.answered(number, answer, self.now);
        } else if let (Chance::Key(key, _), true) = (chance, key.is_some_and(|at| at <= self.now)) {
            self.journey.handle(Input::Media(media::Event::Digit { leg: CALLER, digit: *key }), self.now);
        } else {
            self.journey.handle(Input::Tick, self.now);
        }
        self.perform()?;
        Ok(true)
    }
}

fn phrase() -> impl Strategy<Value = Phrase> {
    prop_oneof![
        3 => (1_u32..4_000).prop_map(|ms| Phrase::only(Sound::from_pcm(tone(&[(440.0, -20.0)], ms)))),
        1 => Just(Phrase::new(vec![digits("unknown")])), // nothing is known, so nothing is said
        1 => Just(Phrase::only(Sound::from_pcm(Vec::new()))),
    ]
}

fn digits(field: &str) -> Piece {
    let digit = || Spoken::only(Sound::from_pcm(tone(&[(600.0, -20.0)], 300)));
    Piece::Digits { field: field.to_owned(), digits: Box::new(std::array::from_fn(|_| digit())) }
}

const STEPS: usize = 6;

fn destination() -> impl Strategy<Value = Destination> {
    let menu = (0..STEPS).prop_map(|step| Destination::Menu(format!("s{step}")));
    let end = prop_oneof![
        Just("reject:480"),
        Just("echo"),
        Just("tone"),
        Just("park"),
        Just("person:nobody"),
        Just("person:ann"),
        Just("play:none"),
    ];
    prop_oneof![9 => menu, 1 => end.prop_map(|text| text.parse().expect("a destination"))]
}

fn question() -> impl Strategy<Value = QuestionConf> {
    let others = (proptest::option::of(phrase()), proptest::option::of(phrase()));
    (phrase(), any::<bool>(), others, 1_u64..60, 1_u32..4).prop_map(
        |(prompt, barge_in, (wrong, silent), patience, tries)| {
            let patience = Duration::from_secs(patience);
            QuestionConf { barge_in, wrong, silent, patience, tries, ..QuestionConf::new(prompt) }
        },
    )
}

fn server() -> ServerConf {
    ServerConf { url: "http://ivr.example/".parse().expect("an address"), token: None, limit: Duration::from_secs(8) }
}

fn step() -> impl Strategy<Value = StepConf> {
    let menu = (question(), destination(), destination(), destination(), destination());
    let menu = menu.prop_map(|(question, one, two, otherwise, silent)| {
        let keys = HashMap::from([('1', one), ('2', two)]);
        StepConf::Menu(Arc::new(MenuConf { question, keys, extensions: false, names: false, otherwise, silent }))
    });
    let collect =
        (question(), 0_usize..3, destination(), destination()).prop_map(|(question, min, then, otherwise)| {
            let into = "typed".to_owned();
            let conf =
                CollectConf { question, into, min, max: 3, end: Some('#'), allowed: Vec::new(), then, otherwise };
            StepConf::Collect(Arc::new(conf))
        });
    let say = (phrase(), any::<bool>(), proptest::option::weighted(0.9, destination()));
    let say = say.prop_map(|(phrase, barge_in, then)| StepConf::Say(Arc::new(SayConf { phrase, barge_in, then })));
    let set = destination().prop_map(|then| StepConf::Set(Arc::new(SetConf { fields: BTreeMap::new(), then })));
    let choose = (destination(), destination()).prop_map(|(case, otherwise)| {
        let cases = vec![("1*".parse().expect("a pattern"), case)];
        StepConf::Choose(Arc::new(ChooseConf { field: "typed".to_owned(), cases, otherwise }))
    });
    let look_up = (proptest::option::of(phrase()), destination(), destination());
    let look_up = look_up.prop_map(|(meanwhile, then, otherwise)| {
        let conf = LookUpConf { server: server(), post: None, meanwhile, fields: Vec::new(), then, otherwise };
        StepConf::LookUp(Arc::new(conf))
    });
    let hook = (phrase(), proptest::collection::vec(destination(), 1..3), destination());
    let hook = hook.prop_map(|(_, leads, otherwise)| {
        let hello = Piece::Prompt(Spoken::only(Sound::from_pcm(tone(&[(700.0, -20.0)], 700))));
        let says = HashMap::from([("hello".to_owned(), hello), ("digits".to_owned(), digits(""))]);
        StepConf::Hook(Arc::new(HookConf { server: server(), says, leads, otherwise }))
    });
    prop_oneof![3 => menu, 2 => collect, 2 => say, 1 => set, 1 => choose, 2 => look_up, 2 => hook]
}

/// What web servers say, after how long: verbs, nonsense, or nothing.
fn answer() -> impl Strategy<Value = (u64, Option<Value>)> {
    let verb = prop_oneof![
        Just(json!({ "verb": "say", "say": "hello" })),
        Just(json!({ "verb": "say", "say": "digits:unknown" })),
        Just(json!({ "verb": "collect", "ask": "digits:unknown", "patience_secs": 600 })),
        Just(json!({ "verb": "collect", "ask": "hello", "max": 2, "barge_in": false })),
        Just(json!({ "verb": "dial", "to": "person:ann" })),
        Just(json!({ "verb": "go", "to": "menu:s1" })),
        Just(json!({ "verb": "go", "to": "menu:s2" })),
        Just(json!({ "verb": "nonsense" })),
    ];
    (0_u64..12_000, proptest::option::weighted(0.8, verb))
}

fn chance() -> impl Strategy<Value = Chance> {
    let key = (prop_oneof![Just('1'), Just('2'), Just('#'), Just('9')], 1_u64..20_000);
    prop_oneof![2 => Just(Chance::Nothing), 1 => key.prop_map(|(key, ms)| Chance::Key(key, ms))]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 100, ..ProptestConfig::default() })]
    #[test]
    fn nobody_is_left_in_silence_or_kept_for_ever(
        steps in proptest::collection::vec(step(), STEPS),
        answers in proptest::collection::vec(answer(), 1..6),
        chances in proptest::collection::vec(chance(), 1..8),
    ) {
        let menus = steps.into_iter().enumerate().map(|(at, step)| (format!("s{at}"), step)).collect();
        let ann = flow::PersonConf { ring: Duration::from_secs(20), forward: None };
        let flow = FlowConf { menus, people: HashMap::from([("ann".to_owned(), ann)]), ..FlowConf::default() };
        let mut world = World::new(flow, answers);
        world.perform()?;
        let mut turns = 0;
        while !world.journey.call().has_ended() && turns < FOLLOWED_MAX {
            let chance = &chances[turns % chances.len()];
            turns += 1;
            prop_assert!(world.passes(chance)?, "nothing will ever happen again");
            prop_assert!(world.now.since(Time::ZERO) < LASTS_MAX, "it goes on and on: {turns} turns");
        }
    }
}
