//! Two channels on one line of time: clips come in any order, frames leave in order, gaps are silence.
//!
//! Places and lengths are in frames of 8 kHz, whatever the rate of the file: each then has one, two or six samples a side.
//!
//! Where it stands: between the clips a recording is told and its WAV file. Pure. It keeps only what is not written
//! yet; what comes for a moment already written it hands back, to be put right in the file.

use audio::{Clip, Resampler, SAMPLE_RATE};

/// A side of a recording.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Channel {
    /// The caller.
    Left,
    /// The other party: agent, consulted colleague, far end.
    Right,
}

/// The sound not written yet.
pub(crate) struct Timeline {
    /// Frames that have left, counted from the beginning of the recording.
    written: u64,
    /// Samples a side of one frame.
    wide: usize,
    /// Interleaved samples from frame `written` on.
    frames: Vec<i16>,
    /// For a side whose clips have fewer samples: how many, and where the last one ended.
    widening: [Option<(usize, u64, Resampler)>; 2],
    /// Where each channel's last clip ends.
    ends: [u64; 2],
    /// The first frame of those waiting that a clip has brought.
    oldest: Option<u64>,
}

/// The part of a clip that belongs where the file has been written already.
pub(crate) struct Late {
    pub(crate) at: u64,
    pub(crate) samples: Vec<i16>,
}

impl Timeline {
    pub(crate) fn new(wide: usize) -> Timeline {
        Timeline { written: 0, wide, frames: Vec::new(), widening: [None, None], ends: [0; 2], oldest: None }
    }

    /// How many frames have left.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// The first frame that waits with sound in it.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.oldest
    }

    /// Up to here both channels are known: nothing is gained by waiting.
    pub(crate) fn both(&self) -> u64 {
        self.ends[0].min(self.ends[1])
    }

    /// Up to here at least one channel is known.
    pub(crate) fn either(&self) -> u64 {
        self.ends[0].max(self.ends[1])
    }

    /// Puts a clip where it belongs. The caller keeps `clip` near `written`: memory grows as far as it reaches.
    pub(crate) fn place(&mut self, channel: Channel, clip: &Clip) -> Option<Late> {
        let late = usize::try_from(self.written.saturating_sub(clip.at)).unwrap_or(usize::MAX).min(clip.samples());
        let samples = self.widened(channel, clip);
        let (early, timely) = samples.split_at(late * self.wide);
        if !timely.is_empty() {
            let at = clip.at.max(self.written);
            let end = at + (timely.len() / self.wide) as u64;
            let first = (at - self.written) as usize * self.wide;
            self.frames.resize(self.frames.len().max((first + timely.len()) * 2), 0);
            let places = &mut self.frames[first * 2..].as_chunks_mut::<2>().0[..timely.len()];
            match channel {
                Channel::Left => places.iter_mut().zip(timely).for_each(|(place, sample)| place[0] = *sample),
                Channel::Right => places.iter_mut().zip(timely).for_each(|(place, sample)| place[1] = *sample),
            }
            self.ends[channel as usize] = self.ends[channel as usize].max(end);
            self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
        }
        (!early.is_empty()).then(|| Late { at: clip.at, samples: early.to_vec() })
    }

    /// A clip's samples, as many a frame as the file has.
    fn widened(&mut self, channel: Channel, clip: &Clip) -> Vec<i16> {
        let mut samples = clip.encoding.decoded(&clip.payload);
        let (has, length) = (usize::from(clip.wide.max(1)), clip.samples());
        if has != self.wide {
            let way = &mut self.widening[channel as usize];
            let goes_on = way.as_ref().is_some_and(|(of, until, _)| *of == has && *until == clip.at);
            if !goes_on {
                let rate = |wide: usize| wide as u32 * SAMPLE_RATE;
                *way = Resampler::new(rate(has), rate(self.wide)).map(|resampler| (has, clip.at, resampler));
            }
            let narrow = std::mem::take(&mut samples);
            if let Some((_, until, resampler)) = way {
                resampler.resample(&narrow, &mut samples);
                let rest = narrow.chunks_exact(has * RESAMPLED).remainder();
                if !rest.is_empty() {
                    let last = [rest, &vec![0; has * RESAMPLED - rest.len()]].concat();
                    resampler.resample(&last, &mut samples);
                }
                *until = clip.end();
            }
        }
        samples.resize(length * self.wide, 0);
        samples
    }

    /// Lets everything before frame `end` leave: `write` gets interleaved samples, silence where none came.
    pub(crate) fn leave<E>(&mut self, end: u64, mut write: impl FnMut(&[i16]) -> Result<(), E>) -> Result<(), E> {
        let frames = end.saturating_sub(self.written);
        let waiting = usize::try_from(frames).unwrap_or(usize::MAX).min(self.frames.len() / 2 / self.wide);
        for piece in self.frames[..waiting * 2 * self.wide].chunks(PIECE) {
            write(piece)?;
        }
        let mut silence = frames.saturating_sub(waiting as u64) * 2 * self.wide as u64;
        while silence > 0 {
            let piece = silence.min(PIECE as u64);
            write(&[0; PIECE][..piece as usize])?;
            silence -= piece;
        }
        self.frames.drain(..waiting * 2 * self.wide);
        self.written += frames;
        self.oldest = self.oldest.filter(|_| self.either() > self.written).map(|oldest| oldest.max(self.written));
        Ok(())
    }
}

/// Samples handed on at once: a second of both channels at 8 kHz, and whole frames at every rate.
const PIECE: usize = 16_380;
/// Frames that are resampled at once.
const RESAMPLED: usize = 160;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use audio::Encoding;
    use proptest::prelude::*;

    use super::Channel::{Left, Right};
    use super::*;

    fn clip(at: u64, bytes: &[u8]) -> Clip {
        Clip { at, encoding: Encoding::Pcmu, wide: 1, payload: bytes.to_vec() }
    }

    fn sample(byte: u8) -> i16 {
        Encoding::Pcmu.decoded(&[byte])[0]
    }

    fn left_until(timeline: &mut Timeline, end: u64) -> Vec<i16> {
        let mut frames = Vec::new();
        let write = |piece: &[i16]| {
            frames.extend_from_slice(piece);
            Ok::<(), Infallible>(())
        };
        let Ok(()) = timeline.leave(end, write);
        frames
    }

    #[test]
    fn clips_of_both_channels_interleave_and_gaps_are_silent() {
        let mut timeline = Timeline::new(1);
        assert!(timeline.place(Right, &clip(2, &[3, 4])).is_none());
        assert!(timeline.place(Left, &clip(1, &[1, 2])).is_none());
        assert_eq!((timeline.both(), timeline.either(), timeline.oldest()), (3, 4, Some(1)));
        let [a, b, c, d] = [1, 2, 3, 4].map(sample);
        assert_eq!(left_until(&mut timeline, 3), [0, 0, a, 0, b, c]);
        assert_eq!(timeline.oldest(), Some(3));
        assert_eq!(left_until(&mut timeline, 6), [0, d, 0, 0, 0, 0]);
        assert_eq!((timeline.written(), timeline.oldest()), (6, None));
    }

    #[test]
    fn what_comes_for_a_written_moment_is_handed_back() {
        let mut timeline = Timeline::new(1);
        left_until(&mut timeline, 10);
        let late = timeline.place(Left, &clip(8, &[1, 2, 3])).unwrap();
        assert_eq!((late.at, late.samples), (8, vec![sample(1), sample(2)]));
        assert_eq!(left_until(&mut timeline, 11), [sample(3), 0]);
        let all_late = timeline.place(Right, &clip(0, &[7, 7])).unwrap();
        assert_eq!((all_late.samples.len(), timeline.oldest(), timeline.both()), (2, None, 0));
    }

    #[test]
    fn nothing_leaves_twice() {
        let mut timeline = Timeline::new(1);
        timeline.place(Left, &clip(0, &[1]));
        assert_eq!(left_until(&mut timeline, 1).len(), 2);
        assert!(left_until(&mut timeline, 1).is_empty());
        assert!(left_until(&mut timeline, 0).is_empty());
        assert_eq!(timeline.written(), 1);
    }

    proptest! {
        /// Whatever the order of clips and writing, the file in the end holds the last clip told for each moment.
        #[test]
        fn every_sample_lands_in_its_place(
            steps in prop::collection::vec((any::<bool>(), 0_u64..9_000, 1_usize..400, any::<u8>(), 0_u64..9_000), 1..40)
        ) {
            let mut wanted = vec![0_i16; 20_000];
            let mut file: Vec<i16> = Vec::new();
            let mut timeline = Timeline::new(1);
            for (left, at, length, byte, leave) in steps {
                let channel = if left { Left } else { Right };
                if let Some(late) = timeline.place(channel, &clip(at, &vec![byte; length])) {
                    for (n, sample) in late.samples.iter().enumerate() {
                        file[(late.at as usize + n) * 2 + channel as usize] = *sample;
                    }
                }
                for n in at as usize..at as usize + length {
                    wanted[n * 2 + channel as usize] = sample(byte);
                }
                file.extend(left_until(&mut timeline, leave));
            }
            file.extend(left_until(&mut timeline, 10_000));
            prop_assert_eq!(file, wanted);
        }
    }
}
