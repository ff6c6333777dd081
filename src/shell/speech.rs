//! Text becomes sound: an outside program reads it and gives a WAV file, which is kept under the hash of what was asked
//! for, so that nothing is ever spoken twice.
//!
//! Where it stands: `conf` has every text of the conf spoken while it is read, never in the control thread.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use audio::Sound;
use hound::{SampleFormat, WavSpec, WavWriter};
use sha2::{Digest, Sha256};

use crate::wav::Pcm;

/// An engine that speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// The program and what it is called with; `{voice}` is the language's voice. Text goes in, a WAV file comes out.
    pub command: Vec<String>,
    /// The voice of a language, where it is not the language's tag.
    pub voices: BTreeMap<String, String>,
    /// Where what was spoken is kept.
    pub folder: PathBuf,
}

impl Speaker {
    /// What is wrong with the engine: it is not there, or cannot be run.
    pub fn fault(&self) -> Option<String> {
        let program = self.command.first()?;
        let has = |folder: &Path| folder.join(program).is_file();
        let found = match program.contains('/') {
            true => Path::new(program).is_file(),
            false => std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|path| has(&path))),
        };
        (!found).then(|| format!("there is no program {program}; install it, or take the command out"))
    }

    /// A text in a language; the error says what to do.
    pub fn speak(&self, text: &str, language: &str) -> Result<Sound, String> {
        let path = self.path(text, language);
        let kept = fs::read(&path).ok().and_then(|file| Pcm::read(&file[..], SECONDS_MAX).ok());
        if let Some(sound) = kept.and_then(|pcm| pcm.sound().ok()) {
            return Ok(sound);
        }
        let failed = |why: String| {
            let shown: String = text.chars().take(40).collect();
            format!(
                "{shown:?} cannot be spoken in {language}: {why}; try `{}` with it",
                self.command(language).join(" ")
            )
        };
        let wav = self.run(text, language).map_err(failed)?;
        let failed_as = |why| failed(format!("what came cannot be used: {why}"));
        let pcm = trimmed(Pcm::read(&wav[..], SECONDS_MAX).map_err(failed_as)?);
        let sound = pcm.sound().map_err(failed_as)?;
        if sound.is_empty() {
            return Err(failed("the engine gave silence".to_owned()));
        }
        self.keep(&path, &pcm).map_err(|why| {
            format!(
                "{} cannot be written ({why}); what is spoken is kept there, so let the switch write it",
                path.display()
            )
        })?;
        Ok(sound)
    }

    /// Several at once, as many as there are cores, in their order.
    pub fn speak_all(&self, texts: &[&str], language: &str) -> Result<Vec<Sound>, String> {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        let share = texts.len().div_ceil(cores).max(1);
        let work = |texts: &[&str]| texts.iter().map(|text| self.speak(text, language)).collect::<Result<Vec<_>, _>>();
        thread::scope(|scope| {
            let threads: Vec<_> = texts.chunks(share).map(|share| scope.spawn(move || work(share))).collect();
            let mut sounds = Vec::new();
            for thread in threads {
                sounds.extend(thread.join().map_err(|_| "what speaks failed inside".to_owned())??);
            }
            Ok(sounds)
        })
    }

    /// Takes away the oldest of what was spoken, where it is more than enough.
    pub fn sweep(&self) {
        let files = fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let mut files: Vec<(SystemTime, PathBuf)> =
            files.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path()))).collect();
        files.sort();
        let surplus = files.len().saturating_sub(KEPT_MAX);
        files.iter().take(surplus).for_each(|(_, path)| drop(fs::remove_file(path)));
    }

    fn command(&self, language: &str) -> Vec<String> {
        let voice = self.voices.get(language).map_or(language, String::as_str);
        self.command.iter().map(|word| word.replace("{voice}", voice)).collect()
    }

    fn path(&self, text: &str, language: &str) -> PathBuf {
        let mut hash = Sha256::new();
        for word in self.command(language).iter().map(String::as_str).chain([text]) {
            hash.update((word.len() as u64).to_le_bytes());
            hash.update(word);
        }
        let name: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.wav"))
    }

    fn run(&self, text: &str, language: &str) -> Result<Vec<u8>, String> {
        let words = self.command(language);
        let (program, words) = words.split_first().ok_or("no command is named")?;
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|why| format!("{program} cannot be started ({why})"))?;
        let done = talk(&mut child, text);
        if done.is_err() {
            let _ = child.kill();
        }
        let status = child.wait().map_err(|why| why.to_string())?;
        match done {
            Ok(wav) if status.success() => Ok(wav),
            Ok(_) => Err(format!("{program} ended with {status}")),
            Err(why) => Err(format!("{program} {why}")),
        }
    }

    fn keep(&self, path: &Path, pcm: &Pcm) -> Result<(), String> {
        fs::create_dir_all(&self.folder).map_err(|why| why.to_string())?;
        let new = path.with_extension(format!("{:?}.new", thread::current().id()));
        let spec =
            WavSpec { channels: 1, sample_rate: pcm.rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let write = || {
            let mut file = WavWriter::create(&new, spec)?;
            pcm.samples.iter().try_for_each(|sample| file.write_sample(*sample))?;
            file.finalize()
        };
        write().map_err(|why: hound::Error| why.to_string())?;
        fs::rename(&new, path).map_err(|why| why.to_string())
    }
}

/// Hands over the text and takes the file, while there is time.
fn talk(child: &mut Child, text: &str) -> Result<Vec<u8>, String> {
    let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("cannot be spoken with".to_owned());
    };
    let (sender, heard) = mpsc::channel();
    let text = text.to_owned();
    // Both in a thread: an engine that reads nothing must not hold us up either.
    thread::spawn(move || {
        let _ = to.write_all(text.as_bytes()).and_then(|()| to.write_all(b"\n"));
        drop(to);
        let mut wav = Vec::new();
        let read = from.take(FILE_BYTES_MAX).read_to_end(&mut wav);
        let _ = sender.send(read.map(|_| wav));
    });
    match heard.recv_timeout(PATIENCE) {
        Ok(Ok(wav)) => Ok(wav),
        Ok(Err(why)) => Err(format!("breaks off ({why})")),
        Err(_) => Err(format!("takes longer than {} s", PATIENCE.as_secs())),
    }
}

/// Without the silence around it: words are put one after another.
fn trimmed(Pcm { rate, samples }: Pcm) -> Pcm {
    let ms = |ms: u32| (rate / 1000 * ms) as usize;
    let is_loud = |sample: &i16| sample.unsigned_abs() > QUIET;
    let Some(first) = samples.iter().position(is_loud) else { return Pcm { rate, samples: Vec::new() } };
    let last = samples.iter().rposition(is_loud).unwrap_or(first);
    let heard = first.saturating_sub(ms(BEFORE_MS))..(last + ms(AFTER_MS)).min(samples.len());
    Pcm { rate, samples: samples[heard].to_vec() }
}

/// An engine that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// No text takes longer.
const SECONDS_MAX: u32 = 10 * 60;
/// More is not taken from it.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// So many texts are kept.
const KEPT_MAX: usize = 5_000;
/// −50 dBFS.
const QUIET: u16 = 100;
/// So much is left before a text, and after it.
const BEFORE_MS: u32 = 20;
const AFTER_MS: u32 = 40;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    struct Room(PathBuf);

    impl Room {
        /// With an engine that notes what it is told, and gives half a second of a tone between silences.
        fn new(name: &str, rate: u32) -> (Room, Speaker) {
            let folder = std::env::temp_dir().join(format!("centrala-speech-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).expect("a folder");
            let mut wav = Cursor::new(Vec::new());
            let spec =
                WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
            let mut writer = WavWriter::new(&mut wav, spec).expect("a file");
            for at in 0..rate {
                let loud = (rate / 4..rate * 3 / 4).contains(&at);
                let angle = f64::from(at) * 440.0 * std::f64::consts::TAU / f64::from(rate);
                writer.write_sample(if loud { (angle.sin() * 8000.0) as i16 } else { 0 }).expect("a sample");
            }
            writer.finalize().expect("a whole file");
            let mut wav = wav.into_inner();
            wav[40..44].copy_from_slice(&0x7fff_f000_u32.to_le_bytes()); // as espeak-ng writes into a pipe
            fs::write(folder.join("tone"), wav).expect("the tone");
            let script = format!("cat >> {0}/told; echo {{voice}} >> {0}/told; cat {0}/tone", folder.display());
            let command = ["sh", "-c", &script].map(str::to_owned).to_vec();
            let voices = BTreeMap::from([("hr".to_owned(), "croatian".to_owned())]);
            (Room(folder.clone()), Speaker { command, voices, folder: folder.join("spoken") })
        }

        fn told(&self) -> String {
            fs::read_to_string(self.0.join("told")).unwrap_or_default()
        }
    }

    impl Drop for Room {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_text_is_spoken_once_and_cut_to_what_is_heard() {
        for rate in [8_000, 16_000, 22_050, 24_000, 48_000] {
            let (room, speaker) = Room::new(&format!("once-{rate}"), rate);
            let sound = speaker.speak("dobar dan", "hr").expect("a sound");
            assert!((0.5..0.6).contains(&sound.seconds()), "{rate}: {} s", sound.seconds());
            assert!(audio::goertzel::share(&sound.pcm()[800..3200], 440.0) > 0.9, "{rate}");
            assert_eq!(speaker.speak("dobar dan", "hr").expect("a sound"), sound);
            assert_eq!(room.told(), "dobar dan\ncroatian\n");
            speaker.speak("dobar dan", "en").expect("a sound");
            assert_eq!(room.told(), "dobar dan\ncroatian\ndobar dan\nen\n");
        }
    }

    #[test]
    fn an_engine_that_fails_is_told_of() {
        let (_room, mut speaker) = Room::new("fails", 8_000);
        assert_eq!(speaker.fault(), None);
        speaker.command = vec!["false".to_owned()];
        assert!(speaker.speak("x", "en").expect_err("a failure").contains("false ended with exit status: 1"));
        speaker.command = vec!["echo".to_owned(), "no sound".to_owned()];
        assert!(speaker.speak("x", "en").expect_err("a failure").contains("no WAV file"));
        speaker.command = vec!["no-such-engine".to_owned()];
        assert!(speaker.fault().expect("a fault").starts_with("there is no program no-such-engine"));
        assert!(speaker.speak("x", "en").expect_err("a failure").contains("cannot be started"));
    }

    #[test]
    fn what_was_cut_short_is_spoken_anew() {
        let (room, speaker) = Room::new("anew", 8_000);
        let sounds = speaker.speak_all(&["a", "b", "c"], "en").expect("three sounds");
        assert_eq!(sounds.len(), 3);
        for file in fs::read_dir(&speaker.folder).expect("the folder").filter_map(Result::ok) {
            fs::write(file.path(), "RIFF").expect("a broken file");
        }
        assert_eq!(speaker.speak("b", "en").expect("a sound"), sounds[1]);
        assert_eq!(room.told().matches("b\n").count(), 2);
    }
}
