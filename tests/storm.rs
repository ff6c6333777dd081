//! A storm: phones that call, answer, hang up, hold, press keys, bring each other elsewhere (by REFER and by feature keys),
//! take calls over, watch and vanish as chance has it, over a network that loses, doubles and reorders; then the laws. One
//! number replays it:
//!
//! | variable | means |
//! | --- | --- |
//! | `STORM_SEED=7` | this storm only, with its ladder |
//! | `STORM_COUNT=500` | so many, from seed 1 |
//! | `STORM_SECS=600` | each of them lasts so long |

mod world;

use std::env;
use std::time::Duration;

use base::{Random, Time};
use sim::NetworkConf;
use sim::phone::{Command, Dial, Event, Keys, Manner, Subscribe};
use sip::Name;
use world::{SWITCH, World, voice};

#[test]
fn after_any_storm_everything_is_home() {
    let variable = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let secs = variable("STORM_SECS").unwrap_or(40);
    let (first, count) = match variable("STORM_SEED") {
        Some(seed) => (seed, 1),
        None => (1, variable("STORM_COUNT").unwrap_or(4)),
    };
    for seed in first..first + count {
        let told = Told { seed, secs };
        let mut storm = Storm::new(seed);
        storm.blow(Duration::from_secs(secs));
        storm.calm();
        storm.laws();
        println!("storm {seed}: {}", storm.figures());
        std::mem::forget(told);
    }
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
/// pause.
const NUMBERS: [&str; 22] = [
    "201", "202", "203", "204", "205", "206", "100", "101", "300", "600", "601", "602", "9123", "777", "400", "400",
    "401", "402", "*11", "*11", "*12", "*13",
];
const BAD: NetworkConf = NetworkConf {
    delay: Duration::from_millis(5),
    jitter: Duration::from_millis(60),
    lost_permille: 80,
    doubled_permille: 50,
};

fn presses(keys: &str) -> Vec<Command> {
    keys.chars().map(|key| Command::Press { key, by: Keys::Event }).collect()
}

impl Storm {
    fn new(seed: u64) -> Storm {
        let mut world = World::new("storm", seed);
        for (name, account) in PHONES {
            world.place(name, Some(account), None, Manner::Answers { rings: Duration::from_millis(400) });
        }
        let carrier = std::net::SocketAddr::from(([203, 0, 113, 5], 5060)); // as centre/trunks.toml says
        let answers = Manner::Answers { rings: Duration::from_millis(700) };
        world.place("carrier", None, Some(carrier), answers);
        for desk in 0..PHONES.len() {
            world.push(desk, Command::Register { expires_secs: 60 });
        }
        world.pass(Duration::from_secs(1));
        world.network.becomes(BAD);
        Storm { world, random: Random::numbered(seed ^ 0x5707), pressed: 0, plans: Vec::new() }
    }

    fn blow(&mut self, duration: Duration) {
        let until = self.world.now + duration;
        while self.world.now < until {
            let gap = Duration::from_millis(self.random.below(120));
            self.world.pass(gap);
            self.goes_on();
            let desk = self.random.below(self.world.desks.len() as u64) as usize;
            for button in self.buttons(desk) {
                self.pressed += 1;
                self.world.push(desk, button);
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
            60..66 if talks => Command::Hold(!holds),
            66..80 if talks => {
                let by = if random.one_in(4) { Keys::Info } else { Keys::Event };
                Command::Press { key: b"0123456789*#"[random.below(12) as usize].into(), by }
            }
            80..82 if talks => Command::Speak(audio::Sound::from_pcm(Vec::new())),
            82..84 if talks => Command::Speak(voice(self.world.desks[desk].hz)),
            _ => return None,
        })
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
        let (calls, recordings, pressed) = (calls.len(), recordings.len(), self.pressed);
        format!(
            "{pressed} buttons, {calls} calls, {answered} answered, {handed_over} of {tried} handed over, {replaced} taken over, \
             {recordings} recorded, {:.0} s",
            now.as_millis() / 1000
        )
    }
}
