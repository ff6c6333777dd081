//! Masks, pauses and stops: what is kept of the sound, in whatever order it comes, and what the sidecar says.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use audio::{Clip, Encoding};
use base::{CallId, Random, RecordingId, Time};
use jiff::Timestamp;
use recorder::{Channel, Input, Manifest, Output, Recorder, RecorderConf, Silence, salvage};
use serde_json::{Value, json};

const NOON: Timestamp = Timestamp::constant(1_795_521_600, 0);

/// A recorder in a folder of its own, and how far both sides have talked.
struct Desk {
    folder: PathBuf,
    recorder: Recorder,
    said_ms: u64,
}

impl Desk {
    fn new(conf: RecorderConf) -> Desk {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("centrala-masks-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let mut recorder = Recorder::new(RecorderConf { folder: folder.clone(), ..conf }).expect("a folder");
        let open = Input::Open {
            id: id(),
            file: "day/a".into(),
            began: Time::ZERO,
            rate: audio::SAMPLE_RATE,
            started: json!({ "caller": "201" }),
        };
        recorder.handle(open, Time::ZERO, &mut Vec::new());
        Desk { folder, recorder, said_ms: 0 }
    }

    /// Both talk until then: half a second a clip, each told when it is over, the right side's a little later.
    fn talk(&mut self, until_ms: u64) -> Vec<Output> {
        let mut out = Vec::new();
        while self.said_ms < until_ms {
            let clip = Clip { at: self.said_ms * 8, encoding: Encoding::Pcmu, wide: 1, payload: vec![SPOKEN; 4000] };
            for (channel, late_ms) in [(Channel::Left, 500), (Channel::Right, 620)] {
                let now = Time::from_millis(self.said_ms + late_ms);
                self.recorder.handle(Input::Audio { id: id(), channel, clip: clip.clone() }, now, &mut out);
            }
            self.said_ms += 500;
        }
        out
    }

    fn tell(&mut self, kind: Silence, begins: bool, at_ms: u64, told_ms: u64) {
        let at = Time::from_millis(at_ms);
        let by = json!({ "by": "ann", "how": "key" });
        self.recorder.handle(
            Input::Silence { id: id(), kind, begins, at, by },
            Time::from_millis(told_ms),
            &mut Vec::new(),
        );
    }

    fn close(&mut self, length_ms: u64) -> Value {
        let (mut out, length) = (Vec::new(), Duration::from_millis(length_ms));
        let now = Time::from_millis(self.said_ms + 700);
        self.recorder.handle(Input::Close { id: id(), length, sidecar: json!({}) }, now, &mut out);
        self.recorder.handle(Input::Tick, now + Duration::from_secs(1), &mut out);
        for output in out {
            if let Output::Close(closing) = output {
                closing.settle(&mut Manifest::new(&self.folder), NOON).expect("settled");
            }
        }
        self.sidecar("a")
    }

    fn sidecar(&self, name: &str) -> Value {
        let text = fs::read(self.folder.join(format!("day/{name}.json"))).expect("a sidecar");
        serde_json::from_slice(&text).expect("JSON")
    }

    fn samples(&self, file: &str) -> Vec<i16> {
        let wav = hound::WavReader::open(self.folder.join("day").join(file)).expect("a WAV file");
        wav.into_samples().map(Result::unwrap).collect()
    }

    /// Of each side, from which to which millisecond something other than speech is heard.
    fn silent_ms(&self, file: &str) -> [Vec<(u64, u64)>; 2] {
        let samples = self.samples(file);
        let spoken = Encoding::Pcmu.decoded(&[SPOKEN])[0];
        [0, 1].map(|side| {
            let mut spans: Vec<(u64, u64)> = Vec::new();
            for (at, sample) in (0..).zip(samples.iter().skip(side).step_by(2)) {
                match spans.last_mut().filter(|span| span.1 == at) {
                    _ if *sample == spoken => {}
                    Some(span) => span.1 += 1,
                    None => spans.push((at, at + 1)),
                }
            }
            spans.into_iter().map(|(from, to)| (from / 8, to / 8)).collect()
        })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn id() -> RecordingId {
    RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 }
}

const SPOKEN: u8 = 0x31;

#[test]
fn nothing_said_under_a_mask_is_in_the_file_however_late_it_is_told() {
    for told_ms in [2000, 2300, 3900] {
        let mut desk = Desk::new(RecorderConf::default());
        desk.talk(if told_ms > 3000 { 3500 } else { 1500 });
        desk.tell(Silence::Mask, true, 2000, told_ms);
        desk.talk(4000);
        desk.tell(Silence::Mask, false, 4000, 4100);
        desk.talk(7000);
        let sidecar = desk.close(7000);
        let masked = vec![(2000, 4500)]; // half a second more: what comes late is not kept either
        assert_eq!(desk.silent_ms("a.wav"), [masked.clone(), masked], "told at {told_ms}");
        let by = json!({ "by": "ann", "how": "key" });
        let told = json!([{ "from_secs": 2.0, "secs": 2.0, "begun": by, "ended": by }]);
        assert_eq!((&sidecar["masks"], &sidecar["seconds"]), (&told, &json!(7.0)), "time goes on");
        assert!(sidecar["pauses"].is_null());
    }
}

#[test]
fn sound_that_comes_after_its_moment_was_written_is_masked_too() {
    let mut desk = Desk::new(RecorderConf::default());
    desk.talk(1000);
    desk.tell(Silence::Mask, true, 1000, 1000);
    desk.recorder.handle(Input::Tick, Time::from_millis(3000), &mut Vec::new()); // silence is written meanwhile
    desk.talk(2000);
    let now = Time::from_millis(3100);
    let clip = Clip { at: 8000 - 800, encoding: Encoding::Pcmu, wide: 1, payload: vec![SPOKEN; 1600] };
    desk.recorder.handle(Input::Audio { id: id(), channel: Channel::Left, clip }, now, &mut Vec::new());
    desk.close(2000);
    let until_written = vec![(1000, 2400)];
    assert_eq!(desk.silent_ms("a.wav"), [until_written.clone(), until_written]);
}

#[test]
fn who_is_killed_under_a_mask_leaves_a_sidecar_that_tells_of_it() {
    let mut desk = Desk::new(RecorderConf::default());
    desk.talk(2000);
    desk.tell(Silence::Mask, true, 2000, 2000);
    desk.tell(Silence::Pause, true, 2500, 2500);
    desk.talk(4000);
    let dead = std::mem::replace(
        &mut desk.recorder,
        Recorder::new(RecorderConf { folder: desk.folder.clone(), ..RecorderConf::default() }).unwrap(),
    );
    drop(dead);
    let salvaged = salvage(&mut Manifest::new(&desk.folder), &recorder::Keyring::default(), NOON).unwrap();
    assert!(salvaged[0].outcome.is_ok());
    let sidecar = desk.sidecar("a");
    assert_eq!(sidecar["masks"][0]["from_secs"], 2.0);
    assert_eq!(sidecar["pauses"][0]["begun"]["by"], "ann");
    assert_eq!(desk.silent_ms("a.wav")[0].first().map(|span| span.0), Some(2000));
}

#[test]
fn a_mask_goes_on_in_the_next_file() {
    let mut desk = Desk::new(RecorderConf { secs_max: 3, ..RecorderConf::default() });
    desk.talk(1000);
    desk.tell(Silence::Mask, true, 2000, 2000);
    let mut out = desk.talk(5000);
    out.retain(|output| matches!(output, Output::Close(_)));
    for output in out {
        if let Output::Close(closing) = output {
            closing.settle(&mut Manifest::new(&desk.folder), NOON).expect("settled");
        }
    }
    desk.close(5000);
    let [first, second] = ["a", "a-2"].map(|name| desk.sidecar(name)["masks"][0]["from_secs"].clone());
    assert_eq!((first, second), (json!(2.0), json!(2.0)), "counted from the beginning of the recording");
    assert_eq!(desk.silent_ms("a.wav")[0].first().map(|span| span.0), Some(2000));
    let all = desk.silent_ms("a-2.wav");
    assert!(all.iter().all(|side| side.len() == 1 && side[0].0 == 0), "{all:?}");
}

#[test]
fn a_recording_that_was_stopped_is_no_longer_than_that() {
    let mut desk = Desk::new(RecorderConf::default());
    desk.talk(2000);
    let length = Duration::from_millis(2200);
    desk.recorder.handle(Input::Stop { id: id(), length }, Time::from_millis(2200), &mut Vec::new());
    desk.talk(6000);
    desk.recorder.handle(Input::Tick, Time::from_millis(6600), &mut Vec::new());
    let sidecar = desk.close(2200);
    assert_eq!(sidecar["seconds"], 2.2);
    assert_eq!(desk.silent_ms("a.wav"), [vec![], vec![]]);
}

#[test]
fn a_beep_is_kept_where_it_fell_but_not_under_a_mask() {
    let mut desk = Desk::new(RecorderConf::default());
    let beep = |desk: &mut Desk, channel, at_ms| {
        let at = Duration::from_millis(at_ms);
        desk.recorder.handle(Input::Beep { id: id(), channel, at }, Time::from_millis(at_ms), &mut Vec::new());
    };
    desk.talk(2000);
    [Channel::Left, Channel::Right].into_iter().for_each(|channel| beep(&mut desk, channel, 2000));
    desk.tell(Silence::Mask, true, 2250, 2250);
    desk.tell(Silence::Mask, false, 3000, 3000);
    desk.talk(6000);
    let sidecar = desk.close(6000);
    let spoken = Encoding::Pcmu.decoded(&[SPOKEN])[0];
    let samples = desk.samples("a.wav");
    let piece = |from_ms: usize, ms: usize| &samples[from_ms * 16..][..ms * 16];
    let is = |piece: &[i16], what: i16| piece.iter().all(|sample| *sample == what);
    assert!(is(piece(0, 2000), spoken) && !is(piece(2010, 100), spoken) && is(piece(4000, 2000), spoken));
    assert!(is(piece(2300, 600), 0));
    assert_eq!(sidecar["beeps"], json!({ "left": 1, "right": 1 }));
}
