//! Monotonic time as a plain number, and its tie to the calendar.
//!
//! Where it stands: every machine takes a [`Time`] as `now`; only the shell makes one from a real clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment on the monotonic clock: nanoseconds since the switch (or the simulation) began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The beginning.
    pub const ZERO: Time = Time(0);
    /// A moment that never comes.
    pub const NEVER: Time = Time(u64::MAX);

    /// The moment `ms` milliseconds after the beginning.
    pub const fn from_millis(ms: u64) -> Time {
        Time(ms * 1_000_000)
    }

    /// The moment `nanos` nanoseconds after the beginning.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// Nanoseconds since the beginning.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Milliseconds since the beginning, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier` this is; nothing if it is not after it.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, duration: Duration) -> Time {
        Time(self.0.saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s", self.0 as f64 / 1e9)
    }
}

/// What the calendar said at [`Time::ZERO`], so that a moment can be written as a date.
///
/// Durations are always differences of [`Time`]; a stepped system clock changes dates, never lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// Unix time of [`Time::ZERO`], milliseconds.
    pub unix_ms_at_zero: i64,
}

impl WallClock {
    /// Unix time of a moment, milliseconds.
    pub fn unix_ms(self, time: Time) -> i64 {
        self.unix_ms_at_zero.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    }

    /// The clock of moments that are counted from 1970, as those in the journal are.
    pub const UNIX: WallClock = WallClock { unix_ms_at_zero: 0 };

    /// A moment counted from 1970, for [`WallClock::UNIX`]: one that outlives the switch.
    pub fn since_1970(self, time: Time) -> Time {
        Time::from_millis(u64::try_from(self.unix_ms_at_zero).unwrap_or(0)) + time.since(Time::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_backwards_or_past_its_end() {
        let one = Time::from_millis(1);
        assert_eq!(one.since(Time::from_millis(5)), Duration::ZERO);
        assert_eq!(Time::NEVER + Duration::from_secs(1), Time::NEVER);
        assert_eq!(Time::ZERO - Duration::from_secs(1), Time::ZERO);
        assert_eq!((one + Duration::from_millis(4)).since(one), Duration::from_millis(4));
    }
}
