//! User-to-User (RFC 7433), where calls and trunks meet: what one party's application tells the other's while it rings, when
//! it answers, by a re-INVITE, and when it hangs up.
//!
//! Where it stands: the endpoint tells what came just before what the message means for its leg. Here the other leg is
//! found that a message goes to on account of it, and whether the trunks between let it pass; phones tell each other what
//! they like. What INVITEs say is `trunks`' and `calls`' business.

use base::{CallId, LegId, Time};
use sip::{Command, End, Event};

use super::{Output, Switch};

impl Switch {
    /// A leg says something, perhaps with words for the other party's application beside it.
    pub(super) fn leg_says(
        &mut self,
        (leg, event): (LegId, Event),
        beside: Option<Vec<String>>,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        self.tell_trunks(trunk::Input::Leg(&event), now, out);
        let Some(call) = self.legs.get(&leg).copied() else { return };
        if !self.journeys.contains_key(&call) {
            return drop(self.tell_beside(call, call::Input::Sip(event), now, out));
        }
        let told = self.passes_on(call, leg, &event, beside, now);
        let by_itself = told.filter(|_| matches!(event, Event::Offered { .. }));
        self.step(call, now, out, |journey| journey.handle(call::Input::Sip(event), now));
        if let Some(partner) = by_itself {
            self.step(call, now, out, |journey| journey.offer_again(partner, now));
        }
    }

    /// Gives what came beside an event to the leg that hears of that. Returns it, if there is something to be told.
    fn passes_on(
        &mut self,
        id: CallId,
        from: LegId,
        event: &Event,
        beside: Option<Vec<String>>,
        now: Time,
    ) -> Option<LegId> {
        let running = self.journeys.get_mut(&id).filter(|running| beside.is_some() || running.told_beside)?;
        let call = running.journey.call();
        let to = match event {
            Event::Ringing { .. } | Event::Answered { .. } | Event::Ended { end: End::Refused(_), .. }
                if call.awaits_answer() =>
            {
                call.caller().id
            }
            Event::Offered { .. } | Event::Ended { end: End::Bye, .. } => call.partner(from)?,
            _ => return None,
        };
        let passes = |leg: LegId| {
            let trunk = call.legs().iter().find(|one| one.id == leg).and_then(|one| one.party.trunk.as_deref());
            trunk.is_none_or(|trunk| self.trunks.passes_user_to_user(trunk))
        };
        let said = beside.filter(|_| passes(from) && passes(to)).unwrap_or_default();
        running.told_beside = !said.is_empty();
        let told = (!said.is_empty()).then_some(to);
        let command = sip::Input::Command(Command::UserToUser { leg: to, said });
        self.endpoint.handle(command, now, &mut self.heard);
        told
    }
}
