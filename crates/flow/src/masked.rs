//! A step of the menus of which nothing is kept: neither what the caller says nor what he presses.

use std::time::Duration;

use call::{Actor, Call, Event, How, Order, Silence};

use crate::{Next, Program};

/// The step, and its name.
#[derive(Debug)]
pub(crate) struct Masked {
    pub(crate) name: String,
    pub(crate) step: Box<dyn Program + Send>,
}

impl Masked {
    fn actor(&self) -> Actor {
        Actor { by: format!("menu:{}", self.name), how: How::Menu }
    }
}

impl Program for Masked {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        if event == Event::Started {
            call.order(Order::Silence { kind: Silence::Mask, limit: Some(MASK_MAX) }, self.actor());
        }
        let next = self.step.step(event, call);
        if next != Next::Wait {
            call.order(Order::Sound(Silence::Mask), self.actor());
        }
        next
    }

    fn handed_on(&mut self, call: &Call) {
        self.step.handed_on(call);
    }

    fn told(&mut self, word: &acd::Output, call: &mut Call) -> Next {
        self.step.told(word, call)
    }

    fn words(&mut self) -> Vec<crate::Word> {
        self.step.words()
    }
}

/// A step ends long before.
const MASK_MAX: Duration = Duration::from_secs(4 * 3600);
