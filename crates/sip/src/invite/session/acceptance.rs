//! A 200 to an INVITE, said again until its ACK comes: the transaction does not (RFC 3261 §13.3.1.4).
//!
//! Where it stands: [`super::Session`] keeps one while nobody has acknowledged it. It knows no state but its own.

use base::Time;
use bytes::Bytes;

use super::super::{Asked, Output, TransactionId};
use crate::transaction::{PATIENCE, Repeat};
use crate::{Flow, Request};

/// Our 200.
#[derive(Debug)]
pub struct Acceptance {
    transaction: TransactionId,
    cseq: u32,
    bytes: Bytes,
    repeat: Repeat,
    until: Time,
}

impl Acceptance {
    /// Says it.
    pub fn new(asked: &Asked, flow: Flow, sdp: Option<Bytes>, now: Time, out: &mut Vec<Output>) -> Acceptance {
        let bytes = asked.response(200, flow, sdp).to_bytes();
        let (transaction, cseq) = (asked.transaction, asked.cseq);
        out.push(Output::Respond { transaction, status: 200, bytes: bytes.clone() });
        Acceptance { transaction, cseq, bytes, repeat: Repeat::new(asked.is_safe(flow), now), until: now + PATIENCE }
    }

    /// Says it again, if it is time. False: it was said often enough.
    pub fn again(&mut self, now: Time, out: &mut Vec<Output>) -> bool {
        if now >= self.until {
            return false;
        }
        if now >= self.repeat.at {
            self.repeat = self.repeat.slower(now);
            out.push(Output::Respond { transaction: self.transaction, status: 200, bytes: self.bytes.clone() });
        }
        true
    }

    /// Is this the ACK for it?
    pub fn is_heard_by(&self, ack: &Request) -> bool {
        ack.cseq().is_some_and(|(cseq, _)| cseq == self.cseq)
    }

    /// When to say it again or give up.
    pub fn deadline(&self) -> Time {
        self.repeat.at.min(self.until)
    }
}
