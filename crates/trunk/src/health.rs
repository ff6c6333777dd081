//! Is a trunk there? Told by the answers to OPTIONS and by what becomes of calls, with hysteresis.
//!
//! Where it stands: each trunk has one; `trunks` asks it before a call is placed and sends OPTIONS when it wants one. A
//! trunk nobody probes is tried again after a while, and stays away longer each time it fails.

use std::time::Duration;

use base::{Random, Time};

/// When a trunk is taken for down, and for up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthConf {
    /// OPTIONS are sent so often; none: never.
    pub options: Option<Duration>,
    /// So many failures in a row: down.
    pub failures: u32,
    /// So many answers in a row: up again.
    pub successes: u32,
    /// An INVITE nobody says a word to is given up after that.
    pub answer: Duration,
}

impl Default for HealthConf {
    fn default() -> HealthConf {
        let seconds = Duration::from_secs;
        HealthConf { options: None, failures: 3, successes: 2, answer: seconds(6) }
    }
}

/// How a trunk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    state: State,
    failures: u32,
    /// It said 503 with Retry-After: until then it wants no calls.
    rests_until: Time,
    probe: Probe,
    /// OPTIONS so far.
    turn: u32,
    /// Times it was down since it was last up for good.
    falls: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    /// `answers` came in a row; without OPTIONS, calls try it again at `again`.
    Down {
        answers: u32,
        again: Time,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    Never,
    /// The next OPTIONS is due.
    At(Time),
    /// One waits for its answer until then.
    Asked {
        until: Time,
    },
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Calls may go there again.
    Up,
    /// They may not.
    Down,
}

impl Health {
    /// Of a trunk nothing is known of yet: it is believed to be there, and soon asked.
    pub fn new(conf: &HealthConf, now: Time, random: &mut Random) -> Health {
        let soon = Duration::from_millis(random.below(1_000));
        Health {
            state: State::Up,
            failures: 0,
            rests_until: Time::ZERO,
            probe: conf.options.map_or(Probe::Never, |_| Probe::At(now + soon)),
            turn: 0,
            falls: 0,
        }
    }

    /// May a call be placed there?
    pub fn takes_calls(&self, now: Time) -> bool {
        let is_there = match self.state {
            State::Up => true,
            State::Down { again, .. } => now >= again,
        };
        is_there && now >= self.rests_until
    }

    /// Is it taken for down?
    pub fn is_down(&self) -> bool {
        self.state != State::Up
    }

    /// How long it wants no calls, if it said so.
    pub fn rests_for(&self, now: Time) -> Option<Duration> {
        (now < self.rests_until).then(|| self.rests_until.since(now))
    }

    /// When [`Health::is_unanswered`] and [`Health::wants_probe`] are to be asked.
    pub fn deadline(&self) -> Option<Time> {
        match self.probe {
            Probe::Never => None,
            Probe::At(at) | Probe::Asked { until: at } => Some(at),
        }
    }

    /// Is it time for an OPTIONS? Then it is on its way; its turn is returned.
    pub fn wants_probe(&mut self, conf: &HealthConf, now: Time) -> Option<u32> {
        match self.probe {
            Probe::At(at) if now >= at => {
                self.turn = self.turn.wrapping_add(1);
                self.probe = Probe::Asked { until: now + conf.answer };
                Some(self.turn)
            }
            _ => None,
        }
    }

    /// Has an OPTIONS waited too long for its answer? Whatever comes of it, it is over.
    pub fn is_unanswered(&mut self, conf: &HealthConf, now: Time, random: &mut Random) -> bool {
        let late = matches!(self.probe, Probe::Asked { until } if now >= until);
        if late {
            self.turn = self.turn.wrapping_add(1); // what it may still say is not heard
            self.plan(conf, now, random);
        }
        late
    }

    /// The OPTIONS of that turn was answered. False: too late.
    pub fn probed(&mut self, turn: u32, conf: &HealthConf, now: Time, random: &mut Random) -> bool {
        let awaited = turn == self.turn && matches!(self.probe, Probe::Asked { .. });
        if awaited {
            self.plan(conf, now, random);
        }
        awaited
    }

    fn plan(&mut self, conf: &HealthConf, now: Time, random: &mut Random) {
        // Carriers with many customers like it when these do not all ask at once.
        let jitter = 0.9 + 0.2 * random.below(1_000) as f64 / 1_000.0;
        self.probe = conf.options.map_or(Probe::Never, |every| Probe::At(now + every.mul_f64(jitter)));
    }

    /// It answered something, whatever it was.
    pub fn heard(&mut self, conf: &HealthConf) -> Option<Turn> {
        self.failures = 0;
        match self.state {
            State::Up => {
                self.falls = 0;
                None
            }
            State::Down { answers, again } if answers + 1 < conf.successes => {
                self.state = State::Down { answers: answers + 1, again };
                None
            }
            State::Down { .. } => {
                self.state = State::Up;
                Some(Turn::Up)
            }
        }
    }

    /// It did not answer, or said that it cannot work.
    pub fn failed(&mut self, conf: &HealthConf, now: Time) -> Option<Turn> {
        self.failures = self.failures.saturating_add(1);
        // Without OPTIONS nobody but a call finds out that it is back.
        let away = AWAY_FIRST * 2_u32.pow(self.falls.min(4));
        let again = if conf.options.is_some() { Time::NEVER } else { now + away };
        if let Probe::At(at) = self.probe
            && self.state == State::Up
        {
            self.probe = Probe::At(at.min(now + ASKED_SOON)); // find out whether it was only that once
        }
        match self.state {
            State::Up if self.failures < conf.failures => None,
            State::Up => {
                self.falls += 1;
                self.state = State::Down { answers: 0, again };
                Some(Turn::Down)
            }
            State::Down { .. } => {
                self.falls = self.falls.saturating_add(1);
                self.state = State::Down { answers: 0, again };
                None
            }
        }
    }

    /// It said 503 and when to come again (RFC 3261 §21.5.4). Returns how long it is left alone.
    pub fn rests(&mut self, secs: u32, now: Time) -> Duration {
        let rest = Duration::from_secs(secs.into()).min(REST_MAX);
        self.rests_until = self.rests_until.max(now + rest);
        rest
    }
}

/// A trunk that is not probed stays away so long the first time, twice as long each time after, at most 16 times.
const AWAY_FIRST: Duration = Duration::from_secs(20);
/// After a failure the next OPTIONS follow so soon.
const ASKED_SOON: Duration = Duration::from_secs(1);
/// No Retry-After is believed longer.
const REST_MAX: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::from_millis(secs * 1_000)
    }

    fn health(conf: &HealthConf) -> Health {
        Health::new(conf, at(0), &mut Random::numbered(1))
    }

    fn probed() -> HealthConf {
        HealthConf { options: Some(Duration::from_secs(30)), ..HealthConf::default() }
    }

    #[test]
    fn it_takes_several_failures_to_fall_and_several_answers_to_rise() {
        let conf = probed();
        let mut health = health(&conf);
        let turns = |health: &mut Health, said: &str| -> String {
            let turn = |letter| match letter {
                'f' => health.failed(&conf, at(1)),
                _ => health.heard(&conf),
            };
            said.chars()
                .map(turn)
                .map(|turn| match turn {
                    Some(Turn::Up) => 'U',
                    Some(Turn::Down) => 'D',
                    None => '.',
                })
                .collect()
        };
        assert_eq!(turns(&mut health, "ffhffhfff"), "........D");
        assert!(!health.takes_calls(at(100_000)));
        assert_eq!(turns(&mut health, "hfhfhh"), ".....U");
        assert!(health.takes_calls(at(1)));
    }

    #[test]
    fn options_are_sent_at_intervals_and_soon_after_a_failure() {
        let conf = probed();
        let mut health = health(&conf);
        let mut random = Random::numbered(7);
        let mut now = at(1);
        for _ in 0..50 {
            let turn = health.wants_probe(&conf, now).expect("it is time");
            assert_eq!(health.wants_probe(&conf, now), None); // one at a time
            assert!(health.probed(turn, &conf, now, &mut random));
            assert!(!health.probed(turn, &conf, now, &mut random));
            let next = health.deadline().expect("a next one");
            assert!((27..=33).contains(&next.since(now).as_secs()), "{next:?}");
            now = next;
        }
        health.wants_probe(&conf, now);
        health.probed(health.turn, &conf, now, &mut random);
        health.failed(&conf, now);
        assert!(health.wants_probe(&conf, now + ASKED_SOON).is_some());
    }

    #[test]
    fn options_nobody_answers_are_a_failure_in_seconds() {
        let conf = probed();
        let mut health = health(&conf);
        let mut random = Random::numbered(7);
        let turn = health.wants_probe(&conf, at(1)).expect("it is time");
        assert!(!health.is_unanswered(&conf, at(6), &mut random));
        assert!(health.is_unanswered(&conf, at(7), &mut random));
        assert!(!health.is_unanswered(&conf, at(7), &mut random));
        assert!(!health.probed(turn, &conf, at(8), &mut random)); // too late
    }

    #[test]
    fn a_trunk_nobody_probes_is_tried_again_ever_later() {
        let conf = HealthConf { options: None, failures: 1, successes: 1, ..HealthConf::default() };
        let mut health = health(&conf);
        assert_eq!(health.deadline(), None);
        let mut now = at(0);
        for away in [20, 40, 80, 160, 320, 320] {
            health.failed(&conf, now);
            assert!(!health.takes_calls(now + Duration::from_secs(away - 1)), "{away}");
            now += Duration::from_secs(away);
            assert!(health.takes_calls(now), "{away}");
        }
        assert_eq!(health.heard(&conf), Some(Turn::Up));
        health.heard(&conf);
        health.failed(&conf, now);
        assert!(health.takes_calls(now + AWAY_FIRST));
    }

    #[test]
    fn who_asks_for_a_rest_gets_it_within_reason() {
        let conf = HealthConf::default();
        let mut health = health(&conf);
        assert_eq!(health.rests(30, at(0)), Duration::from_secs(30));
        assert!(!health.takes_calls(at(29)) && health.takes_calls(at(30)) && !health.is_down());
        assert_eq!(health.rests(u32::MAX, at(0)), REST_MAX);
    }
}
