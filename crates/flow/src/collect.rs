//! Digits are collected into a field: an account number, a postcode, a PIN.

use std::sync::Arc;

use call::{Call, Event};

use crate::asking::Asking;
use crate::{CollectConf, Next, Program};

/// One caller typing.
#[derive(Debug)]
pub(crate) struct Collect {
    conf: Arc<CollectConf>,
    asking: Asking,
}

impl Collect {
    pub(crate) fn new(conf: Arc<CollectConf>) -> Collect {
        Collect { conf, asking: Asking::default() }
    }

    /// Nothing more is typed: is it an answer?
    fn settle(&mut self, call: &mut Call) -> Next {
        let (conf, typed) = (&self.conf, self.asking.typed());
        let is_allowed = conf.allowed.is_empty() || conf.allowed.iter().any(|pattern| pattern.matches(typed));
        if typed.chars().count() >= conf.min && is_allowed {
            call.set_field(&conf.into, typed);
            return Next::Go(conf.then.clone());
        }
        match self.asking.missed(&conf.question, call) {
            true => Next::Go(conf.otherwise.clone()),
            false => Next::Wait,
        }
    }
}

impl Program for Collect {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        let question = &self.conf.question;
        match event {
            Event::Started => self.asking.ask(question, call),
            Event::Key(key) if self.asking.takes(key, call) => {
                if self.conf.end == Some(key) {
                    self.asking.take_back();
                    return self.settle(call);
                }
                if self.asking.typed().chars().count() >= self.conf.max {
                    return self.settle(call);
                }
                call.listen(question.key_gap);
            }
            Event::Played => self.asking.played(question, call),
            Event::NoKey if self.asking.is_answering() => self.asking.ask(question, call),
            Event::NoKey => return self.settle(call),
            Event::HungUp | Event::Unreached(_) => return Next::Over,
            Event::Key(_)
            | Event::Woken
            | Event::Connected
            | Event::NotConnected(_)
            | Event::PickedUp { .. }
            | Event::PartyRefused { .. }
            | Event::HandedOn
            | Event::TakenOver
            | Event::Quiet
            | Event::Paged
            | Event::Unpaged
            | Event::HandedBack
            | Event::PartyLeft(_) => {}
        }
        Next::Wait
    }
}
