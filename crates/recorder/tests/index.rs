//! The search index: what is found, and that reading on from the chain and reading everything give the same.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use jiff::Timestamp;
use proptest::prelude::*;
use recorder::{Act, By, Entry, Hash, Index, Manifest, Query, Row, Total};
use serde_json::json;

#[derive(Clone, Debug)]
struct Told {
    name: u8,
    agent: &'static str,
    queue: &'static str,
    number: &'static str,
    secs: u8,
}

#[test]
fn each_thing_people_ask_for_finds_what_it_says() {
    let archive = Archive::new();
    for (name, agent, queue, number, secs) in [
        (1, "ann", "sales", "+38515550100", 30),
        (2, "bob", "sales", "+38515550101", 60),
        (3, "ann", "support", "+4915550100", 90),
    ] {
        archive.enter(&Told { name, agent, queue, number, secs });
    }
    let index = archive.open();
    let text = |text: &str| Some(text.to_owned());
    let any = Query::default;
    for (query, wanted) in [
        (any(), vec![3, 2, 1]),
        (Query { limit: 2, ..any() }, vec![3, 2]),
        (Query { agent: text("ann"), ..any() }, vec![3, 1]),
        (Query { queue: text("sales"), ..any() }, vec![2, 1]),
        (Query { number: text("5550100"), ..any() }, vec![3, 1]),
        (Query { number: text("+385 1 555-0100"), ..any() }, vec![1]),
        (Query { secs_min: Some(60.0), ..any() }, vec![3, 2]),
        (Query { secs_max: Some(60.0), ..any() }, vec![2, 1]),
        (Query { from: text("2026-11-24T10:02:00Z"), ..any() }, vec![3, 2]),
        (Query { to: text("2026-11-24T10:02:00Z"), ..any() }, vec![1]),
        (Query { text: text("zan SUPP"), ..any() }, vec![3]),
        (Query { text: text("\" OR * ) nonsense"), ..any() }, vec![]),
        (Query { text: text("..."), ..any() }, vec![3, 2, 1]),
        (Query { id: text("call2_1"), ..any() }, vec![2]),
        (Query { id: text("call2"), ..any() }, vec![2]),
        (Query { id: text("2026/11/24/3.wav"), ..any() }, vec![3]),
        (Query { direction: text("outbound"), ..any() }, vec![]),
        (Query { agent: text("ann' OR 1 --"), ..any() }, vec![]),
    ] {
        let found: Vec<u8> = index.find(&query).unwrap().iter().map(number_of).collect();
        assert_eq!(found, wanted, "{query:?}");
    }
}

#[test]
fn words_are_found_the_latest_first_with_whatever_else_is_asked() {
    let archive = Archive::new();
    for name in 1..=9 {
        let (agent, queue) = (["ann", "bob"][usize::from(name % 2)], ["sales", "support"][usize::from(name % 3 % 2)]);
        archive.enter(&Told { name, agent, queue, number: "201", secs: name * 10 });
    }
    let index = archive.open();
    let text = |text: &str| Some(text.to_owned());
    let words = |words: &str| Query { text: text(words), ..Query::default() };
    for (query, wanted) in [
        (Query { limit: 2, ..words("sal") }, vec![9, 8]),
        (Query { limit: 2, ..words("ann sales") }, vec![8, 6]),
        (Query { limit: 2, agent: text("bob"), ..words("sales") }, vec![9, 5]),
        (Query { limit: 1, to: text("2026-11-24T10:08:00Z"), ..words("sales") }, vec![6]),
        (Query { secs_max: Some(30.0), ..words("ca") }, vec![3, 2, 1]),
        (Query { limit: 2, number: text("201"), ..words("bob") }, vec![9, 7]),
        (Query { id: text("call5"), ..words("bob") }, vec![5]),
    ] {
        let found: Vec<u8> = index.find(&query).unwrap().iter().map(number_of).collect();
        assert_eq!(found, wanted, "{query:?}");
    }
}

#[test]
fn recordings_of_one_moment_are_all_found_and_those_that_say_no_moment_come_last() {
    let archive = Archive::new();
    let told = |name| Told { name, agent: "ann", queue: "sales", number: "201", secs: 5 };
    (1..=200).for_each(|name| archive.enter_at(&told(name), "2026-11-24T10:00:00Z"));
    archive.enter_at(&told(201), "before breakfast");
    archive.enter_at(&told(202), "2026-11-24T10:00:01Z");
    let mut index = archive.open();
    for again in [false, true] {
        if again {
            index.rebuild(|_, _| {}).unwrap();
        }
        for text in [None, Some("sales".to_owned())] {
            let mut found: Vec<u8> =
                index.find(&Query { text, ..Query::default() }).unwrap().iter().map(number_of).collect();
            assert_eq!((found.len(), found[0], found[201]), (202, 202, 201));
            found.sort_unstable();
            assert_eq!(found, (1..=202).collect::<Vec<u8>>());
        }
        let span = Query {
            from: Some("2026-11-24T10:00:00Z".into()),
            to: Some("2026-11-24T10:00:01Z".into()),
            ..Query::default()
        };
        assert_eq!(index.find(&span).unwrap().len(), 200);
    }
}

#[test]
fn totals_are_by_what_recordings_have_in_common() {
    let archive = Archive::new();
    for (name, agent, queue, secs) in [(1, "ann", "sales", 30), (2, "bob", "sales", 60), (3, "ann", "support", 90)] {
        archive.enter(&Told { name, agent, queue, number: "201", secs });
    }
    let index = archive.open();
    let total = |of: Option<&str>, recordings, seconds| Total {
        of: of.map(str::to_owned),
        recordings,
        seconds,
        bytes: 1_000 * recordings,
    };
    let sales = Query { queue: Some("sales".to_owned()), ..Query::default() };
    let nobody = Query { agent: Some("nobody".to_owned()), ..Query::default() };
    for (query, by, wanted) in [
        (Query::default(), None, vec![total(None, 3, 180.0)]),
        (Query::default(), Some(By::Agent), vec![total(Some("ann"), 2, 120.0), total(Some("bob"), 1, 60.0)]),
        (Query::default(), Some(By::Queue), vec![total(Some("sales"), 2, 90.0), total(Some("support"), 1, 90.0)]),
        (Query::default(), Some(By::Format), vec![total(Some("wav"), 3, 180.0)]),
        (sales, Some(By::Agent), vec![total(Some("ann"), 1, 30.0), total(Some("bob"), 1, 60.0)]),
        (nobody, None, vec![]),
    ] {
        assert_eq!(index.totals(&query, by).unwrap(), wanted, "{query:?} by {by:?}");
    }
    let days = index.totals(&Query::default(), Some(By::Day)).unwrap();
    assert!(days.iter().all(|day| day.of.as_ref().is_some_and(|of| of.starts_with("2026-11-2"))), "{days:?}");
}

#[test]
fn an_archive_without_manifests_or_of_another_chain_is_read_whole() {
    let archive = Archive::new();
    let told = Told { name: 1, agent: "ann", queue: "sales", number: "201", secs: 5 };
    archive.enter(&told);
    fs::remove_file(archive.0.join("2026/11/24/manifest.jsonl")).unwrap();
    assert_eq!(archive.found(), [1], "from the sidecars alone");
    archive.enter(&Told { name: 2, ..told.clone() }); // a chain of its own
    assert_eq!(archive.found(), [2, 1]);
    fs::write(archive.0.join("2026/11/24/manifest.jsonl"), "").unwrap();
    archive.enter(&Told { name: 3, ..told });
    assert_eq!(archive.found(), [3, 2, 1]);
}

#[test]
fn what_cannot_be_read_is_told_and_keeps_no_other_from_being_found() {
    let archive = Archive::new();
    archive.enter(&Told { name: 1, agent: "ann", queue: "sales", number: "201", secs: 5 });
    for (file, text) in [("2.wav", ""), ("2.json", "no JSON"), ("3.opus", "")] {
        fs::write(archive.0.join("2026/11/24").join(file), text).unwrap();
    }
    let (recordings, unread) = archive.open().rebuild(|_, _| {}).unwrap();
    let mut unread: Vec<_> = unread.iter().map(|file| file.strip_prefix(&archive.0).unwrap().to_owned()).collect();
    unread.sort();
    assert_eq!((recordings, unread), (1, vec!["2026/11/24/2.json".into(), "2026/11/24/3.json".into()]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// In whatever order recordings come, are entered again and are looked for: reading on is as good as reading all.
    #[test]
    fn an_index_kept_is_an_index_made_anew(
        steps in prop::collection::vec((0_u8..6, 0..3_usize, 0..2_usize, any::<u8>(), any::<bool>()), 1..12)
    ) {
        let archive = Archive::new();
        for (name, agent, queue, secs, look) in steps {
            let (agent, queue) = (["ann", "bob", "cid"][agent], ["sales", "support"][queue]);
            archive.enter(&Told { name, agent, queue, number: "201", secs });
            if look {
                archive.open();
            }
        }
        let mut index = archive.open();
        let queries = ["ann", "bob", "cid"].map(|agent| Query { agent: Some(agent.to_owned()), ..Query::default() });
        let ask = |index: &Index| {
            let words = Query { text: Some("sal".to_owned()), ..Query::default() };
            queries.iter().chain([&words, &Query::default()]).map(|query| index.find(query).unwrap()).collect::<Vec<_>>()
        };
        let kept = ask(&index);
        index.rebuild(|_, _| {}).unwrap();
        prop_assert_eq!(kept, ask(&index));
    }
}

fn number_of(row: &Row) -> u8 {
    row.call.trim_start_matches("call").parse().unwrap()
}

/// A folder of one test's own, gone with it.
struct Archive(PathBuf);

impl Archive {
    fn new() -> Archive {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("centrala-index-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        Archive(folder)
    }

    /// A recording as the switch would leave it, but for the sound.
    fn enter(&self, told: &Told) {
        self.enter_at(told, &format!("2026-11-24T10:0{}:00Z", told.name));
    }

    fn enter_at(&self, told: &Told, began: &str) {
        let Told { name, agent, queue, number, secs } = told;
        let file = format!("2026/11/24/{name}.wav");
        let sidecar = json!({
            "version": 1, "call": format!("call{name}"), "segment": 1, "seconds": secs,
            "began": began, "integrity": { "bytes": 1_000 },
            "channels": { "left": { "account": null, "number": number, "name": "Žana" },
                          "right": [{ "account": agent, "number": "201", "name": null }] },
            "cdr": { "caller": number, "called": "4000", "direction": "inbound", "queue": queue, "answered_by": agent },
        });
        let sidecar = serde_json::to_vec(&sidecar).unwrap();
        let path = self.0.join(&file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        fs::write(path.with_extension("json"), &sidecar).unwrap();
        let (at, act) = (Timestamp::constant(1_795_521_600, 0), Act::Closed);
        let entry = Entry {
            at,
            act,
            file,
            was: None,
            by: None,
            why: None,
            bytes: 0,
            sha256: Hash::of(b""),
            sidecar: Hash::of(&sidecar),
        };
        Manifest::new(&self.0).append(&[entry]).unwrap();
    }

    fn open(&self) -> Index {
        Index::open(&self.0, |_, _| {}).unwrap()
    }

    fn found(&self) -> Vec<u8> {
        self.open().find(&Query::default()).unwrap().iter().map(number_of).collect()
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
