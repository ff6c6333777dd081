//! Opus while the call runs: it opens at any instant, late sound and masks find their place, and an end at any byte costs a
//! second at most.

#[allow(dead_code, reason = "of what the archive's tests share only some is needed here")]
mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use audio::{Clip, Encoding, rms_dbfs, tone};
use base::{CallId, Random, RecordingId, Time};
use common::{Archive, DAY, NOON};
use hound::WavReader;
use recorder::{
    Channel, Cut, Format, Input, Keyring, Manifest, Output, Recorder, RecorderConf, Silence, Verify, export, salvage,
};
use serde_json::{Value, json};

fn id() -> RecordingId {
    RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 }
}

struct Desk {
    archive: Archive,
    recorder: Recorder,
    rate: u32,
    said_ms: u64,
}

impl Desk {
    fn new(rate: u32) -> Desk {
        let archive = Archive::empty();
        let conf = RecorderConf { folder: archive.0.clone(), live_opus: true, ..RecorderConf::default() };
        let mut recorder = Recorder::new(conf).expect("a folder");
        let open = Input::Open { id: id(), file: format!("{DAY}/a"), began: Time::ZERO, rate, started: json!({}) };
        recorder.handle(open, Time::ZERO, &mut Vec::new());
        Desk { archive, recorder, rate, said_ms: 0 }
    }

    /// The caller at 500 Hz, the other at 1,100 Hz, both without a pause.
    fn talk(&mut self, until_ms: u64) {
        while self.said_ms < until_ms {
            for (channel, late_ms) in [(Channel::Left, 500), (Channel::Right, 620)] {
                self.say(channel, self.said_ms, self.said_ms + late_ms);
            }
            self.said_ms += 500;
        }
    }

    fn say(&mut self, channel: Channel, at_ms: u64, now_ms: u64) {
        let hz = if channel == Channel::Left { 500.0 } else { 1100.0 };
        let payload = Encoding::Pcmu.encoded(&tone(&[(hz, -14.0)], 500));
        let clip = Clip { at: at_ms * 8, encoding: Encoding::Pcmu, wide: 1, payload };
        self.tell(Input::Audio { id: id(), channel, clip }, now_ms);
    }

    fn tell(&mut self, input: Input, now_ms: u64) -> Vec<Output> {
        let mut out = Vec::new();
        self.recorder.handle(input, Time::from_millis(now_ms), &mut out);
        out
    }

    fn close(&mut self, ms: u64) -> Value {
        let close = Input::Close { id: id(), length: Duration::from_millis(ms), sidecar: json!({}) };
        self.tell(close, ms);
        let mut out = self.tell(Input::Tick, ms + 1000);
        let Some(Output::Close(closing)) = out.pop() else { panic!("{out:?}") };
        let settled = closing.settle(&mut Manifest::new(&self.archive.0), NOON).expect("settled");
        assert_eq!((settled.file, settled.seconds), (format!("{DAY}/a.opus"), ms as f64 / 1000.0));
        serde_json::from_slice(&fs::read(self.archive.path("a.json")).unwrap()).unwrap()
    }

    fn part(&self) -> std::path::PathBuf {
        self.archive.path("a.opus.part")
    }
}

/// Both sides of an Opus file, at 8 kHz.
fn heard(file: &Path) -> [Vec<i16>; 2] {
    let copy = file.with_extension("copy.wav");
    let cut = Cut { format: Format::G711, ..Cut::default() };
    assert!(export(file, &copy, &cut, &Keyring::default(), |_| true).unwrap());
    let wav = WavReader::open(&copy);
    assert!(wav.is_err(), "hound knows no G.711");
    let cut = Cut::default();
    assert!(export(file, &copy, &cut, &Keyring::default(), |_| true).unwrap());
    let wav = WavReader::open(&copy).unwrap();
    let wide = (wav.spec().sample_rate / 8000) as usize;
    let samples: Vec<i16> = wav.into_samples().map(Result::unwrap).collect();
    fs::remove_file(copy).unwrap();
    [0, 1].map(|side| samples.iter().skip(side).step_by(2 * wide).copied().collect())
}

fn level(side: &[i16], from_ms: usize, to_ms: usize) -> f64 {
    rms_dbfs(&side[(from_ms * 8).min(side.len())..(to_ms * 8).min(side.len())])
}

#[test]
fn each_side_is_where_it_was_said_and_late_sound_finds_its_place() {
    for rate in [8_000, 16_000, 48_000] {
        let mut desk = Desk::new(rate);
        desk.talk(2000);
        // The right side falls silent for a second; what it said then comes when silence is written.
        for at in [2000, 2500, 3000] {
            desk.say(Channel::Left, at, at + 500);
            desk.tell(Input::Tick, at + 1400);
        }
        desk.say(Channel::Right, 2500, 4500);
        desk.said_ms = 3500;
        desk.talk(5000);
        let sidecar = desk.close(5120);
        assert_eq!((&sidecar["format"], &sidecar["sample_rate"]), (&json!("opus"), &json!(desk.rate)));
        desk.archive.assert_proved();
        let [left, right] = heard(&desk.archive.path("a.opus"));
        assert_eq!((left.len(), right.len()), (5120 * 8, 5120 * 8), "{rate}");
        for (side, from, to, loud) in [
            (&left, 20, 4980, true),
            (&left, 5030, 5110, false),
            (&right, 20, 1980, true),
            (&right, 2060, 2480, false),
            (&right, 2530, 2980, true),
            (&right, 3060, 3480, false),
            (&right, 3530, 4980, true),
        ] {
            let level = level(side, from, to);
            assert!(if loud { (level + 14.0).abs() < 2.0 } else { level < -45.0 }, "{rate} {from}: {level}");
        }
    }
}

#[test]
fn a_mask_leaves_nothing_of_what_was_written_before_it_was_told() {
    let mut desk = Desk::new(8000);
    desk.talk(3000);
    let mask = |begins, at| Input::Silence {
        id: id(),
        kind: Silence::Mask,
        begins,
        at: Time::from_millis(at),
        by: json!("ann"),
    };
    desk.tell(mask(true, 2200), 3130); // 2.2 to 3.0 s lie in the file
    let found = heard_part(&desk.part());
    assert!(level(&found[0], 2240, 4000) < -45.0 && level(&found[1], 2240, 4000) < -45.0, "gone at once");
    desk.talk(4000);
    desk.tell(mask(false, 4000), 4130);
    desk.talk(6000);
    desk.close(6000);
    let [left, right] = heard(&desk.archive.path("a.opus"));
    for side in [&left, &right] {
        assert!((level(side, 20, 2160) + 14.0).abs() < 1.0);
        assert!(level(side, 2240, 4480) < -45.0, "{}", level(side, 2240, 4480));
        assert!((level(side, 4560, 5980) + 14.0).abs() < 1.0);
    }
    desk.archive.assert_proved();
}

/// What a player would hear of a file under way.
fn heard_part(part: &Path) -> [Vec<i16>; 2] {
    let left = Archive::empty();
    fs::create_dir_all(left.path("")).unwrap();
    fs::copy(part, left.path("a.opus.part")).unwrap();
    let found = salvage(&mut Manifest::new(&left.0), &Keyring::default(), NOON).unwrap();
    assert!(found[0].outcome.is_ok(), "{found:?}");
    heard(&left.path("a.opus"))
}

#[test]
fn an_end_at_any_byte_costs_a_second_at_most_and_is_made_good() {
    let mut desk = Desk::new(16_000);
    let mut lengths = Vec::new();
    for ms in (500..=6000).step_by(500) {
        desk.talk(ms);
        lengths.push((fs::metadata(desk.part()).unwrap().len() as usize, ms + 120));
    }
    let whole = fs::read(desk.part()).unwrap();
    let mut random = Random::numbered(5);
    let mut cuts: Vec<usize> = (0..50).map(|_| random.below(whole.len() as u64 + 1) as usize).collect();
    cuts.extend([0, 1, 27, 28, 46, 47, 100, whole.len()]);
    for cut in cuts {
        let left = Archive::empty();
        fs::create_dir_all(left.path("")).unwrap();
        fs::write(left.path("a.opus.part"), &whole[..cut]).unwrap();
        let found = salvage(&mut Manifest::new(&left.0), &Keyring::default(), NOON).unwrap();
        let seconds = *found[0].outcome.as_ref().unwrap_or_else(|why| panic!("{cut}: {why}"));
        // Of a file as long as this, what had been said when it was the whole of it?
        let said = lengths.iter().rev().find(|(bytes, _)| *bytes <= cut).map_or(0, |(_, ms)| *ms);
        assert!(seconds * 1000.0 + 1000.0 >= said as f64, "{cut}: {seconds} s of {said} ms");
        let [one, other] = heard(&left.path("a.opus"));
        assert_eq!((one.len(), other.len()), ((seconds * 8000.0).round() as usize, one.len()), "{cut}");
        let report = Verify::default().run(&left.0, |_| true).unwrap().unwrap();
        assert_eq!((report.findings, report.recordings), (vec![], 1));
    }
}

#[test]
fn strangers_are_left_alone() {
    for (bytes, is_ours) in [(&b"OggS of something else entirely, and long"[..], true), (b"RIFF", false)] {
        let left = Archive::empty();
        fs::create_dir_all(left.path("")).unwrap();
        fs::write(left.path("a.opus.part"), bytes).unwrap();
        let found = salvage(&mut Manifest::new(&left.0), &Keyring::default(), NOON).unwrap();
        assert_eq!(found[0].outcome.is_ok(), is_ours, "{found:?}: what is no longer than our headers may be of them");
    }
}
