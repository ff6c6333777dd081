//! An announcement: a sound, then good-bye. A repeated one plays until the caller has had enough.

use std::time::Duration;

use audio::Sound;
use call::{Call, Event, Side};

use crate::{Next, Program};

/// One caller listening.
#[derive(Debug)]
pub(crate) struct Announce {
    pub(crate) sound: Sound,
    pub(crate) repeat: bool,
}

impl Program for Announce {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => {
                call.play(&self.sound, self.repeat);
                if self.repeat {
                    call.wake_after(REPEAT_MAX);
                }
            }
            Event::Woken => call.hang_up(Side::Switch, "long enough"),
            Event::Played => {
                call.hang_up(Side::Switch, "announced");
                return Next::Over;
            }
            Event::HungUp => return Next::Over,
            _ => {}
        }
        Next::Wait
    }
}

/// Nobody listens to the same for longer.
const REPEAT_MAX: Duration = Duration::from_secs(4 * 3600);
