//! Those who found somebody busy and want to be rung when he is free, and then brought to him.
//!
//! Where it stands: what calls do is seen by `watchers.rs`; whenever it looks different, those who wait are looked at. They are
//! kept over a restart.

use std::collections::VecDeque;
use std::time::Duration;

use base::{CallId, Time};
use route::{Caller, Destination};
use serde::{Deserialize, Serialize};

use super::{Output, Switch};

/// Those who wait, the oldest first.
#[derive(Debug, Default)]
pub(super) struct WhenFree {
    waiting: VecDeque<Waiting>,
    /// The calls made for them that may still ring or be answered: nobody else is rung for the same person meanwhile.
    made: Vec<(String, CallId)>,
    /// Somebody may have become free.
    pub(super) is_due: bool,
    /// It is to be kept as it is now.
    has_changed: bool,
}

#[derive(Debug)]
struct Waiting {
    who: String,
    /// For whom,
    person: String,
    /// as he was dialled.
    number: String,
    until: Time,
}

/// One who waits, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptWaiting {
    who: String,
    person: String,
    number: String,
    until_unix_ms: i64,
}

/// Nobody waits for longer.
const PATIENCE: Duration = Duration::from_secs(45 * 60);
/// So many wait in all,
const WAITING_MAX: usize = 1000;
/// and so many people one waits for.
const WAITING_FOR_MAX: usize = 5;

impl Switch {
    /// A person wants to be rung when the one with this number is free; or never mind.
    pub(super) fn waits_for(&mut self, account: &str, number: &str, waits: bool, now: Time) -> Result<(), u16> {
        if !waits {
            self.when_free.waiting.retain(|one| one.who != account);
            self.when_free.has_changed = true;
            return Ok(());
        }
        let person = match self.leads(&Caller::person(account), number, now).destination {
            Destination::Person(person) if person != account => person,
            Destination::Reject(status) => return Err(status),
            _ => return Err(404), // of nothing else is it known whether it is free
        };
        let waiting = &mut self.when_free.waiting;
        waiting.retain(|one| one.until > now && !(one.who == account && one.person == person));
        let own = waiting.iter().filter(|one| one.who == account).count();
        if waiting.len() >= WAITING_MAX || own >= WAITING_FOR_MAX {
            return Err(503);
        }
        let (who, number) = (account.to_owned(), number.to_owned());
        waiting.push_back(Waiting { who, person, number, until: now + PATIENCE });
        self.when_free.has_changed = true;
        Ok(())
    }

    /// Who waited when the switch was last there, as it was [kept](Output::WhenFree).
    pub fn remember_when_free(&mut self, kept: Vec<KeptWaiting>, now: Time) {
        let now_ms = self.clock.unix_ms(now);
        let waits = |one: KeptWaiting| {
            let left = u64::try_from(one.until_unix_ms - now_ms).ok()?;
            let until = now + Duration::from_millis(left).min(PATIENCE);
            Some(Waiting { who: one.who, person: one.person, number: one.number, until })
        };
        self.when_free.waiting.extend(kept.into_iter().take(WAITING_MAX).filter_map(waits));
        self.when_free.is_due = true;
    }

    /// Says what is to be kept, if that has changed.
    fn keep_who_waits(&mut self, out: &mut Vec<Output>) {
        if std::mem::take(&mut self.when_free.has_changed) {
            let kept = |one: &Waiting| KeptWaiting {
                who: one.who.clone(),
                person: one.person.clone(),
                number: one.number.clone(),
                until_unix_ms: self.clock.unix_ms(one.until),
            };
            out.push(Output::WhenFree { kept: self.when_free.waiting.iter().map(kept).collect() });
        }
    }

    /// Rings those who waited for somebody who is free now, and are free themselves.
    pub(super) fn rings_who_waited(&mut self, now: Time, out: &mut Vec<Output>) {
        if !self.closing {
            self.rings_those(now, out); // a switch that ends leaves them to the next start
        }
        self.keep_who_waits(out);
    }

    fn rings_those(&mut self, now: Time, out: &mut Vec<Output>) {
        while std::mem::take(&mut self.when_free.is_due) && !self.when_free.waiting.is_empty() {
            let journeys = &self.journeys;
            self.when_free.made.retain(|(_, call)| journeys.contains_key(call));
            self.when_free.waiting.retain(|one| one.until > now);
            let is_ready = |one: &Waiting| {
                let is_taken = self.when_free.made.iter().any(|(person, _)| *person == one.person);
                !is_taken && self.is_free(&one.person, now) && self.is_free(&one.who, now)
            };
            let Some(at) = self.when_free.waiting.iter().position(is_ready) else { return };
            let Some(one) = self.when_free.waiting.remove(at) else { return };
            self.when_free.has_changed = true;
            if let Ok(call) = self.dial(&one.who, &one.who, &one.number, false, now, out) {
                self.when_free.made.push((one.person, call));
            }
            self.when_free.is_due = true; // others may have waited for others
        }
    }

    fn is_free(&self, person: &str, now: Time) -> bool {
        let is_there = !self.endpoint.bindings(person, now).is_empty();
        is_there && !self.seen.talks(person) && !self.wishes.is_quiet(person)
    }
}
