//! Who may watch whom, and what there is to be seen: lamps, presence, waiting messages.
//!
//! Where it stands: beside `call` and `acd`, above `sip`, whose subscriptions it fills. The switch tells it how the lines of
//! each call stand and what waits in mailboxes, hears who is to be told ([`Sight`]), and asks what such a one looks like.
//! It knows no subscription, no leg's media and no queue's rules; it sends nothing.
#![forbid(unsafe_code)]

mod availability;
mod calls;
mod lamps;
mod mailboxes;
mod rights;

pub use availability::availability;
pub use calls::{Calls, Sight, Watched};
pub use lamps::{place_lamp, queue_lamp};
pub use mailboxes::Mailboxes;
pub use rights::{Rights, Watchers};
