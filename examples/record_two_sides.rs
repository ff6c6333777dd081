//! The recorder alone: two tones become the two sides of a WAV file. `cargo run --example record_two_sides`

use std::error::Error;
use std::time::Duration;

use audio::{Clip, Encoding, tone};
use base::{CallId, Random, RecordingId, Time};
use recorder::{Channel, Input, Manifest, Output, Recorder, RecorderConf, Settled};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("centrala-example-{}", std::process::id()));
    let mut recorder = Recorder::new(RecorderConf { folder: folder.clone(), ..RecorderConf::default() })?;
    let id = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
    let (began, mut out) = (Time::ZERO, Vec::new());

    let open = Input::Open {
        id,
        file: "two_sides".to_owned(),
        began,
        rate: audio::SAMPLE_RATE,
        started: json!({ "example": true }),
    };
    recorder.handle(open, began, &mut out);
    for (channel, hz) in [(Channel::Left, 440.0), (Channel::Right, 880.0)] {
        for half_second in 0..4_u64 {
            let payload = Encoding::Pcma.encoded(&tone(&[(hz, -10.0)], 500));
            let clip = Clip { at: half_second * 4000, encoding: Encoding::Pcma, wide: 1, payload };
            recorder.handle(Input::Audio { id, channel, clip }, began + Duration::from_millis(500), &mut out);
        }
    }
    let length = Duration::from_secs(2);
    recorder.handle(Input::Close { id, length, sidecar: json!({ "example": true }) }, began + length, &mut out);
    // It waits a moment for clips on their way; on a clock of our own that costs no time.
    while let Some(deadline) = recorder.deadline().filter(|_| recorder.count() > 0) {
        recorder.handle(Input::Tick, deadline, &mut out);
    }

    let mut manifest = Manifest::new(&folder);
    for output in &out {
        if let Output::Close(closing) = output {
            let Settled { file, seconds } = closing.settle(&mut manifest, jiff::Timestamp::UNIX_EPOCH)?;
            println!("{seconds:.1} s in {}: 440 Hz left, 880 Hz right", folder.join(file).display());
        }
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
