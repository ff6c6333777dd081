//! A leg's place in a mix: which one it hears, and how what is made there is numbered for it.
//!
//! Where it stands: a port has one while it hears several, or one in a codec that is not its own; the wheel serves it
//! every 20 ms. What it hears is a [`Mix`](crate::mix::Mix), which it may share with others. A leg that hears one of its
//! own codec has none.

use std::time::Duration;

use base::Time;

use crate::mix::{Mix, Recipe};

/// One leg's way to a mix.
pub(crate) struct Mixer {
    pub recipe: Recipe,
    /// Which of the [`Mixes`](crate::mixes::Mixes).
    pub mix: u64,
    /// Its own numbering, which the leg's `OutStream` maps.
    sequence: u16,
    /// Nothing was sent before this: the next packet begins a talkspurt.
    paused: bool,
    /// A key is passed on: no sound until then.
    keyed_until: Time,
    key: Option<u32>,
}

/// A packet to be sent to one leg.
pub(crate) struct Made<'a> {
    pub payload: &'a [u8],
    pub sequence: u16,
    pub timestamp: u32,
    pub samples: u32,
    pub begins: bool,
}

impl Mixer {
    /// One that hears this mix.
    pub fn new(recipe: Recipe, mix: u64) -> Mixer {
        Mixer { recipe, mix, sequence: 0, paused: true, keyed_until: Time::ZERO, key: None }
    }

    /// What the mix made in its present frame goes to `send`. While nobody speaks, or a key goes out, time passes without
    /// any.
    pub fn take(&mut self, mix: &Mix, now: Time, sends: bool, mut send: impl FnMut(Made)) {
        if !mix.is_heard() || !sends || now < self.keyed_until {
            self.paused = true;
            return;
        }
        let samples = self.recipe.packet_units();
        for (timestamp, payload) in mix.packets() {
            if payload.is_empty() {
                self.paused = true; // nothing worth sending
                continue;
            }
            let sequence = self.sequence;
            self.sequence = sequence.wrapping_add(1);
            let begins = std::mem::take(&mut self.paused);
            send(Made { payload, sequence, timestamp, samples, begins });
        }
    }

    /// A packet of a key goes out now, of the press that began at this timestamp. True if it is another press.
    pub fn pass_key(&mut self, timestamp: u32, now: Time) -> bool {
        self.keyed_until = now + KEY_GAP;
        self.key.replace(timestamp) != Some(timestamp)
    }
}

/// Packets of a key come each 20 ms or 50 ms.
const KEY_GAP: Duration = Duration::from_millis(60);

#[cfg(test)]
mod tests {
    use audio::Codec;

    use super::*;

    fn taken(mixer: &mut Mixer, mix: &mut Mix, frame: u64, talkers: &[u32], now: Time) -> Vec<(u16, u32, bool)> {
        mix.make(frame, talkers, |_| Some(&[100; 160]));
        let mut all = Vec::new();
        mixer.take(mix, now, true, |made| all.push((made.sequence, made.timestamp, made.begins)));
        all
    }

    #[test]
    fn numbers_go_on_over_silences_and_keys() {
        let recipe = Recipe::new(Codec::Pcmu, 8000, 20);
        let (mut mixer, mut mix) = (Mixer::new(recipe, 1), Mix::new(recipe));
        let mut take = |mixer: &mut Mixer, frame, talkers: &[u32]| {
            taken(mixer, &mut mix, frame, talkers, Time::from_millis(frame * 20))
        };
        assert_eq!(take(&mut mixer, 0, &[7]), [(0, 0, true)]);
        assert_eq!(take(&mut mixer, 1, &[7]), [(1, 160, false)]);
        assert_eq!(take(&mut mixer, 2, &[]), [(2, 320, false)], "what fades");
        assert_eq!(take(&mut mixer, 3, &[]), []);
        assert_eq!(take(&mut mixer, 4, &[7]), [(3, 640, true)]);
        let at = Time::from_millis(100);
        assert!(mixer.pass_key(7, at) && !mixer.pass_key(7, at) && mixer.pass_key(8, at));
        assert_eq!(take(&mut mixer, 6, &[7]), []);
        assert_eq!(take(&mut mixer, 8, &[7]), [(4, 1280, true)]);
    }
}
