//! A storm: phones that call, answer, hang up, hold, press keys and vanish as chance has it, over a network that loses,
//! doubles and reorders; then the laws. One number replays it:
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
use sim::phone::{Command, Dial, Event, Keys, Manner};
use world::{World, voice};

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

impl Storm {
    fn new(seed: u64) -> Storm {
        let mut world = World::new("storm", seed);
        for (name, account) in PHONES {
            world.place(name, Some(account), None, Manner::Scripted);
        }
        let carrier = std::net::SocketAddr::from(([203, 0, 113, 5], 5060)); // as centre/trunks.toml says
        let answers = Manner::Answers { rings: Duration::from_millis(700) };
        world.place("carrier", None, Some(carrier), answers);
        for desk in 0..PHONES.len() {
            world.push(desk, Command::Register { expires_secs: 60 });
        }
        world.pass(Duration::from_secs(1));
        world.network.becomes(BAD);
        Storm { world, random: Random::numbered(seed ^ 0x5707), pressed: 0 }
    }

    fn blow(&mut self, duration: Duration) {
        let until = self.world.now + duration;
        while self.world.now < until {
            let gap = Duration::from_millis(self.random.below(120));
            self.world.pass(gap);
            let desk = self.random.below(self.world.desks.len() as u64) as usize;
            if let Some(button) = self.button(desk) {
                self.pressed += 1;
                self.world.push(desk, button);
            }
        }
    }

    /// What somebody might do now.
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
            if self.world.broken_laws().is_empty() {
                break;
            }
            self.world.pass(Duration::from_secs(1));
        }
    }

    fn laws(&self) {
        let mut broken = self.world.broken_laws();
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
        let (calls, recordings, pressed) = (calls.len(), recordings.len(), self.pressed);
        format!(
            "{pressed} buttons, {calls} calls, {answered} answered, {recordings} recorded, {:.0} s",
            now.as_millis() / 1000
        )
    }
}
