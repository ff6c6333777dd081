//! They called and we have not answered (RFC 3261 §13.3).
//!
//! Where it stands: the first age of [`super::Usage`] where they call. What may be offered meanwhile is [`Agreement`]'s to know,
//! how a response is said until it is heard [`Unheard`]'s.

use std::mem;
use std::time::Duration;

use base::{LegId, Time};
use bytes::Bytes;

use super::agreement::{Agreement, NotNow};
use super::reliable::{Unheard, Wanted};
use super::{
    Asked, Input, Output, SDP, Session, TooShort, TransactionId, Usage, answer, answer_small, chance, refer, sdp_of,
    too_short,
};
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
    /// The last of them, until its PRACK comes.
    unheard: Option<Box<Unheard>>,
    /// What shall be said then.
    next: Next,
    agreement: Agreement,
}

/// What waits for a PRACK, and for the answer to what is in it.
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
            next: Next::Nothing,
            agreement: Agreement::begun_by(invite),
        }))
    }

    /// Does the caller take reliable responses?
    pub fn hears_reliably(&self) -> bool {
        self.reliable != Wanted::None
    }

    /// Tells it what happened.
    pub fn handle(mut self: Box<Self>, input: Input<'_>, now: Time, out: &mut Vec<Output>) -> Usage {
        match input {
            Input::Ring { status: status @ 101..=199, sdp } => {
                self.ring(status, sdp, now, out);
                Usage::Uas(self)
            }
            Input::Answer { sdp } if self.agreement.is_asked() => {
                self.reply(200, Some(sdp), out);
                self.goes_on(now, out)
            }
            Input::Reject { status } if self.agreement.is_asked() => {
                self.reply(status.clamp(300, 699), None, out);
                self.goes_on(now, out)
            }
            // RFC 3262 §3: a session said reliably must be heard first. Mere ringing need not be any more.
            Input::Answer { sdp } if self.unheard.as_ref().is_some_and(|unheard| unheard.has_sdp) => {
                self.next = Next::Answer { sdp };
                Usage::Uas(self)
            }
            Input::Answer { sdp } => {
                let said = self.agreement.last_word(&sdp);
                Usage::Session(Box::new(Session::answered(self.leg, self.dialog, self.invite, (sdp, said), now, out)))
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
                if self.unheard.as_mut().is_some_and(|unheard| !unheard.again(transaction, now, out)) {
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
                Method::Update => {
                    self.asked(transaction, request, out);
                    Usage::Uas(self)
                }
                // RFC 3261 §14.2: the first is not answered yet.
                Method::Invite => {
                    answer(transaction, request, 500).with(Name::RetryAfter, "5").push(out);
                    Usage::Uas(self)
                }
                Method::Refer => {
                    refer::too_early(transaction, request, out);
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
        let unheard = self.unheard.as_ref().map_or(Time::NEVER, |unheard| unheard.deadline());
        self.again.min(self.until).min(unheard)
    }

    /// Says a provisional response, reliably where that is wanted; or later, if another one waits for its PRACK.
    fn ring(&mut self, status: u16, sdp: Option<Bytes>, now: Time, out: &mut Vec<Output>) {
        self.ringing = status;
        self.again = now + REFRESH;
        let sdp = self.agreement.early(sdp, self.reliable);
        let reliably = match self.reliable {
            Wanted::None => false,
            Wanted::Sessions => sdp.is_some(),
            Wanted::All => true,
        };
        match &self.unheard {
            _ if !reliably => {
                self.invite.respond(status, self.dialog.flow, sdp, out);
                self.invite.says_beside(&[]); // once
            }
            Some(_) => self.next = Next::Ring { status, sdp },
            None => {
                let flow = self.dialog.flow;
                // RFC 3262 §3: the first number is any from 1 to 2^31 - 1.
                let first = chance(&self.dialog.local_tag, 0) >> 1 | 1;
                let names = (self.invite.transaction, self.invite.cseq, first + self.said);
                self.said += 1;
                if sdp.is_some() {
                    self.agreement.said_reliably();
                }
                let response = self.invite.response(status, flow, sdp);
                let unheard = Unheard::new(names, response, flow.transport.is_reliable(), now, out);
                self.unheard = Some(Box::new(unheard));
                self.invite.says_beside(&[]);
            }
        }
    }

    /// A PRACK (RFC 3262 §3), perhaps with the answer to our offer, or with another offer (§5). What waited for it may be
    /// said now.
    fn acknowledged(
        mut self: Box<Self>,
        transaction: TransactionId,
        prack: &Request,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Usage {
        let Some(unheard) = self.unheard.take_if(|unheard| unheard.is_heard_by(prack)) else {
            answer(transaction, prack, 481).push(out);
            return Usage::Uas(self);
        };
        let sdp = sdp_of(&prack.headers, &prack.body);
        let answers = matches!(self.agreement, Agreement::Ours);
        if unheard.has_sdp {
            self.agreement.heard(sdp.is_some());
        }
        match sdp {
            Some(_) if !answers => self.asked(transaction, prack, out),
            sdp => {
                answer(transaction, prack, 200).push(out);
                out.extend(sdp.map(|sdp| Output::Event(Event::Agreed { leg: self.leg, sdp })));
            }
        }
        self.goes_on(now, out)
    }

    /// An UPDATE or a PRACK, perhaps with an offer (RFC 3311 §5.2, RFC 3262 §5).
    fn asked(&mut self, transaction: TransactionId, request: &Request, out: &mut Vec<Output>) {
        let sdp = sdp_of(&request.headers, &request.body);
        if sdp.is_none() && !request.body.is_empty() {
            return answer(transaction, request, 415).with(Name::Accept, SDP).push(out);
        }
        let cseq = request.cseq().map_or(0, |(cseq, _)| cseq);
        let may = sdp.as_ref().map_or(Ok(()), |_| self.agreement.may_be_asked(&self.dialog.local_tag, cseq));
        match (may, Asked::new(transaction, request, &self.dialog.local_tag)) {
            (Err(NotNow::Glare), _) => answer(transaction, request, 491).push(out),
            (Err(NotNow::Later { retry_after_secs }), _) => {
                answer(transaction, request, 500).with(Name::RetryAfter, &retry_after_secs.to_string()).push(out);
            }
            (Ok(()), Err(TooShort)) => too_short(transaction, request, out),
            (Ok(()), Ok(asked)) => {
                self.dialog.refresh(&request.headers);
                match sdp {
                    None => asked.respond(200, self.dialog.flow, None, out),
                    sdp => {
                        self.agreement.ask(asked);
                        out.push(Output::Event(Event::Offered { leg: self.leg, fork: 0, sdp }));
                    }
                }
            }
        }
    }

    /// Answers what they asked.
    fn reply(&mut self, status: u16, sdp: Option<Bytes>, out: &mut Vec<Output>) {
        let asked = self.agreement.take_asked(sdp.is_some());
        asked.iter().for_each(|asked| asked.respond(status, self.dialog.flow, sdp.clone(), out));
    }

    /// Says what waited, unless something has to be heard or answered first.
    fn goes_on(mut self: Box<Self>, now: Time, out: &mut Vec<Output>) -> Usage {
        if self.unheard.is_some() || self.agreement.is_asked() {
            return Usage::Uas(self);
        }
        match mem::replace(&mut self.next, Next::Nothing) {
            Next::Nothing => Usage::Uas(self),
            Next::Ring { status, sdp } => {
                self.ring(status, sdp, now, out);
                Usage::Uas(self)
            }
            Next::Answer { sdp } => self.handle(Input::Answer { sdp }, now, out),
        }
    }

    fn end(mut self, status: u16, end: End, out: &mut Vec<Output>) -> Usage {
        self.reply(487, None, out);
        self.invite.respond(status, self.dialog.flow, None, out);
        out.push(Output::Event(Event::Ended { leg: self.leg, end }));
        Usage::Over
    }
}
