//! An archive with one recording in it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use audio::{Clip, Encoding, tone};
use base::{CallId, Random, RecordingId, Time};
use jiff::Timestamp;
use recorder::{Channel, Encode, Format, Input, Keyring, Manifest, Output, Recorder, RecorderConf, Verify};
use serde_json::json;

pub const NOON: Timestamp = Timestamp::constant(1_795_521_600, 0); // 2026-11-24T12:00:00Z
pub const DAY: &str = "2026/11/24";

pub trait Sorted {
    fn sorted(self) -> Self;
}

impl Sorted for Vec<String> {
    fn sorted(mut self) -> Self {
        self.sort();
        self
    }
}

/// A folder of one test's own, gone with it.
pub struct Archive(pub PathBuf);

impl Archive {
    /// Three seconds of two who talk.
    pub fn with_recording() -> Archive {
        Archive::sealed_with(&Keyring::default())
    }

    /// The same, sealed where there are keys.
    pub fn sealed_with(keys: &Keyring) -> Archive {
        let archive = Archive::empty();
        let folder = archive.0.clone();
        let conf = RecorderConf { folder: folder.clone(), keys: keys.clone(), ..RecorderConf::default() };
        let mut recorder = Recorder::new(conf).expect("a folder");
        let id = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
        let mut out = Vec::new();
        let open = Input::Open {
            id,
            file: format!("{DAY}/a"),
            began: Time::ZERO,
            rate: audio::SAMPLE_RATE,
            started: json!({}),
        };
        recorder.handle(open, Time::ZERO, &mut out);
        let end = Time::from_millis(3000);
        for (channel, hz, from) in [(Channel::Left, 500.0, 0), (Channel::Right, 1100.0, 8000)] {
            let payload = Encoding::Pcmu.encoded(&tone(&[(hz, -14.0)], 1500));
            recorder.handle(
                Input::Audio { id, channel, clip: Clip { at: from, encoding: Encoding::Pcmu, wide: 1, payload } },
                end,
                &mut out,
            );
        }
        recorder.handle(
            Input::Close { id, length: Duration::from_secs(3), sidecar: json!({ "call": "x", "channels": { "left": { "number": "+3865551008", "name": "Callername" } } }) },
            end,
            &mut out,
        );
        recorder.handle(Input::Tick, end + Duration::from_secs(1), &mut out);
        let Some(Output::Close(closing)) = out.pop() else { panic!("{out:?}") };
        closing.settle(&mut Manifest::new(&folder), NOON).expect("settled");
        archive
    }

    /// One with nothing in it yet.
    pub fn empty() -> Archive {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("centrala-encode-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        Archive(folder)
    }

    pub fn encode(&self, format: Format) -> Encode {
        Encode::new(&self.0, format, Keyring::default(), NOON)
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.0.join(DAY).join(file)
    }

    /// The recording's files.
    pub fn files(&self) -> Vec<String> {
        let names =
            fs::read_dir(self.0.join(DAY)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "manifest.jsonl").collect::<Vec<_>>().sorted()
    }

    pub fn verify(&self) -> usize {
        Verify::default().run(&self.0, |_| true).unwrap().unwrap().findings.len()
    }

    pub fn assert_proved(&self) {
        let report = Verify::default().run(&self.0, |_| true).unwrap().unwrap();
        assert_eq!((report.findings, report.recordings), (vec![], 1));
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
