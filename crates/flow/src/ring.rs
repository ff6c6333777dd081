//! Ringing somebody: a person, a group, a number through a trunk. Whoever answers first gets the call.

use std::time::Duration;

use call::{Call, Dial, Event, Side, Target};

use crate::{Next, Program};

/// One caller waiting for somebody to pick up, then talking with him.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) targets: Vec<Target>,
    pub(crate) ring: Duration,
    pub(crate) record: bool,
}

impl Program for Ring {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => call.dial(Dial { targets: self.targets.clone(), ring: self.ring }),
            Event::Connected if self.record => call.record(),
            Event::NotConnected(status) => {
                call.reject(status);
                return Next::Over;
            }
            Event::PartyLeft(cause) => {
                call.hang_up(Side::Agent, cause);
                return Next::Over;
            }
            Event::HungUp => return Next::Over,
            Event::HandedOn | Event::HandedBack => {} // a transfer's business
            Event::Connected | Event::PartyRefused { .. } | Event::Key(_) | Event::NoKey | Event::Played => {}
        }
        Next::Wait
    }
}
