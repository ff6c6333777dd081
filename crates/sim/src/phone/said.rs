//! What a phone has answered, so that a repeated question gets the same answer (RFC 3261 §17.2).

use std::collections::VecDeque;
use std::time::Duration;

use base::Time;
use bytes::Bytes;
use sip::{Method, Name, Request, Response};

use super::asked::{T1, T2};

/// The last answers.
#[derive(Debug, Default)]
pub(super) struct Answers(VecDeque<Said>);

#[derive(Debug)]
struct Said {
    branch: String,
    method: Method,
    call_id: String,
    cseq: u32,
    bytes: Bytes,
    /// A final answer to an INVITE is repeated until the ACK (RFC 3261 §13.3.1.4, §17.2.1).
    unheard: Option<Unheard>,
}

#[derive(Debug)]
struct Unheard {
    success: bool,
    /// Provisional: a PRACK ends it (RFC 3262 §3).
    reliable: bool,
    resend: Time,
    interval: Duration,
    until: Time,
}

impl Said {
    fn waits_for_prack(&self, call_id: &str) -> bool {
        self.call_id == call_id && self.unheard.as_ref().is_some_and(|unheard| unheard.reliable)
    }
}

/// What time did to an answer nobody acknowledged.
pub(super) enum Due {
    /// Say it again.
    Again(Bytes),
    /// Give up; if it was a 2xx, the call named so ends.
    NoAck { call_id: String, success: bool },
}

impl Answers {
    /// What was said to this very request before.
    pub(super) fn again(&self, request: &Request) -> Option<Bytes> {
        let branch = branch(request)?;
        let said = self.0.iter().find(|said| said.branch == branch && said.method == request.method)?;
        Some(said.bytes.clone())
    }

    pub(super) fn keep(&mut self, request: &Request, response: &Response, bytes: Bytes, now: Time) {
        let (Some(branch), Some((cseq, _))) = (branch(request), request.cseq()) else { return };
        self.0.retain(|said| said.branch != branch || said.method != request.method);
        let reliable = response.headers.has(&Name::RSeq);
        let unheard = (request.method == Method::Invite && (response.is_final() || reliable)).then(|| Unheard {
            success: response.is_success(),
            reliable,
            resend: now + T1,
            interval: T1,
            until: now + 64 * T1,
        });
        let call_id = request.headers.call_id().unwrap_or_default().to_owned();
        self.0.push_back(Said { branch, method: request.method, call_id, cseq, bytes, unheard });
        if self.0.len() > SAID_MAX {
            self.0.pop_front();
        }
    }

    /// An ACK came. Tells whether it was the first of its answer, and if so whether that was a 2xx.
    pub(super) fn acknowledged(&mut self, ack: &Request) -> Option<bool> {
        let (cseq, _) = ack.cseq()?;
        let call_id = ack.headers.call_id()?;
        let said = self.0.iter_mut().find(|said| {
            let waits = said.unheard.as_ref().is_some_and(|unheard| !unheard.reliable);
            said.method == Method::Invite && said.cseq == cseq && said.call_id == call_id && waits
        })?;
        said.unheard.take().map(|unheard| unheard.success)
    }

    /// A PRACK came for what was said reliably in this call. True the first time.
    pub(super) fn heard_early(&mut self, call_id: &str) -> bool {
        let said = self.0.iter_mut().find(|said| said.waits_for_prack(call_id));
        said.and_then(|said| said.unheard.take()).is_some()
    }

    /// Is there something nobody has said a PRACK for?
    pub(super) fn waits_for_prack(&self, call_id: &str) -> bool {
        self.0.iter().any(|said| said.waits_for_prack(call_id))
    }

    pub(super) fn deadline(&self) -> Time {
        let unheard = self.0.iter().filter_map(|said| said.unheard.as_ref());
        unheard.map(|unheard| unheard.resend.min(unheard.until)).min().unwrap_or(Time::NEVER)
    }

    pub(super) fn due(&mut self, now: Time) -> Option<Due> {
        self.0.iter_mut().find_map(|said| {
            let unheard = said.unheard.as_mut()?;
            if now >= unheard.until {
                let success = unheard.success;
                said.unheard = None;
                return Some(Due::NoAck { call_id: said.call_id.clone(), success });
            }
            (now >= unheard.resend).then(|| {
                unheard.interval = (unheard.interval * 2).min(T2);
                unheard.resend = now + unheard.interval;
                Due::Again(said.bytes.clone())
            })
        })
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

pub(super) fn branch(request: &Request) -> Option<String> {
    Some(request.headers.via()?.branch()?.to_owned())
}

const SAID_MAX: usize = 64;
