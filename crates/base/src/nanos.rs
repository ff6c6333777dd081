//! Lengths of time in what is kept: whole nanoseconds, so that what is read is what was written.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes it.
///
/// # Errors
/// Where the format has no such number.
pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).serialize(to)
}

/// Reads it.
///
/// # Errors
/// Where there is no such number.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_nanos)
}
