//! They called and we have not answered (RFC 3261 §13.3).

use std::time::Duration;

use base::{LegId, Time};

use super::{Asked, Input, Output, Session, TransactionId, Usage, answer, answer_small};
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
}

const REFRESH: Duration = Duration::from_secs(60);

impl Uas {
    /// An INVITE came. `None` if it lacks what every request has.
    pub fn new(
        leg: LegId,
        transaction: TransactionId,
        invite: &Request,
        local_tag: &str,
        flow: Flow,
        now: Time,
    ) -> Option<Uas> {
        let expires = invite.headers.first(&Name::Expires).and_then(|text| text.trim().parse::<u32>().ok());
        Some(Uas {
            leg,
            dialog: Dialog::uas(invite, local_tag, flow)?,
            invite: Asked::new(transaction, invite, local_tag),
            ringing: 100,
            again: now + REFRESH,
            until: expires.map_or(Time::NEVER, |secs| now + Duration::from_secs(secs.into())),
        })
    }

    /// Tells it what happened.
    pub fn handle(mut self: Box<Self>, input: Input<'_>, now: Time, out: &mut Vec<Output>) -> Usage {
        match input {
            Input::Ring { status: status @ 101..=199, sdp } => {
                self.ringing = status;
                self.again = now + REFRESH;
                self.invite.respond(status, self.dialog.flow, sdp, out);
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
            Input::Tick if now >= self.again => {
                self.again = now + REFRESH;
                self.invite.respond(self.ringing, self.dialog.flow, None, out);
                Usage::Uas(self)
            }
            Input::Request { transaction, request } => match request.method {
                // RFC 3261 §15: a caller may end an early dialog so.
                Method::Bye => {
                    answer(transaction, request, 200).push(out);
                    self.end(487, End::Cancelled, out)
                }
                // RFC 3311 §5.2 and RFC 3261 §14.2: the INVITE's offer is not answered yet.
                Method::Update if request.body.is_empty() => {
                    Asked::new(transaction, request, &self.dialog.local_tag).respond(200, self.dialog.flow, None, out);
                    self.dialog.refresh(&request.headers);
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

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Time {
        self.again.min(self.until)
    }

    fn end(self, status: u16, end: End, out: &mut Vec<Output>) -> Usage {
        self.invite.respond(status, self.dialog.flow, None, out);
        out.push(Output::Event(Event::Ended { leg: self.leg, end }));
        Usage::Over
    }
}
