//! The beeps by which those who talk hear that they are recorded, laid over what they say.
//!
//! Where it stands: a recording lays them over whatever it writes. Each lies on the side that heard it, where it began
//! there.

use serde_json::{Map, Value, json};

use crate::timeline::Channel;

pub(crate) struct Beeps {
    /// Samples a side of one frame of 8 kHz, and how a beep sounds; nothing before there is one.
    wide: usize,
    pcm: Vec<i16>,
    /// The latest: side and first frame.
    ahead: Vec<(Channel, u64)>,
    /// How many each side has heard.
    heard: [u32; 2],
}

impl Beeps {
    /// None yet.
    pub fn new(wide: usize) -> Beeps {
        Beeps { wide, pcm: Vec::new(), ahead: Vec::new(), heard: [0; 2] }
    }

    /// One begins; up to `written` all is on the disk.
    pub fn add(&mut self, channel: Channel, from: u64, written: u64) {
        if self.pcm.is_empty() {
            self.pcm = audio::RECORDED.pcm_at(self.wide as u32 * audio::SAMPLE_RATE);
        }
        self.ahead.retain(|(_, from)| from.saturating_add(FRAMES) > written);
        if self.ahead.len() < AHEAD_MAX {
            self.ahead.push((channel, from));
        }
        self.heard[channel as usize] += 1;
    }

    /// Does one of these frames lie within?
    pub fn touch(&self, at: u64, count: u64) -> bool {
        self.ahead.iter().any(|(_, from)| *from < at.saturating_add(count) && at < from.saturating_add(FRAMES))
    }

    /// Adds those of one side to its samples: every `step`th of these, the first of frame `at`.
    pub fn lay_over(&self, channel: Channel, at: u64, samples: &mut [i16], step: usize) {
        for (_, from) in self.ahead.iter().filter(|(side, _)| *side == channel) {
            let samples_of = |frames: u64| usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(self.wide);
            let passed = samples_of(at.saturating_sub(*from)).min(self.pcm.len());
            let places = samples.iter_mut().step_by(step).skip(samples_of(from.saturating_sub(at)));
            for (place, sample) in places.zip(&self.pcm[passed..]) {
                *place = place.saturating_add(*sample);
            }
        }
    }

    /// Says how many there were; nothing, where there were none.
    pub fn tell(&self, sidecar: &mut Map<String, Value>) {
        let [left, right] = self.heard;
        if left + right > 0 {
            sidecar.insert("beeps".to_owned(), json!({ "left": left, "right": right }));
        }
    }
}

/// Half a second.
const FRAMES: u64 = 4000;
/// More at once only somebody sends who means harm.
const AHEAD_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beep_lies_on_its_side_from_where_it_began_in_whatever_pieces_it_is_written() {
        let mut beeps = Beeps::new(1);
        beeps.add(Channel::Right, 1000, 0);
        assert!(!beeps.touch(0, 1000) && beeps.touch(0, 1001) && beeps.touch(4999, 1) && !beeps.touch(5000, 10));
        let mut kept = vec![100_i16; 2 * 6000];
        for (nth, piece) in kept.chunks_mut(2 * 700).enumerate() {
            beeps.lay_over(Channel::Left, nth as u64 * 700, piece, 2);
            beeps.lay_over(Channel::Right, nth as u64 * 700, &mut piece[1..], 2);
        }
        let wanted: Vec<i16> = (0..6000)
            .flat_map(|at: usize| {
                [100, 100 + at.checked_sub(1000).and_then(|at| beeps.pcm.get(at)).copied().unwrap_or(0)]
            })
            .collect();
        assert_eq!(kept, wanted);
        beeps.add(Channel::Left, 9000, 6000);
        assert_eq!(beeps.ahead, [(Channel::Left, 9000)]);
        let mut sidecar = Map::new();
        beeps.tell(&mut sidecar);
        assert_eq!(sidecar["beeps"], json!({ "left": 1, "right": 1 }));
    }
}
