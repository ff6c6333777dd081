//! Slow deadlines of the ports: reports, time-outs, clips that nobody fills any more.
//!
//! Where it stands: `patchbay` asks it on every tick. A port has one valid entry; when it comes up, the port says anew
//! what it waits for, so putting something off costs nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use base::Time;

/// Ports by the moment they want to be looked at.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Time, u32)>>,
}

impl Timers {
    /// Look at the port `index` at `due`.
    pub fn set(&mut self, due: Time, index: u32) {
        self.heap.push(Reverse((due, index)));
    }

    /// The next moment.
    pub fn deadline(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// One entry that is due. Whether it is still the port's valid one, the port knows.
    pub fn due(&mut self, now: Time) -> Option<(Time, u32)> {
        let Reverse((due, _)) = self.heap.peek()?;
        if *due > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
