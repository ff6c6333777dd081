//! The echo test: the caller hears himself.

use std::time::Duration;

use call::{Call, Event, Side};

use crate::{Next, Program};

/// One caller talking to himself.
#[derive(Debug)]
pub(crate) struct Echo;

impl Program for Echo {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => {
                call.echo();
                call.wake_after(ECHO_MAX);
            }
            Event::Woken => call.hang_up(Side::Switch, "long enough"),
            Event::HungUp => return Next::Over,
            _ => {}
        }
        Next::Wait
    }
}

/// Nobody listens to himself for longer.
const ECHO_MAX: Duration = Duration::from_secs(4 * 3600);
