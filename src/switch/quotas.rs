//! What people may use, where calls begin and go outside.

use base::{CallId, Time};
use route::Caller;

use super::{Output, Switch};
use crate::quotas::Over;

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
        self.quotas.outside(call, &account, number, now).map_err(|over| {
            out.extend(told(over, &account));
            403
        })
    }
}

fn told(over: Over, account: &str) -> Option<Output> {
    over.is_news.then(|| Output::OverLimit { account: account.to_owned(), limit: over.limit })
}
