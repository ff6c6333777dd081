//! An agent dials to say that he is ready, goes, or takes a pause; a short melody says that it was understood.

use acd::AgentName;
use audio::Sound;
use call::{Call, Event, Side};

use crate::{Next, Program, Word};

/// One agent saying so.
#[derive(Debug)]
pub(crate) struct Duty {
    what: What,
    melody: Sound,
    agent: Option<AgentName>,
    words: Vec<Word>,
}

/// What an agent can say.
#[derive(Debug)]
pub(crate) enum What {
    Ready,
    Goes,
    Pauses(String),
}

impl Duty {
    /// `agent` is none where the caller is no agent.
    pub(crate) fn new(what: What, agent: Option<AgentName>, melody: Sound) -> Duty {
        Duty { what, melody, agent, words: Vec::new() }
    }
}

impl Program for Duty {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        let Some(agent) = self.agent.clone() else {
            if event == Event::Started {
                call.reject(403);
            }
            return Next::Over;
        };
        match event {
            Event::Started => {
                match &self.what {
                    What::Ready => {} // once he has hung up: a call could not ring him before
                    What::Goes => self.words.push(acd::Input::LogOut { agent }.into()),
                    What::Pauses(reason) => {
                        self.words.push(acd::Input::Pause { agent, reason: reason.as_str().into() }.into());
                    }
                }
                call.play(&self.melody, false);
            }
            Event::Played => call.hang_up(Side::Switch, "understood"),
            Event::HungUp => {
                if let What::Ready = self.what {
                    self.words.push(acd::Input::Ready { agent }.into());
                }
                return Next::Over;
            }
            _ => {}
        }
        Next::Wait
    }

    fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }
}
