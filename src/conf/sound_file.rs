//! Sound files: WAV of 16 bit and Ogg Opus, of any rate.
//!
//! Where it stands: what `prompts` finds is read here; what is wrong with it is said with the remedy.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use audio::Sound;

use super::ogg_opus;
use crate::wav::Pcm;

/// Longer prompts are refused: 10 minutes take 19 MB of memory, and of 48 kHz 77.
const SECONDS_MAX: u32 = 10 * 60;
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
    let shown = path.display();
    let is_wav = path.extension().is_some_and(|ending| ending == ENDINGS[0]);
    let remedy = if is_wav { format!("sox IN -b 16 {shown}") } else { "opusenc IN OUT.opus".to_owned() };
    let pcm = if is_wav { wav(path) } else { ogg_opus::read(path, SECONDS_MAX) };
    match pcm.and_then(|pcm| pcm.sound()) {
        Ok(sound) if sound.is_empty() => Err(format!("the prompt {shown} is empty; record it again")),
        Ok(sound) => Ok(sound),
        Err(what) => Err(format!("the prompt {shown} cannot be read: {what}; convert it: {remedy}")),
    }
}

fn wav(path: &Path) -> Result<Pcm, String> {
    let file = File::open(path).map_err(|why| why.to_string())?;
    Pcm::read(BufReader::new(file), SECONDS_MAX)
}
