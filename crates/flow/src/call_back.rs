//! Calling somebody back: what runs the calls that the switch makes for that.
//!
//! Where it stands: the switch begins such a call once `acd` has found an agent for a wish. Where the customer is called first
//! the program is the queue's own (`queue.rs`), entered by somebody who was away; where the agent is, it is the one here.

use std::time::Duration;

use acd::{AgentName, CallBackInput, EndedBy, QueueName, Refusal};
use base::CallId;
use call::{Call, Dial, Event, Side, Target, What};

use crate::{Next, Program, Word};

/// What a call of ours is made for.
#[derive(Clone, Debug)]
pub enum CallingBack {
    /// The customer is rung first: he comes back to this queue, in which he waits already.
    Customer {
        /// Which.
        queue: QueueName,
    },
    /// The agent is rung first.
    Agent {
        /// The queue's entry he is rung for.
        entry: CallId,
        /// The queue.
        queue: QueueName,
        /// Who.
        agent: AgentName,
        /// The customer,
        target: Target,
        /// and how long his phone rings.
        dial: Duration,
    },
}

/// An agent, who hears the customer's phone ring.
#[derive(Debug)]
pub(crate) struct OutCall {
    entry: CallId,
    queue: QueueName,
    agent: AgentName,
    target: Target,
    dial: Duration,
    state: State,
    words: Vec<Word>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The agent's phone rings.
    Rings,
    /// The customer's does.
    Dials,
    /// The customer was not reached.
    Failed,
    Talks,
    Over,
}

impl OutCall {
    pub(crate) fn new(entry: CallId, queue: QueueName, agent: AgentName, target: Target, dial: Duration) -> OutCall {
        OutCall { entry, queue, agent, target, dial, state: State::Rings, words: Vec::new() }
    }

    fn ended(&mut self, by: EndedBy) {
        self.words.push(acd::Input::Ended { call: self.entry, by }.into());
        self.state = State::Over;
    }

    fn tell(&mut self, word: CallBackInput) {
        self.words.push(Word::CallBack(word));
    }
}

impl Program for OutCall {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        let (entry, agent) = (self.entry, self.agent.clone());
        match (&self.state, event) {
            (State::Rings, Event::Started) => {
                call.queued(self.queue.as_str());
                call.unqueued("answered");
                self.words.push(acd::Input::Answered { call: entry, agent }.into());
                self.state = State::Dials;
                call.dial(Dial { targets: vec![self.target.clone()], ring: self.dial });
            }
            (State::Rings, Event::Unreached(status)) => {
                let rang = call.facts().iter().any(|fact| matches!(fact.what, What::Dialled { .. }));
                let how = match status {
                    486 | 600 => Refusal::Busy,
                    _ if !rang => Refusal::Unreachable,
                    603 => Refusal::Declined,
                    _ => Refusal::NoAnswer,
                };
                self.words.push(acd::Input::Refused { call: entry, agent, how }.into());
                self.state = State::Over;
                return Next::Over;
            }
            (State::Dials, Event::Connected) => {
                self.tell(CallBackInput::Reached { entry });
                self.state = State::Talks;
            }
            (State::Dials, Event::NotConnected(status)) => {
                self.tell(CallBackInput::Unreached { entry, status });
                self.state = State::Failed;
                call.hang_up(Side::Switch, "not reached");
            }
            (State::Dials, Event::HungUp) => {
                self.tell(CallBackInput::Left { entry });
                self.ended(EndedBy::Agent);
                return Next::Over;
            }
            (State::Failed, Event::HungUp) => {
                self.ended(EndedBy::Switch);
                return Next::Over;
            }
            (State::Talks, Event::PartyLeft(cause)) => {
                self.ended(EndedBy::Caller);
                call.hang_up(Side::Agent, cause);
                return Next::Over;
            }
            (State::Talks, Event::HungUp) => {
                self.ended(EndedBy::Agent);
                return Next::Over;
            }
            _ => {}
        }
        Next::Wait
    }

    fn handed_on(&mut self, _call: &Call) {
        if self.state == State::Talks {
            self.ended(EndedBy::Agent);
        }
    }

    fn told(&mut self, word: &acd::Output, call: &mut Call) -> Next {
        if self.state == State::Rings && matches!(word, acd::Output::Withdraw { .. } | acd::Output::Left { .. }) {
            self.state = State::Over;
            call.hang_up(Side::Switch, "withdrawn");
        }
        Next::Wait
    }

    fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }
}
