//! What recording costs: a clip of 500 ms of each side, to the page cache. A recorded call asks this twice a second.
#![allow(missing_docs, reason = "criterion_group makes a function")]

use std::{env, fs, process};

use audio::{Clip, Encoding};
use base::{CallId, Random, RecordingId, Time};
use criterion::{Criterion, criterion_group, criterion_main};
use recorder::{Channel, Event, Input, Output, Recorder, RecorderConf};
use serde_json::Value;

const CLIP_MS: u64 = 500;

fn clip_pair(criterion: &mut Criterion) {
    let folder = env::temp_dir().join(format!("centrala-clip-pair-{}", process::id()));
    let conf = RecorderConf { folder: folder.clone(), ..RecorderConf::default() };
    let mut recorder = Recorder::new(conf).expect("a temporary folder");
    let call = CallId::new(0, &mut Random::numbered(1));
    let (mut out, mut segment, mut ms) = (Vec::new(), 0, u64::MAX);

    criterion.bench_function("recorder: a pair of 500 ms clips", |bencher| {
        bencher.iter(|| {
            if ms > 600_000 {
                // A new file now and then, so that the disk does not fill.
                let _ = fs::remove_file(folder.join(format!("{segment}.wav.part")));
                recorder = Recorder::new(RecorderConf { folder: folder.clone(), ..RecorderConf::default() })
                    .expect("a temporary folder");
                (segment, ms) = (segment + 1, 0);
                let id = RecordingId { call, segment };
                let open = Input::Open {
                    id,
                    file: segment.to_string(),
                    began: Time::ZERO,
                    rate: audio::SAMPLE_RATE,
                    started: Value::Null,
                };
                recorder.handle(open, Time::ZERO, &mut out);
            }
            let id = RecordingId { call, segment };
            for channel in [Channel::Left, Channel::Right] {
                let clip =
                    Clip { at: ms * 8, encoding: Encoding::Pcma, wide: 1, payload: vec![7; (CLIP_MS * 8) as usize] };
                recorder.handle(Input::Audio { id, channel, clip }, Time::from_millis(ms + CLIP_MS), &mut out);
            }
            ms += CLIP_MS;
        })
    });
    let failed = out.iter().any(|event| matches!(event, Output::Event(Event::Failed { .. })));
    assert!(!failed, "{out:?}");
    let _ = fs::remove_dir_all(folder);
}

criterion_group!(benches, clip_pair);
criterion_main!(benches);
