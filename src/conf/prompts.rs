//! `conf/prompts/NAME.wav`: what callers hear, and `conf/prompts/LANGUAGE/NAME.wav` for those who are spoken to in that
//! language; `.opus` and `.ogg` are read, too. A folder may also be a list of music. What nobody recorded is spoken, where texts.toml has it and something speaks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audio::Sound;
use flow::{Spoken, Words};
use spoken::Kind;

use super::SpeechConf;
use super::sound_file::{file_of, is_sound, sound};
use super::speech::Texts;

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
        file_of(&self.folder, name).exists() || self.texts.contains_key(name)
    }

    /// A prompt in all its languages, recorded or spoken; the error says what to do.
    pub(super) fn prompt(&self, name: &str) -> Result<Spoken, String> {
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(format!("{name:?} is no prompt's name; write the file's name without folder and ending"));
        }
        let texts = self.texts.get(name);
        let text = |tag: &str| texts.and_then(|texts| texts.get(tag));
        let usual = file_of(&self.folder, name);
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
            let path = file_of(&self.folder.join(language), name);
            let sound = match text(language) {
                _ if path.exists() => sound(&path)?,
                Some(text) => self.spoken(name, text, language)?,
                None => continue,
            };
            spoken.languages.insert(language.clone(), sound);
        }
        Ok(spoken)
    }

    /// All there is in a folder beside the prompts, in the order of the names; the error says what to do.
    pub(super) fn all_of(&self, name: &str) -> Result<Vec<(String, Sound)>, String> {
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(format!("{name:?} is no folder's name; write that of a folder in prompts"));
        }
        let folder = self.folder.join(name);
        let shown = folder.display();
        let entries =
            fs::read_dir(&folder).map_err(|why| format!("the folder {shown} cannot be read ({why}); make it"))?;
        let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.retain(|path| is_sound(path));
        paths.sort();
        if paths.len() > PIECES_MAX {
            return Err(format!("there are {} pieces in {shown}; {PIECES_MAX} are enough", paths.len()));
        }
        let file = |path: &PathBuf| path.file_name().unwrap_or_default().display().to_string();
        paths.into_iter().map(|path| Ok((format!("{name}/{}", file(&path)), sound(&path)?))).collect()
    }

    fn spoken(&self, name: &str, text: &str, language: &str) -> Result<Sound, String> {
        let speaker = self.speech.speaker.as_ref().ok_or_else(|| {
            format!("the prompt {name} has a text, but no recording, and nothing speaks; name a command in [speech] of switch.toml")
        })?;
        speaker.speak(text, language)
    }
}

const PIECES_MAX: usize = 200;
