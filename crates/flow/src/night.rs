//! Somebody dials to open or close by hand; a short melody says that it was understood.

use audio::Sound;
use call::{Call, Event, Side};

use crate::{Next, Program, Word};

/// One who does so.
#[derive(Debug)]
pub(crate) struct Night {
    pub(crate) word: Option<Word>,
    pub(crate) melody: Sound,
}

impl Program for Night {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => call.play(&self.melody, false),
            Event::Played => call.hang_up(Side::Switch, "understood"),
            Event::HungUp => return Next::Over,
            _ => {}
        }
        Next::Wait
    }

    fn words(&mut self) -> Vec<Word> {
        self.word.take().into_iter().collect()
    }
}
