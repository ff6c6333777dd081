//! How long a queue's callers will wait: learnt from its conversations, and held against what came of it.
//!
//! Where it stands: `queue` keeps one. A caller who is the *n*th of those no agent is free for waits for *n* to go before
//! him, to agents who become free (each *s* of them every *h*, the time a call takes), or by giving up (each at the rate
//! *θ*): the sum of 1 ÷ (*s*/*h* + *kθ*) over the *k* still ahead, which is ln(1 + *nθh*/*s*) ÷ *θ*. What that leaves out
//! (agents of several queues, skills) shows in how wrong it was, and the next estimate is put right by as much.

use std::time::Duration;

/// What is known of a queue's waits. Sums forget: each new value takes a fiftieth off the weight of those before it.
#[derive(Debug)]
pub(crate) struct Estimate {
    /// Σ time a call took an agent, in seconds, and how many.
    handled: (f64, f64),
    /// How many gave up, and Σ seconds that callers have waited, whatever became of them.
    gave_up: (f64, f64),
    /// Σ seconds that answered callers waited, and Σ of what the bare formula had said.
    waited: (f64, f64),
}

/// How a caller's waiting came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// An agent answered.
    Answered,
    /// He hung up.
    GaveUp,
    /// Something else.
    Other,
}

impl Default for Estimate {
    fn default() -> Estimate {
        // A wait of so long that was estimated right weighs against the first ones that are not.
        Estimate { handled: (0.0, 0.0), gave_up: (0.0, 0.0), waited: (TRUST, TRUST) }
    }
}

/// An estimate that was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Made {
    /// What the bare formula says, in seconds.
    bare: f64,
    /// The estimate.
    pub(crate) wait: Duration,
}

impl Estimate {
    /// A call has kept an agent for so long.
    pub(crate) fn handled(&mut self, took: Duration) {
        take(&mut self.handled, took.as_secs_f64(), 1.0);
    }

    /// A caller's waiting is over.
    pub(crate) fn waited(&mut self, made: Option<Made>, end: End, waited: Duration) {
        let gave_up = if end == End::GaveUp { 1.0 } else { 0.0 };
        take(&mut self.gave_up, gave_up, waited.as_secs_f64());
        if let (Some(made), End::Answered) = (made.filter(|made| made.bare > 0.0), end) {
            take(&mut self.waited, waited.as_secs_f64(), made.bare);
        }
    }

    /// How long the caller at this place will wait, 1 at the head of the line; none before the first conversation has
    /// ended, or with nobody at work.
    pub(crate) fn wait(&self, position: usize, free: usize, at_work: usize) -> Option<Made> {
        let (handled, calls) = self.handled;
        if calls == 0.0 || at_work == 0 {
            return None;
        }
        let agents = position.saturating_sub(free) as f64 * handled / calls / at_work as f64;
        let give_up = if self.gave_up.1 > 0.0 { self.gave_up.0 / self.gave_up.1 } else { 0.0 };
        let bare = if give_up > 0.0 { (agents * give_up).ln_1p() / give_up } else { agents };
        let right = (self.waited.0 / self.waited.1).clamp(1.0 / RIGHT_MAX, RIGHT_MAX);
        Some(Made { bare, wait: Duration::from_secs_f64((bare * right).min(WAIT_MAX)) })
    }
}

fn take(sums: &mut (f64, f64), value: f64, weight: f64) {
    *sums = (sums.0 * KEEP + value, sums.1 * KEEP + weight);
}

const KEEP: f64 = 0.98;
const TRUST: f64 = 60.0;
/// The formula is not put right by more than this factor.
const RIGHT_MAX: f64 = 5.0;
const WAIT_MAX: f64 = 24.0 * 3600.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(estimate: &Estimate, position: usize, free: usize, at_work: usize) -> Option<f64> {
        estimate.wait(position, free, at_work).map(|made| made.wait.as_secs_f64().round())
    }

    #[test]
    fn a_place_costs_what_a_call_takes_divided_by_the_agents() {
        let mut estimate = Estimate::default();
        assert_eq!(secs(&estimate, 1, 0, 3), None); // nothing is known yet
        estimate.handled(Duration::from_secs(180));
        for (position, free, at_work, wait) in [
            (1, 0, 3, Some(60.0)),
            (4, 0, 3, Some(240.0)),
            (4, 3, 3, Some(60.0)),
            (2, 2, 3, Some(0.0)),
            (1, 0, 0, None),
        ] {
            assert_eq!(secs(&estimate, position, free, at_work), wait, "{position} {free} {at_work}");
        }
    }

    #[test]
    fn callers_who_give_up_make_way() {
        let mut estimate = Estimate::default();
        estimate.handled(Duration::from_secs(100));
        estimate.waited(None, End::GaveUp, Duration::from_secs(100)); // one in a hundred gives up each second
        assert_eq!(secs(&estimate, 1, 0, 1), Some(69.0));
        assert_eq!(secs(&estimate, 9, 0, 1), Some(230.0));
    }

    #[test]
    fn who_was_wrong_is_put_right_and_not_without_bounds() {
        let mut estimate = Estimate::default();
        estimate.handled(Duration::from_secs(100));
        for _ in 0..200 {
            let made = estimate.wait(1, 0, 1).expect("known");
            estimate.waited(Some(made), End::Answered, Duration::from_secs(200)); // every call takes twice as long as is seen from here
        }
        assert_eq!(secs(&estimate, 1, 0, 1), Some(200.0));
        for _ in 0..200 {
            let made = estimate.wait(1, 0, 1).expect("known");
            estimate.waited(Some(made), End::Answered, Duration::from_secs(5_000));
        }
        assert_eq!(secs(&estimate, 1, 0, 1), Some(500.0));
    }
}
