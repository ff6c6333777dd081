//! The echo test: the caller hears himself.

use call::{Call, Event};

use crate::{Next, Program};

/// One caller talking to himself.
#[derive(Debug)]
pub(crate) struct Echo;

impl Program for Echo {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => call.echo(),
            Event::HungUp => return Next::Over,
            _ => {}
        }
        Next::Wait
    }
}
