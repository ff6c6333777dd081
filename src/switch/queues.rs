//! What calls say to the queues, and what the queues answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base::Time;

use super::{Output, Switch};

impl Switch {
    /// Tells the queues what somebody wants of them who sits at a terminal.
    pub fn command_queues(&mut self, word: acd::Input, now: Time, out: &mut Vec<Output>) {
        self.tell_queues(word, now, out);
        self.hear_out(now, out);
    }

    /// Tells the queues, and each call what they say about it.
    pub(super) fn tell_queues(&mut self, word: acd::Input, now: Time, out: &mut Vec<Output>) {
        let mut said = Vec::new();
        if catch_unwind(AssertUnwindSafe(|| self.acd.handle(word, now, &mut said))).is_err() {
            out.push(Output::Fault);
        }
        for word in said {
            match word {
                acd::Output::Fact(fact) => {
                    self.seen.queues(&fact);
                    out.push(Output::Queue(fact));
                }
                acd::Output::Joined { call, .. }
                | acd::Output::Stands { call, .. }
                | acd::Output::Offer { call, .. }
                | acd::Output::Withdraw { call, .. }
                | acd::Output::Left { call, .. } => {
                    self.step(call, now, out, |journey| journey.told(&word, now));
                }
            }
        }
    }

    /// An agent whose last phone is gone cannot be rung.
    pub(super) fn phone_is_gone(&mut self, event: &sip::Event, now: Time) {
        if let sip::Event::Unregistered { account, .. } = event
            && self.endpoint.bindings(account, now).is_empty()
            && let Ok(agent) = account.parse()
        {
            self.words.push_back(acd::Input::PhoneGone { agent });
        }
    }
}
