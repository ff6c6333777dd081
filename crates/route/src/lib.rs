//! Where a number goes: a function, not a process.
//!
//! Where it stands: the switch asks it once for every new call; `flow` makes a program of the [`Destination`] it names.
//! It knows names, not phones: whether anybody is there is found out by ringing.
#![forbid(unsafe_code)]

mod destination;
mod table;

pub use destination::Destination;
pub use table::{Found, From, Pattern, Route, RouteError, Routes};
