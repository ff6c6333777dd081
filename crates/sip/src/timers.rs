//! Who wants to be told when: one heap, so that `deadline()` is a glance and a tick costs only what is due.
//!
//! Where it stands: the endpoint and the registrar keep one for each kind of thing they own. Nothing is ever taken out
//! before its time: a thing remembers the one entry that counts, and the others are passed over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use base::Time;

/// The heap.
#[derive(Debug)]
pub struct Timers<K>(BinaryHeap<Reverse<(Time, K)>>);

/// The moment a thing's entry in the heap is for. Kept by the thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Armed(Time);

impl Default for Armed {
    fn default() -> Armed {
        Armed(Time::NEVER)
    }
}

impl<K: Ord> Default for Timers<K> {
    fn default() -> Timers<K> {
        Timers(BinaryHeap::new())
    }
}

impl<K: Ord> Timers<K> {
    /// When to call [`Timers::due`]; perhaps for nobody.
    pub fn deadline(&self) -> Option<Time> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// `who` wants to be told at `deadline`. If it is told earlier for an old wish, it is to ask again.
    pub fn arm(&mut self, armed: &mut Armed, deadline: Option<Time>, who: impl FnOnce() -> K) {
        if let Some(at) = deadline.filter(|at| *at < armed.0) {
            armed.0 = at;
            self.0.push(Reverse((at, who())));
        }
    }

    /// Takes one out that may be due. It is, if [`Armed::rings`] says so.
    pub fn due(&mut self, now: Time) -> Option<(Time, K)> {
        let Reverse((at, _)) = self.0.peek()?;
        if *at > now {
            return None;
        }
        let due = self.0.pop().map(|Reverse(entry)| entry);
        if is_roomy(self.0.len(), self.0.capacity()) {
            self.0.shrink_to(2 * self.0.len());
        }
        due
    }
}

/// A table keeps the room of its fullest hour, which may have been a storm of all phones at once: is it time to give most
/// of that back?
pub fn is_roomy(len: usize, capacity: usize) -> bool {
    capacity > 4096 && len < capacity / 8
}

impl Armed {
    /// Was this the entry that counts? Then there is none any more.
    pub fn rings(&mut self, at: Time) -> bool {
        let rings = self.0 == at;
        if rings {
            self.0 = Time::NEVER;
        }
        rings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_wish_counts_and_old_ones_are_passed_over() {
        let (mut timers, mut armed) = (Timers::default(), Armed::default());
        let at = Time::from_millis;
        timers.arm(&mut armed, Some(at(50)), || 'a');
        timers.arm(&mut armed, Some(at(10)), || 'a');
        timers.arm(&mut armed, Some(at(90)), || 'a'); // will be asked for again at 10
        timers.arm(&mut armed, None, || 'a');
        assert_eq!(timers.deadline(), Some(at(10)));
        assert_eq!(timers.due(at(9)), None);
        let (due, _) = timers.due(at(60)).unwrap();
        assert!(armed.rings(due));
        let (old, _) = timers.due(at(60)).unwrap();
        assert!(!armed.rings(old));
        timers.arm(&mut armed, Some(at(90)), || 'a');
        assert_eq!((timers.deadline(), timers.due(at(60))), (Some(at(90)), None));
    }

    #[test]
    fn the_room_of_a_storm_is_given_back() {
        let mut timers = Timers::default();
        for n in 0..100_000_u64 {
            timers.arm(&mut Armed::default(), Some(Time::from_millis(n)), || n);
        }
        assert!((0..99_000).all(|n| timers.due(Time::NEVER).is_some_and(|(_, who)| who == n)));
        assert!(timers.0.capacity() < 20_000, "{}", timers.0.capacity());
        assert!((99_000..100_000).all(|n| timers.due(Time::NEVER).is_some_and(|(_, who)| who == n)));
    }
}
