//! The mixes of one thread, and who hears which: who hears the same hears one.
//!
//! Where it stands: `patchbay` asks for the mix of a leg in each frame, and says whom the leg hears in it. While that is
//! the same for two legs of one recipe, there is one sum and one encoder for both, as for the silent ones of a
//! conference, however many. Who hears something else from a frame on (he speaks, and does not hear himself) goes on in a
//! mix of his own, forked from the one he heard; when two have been alike for half a second, the lesser comes over into
//! the greater, at a packet that leans on none before it. A decoder at the far end notices neither.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::mix::{Mix, Recipe};
use crate::mixer::Mixer;

/// All mixes of a thread.
#[derive(Default)]
pub(crate) struct Mixes {
    mixes: BTreeMap<u64, Entry>,
    latest: u64,
}

struct Entry {
    mix: Box<Mix>,
    /// Which mix, and in which frame, this one was forked from.
    forked: Option<(u64, u64)>,
    /// It was like another for so many frames.
    like: Option<(u64, u32)>,
    /// Its listeners come over to another, from a frame on.
    over: Option<(u64, u64)>,
}

impl Mixes {
    /// A mix for one more leg.
    pub fn join(&mut self, recipe: Recipe) -> Mixer {
        let mut mix = Mix::new(recipe);
        mix.listeners = 1;
        Mixer::new(recipe, self.insert(mix, None))
    }

    /// The leg of this mixer hears it no more.
    pub fn leave(&mut self, mixer: &Mixer) {
        self.part(mixer.mix);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.mixes.len()
    }

    /// The mix a leg hears in this frame, made of `talkers`, in the order of their indices.
    pub fn serve<'a>(
        &mut self,
        mixer: &mut Mixer,
        talkers: &[u32],
        frame: u64,
        pcm_of: impl Fn(u32) -> Option<&'a [i16]>,
    ) -> Option<&Mix> {
        if let Some((to, from)) = self.mixes.get(&mixer.mix)?.over
            && from <= frame
        {
            self.go_over(mixer, to);
        }
        let entry = self.mixes.get_mut(&mixer.mix)?;
        if entry.mix.frame() != frame {
            entry.mix.make(frame, talkers, pcm_of);
            self.seek(mixer.mix, frame);
        } else if !entry.mix.is_of(talkers) {
            let forked = Some((mixer.mix, frame));
            let since = self.mixes.range(mixer.mix + 1..).rev();
            let mut fellows = since.filter(|(_, entry)| entry.forked == forked && entry.mix.is_of(talkers));
            let to = match fellows.next() {
                Some((fellow, _)) => *fellow,
                None => {
                    let mut fork = self.mixes.get(&mixer.mix)?.mix.forked();
                    fork.make(frame, talkers, pcm_of);
                    self.insert(fork, forked)
                }
            };
            self.go_over(mixer, to);
        }
        self.mixes.get(&mixer.mix).map(|entry| &*entry.mix)
    }

    /// Its listeners are still to come.
    fn insert(&mut self, mix: Mix, forked: Option<(u64, u64)>) -> u64 {
        self.latest += 1;
        self.mixes.insert(self.latest, Entry { mix: Box::new(mix), forked, like: None, over: None });
        self.latest
    }

    fn part(&mut self, id: u64) {
        let Some(entry) = self.mixes.get_mut(&id) else { return };
        entry.mix.listeners = entry.mix.listeners.saturating_sub(1);
        if entry.mix.listeners == 0 {
            self.mixes.remove(&id);
        }
    }

    /// Nothing, if the other mix is gone.
    fn go_over(&mut self, mixer: &mut Mixer, to: u64) {
        if let Some(entry) = self.mixes.get_mut(&to) {
            entry.mix.listeners += 1;
            self.part(mixer.mix);
            mixer.mix = to;
        } else if let Some(entry) = self.mixes.get_mut(&mixer.mix) {
            entry.over = None;
        }
    }

    /// Is there a greater mix that says the same? Looked for now and then, and watched from there on.
    fn seek(&mut self, id: u64, frame: u64) {
        let Some((entry, before)) = self.mixes.get(&id).zip(frame.checked_sub(1)) else { return };
        if entry.over.is_some() {
            return;
        }
        let is_greater = |(other, of): (&u64, &Entry)| {
            let rank = |id: &u64, entry: &Entry| (entry.mix.listeners, Reverse(*id));
            of.over.is_none() && rank(other, of) > rank(&id, entry) && of.mix.is_like(&entry.mix, before)
        };
        let like = match entry.like {
            None if (frame + id).is_multiple_of(SOUGHT_EVERY) && entry.mix.is_heard() => {
                self.mixes.iter().find(|(other, of)| is_greater((other, of))).map(|(other, _)| (*other, 0))
            }
            None => None,
            Some((other, frames)) => {
                let greater = self.mixes.get(&other).filter(|of| is_greater((&other, of)));
                greater.map(|_| (other, frames + u32::from(entry.mix.is_heard())))
            }
        };
        let over = like.filter(|(_, frames)| *frames >= ALIKE).map(|(other, _)| (other, frame + 1));
        if let Some((other, from)) = over
            && let Some(other) = self.mixes.get_mut(&other)
        {
            other.mix.stand_alone_from(from);
        }
        if let Some(entry) = self.mixes.get_mut(&id) {
            (entry.like, entry.over) = (like.filter(|_| over.is_none()), over);
        }
    }
}

/// In frames of 20 ms.
const SOUGHT_EVERY: u64 = 10;
const ALIKE: u32 = 25;

#[cfg(test)]
mod tests {
    use audio::{Codec, Decoder, tone};

    use super::*;

    /// A conference of as many legs as there are mixers: all hear all others, and each hears what he hears decoded.
    struct Conference {
        mixes: Mixes,
        mixers: Vec<Mixer>,
        heard: Vec<(Decoder, Vec<i16>)>,
        said: Vec<Vec<i16>>,
        frame: u64,
    }

    impl Conference {
        fn new(legs: usize, codec: Codec, rate: u32, ptime_ms: u16) -> Conference {
            let recipe = Recipe::new(codec, rate, ptime_ms);
            let mut mixes = Mixes::default();
            let mixers = (0..legs).map(|_| mixes.join(recipe)).collect();
            let heard = (0..legs).map(|_| (Decoder::new(codec, rate), Vec::new())).collect();
            let hz = |n: usize| (300.0 + 170.0 * n as f64) * 8000.0 / f64::from(recipe.rate); // tone() is for 8 kHz
            let said = (0..4).map(|n| tone(&[(hz(n), -20.0)], 20_000 * recipe.rate / 8000)).collect();
            Conference { mixes, mixers, heard, said, frame: 0 }
        }

        /// So many frames pass, in which these talk.
        fn pass(&mut self, frames: u64, talking: &[u32]) {
            for _ in 0..frames {
                self.frame += 1;
                for leg in 0..self.mixers.len() {
                    // Whoever is asked first leads: each in turn.
                    let leg = (leg + self.frame as usize) % self.mixers.len();
                    let talkers: Vec<u32> = talking.iter().copied().filter(|talker| *talker != leg as u32).collect();
                    let samples = self.mixers[leg].recipe.rate as usize / 50;
                    let at = self.frame as usize * samples;
                    let said = &self.said;
                    let pcm_of = |index: u32| said.get(index as usize)?.get(at..at + samples);
                    let mix = self.mixes.serve(&mut self.mixers[leg], &talkers, self.frame, pcm_of).unwrap();
                    let (decoder, pcm) = &mut self.heard[leg];
                    mix.packets().for_each(|(_, payload)| decoder.decode(payload, pcm));
                }
            }
        }

        /// The least share of these tones in what a leg heard, in any 20 ms of the last `frames`.
        fn least_share(&self, leg: usize, frames: usize, talkers: &[u32]) -> f64 {
            let (decoder, pcm) = &self.heard[leg];
            let frame = decoder.rate() as usize / 50;
            let share = |piece: &[i16]| {
                let hz = talkers
                    .iter()
                    .map(|talker| (300.0 + 170.0 * f64::from(*talker)) * 8000.0 / f64::from(decoder.rate()));
                hz.map(|hz| audio::goertzel::share(piece, hz)).sum::<f64>()
            };
            pcm[pcm.len() - frames * frame..].windows(2 * frame).step_by(frame / 4).map(share).fold(f64::MAX, f64::min)
        }
    }

    #[test]
    fn who_hears_the_same_hears_one_mix() {
        for codec in Codec::ALL {
            let mut conference = Conference::new(12, codec, 8000, 20);
            assert_eq!(conference.mixes.len(), 12);
            conference.pass(60, &[0]);
            assert_eq!(conference.mixes.len(), 2, "{codec:?}: one for who speaks, who hears nobody");
            conference.pass(1, &[0, 1]);
            assert_eq!(conference.mixes.len(), 3, "{codec:?}: and one for each who speaks");
            conference.pass(100, &[0, 1, 2]);
            assert_eq!(conference.mixes.len(), 4, "{codec:?}");
            conference.pass(100, &[3]);
            assert_eq!(conference.mixes.len(), 2, "{codec:?}");
            for mixer in &conference.mixers {
                conference.mixes.leave(mixer);
            }
            assert_eq!(conference.mixes.len(), 0);
        }
    }

    #[test]
    fn legs_of_two_codecs_or_packet_lengths_share_nothing() {
        let mut mixes = Mixes::default();
        let recipes = [(Codec::Pcmu, 20), (Codec::Pcma, 20), (Codec::Pcmu, 30), (Codec::Pcmu, 20)];
        let mut mixers: Vec<Mixer> =
            recipes.iter().map(|(codec, ms)| mixes.join(Recipe::new(*codec, 8000, *ms))).collect();
        for frame in 1..100 {
            for mixer in &mut mixers {
                mixes.serve(mixer, &[9], frame, |_| Some(&[1000; 160]));
            }
        }
        assert_eq!(mixes.len(), 3);
        assert_eq!(mixers[0].mix, mixers[3].mix);
    }

    #[test]
    fn who_changes_the_mix_hears_no_seam() {
        for (codec, rate, ptime_ms, least) in [
            (Codec::Pcmu, 8000, 20, 0.99),
            (Codec::Pcma, 8000, 30, 0.99),
            (Codec::G722, 8000, 20, 0.98),
            (Codec::G722, 16_000, 60, 0.98),
            (Codec::Opus, 16_000, 20, 0.96),
            (Codec::Opus, 48_000, 20, 0.96),
            (Codec::Opus, 48_000, 60, 0.8), // an encoder of so long packets is slow to find a tone again
        ] {
            let mut conference = Conference::new(6, codec, rate, ptime_ms);
            conference.pass(100, &[0]);
            assert_eq!(conference.mixes.len(), 2, "{codec:?}");
            let worst = |conference: &Conference| {
                (1..6).map(|leg| conference.least_share(leg, 48, &[0])).fold(f64::MAX, f64::min)
            };
            let steady = (1..6).map(|leg| conference.least_share(leg, 24, &[0])).fold(f64::MAX, f64::min);
            assert!(steady > 0.99, "{codec:?} {rate} {ptime_ms}: {steady} of the steady tone is it");
            // The sixth speaks and says nothing, so what all hear goes on: made by two, and then by one again.
            conference.pass(40, &[0, 5]);
            assert_eq!(conference.mixes.len(), 3, "{codec:?}");
            let forked = worst(&conference);
            assert!(forked > least, "{codec:?} {rate} {ptime_ms}: forked {forked}, steady {steady}");
            conference.pass(70, &[0]);
            assert_eq!(conference.mixes.len(), 2, "{codec:?}");
            let over = worst(&conference);
            assert!(over > least, "{codec:?} {rate} {ptime_ms}: came over {over}, steady {steady}");
        }
    }
}
