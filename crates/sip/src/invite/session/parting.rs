//! The end of a session: from the moment we want no more of it until the other side has heard our BYE (RFC 3261 §15).
//!
//! Where it stands: [`super::Session`] is in it once those above have heard that the leg is over. It decides only when the
//! BYE may be said.

use std::time::Duration;

use base::Time;
use rsip::Method;

use super::super::{Input, Output, answer, reason};
use super::Acceptance;
use crate::dialog::Dialog;

/// How far it has come.
#[derive(Debug)]
pub enum Parting {
    /// Our 200 has no ACK yet: a BYE may not overtake it (RFC 3261 §15).
    Unacknowledged {
        /// The 200.
        ok: Acceptance,
        /// What the BYE will say of the reason.
        status: Option<u16>,
    },
    /// The last word of a transfer has no answer yet: a BYE that overtakes it ends what it belongs to.
    Untold {
        /// What the BYE will say of the reason.
        status: Option<u16>,
        /// So long it waits.
        until: Time,
    },
    /// Our BYE waits for its answer.
    Leaving,
}

/// So long a BYE waits for the answer to a NOTIFY: one repeat of each may be lost.
const LAST_WORD_TIME: Duration = Duration::from_secs(2);

impl Parting {
    /// Says BYE, or, where something of a transfer is still `untold`, soon.
    pub fn new(status: Option<u16>, untold: bool, dialog: &mut Dialog, now: Time, out: &mut Vec<Output>) -> Parting {
        if untold {
            return Parting::Untold { status, until: now + LAST_WORD_TIME };
        }
        Parting::at_once(status, dialog, out)
    }

    /// Says BYE.
    pub fn at_once(status: Option<u16>, dialog: &mut Dialog, out: &mut Vec<Output>) -> Parting {
        let mut request = dialog.request(Method::Bye);
        if let Some(status) = status {
            request.headers.push(crate::Name::Reason, reason(status));
        }
        out.push(Output::Request { request, to: dialog.flow });
        Parting::Leaving
    }

    /// Tells it what happened; nothing is left of it once both sides know. `untold`: something of a transfer is.
    pub fn handle(
        self,
        input: Input<'_>,
        untold: bool,
        dialog: &mut Dialog,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Option<Parting> {
        use Parting::*;
        Some(match (self, input) {
            (_, Input::Request { transaction, request }) if request.method == Method::Bye => {
                answer(transaction, request, 200).push(out);
                return None;
            }
            (state, Input::Request { transaction, request }) => {
                answer(transaction, request, 481).push(out);
                state
            }
            (Unacknowledged { ok, status }, Input::Ack { request }) if ok.is_heard_by(request) => {
                Parting::at_once(status, dialog, out)
            }
            (Unacknowledged { mut ok, status }, Input::Tick) => {
                if ok.again(now, out) {
                    Unacknowledged { ok, status }
                } else {
                    Parting::at_once(status, dialog, out)
                }
            }
            (Untold { status, until }, _) if !untold || now >= until => Parting::at_once(status, dialog, out),
            (Leaving, Input::Response { method: Method::Bye, response, .. }) if response.is_final() => return None,
            (Leaving, Input::TimedOut { method: Method::Bye } | Input::Lost { method: Method::Bye, .. }) => {
                return None;
            }
            (state, _) => state, // late or repeated
        })
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        match self {
            Parting::Unacknowledged { ok, .. } => Some(ok.deadline()),
            Parting::Untold { until, .. } => Some(*until),
            Parting::Leaving => None,
        }
    }
}
