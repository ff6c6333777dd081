//! The one clock. Everything else is told what time it is.
//!
//! Where it stands: the shell reads it once a wake-up and hands the moment to the rooms. Copies show the same time, so
//! that a moment noted by the control thread means the same on a media thread.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base::{Time, WallClock};
use jiff::Timestamp;

/// The monotonic clock, counted from when it was started, and what the calendar said then.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    wall: WallClock,
}

impl Clock {
    /// Starts it; once, in `main`.
    #[allow(clippy::disallowed_methods)] // here and nowhere else
    pub fn start() -> Clock {
        // A calendar before 1970 is wrong anyway.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms_at_zero = i64::try_from(unix.as_millis()).unwrap_or(i64::MAX);
        Clock { origin: Instant::now(), wall: WallClock { unix_ms_at_zero } }
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        Time::from_nanos(self.origin.elapsed().as_nanos() as u64) // wraps after 584 years
    }

    /// The moment, as a date.
    pub fn today(&self) -> Timestamp {
        Timestamp::from_millisecond(self.wall.unix_ms(self.now())).unwrap_or_default()
    }

    /// When it was started, for those that count in the system's own moments.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// How to write a moment as a date.
    pub fn wall(&self) -> WallClock {
        self.wall
    }
}
