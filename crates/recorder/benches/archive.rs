//! What the archive costs: hashing what was recorded, making the search index anew, searching it.
#![allow(missing_docs, reason = "criterion_group makes a function")]

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::{Timestamp, ToSpan};
use recorder::{Act, Entry, Index, Manifest, Query, Sums, Verify};
use serde_json::json;

/// `ARCHIVE_RECORDINGS` makes another number of them.
fn recordings() -> usize {
    env::var("ARCHIVE_RECORDINGS").ok().and_then(|text| text.parse().ok()).unwrap_or(5_000)
}

const SOUND_BYTES: usize = 100_000;
const NOON: Timestamp = Timestamp::constant(1_795_521_600, 0);

fn archive(criterion: &mut Criterion) {
    let folder = env::temp_dir().join(format!("centrala-archive-{}", process::id()));
    let recordings = recordings();
    fill(&folder, recordings);

    let mut group = criterion.benchmark_group("archive");
    group.sample_size(10);
    group.throughput(Throughput::Bytes((SOUND_BYTES * recordings.min(SOUNDS)) as u64));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| Verify { below: Some("2026/11/24".to_owned()), ..Verify::default() }.run(&folder, |_| true))
    });
    group.throughput(Throughput::Elements(recordings as u64));
    let mut index = Index::open(&folder, |_, _| {}).expect("our own folder");
    group.bench_function("index made anew", |bencher| {
        bencher.iter_batched(|| (), |()| index.rebuild(|_, _| {}).expect("our own folder"), BatchSize::PerIteration)
    });
    group.throughput(Throughput::Elements(1));
    for (what, query) in [
        ("latest 50", Query { limit: 50, ..Query::default() }),
        ("agent, latest 50", Query { agent: Some("agent7".to_owned()), limit: 50, ..Query::default() }),
        ("end of a number", Query { number: Some("0000123".to_owned()), limit: 50, ..Query::default() }),
        ("words", Query { text: Some("agent7 queue:sales".to_owned()), limit: 50, ..Query::default() }),
    ] {
        group.bench_function(format!("open and find: {what}"), |bencher| {
            bencher
                .iter(|| Index::open(&folder, |_, _| {}).and_then(|index| index.find(&query)).expect("our own folder"))
        });
    }
    group.finish();
    let _ = fs::remove_dir_all(folder);
}

/// So many of them have sound, all of one day; the others lie in the days after.
const SOUNDS: usize = 1_000;

fn fill(folder: &Path, recordings: usize) {
    let sound: Vec<u8> = (0..SOUND_BYTES).map(|at| (at * 31) as u8).collect();
    let sums = Sums::of(&sound[..]).expect("memory");
    let mut manifest = Manifest::new(folder);
    for day in 0..=recordings / SOUNDS {
        let at = NOON + (24 * day as i64).hours();
        let below = PathBuf::from(at.strftime("%Y/%m/%d").to_string());
        fs::create_dir_all(folder.join(&below)).expect("a temporary folder");
        let mut entries = Vec::new();
        for n in day * SOUNDS..recordings.min((day + 1) * SOUNDS) {
            let file = below.join(format!("{n}.wav"));
            let number = format!("+3851{n:07}");
            let agent = format!("agent{}", n % 100);
            let sidecar = json!({
                "version": 1, "call": format!("call{n}"), "segment": 1, "seconds": n % 300,
                "began": at.to_string(), "integrity": sums,
                "channels": { "left": { "account": null, "number": number, "name": "A Caller" },
                              "right": [{ "account": agent, "number": "201", "name": "An Agent" }] },
                "cdr": { "call": format!("call{n}"), "caller": number, "called": "4000", "direction": "inbound",
                         "path": ["menu:main", "queue:sales"], "queue": "sales", "queue_outcome": "answered",
                         "answered_by": agent, "ended_by": "caller", "cause": "hung up", "status": 200,
                         "media": [{ "party": number, "codec": "PCMA", "packets_received": 9000, "lost": 3 },
                                   { "party": agent, "codec": "PCMA", "packets_received": 9000, "lost": 0 }] },
            });
            let sidecar = serde_json::to_vec_pretty(&sidecar).expect("JSON");
            fs::write(folder.join(&file).with_extension("json"), &sidecar).expect("our own folder");
            fs::write(folder.join(&file), if day == 0 { &sound[..] } else { &[] }).expect("our own folder");
            let file = file.display().to_string();
            let sidecar = recorder::Hash::of(&sidecar);
            entries.push(Entry {
                at,
                act: Act::Closed,
                file,
                was: None,
                by: None,
                why: None,
                bytes: sums.bytes,
                sha256: sums.sha256,
                sidecar,
            });
        }
        manifest.append(&entries).expect("our own folder");
    }
}

criterion_group!(benches, archive);
criterion_main!(benches);
