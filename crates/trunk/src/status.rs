//! How a trunk stands, for people to read.

use serde::{Deserialize, Serialize};

/// One trunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrunkStatus {
    /// Its name.
    pub trunk: String,
    /// Where calls are sent.
    pub address: String,
    /// By `UDP`, `TCP` or `TLS`.
    pub transport: String,
    /// `up`, `down`, `resting` (it asked for it) or `disabled`.
    pub state: String,
    /// `registered`, `not registered`, or none where it wants no registration.
    pub registration: Option<String>,
    /// For so many seconds more.
    pub registered_secs: Option<u64>,
    /// The groups it is in.
    pub groups: Vec<String>,
    /// Calls from it now.
    pub calls_in: u32,
    /// Calls to it now.
    pub calls_out: u32,
    /// Calls begun since midnight UTC.
    pub calls_today: u32,
    /// Calls at once that may be; 0 is no limit.
    pub calls_max: u32,
    /// Calls a second that may begin; 0 is no limit.
    pub calls_per_sec_max: u32,
    /// Calls a day that may begin; 0 is no limit.
    pub calls_per_day_max: u32,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// So many seconds ago.
    pub last_error_secs: Option<u64>,
}
