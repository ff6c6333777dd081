//! A supervisor follows an agent over calls: between two of them he waits here, and hears a soft note now and then.
//!
//! Where it stands: the switch says whether he may, and takes his leg to each call of the agent's and back; this program has
//! his own call meanwhile.

use call::{Call, Event};
use route::Ear;

use crate::{Next, Program, Word};

/// One who does so.
#[derive(Debug)]
pub(crate) struct Follow {
    pub(crate) ear: Ear,
    /// The agent's.
    pub(crate) number: String,
    pub(crate) words: Vec<Word>,
}

impl Program for Follow {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => match &call.caller().party.account {
                Some(account) => {
                    let (account, number) = (account.clone(), self.number.clone());
                    self.words.push(Word::Follow { call: call.id(), account, number, ear: self.ear });
                }
                None => call.reject(403),
            },
            Event::HungUp => return Next::Over,
            _ => {}
        }
        Next::Wait
    }

    fn granted(&mut self, granted: Result<(), u16>, call: &mut Call) -> Next {
        match granted {
            Ok(()) => call.answer(),
            Err(status) => call.reject(status),
        }
        Next::Wait
    }

    fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }
}
