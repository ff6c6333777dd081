//! `conf/prompts/NAME.wav`: what callers hear, and `conf/prompts/LANGUAGE/NAME.wav` for those who are spoken to in that
//! language. 8 kHz, 16 bit, one channel.

use std::fs;
use std::path::Path;

use audio::Sound;
use flow::Spoken;
use hound::{SampleFormat, WavReader, WavSpec};

/// Longer prompts are refused: 10 minutes take 19 MB of memory.
const SAMPLES_MAX: u32 = 10 * 60 * audio::SAMPLE_RATE;

/// The languages prompts are recorded in: the folders beside them.
pub(super) fn languages(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("prompts")).into_iter().flatten().filter_map(Result::ok);
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| !name.starts_with('.')).collect()
}

/// Reads a prompt in all its languages; the error says what to do.
pub(super) fn read(folder: &Path, languages: &[String], name: &str) -> Result<Spoken, String> {
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(format!("{name:?} is no prompt's name; write the file's name without folder and ending"));
    }
    let folder = folder.join("prompts");
    let mut spoken = Spoken::only(sound(&folder.join(format!("{name}.wav")))?);
    for language in languages {
        let path = folder.join(language).join(format!("{name}.wav"));
        if path.exists() {
            spoken.languages.insert(language.clone(), sound(&path)?);
        }
    }
    Ok(spoken)
}

fn sound(path: &Path) -> Result<Sound, String> {
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
    match pcm {
        Ok(pcm) if pcm.is_empty() => Err(format!("the prompt {shown} is empty; record it again")),
        Ok(pcm) => Ok(Sound::from_pcm(pcm)),
        Err(why) => Err(format!("the prompt {shown} breaks off ({why}); record it again")),
    }
}
