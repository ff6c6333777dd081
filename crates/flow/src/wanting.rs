//! A person says by key what he wants of the calls to him; a short melody says that it is so.

use audio::Sound;
use call::{Call, Event, Side};
use route::Wish;

use crate::{Next, Program, Word};

/// One who does so.
#[derive(Debug)]
pub(crate) struct Wanting {
    pub(crate) wish: Wish,
    /// Where calls are to go.
    pub(crate) number: String,
    pub(crate) melody: Sound,
    pub(crate) words: Vec<Word>,
}

impl Program for Wanting {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => {
                let (wish, number) = (self.wish, self.number.clone());
                match &call.caller().party.account {
                    Some(account) => self.words.push(Word::Wish { account: account.clone(), wish, number }),
                    None => call.reject(403),
                }
            }
            Event::Played => call.hang_up(Side::Switch, "understood"),
            Event::HungUp => return Next::Over,
            _ => {}
        }
        Next::Wait
    }

    fn granted(&mut self, granted: Result<(), u16>, call: &mut Call) -> Next {
        match granted {
            Ok(()) => call.play(&self.melody, false),
            Err(status) => call.reject(status),
        }
        Next::Wait
    }

    fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }
}
