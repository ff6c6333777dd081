//! Reliable provisional responses (RFC 3262): said again until the PRACK comes.
//!
//! Where it stands: [`super::Uas`] says them to a caller who wants that. One at a time is under way; what comes after
//! waits. Those said to us are acknowledged by [`super::early`].

use base::Time;
use bytes::Bytes;

use super::{Output, TransactionId};
use crate::transaction::{PATIENCE, Repeat};
use crate::{Name, Request, Response};

/// Which provisional responses a caller wants reliably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It knows nothing of it.
    None,
    /// It can: then those that carry a session are, for they may not get lost. Mere ringing may.
    Sessions,
    /// It requires it.
    All,
}

impl Wanted {
    /// What an INVITE says.
    pub fn by(invite: &Request) -> Wanted {
        match &invite.headers {
            headers if headers.lists(&Name::Require, "100rel") => Wanted::All,
            headers if headers.lists(&Name::Supported, "100rel") => Wanted::Sessions,
            _ => Wanted::None,
        }
    }
}

/// A reliable response of ours that no PRACK has come for.
#[derive(Debug)]
pub struct Unheard {
    rseq: u32,
    cseq: u32,
    /// Its session must be heard before the call is answered (RFC 3262 §3).
    pub has_sdp: bool,
    status: u16,
    bytes: Bytes,
    repeat: Repeat,
    until: Time,
}

impl Unheard {
    /// Says it.
    pub fn new(
        (transaction, cseq, rseq): (TransactionId, u32, u32),
        mut response: Response,
        reliable: bool,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Unheard {
        response.headers.push(Name::Require, "100rel");
        response.headers.push(Name::RSeq, rseq.to_string());
        let (status, bytes) = (response.status, response.to_bytes());
        out.push(Output::Respond { transaction, status, bytes: bytes.clone() });
        let has_sdp = !response.body.is_empty();
        Unheard { rseq, cseq, has_sdp, status, bytes, repeat: Repeat::new(reliable, now), until: now + PATIENCE }
    }

    /// Is this the PRACK for it?
    pub fn is_heard_by(&self, prack: &Request) -> bool {
        let mut words = prack.headers.first(&Name::RAck).unwrap_or_default().split_ascii_whitespace();
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
        number() == Some(self.rseq) && number() == Some(self.cseq) && words.next() == Some("INVITE")
    }

    /// Says it again, if it is time. False: it was said often enough.
    pub fn again(&mut self, transaction: TransactionId, now: Time, out: &mut Vec<Output>) -> bool {
        if now >= self.repeat.at {
            self.repeat = self.repeat.doubled(now);
            out.push(Output::Respond { transaction, status: self.status, bytes: self.bytes.clone() });
        }
        now < self.until
    }

    /// When to say it again or give up.
    pub fn deadline(&self) -> Time {
        self.repeat.at.min(self.until)
    }
}
