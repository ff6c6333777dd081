//! The media ports of the switch: which are free. Pure; nobody binds here.
//!
//! Where it stands: the switch takes a port for every new leg and gives it back when `media` has closed it.

use std::collections::{HashSet, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use base::Time;

/// Even ports for RTP, each with the odd one above it for RTCP (RFC 3550 §11).
#[derive(Debug)]
pub(crate) struct PortPool {
    /// The one free for longest first, so that a late packet of an old call finds nobody for as long as possible.
    free: VecDeque<u16>,
    in_use: HashSet<u16>,
    /// How often none was left, since it was last said; and when that was.
    missed: u64,
    said_at: Option<Time>,
}

/// One line for the operator in this time, however many calls are refused.
const SAID_EVERY: Duration = Duration::from_secs(60);

impl PortPool {
    pub(crate) fn new(range: RangeInclusive<u16>) -> PortPool {
        let last = *range.end();
        let free = range.filter(|port| port % 2 == 0 && *port < last).collect();
        PortPool { free, in_use: HashSet::new(), missed: 0, said_at: None }
    }

    /// The port that has been free for longest.
    pub(crate) fn take(&mut self) -> Option<u16> {
        let port = self.free.pop_front();
        match port {
            Some(port) => drop(self.in_use.insert(port)),
            None => self.missed += 1,
        }
        port
    }

    /// How often none was left, if it is time to say so.
    pub(crate) fn missed(&mut self, now: Time) -> Option<u64> {
        if self.missed == 0 || self.said_at.is_some_and(|said| now < said + SAID_EVERY) {
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.missed))
    }

    /// A port comes home, even one the operating system would not give us: it is tried again after all others.
    pub(crate) fn give_back(&mut self, port: u16) {
        if self.in_use.remove(&port) {
            self.free.push_back(port);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    pub(crate) fn in_use(&self) -> usize {
        self.in_use.len()
    }

    /// Is this the port of a leg of ours, for RTP or RTCP?
    pub(crate) fn is_in_use(&self, port: u16) -> bool {
        self.in_use.contains(&(port & !1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_in_pairs_and_rest_before_they_are_used_again() {
        let mut pool = PortPool::new(30_001..=30_006);
        assert_eq!([pool.take(), pool.take()], [Some(30_002), Some(30_004)]); // 30 006 has no odd one above it
        assert_eq!((pool.take(), pool.in_use()), (None, 2));
        pool.give_back(30_004);
        pool.give_back(30_002);
        pool.give_back(30_002); // once is enough
        assert!(!pool.is_in_use(30_004));
        assert_eq!((pool.take(), pool.in_use()), (Some(30_004), 1));
        assert!(pool.is_in_use(30_004) && pool.is_in_use(30_005));
    }

    #[test]
    fn that_none_was_left_is_said_once_a_minute() {
        let mut pool = PortPool::new(30_000..=30_001);
        let at = |secs| Time::ZERO + Duration::from_secs(secs);
        assert_eq!((pool.take(), pool.missed(at(0))), (Some(30_000), None));
        assert_eq!((pool.take(), pool.take(), pool.missed(at(1))), (None, None, Some(2)));
        assert_eq!((pool.missed(at(2)), pool.take(), pool.missed(at(60))), (None, None, None));
        assert_eq!((pool.missed(at(61)), pool.missed(at(200))), (Some(1), None));
    }
}
