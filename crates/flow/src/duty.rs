//! An agent dials to say that he is ready, goes, or takes a pause; a short melody says that it was understood.

use std::time::Duration;

use acd::{AgentName, QueueName};
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
    /// To this queue.
    Comes(QueueName),
    Goes,
    /// From this queue.
    Leaves(QueueName),
    Pauses(String),
    /// Needs so much more time after a call.
    WrapsUp(Duration),
    /// Has had a call that came to this.
    Disposes(String),
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
                    What::Ready | What::Comes(_) => {} // once he has hung up: a call could not ring him before
                    What::Leaves(queue) => {
                        let queue = queue.clone();
                        self.words.push(acd::Input::Serve { agent, queue, serves: false }.into());
                    }
                    What::Goes => self.words.push(acd::Input::LogOut { agent }.into()),
                    What::Pauses(reason) => {
                        self.words.push(acd::Input::Pause { agent, reason: reason.as_str().into() }.into());
                    }
                    What::Disposes(disposition) => {
                        let (account, disposition) = (agent.to_string(), disposition.clone());
                        self.words.push(Word::Disposes { account, disposition });
                    }
                    What::WrapsUp(more) => self.words.push(acd::Input::WrapUp { agent, more: *more }.into()),
                }
                call.play(&self.melody, false);
            }
            Event::Played => call.hang_up(Side::Switch, "understood"),
            Event::HungUp => {
                match &self.what {
                    What::Ready => self.words.push(acd::Input::Ready { agent }.into()),
                    What::Comes(queue) => {
                        let queue = queue.clone();
                        self.words.push(acd::Input::Serve { agent, queue, serves: true }.into());
                    }
                    What::Goes | What::Leaves(_) | What::Pauses(_) | What::WrapsUp(_) | What::Disposes(_) => {}
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
