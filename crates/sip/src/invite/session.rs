//! Answered, until both have hung up (RFC 3261 §13.3.1.4, §14, §15).
//!
//! Where it stands: the third age of [`super::Usage`]. It says who may change the session at the moment; what is said and
//! kept for it is its parts' business: our 200 ([`Acceptance`]), what we want ([`Changes`]), how long it may stand
//! ([`SessionTimer`]), whom they want moved ([`Transfers`]), and how it ends ([`Parting`]).

mod acceptance;
mod changes;
mod parting;

use std::mem;

use base::{LegId, Time};
use bytes::Bytes;
use rsip::Method;

use super::early::Past;
use super::refer::Transfers;
use super::session_timer::{Due, Grant, SessionTimer, TooShort};
use super::{Asked, Input, Output, SDP, TransactionId, TurnDown, Usage, answer, answer_small, sdp_of, too_short};
use crate::dialog::{Dialog, tag};
use crate::endpoint::{End, Event};
use crate::recording::{Feature, metadata_of};
use crate::{Flow, Headers, Name, Request, Response};
use acceptance::Acceptance;
use changes::{Asking, Change, Changes, Outcome};
use parting::Parting;

/// A dialog with a session.
#[derive(Debug)]
pub struct Session {
    leg: LegId,
    /// Its dialog.
    pub(super) dialog: Dialog,
    state: State,
    timer: Option<SessionTimer>,
    changes: Changes,
    transfers: Transfers,
}

#[derive(Debug)]
enum State {
    /// Both know that they talk, and about what.
    Standing,
    /// They want another session; those above have to answer.
    Offered { asked: Asked },
    /// Our 200 waits for its ACK.
    Answered { ok: Acceptance },
    /// We want another session, or to keep this one.
    Changing(Asking),
    /// We want none any more.
    Leaving(Parting),
}
use State::*;

impl Session {
    /// We answer their INVITE: the session stands as in `sdp`, and the 200 says so much of it.
    pub fn answered(
        leg: LegId,
        dialog: Dialog,
        asked: Asked,
        (sdp, said): (Bytes, Option<Bytes>),
        now: Time,
        out: &mut Vec<Output>,
    ) -> Session {
        let ok = Acceptance::new(&asked, dialog.flow, said, now, out);
        let timer = asked.timer.map(|grant| SessionTimer::new(grant, now));
        let changes = Changes::new(sdp, false, asked.updates);
        Session { leg, dialog, state: Answered { ok }, timer, changes, transfers: Transfers::default() }
    }

    /// They answered our INVITE, whose offer was `said`: one of those who rang, whose `early` days may have seen agreements
    /// that need not be repeated.
    pub fn agreed(
        (leg, fork): (LegId, u32),
        (response, flow): (&Response, Flow),
        said: Bytes,
        early: Past,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Usage {
        let anew = early.said.is_some();
        // RFC 3264 §4: the answer must be in it, if it was not said reliably. Some leave it to an unreliable 183.
        let sdp = sdp_of(&response.headers, &response.body).or(early.heard).filter(|_| !anew);
        match Dialog::uac(response, flow).filter(|_| anew || sdp.is_some()) {
            Some(mut dialog) => {
                let tag = dialog.remote_tag.clone();
                out.push(Output::Acknowledge { ack: dialog.ack(dialog.local_cseq()), tag, to: dialog.flow });
                out.push(Output::Event(Event::Answered { leg, fork, sdp }));
                dialog.asked_already(early.local_cseq);
                dialog.was_asked_already(early.remote_cseq);
                let timer = Grant::of(&response.headers).map(|grant| SessionTimer::new(grant, now));
                let said = early.said.unwrap_or(said);
                dialog.feature = Feature::saying(&Headers::default(), &said);
                let changes = Changes::new(said, true, response.headers.lists(&Name::Allow, "UPDATE"));
                let transfers = Transfers::default();
                Usage::Session(Box::new(Session { leg, dialog, state: Standing, timer, changes, transfers }))
            }
            // Without an answer to our offer, or without Contact, there is no call.
            None => {
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
        if let Some(turn_down) = self.is_another_phone(&input) {
            out.push(Output::TurnDown(turn_down));
            return Usage::Session(self);
        }
        self.transfers.hear(&input, &mut self.dialog, out);
        self.state = match (mem::replace(&mut self.state, Standing), input) {
            (Answered { ok }, Input::Ack { request }) if ok.is_heard_by(request) => {
                event(out, Event::Confirmed { leg, sdp: sdp_of(&request.headers, &request.body) });
                Standing
            }
            (Answered { mut ok }, Input::Tick) => {
                if ok.again(now, out) {
                    Answered { ok }
                } else {
                    self.gone(End::NoAck, out)
                }
            }
            (Answered { ok }, Input::HangUp { status }) => {
                event(out, Event::Ended { leg, end: End::HungUp });
                Leaving(Parting::Unacknowledged { ok, status })
            }
            // Our re-INVITE is answered after we hung up.
            (state @ Leaving(_), Input::Response { method: Method::Invite, response, .. }) if response.is_final() => {
                self.changes.answered(response, &self.dialog, out);
                state
            }
            (Leaving(parting), input) => {
                let untold = self.transfers.is_unheard();
                match parting.handle(input, untold, &mut self.dialog, now, out) {
                    Some(parting) => Leaving(parting),
                    None => return self.over(out),
                }
            }
            (state, Input::HangUp { status }) => {
                if let Offered { asked } = &state {
                    asked.respond(487, self.dialog.flow, None, out);
                }
                event(out, Event::Ended { leg, end: End::HungUp });
                Leaving(Parting::new(status, self.transfers.is_unheard(), &mut self.dialog, now, out))
            }
            (state, Input::Request { transaction, request }) => match request.method {
                Method::Bye => {
                    answer(transaction, request, 200).push(out);
                    if let Offered { asked } = &state {
                        asked.respond(487, self.dialog.flow, None, out); // RFC 3261 §15.1.2
                    }
                    event(out, Event::Ended { leg, end: End::Bye });
                    return self.over(out);
                }
                Method::Refer => {
                    self.refer(transaction, request, out);
                    state
                }
                // It changes nothing, so it crosses nothing: somebody keeps the session alive (RFC 4028 §7.4).
                // So does metadata of a recording session that comes without an offer (RFC 7866 §9.1).
                Method::Update if request.body.is_empty() || is_metadata_alone(request) => {
                    if let Some(asked) = self.asked(transaction, request, out) {
                        asked.respond(200, self.dialog.flow, None, out);
                        self.timer = asked.timer.map(|grant| SessionTimer::new(grant, now));
                    }
                    state
                }
                Method::Invite | Method::Update => self.offered(state, transaction, request, out),
                _ => {
                    answer_small(leg, transaction, request, out);
                    state
                }
            },
            (state @ (Standing | Changing(_) | Offered { .. }), Input::Tick) => self.time_has_passed(state, now, out),
            (Offered { asked }, Input::Answer { sdp }) => {
                self.timer = asked.timer.map(|grant| SessionTimer::new(grant, now));
                self.changes.said(sdp.clone());
                if asked.method == Method::Invite {
                    Answered { ok: Acceptance::new(&asked, self.dialog.flow, Some(sdp), now, out) }
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
            (Standing, Input::Offer { sdp }) => self.ask(Change::Offer { sdp }, out),
            (state, Input::Offer { sdp }) => {
                self.changes.wait(now, Change::Offer { sdp });
                state
            }
            (Changing(asking), Input::Response { method, response, .. })
                if method == asking.method && response.is_final() =>
            {
                self.heard(asking, response, now, out)
            }
            // RFC 3261 §12.2.1.2: who does not answer is not there any more.
            (Changing(asking), Input::TimedOut { method } | Input::Lost { method, .. }) if method == asking.method => {
                self.changes.unanswered();
                self.gone(End::Expired, out)
            }
            (state, _) => state, // late, repeated, or meant for another age
        };
        if matches!(self.state, Standing)
            && let Some(change) = self.changes.due(now)
        {
            match change {
                Change::OfferAnew => event(out, Event::OfferDue { leg }),
                change => self.state = self.ask(change, out),
            }
        }
        Usage::Session(self)
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        let timer = self.timer.map(|timer| timer.deadline());
        let at = match &self.state {
            Answered { ok } => Some(ok.deadline()),
            Standing => [timer, self.changes.deadline()].into_iter().flatten().min(),
            Offered { .. } | Changing(_) => timer,
            Leaving(parting) => parting.deadline(),
        };
        at.filter(|at| *at < Time::NEVER)
    }

    /// Another phone of a fork picked up as well; a repeat of the 2xx never comes here.
    fn is_another_phone(&self, input: &Input<'_>) -> Option<TurnDown> {
        match input {
            Input::Response { method: Method::Invite, response, flow } if response.is_success() => {
                let other = |to: &str| *tag(to) != *self.dialog.remote_tag;
                response.headers.first(&Name::To).filter(|to| other(to))?;
                TurnDown::of(response, *flow)
            }
            _ => None,
        }
    }

    /// They want another session: those above are asked, one at a time (RFC 3261 §14.2, RFC 3311 §5.2).
    fn offered(&mut self, state: State, transaction: TransactionId, request: &Request, out: &mut Vec<Output>) -> State {
        let sdp = sdp_of(&request.headers, &request.body);
        match &state {
            Changing(_) => answer(transaction, request, 491).push(out),
            Standing if sdp.is_none() && !request.body.is_empty() && !is_metadata_alone(request) => {
                answer(transaction, request, 415).with(Name::Accept, SDP).push(out);
            }
            Standing => {
                if let Some(asked) = self.asked(transaction, request, out) {
                    out.push(Output::Event(Event::Offered { leg: self.leg, fork: 0, sdp }));
                    return Offered { asked };
                }
            }
            _ => answer(transaction, request, 500).with(Name::RetryAfter, "1").push(out),
        }
        state
    }

    /// They want their partner to talk with somebody else.
    fn refer(&mut self, transaction: TransactionId, refer: &Request, out: &mut Vec<Output>) {
        match Asked::new(transaction, refer, &self.dialog.local_tag) {
            Ok(asked) => match self.transfers.begin(refer, asked) {
                Ok(referral) => {
                    self.dialog.refresh(&refer.headers);
                    out.push(Output::Event(Event::Refer { leg: self.leg, referral: Box::new(referral) }));
                }
                Err(status) => answer(transaction, refer, status).push(out),
            },
            Err(TooShort) => too_short(transaction, refer, out),
        }
    }

    /// A request that makes or keeps a session: what is needed to answer it; none if it is answered already.
    fn asked(&mut self, transaction: TransactionId, request: &Request, out: &mut Vec<Output>) -> Option<Asked> {
        match Asked::new(transaction, request, &self.dialog.local_tag) {
            Ok(mut asked) => {
                asked.feature = self.dialog.feature;
                self.dialog.refresh(&request.headers);
                self.changes.may_update(asked.updates);
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
            (Due::Refresh, Standing) => self.ask(Change::Refresh, out),
            (Due::Refresh, state) => {
                // Whatever is being negotiated refreshes it as well; if not, we are asked again.
                self.timer.iter_mut().for_each(|timer| timer.failed(now));
                state
            }
            (Due::Nothing, state) => state,
        }
    }

    fn ask(&mut self, change: Change, out: &mut Vec<Output>) -> State {
        Changing(self.changes.ask(change, &mut self.dialog, self.timer.as_mut(), out))
    }

    /// Our re-INVITE or UPDATE has its final answer.
    fn heard(&mut self, asking: Asking, response: &Response, now: Time, out: &mut Vec<Output>) -> State {
        if asking.method == Method::Invite {
            self.changes.answered(response, &self.dialog, out);
        }
        let kept = (&mut self.dialog, &mut self.timer);
        match self.changes.heard(self.leg, asking, response, kept, now, out) {
            Outcome::Stands => Standing,
            Outcome::Gone => self.gone(End::Bye, out),
        }
    }

    /// Nothing is left to be done. A re-INVITE nobody will answer any more is forgotten.
    fn over(&self, out: &mut Vec<Output>) -> Usage {
        if self.changes.is_open() {
            out.push(Output::Abandon);
        }
        Usage::Over
    }

    /// The other side is not there any more: a BYE for the case that it is.
    fn gone(&mut self, end: End, out: &mut Vec<Output>) -> State {
        out.push(Output::Event(Event::Ended { leg: self.leg, end }));
        Leaving(Parting::at_once(None, &mut self.dialog, out))
    }
}

fn is_metadata_alone(request: &Request) -> bool {
    let (headers, body) = (&request.headers, &request.body);
    metadata_of(headers, body).is_some() && sdp_of(headers, body).is_none()
}
