//! Answered, until both have hung up (RFC 3261 §13.3.1.4, §14, §15).

use base::{LegId, Time};
use bytes::Bytes;
use rsip::Method;

use super::{Asked, Input, Output, SDP, TransactionId, TurnDown, Usage, answer, answer_small, reason, sdp_of};
use crate::dialog::{Dialog, tag};
use crate::endpoint::{End, Event};
use crate::transaction::{PATIENCE, Repeat};
use crate::{Flow, Name, Request, Response};

/// A dialog with a session.
#[derive(Debug)]
pub struct Session {
    leg: LegId,
    /// Its dialog.
    pub(super) dialog: Dialog,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Both know that they talk, and about what.
    Standing,
    /// They want another session; those above have to answer.
    Offered { asked: Asked },
    /// Our 200 waits for its ACK.
    Answered { ok: Unheard },
    /// We hung up, but may not say so before the ACK has come (RFC 3261 §15).
    Parting { ok: Unheard, status: Option<u16> },
    /// Our BYE waits for its answer.
    Leaving,
}
use State::*;

/// A 200 to an INVITE, said again until its ACK comes: the transaction does not (RFC 3261 §13.3.1.4).
#[derive(Debug)]
struct Unheard {
    transaction: TransactionId,
    cseq: u32,
    bytes: Bytes,
    repeat: Repeat,
    until: Time,
}

impl Unheard {
    fn new(asked: &Asked, flow: Flow, sdp: Bytes, now: Time, out: &mut Vec<Output>) -> Unheard {
        let bytes = asked.response(200, flow, Some(sdp)).to_bytes();
        let (transaction, cseq) = (asked.transaction, asked.cseq);
        out.push(Output::Respond { transaction, status: 200, bytes: bytes.clone() });
        Unheard { transaction, cseq, bytes, repeat: Repeat::new(asked.is_safe(flow), now), until: now + PATIENCE }
    }

    fn again(&mut self, now: Time, out: &mut Vec<Output>) {
        if now >= self.repeat.at {
            self.repeat = self.repeat.slower(now);
            out.push(Output::Respond { transaction: self.transaction, status: 200, bytes: self.bytes.clone() });
        }
    }

    fn is_heard_by(&self, ack: &Request) -> bool {
        ack.cseq().is_some_and(|(cseq, _)| cseq == self.cseq)
    }
}

impl Session {
    /// We answer their INVITE.
    pub fn answered(leg: LegId, dialog: Dialog, asked: Asked, sdp: Bytes, now: Time, out: &mut Vec<Output>) -> Session {
        let ok = Unheard::new(&asked, dialog.flow, sdp, now, out);
        Session { leg, dialog, state: Answered { ok } }
    }

    /// They answered our INVITE.
    pub fn agreed(leg: LegId, response: &Response, flow: Flow, out: &mut Vec<Output>) -> Usage {
        let (sdp, dialog) = (sdp_of(&response.headers, &response.body), Dialog::uac(response, flow));
        match (sdp, dialog) {
            (Some(sdp), Some(dialog)) => {
                let tag = dialog.remote_tag.clone();
                out.push(Output::Acknowledge { ack: dialog.ack(dialog.local_cseq()), tag, to: dialog.next_hop() });
                out.push(Output::Event(Event::Answered { leg, sdp }));
                Usage::Session(Box::new(Session { leg, dialog, state: Standing }))
            }
            // RFC 3264 §4: the answer to our offer must be in it. Without one, or without Contact, there is no call.
            _ => {
                out.extend(TurnDown::of(response, flow).map(Output::TurnDown));
                out.push(Output::Event(Event::Ended { leg, end: End::Refused(488) }));
                Usage::Over
            }
        }
    }

    /// Tells it what happened.
    pub fn handle(mut self: Box<Self>, input: Input<'_>, now: Time, out: &mut Vec<Output>) -> Usage {
        let leg = self.leg;
        let event = |out: &mut Vec<Output>, event| out.push(Output::Event(event));
        self.state = match (self.state, input) {
            (Answered { ok }, Input::Ack { request }) if ok.is_heard_by(request) => {
                event(out, Event::Confirmed { leg, sdp: sdp_of(&request.headers, &request.body) });
                Standing
            }
            (Parting { ok, status }, Input::Ack { request }) if ok.is_heard_by(request) => {
                bye(&mut self.dialog, status, out);
                Leaving
            }
            (Answered { ok }, Input::Tick) if now >= ok.until => {
                event(out, Event::Ended { leg, end: End::NoAck });
                bye(&mut self.dialog, None, out);
                Leaving
            }
            (Parting { ok, status }, Input::Tick) if now >= ok.until => {
                bye(&mut self.dialog, status, out);
                Leaving
            }
            (Answered { mut ok }, Input::Tick) => {
                ok.again(now, out);
                Answered { ok }
            }
            (Parting { mut ok, status }, Input::Tick) => {
                ok.again(now, out);
                Parting { ok, status }
            }
            (state, Input::Request { transaction, request }) if request.method == Method::Bye => {
                answer(transaction, request, 200).push(out);
                if let Offered { asked } = &state {
                    asked.respond(487, self.dialog.flow, None, out); // RFC 3261 §15.1.2
                }
                if !matches!(state, Parting { .. } | Leaving) {
                    event(out, Event::Ended { leg, end: End::Bye });
                }
                return Usage::Over;
            }
            (Standing, Input::Request { transaction, request })
                if matches!(request.method, Method::Invite | Method::Update) =>
            {
                let asked = Asked::new(transaction, request, &self.dialog.local_tag);
                let sdp = sdp_of(&request.headers, &request.body);
                self.dialog.refresh(&request.headers);
                match (request.method, &sdp) {
                    (_, None) if !request.body.is_empty() => {
                        answer(transaction, request, 415).with(Name::Accept, SDP).push(out);
                        Standing
                    }
                    (Method::Update, None) => {
                        asked.respond(200, self.dialog.flow, None, out); // keeps a session alive, changes nothing
                        Standing
                    }
                    _ => {
                        event(out, Event::Offered { leg, sdp });
                        Offered { asked }
                    }
                }
            }
            // RFC 3261 §14.2, RFC 3311 §5.2: one at a time.
            (state @ (Offered { .. } | Answered { .. }), Input::Request { transaction, request })
                if matches!(request.method, Method::Invite | Method::Update) =>
            {
                answer(transaction, request, 500).with(Name::RetryAfter, "1").push(out);
                state
            }
            (state @ (Standing | Offered { .. } | Answered { .. }), Input::Request { transaction, request }) => {
                answer_small(leg, transaction, request, out);
                state
            }
            (state @ (Parting { .. } | Leaving), Input::Request { transaction, request }) => {
                answer(transaction, request, 481).push(out);
                state
            }
            (Offered { asked }, Input::Answer { sdp }) if asked.method == Method::Invite => {
                Answered { ok: Unheard::new(&asked, self.dialog.flow, sdp, now, out) }
            }
            (Offered { asked }, Input::Answer { sdp }) => {
                asked.respond(200, self.dialog.flow, Some(sdp), out);
                Standing
            }
            (Offered { asked }, Input::Reject { status }) => {
                asked.respond(status.clamp(300, 699), self.dialog.flow, None, out);
                Standing
            }
            (Offered { asked }, Input::Cancel { transaction }) if transaction == asked.transaction => {
                asked.respond(487, self.dialog.flow, None, out);
                Standing
            }
            (Answered { ok }, Input::HangUp { status }) => {
                event(out, Event::Ended { leg, end: End::HungUp });
                Parting { ok, status }
            }
            (state @ (Standing | Offered { .. }), Input::HangUp { status }) => {
                if let Offered { asked } = &state {
                    asked.respond(487, self.dialog.flow, None, out);
                }
                event(out, Event::Ended { leg, end: End::HungUp });
                bye(&mut self.dialog, status, out);
                Leaving
            }
            // Another phone of a fork picked up as well; a repeat of the 2xx never comes here.
            (state, Input::Response { method: Method::Invite, response, flow }) if response.is_success() => {
                if response.headers.first(&Name::To).is_some_and(|to| *tag(to) != *self.dialog.remote_tag) {
                    out.extend(TurnDown::of(response, flow).map(Output::TurnDown));
                }
                state
            }
            (Leaving, Input::Response { method: Method::Bye, response, .. }) if response.is_final() => {
                return Usage::Over;
            }
            (Leaving, Input::TimedOut { method: Method::Bye } | Input::Lost { method: Method::Bye, .. }) => {
                return Usage::Over;
            }
            (state, _) => state, // late, repeated, or meant for another age
        };
        Usage::Session(self)
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        match &self.state {
            Answered { ok } | Parting { ok, .. } => Some(ok.repeat.at.min(ok.until)),
            Standing | Offered { .. } | Leaving => None,
        }
    }
}

fn bye(dialog: &mut Dialog, status: Option<u16>, out: &mut Vec<Output>) {
    let mut request = dialog.request(Method::Bye);
    if let Some(status) = status {
        request.headers.push(Name::Reason, reason(status));
    }
    out.push(Output::Request { request, to: dialog.next_hop() });
}
