//! What people have used, over a restart: who is blocked stays so, and a crash brings nobody's hour, day or minutes back.
//!
//! Times are the calendar's, as the monotonic clock begins anew; a clock that was set meanwhile makes nobody wait longer than a
//! limit's own time. Calls are not kept: those that stood have ended.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Time, WallClock};
use serde::{Deserialize, Serialize};

use super::{Bucket, DAY, HOUR, Minutes, Quotas, Use};

/// One person's, by account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Used {
    /// Until when the buckets have something in them: milliseconds since 1970.
    hour_until: i64,
    day_until: i64,
    refusals_until: i64,
    /// The seconds talked outside, as they stood at that time.
    talked_secs: u32,
    talked_at: i64,
    blocked: bool,
}

impl Quotas {
    /// What is to be kept.
    pub(crate) fn used(&self, clock: WallClock, now: Time) -> BTreeMap<&str, Used> {
        let until = |bucket: Bucket| if bucket.full_at > now { clock.unix_ms(bucket.full_at) } else { 0 };
        let used = |used: &Use| Used {
            hour_until: until(used.hour),
            day_until: until(used.day),
            refusals_until: until(used.refusals),
            talked_secs: used.minutes.secs as u32,
            talked_at: if used.minutes.secs >= 1.0 { clock.unix_ms(used.minutes.at) } else { 0 },
            blocked: used.blocked,
        };
        let all = self.used.iter().map(|(account, of)| (account.as_str(), used(of)));
        all.filter(|(_, used)| *used != Used::default()).collect()
    }

    /// What each had used when the switch was last there.
    pub(crate) fn remember(&mut self, kept: BTreeMap<String, Used>, clock: WallClock, now: Time) {
        let today = clock.unix_ms(now);
        let bucket = |until: i64, window: Duration| {
            let left = Duration::from_millis(until.saturating_sub(today).max(0).unsigned_abs());
            Bucket { full_at: now + left.min(window) }
        };
        for (account, kept) in kept {
            let per_day = self.limits(&account).outside_minutes_per_day;
            let passed = today.saturating_sub(kept.talked_at).max(0) as f64 / 1_000.0;
            let forgotten = passed * f64::from(per_day) * 60.0 / DAY.as_secs_f64();
            let minutes = Minutes { secs: (f64::from(kept.talked_secs) - forgotten).max(0.0), at: now };
            let used = Use {
                hour: bucket(kept.hour_until, HOUR),
                day: bucket(kept.day_until, DAY),
                refusals: bucket(kept.refusals_until, HOUR),
                minutes,
                blocked: kept.blocked,
                ..Use::default()
            };
            if !used.is_forgotten(now) {
                self.used.insert(account, used);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, by_day, calls, quotas, said};
    use super::*;
    use crate::conf::PersonLimits;

    /// Another start of the switch, so long after the calls; what was kept has been on a disk.
    fn again(before: &Quotas, limits: PersonLimits, stopped: Time, away: Duration) -> Quotas {
        let text =
            serde_json::to_string(&before.used(WallClock { unix_ms_at_zero: 1_000_000_000 }, stopped)).expect("JSON");
        let mut after = quotas(limits);
        let passed = (stopped.since(Time::ZERO) + away).as_millis() as i64;
        after.remember(
            serde_json::from_str(&text).expect("it"),
            WallClock { unix_ms_at_zero: 1_000_000_000 + passed },
            Time::ZERO,
        );
        after
    }

    #[test]
    fn a_restart_brings_nothing_back_that_was_used_and_time_does() {
        let limits = || PersonLimits { outside_per_hour: 2, outside_minutes_per_day: 10, ..PersonLimits::default() };
        let mut before = quotas(limits());
        let ids = calls(9);
        let ask = |quotas: &mut Quotas, call: usize, who: &str, secs| {
            said(quotas.outside(ids[call], who, "1", by_day, at(secs)))
        };
        assert_eq!([ask(&mut before, 0, "ann", 0), ask(&mut before, 1, "ann", 0)], ["ok", "ok"]);
        assert_eq!(ask(&mut before, 2, "bob", 0), "ok");
        before.minutes_used_up(at(310)); // two calls of Ann's, one of Bob's
        let mut soon = again(&before, limits(), at(310), Duration::from_secs(5));
        assert_eq!(ask(&mut soon, 3, "ann", 0), "outside_minutes_per_day+");
        assert_eq!([ask(&mut soon, 4, "bob", 0), ask(&mut soon, 5, "bob", 0)], ["ok", "outside_per_hour+"]);
        let mut later = again(&before, limits(), at(310), 2 * DAY);
        assert!(later.used.is_empty());
        assert_eq!([ask(&mut later, 6, "ann", 0), ask(&mut later, 7, "ann", 0)], ["ok", "ok"]);
    }

    #[test]
    fn who_is_blocked_stays_so_until_somebody_lets_him_out() {
        let limits = || PersonLimits { outside_never: vec!["0900".into()], block_after: 1, ..PersonLimits::default() };
        let mut before = quotas(limits());
        let ids = calls(3);
        for id in &ids[..2] {
            assert!(before.outside(*id, "ann", "0900", by_day, at(0)).is_err());
            before.end(*id, at(0));
        }
        let mut after = again(&before, limits(), at(0), 30 * DAY);
        assert_eq!(after.blocked(), ["ann"]);
        assert!(after.unblock("ann") && after.used(WallClock { unix_ms_at_zero: 0 }, Time::ZERO).is_empty());
        assert_eq!(said(after.outside(ids[2], "ann", "1", by_day, at(0))), "ok");
    }
}
