//! All recordings being made, by id.
//!
//! Where it stands: the shell's recorder thread owns one, tells it everything with the time and sends its events back
//! to the switch. It blocks on the disk and on nothing else.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, process};

use audio::Clip;
use base::{RecordingId, Time};
use serde_json::Value;

use crate::attention::Attention;
use crate::recording::Recording;
use crate::{Channel, Closing, Keyring, RecorderError, Silence, sidecar};

/// Where recordings go and how many there may be.
#[derive(Clone, Debug)]
pub struct RecorderConf {
    /// The folder they lie in. It is made when it is not there.
    pub folder: PathBuf,
    /// Where they go while that one fails or is nearly full: another disk.
    pub spill: Option<PathBuf>,
    /// A folder with less room than this gets no new recording as long as there is another; at twice as much it is said.
    pub floor_bytes: u64,
    /// So many at once; one more is refused.
    pub recordings_max: usize,
    /// A file holds no more; a longer recording goes on in another. WAV ends at 4 GiB, which is 37 hours; hound would not
    /// notice.
    pub secs_max: u64,
    /// Sound is sealed, where there is a master key.
    pub keys: Keyring,
    /// What is masked is a soft tone and not silence.
    pub mask_tone: bool,
    /// Sound is encoded as Opus while the call runs, where it is not sealed.
    pub live_opus: bool,
}

impl Default for RecorderConf {
    fn default() -> RecorderConf {
        RecorderConf {
            folder: PathBuf::from("recordings"),
            spill: None,
            floor_bytes: 500_000_000,
            recordings_max: 10_000,
            secs_max: 8 * 3600,
            keys: Keyring::default(),
            mask_tone: false,
            live_opus: false,
        }
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
        /// Samples a second: 8,000, 16,000 or 48,000. What clips have less is made up.
        rate: u32,
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
    /// Nothing of what is said from a moment on is to be kept, or it is again. Time goes on.
    Silence {
        /// The recording.
        id: RecordingId,
        /// Why.
        kind: Silence,
        /// Or ends.
        begins: bool,
        /// The moment.
        at: Time,
        /// Who wanted it: a JSON object for the sidecar.
        by: Value,
    },
    /// One side begins to hear the beep that tells that it is recorded.
    Beep {
        /// The recording.
        id: RecordingId,
        /// The side.
        channel: Channel,
        /// How long after the beginning.
        at: Duration,
    },
    /// Tell when nobody has spoken on the left side for so long.
    Attend {
        /// The recording.
        id: RecordingId,
        /// The moment of its first sample.
        began: Time,
        /// So long.
        quiet: Duration,
    },
    /// A recording goes on no longer; it is closed later.
    Stop {
        /// The recording.
        id: RecordingId,
        /// How long it is.
        length: Duration,
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
    /// A piece of one side did not get through: nobody was to wait for room.
    Lost {
        /// The recording.
        id: RecordingId,
        /// The side.
        channel: Channel,
        /// Its first sample's place.
        at: u64,
        /// How long it was.
        samples: u64,
    },
    /// So much room is left in a folder.
    Room {
        /// Which: the folder or the spill folder, as in the conf.
        folder: PathBuf,
        /// Bytes.
        bytes: u64,
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
    /// Nobody has spoken on its left side for as long as was said. Told once.
    Quiet {
        /// The recording.
        id: RecordingId,
    },
    /// Its folder failed or is nearly full: it is recorded elsewhere.
    Spilled {
        /// The recording.
        id: RecordingId,
        /// Where it is now.
        folder: PathBuf,
        /// Why.
        why: String,
    },
    /// A folder has little room left.
    Low {
        /// Which.
        folder: PathBuf,
        /// Bytes left.
        bytes: u64,
    },
    /// It broke off, or never began. What is told of it afterwards is ignored; what is on the disk is kept and, as soon
    /// as the disk allows, finished like a salvaged one.
    Failed {
        /// The recording.
        id: RecordingId,
        /// What happened, to what, and what to do.
        why: String,
    },
    /// Its disk does not answer, which whoever owns the recorder sees before it can. Should the disk answer again, what
    /// found room in memory is kept, and the recording goes on with gaps.
    Stalled {
        /// The recording.
        id: RecordingId,
        /// What happened, and what it means.
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
    folders: Vec<Disk>,
    /// Those that are listened to.
    attentions: HashMap<RecordingId, Attention>,
    recordings: HashMap<RecordingId, Recording>,
    next_look: Time,
}

/// A folder, and how much room there is as far as we were told.
struct Disk {
    path: PathBuf,
    room: u64,
    warned: bool,
}

impl Recorder {
    /// A recorder that writes to `conf.folder`.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn new(conf: RecorderConf) -> Result<Recorder, RecorderError> {
        let mut folders = Vec::new();
        for path in [Some(&conf.folder), conf.spill.as_ref()].into_iter().flatten() {
            let trial = path.join(format!(".trial-{}", process::id()));
            fs::create_dir_all(path)
                .and_then(|()| fs::write(&trial, "can this folder be written to?\n"))
                .and_then(|()| fs::remove_file(&trial))
                .map_err(|why| RecorderError::Folder { folder: path.clone(), why })?;
            folders.push(Disk { path: path.clone(), room: u64::MAX, warned: false });
        }
        Ok(Recorder { conf, folders, recordings: HashMap::new(), attentions: HashMap::new(), next_look: Time::NEVER })
    }

    /// Takes one input; what is to be said of it is added to `out`.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Open { id, file, began, rate, started } => {
                match self.open(id, file, began, rate, started, out) {
                    Ok(()) => out.push(Output::Event(Event::Opened { id })),
                    Err(why) => out.push(Output::Event(Event::Failed { id, why: why.to_string() })),
                }
                self.next_look = self.next_look.min(now + LOOK_EVERY);
            }
            Input::Attend { id, began, quiet } => {
                if self.recordings.contains_key(&id) {
                    self.attentions.insert(id, Attention::new(began, quiet));
                }
            }
            Input::Audio { id, channel, clip } => {
                if let Some(attention) = self.attentions.get_mut(&id).filter(|_| channel == Channel::Left) {
                    attention.hears(&clip);
                }
                let told = self.recordings.get_mut(&id).map(|recording| recording.audio(channel, &clip, now));
                if let Some(Err(why)) = told {
                    self.fail(id, why, out);
                    // Where it goes on, nothing of it is missing.
                    let again = self.recordings.get_mut(&id).map(|recording| recording.audio(channel, &clip, now));
                    if let Some(Err(why)) = again {
                        self.fail(id, why, out);
                    }
                }
            }
            Input::Silence { id, kind, begins, at, by } => {
                let told = self.recordings.get_mut(&id).map(|recording| recording.silence(kind, begins, at, by));
                if let Some(Err(why)) = told {
                    self.fail(id, why, out);
                }
            }
            Input::Beep { id, channel, at } => {
                if let Some(recording) = self.recordings.get_mut(&id) {
                    recording.beep(channel, at);
                }
            }
            Input::Stop { id, length } => {
                self.attentions.remove(&id);
                if let Some(recording) = self.recordings.get_mut(&id) {
                    recording.stop(length);
                }
            }
            Input::Close { id, length, sidecar } => {
                self.attentions.remove(&id);
                if let Some(recording) = self.recordings.get_mut(&id) {
                    recording.close(length, sidecar, now);
                }
            }
            Input::Lost { id, channel, at, samples } => {
                if let Some(recording) = self.recordings.get_mut(&id) {
                    recording.lost(channel, at, samples);
                }
            }
            Input::Room { folder, bytes } => self.room(&folder, bytes, out),
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

    fn open(
        &mut self,
        id: RecordingId,
        file: String,
        began: Time,
        rate: u32,
        started: Value,
        out: &mut Vec<Output>,
    ) -> Result<(), RecorderError> {
        if self.recordings.len() >= self.conf.recordings_max {
            return Err(RecorderError::TooMany { file, recordings: self.conf.recordings_max });
        }
        if self.recordings.contains_key(&id) {
            return Err(RecorderError::Taken { file });
        }
        let started = sidecar::members(started);
        let mut failed = None;
        for folder in self.in_order() {
            match Recording::open(&folder, &self.conf, &file, began, rate, &started) {
                Ok(recording) => {
                    if folder != self.conf.folder {
                        let nearly_full = || format!("{} is nearly full; free some space", self.conf.folder.display());
                        let why = failed.map_or_else(nearly_full, |why: RecorderError| why.to_string());
                        out.push(Output::Event(Event::Spilled { id, folder, why }));
                    }
                    self.recordings.insert(id, recording);
                    return Ok(());
                }
                Err(why @ RecorderError::Disk { .. }) => failed = failed.or(Some(why)),
                Err(why) => return Err(why),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The folders to try: those with room first, the others all the same, for nothing else may be left.
    fn in_order(&self) -> Vec<PathBuf> {
        let mut folders: Vec<&Disk> = self.folders.iter().collect();
        folders.sort_by_key(|folder| folder.room < self.conf.floor_bytes);
        folders.into_iter().map(|folder| folder.path.clone()).collect()
    }

    fn room(&mut self, path: &Path, bytes: u64, out: &mut Vec<Output>) {
        let early = self.conf.floor_bytes.saturating_mul(2);
        for folder in self.folders.iter_mut().filter(|folder| folder.path == path) {
            if bytes < early && !folder.warned {
                out.push(Output::Event(Event::Low { folder: path.to_owned(), bytes }));
            }
            (folder.room, folder.warned) = (bytes, bytes < early);
        }
    }

    fn look(&mut self, now: Time, out: &mut Vec<Output>) {
        let quiet = self.attentions.iter_mut().filter_map(|(id, attention)| attention.is_over(now).then_some(*id));
        out.extend(quiet.map(|id| Output::Event(Event::Quiet { id })));
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
            self.attentions.remove(&id);
            match recording.finish(id) {
                Ok(closing) => out.push(Output::Close(closing)),
                Err((why, recording)) => {
                    // Its end is given back to it: where it goes on, the next look finishes it.
                    self.recordings.insert(id, *recording);
                    self.fail(id, why, out);
                }
            }
        }
        self.next_look = if self.recordings.is_empty() { Time::NEVER } else { now + LOOK_EVERY };
    }

    /// What a recording's disk refuses goes on on another, if there is one, and what its file has no place for in another
    /// file; else the recording ends here.
    fn fail(&mut self, id: RecordingId, mut why: RecorderError, out: &mut Vec<Output>) {
        let Some(mut recording) = self.recordings.remove(&id) else { return };
        if let RecorderError::TooLong { .. } = &why {
            match recording.roll(id) {
                Ok(closing) => {
                    out.push(Output::Close(closing));
                    self.recordings.insert(id, recording);
                    return;
                }
                Err(other) => why = other,
            }
        }
        if let RecorderError::Disk { .. } = &why {
            let said = why.to_string();
            for folder in self.in_order().into_iter().filter(|folder| folder != recording.folder()).collect::<Vec<_>>()
            {
                if let Ok(closing) = recording.go_on(id, &folder, &said) {
                    out.push(Output::Event(Event::Spilled { id, folder, why: said }));
                    out.push(Output::Close(closing));
                    self.recordings.insert(id, recording);
                    return;
                }
            }
        }
        break_off(id, recording, why, out);
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
        Input::Open { id: id(segment), file: file.to_owned(), began: Time::ZERO, rate: audio::SAMPLE_RATE, started }
    }

    /// `samples` of one loud value from `at` on.
    pub(crate) fn tone(at: u64, samples: usize) -> Clip {
        Clip { at, encoding: Encoding::Pcmu, wide: 1, payload: vec![0; samples] }
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
        assert_eq!(sidecar, json!({ "call": "x", "sample_rate": 8000, "seconds": 2.0, "integrity": sums }));
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
        let conf = RecorderConf {
            folder: folder.path().to_owned(),
            secs_max: 0,
            recordings_max: 1,
            ..RecorderConf::default()
        };
        let (mut recorder, mut out) = (settling(conf), Vec::new());
        recorder.handle(open(1, "a"), at(0), &mut out);
        recorder.handle(open(2, "b"), at(0), &mut out);
        for ms in (100..2000).step_by(100) {
            recorder.handle(say(Channel::Left, tone(ms * 8 - 800, 800)), at(ms), &mut out);
        }
        let told = format!("{out:?}");
        let failed = out.iter().filter(|event| matches!(event, Event::Failed { .. })).count();
        assert_eq!(failed, 2, "{told}");
        assert!(told.contains("b was not begun: 1 are being made already"), "{told}");
        assert!(told.contains("a ended after 8 files"), "{told}");
        assert_eq!(folder.files().len(), 2 * 8);
        let sidecar: Value = serde_json::from_slice(&fs::read(folder.path().join("a-8.json")).unwrap()).unwrap();
        assert_eq!((&sidecar["salvaged"], &sidecar["caller"]), (&json!(true), &json!("201")));
        assert!(sidecar["failed"].as_str().unwrap().contains("ended after"));
    }

    #[test]
    fn a_long_recording_rolls_into_another_file_and_no_sample_is_lost() {
        let folder = Folder::new();
        let conf = RecorderConf { folder: folder.path().to_owned(), secs_max: 1, ..RecorderConf::default() };
        let (mut recorder, mut out) = (settling(conf), Vec::new());
        recorder.handle(open(1, "a"), at(0), &mut out);
        let byte = |at: u64| (at % 100) as u8;
        for half_second in 0..5_u64 {
            for channel in [Channel::Left, Channel::Right] {
                let from = half_second * 4000;
                let clip = Clip {
                    at: from,
                    encoding: Encoding::Pcmu,
                    wide: 1,
                    payload: (from..from + 4000).map(byte).collect(),
                };
                recorder.handle(say(channel, clip), at(half_second * 500 + 500), &mut out);
            }
        }
        recorder.handle(close(2500), at(2500), &mut out);
        recorder.handle(Input::Tick, at(2800), &mut out);
        let mut heard = Vec::new();
        for (name, offset) in [("a", Value::Null), ("a-2", json!(1.0)), ("a-3", json!(2.0))] {
            let wav = folder.path().join(format!("{name}.wav"));
            heard.extend(WavReader::open(&wav).unwrap().into_samples::<i16>().map(Result::unwrap));
            let sidecar: Value = serde_json::from_slice(&fs::read(wav.with_extension("json")).unwrap()).unwrap();
            assert_eq!((&sidecar["offset_secs"], &sidecar["salvaged"]), (&offset, &Value::Null), "{name}");
            assert_eq!(sidecar["continues"], if name == "a-3" { Value::Null } else { json!(true) });
        }
        let said = Encoding::Pcmu.decoded(&(0..20_000).map(byte).collect::<Vec<u8>>());
        assert!(heard.iter().step_by(2).eq(&said) && heard.iter().skip(1).step_by(2).eq(&said));
        let closed = out.iter().filter(|event| matches!(event, Event::Closed { .. })).count();
        assert_eq!((closed, folder.files().len()), (3, 6), "{out:?}");
    }

    #[test]
    fn sound_that_found_no_room_is_a_gap_in_the_sidecar() {
        let folder = Folder::new();
        let (mut recorder, mut out) = (recorder(&folder), Vec::new());
        recorder.handle(open(1, "a"), at(0), &mut out);
        for from in [0, 4000] {
            let lost = Input::Lost { id: id(1), channel: Channel::Right, at: from, samples: 4000 };
            recorder.handle(lost, at(1000), &mut out);
        }
        recorder.handle(close(2000), at(2000), &mut out);
        recorder.handle(Input::Tick, at(2200), &mut out);
        let sidecar: Value = serde_json::from_slice(&fs::read(folder.path().join("a.json")).unwrap()).unwrap();
        assert_eq!(sidecar["gaps"], json!([{ "channel": "right", "from_secs": 0.0, "secs": 1.0 }]));
        assert_eq!(sidecar["gap_secs"], 1.0);
    }

    /// A recorder with a second folder, and both.
    fn spilling() -> (Settling, Folder, Folder) {
        let (first, second) = (Folder::new(), Folder::new());
        let (folder, spill) = (first.path().to_owned(), Some(second.path().to_owned()));
        (settling(RecorderConf { folder, spill, floor_bytes: 1000, ..RecorderConf::default() }), first, second)
    }

    #[test]
    fn a_folder_that_has_vanished_is_not_waited_for() {
        let (mut recorder, first, second) = spilling();
        fs::remove_dir_all(first.path()).unwrap();
        fs::write(first.path(), "where a folder was").unwrap();
        let mut out = Vec::new();
        recorder.handle(open(1, "a"), at(0), &mut out);
        let _ = fs::remove_file(first.path());
        let [Event::Spilled { folder, why, .. }, Event::Opened { .. }] = &out[..] else { panic!("{out:?}") };
        assert_eq!((folder.as_path(), why.contains("recording a stopped")), (second.path(), true), "{why}");
        assert_eq!(second.files(), ["a.json.part", "a.wav.part"]);
    }

    #[test]
    fn a_folder_nearly_full_is_told_early_and_gets_nothing_new() {
        let (mut recorder, first, second) = spilling();
        let mut out = Vec::new();
        let told = |recorder: &mut Settling, bytes, segment, out: &mut Vec<Event>| {
            let room = Input::Room { folder: first.path().to_owned(), bytes };
            recorder.handle(room, at(0), out);
            recorder.handle(open(segment, &format!("{segment}")), at(0), out);
            let low = out.iter().filter(|event| matches!(event, Event::Low { .. })).count();
            let spilled = out.iter().filter(|event| matches!(event, Event::Spilled { .. })).count();
            (low, spilled)
        };
        assert_eq!(told(&mut recorder, 2000, 1, &mut out), (0, 0));
        assert_eq!(told(&mut recorder, 1999, 2, &mut out), (1, 0), "said while there is time");
        assert_eq!(told(&mut recorder, 1500, 3, &mut out), (1, 0), "said once");
        assert_eq!(told(&mut recorder, 999, 4, &mut out), (1, 1));
        assert_eq!(told(&mut recorder, 5000, 5, &mut out), (1, 1), "somebody made room");
        assert_eq!(told(&mut recorder, 1999, 6, &mut out), (2, 1), "said again");
        assert_eq!(second.files(), ["4.json.part", "4.wav.part"]);
        let both_full = Input::Room { folder: second.path().to_owned(), bytes: 1 };
        recorder.handle(both_full, at(0), &mut out);
        assert_eq!(told(&mut recorder, 1, 7, &mut out).1, 1, "better there than nowhere");
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
