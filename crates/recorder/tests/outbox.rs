//! What is to be told of an archive is told, in spite of all, until it is told.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use recorder::{Act, Entry, Hash, Manifest, Outbox};

const NOON: Timestamp = Timestamp::constant(1_795_521_600, 0); // 2026-11-24T12:00:00Z
const ACTS: [Act; 2] = [Act::Closed, Act::Salvaged];

fn after(secs: i64) -> Timestamp {
    NOON + SignedDuration::from_secs(secs)
}

/// A folder of one test's own, gone with it.
struct Archive(PathBuf);

impl Archive {
    fn new() -> Archive {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("centrala-outbox-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        Archive(folder)
    }

    fn enter(&self, act: Act, file: &str, was: Option<&str>) {
        let entry = Entry {
            at: NOON,
            act,
            file: file.to_owned(),
            was: was.map(str::to_owned),
            bytes: 0,
            sha256: Hash::of(b""),
            sidecar: Hash::of(b""),
            by: None,
            why: None,
        };
        Manifest::new(&self.0).append(&[entry]).expect("our own folder");
    }

    /// Of one who has looked.
    fn begun(&self) -> Outbox {
        let mut outbox = self.outbox();
        assert_eq!(next(&mut outbox, NOON), None);
        outbox
    }

    fn outbox(&self) -> Outbox {
        Outbox::new(&self.0, "hook", &ACTS)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn next(outbox: &mut Outbox, at: Timestamp) -> Option<String> {
    outbox.next(at).expect("our own folder").map(|entry| entry.file)
}

#[test]
fn who_is_new_is_told_what_happens_from_now_on_and_nothing_twice() {
    let archive = Archive::new();
    archive.enter(Act::Closed, "old.wav", None);
    let mut outbox = archive.outbox();
    assert_eq!(next(&mut outbox, NOON), None);
    archive.enter(Act::Closed, "a.wav", None);
    archive.enter(Act::Heard, "a.wav", None);
    archive.enter(Act::Salvaged, "b.wav", None);
    drop(outbox);
    let mut outbox = archive.outbox();
    for file in ["a.wav", "b.wav"] {
        let told = outbox.next(NOON).unwrap().unwrap();
        assert_eq!(told.file, file);
        outbox.done(&told).unwrap();
    }
    assert_eq!((next(&mut outbox, NOON), outbox.deadline()), (None, None));
    assert_eq!(next(&mut archive.outbox(), NOON), None);
}

#[test]
fn what_fails_is_tried_again_later_and_later_and_holds_up_nothing_else() {
    let archive = Archive::new();
    let mut outbox = archive.begun();
    archive.enter(Act::Closed, "a.wav", None);
    let a = outbox.next(NOON).unwrap().unwrap();
    archive.enter(Act::Closed, "b.wav", None);
    let mut at = NOON;
    let mut waits = Vec::new();
    for _ in 0..13 {
        let again = outbox.failed(&a, at).unwrap().unwrap();
        waits.push(again.duration_since(at).as_secs());
        at = again;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]);
    assert_eq!(next(&mut outbox, NOON), Some("b.wav".to_owned()), "meanwhile");
    let mut outbox = archive.outbox(); // restarted
    assert_eq!(next(&mut outbox, NOON), Some("b.wav".to_owned()));
    let b = outbox.next(NOON).unwrap().unwrap();
    outbox.done(&b).unwrap();
    assert_eq!((next(&mut outbox, NOON), outbox.deadline()), (None, Some(at)));
    assert_eq!(next(&mut outbox, at), Some("a.wav".to_owned()));
    assert_eq!(outbox.failed(&a, after(72 * 3600)).unwrap(), None, "three days are enough");
    assert_eq!((next(&mut outbox, after(80 * 3600)), outbox.deadline()), (None, None));
}

#[test]
fn what_is_gone_or_has_become_another_is_not_told() {
    let archive = Archive::new();
    let mut outbox = archive.begun();
    for file in ["a.wav", "b.wav", "c.wav"] {
        archive.enter(Act::Closed, file, None);
    }
    archive.enter(Act::Erased, "a.wav", None);
    archive.enter(Act::Encoded, "b.opus", Some("b.wav"));
    let told = outbox.next(NOON).unwrap().unwrap();
    assert_eq!(told.file, "c.wav");
    outbox.done(&told).unwrap();
    assert_eq!(next(&mut outbox, NOON), None);
    // A chain that is another one: what is in it is old.
    fs::remove_dir_all(archive.0.join("2026")).unwrap();
    archive.enter(Act::Closed, "d.wav", None);
    assert_eq!(next(&mut outbox, NOON), None);
    archive.enter(Act::Closed, "e.wav", None);
    assert_eq!(next(&mut outbox, NOON), Some("e.wav".to_owned()));
}

#[test]
fn a_disk_that_was_away_brings_no_news_of_old() {
    let archive = Archive::new();
    archive.enter(Act::Closed, "old.wav", None);
    let mut outbox = archive.begun();
    archive.enter(Act::Closed, "a.wav", None);
    let a = outbox.next(NOON).unwrap().unwrap();
    assert_eq!(outbox.failed(&a, NOON).unwrap(), Some(after(1)));
    let away = archive.0.with_extension("away");
    fs::rename(&archive.0, &away).unwrap();
    assert_eq!(next(&mut outbox, after(0)), None);
    fs::create_dir(&archive.0).unwrap(); // where a disk is to be mounted
    assert!(outbox.next(after(0)).is_err());
    let mut new = archive.outbox();
    assert_eq!(next(&mut new, after(5)), None, "it knows nothing yet");
    fs::remove_dir_all(&archive.0).unwrap();
    fs::rename(&away, &archive.0).unwrap();
    assert_eq!(next(&mut new, after(6)), None, "all of it was before");
    assert_eq!(next(&mut outbox, after(6)), Some("a.wav".to_owned()), "it still waits");
}

#[test]
fn more_than_there_is_room_for_stays_in_the_chain() {
    let archive = Archive::new();
    let mut outbox = archive.begun();
    let entry = |n: u32| Entry {
        at: NOON,
        act: Act::Closed,
        file: format!("{n}.wav"),
        was: None,
        bytes: 0,
        sha256: Hash::of(b""),
        sidecar: Hash::of(b""),
        by: None,
        why: None,
    };
    Manifest::new(&archive.0).append(&(0..300).map(entry).collect::<Vec<_>>()).unwrap();
    let mut told = Vec::new();
    while let Some(entry) = outbox.next(NOON).unwrap() {
        assert!(fs::metadata(archive.0.join("hook.outbox")).unwrap().len() < 100_000, "bounded");
        outbox.done(&entry).unwrap();
        told.push(entry.file);
    }
    assert_eq!(told, (0..300).map(|n| format!("{n}.wav")).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever fails and whenever it dies: in the end each is told, and only between telling and noting can it be twice.
    #[test]
    fn everything_is_told_in_the_end(steps in prop::collection::vec(0_u8..5, 1..40)) {
        let archive = Archive::new();
        let mut outbox = archive.begun();
        let (mut entered, mut told, mut doubtful) = (Vec::new(), Vec::new(), 0);
        let mut now = NOON;
        for step in steps {
            match step {
                0 => {
                    let file = format!("{}.wav", entered.len());
                    archive.enter(Act::Closed, &file, None);
                    entered.push(file);
                }
                1 => outbox = archive.outbox(),
                _ => if let Some(entry) = outbox.next(now).unwrap() {
                    match step {
                        2 => drop(outbox.failed(&entry, now).unwrap()),
                        3 => { told.push(entry.file.clone()); outbox.done(&entry).unwrap(); }
                        _ => { told.push(entry.file.clone()); doubtful += 1; outbox = archive.outbox(); } // died
                    }
                }
            }
            now += SignedDuration::from_secs(1);
        }
        now += SignedDuration::from_hours(1);
        while let Some(entry) = outbox.next(now).unwrap() {
            told.push(entry.file.clone());
            outbox.done(&entry).unwrap();
        }
        prop_assert!(told.len() <= entered.len() + doubtful);
        told.sort();
        told.dedup();
        entered.sort();
        prop_assert_eq!(told, entered);
    }
}
