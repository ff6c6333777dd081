//! `conf/prompts/NAME.wav`: what callers hear, and `conf/prompts/LANGUAGE/NAME.wav` for those who are spoken to in that
//! language. 8 kHz, 16 bit, one channel. What nobody recorded is spoken, where texts.toml has it and something speaks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audio::Sound;
use flow::{Spoken, Words};
use hound::{SampleFormat, WavReader, WavSpec};
use spoken::Kind;

use super::SpeechConf;
use super::speech::Texts;

/// Longer prompts are refused: 10 minutes take 19 MB of memory.
const SAMPLES_MAX: u32 = 10 * 60 * audio::SAMPLE_RATE;

/// The prompts folder, and what is said in place of what is not there.
pub(super) struct Reader<'a> {
    pub(super) folder: PathBuf,
    pub(super) speech: &'a SpeechConf,
    /// All there are any prompts in: the folders beside them, and those of texts.
    pub(super) languages: Vec<String>,
    pub(super) words: HashMap<Kind, Arc<Words>>,
    texts: &'a Texts,
}

impl<'a> Reader<'a> {
    pub(super) fn new(folder: &Path, speech: &'a SpeechConf, texts: &'a Texts) -> Reader<'a> {
        let folder = folder.join("prompts");
        let entries = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        let folders = entries.filter(|entry| entry.path().is_dir());
        let folders = folders.filter_map(|entry| entry.file_name().into_string().ok());
        let usual = speech.language.tag();
        let texted = texts.values().flat_map(BTreeMap::keys).filter(|tag| *tag != usual).cloned();
        let languages: BTreeSet<String> = folders.filter(|name| !name.starts_with('.')).chain(texted).collect();
        Reader { folder, speech, languages: languages.into_iter().collect(), words: HashMap::new(), texts }
    }

    /// Is there a prompt of that name?
    pub(super) fn has(&self, name: &str) -> bool {
        self.folder.join(format!("{name}.wav")).exists() || self.texts.contains_key(name)
    }

    /// A prompt in all its languages, recorded or spoken; the error says what to do.
    pub(super) fn prompt(&self, name: &str) -> Result<Spoken, String> {
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(format!("{name:?} is no prompt's name; write the file's name without folder and ending"));
        }
        let texts = self.texts.get(name);
        let text = |tag: &str| texts.and_then(|texts| texts.get(tag));
        let usual = self.folder.join(format!("{name}.wav"));
        let tag = self.speech.language.tag();
        let mut spoken = Spoken::only(match text(tag) {
            Some(text) if !usual.exists() => self.spoken(name, text, tag)?,
            None if texts.is_some() && !usual.exists() => {
                return Err(format!(
                    "the prompt {name} has no text in {tag}, the language of [speech]; add it to texts.toml"
                ));
            }
            _ => sound(&usual)?,
        });
        for language in &self.languages {
            let path = self.folder.join(language).join(format!("{name}.wav"));
            let sound = match text(language) {
                _ if path.exists() => sound(&path)?,
                Some(text) => self.spoken(name, text, language)?,
                None => continue,
            };
            spoken.languages.insert(language.clone(), sound);
        }
        Ok(spoken)
    }

    fn spoken(&self, name: &str, text: &str, language: &str) -> Result<Sound, String> {
        let speaker = self.speech.speaker.as_ref().ok_or_else(|| {
            format!("the prompt {name} has a text, but no recording, and nothing speaks; name a command in [speech] of switch.toml")
        })?;
        speaker.speak(text, language)
    }
}

/// A prompt, or a piece of one.
pub(super) fn sound(path: &Path) -> Result<Sound, String> {
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
