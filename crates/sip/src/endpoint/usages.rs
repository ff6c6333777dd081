//! What legs are told, and what they want done.
//!
//! Where it stands: commands, transactions and timers end in [`Endpoint::tell`]; a leg's wishes become messages, transactions
//! and events in [`Endpoint::grant_for`]. What they mean is the INVITE usage's ([`invite`]).

use base::{LegId, Time};

use super::door::TAG_LETTERS;
use super::gate::user_of;
use super::legs::Seat;
use super::transactions::Owner;
use super::{End, Endpoint, Event, Outgoing, Output};
use crate::digest::Signed;
use crate::invite::{self, Names, TransactionId, Uac, Usage};
use crate::recording::metadata_in;
use crate::user_to_user::said_in;
use crate::{Method, Name, register};

impl Endpoint {
    pub(super) fn invite(&mut self, leg: LegId, mut invite: Outgoing, now: Time, out: &mut Vec<Output>) {
        if self.legs.get(leg).is_some() {
            return; // a number is used once
        }
        while self.overload.keeps_back(invite.flow.remote, now, &mut self.random) {
            if invite.others.is_empty() {
                return out.push(Output::Event(Event::Ended { leg, end: End::Refused(503) }));
            }
            let next = invite.others.remove(0);
            (invite.uri, invite.flow) = (next.uri, next.flow);
            invite.headers.retain(|(name, _)| *name != Name::Route);
            invite.headers.extend(next.routes.into_iter().map(|hop| (Name::Route, hop)));
        }
        if self.transactions.len() >= self.conf.transactions_max {
            return out.push(Output::Event(Event::Ended { leg, end: End::Refused(503) }));
        }
        let (tag, call_id) = (self.random.token(TAG_LETTERS), self.random.token(24));
        let mut cnonce = String::new();
        if let Some(credentials) = &invite.credentials {
            cnonce = self.random.token(16);
            let signed = Signed { method: Method::Invite, uri: &invite.uri };
            invite.headers.extend(self.challenged.sign(invite.flow.remote, credentials, signed, &cnonce));
        }
        let names = Names { tag: &tag, call_id: &call_id, cnonce, user_agent: &self.conf.server };
        let (flow, mut wishes) = (invite.flow, Vec::new());
        let called = user_of(Some(&invite.to.to_string()));
        let behind = called.and_then(|account| self.registrar.source(&account, &invite.uri, flow));
        let (known, proof) = (invite.credentials.clone(), names.cnonce.clone());
        let usage = Usage::Uac(Box::new(Uac::new(leg, invite, names, now, &mut wishes)));
        let mut seat = Seat::new(usage, &tag, flow, None);
        seat.behind = behind;
        self.legs.insert(leg, seat.proving(known, || proof));
        self.legs.settle(leg);
        self.grant(leg, &mut wishes, now, out);
    }

    /// Tells a leg something and does what it wants.
    pub(super) fn tell(&mut self, leg: LegId, input: invite::Input<'_>, now: Time, out: &mut Vec<Output>) {
        let invite = self.legs.get(leg).and_then(|seat| seat.invite);
        self.tell_of(leg, invite, input, now, out);
    }

    /// The same, about this INVITE of the leg's: a late answer to its first one must not be taken for one to the last.
    pub(super) fn tell_of(
        &mut self,
        leg: LegId,
        invite: Option<TransactionId>,
        input: invite::Input<'_>,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let beside = said_in(&input).map(|said| Output::Event(Event::UserToUser { leg, said }));
        out.extend(beside);
        out.extend(metadata_in(&input).map(|xml| Output::Event(Event::Metadata { leg, xml })));
        let mut wishes = self.wishes.pop().unwrap_or_default();
        self.legs.tell(leg, input, now, &mut wishes);
        self.grant_for(leg, invite, &mut wishes, now, out);
        self.wishes.push(wishes);
    }

    pub(super) fn grant(&mut self, leg: LegId, wishes: &mut Vec<invite::Output>, now: Time, out: &mut Vec<Output>) {
        let invite = self.legs.get(leg).and_then(|seat| seat.invite);
        self.grant_for(leg, invite, wishes, now, out);
    }

    /// Does what a leg wants. The leg may be gone by then; `invite` is its INVITE's transaction.
    pub(super) fn grant_for(
        &mut self,
        leg: LegId,
        invite: Option<TransactionId>,
        wishes: &mut Vec<invite::Output>,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        for wish in wishes.drain(..) {
            match (wish, invite) {
                (invite::Output::Event(event), _) => out.push(Output::Event(event)),
                (invite::Output::FlowFailed { account, hop, is_gone }, _) => {
                    let failed = register::Input::FlowFailed { account: &account, hop: &hop, is_gone };
                    self.registrar_told(failed, now, out);
                }
                (invite::Output::Respond { transaction, status, bytes }, _) => {
                    self.transactions.respond(transaction, status, bytes, now, out);
                }
                (invite::Output::Invite { request, to }, _) => {
                    let id = self.send(request, to, Some(Owner::Leg(leg)), now, out);
                    if let Some(seat) = self.legs.get(leg) {
                        seat.invite = Some(id);
                        seat.flow = to;
                    }
                }
                (invite::Output::Reinvite { request, to }, _) => {
                    let id = self.send(request, to, Some(Owner::Leg(leg)), now, out);
                    if let Some(seat) = self.legs.get(leg) {
                        seat.invite = Some(id);
                    }
                }
                (invite::Output::Request { request, to }, _) => {
                    self.send(request, to, Some(Owner::Leg(leg)), now, out);
                }
                (invite::Output::Cancel { reason }, Some(id)) => {
                    self.transactions.cancel(id, reason.as_deref(), now, out);
                }
                (invite::Output::Abandon, Some(id)) => self.transactions.abandon(id, now, out),
                (invite::Output::Acknowledge { ack, tag, to }, Some(id)) => {
                    self.acknowledge(id, ack, &tag, to, now, out);
                }
                (invite::Output::TurnDown(turn_down), Some(id)) => self.turn_down(id, turn_down, now, out),
                (_, None) => debug_assert!(false, "only who sent an INVITE has one to cancel or acknowledge"),
            }
        }
    }
}
