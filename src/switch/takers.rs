//! Who takes a waiting caller out of a queue by phone: which one is meant, and may he?

use std::sync::Arc;

use base::{CallId, Time};
use sip::{Incoming, Origin};

use super::{Output, Switch};

impl Switch {
    /// Somebody dialled to talk with the caller at this place of a queue; without a place, with the one at its head. The queues
    /// are told once he does.
    pub(super) fn takes(&mut self, incoming: Incoming, queue: &str, place: &str, now: Time, out: &mut Vec<Output>) {
        let (call, by) = match self.taken(&incoming.origin, queue, place) {
            Ok(found) => found,
            Err(status) => return self.reject(incoming.leg, status, now),
        };
        let offer = incoming.sdp.clone();
        let id = incoming.leg;
        let Some(leg) = self.comes_into(call, incoming, now, out) else { return };
        self.step(call, now, out, |journey| journey.retrieve(leg, offer, now));
        if self.journeys.get(&call).is_some_and(|running| running.journey.call().talks(id)) {
            self.words.push_back(acd::Input::Taken { call, by });
        }
    }

    /// The call that waits there, and who wants it: an agent of that queue, or who may hear one.
    fn taken(&self, origin: &Origin, queue: &str, place: &str) -> Result<(CallId, Arc<str>), u16> {
        let Origin::Account(account) = origin else { return Err(403) };
        let agents = &self.flow_conf.queues.get(queue).ok_or(404_u16)?.agents;
        let may =
            |agent: &acd::AgentName| agent.as_str() == account || self.directory.supervises(account, agent.as_str());
        if !agents.iter().any(may) {
            return Err(403);
        }
        let place = if place.is_empty() { Ok(1) } else { place.parse() };
        let queue = queue.parse().map_err(|_| 404_u16)?;
        let call = place.ok().and_then(|place| self.acd.waits_at(&queue, place)).ok_or(404_u16)?;
        Ok((call, account.as_str().into()))
    }
}
