//! The four transactions of RFC 3261 §17, with RFC 6026: they repeat our last word until it was heard, and absorb the
//! other side's repeats.
//!
//! Where they stand: the endpoint makes them, finds them by branch and gives their owners what they pass up. They hold
//! the bytes of one message, know nothing of dialogs and decide nothing.

pub mod client;
pub mod invite_client;
pub mod invite_server;
pub mod server;

use std::time::Duration;

use bytes::Bytes;

pub use client::Client;
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use server::Server;

use base::Time;

/// The round trip a datagram is given (RFC 3261 §17.1.1.1).
pub const T1: Duration = Duration::from_millis(500);
/// The longest pause between two repeats of anything but an INVITE.
pub const T2: Duration = Duration::from_secs(4);
/// The longest a datagram stays in the network.
pub const T4: Duration = Duration::from_secs(5);
/// 64*T1: when to give up (Timers B, F, H) and how long repeats may still come (D, J, L, M).
pub const PATIENCE: Duration = Duration::from_secs(32);

/// What a transaction wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To the other side.
    Send(Bytes),
    /// A client transaction: the response just heard is news to the owner.
    Pass,
    /// A client transaction: nobody answered in time. For the owner that is a 408 (RFC 3261 §8.1.3.1).
    TimedOut,
    /// A client transaction: the message cannot reach the other side.
    Lost,
    /// An INVITE server transaction: our refusal was never acknowledged (Timer H).
    NoAck,
}

/// When to say our word again: on UDP after `wait`, `2 * wait`, …; on a stream never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub at: Time,
    wait: Duration,
}

impl Repeat {
    /// The first repeat is due T1 from now.
    pub fn new(reliable: bool, now: Time) -> Repeat {
        Repeat { at: if reliable { Time::NEVER } else { now + T1 }, wait: T1 }
    }

    /// The pause doubles (Timer A).
    pub fn doubled(self, now: Time) -> Repeat {
        Repeat { at: now + 2 * self.wait, wait: 2 * self.wait }
    }

    /// The pause doubles up to T2 (Timers E and G, and the UAS' 2xx).
    pub fn slower(self, now: Time) -> Repeat {
        let wait = T2.min(2 * self.wait);
        Repeat { at: now + wait, wait }
    }

    /// The pause is T2 from now on (Timer E once a provisional response came).
    pub fn slowest(self, now: Time) -> Repeat {
        Repeat { at: now + T2, wait: T2 }
    }
}

/// How long a transaction stays for late repeats: on a stream there are none.
fn linger(reliable: bool, duration: Duration) -> Duration {
    if reliable { Duration::ZERO } else { duration }
}
