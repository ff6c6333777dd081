//! All recordings being made, by id.
//!
//! Where it stands: the shell's recorder thread owns one, tells it everything with the time and sends its events back
//! to the switch. It blocks on the disk and on nothing else.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::time::Duration;
use std::{fs, process};

use audio::Clip;
use base::{RecordingId, Time};
use serde_json::Value;

use crate::recording::Recording;
use crate::{Channel, Closing, RecorderError};

/// Where recordings go and how many there may be.
#[derive(Clone, Debug)]
pub struct RecorderConf {
    /// The folder they lie in. It is made when it is not there.
    pub folder: PathBuf,
    /// So many at once; one more is refused.
    pub recordings_max: usize,
    /// A longer recording fails. WAV ends at 4 GiB, which is 37 hours; hound would not notice.
    pub hours_max: u32,
}

impl Default for RecorderConf {
    fn default() -> RecorderConf {
        RecorderConf { folder: PathBuf::from("recordings"), recordings_max: 10_000, hours_max: 8 }
    }
}

/// What the recorder is told.
#[derive(Debug)]
pub enum Input {
    /// A recording begins.
    Open {
        /// Its id; taps bear it too.
        id: RecordingId,
        /// Its path below the folder, without ending: `2026/11/24/20261124T101500Z_in_sales_ann_…_1`.
        file: String,
        /// The moment of its first sample; the taps were told the same.
        began: Time,
        /// What is known now, a JSON object: the sidecar should nobody live to close it.
        started: Value,
    },
    /// A piece of one side. Pieces may come late and in any order; each is put where it belongs.
    Audio {
        /// The recording.
        id: RecordingId,
        /// The side.
        channel: Channel,
        /// The sound, with its place.
        clip: Clip,
    },
    /// A recording ends. It stays open a moment for clips on their way.
    Close {
        /// The recording.
        id: RecordingId,
        /// How long it was: both sides are made as long.
        length: Duration,
        /// Its sidecar, a JSON object; `seconds` is added.
        sidecar: Value,
    },
    /// Time has passed.
    Tick,
}

/// What the recorder says.
#[derive(Debug)]
pub enum Output {
    /// What became of a recording.
    Event(Event),
    /// A recording ended; it is to be settled, where no sound waits for that.
    Close(Closing),
}

/// What became of a recording: `Opened`, then one of the others; or `Failed` at once.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// It is on the disk and grows.
    Opened {
        /// The recording.
        id: RecordingId,
    },
    /// It broke off, or never began. What is told of it afterwards is ignored; what is on the disk is kept and, as soon
    /// as the disk allows, finished like a salvaged one.
    Failed {
        /// The recording.
        id: RecordingId,
        /// What happened, to what, and what to do.
        why: String,
    },
    /// It is whole, named, and safe on the disk.
    Closed {
        /// The recording.
        id: RecordingId,
        /// Its path below the folder, with ending.
        file: String,
        /// How long it is.
        seconds: f64,
    },
}

/// All recordings being made.
pub struct Recorder {
    conf: RecorderConf,
    recordings: HashMap<RecordingId, Recording>,
    next_look: Time,
}

impl Recorder {
    /// A recorder that writes to `conf.folder`.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn new(conf: RecorderConf) -> Result<Recorder, RecorderError> {
        let trial = conf.folder.join(format!(".trial-{}", process::id()));
        fs::create_dir_all(&conf.folder)
            .and_then(|()| fs::write(&trial, "can this folder be written to?\n"))
            .and_then(|()| fs::remove_file(&trial))
            .map_err(|why| RecorderError::Folder { folder: conf.folder.clone(), why })?;
        Ok(Recorder { conf, recordings: HashMap::new(), next_look: Time::NEVER })
    }

    /// Takes one input; what is to be said of it is added to `out`.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Open { id, file, began, started } => {
                let event = match self.open(id, file, began, started) {
                    Ok(()) => Event::Opened { id },
                    Err(why) => Event::Failed { id, why: why.to_string() },
                };
                out.push(Output::Event(event));
                self.next_look = self.next_look.min(now + LOOK_EVERY);
            }
            Input::Audio { id, channel, clip } => {
                let told = self.recordings.get_mut(&id).map(|recording| recording.audio(channel, &clip, now));
                if let Some(Err(why)) = told {
                    self.fail(id, why, out);
                }
            }
            Input::Close { id, length, sidecar } => {
                if let Some(recording) = self.recordings.get_mut(&id) {
                    recording.close(length, sidecar, now);
                }
            }
            Input::Tick => {}
        }
        if now >= self.next_look {
            self.look(now, out);
        }
    }

    /// When it wants to be told the time again.
    pub fn deadline(&self) -> Option<Time> {
        (self.next_look != Time::NEVER).then_some(self.next_look)
    }

    /// How many recordings are being made. A shell that ends waits for none.
    pub fn count(&self) -> usize {
        self.recordings.len()
    }

    fn open(&mut self, id: RecordingId, file: String, began: Time, started: Value) -> Result<(), RecorderError> {
        if self.recordings.len() >= self.conf.recordings_max {
            return Err(RecorderError::TooMany { file, recordings: self.conf.recordings_max });
        }
        match self.recordings.entry(id) {
            Entry::Occupied(_) => Err(RecorderError::Taken { file }),
            Entry::Vacant(entry) => {
                entry.insert(Recording::open(&self.conf, file, began, started)?);
                Ok(())
            }
        }
    }

    fn look(&mut self, now: Time, out: &mut Vec<Output>) {
        let mut failed = Vec::new();
        for (id, recording) in &mut self.recordings {
            if let Err(why) = recording.look(now) {
                failed.push((*id, why));
            }
        }
        for (id, why) in failed {
            self.fail(id, why, out);
        }
        let mut over: Vec<_> = self.recordings.extract_if(|_, recording| recording.is_over(now)).collect();
        over.sort_by_key(|(id, _)| *id);
        for (id, recording) in over {
            match recording.finish(id) {
                Ok(closing) => out.push(Output::Close(closing)),
                Err((why, recording)) => break_off(id, *recording, why, out),
            }
        }
        self.next_look = if self.recordings.is_empty() { Time::NEVER } else { now + LOOK_EVERY };
    }

    fn fail(&mut self, id: RecordingId, why: RecorderError, out: &mut Vec<Output>) {
        if let Some(recording) = self.recordings.remove(&id) {
            break_off(id, recording, why, out);
        }
    }
}

/// Says so, and has saved what can be.
fn break_off(id: RecordingId, recording: Recording, why: RecorderError, out: &mut Vec<Output>) {
    let why = why.to_string();
    out.push(Output::Event(Event::Failed { id, why: why.clone() }));
    out.push(Output::Close(recording.broken_off(id, why)));
}

/// Often enough to keep the loss of a crash small, seldom enough to cost nothing: a look at 1,000 recordings with
/// nothing due is some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::{env, fs};

    use audio::Encoding;
    use base::{CallId, Random};
    use hound::WavReader;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{Manifest, Settled, Sums};

    /// A folder of one test's own, gone with it.
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        pub(crate) fn new() -> Folder {
            static MADE: AtomicU32 = AtomicU32::new(0);
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let folder = env::temp_dir().join(format!("centrala-recorder-{}-{number}", process::id()));
            fs::create_dir_all(&folder).expect("a temporary folder");
            Folder(folder)
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }

        /// All recordings' files in it, by their paths below it.
        pub(crate) fn files(&self) -> Vec<String> {
            fn below(folder: &Path, files: &mut Vec<PathBuf>) {
                for entry in fs::read_dir(folder).unwrap().flatten() {
                    match entry.path() {
                        path if path.is_dir() => below(&path, files),
                        path => files.push(path),
                    }
                }
            }
            let mut files = Vec::new();
            below(&self.0, &mut files);
            files.sort();
            files.retain(|file| !file.ends_with("manifest.jsonl") && !file.ends_with(".manifest.lock"));
            files.iter().map(|file| file.strip_prefix(&self.0).unwrap().display().to_string()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// What the calendar says whenever a test asks.
    pub(crate) const NOON: Timestamp = Timestamp::constant(1_795_521_600, 0); // 2026-11-24T12:00:00Z

    /// A recorder whose recordings are settled at once.
    pub(crate) struct Settling(pub Recorder, pub Manifest);

    impl Settling {
        pub(crate) fn handle(&mut self, input: Input, now: Time, events: &mut Vec<Event>) {
            let mut out = Vec::new();
            self.0.handle(input, now, &mut out);
            for output in out {
                match output {
                    Output::Event(event) => events.push(event),
                    Output::Close(closing) => {
                        let id = closing.id.unwrap();
                        let Settled { file, seconds } = closing.settle(&mut self.1, NOON).unwrap();
                        if !matches!(events.last(), Some(Event::Failed { id: failed, .. }) if *failed == id) {
                            events.push(Event::Closed { id, file, seconds });
                        }
                    }
                }
            }
        }
    }

    pub(crate) fn recorder(folder: &Folder) -> Settling {
        settling(RecorderConf { folder: folder.path().to_owned(), ..RecorderConf::default() })
    }

    fn settling(conf: RecorderConf) -> Settling {
        let manifest = Manifest::new(&conf.folder);
        Settling(Recorder::new(conf).unwrap(), manifest)
    }

    pub(crate) fn id(segment: u16) -> RecordingId {
        RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment }
    }

    pub(crate) fn open(segment: u16, file: &str) -> Input {
        let started = json!({ "caller": "201" });
        Input::Open { id: id(segment), file: file.to_owned(), began: Time::ZERO, started }
    }

    /// `samples` of one loud value from `at` on.
    pub(crate) fn tone(at: u64, samples: usize) -> Clip {
        Clip { at, encoding: Encoding::Pcmu, payload: vec![0; samples] }
    }

    fn say(channel: Channel, clip: Clip) -> Input {
        Input::Audio { id: id(1), channel, clip }
    }

    fn close(ms: u64) -> Input {
        Input::Close { id: id(1), length: Duration::from_millis(ms), sidecar: json!({ "call": "x" }) }
    }

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    /// Where each channel is loud: runs of (from, to) samples.
    fn loud(file: &Path) -> [Vec<(usize, usize)>; 2] {
        let samples: Vec<i16> = WavReader::open(file).unwrap().into_samples().map(Result::unwrap).collect();
        let runs = |channel| {
            let mut runs: Vec<(usize, usize)> = Vec::new();
            for (n, _) in samples.iter().skip(channel).step_by(2).enumerate().filter(|(_, sample)| **sample != 0) {
                match runs.last_mut() {
                    Some((_, end)) if *end == n => *end += 1,
                    _ => runs.push((n, n + 1)),
                }
            }
            runs
        };
        [runs(0), runs(1)]
    }

    fn length(file: &Path) -> u64 {
        WavReader::open(file).unwrap().duration().into()
    }

    #[test]
    fn two_sides_become_one_file_with_its_sidecar() {
        let folder = Folder::new();
        let (mut recorder, mut out) = (recorder(&folder), Vec::new());
        let parts = ["2026/11/24/a.json.part", "2026/11/24/a.wav.part"];
        for (input, now) in [
            (open(1, "2026/11/24/a"), 0),
            (say(Channel::Left, tone(800, 3200)), 500),
            (say(Channel::Right, tone(2000, 2400)), 600),
            (say(Channel::Left, tone(8000, 4000)), 1500),
        ] {
            recorder.handle(input, at(now), &mut out);
            assert_eq!(folder.files(), parts);
        }
        recorder.handle(close(2000), at(2000), &mut out);
        recorder.handle(say(Channel::Right, tone(15_000, 1000)), at(2100), &mut out); // was on its way
        assert_eq!(recorder.0.deadline(), Some(at(2100) + LOOK_EVERY));
        recorder.handle(Input::Tick, at(2200), &mut out);
        let closed = Event::Closed { id: id(1), file: "2026/11/24/a.wav".to_owned(), seconds: 2.0 };
        assert_eq!(out, [Event::Opened { id: id(1) }, closed]);
        assert_eq!(folder.files(), ["2026/11/24/a.json", "2026/11/24/a.wav"]);
        let wav = folder.path().join("2026/11/24/a.wav");
        assert_eq!(loud(&wav), [vec![(800, 4000), (8000, 12_000)], vec![(2000, 4400), (15_000, 16_000)]]);
        assert_eq!(length(&wav), 16_000);
        let sidecar: Value = serde_json::from_slice(&fs::read(wav.with_extension("json")).unwrap()).unwrap();
        let sums = Sums::of(fs::File::open(&wav).unwrap()).unwrap();
        assert_eq!(sidecar, json!({ "call": "x", "seconds": 2.0, "integrity": sums }));
        assert_eq!((recorder.0.deadline(), recorder.0.count()), (None, 0));
    }

    #[test]
    fn a_late_clip_lands_in_its_place_however_late() {
        let folder = Folder::new();
        let (mut recorder, mut out) = (recorder(&folder), Vec::new());
        recorder.handle(open(1, "a"), at(0), &mut out);
        for ms in (100..=5000).step_by(100) {
            recorder.handle(Input::Tick, at(ms), &mut out);
        }
        recorder.handle(say(Channel::Right, tone(160, 160)), at(5000), &mut out);
        recorder.handle(say(Channel::Left, tone(38_000, 1000)), at(5000), &mut out);
        recorder.handle(close(5000), at(5000), &mut out);
        recorder.handle(Input::Tick, at(5200), &mut out);
        assert_eq!(loud(&folder.path().join("a.wav")), [vec![(38_000, 39_000)], vec![(160, 320)]]);
    }

    #[test]
    fn never_more_than_a_second_is_only_in_memory() {
        let both = [Channel::Left, Channel::Right];
        for (name, sides) in [("silence", &both[..0]), ("one side", &both[..1]), ("both sides", &both[..])] {
            let folder = Folder::new();
            let (mut recorder, mut out) = (recorder(&folder), Vec::new());
            recorder.handle(open(1, "a"), at(0), &mut out);
            for ms in (10..12_000).step_by(10) {
                if ms % 500 == 0 {
                    for side in sides {
                        recorder.handle(say(*side, tone((ms - 500) * 8, 4000)), at(ms), &mut out);
                    }
                }
                recorder.handle(Input::Tick, at(ms), &mut out);
                let missing = (ms * 8).saturating_sub(length(&folder.path().join("a.wav.part")));
                assert!(missing <= 8000, "{name}: {missing} samples at {ms} ms");
            }
        }
    }

    #[test]
    fn what_cannot_be_begun_is_told_and_leaves_nothing() {
        let folder = Folder::new();
        fs::write(folder.path().join("old.wav"), "older").unwrap();
        fs::write(folder.path().join("file"), "not a folder").unwrap();
        let (mut recorder, mut out) = (recorder(&folder), Vec::new());
        for (file, why) in [
            ("../a", "cannot name a recording"),
            ("old", "recording old is there already"),
            ("file/a", "recording file/a stopped: "),
        ] {
            recorder.handle(open(1, file), at(0), &mut out);
            let Some(Event::Failed { why: told, .. }) = out.pop() else { panic!("{file} was begun") };
            assert!(told.contains(why), "{told}");
        }
        assert_eq!(folder.files(), ["file", "old.wav"]);
        recorder.handle(say(Channel::Left, tone(0, 10)), at(500), &mut out);
        recorder.handle(close(500), at(500), &mut out);
        recorder.handle(Input::Tick, at(900), &mut out);
        assert_eq!(out, [], "nothing more is said of it");
    }

    #[test]
    fn a_recording_that_breaks_off_is_told_once_and_kept() {
        let folder = Folder::new();
        let conf = RecorderConf { folder: folder.path().to_owned(), hours_max: 0, recordings_max: 1 };
        let (mut recorder, mut out) = (settling(conf), Vec::new());
        recorder.handle(open(1, "a"), at(0), &mut out);
        recorder.handle(open(2, "b"), at(0), &mut out);
        for ms in (100..2000).step_by(100) {
            recorder.handle(say(Channel::Left, tone(ms * 8 - 800, 800)), at(ms), &mut out);
        }
        let told = format!("{out:?}");
        assert_eq!(out.len(), 3, "{told}");
        assert!(told.contains("b was not begun: 1 are being made already"), "{told}");
        assert!(told.contains("a stopped after 0 hours"), "{told}");
        assert_eq!(folder.files(), ["a.json", "a.wav"]);
        let sidecar: Value = serde_json::from_slice(&fs::read(folder.path().join("a.json")).unwrap()).unwrap();
        assert_eq!((&sidecar["salvaged"], &sidecar["caller"]), (&json!(true), &json!("201")));
        assert!(sidecar["failed"].as_str().unwrap().contains("stopped after"));
    }

    #[test]
    fn a_clip_from_the_future_fills_neither_memory_nor_disk() {
        let folder = Folder::new();
        let (mut recorder, mut out) = (recorder(&folder), Vec::new());
        recorder.handle(open(1, "a"), at(0), &mut out);
        for at_sample in [80_000, u64::MAX] {
            recorder.handle(say(Channel::Left, tone(at_sample, 160)), at(500), &mut out);
        }
        recorder.handle(Input::Close { id: id(1), length: Duration::MAX, sidecar: Value::Null }, at(1000), &mut out);
        recorder.handle(Input::Tick, at(1500), &mut out);
        assert_eq!(length(&folder.path().join("a.wav")), 16_000, "as long as time has passed, and a second");
        let sidecar: Value = serde_json::from_slice(&fs::read(folder.path().join("a.json")).unwrap()).unwrap();
        assert_eq!(sidecar["misplaced_clips"], 2);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_one_clear_sentence() {
        let folder = Folder::new();
        let blocked = folder.path().join("file");
        fs::write(&blocked, "not a folder").unwrap();
        let made = Recorder::new(RecorderConf { folder: blocked.join("recordings"), ..RecorderConf::default() });
        let why = made.map(drop).unwrap_err().to_string();
        assert!(why.starts_with("recordings cannot be written to /") && why.contains("conf/switch.toml"), "{why}");
    }
}
