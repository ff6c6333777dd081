//! One mix: what some talkers say at the same time, summed and encoded once for all who hear just that.
//!
//! Where it stands: `mixes` keeps them and decides who hears which; `mixer` numbers for each leg what is made here. A mix
//! makes a frame of 20 ms a time, numbered by the wheel's clock, and its packets begin where that clock is a multiple of
//! their length: so mixes of one recipe are in step, and a listener can go over from one to another.
//!
//! Nothing clicks: a talker who comes in grows within 5 ms, one who is gone suddenly leaves his last sample to fade.

use audio::{Codec, Encoder, OpusConf};

/// What a mix is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Recipe {
    pub codec: Codec,
    /// The rate of its talkers' frames.
    pub rate: u32,
    /// The length of its packets.
    pub ptime_ms: u16,
}

impl Recipe {
    /// For a leg of `codec`, whose talkers come at `rate` where the codec can, and which wants packets of `ptime_ms`.
    pub fn new(codec: Codec, rate: u32, ptime_ms: u16) -> Recipe {
        let ptime_ms = match (codec, ptime_ms) {
            (Codec::Opus, 30) => 20, // RFC 6716 §2.1.4 has no such frames
            (Codec::Opus, 50) => 40,
            (_, ms) => ms,
        };
        Recipe { codec, rate: codec.rate_near(rate), ptime_ms }
    }

    /// How long a packet lasts in units of the codec's clock.
    pub fn packet_units(&self) -> u32 {
        self.units(self.ptime_ms.into()) as u32
    }

    fn units(&self, ms: u64) -> u64 {
        ms * u64::from(self.codec.clock_rate() / 1000)
    }

    fn samples(&self, ms: u64) -> usize {
        (u64::from(self.rate / 1000) * ms) as usize
    }

    /// How much of a packet that begins on the clock's multiple has passed when a frame begins.
    fn begun(&self, frame: u64) -> usize {
        self.samples(frame * FRAME_MS % u64::from(self.ptime_ms))
    }
}

/// The sound made for all who hear the same.
pub(crate) struct Mix {
    pub recipe: Recipe,
    /// How many legs hear it.
    pub listeners: u32,
    encoder: Encoder,
    /// The frame it has made last, of whom, and of whom the one before.
    frame: u64,
    talkers: Vec<Talker>,
    before: Vec<Talker>,
    sum: Vec<i32>,
    /// What has been said of late; from `encoded` on it is in no packet yet.
    said: Vec<i16>,
    encoded: usize,
    heard: bool,
    /// The payloads of the present frame: their timestamps, and where each ends.
    payloads: Vec<u8>,
    ends: Vec<(u32, usize)>,
    /// From this frame on, the next packet must lean on none before it: others come over.
    alone_from: Option<u64>,
}

/// Who is in the mix.
#[derive(Clone, Copy)]
struct Talker {
    index: u32,
    /// His last sample.
    last: i16,
}

impl Mix {
    pub fn new(recipe: Recipe) -> Mix {
        let encoder = Encoder::new(recipe.codec, recipe.rate, &OpusConf::default());
        Mix {
            recipe,
            listeners: 0,
            encoder,
            frame: 0,
            talkers: Vec::new(),
            before: Vec::new(),
            sum: Vec::new(),
            said: Vec::new(),
            encoded: 0,
            heard: false,
            payloads: Vec::new(),
            ends: Vec::new(),
            alone_from: None,
        }
    }

    /// Another that goes on from where this one was before its present frame, for a listener who is to hear something
    /// else from that frame on.
    pub fn forked(&self) -> Mix {
        let mut fork = Mix::new(self.recipe);
        fork.frame = self.frame.saturating_sub(1);
        fork.talkers.clone_from(&self.before);
        fork.heard = !self.before.is_empty();
        let frame = if self.heard { self.recipe.samples(FRAME_MS) } else { 0 };
        let past = &self.said[..self.said.len().saturating_sub(frame)];
        fork.said.extend_from_slice(past);
        fork.encoded = past.len().saturating_sub(self.recipe.begun(self.frame));
        let Recipe { codec, rate, .. } = self.recipe;
        fork.encoder = Encoder::going_on(codec, rate, &OpusConf::default(), &past[..fork.encoded]);
        fork
    }

    /// The frame made last.
    pub fn frame(&self) -> u64 {
        self.frame
    }

    /// Whether that is a sound at all.
    pub fn is_heard(&self) -> bool {
        self.heard
    }

    /// Whether its present frame is of these talkers.
    pub fn is_of(&self, talkers: &[u32]) -> bool {
        self.talkers.iter().map(|talker| talker.index).eq(talkers.iter().copied())
    }

    /// Whether both are made alike, and had the same talkers in this frame.
    pub fn is_like(&self, other: &Mix, frame: u64) -> bool {
        let (Some(ours), Some(theirs)) = (self.talkers_at(frame), other.talkers_at(frame)) else { return false };
        let indices = |talker: &Talker| talker.index;
        self.recipe == other.recipe && ours.iter().map(indices).eq(theirs.iter().map(indices))
    }

    fn talkers_at(&self, frame: u64) -> Option<&[Talker]> {
        match self.frame {
            present if present == frame => Some(&self.talkers),
            present if present == frame + 1 => Some(&self.before),
            _ => None,
        }
    }

    /// Others come over from this frame on.
    pub fn stand_alone_from(&mut self, frame: u64) {
        self.alone_from = Some(frame);
    }

    /// Make the next frame, of these talkers in the order of their indices; `pcm_of` knows what each says in it.
    pub fn make<'a>(&mut self, frame: u64, talkers: &[u32], pcm_of: impl Fn(u32) -> Option<&'a [i16]>) {
        std::mem::swap(&mut self.talkers, &mut self.before);
        self.talkers.clear();
        self.payloads.clear();
        self.ends.clear();
        if self.frame + 1 != frame {
            self.before.clear();
            self.heard = false;
        }
        self.frame = frame;
        let samples = self.recipe.samples(FRAME_MS);
        self.sum.clear();
        self.sum.resize(samples, 0);
        for index in talkers {
            let pcm = pcm_of(*index).unwrap_or_default();
            self.add(*index, pcm);
        }
        let faded = self.fade_out();
        if talkers.is_empty() && !faded {
            self.heard = false;
            return;
        }
        if !std::mem::replace(&mut self.heard, true) {
            self.said.clear();
            self.said.resize(self.recipe.begun(frame), 0);
            self.encoded = 0;
        }
        self.said.extend(self.sum.iter().map(|sum| (*sum).clamp(i16::MIN.into(), i16::MAX.into()) as i16));
        self.encode();
        let keep = self.recipe.samples(self.recipe.codec.memory_ms() as u64 + FRAME_MS);
        let old = self.encoded.saturating_sub(keep);
        if old >= samples {
            self.said.drain(..old);
            self.encoded -= old;
        }
    }

    fn add(&mut self, index: u32, pcm: &[i16]) {
        let grows = if self.before.iter().any(|before| before.index == index) { 0 } else { self.seam() };
        for (n, (sum, sample)) in self.sum.iter_mut().zip(pcm).enumerate().take(grows) {
            *sum += i32::from(*sample) * n as i32 / grows as i32;
        }
        for (sum, sample) in self.sum.iter_mut().zip(pcm).skip(grows) {
            *sum += i32::from(*sample);
        }
        self.talkers.push(Talker { index, last: pcm.last().copied().unwrap_or(0) });
    }

    /// Who spoke until now and is gone ends where he was. False if there is nothing to fade.
    fn fade_out(&mut self) -> bool {
        let talks = |index| self.talkers.iter().any(|talker| talker.index == index);
        let gone = self.before.iter().filter(|before| !talks(before.index));
        let last: i32 = gone.map(|gone| i32::from(gone.last)).sum();
        let seam = self.seam();
        if last.abs() < UNHEARD {
            return false;
        }
        for (n, sum) in self.sum.iter_mut().enumerate().take(seam) {
            *sum += last * (seam - 1 - n) as i32 / seam as i32;
        }
        true
    }

    fn seam(&self) -> usize {
        self.recipe.samples(SEAM_MS)
    }

    fn encode(&mut self) {
        let packet = self.recipe.samples(self.recipe.ptime_ms.into());
        while self.said.len() - self.encoded >= packet {
            let unsent_ms = (self.said.len() - self.encoded) as u64 / u64::from(self.recipe.rate / 1000);
            let began_ms = (self.frame + 1) * FRAME_MS - unsent_ms;
            if self.alone_from.is_some_and(|from| from <= self.frame) {
                self.alone_from = None;
                self.encoder.stand_alone();
            }
            self.encoder.encode(&self.said[self.encoded..self.encoded + packet], &mut self.payloads);
            self.encoded += packet;
            self.ends.push((self.recipe.units(began_ms) as u32, self.payloads.len()));
        }
    }

    /// What its present frame has completed: timestamps, and payloads, empty where there is nothing worth sending.
    pub fn packets(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts.zip(&self.ends).map(|(start, (timestamp, end))| (*timestamp, &self.payloads[start..*end]))
    }
}

const FRAME_MS: u64 = 20;
/// How long a talker takes to come and to go.
const SEAM_MS: u64 = 5;
/// A step that nobody hears, −60 dBFS.
const UNHEARD: i32 = 32;

#[cfg(test)]
mod tests {
    use audio::{Decoder, Encoding, tone};

    use super::*;

    /// Makes `frames` frames, each of the talkers that `heard` says; every talker says his own constant sound.
    fn made(
        mix: &mut Mix,
        frames: std::ops::Range<u64>,
        heard: impl Fn(u64) -> Vec<u32>,
        said: &[Vec<i16>],
    ) -> Vec<(u32, Vec<u8>)> {
        let samples = mix.recipe.samples(FRAME_MS);
        let mut all = Vec::new();
        for frame in frames {
            let at = frame as usize * samples;
            mix.make(frame, &heard(frame), |index| said.get(index as usize)?.get(at..at + samples));
            all.extend(mix.packets().map(|(timestamp, payload)| (timestamp, payload.to_vec())));
        }
        all
    }

    #[test]
    fn a_mix_is_the_sum_and_does_not_wrap() {
        for (talkers, expected) in [
            (vec![1000, 500], 1500),
            (vec![30_000, 30_000], i16::MAX),
            (vec![-30_000, -30_000, 10_000], i16::MIN),
            (vec![4000, -4000], 0),
        ] {
            let said: Vec<Vec<i16>> = talkers.iter().map(|sample| vec![*sample; 480]).collect();
            let all: Vec<u32> = (0..talkers.len() as u32).collect();
            let packets = made(&mut Mix::new(Recipe::new(Codec::Pcma, 8000, 20)), 0..3, |_| all.clone(), &said);
            assert_eq!(packets[2].1, Encoding::Pcma.encoded(&[expected; 160]));
        }
    }

    #[test]
    fn packets_are_as_long_as_the_leg_wants_and_in_step_with_the_clock() {
        for (codec, ptime_ms, packets, units) in [
            (Codec::Pcma, 10, 12, 80),
            (Codec::Pcma, 20, 6, 160),
            (Codec::Pcmu, 30, 4, 240),
            (Codec::Pcmu, 40, 3, 320),
            (Codec::G722, 50, 2, 400),
            (Codec::G722, 60, 2, 480),
            (Codec::Opus, 20, 6, 960),
            (Codec::Opus, 30, 6, 960),
            (Codec::Opus, 50, 3, 1920),
            (Codec::Opus, 60, 2, 2880),
        ] {
            for first in [0, 1, 7] {
                let mut mix = Mix::new(Recipe::new(codec, 8000, ptime_ms));
                let all = made(&mut mix, first..first + 6, |_| vec![0], &[vec![100; 160 * 13]]);
                assert!((packets..=packets + 1).contains(&all.len()), "{codec:?} {ptime_ms}: {}", all.len());
                for (n, (timestamp, payload)) in all.iter().enumerate() {
                    assert_eq!(*timestamp, all[0].0 + n as u32 * units, "{codec:?} {ptime_ms}");
                    assert_eq!(timestamp % units, 0, "{codec:?} {ptime_ms}");
                    assert_eq!(codec.duration(payload), units, "{codec:?} {ptime_ms}");
                }
            }
        }
    }

    #[test]
    fn while_nobody_speaks_nothing_is_made_and_time_passes() {
        let mut mix = Mix::new(Recipe::new(Codec::Pcmu, 8000, 20));
        let all =
            made(&mut mix, 0..10, |frame| if (3..6).contains(&frame) { vec![] } else { vec![0] }, &[vec![10; 1600]]);
        let frames: Vec<u32> = all.iter().map(|(timestamp, _)| timestamp / 160).collect();
        assert_eq!(frames, [0, 1, 2, 6, 7, 8, 9]);
    }

    /// The steepest bend of a curve: a click is one, whatever it is made of.
    fn bend(pcm: &[i16]) -> i32 {
        pcm.windows(3).map(|w| (i32::from(w[0]) - 2 * i32::from(w[1]) + i32::from(w[2])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn who_comes_in_or_goes_makes_no_click() {
        // One talks on; the other is in the middle of a loud word when he comes, and when he goes.
        let said = [tone(&[(300.0, -12.0)], 600), tone(&[(420.0, -9.0)], 600)];
        let heard = |frame| if (10..20).contains(&frame) { vec![0, 1] } else { vec![0] };
        let together: Vec<i16> = said[0].iter().zip(&said[1]).map(|(a, b)| a + b).collect();
        for codec in [Codec::Pcmu, Codec::G722, Codec::Opus] {
            let packets = made(&mut Mix::new(Recipe::new(codec, 8000, 20)), 0..30, heard, &said);
            let mut decoder = Decoder::new(codec, 8000);
            let mut pcm = Vec::new();
            packets.iter().for_each(|(_, payload)| decoder.decode(payload, &mut pcm));
            let coded = {
                let packets = made(&mut Mix::new(Recipe::new(codec, 8000, 20)), 0..30, |_| vec![0, 1], &said);
                let mut pcm = Vec::new();
                let mut decoder = Decoder::new(codec, 8000);
                packets.iter().for_each(|(_, payload)| decoder.decode(payload, &mut pcm));
                bend(&pcm[800..])
            };
            let most = coded + bend(&together);
            assert!(bend(&pcm[800..]) <= most, "{codec:?}: {} > {most}", bend(&pcm[800..]));
            // Without the seams it would be far above.
            let abrupt: Vec<i16> = (0..pcm.len())
                .map(|n| said[0][n] + if (1600..3200).contains(&n) { said[1][n + 5] } else { 0 })
                .collect();
            assert!(bend(&abrupt) > most, "the test hears clicks: {}", bend(&abrupt));
        }
    }
}
