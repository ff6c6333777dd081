//! What people want of the calls to them: who says so, where a number leads, and what is kept.

use std::sync::Arc;

use base::Time;
use flow::Wishes;
use route::{Caller, Destination, Wish};

use super::{Output, Switch};

impl Switch {
    /// What people want.
    pub fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// What they wanted when the switch was last there.
    pub fn remember_wishes(&mut self, wishes: Wishes) {
        self.wishes = Arc::new(wishes);
        self.keep_wishes();
    }

    /// Is there such a person?
    pub fn is_person(&self, account: &str) -> bool {
        self.flow_conf.people.contains_key(account)
    }

    /// A person wants this from now. `number`: where calls are to go, as he would dial it. The error is the SIP status that
    /// says why not.
    pub fn wants(
        &mut self,
        account: &str,
        wish: Wish,
        number: &str,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<(), u16> {
        if !self.is_person(account) {
            return Err(404);
        }
        if let Wish::WhenFree(waits) = wish {
            return self.waits_for(account, number, waits, now);
        }
        let forward = match wish {
            Wish::Quiet(_) | Wish::ForwardNone | Wish::WhenFree(_) => None,
            Wish::Forward(case) => Some((case, self.forwarded(account, number, now)?)),
        };
        let to = forward.as_ref().map(|(_, to)| to.to_string());
        let kept = Arc::make_mut(&mut self.wishes);
        match (wish, forward) {
            (Wish::Quiet(quiet), _) => kept.quieten(account, quiet),
            (_, Some((case, to))) => kept.forward(account, case, to),
            (_, None) => kept.forward_none(account),
        }
        out.push(Output::Wish { account: account.to_owned(), wish, to });
        Ok(())
    }

    /// Where calls would go: to somebody or something that takes them, outside only as he himself may call.
    fn forwarded(&mut self, account: &str, number: &str, now: Time) -> Result<Destination, u16> {
        let found = self.leads(&Caller::person(account), number, now);
        match found.destination {
            Destination::Reject(status) => Err(status),
            Destination::Person(person) if person == account => Err(403), // round and round
            Destination::Trunk(trunk) => Ok(Destination::Number { trunk, number: found.number }),
            to @ (Destination::Person(_)
            | Destination::Group(_)
            | Destination::Queue(_)
            | Destination::Menu(_)
            | Destination::Voicemail(_)
            | Destination::Play(_)
            | Destination::Number { .. }) => Ok(to),
            _ => Err(403),
        }
    }

    /// Whoever is no more wants nothing.
    pub(super) fn keep_wishes(&mut self) {
        let people = &self.flow_conf.people;
        Arc::make_mut(&mut self.wishes).keep(|account| people.contains_key(account));
    }
}
