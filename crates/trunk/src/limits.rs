//! How much a trunk may be used: calls at once, calls a second, calls a day, in either direction or both together.
//!
//! Where it stands: each trunk has a [`Load`]; a call asks it before it is taken or placed. It counts and forgets; who
//! is told what is decided above.

use std::time::Duration;

use base::{Time, WallClock};
use serde::Serialize;

/// What may not be exceeded; 0 is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once, in and out together.
    pub calls: u32,
    /// Of those, calls that came.
    pub calls_in: u32,
    /// Of those, calls we placed.
    pub calls_out: u32,
    /// Calls begun a second, in and out together.
    pub calls_per_sec: u32,
    /// Calls begun a day (UTC), in and out together.
    pub calls_per_day: u32,
}

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// From the carrier to us.
    In,
    /// From us to the carrier.
    Out,
}

/// What stands in the way of one more call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// So many calls at once.
    Calls(u32),
    /// So many at once in that direction.
    CallsOneWay(Way, u32),
    /// So many a second.
    PerSecond(u32),
    /// So many a day.
    PerDay(u32),
}

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Over::Calls(max) => write!(f, "{max} calls at once (limits.calls)"),
            Over::CallsOneWay(Way::In, max) => write!(f, "{max} calls in at once (limits.calls_in)"),
            Over::CallsOneWay(Way::Out, max) => write!(f, "{max} calls out at once (limits.calls_out)"),
            Over::PerSecond(max) => write!(f, "{max} calls a second (limits.calls_per_sec)"),
            Over::PerDay(max) => write!(f, "{max} calls a day (limits.calls_per_day)"),
        }
    }
}

/// A trunk's use now and today.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    calls_in: u32,
    calls_out: u32,
    /// When the second's calls would all be used up, if that many more began: a leaky bucket.
    full_at: Time,
    day: i64,
    today: u32,
}

impl Load {
    /// One more call, if it may be.
    pub fn begin(&mut self, way: Way, limits: &Limits, now: Time, clock: WallClock) -> Result<(), Over> {
        self.turn_day(now, clock);
        let one_way = match way {
            Way::In => (self.calls_in, limits.calls_in),
            Way::Out => (self.calls_out, limits.calls_out),
        };
        let reached = |count: u32, max: u32| max != 0 && count >= max;
        if reached(self.calls_in + self.calls_out, limits.calls) {
            return Err(Over::Calls(limits.calls));
        }
        if reached(one_way.0, one_way.1) {
            return Err(Over::CallsOneWay(way, one_way.1));
        }
        if reached(self.today, limits.calls_per_day) {
            return Err(Over::PerDay(limits.calls_per_day));
        }
        if limits.calls_per_sec != 0 {
            // Each call takes its share of a second; a second's calls may come at once, but no more.
            let share = SECOND / limits.calls_per_sec;
            let full_at = self.full_at.max(now) + share;
            if full_at > now + share * limits.calls_per_sec {
                return Err(Over::PerSecond(limits.calls_per_sec));
            }
            self.full_at = full_at;
        }
        match way {
            Way::In => self.calls_in += 1,
            Way::Out => self.calls_out += 1,
        }
        self.today = self.today.saturating_add(1);
        Ok(())
    }

    /// A call that began is over.
    pub fn end(&mut self, way: Way) {
        let count = match way {
            Way::In => &mut self.calls_in,
            Way::Out => &mut self.calls_out,
        };
        *count = count.saturating_sub(1);
    }

    /// Calls now.
    pub fn calls(&self, way: Way) -> u32 {
        match way {
            Way::In => self.calls_in,
            Way::Out => self.calls_out,
        }
    }

    /// Calls begun since the day began.
    pub fn today(&self, now: Time, clock: WallClock) -> u32 {
        if day(now, clock) == self.day { self.today } else { 0 }
    }

    /// So many began on that day, before the switch was started.
    pub fn had(&mut self, day: i64, calls: u32) {
        (self.day, self.today) = (day, calls);
    }

    fn turn_day(&mut self, now: Time, clock: WallClock) {
        let day = day(now, clock);
        if day != self.day {
            (self.day, self.today) = (day, 0);
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// The number of a day (UTC).
pub(crate) fn day(now: Time, clock: WallClock) -> i64 {
    clock.unix_ms(now).div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLOCK: WallClock = WallClock { unix_ms_at_zero: 1_790_000_000_000 };

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn calls_at_once_are_counted_each_way_and_together() {
        let limits = Limits { calls: 3, calls_in: 1, calls_out: 2, ..Limits::default() };
        let mut load = Load::default();
        let begin = |load: &mut Load, way| load.begin(way, &limits, at(0), CLOCK);
        assert_eq!(begin(&mut load, Way::In), Ok(()));
        assert_eq!(begin(&mut load, Way::In), Err(Over::CallsOneWay(Way::In, 1)));
        assert_eq!([begin(&mut load, Way::Out), begin(&mut load, Way::Out)], [Ok(()), Ok(())]);
        assert_eq!(begin(&mut load, Way::Out), Err(Over::Calls(3)));
        load.end(Way::In);
        assert_eq!(begin(&mut load, Way::Out), Err(Over::CallsOneWay(Way::Out, 2)));
        assert_eq!(begin(&mut load, Way::In), Ok(()));
        assert_eq!((load.calls(Way::In), load.calls(Way::Out), load.today(at(0), CLOCK)), (1, 2, 4));
    }

    #[test]
    fn a_second_holds_so_many_new_calls() {
        let limits = Limits { calls_per_sec: 2, ..Limits::default() };
        let mut load = Load::default();
        let taken: Vec<bool> = [0, 0, 0, 400, 500, 600, 1_500, 5_000, 5_000, 5_001]
            .iter()
            .map(|ms| load.begin(Way::Out, &limits, at(*ms), CLOCK).is_ok())
            .collect();
        assert_eq!(taken, [true, true, false, false, true, false, true, true, true, false]);
    }

    #[test]
    fn a_day_ends_at_midnight() {
        let limits = Limits { calls_per_day: 1, ..Limits::default() };
        let midnight = (DAY_MS - CLOCK.unix_ms_at_zero.rem_euclid(DAY_MS)) as u64;
        let mut load = Load::default();
        assert_eq!(load.begin(Way::In, &limits, at(midnight - 1), CLOCK), Ok(()));
        assert_eq!(load.begin(Way::In, &limits, at(midnight - 1), CLOCK), Err(Over::PerDay(1)));
        assert_eq!(load.today(at(midnight), CLOCK), 0);
        assert_eq!(load.begin(Way::In, &limits, at(midnight), CLOCK), Ok(()));
    }

    proptest! {
        #[test]
        fn no_second_ever_holds_more_than_twice_its_calls(steps in prop::collection::vec(0_u64..700, 1..80), max in 1_u32..20) {
            let limits = Limits { calls_per_sec: max, ..Limits::default() };
            let (mut load, mut now, mut taken) = (Load::default(), 0, Vec::new());
            for step in steps {
                now += step;
                if load.begin(Way::Out, &limits, at(now), CLOCK).is_ok() {
                    taken.push(now);
                }
            }
            for from in &taken {
                let within = taken.iter().filter(|at| (*from..*from + 1_000).contains(*at)).count();
                prop_assert!(within <= 2 * max as usize);
            }
        }
    }
}
