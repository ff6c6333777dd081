//! An archive that was touched: whatever byte is changed, whatever is taken away or put in, `Verify` says so and where.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, process};

use audio::{Clip, Encoding};
use base::{CallId, Random, RecordingId, Time};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use recorder::{CHUNK, Channel, Fault, Input, Manifest, Noted, Output, Recorder, RecorderConf, Report, Verify};
use serde_json::json;

/// A day's recordings begin at noon.
const NOON: Timestamp = Timestamp::constant(1_795_521_600, 0); // 2026-11-24T12:00:00Z

#[test]
fn what_was_recorded_is_as_it_was() {
    let archive = Archive::of(&[("2026/11/24/a", 1), ("2026/11/24/b", 2), ("2026/11/25/c", 1)]);
    let report = archive.verify();
    assert_eq!((report.findings, report.recordings, report.unfinished), (vec![], 3, 0));
    assert_eq!((report.first_line, report.last_line), (1, 3));
}

#[test]
fn a_changed_byte_is_found_in_its_mebibyte() {
    let archive = Archive::of(&[("2026/11/24/long", 70)]); // 2.2 MB
    archive.flip("2026/11/24/long.wav", CHUNK + 100);
    let bytes = vec![(CHUNK as u64, 2 * CHUNK as u64)];
    assert_eq!(archive.faults(), [("2026/11/24/long.wav".to_owned(), Fault::Changed { bytes })]);
}

#[test]
fn taken_away_put_in_and_cut_short_are_told_apart() {
    let archive = Archive::of(&[("2026/11/24/a", 1), ("2026/11/24/b", 1), ("2026/11/24/c", 1)]);
    fs::remove_file(archive.path("2026/11/24/a.wav")).unwrap();
    fs::remove_file(archive.path("2026/11/24/b.json")).unwrap();
    let cut = fs::read(archive.path("2026/11/24/c.wav")).unwrap();
    fs::write(archive.path("2026/11/24/c.wav"), &cut[..1000]).unwrap();
    fs::write(archive.path("2026/11/24/d.wav"), cut).unwrap();
    fs::write(archive.path("2026/11/24/d.json"), "{}").unwrap();
    fs::write(archive.path("2026/11/24/e.wav.part"), "").unwrap();
    let at = NOON.to_string();
    let named = |name: &str, fault| (format!("2026/11/24/{name}"), fault);
    let wanted = [
        named("a.wav", Fault::Missing { at: at.clone() }),
        named("b.json", Fault::Missing { at }),
        named("c.wav", Fault::Length { bytes: 1000, recorded: 32_044 }),
        named("d.json", Fault::Added),
        named("d.wav", Fault::Added),
    ];
    assert_eq!(archive.faults(), wanted);
    assert_eq!(archive.verify().unfinished, 1, "a recording under way is no finding");
}

#[test]
fn one_day_is_read_alone_but_the_chain_whole() {
    let archive = Archive::of(&[("2026/11/24/a", 1), ("2026/11/25/b", 1)]);
    archive.flip("2026/11/24/a.wav", 50);
    let below = |day: &str| Verify { below: Some(day.to_owned()), ..Verify::default() };
    let report = archive.verify_by(&below("2026/11/25"));
    assert_eq!((report.findings, report.recordings, report.last_line), (vec![], 1, 2));
    assert_eq!(archive.verify_by(&below("2026/11/24")).findings.len(), 1);
    assert_eq!(archive.verify_by(&below("2026/11/2")).recordings, 0, "a folder, not the beginning of a name");
}

#[test]
fn lines_taken_from_the_chain_leave_a_gap() {
    let archive = Archive::of(&[("2026/11/24/a", 1), ("2026/11/24/b", 1), ("2026/11/25/c", 1), ("2026/11/26/d", 1)]);
    let manifest = archive.path("2026/11/24/manifest.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.lines().next().unwrap().to_owned() + "\n").unwrap();
    fs::remove_file(archive.path("2026/11/24/b.wav")).unwrap();
    fs::remove_file(archive.path("2026/11/24/b.json")).unwrap();
    let gap = Fault::Gap { line: 1, found: 3, after: 1 };
    assert_eq!(archive.faults(), [("2026/11/25/manifest.jsonl".to_owned(), gap)]);
}

#[test]
fn an_end_cut_off_is_found_by_who_noted_it() {
    let archive = Archive::of(&[("2026/11/24/a", 1), ("2026/11/25/b", 1)]);
    let end = archive.verify();
    let noted =
        Verify { noted: Some(Noted { n: end.last_line, hash: end.last_hash.parse().unwrap() }), ..Verify::default() };
    assert_eq!(archive.verify_by(&noted).findings, []);
    archive.record("2026/11/26/c", 1, NOON + 48.hours());
    assert_eq!(archive.verify_by(&noted).findings, [], "a chain grows");
    for day in ["2026/11/25", "2026/11/26"] {
        fs::remove_dir_all(archive.path(day)).unwrap();
    }
    assert_eq!(archive.verify().findings, [], "as if it had never been");
    assert_eq!(archive.verify_by(&noted).findings[0].fault, Fault::Noted { n: 2 });
}

#[test]
fn a_copy_of_the_last_days_is_an_archive() {
    let archive = Archive::of(&[("2026/11/24/a", 1), ("2026/11/25/b", 1)]);
    fs::remove_dir_all(archive.path("2026/11/24")).unwrap();
    let report = archive.verify();
    assert_eq!((report.findings, report.recordings, report.first_line), (vec![], 1, 2));
}

#[test]
fn half_a_line_is_cut_off_and_the_chain_goes_on() {
    let archive = Archive::of(&[("2026/11/24/a", 1)]);
    let manifest = archive.path("2026/11/24/manifest.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{text}{}", &text[..30])).unwrap(); // the power went
    assert_eq!(archive.verify().findings, []);
    archive.record("2026/11/24/b", 1, NOON);
    assert_eq!((archive.verify().findings, archive.verify().last_line), (vec![], 2));

    let next = archive.path("2026/11/25");
    fs::create_dir_all(&next).unwrap();
    fs::write(next.join("manifest.jsonl"), &text[..30]).unwrap();
    archive.record("2026/11/25/c", 1, NOON + 24.hours());
    assert_eq!((archive.verify().findings, archive.verify().last_line), (vec![], 3));
}

#[test]
fn two_writers_share_one_chain_and_a_clock_set_back_starts_no_older_day() {
    let archive = Archive::of(&[]);
    let mut manifests = [Manifest::new(&archive.0), Manifest::new(&archive.0)];
    for n in 0..6_u32 {
        let at = NOON - (24 * i64::from(n)).hours();
        archive.record_by(&mut manifests[n as usize % 2], &format!("2026/11/24/{n}"), 1, at);
    }
    let report = archive.verify();
    assert_eq!((report.findings, report.last_line, report.recordings), (vec![], 6, 6));
    assert!(!archive.path("2026/11/23").exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever bit of whatever file changes, it is found, and the file is named.
    #[test]
    fn any_flipped_bit_is_found(at in any::<prop::sample::Index>(), file in any::<prop::sample::Index>(), bit in 0_u32..8) {
        static ARCHIVE: Mutex<Option<Archive>> = Mutex::new(None); // made once: it waits for the disk
        let mut archive = ARCHIVE.lock().unwrap_or_else(PoisonError::into_inner);
        let archive = archive.get_or_insert_with(|| {
            Archive::of(&[("2026/11/24/a", 1), ("2026/11/24/b", 1), ("2026/11/25/c", 1)])
        });
        let files = ["24/a.wav", "24/a.json", "24/b.wav", "24/b.json", "24/manifest.jsonl", "25/c.wav", "25/c.json"];
        let file = format!("2026/11/{}", files[file.index(files.len())]);
        let path = archive.path(&file);
        let whole = fs::read(&path).unwrap();
        let at = at.index(whole.len());
        let mut bytes = whole.clone();
        bytes[at] ^= 1_u8 << bit;
        fs::write(&path, bytes).unwrap();
        let findings = archive.verify().findings;
        fs::write(&path, whole).unwrap();
        prop_assert!(findings.iter().any(|finding| finding.file == file), "{file}, byte {at}: {findings:?}");
        prop_assert_eq!(archive.verify().findings, vec![]);
    }
}

/// A folder of one test's own, gone with it.
struct Archive(PathBuf);

impl Archive {
    /// Recordings by name, so many seconds long, one line of the chain each, on the day of their folder.
    fn of(recordings: &[(&str, u64)]) -> Archive {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("centrala-verify-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let archive = Archive(folder);
        for (name, secs) in recordings {
            let day: i64 = name[8..10].parse().unwrap();
            archive.record(name, *secs, NOON + ((day - 24) * 24).hours());
        }
        archive
    }

    fn record(&self, name: &str, secs: u64, now: Timestamp) {
        self.record_by(&mut Manifest::new(&self.0), name, secs, now);
    }

    fn record_by(&self, manifest: &mut Manifest, name: &str, secs: u64, now: Timestamp) {
        let mut recorder =
            Recorder::new(RecorderConf { folder: self.0.clone(), ..RecorderConf::default() }).expect("a folder");
        let id = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
        let mut out = Vec::new();
        let open =
            Input::Open { id, file: name.to_owned(), began: Time::ZERO, rate: audio::SAMPLE_RATE, started: json!({}) };
        recorder.handle(open, Time::ZERO, &mut out);
        for second in 0..secs {
            let payload = (0..8000_u64).map(|at| (at * 31 + second * 7) as u8).collect();
            let clip = Clip { at: second * 8000, encoding: Encoding::Pcmu, wide: 1, payload };
            let now = Time::from_millis((second + 1) * 1000);
            recorder.handle(Input::Audio { id, channel: Channel::Left, clip }, now, &mut out);
        }
        let end = Time::from_millis(secs * 1000);
        let length = Duration::from_secs(secs);
        recorder.handle(Input::Close { id, length, sidecar: json!({ "call": name }) }, end, &mut out);
        recorder.handle(Input::Tick, end + Duration::from_secs(1), &mut out);
        match out.pop() {
            Some(Output::Close(closing)) => closing.settle(manifest, now).expect("settled"),
            other => panic!("{other:?}"),
        };
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(Path::new(file))
    }

    fn flip(&self, file: &str, at: usize) {
        let mut bytes = fs::read(self.path(file)).unwrap();
        bytes[at] ^= 0x10;
        fs::write(self.path(file), bytes).unwrap();
    }

    fn verify(&self) -> Report {
        self.verify_by(&Verify::default())
    }

    fn verify_by(&self, what: &Verify) -> Report {
        what.run(&self.0, |_| true).expect("a folder").expect("to the end")
    }

    fn faults(&self) -> Vec<(String, Fault)> {
        let mut faults: Vec<_> = self.verify().findings.into_iter().map(|found| (found.file, found.fault)).collect();
        faults.sort_by(|one, other| one.0.cmp(&other.0));
        faults
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
