//! The endpoint: see its parts.

mod conf;
mod event;

pub use conf::{Account, Peer, SipConf};
pub use event::{Command, End, Event, Incoming, Input, Origin, Outgoing, Output};
