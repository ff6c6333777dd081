//! The caller speaks to a group at once, whose phones pick up by themselves.

use std::time::Duration;

use audio::Sound;
use call::{Call, Event, Side};

use crate::{Next, Program};

/// One who speaks to many.
#[derive(Debug)]
pub(crate) struct Page {
    /// To these people.
    people: Vec<String>,
    /// What he hears when somebody hears him,
    begins: Sound,
    /// and when nobody does, or not any more.
    ends: Sound,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Nobody has picked up yet.
    Calling,
    Speaking,
    Ending,
}

impl Page {
    pub(crate) fn new(people: Vec<String>, begins: Sound, ends: Sound) -> Page {
        Page { people, begins, ends, state: State::Calling }
    }

    fn ends_if_alone(&mut self, call: &mut Call) {
        if !call.pages() && self.state != State::Ending {
            self.state = State::Ending;
            call.wake_no_more();
            call.play(&self.ends, false);
        }
    }
}

impl Program for Page {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match (&self.state, event) {
            (_, Event::Started) => {
                let own = call.caller().party.account.clone();
                call.page(std::mem::take(&mut self.people).into_iter().filter(|person| Some(person) != own.as_ref()));
                call.wake_after(PICK_UP);
                self.ends_if_alone(call);
            }
            (State::Calling, Event::Paged) => {
                self.state = State::Speaking;
                call.play(&self.begins, false);
            }
            (_, Event::Woken) => {
                call.page_no_more();
                self.ends_if_alone(call);
            }
            (_, Event::PartyRefused { .. } | Event::Unpaged) => self.ends_if_alone(call),
            (State::Ending, Event::Played) => {
                call.hang_up(Side::Switch, "nobody hears it");
                return Next::Over;
            }
            (_, Event::HungUp) => return Next::Over,
            _ => {}
        }
        Next::Wait
    }
}

/// A phone that has not picked up by then does not do so by itself, and nobody is there.
const PICK_UP: Duration = Duration::from_secs(20);
