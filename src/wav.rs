//! WAV files of 16 bit as samples of one channel, whatever their rate.
//!
//! Where it stands: prompts, what an engine spoke, and messages are read here; recordings have a room of their own.

use std::io::Read;

use audio::Sound;
use hound::{SampleFormat, WavReader};

/// One channel, at its own rate.
pub struct Pcm {
    /// Samples a second.
    pub rate: u32,
    /// The mean of the channels.
    pub samples: Vec<i16>,
}

impl Pcm {
    /// Reads all there is. Its length is not believed: engines that write to a pipe do not know it. What lasts longer than
    /// `seconds_max` is refused.
    pub fn read(wav: impl Read, seconds_max: u32) -> Result<Pcm, String> {
        let reader = WavReader::new(wav).map_err(|why| format!("it is no WAV file ({why})"))?;
        let spec = reader.spec();
        if (spec.bits_per_sample, spec.sample_format) != (16, SampleFormat::Int) || spec.channels == 0 {
            return Err(format!("it is of {} bit, and 16 are read", spec.bits_per_sample));
        }
        let channels = usize::from(spec.channels);
        let wanted = seconds_max as usize * spec.sample_rate as usize * channels;
        let all: Vec<i16> = reader.into_samples().map_while(Result::ok).take(wanted + 1).collect();
        if all.len() > wanted {
            return Err(format!("it is longer than {seconds_max} s"));
        }
        let mean = |frame: &[i16]| (frame.iter().copied().map(i32::from).sum::<i32>() / channels as i32) as i16;
        let samples = if channels == 1 { all } else { all.chunks_exact(channels).map(mean).collect() };
        Ok(Pcm { rate: spec.sample_rate, samples })
    }

    /// As something to play.
    pub fn sound(&self) -> Result<Sound, String> {
        let why = || format!("{} samples a second are read by nobody; let it be 8000, 16000 or 48000", self.rate);
        Sound::of_rate(&self.samples, self.rate).ok_or_else(why)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use hound::{WavSpec, WavWriter};

    use super::*;

    fn wav(channels: u16, sample_rate: u32, bits_per_sample: u16, samples: &[i16]) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format: SampleFormat::Int };
        let mut writer = WavWriter::new(&mut file, spec).expect("a file");
        samples.iter().for_each(|sample| writer.write_sample(*sample).expect("a sample"));
        writer.finalize().expect("a whole file");
        file.into_inner()
    }

    #[test]
    fn channels_are_heard_as_their_mean_and_lengths_not_believed() {
        let mut stereo = wav(2, 44_100, 16, &[100, 300, -5, -7, i16::MAX, i16::MAX]);
        stereo[40..44].copy_from_slice(&0x7fff_f000_u32.to_le_bytes()); // as espeak-ng writes into a pipe
        let pcm = Pcm::read(&stereo[..], 1).expect("it can be read");
        assert_eq!((pcm.rate, pcm.samples), (44_100, vec![200, -6, i16::MAX]));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (file, word) in [
            (b"RIFF".to_vec(), "no WAV file"),
            (wav(1, 8000, 8, &[1; 8]), "8 bit"),
            (wav(1, 8000, 16, &[1; 8001]), "longer than 1 s"),
        ] {
            assert!(Pcm::read(&file[..], 1).err().expect("a fault").contains(word), "{word}");
        }
        let odd = Pcm::read(&wav(1, 11_025, 16, &[1; 800])[..], 1).expect("it can be read");
        assert!(odd.sound().expect_err("a fault").contains("11025 samples a second"));
    }
}
