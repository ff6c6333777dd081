//! The menu: a greeting, a key, a destination.

use call::{Call, Event};

use crate::{MenuConf, Next, Program};

/// One caller in a menu.
#[derive(Debug)]
pub(crate) struct Menu {
    conf: MenuConf,
    misses: u32,
}

impl Menu {
    pub(crate) fn new(conf: MenuConf) -> Menu {
        Menu { conf, misses: 0 }
    }
}

impl Program for Menu {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => {}
            Event::Key(key) => match self.conf.keys.get(&key) {
                Some(destination) => return Next::Go(destination.clone()),
                None => self.misses += 1,
            },
            Event::NoKey => self.misses += 1,
            Event::HungUp => return Next::Over,
            Event::Played
            | Event::Connected
            | Event::NotConnected(_)
            | Event::PartyRefused { .. }
            | Event::HandedOn
            | Event::HandedBack
            | Event::PartyLeft(_) => {
                return Next::Wait;
            }
        }
        if self.misses >= self.conf.tries {
            return Next::Go(self.conf.otherwise.clone());
        }
        call.ask(&self.conf.greeting, self.conf.patience);
        Next::Wait
    }
}
