//! A world to try the switch in: phones, a network that may be bad, and scripts that say what they shall do.
//!
//! Where it stands: `tests/` puts the real switch into it, on a fake clock; `centrala demo` gives its phones real
//! sockets. Everything here is pure, and one number replays it. It knows the standards and no rule of the switch.
#![forbid(unsafe_code)]

mod fork;
pub mod network;
pub mod phone;
pub mod script;
mod zone;

pub use fork::Fork;
pub use network::{Network, NetworkConf};
pub use phone::Phone;
pub use script::Script;
pub use zone::Zone;
