//! Centrala: a SIP softswitch for call centres with call recording.
//!
//! The rooms are crates of their own; here they are joined ([`Switch`]), configured ([`conf`]) and given sockets, files
//! and a clock ([`shell`]). `ARCHITECTURE.md` is the map.

pub mod conf;
pub mod demo;
mod directory;
mod port_pool;
mod quotas;
pub mod shell;
mod sidecar;
pub mod status;
#[cfg(feature = "s3")]
pub mod storage;
mod switch;
pub mod trace;
mod wav;

pub use switch::{Input, Output, Switch};
