//! The one clock. Everything else is told what time it is.
//!
//! Where it stands: the shell reads it once a wake-up and hands the moment to the rooms. Copies show the same time, so
//! that a moment noted by the control thread means the same on a media thread. Lengths are read off the monotonic clock
//! alone; the system's clock names moments, and where somebody sets that, [`Clock::follow`] notices.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base::{Time, WallClock};
use jiff::Timestamp;

/// The monotonic clock, counted from when it was started, and what the calendar says of that moment today.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    /// One for all copies, as long as the program runs.
    unix_ms_at_zero: &'static AtomicI64,
}

/// What is less was not set by anybody: it is how finely the two can be compared.
const STEP_MS: u64 = 250;

impl Clock {
    /// Starts it; once, in `main`.
    #[allow(clippy::disallowed_methods)] // here and nowhere else
    pub fn start() -> Clock {
        let unix_ms_at_zero = Box::leak(Box::new(AtomicI64::new(unix_ms())));
        Clock { origin: Instant::now(), unix_ms_at_zero }
    }

    /// Looks whether the system's clock was set, and then names moments as it does. Tells by how much, in milliseconds.
    pub fn follow(&self) -> Option<i64> {
        let wall = self.wall();
        let by_ms = unix_ms().saturating_sub(wall.unix_ms(self.now()));
        if by_ms.unsigned_abs() < STEP_MS {
            return None;
        }
        self.unix_ms_at_zero.store(wall.unix_ms_at_zero.saturating_add(by_ms), Ordering::Relaxed);
        Some(by_ms)
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        Time::from_nanos(self.origin.elapsed().as_nanos() as u64) // wraps after 584 years
    }

    /// The moment, as a date.
    pub fn today(&self) -> Timestamp {
        Timestamp::from_millisecond(self.wall().unix_ms(self.now())).unwrap_or_default()
    }

    /// When it was started, for those that count in the system's own moments.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// How to write a moment as a date.
    pub fn wall(&self) -> WallClock {
        WallClock { unix_ms_at_zero: self.unix_ms_at_zero.load(Ordering::Relaxed) }
    }
}

/// What the system's clock says; a calendar before 1970 is wrong anyway.
#[allow(clippy::disallowed_methods)] // here and nowhere else
fn unix_ms() -> i64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(unix.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_followed_once() {
        let clock = Clock::start();
        let copy = clock;
        assert_eq!(clock.follow(), None);
        // As if somebody had set the system's clock an hour forward after we started.
        clock.unix_ms_at_zero.fetch_sub(3_600_000, Ordering::Relaxed);
        let (before, wrong) = (clock.now(), clock.today());
        let by = clock.follow().expect("a step");
        assert!(by.abs_diff(3_600_000) < STEP_MS, "{by}");
        assert!(copy.today().duration_since(wrong).as_secs() >= 3_599, "copies follow");
        assert!(copy.now() >= before, "lengths do not");
        assert_eq!(clock.follow(), None);
    }
}
