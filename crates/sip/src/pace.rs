//! How often something may happen: a few times at once, then evenly.

use std::time::Duration;

use base::Time;

/// A measure.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Between two, in the long run.
    pub spacing: Duration,
    /// So many may come at once.
    pub at_once: u32,
}

/// What has happened lately, as the moment by which it would have happened at an even pace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    even: Time,
}

impl Pace {
    /// Until when to wait before the next.
    pub fn wait(&self, rhythm: Rhythm, now: Time) -> Option<Time> {
        let ahead = self.even.since(now); // nothing, where it lies behind
        let may_be = rhythm.spacing * rhythm.at_once.saturating_sub(1);
        (ahead > may_be).then(|| now + (ahead - may_be))
    }

    /// It has happened.
    pub fn step(&mut self, rhythm: Rhythm, now: Time) {
        self.even = self.even.max(now) + rhythm.spacing;
    }

    /// Was there nothing lately that counts any more?
    pub fn is_rested(&self, now: Time) -> bool {
        self.even <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_at_once_then_one_a_second() {
        let rhythm = Rhythm { spacing: Duration::from_secs(1), at_once: 5 };
        let (mut pace, mut now) = (Pace::default(), Time::from_millis(1_000_000));
        let begin = now;
        let mut steps = Vec::new();
        for _ in 0..9 {
            if let Some(at) = pace.wait(rhythm, now) {
                now = at;
            }
            pace.step(rhythm, now);
            steps.push(now.since(begin).as_secs());
        }
        assert_eq!(steps, [0, 0, 0, 0, 0, 1, 2, 3, 4]);
        assert!(!pace.is_rested(now));
        now += Duration::from_secs(60);
        assert_eq!((pace.wait(rhythm, now), pace.is_rested(now)), (None, true));
    }
}
