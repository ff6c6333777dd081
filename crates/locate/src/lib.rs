//! Where a SIP name leads (RFC 3263): names become targets to be tried in turn. See ARCHITECTURE.md for where it stands.
//!
//! The switch asks [`Locator::targets`] for where a request may go; whoever the name server is, the shell asks it what
//! [`Output::Ask`] wants to know. Nobody ever waits here: what is not known yet is said when it is.
#![forbid(unsafe_code)]

mod cache;
mod locator;
mod order;
mod record;
mod walk;

pub use locator::{Input, LocateConf, Locator, Output, Target};
pub use record::{Answer, Kind, Question, Record};
