//! Where sound is missing because there was no room for it on its way: silence that nobody kept.
//!
//! Where it stands: noted by a recording, told in its sidecar, so that who listens knows that something was said there.

use serde_json::{Map, Value, json};

use crate::recording::seconds;
use crate::timeline::Channel;

#[derive(Default)]
pub(crate) struct Gaps {
    /// Channel, first frame, end.
    spans: Vec<(Channel, u64, u64)>,
    /// More there were than are kept: so many samples in all.
    samples: u64,
}

impl Gaps {
    /// Adds one; those that touch become one.
    pub(crate) fn note(&mut self, channel: Channel, at: u64, samples: u64) {
        let end = at.saturating_add(samples);
        self.samples = self.samples.saturating_add(samples);
        let room = self.spans.len() < SPANS_MAX;
        match self.spans.iter_mut().rev().find(|(of, ..)| *of == channel) {
            Some((_, from, until)) if at <= *until && end >= *from => {
                (*from, *until) = (at.min(*from), end.max(*until))
            }
            _ if room => self.spans.push((channel, at, end)),
            _ => {}
        }
    }

    /// Says where they are; nothing, where there are none.
    pub(crate) fn tell(&self, sidecar: &mut Map<String, Value>) {
        if self.samples == 0 {
            return;
        }
        let spans = self.spans.iter().map(|(channel, from, until)| {
            let channel = match channel {
                Channel::Left => "left",
                Channel::Right => "right",
            };
            json!({ "channel": channel, "from_secs": seconds(*from), "secs": seconds(until - from) })
        });
        sidecar.insert("gaps".to_owned(), spans.collect());
        sidecar.insert("gap_secs".to_owned(), seconds(self.samples).into());
    }
}

/// A recording that loses more pieces than this is told by `gap_secs` alone.
const SPANS_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_touch_are_one_gap() {
        let mut gaps = Gaps::default();
        for (channel, at) in [(Channel::Left, 0), (Channel::Right, 0), (Channel::Left, 4000), (Channel::Left, 16_000)] {
            gaps.note(channel, at, 4000);
        }
        let mut sidecar = Map::new();
        gaps.tell(&mut sidecar);
        let gap = |channel, from_secs, secs| json!({ "channel": channel, "from_secs": from_secs, "secs": secs });
        assert_eq!(sidecar["gaps"], json!([gap("left", 0.0, 1.0), gap("right", 0.0, 0.5), gap("left", 2.0, 0.5)]));
        assert_eq!(sidecar["gap_secs"], 2.0);
    }

    #[test]
    fn no_gap_is_not_told_and_very_many_are_bounded() {
        let mut sidecar = Map::new();
        Gaps::default().tell(&mut sidecar);
        assert!(sidecar.is_empty());
        let mut gaps = Gaps::default();
        (0..5000).for_each(|n| gaps.note(Channel::Left, n * 100, 50));
        gaps.note(Channel::Left, u64::MAX, u64::MAX);
        assert_eq!(gaps.spans.len(), SPANS_MAX);
    }
}
