//! Opus (RFC 6716) by libopus: the one file that knows the crate.
//!
//! Where it stands: behind [`Decoder`](crate::Decoder), [`Encoder`](crate::Encoder) and [`Sound`](crate::Sound). Both
//! ends work at any rate of ours, 8, 16 or 48 kHz, whatever the other side sends, so that no sound is resampled twice.
//! One channel: a packet in stereo is heard as the mean of both.

use std::fmt;

use ::opus::{Application, Bitrate, Channels, Signal};

/// How we encode Opus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpusConf {
    /// Bits a second, of speech at its fullest.
    pub bitrate: u32,
    /// 0 to 10: how hard the encoder tries. 5 costs two thirds of 10 and is hard to tell from it in speech.
    pub complexity: u8,
    /// Repeat the gist of each frame in the next one (in-band FEC), for a network that loses packets.
    pub fec: bool,
    /// The loss to prepare for.
    pub loss_percent: u8,
    /// Send nothing while nobody speaks (DTX).
    pub dtx: bool,
}

impl Default for OpusConf {
    fn default() -> OpusConf {
        OpusConf { bitrate: 24_000, complexity: 5, fec: true, loss_percent: 5, dtx: false }
    }
}

/// Samples become packets.
pub(crate) struct Encoder {
    inner: ::opus::Encoder,
    /// 20 ms.
    frame: usize,
    /// The next packet leans on none before it.
    alone: bool,
}

impl Encoder {
    /// For samples of `rate`. `None` if libopus will not (the rate is none of its five).
    pub fn new(rate: u32, conf: &OpusConf) -> Option<Encoder> {
        let mut inner = ::opus::Encoder::new(rate, Channels::Mono, Application::Voip).ok()?;
        inner.set_bitrate(Bitrate::Bits(conf.bitrate.clamp(6_000, 510_000) as i32)).ok()?;
        inner.set_complexity(conf.complexity.min(10).into()).ok()?;
        inner.set_inband_fec(conf.fec).ok()?;
        inner.set_packet_loss_perc(conf.loss_percent.min(100).into()).ok()?;
        inner.set_dtx(conf.dtx).ok()?;
        inner.set_signal(Signal::Voice).ok()?;
        Some(Encoder { inner, frame: rate as usize / 50, alone: false })
    }

    /// How many samples what comes out is behind what goes in.
    pub fn lookahead(&mut self) -> u32 {
        self.inner.get_lookahead().map_or(0, |samples| samples.unsigned_abs())
    }

    /// The next packet shall lean on none before it. One of several frames is as it is: they would not lean on each other
    /// either, which is heard more than what is mended by it.
    pub fn stand_alone(&mut self) {
        self.alone = true;
    }

    /// The samples of 10, 20, 40 or 60 ms become a packet. `None`: nothing worth sending (DTX, RFC 7587 §3.1.3).
    pub fn encode<'a>(&mut self, samples: &[i16], packet: &'a mut [u8; PACKET_MAX]) -> Option<&'a [u8]> {
        let alone = std::mem::take(&mut self.alone) && samples.len() <= self.frame;
        if alone {
            self.inner.set_prediction_disabled(true).ok()?;
        }
        let length = self.inner.encode(samples, packet).ok()?;
        if alone {
            self.inner.set_prediction_disabled(false).ok()?;
        }
        // A packet of its first byte alone, or of two, says only that there is nothing to be said.
        if length > 2 { packet.get(..length) } else { None }
    }
}

/// Packets become samples.
pub(crate) struct Decoder {
    inner: ::opus::Decoder,
    rate: u32,
}

impl Decoder {
    /// To samples of `rate`.
    pub fn new(rate: u32) -> Option<Decoder> {
        let inner = ::opus::Decoder::new(rate, Channels::Mono).ok()?;
        Some(Decoder { inner, rate })
    }

    /// Appends what a packet holds; false if it cannot be read.
    pub fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> bool {
        let samples = duration(packet) / (CLOCK_RATE / self.rate);
        samples > 0 && self.run(packet, samples as usize, false, pcm)
    }

    /// Appends `samples` in place of a lost packet: from the gist of it in the `next` one, where there is one, else by
    /// guess.
    pub fn conceal(&mut self, samples: usize, next: Option<&[u8]>, pcm: &mut Vec<i16>) -> bool {
        match next {
            Some(next) if duration(next) > 0 => self.run(next, samples, true, pcm),
            _ => self.run(&[], samples, false, pcm),
        }
    }

    fn run(&mut self, packet: &[u8], samples: usize, fec: bool, pcm: &mut Vec<i16>) -> bool {
        let before = pcm.len();
        pcm.resize(before + samples, 0);
        let made = self.inner.decode(packet, &mut pcm[before..], fec);
        pcm.truncate(before + *made.as_ref().unwrap_or(&0));
        made.is_ok()
    }
}

/// How long a packet lasts in units of its clock, by its first bytes (RFC 6716 §3.1, §3.2); 0 if it is none.
#[inline]
pub(crate) fn duration(packet: &[u8]) -> u32 {
    let Some(toc) = packet.first() else { return 0 };
    let config = usize::from(toc >> 3);
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][config & 3], // SILK
        12..16 => [480, 960][config & 1],            // both
        _ => [120, 240, 480, 960][config & 3],       // CELT
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1).copied().unwrap_or(0) & 63),
    };
    let all = frame * frames;
    if all <= 5760 { all } else { 0 } // 120 ms at most
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Encoder")
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "opus::Decoder({})", self.rate)
    }
}

/// RFC 7587 §4.1: whatever is sampled, the clock counts 48 kHz.
const CLOCK_RATE: u32 = 48_000;
/// The longest packet we make: what fits a network.
pub(crate) const PACKET_MAX: usize = 1275;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_tells_its_length() {
        for (packet, ms_times_10) in [
            (&[0x08, 1, 2][..], 200), // SILK narrowband 20 ms
            (&[0x18][..], 600),       // SILK narrowband 60 ms
            (&[0x0b, 3, 0][..], 600), // three frames of 20 ms
            (&[0x61][..], 200),       // hybrid, two of 10 ms
            (&[0x78][..], 200),       // hybrid 20 ms
            (&[0x80][..], 25),        // CELT 2.5 ms
            (&[0x1b, 63][..], 0),     // longer than a packet may be
            (&[0x0b][..], 0),         // cut off
            (&[][..], 0),
        ] {
            assert_eq!(duration(packet) * 10, ms_times_10 * 48, "{packet:x?}");
        }
    }

    #[test]
    fn it_agrees_with_libopus() {
        for toc in 0..=255_u8 {
            let packet = [toc, 0x01, 0, 0];
            if let Ok(samples) = ::opus::packet::get_nb_samples(&packet, CLOCK_RATE) {
                assert_eq!(duration(&packet), samples as u32, "{toc:#x}");
            }
        }
    }

    #[test]
    fn nobody_speaking_sends_nothing_where_that_is_wanted() {
        for dtx in [false, true] {
            let mut encoder = Encoder::new(16_000, &OpusConf { dtx, ..OpusConf::default() }).unwrap();
            let mut packet = [0; PACKET_MAX];
            let sent = (0..100).filter(|_| encoder.encode(&[0; 320], &mut packet).is_some()).count();
            assert_eq!(sent < 50, dtx, "{sent} of 100");
        }
    }

    proptest! {
        #[test]
        fn no_packet_of_a_stranger_does_harm(packets: Vec<Vec<u8>>) {
            let mut decoder = Decoder::new(8000).unwrap();
            let mut pcm = Vec::new();
            for packet in &packets {
                decoder.decode(packet, &mut pcm);
                decoder.conceal(160, Some(packet), &mut pcm);
            }
            prop_assert!(pcm.len() <= packets.len() * (960 + 160));
        }
    }
}
