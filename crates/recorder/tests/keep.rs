//! What is held stays, what is erased is gone, and the chain says who decided it and why.

mod common;

use std::fs;

use common::{Archive, NOON, Sorted};
use recorder::{
    Access, Act, Because, Format, Index, KeepError, Manifest, Query, access, erase, hold, note, ratings, release,
    with_ratings,
};

const FILE: &str = "2026/11/24/a.wav";

fn because(why: &str) -> Because<'_> {
    Because { by: "quinn", why, at: NOON }
}

fn held(archive: &Archive) -> Vec<bool> {
    let rows = Index::open(&archive.0, |_, _| {}).unwrap().find(&Query::default()).unwrap();
    rows.iter().map(|row| row.held).collect()
}

fn chain(archive: &Archive) -> String {
    fs::read_to_string(archive.path("manifest.jsonl")).unwrap()
}

#[test]
fn what_is_held_is_not_erased_until_it_is_released() {
    let archive = Archive::with_recording();
    let mut manifest = Manifest::new(&archive.0);
    assert_eq!(held(&archive), [false]);
    assert!(matches!(release(&mut manifest, FILE, because("?")), Err(KeepError::NotOnHold { .. })));
    hold(&mut manifest, FILE, because("case 17")).unwrap();
    assert_eq!(held(&archive), [true]);
    archive.assert_proved();
    for refused in [hold(&mut manifest, FILE, because("again")), erase(&mut manifest, FILE, because("wished"))] {
        let why = refused.unwrap_err().to_string();
        assert!(why.contains("on hold since 2026-11-24") && why.contains("case 17"), "{why}");
    }
    assert_eq!(archive.files(), ["a.json", "a.wav"]);
    release(&mut manifest, FILE, because("case closed")).unwrap();
    assert_eq!(held(&archive), [false]);
    erase(&mut manifest, FILE, because("wished")).unwrap();
    assert_eq!((archive.files(), held(&archive)), (vec![], vec![]));
    assert_eq!(archive.verify(), 0, "gone on purpose is not missing");
    let chain = chain(&archive);
    let last = chain.lines().last().unwrap();
    for proof in ["\"erased\"", "\"quinn\"", "\"wished\"", "sha256"] {
        assert!(last.contains(proof), "{proof} is not in {last}");
    }
    assert!(matches!(erase(&mut manifest, FILE, because("again")), Err(KeepError::Unknown { .. })));
}

#[test]
fn what_is_said_of_a_call_afterwards_is_in_the_sidecar_and_the_chain() {
    let archive = Archive::with_recording();
    let mut manifest = Manifest::new(&archive.0);
    let said = serde_json::json!([{ "disposition": "sold", "by": "ann" }]);
    assert!(matches!(note(&mut manifest, "2026/11/24/b.wav", because("?"), &said), Err(KeepError::Disk { .. })));
    note(&mut manifest, FILE, because("disposition"), &said).unwrap();
    archive.assert_proved();
    let sidecar: serde_json::Value = serde_json::from_slice(&fs::read(archive.path("a.json")).unwrap()).unwrap();
    assert_eq!(sidecar["cdr"]["dispositions"], said);
    assert!(chain(&archive).lines().last().unwrap().contains("\"noted\""));
}

#[test]
fn what_is_erased_leaves_nothing_in_the_search_index() {
    let archive = Archive::with_recording();
    let has = |word: &str| {
        let files = fs::read_dir(&archive.0).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        files
            .map(|path| fs::read(path).unwrap())
            .any(|bytes| bytes.windows(word.len()).any(|bytes| bytes == word.as_bytes()))
    };
    drop(Index::open(&archive.0, |_, _| {}).unwrap());
    assert!(has("callername") && has("8001555683"), "words, and numbers backwards");
    erase(&mut Manifest::new(&archive.0), FILE, because("wished")).unwrap();
    Index::open(&archive.0, |_, _| {}).unwrap().scrub().unwrap();
    assert!(!has("callername") && !has("8001555683"));
}

#[test]
fn a_sidecar_that_was_changed_is_not_made_good_by_a_hold() {
    let archive = Archive::with_recording();
    let text = fs::read_to_string(archive.path("a.json")).unwrap();
    fs::write(archive.path("a.json"), text.replace("\"x\"", "\"y\"")).unwrap();
    let refused = hold(&mut Manifest::new(&archive.0), FILE, because("case 17"));
    assert!(matches!(refused, Err(KeepError::Unknown { .. })), "{refused:?}");
    assert_eq!(archive.verify(), 1);
}

#[test]
fn what_is_put_back_after_it_was_erased_is_found() {
    let archive = Archive::with_recording();
    let sound = fs::read(archive.path("a.wav")).unwrap();
    erase(&mut Manifest::new(&archive.0), FILE, because("wished")).unwrap();
    fs::write(archive.path("a.wav"), sound).unwrap();
    assert_eq!(archive.verify(), 1);
}

#[test]
fn a_decision_made_while_it_is_encoded_counts() {
    for erased in [false, true] {
        let archive = Archive::with_recording();
        let (mut manifest, mut decided) = (Manifest::new(&archive.0), false);
        let encoded = archive.encode(Format::Opus).next(NOON, || {
            if !decided {
                decided = true;
                let decide = if erased { erase } else { hold };
                decide(&mut manifest, FILE, because("just now")).unwrap();
            }
            true
        });
        let files = archive.files().sorted();
        match erased {
            true => assert_eq!((encoded.unwrap(), files), (None, vec![])),
            false => {
                assert!(encoded.unwrap().is_some());
                assert_eq!((files, held(&archive)), (vec!["a.json".to_owned(), "a.opus".to_owned()], vec![true]));
                let why = erase(&mut manifest, "2026/11/24/a.opus", because("wished")).unwrap_err();
                assert!(matches!(why, KeepError::OnHold { .. }), "{why}");
            }
        }
        assert_eq!(archive.verify(), 0);
    }
}

#[test]
fn who_listened_is_told_and_stays_when_the_sound_is_gone() {
    let archive = Archive::with_recording();
    let mut manifest = Manifest::new(&archive.0);
    access(&mut manifest, FILE, Access::Hear, because("")).unwrap();
    access(&mut manifest, FILE, Access::Export, because("a complaint")).unwrap();
    archive.assert_proved();
    let mut encode = archive.encode(Format::Opus);
    assert!(encode.next(NOON, || true).unwrap().is_some(), "an ear costs it nothing");
    let opus = FILE.replace("wav", "opus");
    assert!(matches!(access(&mut manifest, FILE, Access::Hear, because("")), Err(KeepError::Unknown { .. })));
    access(&mut manifest, &opus, Access::Hear, because("")).unwrap();
    archive.assert_proved();
    erase(&mut manifest, &opus, because("wished")).unwrap();
    let mut acts = Vec::new();
    manifest.entries(|entry| acts.push((entry.act, entry.by.clone(), entry.why.clone()))).unwrap();
    let quinn = |act, why: &str| (act, Some("quinn".to_owned()), Some(why.to_owned()).filter(|why| !why.is_empty()));
    let wanted = [
        (Act::Closed, None, None),
        quinn(Act::Heard, ""),
        quinn(Act::Exported, "a complaint"),
        (Act::Encoded, None, None),
        quinn(Act::Heard, ""),
        quinn(Act::Erased, "wished"),
    ];
    assert_eq!(acts, wanted);
    assert_eq!(archive.verify(), 0);
}

#[test]
fn ratings_are_copied_proved_and_erased_with_the_recording() {
    let archive = Archive::with_recording();
    let mut manifest = Manifest::new(&archive.0);
    let said = |what: &str| -> Result<Vec<u8>, KeepError> { Ok(what.as_bytes().to_vec()) };
    with_ratings(&mut manifest, FILE, |before| {
        assert_eq!(before, None);
        said("one")
    })
    .unwrap();
    let encoded = archive.encode(Format::Opus).next(NOON, || true).unwrap();
    assert!(encoded.is_some());
    let opus = FILE.replace("wav", "opus");
    let refused = with_ratings(&mut manifest, FILE, |_| said("of what has another name now"));
    assert!(matches!(refused, Err(KeepError::Unknown { .. })));
    with_ratings(&mut manifest, &opus, |before| {
        assert_eq!(before, Some(&b"one"[..]), "it has the same name");
        said("two")
    })
    .unwrap();
    assert_eq!(archive.files(), ["a.json", "a.opus", "a.qa.json"]);
    assert_eq!(ratings(&archive.0).unwrap(), [archive.path("a.qa.json")]);
    archive.assert_proved();
    assert_eq!(Index::open(&archive.0, |_, _| {}).unwrap().rebuild(|_, _| {}).unwrap(), (1, vec![]));
    erase(&mut manifest, &opus, because("wished")).unwrap();
    assert_eq!(archive.files(), Vec::<String>::new());
    fs::write(archive.path("b.qa.json"), "of nothing").unwrap();
    assert_eq!(archive.verify(), 1, "added");
}
