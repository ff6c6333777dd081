//! They called and we have not answered (RFC 3261 §13.3).

use std::time::Duration;

use base::{LegId, Time};
use bytes::Bytes;

use super::reliable::{Unheard, Wanted};
use super::{Asked, Input, Output, Session, TooShort, TransactionId, Usage, answer, answer_small, chance, too_short};
use crate::dialog::Dialog;
use crate::endpoint::{End, Event};
use crate::{Flow, Name, Request};
use rsip::Method;

/// An incoming INVITE, while it rings.
#[derive(Debug)]
pub struct Uas {
    leg: LegId,
    /// The dialog to be.
    pub(super) dialog: Dialog,
    invite: Asked,
    /// The last provisional response, said again each minute (RFC 3261 §13.3.1.1).
    ringing: u16,
    again: Time,
    /// The caller's Expires.
    until: Time,
    reliable: Wanted,
    /// How many responses were reliable.
    said: u32,
    /// The last of them, until its PRACK comes; and what shall be said then.
    unheard: Option<Box<(Unheard, Next)>>,
}

/// What waits for a PRACK.
#[derive(Debug)]
enum Next {
    Nothing,
    Ring { status: u16, sdp: Option<Bytes> },
    Answer { sdp: Bytes },
}

const REFRESH: Duration = Duration::from_secs(60);

impl Uas {
    /// An INVITE came. Nothing if it lacks what every request has.
    pub fn new(
        leg: LegId,
        transaction: TransactionId,
        invite: &Request,
        local_tag: &str,
        flow: Flow,
        now: Time,
    ) -> Result<Option<Uas>, TooShort> {
        let invited = Asked::new(transaction, invite, local_tag)?;
        let expires = invite.headers.first(&Name::Expires).and_then(|text| text.trim().parse::<u32>().ok());
        let Some(dialog) = Dialog::uas(invite, local_tag, flow) else { return Ok(None) };
        Ok(Some(Uas {
            leg,
            dialog,
            invite: invited,
            ringing: 100,
            again: now + REFRESH,
            until: expires.map_or(Time::NEVER, |secs| now + Duration::from_secs(secs.into())),
            reliable: Wanted::by(invite),
            said: 0,
            unheard: None,
        }))
    }

    /// Tells it what happened.
    pub fn handle(mut self: Box<Self>, input: Input<'_>, now: Time, out: &mut Vec<Output>) -> Usage {
        match input {
            Input::Ring { status: status @ 101..=199, sdp } => {
                self.ring(status, sdp, now, out);
                Usage::Uas(self)
            }
            // RFC 3262 §3: a session said reliably must be heard first. Mere ringing need not be any more.
            Input::Answer { sdp } if self.unheard.as_ref().is_some_and(|unheard| unheard.0.has_sdp) => {
                self.unheard.iter_mut().for_each(|unheard| unheard.1 = Next::Answer { sdp: sdp.clone() });
                Usage::Uas(self)
            }
            Input::Answer { sdp } => {
                Usage::Session(Box::new(Session::answered(self.leg, self.dialog, self.invite, sdp, now, out)))
            }
            Input::Reject { status } => self.end(status.clamp(300, 699), End::Refused(status.clamp(300, 699)), out),
            Input::HangUp { .. } => self.end(480, End::HungUp, out),
            Input::Cancel { transaction } if transaction == self.invite.transaction => {
                self.end(487, End::Cancelled, out)
            }
            Input::Closed => self.end(487, End::Lost, out), // nobody hears it; the transaction wants its answer
            Input::Tick if now >= self.until => self.end(487, End::Cancelled, out), // RFC 3261 §13.3.1
            Input::Tick => {
                let transaction = self.invite.transaction;
                if self.unheard.as_mut().is_some_and(|unheard| !unheard.0.again(transaction, now, out)) {
                    return self.end(504, End::NoAck, out); // RFC 3262 §3
                }
                if now >= self.again {
                    self.ring(self.ringing, None, now, out);
                }
                Usage::Uas(self)
            }
            Input::Request { transaction, request } => match request.method {
                // RFC 3261 §15: a caller may end an early dialog so.
                Method::Bye => {
                    answer(transaction, request, 200).push(out);
                    self.end(487, End::Cancelled, out)
                }
                Method::PRack => self.acknowledged(transaction, request, now, out),
                // RFC 3311 §5.2 and RFC 3261 §14.2: the INVITE's offer is not answered yet.
                Method::Update if request.body.is_empty() => {
                    match Asked::new(transaction, request, &self.dialog.local_tag) {
                        Ok(asked) => {
                            asked.respond(200, self.dialog.flow, None, out);
                            self.dialog.refresh(&request.headers);
                        }
                        Err(TooShort) => too_short(transaction, request, out),
                    }
                    Usage::Uas(self)
                }
                Method::Update | Method::Invite => {
                    answer(transaction, request, 500).with(Name::RetryAfter, "5").push(out);
                    Usage::Uas(self)
                }
                _ => {
                    answer_small(self.leg, transaction, request, out);
                    Usage::Uas(self)
                }
            },
            _ => Usage::Uas(self),
        }
    }

    /// What its answers say beside.
    pub fn says_beside(&mut self, said: &[String]) {
        self.invite.says_beside(said);
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Time {
        let unheard = self.unheard.as_ref().map_or(Time::NEVER, |unheard| unheard.0.deadline());
        self.again.min(self.until).min(unheard)
    }

    /// Says a provisional response, reliably where that is wanted; or later, if another one waits for its PRACK.
    fn ring(&mut self, status: u16, sdp: Option<Bytes>, now: Time, out: &mut Vec<Output>) {
        self.ringing = status;
        self.again = now + REFRESH;
        let reliably = match self.reliable {
            Wanted::None => false,
            Wanted::Sessions => sdp.is_some(),
            Wanted::All => true,
        };
        match &mut self.unheard {
            _ if !reliably => self.invite.respond(status, self.dialog.flow, sdp, out),
            Some(unheard) => unheard.1 = Next::Ring { status, sdp },
            None => {
                let flow = self.dialog.flow;
                // RFC 3262 §3: the first number is any from 1 to 2^31 - 1.
                let first = chance(&self.dialog.local_tag, 0) >> 1 | 1;
                let names = (self.invite.transaction, self.invite.cseq, first + self.said);
                self.said += 1;
                let response = self.invite.response(status, flow, sdp);
                let unheard = Unheard::new(names, response, flow.transport.is_reliable(), now, out);
                self.unheard = Some(Box::new((unheard, Next::Nothing)));
            }
        }
    }

    /// A PRACK (RFC 3262 §3). What waited for it may be said now.
    fn acknowledged(
        mut self: Box<Self>,
        transaction: TransactionId,
        prack: &Request,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Usage {
        let Some(unheard) = self.unheard.take_if(|unheard| unheard.0.is_heard_by(prack)) else {
            answer(transaction, prack, 481).push(out);
            return Usage::Uas(self);
        };
        // An offer in it would have to be answered here; ours is a session of one answer.
        answer(transaction, prack, if prack.body.is_empty() { 200 } else { 488 }).push(out);
        match unheard.1 {
            Next::Nothing => Usage::Uas(self),
            Next::Ring { status, sdp } => {
                self.ring(status, sdp, now, out);
                Usage::Uas(self)
            }
            Next::Answer { sdp } => self.handle(Input::Answer { sdp }, now, out),
        }
    }

    fn end(self, status: u16, end: End, out: &mut Vec<Output>) -> Usage {
        self.invite.respond(status, self.dialog.flow, None, out);
        out.push(Output::Event(Event::Ended { leg: self.leg, end }));
        Usage::Over
    }
}
