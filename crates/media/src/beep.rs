//! The beep that tells those who talk that they are recorded: 1400 Hz for half a second, every now and then.
//!
//! Where it stands: with a tap; while a leg has one, it hears a mix, in which the beep is one more talker. A beep begins at
//! a frame of the wheel and is named by it, so who hears the same beep may share a mix.

use std::time::Duration;

use audio::RECORDED;
use base::Time;

/// When one leg hears it.
pub(crate) struct Beep {
    every: Duration,
    next: Time,
    /// The frame in which it began to sound.
    began: Option<u64>,
}

/// What is heard of it in one frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sounding {
    /// Whom it is in a mix.
    pub talker: u32,
    nth: usize,
}

impl Beep {
    /// One every so often, the first at once.
    pub fn new(every: Duration, now: Time) -> Beep {
        Beep { every: every.max(LENGTH * 2), next: now, began: None }
    }

    /// What sounds in this frame, if anything does.
    pub fn frame(&mut self, frame: u64, now: Time) -> Option<Sounding> {
        if now >= self.next {
            self.began = Some(frame);
            self.next = now + self.every;
        }
        let began = self.began?;
        let nth = frame.wrapping_sub(began);
        if nth >= FRAMES {
            self.began = None;
            return None;
        }
        Some(Sounding { talker: u32::MAX - (began % TALKERS) as u32, nth: nth as usize })
    }
}

impl Sounding {
    /// It begins.
    pub fn is_first(&self) -> bool {
        self.nth == 0
    }
}

/// How it sounds, at each rate that somebody has heard it at.
#[derive(Default)]
pub(crate) struct Beeps {
    rates: Vec<(u32, Vec<i16>)>,
}

impl Beeps {
    /// Sees that it is there.
    pub fn make(&mut self, rate: u32) {
        if self.rates.iter().all(|(known, _)| *known != rate) {
            self.rates.push((rate, RECORDED.pcm_at(rate)));
        }
    }

    /// One frame of it.
    pub fn pcm(&self, sounding: Sounding, rate: u32) -> Option<&[i16]> {
        let (_, pcm) = self.rates.iter().find(|(known, _)| *known == rate)?;
        pcm.chunks_exact(rate as usize / 50).nth(sounding.nth)
    }
}

const LENGTH: Duration = Duration::from_millis(500);
/// Of 20 ms.
const FRAMES: u64 = 25;
/// Names of beeps, above all indices of legs there can be.
const TALKERS: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sounds_for_half_a_second_every_now_and_then() {
        let mut beep = Beep::new(Duration::from_secs(2), Time::from_millis(1000));
        let sounds: Vec<u64> =
            (50..300).filter(|frame| beep.frame(*frame, Time::from_millis(frame * 20)).is_some()).collect();
        let wanted: Vec<u64> = (50..75).chain(150..175).chain(250..275).collect();
        assert_eq!(sounds, wanted);
    }

    #[test]
    fn it_has_a_frame_of_each_rate_for_all_of_it() {
        let mut beeps = Beeps::default();
        for rate in [8_000, 16_000, 48_000] {
            beeps.make(rate);
            let pcm = |nth| beeps.pcm(Sounding { talker: 0, nth }, rate).map(<[i16]>::len);
            assert_eq!([pcm(0), pcm(24), pcm(25)], [Some(rate as usize / 50), Some(rate as usize / 50), None]);
        }
    }
}
