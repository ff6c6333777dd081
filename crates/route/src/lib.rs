//! Where a number goes: a function, not a process.
//!
//! Where it stands: the switch asks it once for every new call; `flow` makes a program of the [`Destination`] it names.
//! It knows names, not phones: whether anybody is there is found out by ringing.
#![forbid(unsafe_code)]

mod caller;
mod destination;
mod hours;
mod pattern;
mod table;
mod wish;

pub use caller::{Caller, From, Numbers};
pub use destination::{Destination, Ear};
pub use hours::{Hours, Span};
pub use pattern::Pattern;
pub use table::{Found, Guest, Miss, Moment, Route, RouteError, Routes, Share, Switches, When};
pub use wish::{Case, Wish};
