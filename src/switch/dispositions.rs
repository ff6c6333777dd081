//! What calls came to, where it is said: of the call somebody talks in, or of the last one he had.

use std::collections::{BTreeMap, HashMap};

use base::{CallId, Time};
use call::{Actor, Call, Disposed, Disposition, Fact, How, What};

use super::{Output, Switch};

/// The last call each person talked in, once it is over.
pub(super) type LastCalls = HashMap<String, LastCall>;

/// One that is over.
#[derive(Clone, Debug)]
pub(super) struct LastCall {
    call: CallId,
    recordings: Vec<String>,
    said: Vec<Disposition>,
}

impl Switch {
    /// Somebody says what his call came to: the one he talks in, or his last. Nothing: he has had none.
    pub fn dispose(
        &mut self,
        account: &str,
        (disposition, note): (Option<String>, Option<String>),
        actor: Actor,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Option<CallId> {
        let said = Disposed { disposition, note, actor };
        let talks = |call: &Call| {
            let theirs = |leg: &&call::Leg| leg.party.account.as_deref() == Some(account) && call.talks(leg.id);
            call.legs().iter().any(|leg| theirs(&leg))
        };
        let standing = self.journeys.iter().find(|(_, running)| talks(running.journey.call())).map(|(id, _)| *id);
        if let Some(call) = standing {
            self.step(call, now, out, |journey| journey.dispose(said, now));
            return Some(call);
        }
        let at = call::date(self.clock, now);
        let last = self.last_calls.get_mut(account)?;
        if last.said.len() >= SAID_MAX {
            return None;
        }
        last.said.push(Disposition { at, said: said.clone() });
        let LastCall { call, recordings, said: all } = last.clone();
        let by_others = self.last_calls.values_mut().filter(|other| other.call == call);
        by_others.for_each(|other| other.said.clone_from(&all));
        let fact = Fact { at: now, what: What::Disposed(said) };
        out.push(Output::Disposed { call, fact, recordings, said: all });
        Some(call)
    }

    /// What calls may come to, by code.
    pub fn dispositions(&self) -> &BTreeMap<String, String> {
        &self.flow_conf.dispositions
    }

    /// What programs say of the calls of those who dial.
    pub(super) fn disposes(&mut self, account: &str, disposition: String, now: Time, out: &mut Vec<Output>) {
        let actor = Actor { by: account.to_owned(), how: How::Key };
        self.dispose(account, (Some(disposition), None), actor, now, out);
    }

    /// Remembers a call that is over as the last one of those who talked in it.
    pub(super) fn was_last(last_calls: &mut LastCalls, call: &Call, recordings: &[String], said: &[Disposition]) {
        let talked = call.facts().iter().filter_map(|fact| match fact.what {
            What::Connected { leg, .. } => Some(leg),
            _ => None,
        });
        let talked: Vec<_> = talked.collect();
        if talked.is_empty() {
            return;
        }
        let parties = call.legs().iter().enumerate().filter(|(at, leg)| *at == 0 || talked.contains(&leg.id));
        for account in parties.filter_map(|(_, leg)| leg.party.account.clone()) {
            let last = LastCall { call: call.id(), recordings: recordings.to_vec(), said: said.to_vec() };
            last_calls.insert(account, last);
        }
    }
}

/// More is not said of one call.
const SAID_MAX: usize = 100;
