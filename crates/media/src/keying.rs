//! Keys on their way into one leg: as telephone-events where the leg knows them (RFC 4733), else as their two sines.
//!
//! Where it stands: a port has at most one; `patchbay` asks it for the next packet whenever the wheel comes round. While it
//! lasts nobody else is heard in the leg, as on a telephone whose key is down.

use std::collections::VecDeque;
use std::sync::OnceLock;

use audio::{Sound, dtmf, silence, tone};
use rtp::event::Event;

/// How long a key is held, what one packet adds to it, and how long none is down before the next.
const HELD_MS: u16 = 100;
pub(crate) const STEP_MS: u16 = 20;
const PAUSE_STEPS: usize = 3;
/// So many keys wait for their turn; who presses faster is no finger.
const KEYS_MAX: usize = 32;

/// Keys that are to be pressed, and how far the first of them has come.
pub(crate) struct Keying {
    digits: VecDeque<char>,
    /// Steps of the first key.
    steps: usize,
}

/// What is to be said in one step.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The `n`th packet of a key; the first bears the marker.
    Say { n: u16, marker: bool, payload: [u8; 4] },
    /// No key is down.
    Pause,
}

impl Keying {
    pub fn new(digit: char) -> Keying {
        Keying { digits: VecDeque::from([digit]), steps: 0 }
    }

    /// One more, after the others.
    pub fn add(&mut self, digit: char) {
        if self.digits.len() < KEYS_MAX {
            self.digits.push_back(digit);
        }
    }

    /// The next step where keys are telephone-events, durations counted at `rate`; none when all is said. The end of a key
    /// comes three times, a step apart, so that one burst of loss does not take them all.
    pub fn step(&mut self, rate: u32) -> Option<Step> {
        let units = |ms: u16| u16::try_from(u32::from(ms) * rate / 1000).unwrap_or(u16::MAX);
        let packets = usize::from(HELD_MS / STEP_MS) - 1 + 3;
        if self.steps == packets + PAUSE_STEPS {
            self.digits.pop_front();
            self.steps = 0;
        }
        let n = self.steps;
        self.steps += 1;
        let digit = *self.digits.front()?;
        Some(match Event::press(digit, units(HELD_MS), units(STEP_MS)).nth(n) {
            Some((marker, event)) => Step::Say { n: n as u16, marker, payload: event.to_bytes() }, // a handful
            None => Step::Pause,
        })
    }

    /// The next key as sound, with the pause after it.
    pub fn sound(&mut self) -> Option<Sound> {
        static SOUNDS: [OnceLock<Sound>; 16] = [const { OnceLock::new() }; 16];
        let digit = self.digits.pop_front()?;
        let sines = dtmf(digit)?;
        let sound = SOUNDS.get(usize::from(Event::code_of(digit)?))?;
        let pause_ms = PAUSE_STEPS as u32 * u32::from(STEP_MS);
        let make = || Sound::from_pcm([tone(&sines, HELD_MS.into()), silence(pause_ms)].concat());
        Some(sound.get_or_init(make).clone())
    }
}

/// The number of a player that sounds a key: nobody is told that it is over.
pub(crate) const KEY_PLAYER: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presses_are_said_step_by_step_and_each_end_three_times() {
        let mut keying = Keying::new('#');
        keying.add('5');
        let said: Vec<_> = std::iter::from_fn(|| keying.step(8000)).collect();
        let events = |steps: &[Step]| -> Vec<(u16, bool, Option<char>)> {
            let event = |step: &Step| match step {
                Step::Say { payload, .. } => {
                    Event::read(payload).map(|event| (event.duration, event.end, event.digit()))
                }
                Step::Pause => None,
            };
            steps.iter().filter_map(event).collect()
        };
        assert_eq!(said.len(), 20);
        let press = |key| {
            [(160, false), (320, false), (480, false), (640, false), (800, true), (800, true), (800, true)]
                .map(|(duration, end)| (duration, end, Some(key)))
        };
        assert_eq!(events(&said[..7]), press('#'));
        assert!(said[7..10].iter().all(|step| *step == Step::Pause));
        assert_eq!(events(&said[10..17]), press('5'));
        let marked: Vec<_> = (0..said.len()).filter(|n| matches!(said[*n], Step::Say { marker: true, .. })).collect();
        assert_eq!(marked, [0, 10]);
    }

    #[test]
    fn as_many_wait_as_a_finger_could_press() {
        let mut keying = Keying::new('1');
        (0..100).for_each(|_| keying.add('2'));
        assert_eq!(std::iter::from_fn(|| keying.sound()).count(), KEYS_MAX);
    }
}
