//! Recordings get another format behind the calls, and whatever happens meanwhile, nothing is lost and all is proved.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use audio::{Clip, Encoding, tone};
use base::{CallId, Random, RecordingId, Time};
use jiff::Timestamp;
use recorder::{Channel, Encode, Format, Index, Input, Manifest, Output, Query, Recorder, RecorderConf, Verify};
use serde_json::{Value, json};

const NOON: Timestamp = Timestamp::constant(1_795_521_600, 0); // 2026-11-24T12:00:00Z
const DAY: &str = "2026/11/24";

#[test]
fn what_was_recorded_becomes_smaller_and_stays_proved() {
    for (format, ending, at_most) in [(Format::G711, "wav", 51), (Format::Opus, "opus", 20)] {
        let archive = Archive::with_recording();
        let encoded = archive.encode(format).next(NOON, || true).unwrap().expect("one recording to encode");
        assert_eq!(encoded.file, format!("{DAY}/a.{ending}"));
        assert!(encoded.bytes * 100 <= encoded.before * at_most, "{encoded:?}");
        assert_eq!(
            archive.files(),
            [format!("a.{ending}"), "a.json".to_owned()].into_iter().collect::<Vec<_>>().sorted()
        );
        archive.assert_proved();
        let sidecar: Value = serde_json::from_slice(&fs::read(archive.path("a.json")).unwrap()).unwrap();
        assert_eq!((&sidecar["format"], &sidecar["call"]), (&json!(format), &json!("x")));
        assert_eq!(sidecar["encoded_from"]["bytes"], encoded.before);
        let rows = Index::open(&archive.0, |_, _| {}).unwrap().find(&Query::default()).unwrap();
        assert_eq!(rows.iter().map(|row| &row.file).collect::<Vec<_>>(), [&encoded.file]);
        assert_eq!(archive.encode(format).next(NOON, || true).unwrap(), None, "once is enough");
    }
}

#[test]
fn one_who_died_in_between_is_followed_by_one_who_makes_it_good() {
    for format in [Format::G711, Format::Opus] {
        let archive = Archive::with_recording();
        let [sound, told] = ["a.wav", "a.json"].map(|file| fs::read(archive.path(file)).unwrap());
        archive.encode(format).next(NOON, || true).unwrap().expect("one recording to encode");
        let after = fs::read(archive.path("a.json")).unwrap();
        // The line was written; the files were not, or the sidecar alone was, or all but the first sound's removal.
        for sidecar in [&told, &after] {
            fs::write(archive.path("a.wav"), &sound).unwrap();
            fs::write(archive.path("a.json"), sidecar).unwrap();
            fs::write(archive.path("a.new.opus"), "half").unwrap();
            let made = archive.encode(format).next(NOON, || true).unwrap();
            assert!(made.is_some(), "{format:?}");
            archive.assert_proved();
            let _ = fs::remove_file(archive.path("a.new.opus"));
        }
        assert_eq!(archive.files().len(), 2, "{:?}", archive.files());
    }
}

#[test]
fn what_was_changed_is_not_made_good_by_being_encoded() {
    for file in ["a.wav", "a.json"] {
        let archive = Archive::with_recording();
        let mut bytes = fs::read(archive.path(file)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(archive.path(file), bytes).unwrap();
        let why = archive.encode(Format::Opus).next(NOON, || true).unwrap_err().to_string();
        assert!(why.contains("not what was recorded") || why.contains("key must be"), "{why}");
        assert_eq!(archive.files(), ["a.json", "a.wav"]);
        assert_eq!(archive.verify(), 1);
    }
}

#[test]
fn who_is_told_to_stop_leaves_all_as_it_was_and_goes_on_later() {
    let archive = Archive::with_recording();
    let mut encode = archive.encode(Format::Opus);
    let mut asked = 0;
    let stopped = encode.next(NOON, || {
        asked += 1;
        asked < 2
    });
    assert_eq!(stopped.unwrap(), None);
    assert_eq!(archive.files(), ["a.json", "a.wav"]);
    archive.assert_proved();
    assert!(encode.next(NOON, || true).unwrap().is_some());
    archive.assert_proved();
}

trait Sorted {
    fn sorted(self) -> Self;
}

impl Sorted for Vec<String> {
    fn sorted(mut self) -> Self {
        self.sort();
        self
    }
}

/// A folder of one test's own, gone with it.
struct Archive(PathBuf);

impl Archive {
    /// Three seconds of two who talk.
    fn with_recording() -> Archive {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("centrala-encode-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let mut recorder =
            Recorder::new(RecorderConf { folder: folder.clone(), ..RecorderConf::default() }).expect("a folder");
        let id = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
        let mut out = Vec::new();
        let open = Input::Open { id, file: format!("{DAY}/a"), began: Time::ZERO, started: json!({}) };
        recorder.handle(open, Time::ZERO, &mut out);
        let end = Time::from_millis(3000);
        for (channel, hz, from) in [(Channel::Left, 500.0, 0), (Channel::Right, 1100.0, 8000)] {
            let payload = Encoding::Pcmu.encoded(&tone(&[(hz, -14.0)], 1500));
            recorder.handle(
                Input::Audio { id, channel, clip: Clip { at: from, encoding: Encoding::Pcmu, payload } },
                end,
                &mut out,
            );
        }
        recorder.handle(
            Input::Close { id, length: Duration::from_secs(3), sidecar: json!({ "call": "x" }) },
            end,
            &mut out,
        );
        recorder.handle(Input::Tick, end + Duration::from_secs(1), &mut out);
        let Some(Output::Close(closing)) = out.pop() else { panic!("{out:?}") };
        closing.settle(&mut Manifest::new(&folder), NOON).expect("settled");
        Archive(folder)
    }

    fn encode(&self, format: Format) -> Encode {
        Encode::new(&self.0, format, NOON)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(DAY).join(file)
    }

    /// The recording's files.
    fn files(&self) -> Vec<String> {
        let names =
            fs::read_dir(self.0.join(DAY)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "manifest.jsonl").collect::<Vec<_>>().sorted()
    }

    fn verify(&self) -> usize {
        Verify::default().run(&self.0, |_| true).unwrap().unwrap().findings.len()
    }

    fn assert_proved(&self) {
        let report = Verify::default().run(&self.0, |_| true).unwrap().unwrap();
        assert_eq!((report.findings, report.recordings), (vec![], 1));
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
