//! The media ports of the switch: which are free. Pure; nobody binds here.
//!
//! Where it stands: the switch takes a port for every new leg and gives it back when `media` has closed it.

use std::collections::{HashSet, VecDeque};
use std::ops::RangeInclusive;

/// Even ports for RTP, each with the odd one above it for RTCP (RFC 3550 §11).
#[derive(Debug)]
pub(crate) struct PortPool {
    /// The one free for longest first, so that a late packet of an old call finds nobody for as long as possible.
    free: VecDeque<u16>,
    in_use: HashSet<u16>,
}

impl PortPool {
    pub(crate) fn new(range: RangeInclusive<u16>) -> PortPool {
        let last = *range.end();
        PortPool { free: range.filter(|port| port % 2 == 0 && *port < last).collect(), in_use: HashSet::new() }
    }

    /// The port that has been free for longest.
    pub(crate) fn take(&mut self) -> Option<u16> {
        let port = self.free.pop_front()?;
        self.in_use.insert(port);
        Some(port)
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
}
