//! Carriers and other switches: are they there, do they know us, may one more call go, and what is it to say.
//!
//! Where it stands: the switch asks it for a way out ([`Trunks::choose`]), tells it what SIP says of its calls, and sends
//! the requests it wants. It knows neither media nor menus, and never which phone rings.
#![forbid(unsafe_code)]

mod conf;
mod group;
mod header_rules;
mod health;
mod identity;
mod invite;
mod limits;
mod number;
mod registration;
mod status;
mod today;
mod trunk;
mod trunks;
mod words;

pub use conf::TrunkConf;
pub use group::{GroupConf, Member, Statuses, usual_statuses};
pub use header_rules::{HeaderRules, WORDS, may_be_named, may_be_removed};
pub use health::HealthConf;
pub use identity::{ANONYMOUS, Asserted, Caller, Diversion, Diverted, IdentityPolicy, wants_privacy};
pub use invite::{Order, Placed};
pub use limits::{Limits, Over, Way};
pub use number::{Form, NumberPlan, Touch};
pub use registration::RegisterConf;
pub use status::TrunkStatus;
pub use today::Today;
pub use trunks::{Choice, Trunks};
pub use words::{Ask, Input, News, Output};
