//! Recordings that are in a store elsewhere: sent, gone from here, back again, and never lost from sight.

#[allow(dead_code, reason = "it uses its part")]
mod common;

use std::fs;

use common::{Archive, DAY, NOON};
use recorder::{
    Act, Because, Index, KeepError, Manifest, Query, away, erase, hold, holdings, manifests, moved, shipped,
    shipped_before,
};

const URL: &str = "s3://bucket/2026/11/24/a.wav";

fn because(why: &str) -> Because<'_> {
    Because { by: "centrala", why, at: NOON }
}

#[test]
fn a_sound_in_the_store_alone_is_not_missing_and_is_found() {
    let archive = Archive::with_recording();
    let (file, sound) = (format!("{DAY}/a.wav"), archive.path("a.wav"));
    let mut manifest = Manifest::new(&archive.0);
    let said = fs::read(&sound).unwrap();
    let held = holdings(&manifest).unwrap();
    assert_eq!(
        held.iter().map(|(entry, is_shipped)| (&*entry.file, *is_shipped)).collect::<Vec<_>>(),
        [(&*file, false)]
    );
    shipped(&mut manifest, &held[0].0, URL, NOON).unwrap();
    assert!(holdings(&manifest).unwrap()[0].1);
    assert_eq!(away(&sound), None, "it is here as well");
    assert_eq!(shipped_before(&manifest, "2026/11/24", 10).unwrap(), []);
    assert_eq!(shipped_before(&manifest, "2026/11/25", 10).unwrap().len(), 1);

    moved(&mut manifest, &file, URL, because(URL)).unwrap();
    assert!(!sound.exists());
    assert_eq!(away(&sound).as_deref(), Some(URL));
    assert_eq!(archive.verify(), 0);
    assert_eq!(shipped_before(&manifest, "2026/11/25", 10).unwrap(), []);
    let index = Index::open(&archive.0, |_, _| {}).unwrap();
    assert_eq!(index.find(&Query { limit: 10, ..Query::default() }).unwrap().len(), 1);
    let mut again = Index::open(&archive.0, |_, _| {}).unwrap();
    assert_eq!(again.rebuild(|_, _| {}).unwrap().0, 1, "from the sidecars alone");

    fs::write(&sound, &said).unwrap(); // back again
    assert_eq!((away(&sound), archive.verify()), (None, 0));
    fs::write(&sound, &said[..100]).unwrap();
    assert_eq!(archive.verify(), 1, "not this one");
    fs::remove_file(&sound).unwrap();
    erase(&mut manifest, &file, because("")).unwrap();
    assert_eq!(archive.files(), [""; 0]);
    assert_eq!(archive.verify(), 0);
}

#[test]
fn what_is_on_hold_or_changed_stays() {
    let archive = Archive::with_recording();
    let file = format!("{DAY}/a.wav");
    let mut manifest = Manifest::new(&archive.0);
    let entry = holdings(&manifest).unwrap().remove(0).0;
    let other = recorder::Entry { sha256: recorder::Hash::NONE, ..entry.clone() };
    assert!(matches!(shipped(&mut manifest, &other, URL, NOON), Err(KeepError::Unknown { .. })));
    shipped(&mut manifest, &entry, URL, NOON).unwrap();
    hold(&mut manifest, &file, because("court")).unwrap();
    assert!(matches!(moved(&mut manifest, &file, URL, because(URL)), Err(KeepError::OnHold { .. })));
    assert!(archive.path("a.wav").exists());
    let mut acts = Vec::new();
    manifest.entries(|entry| acts.push(entry.act)).unwrap();
    assert_eq!(acts, [Act::Closed, Act::Shipped, Act::Held]);
    assert_eq!(manifests(&archive.0).unwrap(), [format!("{DAY}/manifest.jsonl")]);
}
