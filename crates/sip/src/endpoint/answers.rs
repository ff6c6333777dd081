//! What comes back: each answer finds who waits for it, and so does the silence.
//!
//! Where it stands: the other half of `door`. A transaction says whose it is; a leg, a request of the rooms above, a
//! subscription or a text hears of it once.

use base::Time;

use super::transactions::{Heard, Owner};
use super::{End, Endpoint, Output};
use crate::invite::{self, TurnDown, Usage};
use crate::{Flow, Method, Name, Response, subscribe};

impl Endpoint {
    pub(super) fn response(&mut self, response: &Response, flow: Flow, now: Time, out: &mut Vec<Output>) {
        // RFC 3261 §8.1.3.3: one with more Vias than ours went astray.
        if response.headers.all(&Name::Via).count() != 1 {
            return;
        }
        if let Some(heard) = self.transactions.response(response, now, out) {
            let pressed = response.headers.first(&Name::Via).is_some_and(|via| via.contains(";oc="));
            if let Some(via) = response.headers.via().filter(|_| pressed) {
                self.overload.heard(&via, flow.remote, now);
            }
            let meant = match heard {
                Heard::News { invite, .. } => self.transactions.meant(invite),
                _ => None,
            };
            self.heard(heard, Some((response, meant.unwrap_or(flow))), now, out);
        }
    }

    /// A transaction has something for its owner.
    pub(super) fn heard(
        &mut self,
        heard: Heard,
        response: Option<(&Response, Flow)>,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        match (heard, response) {
            (Heard::News { owner: Some(Owner::Subscription(id)), .. }, Some((response, _))) => {
                self.tell_watcher(id, subscribe::Input::Answered { response }, now, out);
            }
            (Heard::News { owner: Some(Owner::Text(text)), .. }, Some((response, _))) => {
                self.text_is_answered(text, response.status, now, out);
            }
            (Heard::News { owner, invite }, Some((response, flow))) => {
                let leg = match owner {
                    Some(Owner::Request(id)) => return self.answered(id, response, flow, now, out),
                    owner => owner.and_then(Owner::leg),
                };
                let method = response.cseq().and_then(|(_, name)| crate::method_named(name)).unwrap_or(Method::Invite);
                if let Some(Usage::Uac(uac)) = leg.and_then(|leg| self.legs.usage(leg))
                    && let Some(credentials) = uac.credentials()
                {
                    self.challenged.hear(response, flow.remote, credentials, method);
                }
                if method == Method::Invite && (101..300).contains(&response.status) {
                    self.foresee(&response.headers, true, flow, now, out);
                }
                match leg.filter(|leg| self.legs.get(*leg).is_some()) {
                    Some(leg) if method == Method::Invite => {
                        self.tell_of(leg, Some(invite), invite::Input::Response { method, response, flow }, now, out);
                    }
                    Some(leg) => self.tell(leg, invite::Input::Response { method, response, flow }, now, out),
                    // The leg is over, but one more branch of its fork has picked up.
                    None if method == Method::Invite && response.is_success() => {
                        if let Some(turn_down) = TurnDown::of(response, flow) {
                            self.turn_down(invite, turn_down, now, out);
                        }
                    }
                    None => {}
                }
            }
            (Heard::TimedOut { owner: Some(Owner::Request(id)), .. }, _) => self.unanswered(id, 408, out),
            (Heard::TimedOut { owner: Some(Owner::Leg(leg)), method }, _) => {
                self.tell(leg, invite::Input::TimedOut { method }, now, out);
            }
            (Heard::TimedOut { owner: Some(Owner::Text(text)), .. }, _) => self.text_is_answered(text, 480, now, out),
            (Heard::TimedOut { owner: Some(Owner::Subscription(id)), .. }, _) => {
                self.tell_watcher(id, subscribe::Input::Unheard, now, out);
            }
            (heard, _) => self.lost(heard, End::Refused(503), now, out),
        }
    }

    pub(super) fn lost(&mut self, heard: Heard, end: End, now: Time, out: &mut Vec<Output>) {
        match heard {
            Heard::Lost { owner: Some(Owner::Leg(leg)), method } => {
                self.tell(leg, invite::Input::Lost { method, end }, now, out);
            }
            Heard::Lost { owner: Some(Owner::Request(id)), .. } => self.unanswered(id, 503, out),
            Heard::Lost { owner: Some(Owner::Text(text)), .. } => self.text_is_answered(text, 480, now, out),
            Heard::Lost { owner: Some(Owner::Subscription(id)), .. } => {
                self.tell_watcher(id, subscribe::Input::Unheard, now, out);
            }
            _ => {}
        }
    }
}
