//! What one leg says, decoded: a frame of 20 ms whenever those who hear it are served.
//!
//! Where it stands: a port has one as long as somebody hears it decoded, in a mix or in another codec. Frames are
//! numbered by the wheel's clock: who asks first in a frame's time makes it, the others share it.

use std::time::Duration;

use audio::{Codec, ComfortNoise, Decoder, Resampler};
use base::Time;

use crate::gate::Gate;
use crate::jitter::{Jitter, Pulled, Sent};

/// The ear for one talker.
pub(crate) struct Voice {
    jitter: Jitter,
    decoder: Decoder,
    /// Decoded and not yet in a frame.
    left: Vec<i16>,
    frame: Vec<i16>,
    /// The present frame: its number, and whether it is anything.
    present: Option<(u64, bool)>,
    gate: Gate,
    others: Vec<OtherRate>,
    epoch: u32,
    /// A key is pressed: what the phone does not say meanwhile is not made up.
    keyed: bool,
    rest: Rest,
}

/// A talker who is silent on purpose: by comfort noise (RFC 3389), or by Opus that leaves out what nobody says (RFC 7587
/// §3.1.3). His room is heard until he speaks again.
#[derive(Default)]
struct Rest {
    noise: ComfortNoise,
    /// He has said so with the latest packet.
    told: bool,
    /// What came before that has been heard.
    resting: bool,
}

/// The same frame for those who hear at another rate.
struct OtherRate {
    rate: u32,
    resampler: Resampler,
    frame: Vec<i16>,
    number: u64,
}

impl Voice {
    /// For a talker of `codec`, heard at `rate` where the codec can.
    pub fn new(codec: Codec, rate: u32) -> Voice {
        Voice {
            jitter: Jitter::new(),
            decoder: Decoder::new(codec, rate),
            left: Vec::new(),
            frame: Vec::new(),
            present: None,
            gate: Gate::default(),
            others: Vec::new(),
            epoch: 0,
            keyed: false,
            rest: Rest::default(),
        }
    }

    /// Whether it is what is wanted.
    pub fn is(&self, codec: Codec, rate: u32) -> bool {
        self.decoder.codec() == codec && self.decoder.rate() == codec.rate_near(rate)
    }

    /// A packet of sound came. Streams of one epoch are one.
    pub fn hear(&mut self, sequence: u16, timestamp: u32, epoch: u32, payload: &[u8], now: Time) {
        self.follow(epoch);
        let codec = self.decoder.codec();
        let clock_khz = codec.clock_rate() / 1000;
        let lasts = Duration::from_micros(u64::from(codec.duration(payload)) * 1000 / u64::from(clock_khz));
        self.keyed = false;
        self.rest.told = codec == Codec::Opus && payload.len() <= OPUS_NOTHING;
        self.jitter.put(sequence, Sent { timestamp, clock_khz }, lasts, payload, now);
    }

    /// Comfort noise came: he falls silent, and his room sounds like this.
    pub fn hear_noise(&mut self, sequence: u16, timestamp: u32, epoch: u32, payload: &[u8], now: Time) {
        self.skip(sequence, timestamp, epoch, false, now);
        self.rest.told |= self.rest.noise.follow(payload);
    }

    /// A packet came that takes a number, and no sound with it.
    pub fn skip(&mut self, sequence: u16, timestamp: u32, epoch: u32, is_key: bool, now: Time) {
        self.follow(epoch);
        self.keyed |= is_key;
        let sent = Sent { timestamp, clock_khz: 8 };
        self.jitter.put(sequence, sent, Duration::ZERO, &[], now);
    }

    fn follow(&mut self, epoch: u32) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.jitter.clear();
            self.decoder = Decoder::new(self.decoder.codec(), self.decoder.rate());
            self.rest = Rest::default();
        }
    }

    /// The frame of this number at this rate; nothing while nobody speaks.
    pub fn frame(&mut self, number: u64, rate: u32, now: Time) -> Option<&[i16]> {
        if self.present.is_none_or(|(present, _)| present != number) {
            let speaks = self.make(now);
            self.present = Some((number, speaks));
        }
        if !self.present.is_some_and(|(_, speaks)| speaks) {
            return None;
        }
        if rate == self.decoder.rate() {
            return Some(&self.frame);
        }
        self.resampled(number, rate)
    }

    /// The same, where it has been made already.
    pub fn made(&self, number: u64, rate: u32) -> Option<&[i16]> {
        if self.present != Some((number, true)) {
            return None;
        }
        if rate == self.decoder.rate() {
            return Some(&self.frame);
        }
        let other = self.others.iter().find(|other| other.rate == rate && other.number == number)?;
        Some(&other.frame)
    }

    /// Whether somebody speaks in the present frame, or only his room is heard.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Makes the next frame. False: nobody speaks.
    fn make(&mut self, now: Time) -> bool {
        let samples = self.decoder.rate() as usize / 50;
        if self.jitter.has_excess() {
            self.hasten(now);
        }
        while self.left.len() < samples {
            match self.jitter.pull(now) {
                Pulled::Audio(payload) => {
                    self.rest.resting = false;
                    self.decoder.decode(payload, &mut self.left);
                }
                Pulled::Lost(next) => self.decoder.conceal(samples, next, &mut self.left),
                Pulled::Dry | Pulled::Idle if self.rest.told || self.rest.resting => {
                    self.rest.resting = true;
                    self.jitter.rest();
                    self.sound_room(samples);
                }
                Pulled::Dry if self.keyed => self.left.resize(samples, 0),
                Pulled::Dry => {
                    let missing = samples - self.left.len();
                    self.decoder.conceal(missing, None, &mut self.left);
                }
                Pulled::Idle => {
                    self.left.clear();
                    return false;
                }
            }
        }
        self.frame.clear();
        self.frame.extend_from_slice(&self.left[..samples]);
        self.left.drain(..samples);
        self.gate.hear(&self.frame);
        true
    }

    /// Fills the frame with what is heard of him while he says nothing.
    fn sound_room(&mut self, samples: usize) {
        let (before, missing) = (self.left.len(), samples - self.left.len());
        if self.decoder.codec() == Codec::Opus {
            self.decoder.conceal(missing, None, &mut self.left); // libopus knows the room
        } else {
            self.left.resize(samples, 0);
            self.rest.noise.fill(&mut self.left[before..]);
        }
    }

    /// One packet is heard in no time, where more wait than need to: what follows fades in over it, so that nothing
    /// clicks.
    fn hasten(&mut self, now: Time) {
        let (mut gone, mut kept) = (Vec::new(), Vec::new());
        for pcm in [&mut gone, &mut kept] {
            if let Pulled::Audio(payload) = self.jitter.pull(now) {
                self.decoder.decode(payload, pcm);
            }
        }
        let seam = (self.decoder.rate() as usize / 200).min(gone.len()).min(kept.len()) as i32;
        for (n, (kept, gone)) in (0..seam).zip(kept.iter_mut().zip(&gone)) {
            *kept = ((i32::from(*gone) * (seam - n) + i32::from(*kept) * n) / seam) as i16;
        }
        self.left.extend(if kept.is_empty() { gone } else { kept });
    }

    fn resampled(&mut self, number: u64, rate: u32) -> Option<&[i16]> {
        let at = match self.others.iter().position(|other| other.rate == rate) {
            Some(at) => at,
            None => {
                let resampler = Resampler::new(self.decoder.rate(), rate)?;
                self.others.push(OtherRate { rate, resampler, frame: Vec::new(), number: u64::MAX });
                self.others.len() - 1
            }
        };
        let other = &mut self.others[at];
        if other.number != number {
            other.number = number;
            other.frame.clear();
            other.resampler.resample(&self.frame, &mut other.frame);
        }
        Some(&other.frame)
    }
}

/// A packet of Opus so short says that there is nothing to say.
const OPUS_NOTHING: usize = 2;

#[cfg(test)]
mod tests {
    use audio::{Encoder, OpusConf, goertzel, rms_dbfs, tone};

    use super::*;

    /// Says a second of 440 Hz in packets of `ptime` ms, `lost` of which do not come, and hears it at `rate`.
    fn heard(codec: Codec, rate: u32, ptime: usize, lost: impl Fn(usize) -> bool) -> Vec<i16> {
        let mut encoder = Encoder::new(codec, 8000, &OpusConf::default());
        let mut voice = Voice::new(codec, rate);
        let mut pcm = Vec::new();
        let units = codec.clock_rate() as usize / 1000 * ptime;
        let said = tone(&[(440.0, -12.0)], 1020);
        let mut packets = said.chunks_exact(8 * ptime).enumerate().peekable();
        for frame in 0..55_u64 {
            let now = Time::from_millis(frame * 20);
            while let Some((n, samples)) = packets.next_if(|(n, _)| (n * ptime) as u64 <= frame * 20) {
                let mut payload = Vec::new();
                encoder.encode(samples, &mut payload);
                if !lost(n) {
                    voice.hear(n as u16, (n * units) as u32, 1, &payload, now);
                }
            }
            pcm.extend_from_slice(voice.frame(frame, rate, now).unwrap_or_default());
        }
        pcm
    }

    #[test]
    fn a_talker_is_heard_at_any_rate_and_packet_length() {
        for (codec, ptime) in [
            (Codec::Pcma, 20),
            (Codec::Pcma, 10),
            (Codec::Pcmu, 30),
            (Codec::G722, 20),
            (Codec::G722, 60),
            (Codec::Opus, 20),
            (Codec::Opus, 60),
        ] {
            for rate in [8000, 16_000, 48_000] {
                let pcm = heard(codec, rate, ptime, |_| false);
                let length = pcm.len() as u32 * 1000 / rate;
                assert!((940..=1200).contains(&length), "{codec:?} {ptime} ms at {rate}: {length} ms");
                let steady = &pcm[rate as usize / 5..rate as usize * 9 / 10];
                assert!((rms_dbfs(steady) + 12.0).abs() < 1.0, "{codec:?} at {rate}: {}", rms_dbfs(steady));
                let as_8k = 440.0 * 8000.0 / f64::from(rate); // goertzel takes all for 8 kHz
                assert!(goertzel::share(steady, as_8k) > 0.95, "{codec:?} {ptime} ms at {rate}");
            }
        }
    }

    #[test]
    fn what_is_lost_leaves_no_hole() {
        for codec in Codec::ALL {
            let pcm = heard(codec, 8000, 20, |n| n % 10 == 5);
            for frame in pcm[1600..7200].chunks(160) {
                let least = if codec == Codec::Opus { -30.0 } else { -18.0 }; // libopus is shy of repeating a tone
                assert!(rms_dbfs(frame) > least, "{codec:?}: {} dBFS", rms_dbfs(frame));
            }
        }
    }

    #[test]
    fn a_frame_is_made_once_and_shared() {
        let mut voice = Voice::new(Codec::Pcmu, 8000);
        for n in 0..4_u16 {
            voice.hear(n, u32::from(n) * 160, 1, &[n as u8 * 16; 160], Time::from_millis(u64::from(n) * 20));
        }
        let now = Time::from_millis(60);
        let first = voice.frame(3, 8000, now).map(<[i16]>::to_vec);
        assert!(first.is_some());
        assert_eq!(voice.frame(3, 8000, now).map(<[i16]>::to_vec), first);
        assert_eq!(voice.frame(3, 16_000, now).map(<[i16]>::len), Some(320));
        assert_ne!(voice.frame(4, 8000, now).map(<[i16]>::to_vec), first);
    }

    #[test]
    fn another_stream_starts_afresh_and_silence_is_nobody() {
        let mut voice = Voice::new(Codec::Pcma, 8000);
        assert_eq!(voice.frame(0, 8000, Time::ZERO), None);
        voice.hear(9, 0, 1, &[0x55; 160], Time::ZERO);
        voice.hear(500, 77, 2, &[0xaa; 160], Time::from_millis(20));
        assert!(voice.frame(3, 8000, Time::from_millis(60)).is_some_and(|frame| frame[159] > 1000));
    }

    #[test]
    fn who_tells_of_his_silence_is_heard_to_be_there() {
        for codec in [Codec::Pcmu, Codec::G722, Codec::Opus] {
            let mut encoder = Encoder::new(codec, 8000, &OpusConf { dtx: true, ..OpusConf::default() });
            let mut voice = Voice::new(codec, 8000);
            let said = tone(&[(440.0, -12.0)], 5000);
            let units = codec.clock_rate() / 50;
            let (mut heard, mut sequence, mut says) = (Vec::new(), 0, true);
            for frame in 0..250_u64 {
                let now = Time::from_millis(frame * 20);
                let (timestamp, at) = (frame as u32 * units, frame as usize * 160);
                let silent = (50..200).contains(&frame);
                let samples = if silent { &[0; 160] } else { &said[at..at + 160] };
                let mut payload = Vec::new();
                let worth_it = encoder.encode(samples, &mut payload) && !(silent && codec != Codec::Opus);
                match (worth_it, std::mem::replace(&mut says, worth_it)) {
                    (true, _) => voice.hear(sequence, timestamp, 1, &payload, now),
                    (false, true) if codec == Codec::Opus => voice.hear(sequence, timestamp, 1, &[0x08], now),
                    (false, true) => voice.hear_noise(sequence, timestamp, 1, &[55], now),
                    (false, false) => sequence -= 1, // nothing comes
                }
                sequence += 1;
                heard.push(voice.frame(frame, 8000, now).map(rms_dbfs));
            }
            assert!(heard[5..].iter().all(Option::is_some), "{codec:?}: there all the time");
            assert!(
                heard[10..50].iter().chain(&heard[220..]).all(|level| level.unwrap() > -14.0),
                "{codec:?}: {heard:?}"
            );
            let room = if codec == Codec::Opus { -100.0..-45.0 } else { -54.0..-50.0 };
            assert!(heard[80..200].iter().all(|level| room.contains(&level.unwrap())), "{codec:?}: {heard:?}");
        }
    }
}
