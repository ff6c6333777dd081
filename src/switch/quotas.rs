//! What people may use, where calls begin and go outside.

use std::collections::BTreeMap;

use base::{CallId, Time};
use jiff::Timestamp;
use route::{Caller, Moment, When};

use super::{Output, Switch};
use crate::quotas::{Over, Used};

impl Switch {
    /// May this person make one more call? Trunks have limits of their own.
    pub(super) fn may_begin(
        &mut self,
        call: CallId,
        by: &Caller,
        called: &str,
        now: Time,
        out: &mut Vec<Output>,
    ) -> bool {
        let route::From::Person(account) = &by.from else { return true };
        let begun = self.quotas.begin(call, account, called, now);
        out.extend(begun.err().and_then(|over| told(over, account)));
        begun.is_ok()
    }

    /// May this call go out to that number, on the account of who sends it there? Else the status that says no.
    pub(super) fn may_go_outside(
        &mut self,
        call: CallId,
        number: &str,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<(), u16> {
        let by = self.journeys.get(&call).and_then(|running| running.by.clone());
        let Some(account) = by else { return Ok(()) };
        let at = Timestamp::from_millisecond(self.clock.unix_ms(now)).unwrap_or_default();
        let moment = Moment { at, switches: &self.switches, chance: 0 };
        let holds = |when: &When| self.routes.is_open(&when.hours, moment) == when.open;
        let Err(over) = self.quotas.outside(call, &account, number, holds, now) else { return Ok(()) };
        out.extend(told(over, &account));
        if over.blocks {
            out.push(Output::Blocked { account: account.clone() });
            self.end_outside(&account, Some(call), now, out);
        }
        Err(403)
    }

    /// Minutes outside may be used up while they are talked.
    pub(super) fn count_minutes(&mut self, now: Time, out: &mut Vec<Output>) {
        for account in self.quotas.minutes_used_up(now) {
            out.push(Output::OverLimit { account: account.clone(), limit: "outside_minutes_per_day" });
            self.end_outside(&account, None, now, out);
        }
    }

    /// What people have used of what they may, and who is blocked, for the next start.
    pub fn used(&self, now: Time) -> BTreeMap<&str, Used> {
        self.quotas.used(self.clock, now)
    }

    /// The same of the last one.
    pub fn remember_used(&mut self, kept: BTreeMap<String, Used>, now: Time) {
        self.quotas.remember(kept, self.clock, now);
    }

    /// Those whose calls go outside no more, having been refused too often.
    pub fn blocked(&self) -> Vec<&str> {
        self.quotas.blocked()
    }

    /// All but one, which is being asked about.
    fn end_outside(&mut self, account: &str, but: Option<CallId>, now: Time, out: &mut Vec<Output>) {
        for call in self.quotas.outside_of(account).into_iter().filter(|call| Some(*call) != but) {
            self.step(call, now, out, |journey| journey.hang_up("limits", now));
        }
    }
}

fn told(over: Over, account: &str) -> Option<Output> {
    over.is_news.then(|| Output::OverLimit { account: account.to_owned(), limit: over.limit })
}
