//! Answered, until both have hung up (RFC 3261 §13.3.1.4, §14, §15).

use std::mem;
use std::time::Duration;

use base::{LegId, Time};
use bytes::Bytes;
use rsip::Method;

use super::refer::{Referral, Transfer};
use super::session_timer::{Due, Grant, SessionTimer, TooShort};
use super::{
    Asked, Input, Output, SDP, SUPPORTED, TransactionId, TurnDown, Usage, answer, answer_small, chance, contact,
    reason, sdp_of, too_short,
};
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
    timer: Option<SessionTimer>,
    /// What of ours waits for its turn: the other side was changing the session (RFC 3261 §14.1).
    later: Option<Later>,
    /// What we last said the session is, to say it again where nothing but time has passed.
    said: Bytes,
    /// The Call-ID is ours: after a glare we wait longer than they (RFC 3261 §14.1).
    ours: bool,
    /// The other side takes UPDATE (RFC 3311).
    updates: bool,
    /// A re-INVITE of ours has no final answer, whatever became of the session meanwhile.
    reinvited: bool,
    /// They asked us to bring their partner elsewhere.
    transfer: Option<Box<Transfer>>,
    /// How many REFERs there were.
    referred: u32,
}

#[derive(Debug)]
enum State {
    /// Both know that they talk, and about what.
    Standing,
    /// They want another session; those above have to answer.
    Offered { asked: Asked },
    /// Our 200 waits for its ACK.
    Answered { ok: Unheard },
    /// We want another session, or to keep this one: our re-INVITE or UPDATE waits for its answer.
    Asking { change: Change, method: Method },
    /// We hung up, but may not say so before the ACK has come (RFC 3261 §15).
    Parting { ok: Unheard, status: Option<u16> },
    /// We hung up, but the last word of a transfer has no answer yet: a BYE that overtakes it ends what it belongs to.
    Finishing { status: Option<u16>, until: Time },
    /// Our BYE waits for its answer.
    Leaving,
}
use State::*;

/// So long a BYE waits for the answer to a NOTIFY: one repeat of each may be lost.
const LAST_WORD_TIME: Duration = Duration::from_secs(2);

/// What we want of a session.
#[derive(Debug)]
enum Change {
    /// That it stands a while longer.
    Refresh,
    /// Another description.
    Offer { sdp: Bytes },
}

#[derive(Debug)]
struct Later {
    at: Time,
    change: Change,
}

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
        let ok = Unheard::new(&asked, dialog.flow, sdp.clone(), now, out);
        let timer = asked.timer.map(|grant| SessionTimer::new(grant, now));
        let updates = asked.updates;
        Session {
            leg,
            dialog,
            state: Answered { ok },
            timer,
            later: None,
            said: sdp,
            ours: false,
            updates,
            reinvited: false,
            transfer: None,
            referred: 0,
        }
    }

    /// They answered our INVITE, whose offer was `said`. In an early dialog they may have answered before, reliably, and
    /// we may have asked something: `early` is the number of our last request there, and that answer.
    pub fn agreed(
        leg: LegId,
        (response, flow): (&Response, Flow),
        said: Bytes,
        early: Option<(u32, Option<Bytes>)>,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Usage {
        let (cseq, answered) = early.unwrap_or_default();
        let sdp = sdp_of(&response.headers, &response.body).or(answered);
        match (sdp, Dialog::uac(response, flow)) {
            (Some(sdp), Some(mut dialog)) => {
                let tag = dialog.remote_tag.clone();
                out.push(Output::Acknowledge { ack: dialog.ack(dialog.local_cseq()), tag, to: dialog.next_hop() });
                out.push(Output::Event(Event::Answered { leg, sdp }));
                dialog.asked_already(cseq);
                let timer = Grant::of(&response.headers).map(|grant| SessionTimer::new(grant, now));
                let updates = response.headers.lists(&Name::Allow, "UPDATE");
                let (state, later, ours, reinvited) = (Standing, None, true, false);
                Usage::Session(Box::new(Session {
                    leg,
                    dialog,
                    state,
                    timer,
                    later,
                    said,
                    ours,
                    updates,
                    reinvited,
                    transfer: None,
                    referred: 0,
                }))
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
        self.state = match (mem::replace(&mut self.state, Leaving), input) {
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
            (state @ (Standing | Asking { .. } | Offered { .. }), Input::Tick) => self.time_has_passed(state, now, out),
            (
                state @ (Standing | Offered { .. } | Answered { .. } | Asking { .. }),
                Input::Request { transaction, request },
            ) if request.method == Method::Refer => {
                self.refer(transaction, request, out);
                state
            }
            (state, Input::Transferred { status }) => {
                self.transferred(|transfer, dialog| transfer.comes_to(status, dialog, out));
                state
            }
            (state, Input::Response { method: Method::Notify, response, .. }) => {
                if response.is_final() {
                    self.transferred(|transfer, dialog| transfer.heard(response.status, dialog, out));
                }
                self.finish(state, out)
            }
            (state, Input::TimedOut { method: Method::Notify } | Input::Lost { method: Method::Notify, .. }) => {
                self.transferred(|transfer, dialog| transfer.heard(408, dialog, out));
                self.finish(state, out)
            }
            (Finishing { status, until }, Input::Tick) if now >= until => {
                bye(&mut self.dialog, status, out);
                Leaving
            }
            (state, Input::Request { transaction, request }) if request.method == Method::Bye => {
                answer(transaction, request, 200).push(out);
                if let Offered { asked } = &state {
                    asked.respond(487, self.dialog.flow, None, out); // RFC 3261 §15.1.2
                }
                if !matches!(state, Parting { .. } | Finishing { .. } | Leaving) {
                    event(out, Event::Ended { leg, end: End::Bye });
                }
                return self.over(out);
            }
            // It changes nothing, so it crosses nothing: somebody keeps the session alive (RFC 4028 §7.4).
            (
                state @ (Standing | Offered { .. } | Answered { .. } | Asking { .. }),
                Input::Request { transaction, request },
            ) if request.method == Method::Update && request.body.is_empty() => {
                if let Some(asked) = self.asked(transaction, request, out) {
                    asked.respond(200, self.dialog.flow, None, out);
                    self.timer = asked.timer.map(|grant| SessionTimer::new(grant, now));
                }
                state
            }
            (Standing, Input::Request { transaction, request })
                if matches!(request.method, Method::Invite | Method::Update) =>
            {
                let sdp = sdp_of(&request.headers, &request.body);
                if sdp.is_none() && !request.body.is_empty() {
                    answer(transaction, request, 415).with(Name::Accept, SDP).push(out);
                    Standing
                } else {
                    match self.asked(transaction, request, out) {
                        Some(asked) => {
                            event(out, Event::Offered { leg, sdp });
                            Offered { asked }
                        }
                        None => Standing,
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
            (state @ Asking { .. }, Input::Request { transaction, request })
                if matches!(request.method, Method::Invite | Method::Update) =>
            {
                answer(transaction, request, 491).push(out);
                state
            }
            (
                state @ (Standing | Offered { .. } | Answered { .. } | Asking { .. }),
                Input::Request { transaction, request },
            ) => {
                answer_small(leg, transaction, request, out);
                state
            }
            (state @ (Parting { .. } | Finishing { .. } | Leaving), Input::Request { transaction, request }) => {
                answer(transaction, request, 481).push(out);
                state
            }
            (Offered { asked }, Input::Answer { sdp }) => {
                self.timer = asked.timer.map(|grant| SessionTimer::new(grant, now));
                self.said = sdp.clone();
                if asked.method == Method::Invite {
                    Answered { ok: Unheard::new(&asked, self.dialog.flow, sdp, now, out) }
                } else {
                    asked.respond(200, self.dialog.flow, Some(sdp), out);
                    Standing
                }
            }
            (Offered { asked }, Input::Reject { status }) => {
                asked.respond(status.clamp(300, 699), self.dialog.flow, None, out);
                Standing
            }
            (Offered { asked }, Input::Cancel { transaction }) if transaction == asked.transaction => {
                asked.respond(487, self.dialog.flow, None, out);
                Standing
            }
            (Standing, Input::Offer { sdp }) => self.ask(Change::Offer { sdp }, now, out),
            (state @ (Offered { .. } | Answered { .. } | Asking { .. }), Input::Offer { sdp }) => {
                self.later = Some(Later { at: now, change: Change::Offer { sdp } });
                state
            }
            (Answered { ok }, Input::HangUp { status }) => {
                event(out, Event::Ended { leg, end: End::HungUp });
                Parting { ok, status }
            }
            (state @ (Standing | Offered { .. } | Asking { .. }), Input::HangUp { status }) => {
                if let Offered { asked } = &state {
                    asked.respond(487, self.dialog.flow, None, out);
                }
                event(out, Event::Ended { leg, end: End::HungUp });
                self.finish(Finishing { status, until: now + LAST_WORD_TIME }, out)
            }
            // Another phone of a fork picked up as well; a repeat of the 2xx never comes here.
            (state, Input::Response { method: Method::Invite, response, flow })
                if response.is_success()
                    && response.headers.first(&Name::To).is_some_and(|to| *tag(to) != *self.dialog.remote_tag) =>
            {
                out.extend(TurnDown::of(response, flow).map(Output::TurnDown));
                state
            }
            (Asking { change, method }, Input::Response { method: answered, response, .. })
                if method == answered && response.is_final() =>
            {
                self.heard(change, method, response, now, out)
            }
            // Our re-INVITE is answered after we hung up.
            (state @ (Finishing { .. } | Leaving), Input::Response { method: Method::Invite, response, .. })
                if response.is_final() =>
            {
                self.reinvited = false;
                if response.is_success() {
                    self.acknowledge(response, out);
                }
                state
            }
            (Leaving, Input::Response { method: Method::Bye, response, .. }) if response.is_final() => {
                return self.over(out);
            }
            (Leaving, Input::TimedOut { method: Method::Bye } | Input::Lost { method: Method::Bye, .. }) => {
                return self.over(out);
            }
            // RFC 3261 §12.2.1.2: who does not answer is not there any more.
            (Asking { method, .. }, Input::TimedOut { method: silent } | Input::Lost { method: silent, .. })
                if method == silent =>
            {
                self.reinvited = false;
                self.gone(End::Expired, out)
            }
            (state, _) => state, // late, repeated, or meant for another age
        };
        if matches!(self.state, Standing) && self.later.as_ref().is_some_and(|later| later.at <= now) {
            self.state = match self.later.take() {
                Some(later) => self.ask(later.change, now, out),
                None => Standing,
            };
        }
        Usage::Session(self)
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        let timer = self.timer.map(|timer| timer.deadline());
        let later = self.later.as_ref().map(|later| later.at);
        let at = match &self.state {
            Answered { ok } | Parting { ok, .. } => Some(ok.repeat.at.min(ok.until)),
            Standing => [timer, later].into_iter().flatten().min(),
            Offered { .. } | Asking { .. } => timer,
            Finishing { until, .. } => Some(*until),
            Leaving => None,
        };
        at.filter(|at| *at < Time::NEVER)
    }

    /// They want their partner to talk with somebody else. One transfer at a time.
    fn refer(&mut self, transaction: TransactionId, refer: &Request, out: &mut Vec<Output>) {
        let busy = self.transfer.as_ref().is_some_and(|transfer| !transfer.is_over());
        let referral = if busy { Err(491) } else { Referral::read(refer) };
        match (referral, Asked::new(transaction, refer, &self.dialog.local_tag)) {
            (Ok(referral), Ok(asked)) => {
                self.dialog.refresh(&refer.headers);
                self.referred += 1;
                self.transfer = Some(Box::new(Transfer::new(refer, asked, self.referred == 1)));
                out.push(Output::Event(Event::Refer { leg: self.leg, referral: Box::new(referral) }));
            }
            (Err(status), _) => answer(transaction, refer, status).push(out),
            (_, Err(TooShort)) => too_short(transaction, refer, out),
        }
    }

    /// Says BYE as soon as nothing of a transfer waits to be heard.
    fn finish(&mut self, state: State, out: &mut Vec<Output>) -> State {
        match state {
            Finishing { status, .. } if !self.transfer.as_ref().is_some_and(|transfer| transfer.is_unheard()) => {
                bye(&mut self.dialog, status, out);
                Leaving
            }
            state => state,
        }
    }

    fn transferred(&mut self, mut tell: impl FnMut(&mut Transfer, &mut Dialog)) {
        if let Some(transfer) = &mut self.transfer {
            tell(transfer, &mut self.dialog);
        }
    }

    /// A request that makes or keeps a session: what is needed to answer it; none if it is answered already.
    fn asked(&mut self, transaction: TransactionId, request: &Request, out: &mut Vec<Output>) -> Option<Asked> {
        match Asked::new(transaction, request, &self.dialog.local_tag) {
            Ok(asked) => {
                self.dialog.refresh(&request.headers);
                self.updates |= asked.updates;
                Some(asked)
            }
            Err(TooShort) => {
                too_short(transaction, request, out);
                None
            }
        }
    }

    fn time_has_passed(&mut self, state: State, now: Time, out: &mut Vec<Output>) -> State {
        match (self.timer.as_mut().map_or(Due::Nothing, |timer| timer.due(now)), state) {
            (Due::End, Offered { asked }) => {
                asked.respond(487, self.dialog.flow, None, out);
                self.gone(End::Expired, out)
            }
            (Due::End, _) => self.gone(End::Expired, out),
            (Due::Refresh, Standing) => self.ask(Change::Refresh, now, out),
            (Due::Refresh, state) => {
                // Whatever is being negotiated refreshes it as well; if not, we are asked again.
                self.timer.iter_mut().for_each(|timer| timer.failed(now));
                state
            }
            (Due::Nothing, state) => state,
        }
    }

    /// Asks for a change: an UPDATE keeps a session alive where the other side takes it, a re-INVITE does everything.
    fn ask(&mut self, change: Change, _now: Time, out: &mut Vec<Output>) -> State {
        let method = match &change {
            Change::Refresh if self.updates => Method::Update,
            _ => Method::Invite,
        };
        let mut request = self.dialog.request(method);
        let headers = &mut request.headers;
        headers.push(Name::Contact, contact(self.dialog.flow));
        headers.push(Name::Supported, SUPPORTED);
        if let Some(timer) = &mut self.timer {
            timer.write(headers);
            timer.refreshing();
        }
        let to = self.dialog.next_hop();
        if method == Method::Update {
            out.push(Output::Request { request, to });
        } else {
            headers.push(Name::Allow, super::ALLOW);
            headers.push(Name::ContentType, SDP);
            request.body = match &change {
                Change::Offer { sdp } => sdp.clone(),
                Change::Refresh => self.said.clone(), // the same version: nothing has changed (RFC 3264 §8)
            };
            self.reinvited = true;
            out.push(Output::Reinvite { request, to });
        }
        Asking { change, method }
    }

    /// Our re-INVITE or UPDATE has its final answer.
    fn heard(
        &mut self,
        change: Change,
        method: Method,
        response: &Response,
        now: Time,
        out: &mut Vec<Output>,
    ) -> State {
        let leg = self.leg;
        self.reinvited &= method != Method::Invite;
        match response.status {
            200..=299 => {
                self.dialog.refresh(&response.headers);
                self.timer = Grant::of(&response.headers).map(|grant| SessionTimer::new(grant, now));
                if method == Method::Invite {
                    self.acknowledge(response, out);
                }
                if let Change::Offer { sdp } = change {
                    self.said = sdp;
                }
                let sdp = sdp_of(&response.headers, &response.body);
                out.extend(sdp.map(|sdp| Output::Event(Event::Agreed { leg, sdp })));
            }
            408 | 481 => return self.gone(End::Bye, out), // RFC 3261 §12.2.1.2
            491 => self.later = Some(Later { at: now + self.glare_wait(), change }),
            422 if self.timer.is_some() => {
                self.timer.iter_mut().for_each(|timer| timer.lengthen(&response.headers, now));
                self.later = Some(Later { at: now, change });
            }
            405 | 501 if method == Method::Update => {
                self.updates = false;
                self.later = Some(Later { at: now, change });
            }
            status => {
                self.timer.iter_mut().for_each(|timer| timer.failed(now));
                if let Change::Offer { .. } = change {
                    out.push(Output::Event(Event::Declined { leg, status }));
                }
            }
        }
        Standing
    }

    /// Nothing is left to be done. A re-INVITE nobody will answer any more is forgotten.
    fn over(&self, out: &mut Vec<Output>) -> Usage {
        if self.reinvited {
            out.push(Output::Abandon);
        }
        Usage::Over
    }

    fn acknowledge(&self, response: &Response, out: &mut Vec<Output>) {
        let (cseq, _) = response.cseq().unwrap_or_default();
        let (ack, tag) = (self.dialog.ack(cseq), self.dialog.remote_tag.clone());
        out.push(Output::Acknowledge { ack, tag, to: self.dialog.next_hop() });
    }

    /// RFC 3261 §14.1: both asked at once. Who owns the Call-ID waits longer.
    fn glare_wait(&self) -> Duration {
        let chance = chance(&self.dialog.local_tag, self.dialog.local_cseq());
        let tens_of_ms = if self.ours { 210 + chance % 191 } else { chance % 201 };
        Duration::from_millis(u64::from(tens_of_ms) * 10)
    }

    /// The other side is not there any more: a BYE for the case that it is.
    fn gone(&mut self, end: End, out: &mut Vec<Output>) -> State {
        out.push(Output::Event(Event::Ended { leg: self.leg, end }));
        bye(&mut self.dialog, None, out);
        Leaving
    }
}

fn bye(dialog: &mut Dialog, status: Option<u16>, out: &mut Vec<Output>) {
    let mut request = dialog.request(Method::Bye);
    if let Some(status) = status {
        request.headers.push(Name::Reason, reason(status));
    }
    out.push(Output::Request { request, to: dialog.next_hop() });
}
