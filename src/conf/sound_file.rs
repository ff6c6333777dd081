//! Sound files: WAV of 8 kHz, 16 bit, one channel, and Ogg Opus of any rate.
//!
//! Where it stands: what `prompts` finds is read here; what is wrong with it is said with the remedy.

use std::path::{Path, PathBuf};

use audio::Sound;
use hound::{SampleFormat, WavReader, WavSpec};

use super::ogg_opus;

/// Longer prompts are refused: 10 minutes take 19 MB of memory.
const SAMPLES_MAX: u32 = 10 * 60 * audio::SAMPLE_RATE;
/// Of the files that are read.
const ENDINGS: [&str; 3] = ["wav", "opus", "ogg"];

/// Whether a file is one of those.
pub(super) fn is_sound(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

/// The file of a prompt that is there, or the one that should be.
pub(super) fn file_of(folder: &Path, name: &str) -> PathBuf {
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    ENDINGS.iter().map(|ending| file(ending)).find(|path| path.exists()).unwrap_or_else(|| file(ENDINGS[0]))
}

/// A prompt, or a piece of one.
pub(super) fn sound(path: &Path) -> Result<Sound, String> {
    let is_wav = path.extension().is_some_and(|ending| ending == ENDINGS[0]);
    let pcm = if is_wav { wav(path)? } else { opus(path)? };
    match pcm.is_empty() {
        true => Err(format!("the prompt {} is empty; record it again", path.display())),
        false => Ok(Sound::from_pcm(pcm)),
    }
}

fn opus(path: &Path) -> Result<Vec<i16>, String> {
    let remedy =
        |what| format!("the prompt {} cannot be read: {what}; convert it: opusenc IN OUT.opus", path.display());
    ogg_opus::read(path, SAMPLES_MAX as usize).map_err(remedy)
}

fn wav(path: &Path) -> Result<Vec<i16>, String> {
    let shown = path.display();
    let reader = WavReader::open(path).map_err(|why| {
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
    pcm.map_err(|why| format!("the prompt {shown} breaks off ({why}); record it again"))
}
