//! Recordings get another format behind the calls, and whatever happens meanwhile, nothing is lost and all is proved.

mod common;

use std::fs;

use common::{Archive, DAY, NOON, Sorted};
use recorder::{Format, Index, Query};
use serde_json::{Value, json};

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
