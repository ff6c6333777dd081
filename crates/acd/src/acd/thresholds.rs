//! Looking at thresholds: once a second, where a queue has any.

use std::time::Duration;

use super::{Acd, SECOND, fact};
use crate::alert::Look;
use crate::{Output, What};

impl Acd {
    pub(super) fn look_at_thresholds(&mut self, out: &mut Vec<Output>) {
        if self.look_at.is_some_and(|at| at > self.now) {
            return;
        }
        let watched = |queue: &crate::queue::Queue| queue.conf.alerts.is_some();
        self.look_at = self.queues.iter().any(watched).then(|| self.now + SECOND);
        if self.look_at.is_none() {
            return;
        }
        let mut longest = vec![Duration::ZERO; self.queues.len()];
        for entry in self.entries.values() {
            let longest = &mut longest[entry.queue as usize];
            *longest = self.now.since(entry.joined).max(*longest);
        }
        for (queue, longest_wait) in self.queues.iter_mut().zip(longest) {
            let look = Look { waiting: queue.waiting.len(), longest_wait, at_work: queue.at_work() };
            for (alert, value, limit, raised) in queue.alerts.look(&queue.conf.alerts, look, self.now) {
                let queue = queue.conf.name.clone();
                out.push(fact(self.now, What::Alert { queue, alert, value, limit, raised }));
            }
        }
    }
}
