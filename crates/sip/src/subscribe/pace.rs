//! How often a watcher is told: a few changes at once, then one a second (RFC 4235 §3.10).

use std::time::Duration;

use base::Time;

/// What a watcher was told lately, as the moment by which it would have been told at an even pace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    even: Time,
}

/// Between two documents, in the long run.
const SPACING: Duration = Duration::from_secs(1);
/// So many may come at once: a call that is dialled, rings, is answered and ends.
const AT_ONCE: u32 = 5;

impl Pace {
    /// Until when to wait before the next.
    pub fn wait(&self, now: Time) -> Option<Time> {
        let ahead = self.even.since(now); // nothing, where it lies behind
        let may_be = SPACING * (AT_ONCE - 1);
        (ahead > may_be).then(|| now + (ahead - may_be))
    }

    /// One was told.
    pub fn told(&mut self, now: Time) {
        self.even = self.even.max(now) + SPACING;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_at_once_then_one_a_second() {
        let (mut pace, mut now) = (Pace::default(), Time::from_millis(1_000_000));
        let begin = now;
        let mut told = Vec::new();
        for _ in 0..9 {
            if let Some(at) = pace.wait(now) {
                now = at;
            }
            pace.told(now);
            told.push(now.since(begin).as_secs());
        }
        assert_eq!(told, [0, 0, 0, 0, 0, 1, 2, 3, 4]);
        now += Duration::from_secs(60);
        assert_eq!(pace.wait(now), None);
    }
}
