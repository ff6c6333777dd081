//! Thresholds of a queue, and when somebody is to be told that it has passed one.
//!
//! Where it stands: [`Acd`](crate::Acd) looks once a second, where a queue has any. An alert is raised as soon as its threshold is
//! passed, and ends when it has not been for [`CALM`]: so a value that hovers about its threshold is told of once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use base::Time;
use serde::{Deserialize, Serialize};

/// What a queue is watched for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertConf {
    /// So many wait, or more.
    pub waiting: Option<usize>,
    /// The one who waits longest has waited so long.
    pub longest_wait: Option<Duration>,
    /// Fewer agents than this are at work.
    pub agents_min: Option<usize>,
    /// Of those who came to an end in the last half hour fewer than so many percent were answered in time.
    pub service_level: Option<u8>,
    /// What in time is.
    pub answer_within: Duration,
}

/// What it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alert {
    /// Too many wait.
    Waiting,
    /// Somebody has waited for too long (in seconds).
    LongestWait,
    /// Too few agents are at work.
    Agents,
    /// Too few are answered in time (in percent).
    ServiceLevel,
}

impl Alert {
    /// One word for logs and commands.
    pub fn word(self) -> &'static str {
        match self {
            Alert::Waiting => "waiting",
            Alert::LongestWait => "longest-wait",
            Alert::Agents => "agents",
            Alert::ServiceLevel => "service-level",
        }
    }
}

impl AlertConf {
    pub(crate) fn is_some(&self) -> bool {
        self.waiting.is_some()
            || self.longest_wait.is_some()
            || self.agents_min.is_some()
            || self.service_level.is_some()
    }
}

/// What a queue is like now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) waiting: usize,
    pub(crate) longest_wait: Duration,
    pub(crate) at_work: usize,
}

/// What was raised, with its value and its threshold; or has ended.
pub(crate) type Told = (Alert, u64, u64, bool);

/// The alerts of one queue.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    /// Those that are raised, and since when their threshold is not passed any more.
    raised: BTreeMap<Alert, Option<Time>>,
    /// How callers came to an end lately: answered in time, or not.
    ends: VecDeque<(Time, bool)>,
}

impl Alerts {
    /// A caller was answered, or gave up.
    pub(crate) fn ended(&mut self, in_time: bool, now: Time) {
        if self.ends.len() >= ENDS_MAX {
            self.ends.pop_front();
        }
        self.ends.push_back((now, in_time));
    }

    /// What is to be told now.
    pub(crate) fn look(&mut self, conf: &AlertConf, look: Look, now: Time) -> Vec<Told> {
        while self.ends.front().is_some_and(|(at, _)| now.since(*at) > SPAN) {
            self.ends.pop_front();
        }
        let in_time = self.ends.iter().filter(|(_, in_time)| *in_time).count();
        let level = (self.ends.len() >= ENDS_MIN).then(|| (in_time * 100 / self.ends.len()) as u64);
        let (waiting, longest, at_work) = (look.waiting as u64, look.longest_wait.as_secs(), look.at_work as u64);
        let passed = [
            (Alert::Waiting, waiting, conf.waiting.map(|limit| limit as u64), true),
            (Alert::LongestWait, longest, conf.longest_wait.map(|limit| limit.as_secs()), true),
            (Alert::Agents, at_work, conf.agents_min.map(|limit| limit as u64), false),
            (Alert::ServiceLevel, level.unwrap_or(100), conf.service_level.map(u64::from), false),
        ];
        let mut told = Vec::new();
        for (alert, value, limit, rises) in passed {
            let Some(limit) = limit else {
                told.extend(self.raised.remove(&alert).map(|_| (alert, value, 0, false))); // the conf asks no longer
                continue;
            };
            let is_passed = if rises { value >= limit } else { value < limit };
            match (self.raised.get_mut(&alert), is_passed) {
                (None, true) => {
                    self.raised.insert(alert, None);
                    told.push((alert, value, limit, true));
                }
                (Some(calm), true) => *calm = None,
                (Some(calm), false) => {
                    if now.since(*calm.get_or_insert(now)) >= CALM {
                        self.raised.remove(&alert);
                        told.push((alert, value, limit, false));
                    }
                }
                (None, false) => {}
            }
        }
        told
    }
}

/// An alert ends when all was well for so long.
const CALM: Duration = Duration::from_secs(30);
/// Over this time the service level is measured,
const SPAN: Duration = Duration::from_secs(1800);
/// once so many callers came to an end in it;
const ENDS_MIN: usize = 5;
/// more than the last so many are not counted.
const ENDS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::from_millis(secs * 1000)
    }

    fn look(waiting: usize, wait: u64, at_work: usize) -> Look {
        Look { waiting, longest_wait: Duration::from_secs(wait), at_work }
    }

    #[test]
    fn a_value_about_its_threshold_is_told_of_once() {
        let conf = AlertConf { waiting: Some(3), ..AlertConf::default() };
        let mut alerts = Alerts::default();
        let mut told = Vec::new();
        for (secs, waiting) in [(0, 2), (1, 3), (2, 2), (20, 4), (21, 2), (50, 2), (51, 2), (60, 2), (61, 3)] {
            told.extend(alerts.look(&conf, look(waiting, 0, 1), at(secs)).into_iter().map(|told| (secs, told)));
        }
        let raised = |value| (Alert::Waiting, value, 3, true);
        assert_eq!(told, [(1, raised(3)), (51, (Alert::Waiting, 2, 3, false)), (61, raised(3))]);
        let none = AlertConf::default();
        assert_eq!(alerts.look(&none, look(9, 0, 1), at(62)), [(Alert::Waiting, 9, 0, false)]);
    }

    #[test]
    fn each_threshold_is_passed_in_its_own_direction() {
        let conf = AlertConf {
            waiting: Some(5),
            longest_wait: Some(Duration::from_secs(60)),
            agents_min: Some(2),
            service_level: Some(80),
            answer_within: Duration::from_secs(20),
        };
        let mut alerts = Alerts::default();
        assert_eq!(alerts.look(&conf, look(4, 59, 2), at(0)), []);
        assert_eq!(
            alerts.look(&conf, look(4, 60, 1), at(1)),
            [(Alert::LongestWait, 60, 60, true), (Alert::Agents, 1, 2, true)]
        );
        for answered in [true, true, false, true] {
            alerts.ended(answered, at(2));
        }
        assert_eq!(alerts.look(&conf, look(0, 60, 1), at(3)), [], "four callers are no level");
        alerts.ended(false, at(3));
        assert_eq!(alerts.look(&conf, look(0, 60, 1), at(4)), [(Alert::ServiceLevel, 60, 80, true)]);
        assert_eq!(
            alerts.look(&conf, look(0, 60, 1), at(1900)),
            [],
            "nobody came for half an hour: it begins to be well"
        );
        assert_eq!(alerts.look(&conf, look(0, 60, 1), at(1930)), [(Alert::ServiceLevel, 100, 80, false)]);
    }
}
