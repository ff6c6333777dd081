//! `conf/prompts/NAME.wav`: what callers hear. 8 kHz, 16 bit, one channel.

use std::path::Path;

use audio::Sound;
use hound::{SampleFormat, WavReader, WavSpec};

/// Longer prompts are refused: 10 minutes take 19 MB of memory.
const SAMPLES_MAX: u32 = 10 * 60 * audio::SAMPLE_RATE;

/// Reads a prompt; the error says what to do.
pub(super) fn read(folder: &Path, name: &str) -> Result<Sound, String> {
    let path = folder.join("prompts").join(format!("{name}.wav"));
    let shown = path.display();
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(format!("{name:?} is no prompt's name; write the file's name without folder and ending"));
    }
    let reader = WavReader::open(&path).map_err(|why| {
        format!("the prompt {shown} cannot be read ({why}); put a WAV file there (sox IN -r 8000 -c 1 -b 16 {shown})")
    })?;
    let wanted =
        WavSpec { channels: 1, sample_rate: audio::SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    if reader.spec() != wanted {
        return Err(format!(
            "the prompt {shown} is not 8 kHz, mono, 16 bit; convert it: sox IN -r 8000 -c 1 -b 16 {shown}"
        ));
    }
    if reader.duration() > SAMPLES_MAX {
        return Err(format!("the prompt {shown} is longer than 10 minutes; cut it"));
    }
    let pcm: Result<Vec<i16>, _> = reader.into_samples().collect();
    match pcm {
        Ok(pcm) if pcm.is_empty() => Err(format!("the prompt {shown} is empty; record it again")),
        Ok(pcm) => Ok(Sound::from_pcm(pcm)),
        Err(why) => Err(format!("the prompt {shown} breaks off ({why}); record it again")),
    }
}
