//! What a phone has asked and not yet been told: requests repeated until they are answered (RFC 3261 §17.1).

use std::time::Duration;

use base::Time;
use sip::{Method, Request};

use super::changes::Wish;

/// RFC 3261 §17.1.1.1: an estimate of the round trip.
pub(super) const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.2.1: no longer between repetitions.
pub(super) const T2: Duration = Duration::from_secs(4);

/// A request under way.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) branch: String,
    pub(super) why: Why,
    /// How often its challenge was answered.
    pub(super) proofs: u8,
    /// The last status heard.
    pub(super) heard: u16,
    resend: Time,
    interval: Duration,
    until: Time,
    /// However long it may take: no longer, once we gave up on it.
    at_last: Time,
}

/// What it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Register {
        expires_secs: u32,
    },
    Invite,
    /// Hold, or resume; or whatever they offer.
    Change(Wish),
    /// A SUBSCRIBE.
    Watch,
    /// CANCEL, BYE, INFO, MESSAGE: whatever the answer is, it changes nothing.
    Formality,
}

impl Asked {
    pub(super) fn new(request: Request, branch: String, why: Why, proofs: u8, now: Time) -> Asked {
        let (resend, until) = (now + T1, now + 64 * T1); // Timers A or E, and B or F
        Asked { request, branch, why, proofs, heard: 0, resend, interval: T1, until, at_last: Time::NEVER }
    }

    pub(super) fn is_invite(&self) -> bool {
        self.request.method == Method::Invite
    }

    /// Something came back: an INVITE is repeated no more and may take as long as it likes, another request goes on at
    /// T2 (RFC 3261 §17.1.1.2, §17.1.2.2).
    pub(super) fn proceeds(&mut self, status: u16) {
        self.heard = status;
        if self.is_invite() {
            (self.resend, self.until) = (Time::NEVER, self.at_last);
        } else {
            self.interval = T2;
        }
    }

    /// We gave up on an INVITE: its final answer must come soon or never (RFC 3261 §9.1).
    pub(super) fn gives_up(&mut self, now: Time) {
        self.at_last = now + 64 * T1;
        self.until = self.until.min(self.at_last);
    }

    pub(super) fn deadline(&self) -> Time {
        self.resend.min(self.until)
    }

    pub(super) fn is_lost(&self, now: Time) -> bool {
        now >= self.until
    }

    /// Time to say it again?
    pub(super) fn repeats(&mut self, now: Time) -> bool {
        let due = now >= self.resend;
        if due {
            let doubled = self.interval * 2;
            self.interval = if self.is_invite() { doubled } else { doubled.min(T2) };
            self.resend = now + self.interval;
        }
        due
    }
}
