//! Where phones are, over a restart.

use base::Time;
use sip::{Event, KeptBinding};

use super::{Output, Switch};

impl Switch {
    /// What was kept of an account's phones when the switch was last there.
    pub fn remember_phones(&mut self, account: &str, kept: Vec<KeptBinding>, now: Time) {
        self.endpoint.restore(account, kept, self.clock, now);
    }

    pub(super) fn keep_phones(&mut self, event: &Event, out: &mut Vec<Output>) {
        if let Event::Registered { account, .. } | Event::Unregistered { account, .. } = event
            && let Some(kept) = self.endpoint.news_to_keep(account, self.clock)
        {
            out.push(Output::Phones { account: account.clone(), kept });
        }
    }
}
