#![forbid(unsafe_code)]
//! A world to try the switch in.

pub mod network;
pub mod phone;

pub use network::Network;
pub use phone::Phone;
