//! A parked caller: he hears music until somebody dials his place. If nobody does for too long, whoever parked him is rung.

use std::time::Duration;

use audio::Music;
use call::{Call, Dial, Event, Side, Target};
use route::Destination;

use crate::{Next, Program};

/// How long callers are parked.
#[derive(Clone, Debug)]
pub struct ParkConf {
    /// What they hear.
    pub music: Music,
    /// So long until whoever parked them is rung,
    pub come_back: Duration,
    /// for so long;
    pub ring: Duration,
    /// where nobody has parked them, or has answered so often, they go there.
    pub otherwise: Destination,
}

/// One who is parked, then talks with who came for him.
#[derive(Debug)]
pub(crate) struct Park {
    conf: ParkConf,
    /// Where.
    place: String,
    /// Who parked him.
    by: Option<String>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// So often whoever parked him did not answer.
    Waits(u32),
    Talks,
}

impl Park {
    pub(crate) fn new(conf: ParkConf, place: String, by: Option<String>) -> Park {
        Park { conf, place, by, state: State::Waits(0) }
    }
}

impl Program for Park {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match (&self.state, event) {
            (State::Waits(_), Event::Started) => {
                call.play_music(&self.conf.music, Duration::ZERO, None);
                call.wake_after(self.conf.come_back);
            }
            (State::Waits(times), Event::Woken) => match &self.by {
                Some(by) if *times < TIMES_MAX => {
                    self.state = State::Waits(times + 1);
                    call.dial(Dial { targets: vec![Target::Account(by.clone())], ring: self.conf.ring });
                }
                _ => return Next::Go(self.conf.otherwise.clone()),
            },
            (State::Waits(_), Event::NotConnected(_)) => call.wake_after(self.conf.come_back),
            (State::Waits(_), Event::Connected) => {
                self.state = State::Talks;
                call.wake_no_more();
            }
            (State::Talks, Event::PartyLeft(cause)) => {
                call.hang_up(Side::Agent, cause);
                return Next::Over;
            }
            (_, Event::HungUp) => return Next::Over,
            _ => {}
        }
        Next::Wait
    }

    fn parked(&self) -> Option<&str> {
        (self.state != State::Talks).then_some(&self.place)
    }
}

/// So often whoever parked a caller is rung.
const TIMES_MAX: u32 = 10;
