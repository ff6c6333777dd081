//! The programs a call may run, and the journey that runs them.
//!
//! Where it stands: above `call`, whose verbs the programs use, and `route`, whose destinations name them. It never
//! names a socket, a packet or a header.
#![forbid(unsafe_code)]

mod announce;
mod conf;
mod echo;
mod journey;
mod menu;
mod ring;

pub use conf::{FlowConf, GroupConf, MenuConf, PersonConf};
pub use journey::Journey;

use call::{Call, Event};
use route::Destination;

/// A small machine that owns a call's next decision.
pub trait Program: std::fmt::Debug {
    /// One decision. The first event is `Started`; after `HungUp` nothing follows.
    fn step(&mut self, event: Event, call: &mut Call) -> Next;
}

/// What comes after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The program goes on.
    Wait,
    /// Another program takes over.
    Go(Destination),
    /// The program has ended the call, or found it ended.
    Over,
}
