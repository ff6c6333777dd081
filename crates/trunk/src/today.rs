//! How many calls each trunk has had today, as it is kept over a restart: a limit a day is one of money.
//!
//! Where it stands: the shell keeps what [`Trunks::today`] says and gives it back at the next start.

use std::collections::BTreeMap;

use base::Time;
use serde::{Deserialize, Serialize};

use crate::limits::day;
use crate::trunks::Trunks;

/// The calls of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Today {
    /// Which, counted from 1 January 1970 (UTC).
    pub day: i64,
    /// How many began.
    pub calls: u32,
}

impl Trunks {
    /// The calls of each trunk that has had any today.
    pub fn today(&self, now: Time) -> BTreeMap<&str, Today> {
        let (clock, day) = (self.clock(), day(now, self.clock()));
        let count = |(name, load): (_, &crate::limits::Load)| (name, Today { day, calls: load.today(now, clock) });
        self.loads().map(count).filter(|(_, today)| today.calls > 0).collect()
    }

    /// The calls trunks had when the switch was last there. A count of yesterday is none any more. One of tomorrow is what
    /// a clock left that has been put back since: it counts as today's, so that no step of the clock lifts a limit; one
    /// that is farther off is of a clock that was wrong.
    pub fn remember_today(&mut self, kept: &BTreeMap<String, Today>, now: Time) {
        let day = day(now, self.clock());
        for (name, today) in kept {
            if let Some(load) = self.load_of(name).filter(|_| (day..=day + 1).contains(&today.day)) {
                load.had(day, today.calls);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base::{LegId, Random, WallClock};

    use super::*;
    use crate::{HeaderRules, HealthConf, IdentityPolicy, Limits, Touch, TrunkConf};

    const DAY_MS: i64 = 24 * 3600 * 1000;

    fn trunks(day: i64) -> Trunks {
        let conf = TrunkConf {
            name: "carrier".to_owned(),
            server: None,
            domain: None,
            number: None,
            credentials: None,
            register: None,
            health: HealthConf::default(),
            limits: Limits { calls_per_day: 2, ..Limits::default() },
            numbers: None,
            called: Touch::default(),
            calling: Touch::default(),
            identity: IdentityPolicy::default(),
            headers: HeaderRules::default(),
        };
        let clock = WallClock { unix_ms_at_zero: day * DAY_MS };
        let mut trunks = Trunks::new(clock, Random::numbered(1));
        trunks.reload(vec![conf], Vec::new(), Time::ZERO, &mut Vec::new());
        trunks
    }

    #[test]
    fn a_days_calls_are_remembered_and_no_other_days() {
        for (began, day, left) in [
            (20_000, 20_000, 1), // a restart
            (20_000, 20_001, 2), // the next day
            (20_000, 19_999, 1), // the clock was put back over midnight
            (20_000, 19_000, 2), // it was years ahead
        ] {
            let mut before = trunks(began);
            assert!(before.admit("carrier", LegId(1), Time::ZERO, &mut Vec::new()));
            let kept = serde_json::to_string(&before.today(Time::ZERO)).expect("JSON");
            let mut after = trunks(day);
            after.remember_today(&serde_json::from_str(&kept).expect("as printed"), Time::ZERO);
            let admitted = (1..4).filter(|leg| after.admit("carrier", LegId(*leg), Time::ZERO, &mut Vec::new()));
            assert_eq!(admitted.count(), left, "day {day}");
        }
    }
}
