//! What one leg hears, made of what others say: decoded, summed, and encoded in its own codec.
//!
//! Where it stands: a port has one while it hears several, or one in a codec that is not its own; the wheel serves it
//! every 20 ms. `patchbay` brings it the frames of its talkers. A leg that hears one of its own codec has none.

use std::time::Duration;

use audio::{Codec, Encoder, OpusConf};
use base::Time;
use rtp::HEADER_BYTES;

/// The sound made for one leg.
pub(crate) struct Mixer {
    encoder: Encoder,
    ptime_ms: u16,
    sum: Vec<i32>,
    talkers: usize,
    /// Samples not yet in a packet.
    left: Vec<i16>,
    packet: Vec<u8>,
    /// Its own numbering, which the leg's `OutStream` maps.
    sequence: u16,
    timestamp: u32,
    /// Nothing was sent before this: the next packet begins a talkspurt.
    paused: bool,
    /// A key is passed on: no sound until then.
    keyed_until: Time,
    key: Option<u32>,
}

/// A packet to be sent; the header is not yet written.
pub(crate) struct Made<'a> {
    pub packet: &'a mut [u8],
    pub sequence: u16,
    pub timestamp: u32,
    pub samples: u32,
    pub begins: bool,
}

impl Mixer {
    /// For a leg of `codec`, whose talkers come at `rate` where the codec can.
    pub fn new(codec: Codec, rate: u32, ptime_ms: u16) -> Mixer {
        Mixer {
            encoder: Encoder::new(codec, rate, &OpusConf::default()),
            ptime_ms: frame_ms(codec, ptime_ms),
            sum: Vec::new(),
            talkers: 0,
            left: Vec::new(),
            packet: Vec::new(),
            sequence: 0,
            timestamp: 0,
            paused: true,
            keyed_until: Time::ZERO,
            key: None,
        }
    }

    /// Whether it is what is wanted.
    pub fn is(&self, codec: Codec, rate: u32, ptime_ms: u16) -> bool {
        let same = self.encoder.codec() == codec && self.encoder.rate() == codec.rate_near(rate);
        same && self.ptime_ms == frame_ms(codec, ptime_ms)
    }

    /// The rate its talkers' frames must have.
    pub fn rate(&self) -> u32 {
        self.encoder.rate()
    }

    /// One talker's frame.
    pub fn add(&mut self, frame: &[i16]) {
        if self.talkers == 0 {
            self.sum.clear();
            self.sum.resize(self.encoder.rate() as usize / 50, 0);
        }
        self.talkers += 1;
        for (sum, sample) in self.sum.iter_mut().zip(frame) {
            *sum += i32::from(*sample);
        }
    }

    /// All have been added: packets that are full go to `send`. While nobody speaks, or a key goes out, time passes
    /// without any.
    pub fn finish(&mut self, now: Time, sends: bool, mut send: impl FnMut(Made)) {
        let spoke = std::mem::take(&mut self.talkers) > 0;
        let units = self.encoder.codec().clock_rate() / 1000;
        if !spoke || !sends || now < self.keyed_until {
            let unsent = self.left.len() as u32 * 1000 / self.encoder.rate();
            self.timestamp = self.timestamp.wrapping_add((FRAME_MS + unsent) * units);
            self.left.clear();
            self.paused = true;
            return;
        }
        self.left.extend(self.sum.iter().map(|sum| (*sum).clamp(i16::MIN.into(), i16::MAX.into()) as i16));
        let packet_samples = self.encoder.rate() as usize / 1000 * usize::from(self.ptime_ms);
        let samples = units * u32::from(self.ptime_ms);
        while self.left.len() >= packet_samples {
            self.packet.clear();
            self.packet.resize(HEADER_BYTES, 0);
            let said = self.encoder.encode(&self.left[..packet_samples], &mut self.packet);
            self.left.drain(..packet_samples);
            let timestamp = self.timestamp;
            self.timestamp = timestamp.wrapping_add(samples);
            if !said {
                self.paused = true;
                continue;
            }
            let sequence = self.sequence;
            self.sequence = sequence.wrapping_add(1);
            let begins = std::mem::take(&mut self.paused);
            send(Made { packet: &mut self.packet, sequence, timestamp, samples, begins });
        }
    }

    /// A packet of a key goes out now, of the press that began at this timestamp. True if it is another press.
    pub fn pass_key(&mut self, timestamp: u32, now: Time) -> bool {
        self.keyed_until = now + KEY_GAP;
        self.key.replace(timestamp) != Some(timestamp)
    }
}

/// The packet length nearest to what the leg wants.
fn frame_ms(codec: Codec, ptime_ms: u16) -> u16 {
    match (codec, ptime_ms) {
        (Codec::Opus, 30) => 20, // RFC 6716 §2.1.4 has no such frames
        (Codec::Opus, 50) => 40,
        (_, ms) => ms,
    }
}

const FRAME_MS: u32 = 20;
/// Packets of a key come each 20 ms or 50 ms.
const KEY_GAP: Duration = Duration::from_millis(60);

#[cfg(test)]
mod tests {
    use audio::Encoding;

    use super::*;

    fn made(mixer: &mut Mixer, frames: &[&[i16]], now: Time) -> Vec<(Vec<u8>, u16, u32, bool)> {
        frames.iter().for_each(|frame| mixer.add(frame));
        let mut all = Vec::new();
        mixer.finish(now, true, |made| {
            all.push((made.packet[HEADER_BYTES..].to_vec(), made.sequence, made.timestamp, made.begins));
        });
        all
    }

    #[test]
    fn a_mix_is_the_sum_and_does_not_wrap() {
        let mut mixer = Mixer::new(Codec::Pcma, 8000, 20);
        for (frames, expected) in [
            (vec![[1000; 160], [500; 160]], 1500),
            (vec![[30_000; 160], [30_000; 160]], i16::MAX),
            (vec![[-30_000; 160], [-30_000; 160], [10_000; 160]], i16::MIN),
            (vec![[4000; 160], [-4000; 160]], 0),
        ] {
            let frames: Vec<&[i16]> = frames.iter().map(|frame| &frame[..]).collect();
            let all = made(&mut mixer, &frames, Time::ZERO);
            assert_eq!(all.len(), 1);
            assert_eq!(all[0].0, Encoding::Pcma.encoded(&[expected; 160]));
        }
    }

    #[test]
    fn packets_are_as_long_as_the_leg_wants() {
        for (codec, ptime_ms, packets, units) in [
            (Codec::Pcma, 10, 12, 80),
            (Codec::Pcma, 20, 6, 160),
            (Codec::Pcmu, 30, 4, 240),
            (Codec::G722, 60, 2, 480),
            (Codec::Opus, 20, 6, 960),
            (Codec::Opus, 30, 6, 960),
            (Codec::Opus, 60, 2, 2880),
        ] {
            let mut mixer = Mixer::new(codec, 8000, ptime_ms);
            let all: Vec<_> = (0..6).flat_map(|_| made(&mut mixer, &[&[100; 160]], Time::ZERO)).collect();
            assert_eq!(all.len(), packets, "{codec:?} {ptime_ms}");
            for (n, (payload, sequence, timestamp, begins)) in all.iter().enumerate() {
                assert_eq!((*sequence, *timestamp, *begins), (n as u16, n as u32 * units, n == 0), "{codec:?}");
                assert_eq!(codec.duration(payload), units, "{codec:?} {ptime_ms}");
            }
        }
    }

    #[test]
    fn while_nobody_speaks_time_passes_in_silence() {
        let mut mixer = Mixer::new(Codec::Pcmu, 8000, 20);
        assert_eq!(made(&mut mixer, &[&[1; 160]], Time::ZERO).len(), 1);
        assert!(made(&mut mixer, &[], Time::ZERO).is_empty());
        let after = made(&mut mixer, &[&[1; 160]], Time::ZERO);
        assert_eq!((after[0].1, after[0].2, after[0].3), (1, 320, true));
        // So it does while a key goes out.
        assert!(mixer.pass_key(7, Time::ZERO) && !mixer.pass_key(7, Time::ZERO) && mixer.pass_key(8, Time::ZERO));
        assert!(made(&mut mixer, &[&[1; 160]], Time::from_millis(20)).is_empty());
        assert_eq!(made(&mut mixer, &[&[1; 160]], Time::from_millis(60))[0].2, 640);
    }
}
