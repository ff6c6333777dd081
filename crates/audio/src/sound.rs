//! Something to be played: a prompt, music, a tone. Encoded once, shared by every call that plays it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::resample::resampled;
use crate::{Codec, Encoder, Encoding, OpusConf, SAMPLE_RATE};

/// A sound of one channel, ready in each law of G.711, and in the other codecs from the first time it is asked for.
/// Places in it are counted in samples of 8 kHz, at whatever rate it is kept. A clone is a counted pointer.
#[derive(Clone)]
pub struct Sound(Arc<Encodings>);

struct Encodings {
    /// At 8 kHz.
    pcm: Vec<i16>,
    /// As it was recorded, where that is more: what G.722 and Opus are made of.
    wide: Option<Wide>,
    pcmu: Vec<u8>,
    pcma: Vec<u8>,
    g722: OnceLock<Vec<u8>>,
    opus: OnceLock<Packets>,
}

/// Samples at more than 8 kHz, a whole number for each of those.
struct Wide {
    rate: u32,
    pcm: Vec<i16>,
}

/// Packets one after another in one run of bytes.
struct Packets {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Sound {
    /// Encodes samples of 8 kHz in both laws.
    pub fn from_pcm(pcm: Vec<i16>) -> Sound {
        Sound::new(pcm, None)
    }

    /// Of samples of any rate: kept at the next of 8, 16 and 48 kHz, so that who can hear more than 4 kHz does. `None` at
    /// a rate that is no multiple of 50 Hz, which no frame of 20 ms has whole samples of.
    pub fn of_rate(pcm: &[i16], rate: u32) -> Option<Sound> {
        let kept = RATES.into_iter().find(|kept| rate <= *kept).unwrap_or(RATES[2]);
        let mut wide = resampled(pcm, rate, kept)?;
        if kept == SAMPLE_RATE {
            return Some(Sound::from_pcm(wide));
        }
        wide.resize(wide.len().next_multiple_of((kept / SAMPLE_RATE) as usize), 0);
        let narrow = resampled(&wide, kept, SAMPLE_RATE)?;
        Some(Sound::new(narrow, Some(Wide { rate: kept, pcm: wide })))
    }

    /// Several as one, without a seam, at the rate that most of it has.
    pub fn joined<'a>(sounds: impl IntoIterator<Item = &'a Sound>) -> Sound {
        let sounds: Vec<&Sound> = sounds.into_iter().collect();
        let narrow = sounds.iter().flat_map(|sound| &sound.0.pcm).copied().collect();
        let length = |rate| sounds.iter().filter(|sound| sound.recorded().0 == rate).map(|sound| sound.samples()).sum();
        let rate = RATES.into_iter().max_by_key(|rate| -> usize { length(*rate) }).unwrap_or(SAMPLE_RATE);
        if rate == SAMPLE_RATE {
            return Sound::from_pcm(narrow);
        }
        let mut wide = Vec::new();
        for sound in sounds {
            let (own, pcm) = sound.recorded();
            match own == rate {
                true => wide.extend_from_slice(pcm),
                false => wide.extend(resampled(pcm, own, rate).unwrap_or_default()),
            }
        }
        wide.resize(narrow.len() * (rate / SAMPLE_RATE) as usize, 0);
        Sound::new(narrow, Some(Wide { rate, pcm: wide }))
    }

    fn new(pcm: Vec<i16>, wide: Option<Wide>) -> Sound {
        let (pcmu, pcma) = (Encoding::Pcmu.encoded(&pcm), Encoding::Pcma.encoded(&pcm));
        Sound(Arc::new(Encodings { pcm, wide, pcmu, pcma, g722: OnceLock::new(), opus: OnceLock::new() }))
    }

    /// Its rate and its samples, all that was recorded of them.
    fn recorded(&self) -> (u32, &[i16]) {
        self.0.wide.as_ref().map_or((SAMPLE_RATE, &self.0.pcm), |wide| (wide.rate, &wide.pcm))
    }

    /// One byte for each sample of 8 kHz. Nothing in Opus, which has [packets](Sound::opus_packet).
    #[inline]
    pub fn payload(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcmu => &self.0.pcmu,
            Codec::Pcma => &self.0.pcma,
            Codec::G722 => self.0.g722.get_or_init(|| self.g722()),
            Codec::Opus => &[],
        }
    }

    /// The `n`-th packet of 20 ms in Opus; the last one is filled up with silence.
    pub fn opus_packet(&self, n: usize) -> Option<&[u8]> {
        let packets = self.0.opus.get_or_init(|| self.opus());
        let end = *packets.ends.get(n)?;
        let start = if n == 0 { 0 } else { packets.ends[n - 1] };
        packets.bytes.get(start..end)
    }

    /// Encodes it now, where that is still to be done: a minute takes G.722 20 ms and Opus 0.2 s, which a thread that
    /// sends in time may not have.
    pub fn prepare(&self, codec: Codec) {
        match codec {
            Codec::Opus => drop(self.opus_packet(0)),
            codec => drop(self.payload(codec)),
        }
    }

    /// Its samples at 8 kHz.
    pub fn pcm(&self) -> &[i16] {
        &self.0.pcm
    }

    /// How many samples it has, at 8 kHz.
    pub fn samples(&self) -> usize {
        self.0.pcm.len()
    }

    /// Nothing to play.
    pub fn is_empty(&self) -> bool {
        self.0.pcm.is_empty()
    }

    /// How long it lasts.
    pub fn seconds(&self) -> f64 {
        self.0.pcm.len() as f64 / f64::from(SAMPLE_RATE)
    }

    fn g722(&self) -> Vec<u8> {
        let (recorded, pcm) = self.recorded();
        let rate = recorded.min(WIDEBAND);
        let pcm = resampled(pcm, recorded, rate).unwrap_or_default();
        let mut payload = Vec::with_capacity(self.samples());
        Encoder::new(Codec::G722, rate, &OpusConf::default()).encode(&pcm, &mut payload);
        payload
    }

    fn opus(&self) -> Packets {
        let (rate, pcm) = self.recorded();
        let mut encoder = Encoder::new(Codec::Opus, rate, &OpusConf::default());
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let mut frame = vec![0; rate as usize / 50];
        for piece in pcm.chunks(frame.len()) {
            frame.fill(0);
            frame[..piece.len()].copy_from_slice(piece);
            encoder.encode(&frame, &mut bytes);
            ends.push(bytes.len());
        }
        Packets { bytes, ends }
    }
}

/// What a sound is kept at.
const RATES: [u32; 3] = [SAMPLE_RATE, WIDEBAND, 48_000];
/// What G.722 hears.
const WIDEBAND: u32 = 16_000;

impl PartialEq for Sound {
    fn eq(&self, other: &Sound) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.recorded() == other.recorded()
    }
}

impl Eq for Sound {}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sound({:.2} s)", self.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, goertzel, rms_dbfs};

    #[test]
    fn a_sound_is_ready_in_each_codec() {
        let sound = Sound::from_pcm(crate::tone(&[(425.0, -10.0)], 510));
        assert_eq!((sound.samples(), sound.seconds()), (4080, 0.51));
        for codec in Codec::ALL {
            sound.prepare(codec);
            let mut heard = Vec::new();
            let mut decoder = Decoder::new(codec, 8000);
            if codec == Codec::Opus {
                (0..).map_while(|n| sound.opus_packet(n)).for_each(|packet| decoder.decode(packet, &mut heard));
            } else {
                decoder.decode(sound.payload(codec), &mut heard);
            }
            let seconds = heard.len() as f64 / f64::from(decoder.rate());
            assert!((seconds - 0.515).abs() < 0.006, "{codec:?}: {seconds} s");
            let steady = &heard[800..3600];
            assert!((rms_dbfs(steady) + 10.0).abs() < 1.0, "{codec:?}: {} dBFS", rms_dbfs(steady));
            assert!(goertzel::share(steady, 425.0) > 0.95, "{codec:?}");
        }
        assert_eq!(sound.clone(), sound);
        let nothing = Sound::from_pcm(Vec::new());
        assert!(nothing.is_empty() && nothing.opus_packet(0).is_none() && nothing.payload(Codec::G722).is_empty());
    }

    /// A second of low and high sines at a rate.
    fn chord(rate: u32, sines: &[f64]) -> Vec<i16> {
        let at = |n: u32, hz: f64| (f64::from(n) * hz * std::f64::consts::TAU / f64::from(rate)).sin() * 4000.0;
        (0..rate).map(|n| sines.iter().map(|hz| at(n, *hz)).sum::<f64>() as i16).collect()
    }

    /// What a phone hears of it at its rate.
    fn heard(sound: &Sound, codec: Codec, rate: u32) -> Vec<i16> {
        let (mut pcm, mut decoder) = (Vec::new(), Decoder::new(codec, rate));
        match codec {
            Codec::Opus => {
                (0..).map_while(|n| sound.opus_packet(n)).for_each(|packet| decoder.decode(packet, &mut pcm))
            }
            codec => decoder.decode(sound.payload(codec), &mut pcm),
        }
        assert_eq!(decoder.rate(), rate);
        pcm
    }

    fn share(pcm: &[i16], rate: u32, hz: f64) -> f64 {
        goertzel::share(pcm, hz * f64::from(SAMPLE_RATE) / f64::from(rate))
    }

    #[test]
    fn who_can_hear_more_than_4_khz_does() {
        for (rate, codec, ear, high, comes) in [
            (16_000, Codec::G722, 16_000, 6000.0, true),
            (16_000, Codec::Opus, 48_000, 6000.0, true),
            (22_050, Codec::G722, 16_000, 6000.0, true),
            (44_100, Codec::Opus, 48_000, 10_000.0, true),
            (48_000, Codec::Opus, 48_000, 10_000.0, true),
            (48_000, Codec::G722, 16_000, 6000.0, true),
            (48_000, Codec::Pcma, 8000, 3000.0, true),
            (8000, Codec::Opus, 48_000, 3000.0, true),
            (48_000, Codec::Pcma, 8000, 2500.0, true),
            (48_000, Codec::G722, 16_000, 10_000.0, false),
        ] {
            let sound = Sound::of_rate(&chord(rate, &[1000.0, high]), rate).expect("a rate");
            assert_eq!(sound.samples(), 8000, "{rate}");
            let pcm = heard(&sound, codec, ear);
            let steady = &pcm[ear as usize / 5..ear as usize * 4 / 5];
            let shares = [1000.0, high].map(|hz| share(steady, ear, hz));
            assert!(shares[0] > 0.4, "{rate} {codec:?}: {shares:?}");
            match comes {
                true => assert!(shares[1] > 0.3, "{rate} {codec:?}: {shares:?}"),
                false => assert!(shares[0] > 0.9, "{rate} {codec:?}: {shares:?}"),
            }
        }
        assert!(Sound::of_rate(&[0; 100], 11_025).is_none(), "no whole samples in 20 ms");
    }

    #[test]
    fn sounds_are_joined_at_the_rate_of_most() {
        let narrow = Sound::from_pcm(chord(8000, &[1000.0])[..7200].to_vec());
        let wide = Sound::of_rate(&chord(48_000, &[6000.0]), 48_000).expect("a rate");
        let both = Sound::joined([&narrow, &wide]);
        assert_eq!(both.samples(), 15_200);
        let pcm = heard(&both, Codec::G722, 16_000);
        for (from, hz) in [(0, 1000.0), (14_400, 6000.0)] {
            assert!(share(&pcm[from + 1600..from + 14_400], 16_000, hz) > 0.9, "{hz} Hz");
        }
        assert_eq!(Sound::joined([&narrow]), narrow);
        assert_eq!(Sound::joined([&narrow, &wide, &narrow]).recorded().0, 8000);
        assert!(Sound::joined([]).is_empty());
    }
}
