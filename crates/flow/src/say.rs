//! Something is said, then it goes on.

use std::sync::Arc;

use call::{Call, Event, Side};

use crate::{Next, Program, SayConf};

/// One caller listening.
#[derive(Debug)]
pub(crate) struct Say {
    conf: Arc<SayConf>,
}

impl Say {
    pub(crate) fn new(conf: Arc<SayConf>) -> Say {
        Say { conf }
    }

    fn go_on(&self, call: &mut Call) -> Next {
        match &self.conf.then {
            Some(then) => Next::Go(then.clone()),
            None => {
                call.hang_up(Side::Switch, "announced");
                Next::Over
            }
        }
    }
}

impl Program for Say {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => call.play(&self.conf.phrase.to(call), false),
            Event::Played => return self.go_on(call),
            Event::Key(_) if self.conf.barge_in => {
                call.stop();
                return self.go_on(call);
            }
            Event::HungUp => return Next::Over,
            _ => {}
        }
        Next::Wait
    }
}
