//! A storm: phones that call, answer, hang up, hold, press keys, bring each other elsewhere (by REFER and by feature keys),
//! take calls over, watch and vanish as chance has it, over a network that loses, doubles and reorders; then the laws. One
//! number replays it. A second kind is about sessions that change all the time, before and after the answer, behind a
//! carrier that forks, while we keep them alive.
//!
//! | variable | means |
//! | --- | --- |
//! | `STORM_SEED=7` | this storm only, with its ladder |
//! | `STORM_COUNT=500` | so many, from seed 1 |
//! | `STORM_SECS=600` | each of them lasts so long |

mod world;

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::time::Duration;

use base::{Random, Time};
use sim::NetworkConf;
use sim::phone::{By, Command, Dial, Event, Hold, Keys, Manner, Subscribe};
use sip::{Message, Name};
use world::{SWITCH, World, voice};

#[test]
fn after_any_storm_everything_is_home() {
    blows(Wind::Any, 40, 4);
}

/// Offers cross each other, come before the answer, and come from several at once; and it is shown that they did.
#[test]
fn after_a_storm_of_changes_everything_is_home() {
    let seen = blows(Wind::Changes, 120, 4);
    let glare = ["491 to a re-INVITE", "491 to an UPDATE"];
    for kinds in [&glare[..], &["offer in a PRACK"], &["UPDATE before the answer"], &["second 200 of a fork"]] {
        let count: usize = kinds.iter().filter_map(|kind| seen.get(kind)).sum();
        assert!(count > 0 || env::var("STORM_SEED").is_ok(), "no {kinds:?} happened: {seen:?}");
    }
}

/// Storms of one kind from their seeds, as long and as many if nothing else is said. What was seen in them, counted.
fn blows(wind: Wind, secs: u64, count: u64) -> BTreeMap<&'static str, usize> {
    let mut seen = BTreeMap::new();
    let variable = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let secs = variable("STORM_SECS").unwrap_or(secs);
    let (first, count) = match variable("STORM_SEED") {
        Some(seed) => (seed, 1),
        None => (1, variable("STORM_COUNT").unwrap_or(count)),
    };
    for seed in first..first + count {
        let told = Told { seed, secs };
        let mut storm = Storm::new(wind, seed);
        storm.blow(Duration::from_secs(secs));
        storm.calm();
        storm.laws();
        storm.count(&mut seen);
        println!("storm {seed}: {} {seen:?}", storm.figures());
        std::mem::forget(told);
    }
    seen
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wind {
    Any,
    Changes,
}

/// Says how to see it again, if it is dropped by a panic.
struct Told {
    seed: u64,
    secs: u64,
}

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("to see it again: STORM_SEED={} STORM_SECS={} cargo test --test storm", self.seed, self.secs);
    }
}

struct Storm {
    wind: Wind,
    world: World,
    random: Random,
    pressed: u32,
    /// What people are about to do next: when, who, what.
    plans: Vec<(Time, usize, Plan)>,
}

/// The second step of something that takes two.
enum Plan {
    /// To press these keys.
    Keys(&'static str),
    /// To bring the other side together with that of another phone.
    Bring { other: usize },
    /// To hang up.
    HangUp,
}

/// People, some with two phones.
const PHONES: [(&str, &str); 10] = [
    ("ann", "ann"),
    ("bob", "bob"),
    ("bob-mobile", "bob"),
    ("cid", "cid"),
    ("dora", "dora"),
    ("dora-desk", "dora"),
    ("eve", "eve"),
    ("finn", "finn"),
    ("finn-home", "finn"),
    ("finn-car", "finn"),
];
/// People, the menu (recorded or not), the group, echo, tone, announcement, the carrier, nobody; queues, log in and out,
/// pause; rooms, and all of a group at once.
const NUMBERS: [&str; 35] = [
    "201", "202", "203", "204", "205", "206", "100", "101", "300", "600", "601", "602", "9123", "777", "400", "400",
    "401", "402", "*11", "*11", "*12", "*13", "*81202", "*82203", "*81205", "350", "350", "320", "351", "*83202",
    "*83203", "*83205", "*85", "*852", "418",
];
const BAD: NetworkConf = NetworkConf {
    delay: Duration::from_millis(5),
    jitter: Duration::from_millis(60),
    lost_permille: 80,
    lost_in_a_row: 1,
    doubled_permille: 50,
};

fn presses(keys: &str) -> Vec<Command> {
    keys.chars().map(|key| Command::Press { key, by: Keys::Event }).collect()
}

/// The other kind's: far away, so that offers cross each other.
const CHANGING: NetworkConf = NetworkConf { delay: Duration::from_millis(120), lost_permille: 50, ..BAD };

impl Storm {
    fn new(wind: Wind, seed: u64) -> Storm {
        let mut world = World::new(if wind == Wind::Any { "storm" } else { "storm-changes" }, seed);
        for (name, account) in PHONES {
            world.place(name, Some(account), None, Manner::Answers { rings: Duration::from_millis(400) });
        }
        let carrier = std::net::SocketAddr::from(([203, 0, 113, 5], 5060)); // as centre/trunks.toml says
        if wind == Wind::Any {
            let answers = Manner::Answers { rings: Duration::from_millis(700) };
            world.place("carrier", None, Some(carrier), answers);
        } else {
            let announces = Manner::Announces { rings: Duration::from_millis(700) };
            let behind = [5071, 5072].map(|port| std::net::SocketAddr::new(carrier.ip(), port));
            let desks = behind.map(|sip| world.place(&format!("behind-{}", sip.port()), None, Some(sip), announces));
            world.fork(carrier, &desks);
        }
        for desk in 0..PHONES.len() {
            world.push(desk, Command::Register { expires_secs: 60 });
        }
        world.pass(Duration::from_secs(1));
        world.network.becomes(if wind == Wind::Any { BAD } else { CHANGING });
        Storm { wind, world, random: Random::numbered(seed ^ 0x5707), pressed: 0, plans: Vec::new() }
    }

    fn blow(&mut self, duration: Duration) {
        let until = self.world.now + duration;
        while self.world.now < until {
            let gap = Duration::from_millis(self.random.below(120));
            self.world.pass(gap);
            self.goes_on();
            let desk = self.random.below(self.world.desks.len() as u64) as usize;
            let buttons = match self.wind {
                Wind::Any => self.buttons(desk),
                Wind::Changes => self.change(desk).into_iter().collect(),
            };
            for button in buttons {
                self.pressed += 1;
                let calls = matches!(button, Command::Call(_));
                self.world.push(desk, button);
                if self.wind == Wind::Changes && calls && self.random.one_in(2) {
                    self.world.push(desk, Command::Change { hold: Some(Hold::Inactive), by: By::Prack });
                }
            }
        }
    }

    /// What somebody might do now: anything, or something that has a purpose.
    fn buttons(&mut self, desk: usize) -> Vec<Command> {
        let phone = &self.world.desks[desk].phone;
        if phone.is_busy() && self.plans.iter().any(|(_, one, _)| *one == desk) && !self.random.one_in(10) {
            return Vec::new(); // busy with what it began
        }
        match self.random.below(100) {
            0..30 if phone.is_talking() => self.hands_over(desk),
            0..20 if !phone.is_busy() && desk < PHONES.len() => self.takes_over(desk).into_iter().collect(),
            20..25 if desk < PHONES.len() => vec![self.watches()],
            _ => self.button(desk).into_iter().collect(),
        }
    }

    /// Brings the other side elsewhere, asks somebody first, and what follows from that.
    fn hands_over(&mut self, desk: usize) -> Vec<Command> {
        let other = self.related(desk);
        let random = &mut self.random;
        // Mostly people: the others have nobody who could be asked.
        let numbers = if random.one_in(4) { NUMBERS.len() } else { 6 };
        let number = NUMBERS[random.below(numbers as u64) as usize];
        let soon = |random: &mut Random| Duration::from_millis(500 + random.below(4_000));
        match random.below(10) {
            0 | 1 => vec![Command::Refer { to: format!("<sip:{number}@{SWITCH}>"), header: None }],
            2..5 => {
                self.plans.push((self.world.now + soon(random), desk, Plan::Bring { other }));
                if !self.world.desks[other].phone.is_busy() {
                    let dial = Dial { to: number.to_owned(), ..Dial::default() };
                    self.pressed += 1;
                    self.world.push(other, Command::Call(dial));
                }
                Vec::new()
            }
            5 => presses(&format!("*1{number}#")),
            _ => {
                let mut at = self.world.now;
                for _ in 0..1 + random.below(3) {
                    at += soon(random);
                    let plan = match random.below(6) {
                        5 => Plan::HangUp,
                        keys => Plan::Keys(["*3", "*4", "*4", "*5", "*0"][keys as usize]),
                    };
                    self.plans.push((at, desk, plan));
                }
                presses(&format!("*2{number}#"))
            }
        }
    }

    /// Takes the steps that are due.
    fn goes_on(&mut self) {
        let now = self.world.now;
        let (due, later) = std::mem::take(&mut self.plans).into_iter().partition(|(at, ..)| *at <= now);
        self.plans = later;
        let due: Vec<(Time, usize, Plan)> = due;
        for (_, desk, plan) in due {
            let buttons = match plan {
                Plan::Keys(keys) => presses(keys),
                Plan::HangUp => vec![Command::HangUp],
                Plan::Bring { other } => {
                    let Some(dialog) = self.world.desks[other].phone.dialog() else { continue };
                    let dialog = dialog.replace(';', "%3B").replace('=', "%3D");
                    vec![Command::Refer { to: format!("<sip:202@{SWITCH}?Replaces={dialog}>"), header: None }]
                }
            };
            for button in buttons {
                self.pressed += 1;
                self.world.push(desk, button);
            }
        }
    }

    /// Picks up what rings elsewhere, or goes on with a call of its own here.
    fn takes_over(&mut self, desk: usize) -> Option<Command> {
        let lamp = self.world.desks[desk].phone.lamp().map(str::to_owned);
        let dialog = lamp.filter(|_| self.random.one_in(2)).or_else(|| self.dialog_near(desk));
        let early_only = if self.random.one_in(2) { ";early-only" } else { "" };
        let headers = vec![(Name::Replaces, dialog? + early_only), (Name::Require, "replaces".to_owned())];
        Some(Command::Call(Dial { to: "202".to_owned(), headers, ..Dial::default() }))
    }

    /// A call of somebody's, of the same person's if there is one.
    fn dialog_near(&mut self, desk: usize) -> Option<String> {
        let own = PHONES.get(desk).map(|(_, account)| *account);
        let mut calls: Vec<(usize, String)> =
            (0..PHONES.len()).filter_map(|at| Some((at, self.world.desks[at].phone.dialog()?))).collect();
        if calls.iter().any(|(at, _)| Some(PHONES[*at].1) == own) && !self.random.one_in(4) {
            calls.retain(|(at, _)| Some(PHONES[*at].1) == own);
        }
        let picked = self.random.below(calls.len().max(1) as u64) as usize;
        calls.into_iter().nth(picked).map(|(_, dialog)| dialog)
    }

    /// Watches somebody, or goes on watching.
    fn watches(&mut self) -> Command {
        let to = NUMBERS[self.random.below(6) as usize].to_owned();
        Command::Subscribe(Subscribe { to, event: "dialog".to_owned(), expires_secs: 60, header: None })
    }

    /// Mostly another phone of the same person.
    fn related(&mut self, desk: usize) -> usize {
        let account = PHONES.get(desk).map(|(_, account)| *account);
        let own: Vec<usize> =
            (0..PHONES.len()).filter(|other| *other != desk && Some(PHONES[*other].1) == account).collect();
        match own.len() as u64 {
            1.. if !self.random.one_in(4) => own[self.random.below(own.len() as u64) as usize],
            _ => self.random.below(PHONES.len() as u64) as usize,
        }
    }

    /// What somebody might do now, whatever comes of it.
    fn button(&mut self, desk: usize) -> Option<Command> {
        let random = &mut self.random;
        let phone = &self.world.desks[desk].phone;
        let (talks, busy, holds) = (phone.is_talking(), phone.is_busy(), phone.is_holding());
        let registers = desk < PHONES.len();
        Some(match random.below(100) {
            0 if !holds => Command::Vanish, // who vanishes on hold is waited for an hour: `hold_without_end.call`
            1 | 2 if registers => Command::Register { expires_secs: 60 },
            3 if registers => Command::Register { expires_secs: 0 },
            4..10 => Command::Behave(match random.below(10) {
                0..6 => Manner::Answers { rings: Duration::from_millis(random.below(3_000)) },
                6 | 7 => Manner::Rings,
                _ => Manner::Refuses { status: [404, 480, 486, 503, 600, 603][random.below(6) as usize] },
            }),
            10..50 if !busy => {
                let to = if registers { NUMBERS[random.below(NUMBERS.len() as u64) as usize] } else { "38515550100" };
                let offers =
                    [None, None, Some(vec![audio::Codec::Pcmu]), Some(vec![audio::Codec::Pcma]), Some(Vec::new())];
                let codecs = offers[random.below(5) as usize].clone();
                Command::Call(Dial { to: to.to_owned(), codecs, ..Dial::default() })
            }
            50..60 if busy => Command::HangUp,
            60..66 if talks => Command::Change { hold: (!holds).then_some(Hold::SendOnly), by: By::Invite },
            66..80 if talks => {
                let by = if random.one_in(4) { Keys::Info } else { Keys::Event };
                Command::Press { key: b"0123456789*#"[random.below(12) as usize].into(), by }
            }
            80..82 if talks => Command::Speak(audio::Sound::from_pcm(Vec::new())),
            82..84 if talks => Command::Speak(voice(self.world.desks[desk].hz)),
            _ => return None,
        })
    }

    /// What somebody might do who cannot leave a session as it is.
    fn change(&mut self, desk: usize) -> Option<Command> {
        let random = &mut self.random;
        let phone = &self.world.desks[desk].phone;
        let (talks, busy, holds) = (phone.is_talking(), phone.is_busy(), phone.is_holding());
        let registers = desk < PHONES.len();
        let spellings = [Hold::SendOnly, Hold::Inactive, Hold::Nowhere, Hold::Nowhere6, Hold::Session];
        let hold = (!holds).then(|| spellings[random.below(5) as usize]);
        let rings = Duration::from_millis(random.below(2_000));
        Some(match random.below(100) {
            0 | 1 if registers => Command::Register { expires_secs: 60 },
            2..8 => Command::Behave(match random.below(8) {
                0..5 => Manner::Announces { rings },
                5 | 6 => Manner::Answers { rings },
                _ => Manner::Refuses { status: 486 },
            }),
            8..40 if registers && !busy => {
                let to = ["9123", "9124", "201", "202", "203", "300"][random.below(6) as usize].to_owned();
                let codecs = [None, Some(Vec::new())][random.below(2) as usize].clone();
                let header = |name: &str, value: &str| (Name::from(name), value.to_owned());
                // Each of these sessions is ours to keep alive.
                let headers = vec![header("Supported", "100rel, timer"), header("Session-Expires", "90;refresher=uas")];
                Command::Call(Dial { to, codecs, headers, ..Dial::default() })
            }
            40 if busy && registers => Command::HangUp,
            40..46 if busy && !registers => Command::HangUp, // few are behind the carrier; more come to be called
            41..60 if busy && !talks => Command::Change { hold, by: [By::Prack, By::Update][random.below(2) as usize] },
            41..75 if talks => Command::Change { hold, by: By::Invite },
            75..97 if talks => Command::Change { hold, by: By::Update },
            97..100 if talks => Command::AskForOffer,
            _ => return None,
        })
    }

    /// What phones heard and said of the kind such a storm is made for.
    fn count(&self, seen: &mut BTreeMap<&'static str, usize>) {
        for line in &self.world.ladder {
            let heard = |what: &str| line.contains(what);
            let kinds = [
                ("491 to a re-INVITE", heard("491 Request Pending (INVITE)")),
                ("491 to an UPDATE", heard("491 Request Pending (UPDATE)")),
            ];
            kinds.into_iter().filter(|(_, is)| *is).for_each(|(kind, _)| *seen.entry(kind).or_default() += 1);
        }
        for desk in &self.world.desks {
            let mut answered = HashMap::new();
            for (_, message) in &desk.heard {
                let Message::Response(response) = message else { continue };
                let (number, method) = response.cseq().unwrap_or_default();
                let call = response.headers.call_id().unwrap_or_default();
                match (method, response.status, response.body.is_empty()) {
                    ("INVITE", 200, _) => drop(answered.insert(call, number)),
                    ("PRACK", 200, false) => *seen.entry("offer in a PRACK").or_default() += 1,
                    ("UPDATE", 200, false) if !answered.contains_key(call) && !desk.name.starts_with("behind") => {
                        *seen.entry("UPDATE before the answer").or_default() += 1;
                    }
                    _ => {}
                }
            }
        }
        *seen.entry("second 200 of a fork").or_default() +=
            self.world.forks.iter().map(sim::Fork::answered_twice).sum::<usize>();
    }

    /// The network recovers and everybody hangs up, whoever they are talking to.
    fn calm(&mut self) {
        self.world.network.becomes(NetworkConf::default());
        for _ in 0..3 {
            for desk in 0..self.world.desks.len() {
                self.world.push(desk, Command::Behave(Manner::Refuses { status: 480 }));
                self.world.push(desk, Command::HangUp);
            }
            self.world.pass(Duration::from_secs(1));
        }
        for desk in 0..PHONES.len() {
            self.world.push(desk, Command::Register { expires_secs: 0 });
        }
        // A minute for media that nobody sends any more, half a minute for the last BYE that nobody answers; and an hour
        // for who pulled his plug on hold before his BYE had arrived.
        for _ in 0..3_800 {
            if self.broken_laws().is_empty() {
                break;
            }
            self.world.pass(Duration::from_secs(1));
        }
    }

    /// Those of the world, and: a watcher that says nothing more is forgotten.
    fn broken_laws(&self) -> Vec<String> {
        let watching = self.world.switch.endpoint().subscriptions().count();
        let watched = (watching > 0).then(|| format!("{watching} subscriptions are left"));
        self.world.broken_laws().into_iter().chain(watched).collect()
    }

    fn laws(&self) {
        let mut broken = self.broken_laws();
        for desk in &self.world.desks {
            if desk.phone.is_busy() {
                broken.push(format!("{} has a call that never ended", desk.name));
            }
            let unanswered = |(_, event): &&(Time, Event)| matches!(event, Event::Unanswered { .. });
            if let Some((at, event)) = desk.events.iter().find(unanswered) {
                broken.push(format!("{} at {at:?}: {event:?}", desk.name));
            }
        }
        if broken.is_empty() {
            return;
        }
        if env::var("STORM_SEED").is_ok() {
            println!("{}", self.world.ladder.join("\n"));
        }
        panic!("laws are broken:\n{}\n{}", broken.join("\n"), self.figures());
    }

    fn figures(&self) -> String {
        let World { calls, recordings, now, .. } = &self.world;
        let answered = self.world.cdrs.iter().filter(|cdr| cdr["status"] == 200).count();
        let handovers: Vec<_> =
            self.world.cdrs.iter().filter_map(|cdr| cdr["transfers"].as_array()).flatten().collect();
        let handed_over = handovers.iter().filter(|handover| handover["outcome"] == "done").count();
        let tried = handovers.len();
        let replaced = self.world.replaced;
        let supervised = self.world.cdrs.iter().filter(|cdr| cdr["supervisions"].is_array()).count();
        let (calls, recordings, pressed) = (calls.len(), recordings.len(), self.pressed);
        format!(
            "{pressed} buttons, {calls} calls, {answered} answered, {handed_over} of {tried} handed over, {replaced} taken over, \
             {supervised} supervised, {recordings} recorded, {:.0} s",
            now.as_millis() / 1000
        )
    }
}
