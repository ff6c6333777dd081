//! A call of the switch's own: somebody is rung first, and whoever answers is its caller.
//!
//! Where it stands: the switch says whom to ring and where the call goes then. Until somebody answers, the caller's leg is
//! nobody's, and the program that has the call is not asked; from then on it is a call like all others. If nobody does, the
//! program hears [`Event::Unreached`] and nothing else.

use std::sync::Arc;

use base::{CallId, Time};

use crate::attempt::{Attempt, Dial};
use crate::leg::{Port, State};
use crate::{Call, CallConf, Direction, Do, Event, Leg, NewLeg, What};

/// A call to be made.
#[derive(Debug)]
pub struct Origination {
    /// Its number.
    pub call: CallId,
    /// The caller's leg as long as it is nobody's: its party is who calls, for the phones that ring. It has no port.
    pub nobody: NewLeg,
    /// Who is rung.
    pub first: Dial,
    /// Where it goes then, as somebody would dial it.
    pub called: String,
    /// From where to where.
    pub direction: Direction,
}

impl Call {
    /// Rings somebody, who is the caller once he answers.
    pub fn originate(wanted: Origination, conf: Arc<CallConf>, now: Time) -> Call {
        let Origination { call, nobody, first, called, direction } = wanted;
        let caller = first.targets.first().map_or("", |target| target.party()).to_owned();
        let started = What::Started { caller, called, direction, trunk: None };
        let mut leg = Leg::new(nobody, State::Awaited, &conf);
        leg.port = Port::Home;
        let mut call = Call::begin(call, leg, started, conf, now);
        call.attempt = Some(Attempt::new(now + first.ring));
        call.wish(Do::Find(first.targets));
        call
    }

    /// Is there no caller yet, as those who may become it are still being rung?
    pub fn awaits_caller(&self) -> bool {
        matches!(self.legs[0].state, State::Awaited)
    }

    /// One of those rung has answered: the program has the call, and he is its caller.
    pub(crate) fn caller_answers(&mut self, at: usize) {
        self.legs[0] = self.legs.remove(at); // nobody's leg is gone
        self.falls_quiet();
        self.note(What::Answered);
        self.events.push_back(Event::Started);
    }
}
