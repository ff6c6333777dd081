//! The recorder in a process of its own that dies: by `kill -9` at random instants, or for want of room on the disk.
#![allow(clippy::disallowed_methods, reason = "a real process lives and dies in real time")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use audio::{Clip, Encoding};
use base::{CallId, Random, RecordingId, Time};
use hound::WavReader;
use jiff::Timestamp;
use recorder::{Channel, Cut, Input, Keyring, Manifest, Output, Recorder, RecorderConf, Verify, export, salvage};
use serde_json::{Value, json};

/// The child's part of both tests: records one call in real time until it is killed or the recorder says no. It tells
/// how many milliseconds of the call are over, line by line, and each event.
#[test]
fn records_until_it_dies() {
    let Some(folder) = env::var_os(FOLDER) else { return }; // nothing to do unless we are the child
    let spill = env::var_os(SPILL).map(PathBuf::from);
    let keys =
        env::var_os(KEYS).map(|file| Keyring::read(Path::new(&file)).expect("the parent's keys")).unwrap_or_default();
    let recorder =
        Recorder::new(RecorderConf { folder: folder.into(), spill: spill.clone(), keys, ..RecorderConf::default() });
    let mut recorder = recorder.expect("a folder of the parent's");
    let id = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
    let open = Input::Open {
        id,
        file: "day/call".into(),
        began: Time::ZERO,
        rate: audio::SAMPLE_RATE,
        started: json!({ "caller": "201" }),
    };
    let zero = Instant::now();
    let now = || Time::from_nanos(zero.elapsed().as_nanos() as u64);
    let mut out = Vec::new();
    recorder.handle(open, now(), &mut out);
    let mut closed = false;
    let mut said = [0, 120]; // milliseconds: the sides' clips are out of step, as they are in life
    loop {
        thread::sleep(Duration::from_millis(5));
        for (channel, said) in [Channel::Left, Channel::Right].into_iter().zip(&mut said) {
            if now().as_millis() >= *said + CLIP_MS {
                let payload = (*said * 8..(*said + CLIP_MS) * 8).map(|at| spoken(channel, at)).collect();
                let clip = Clip { at: *said * 8, encoding: Encoding::Pcmu, wide: 1, payload };
                recorder.handle(Input::Audio { id, channel, clip }, now(), &mut out);
                *said += CLIP_MS;
            }
        }
        if spill.is_some() && now().as_millis() >= SPILLED_MS && !closed {
            closed = true;
            let length = Duration::from_millis(SPILLED_MS);
            recorder.handle(Input::Close { id, length, sidecar: json!({ "caller": "201" }) }, now(), &mut out);
        }
        recorder.handle(Input::Tick, now(), &mut out);
        for output in out.drain(..) {
            match output {
                Output::Event(event) => println!("event {event:?}"),
                Output::Close(closing) => {
                    let settled = closing.settle(&mut Manifest::new(closing.folder()), NOON);
                    println!("settled {settled:?}");
                    if recorder.count() == 0 {
                        return;
                    }
                }
            }
        }
        println!("ms {}", now().as_millis());
    }
}

#[test]
fn after_kill_at_any_instant_at_most_a_second_is_missing() {
    let mut random = Random::numbered(u64::from(process::id()));
    let master = Folder::new("kill-master");
    let master_file = master.0.join("master");
    Keyring::add_key(&master_file).expect("a file of our own");
    let keys = Keyring::read(&master_file).expect("what was written");
    let children: Vec<_> = (0..24)
        .map(|number| {
            let folder = Folder::new(&format!("kill-{number}"));
            let mut command = Command::new(env::current_exe().expect("our own path"));
            let sealed = number % 2 == 1;
            if sealed {
                command.env(KEYS, &master_file);
            }
            let child = child(command, &folder.0);
            (folder, child, sealed, Duration::from_millis(random.below(4000)))
        })
        .collect();
    let start = Instant::now();
    let mut by_time: Vec<_> = children.into_iter().collect();
    by_time.sort_by_key(|(.., life)| *life);
    let mut longest = 0;
    for (folder, mut child, sealed, life) in by_time {
        thread::sleep(life.saturating_sub(start.elapsed()));
        child.kill().expect("our own child");
        child.wait().expect("our own child");
        let said = BufReader::new(child.stdout.take().expect("piped"));
        let lived_ms =
            said.lines().map_while(Result::ok).filter_map(|line| line.strip_prefix("ms ")?.parse().ok()).last();
        let Some(lived_ms): Option<u64> = lived_ms else { continue }; // killed before it began
        longest = longest.max(lived_ms);

        let part = folder.0.join("day/call.wav.part");
        if !sealed {
            WavReader::open(&part).unwrap_or_else(|why| panic!("{} after {lived_ms} ms: {why}", part.display()));
        }
        let salvaged = salvage(&mut Manifest::new(&folder.0), &keys, NOON).expect("a folder to look through");
        assert_eq!(salvaged.len(), 1);
        assert!(salvaged[0].outcome.is_ok(), "{salvaged:?}");
        let mut file = salvaged[0].file.clone();
        if sealed {
            assert!(WavReader::open(&file).is_err(), "it is sealed");
            let copy = folder.0.join("copy");
            assert!(export(&file, &copy, &Cut::default(), &keys, |_| true).expect("a key that opens it"));
            file = copy;
        }
        let wav = WavReader::open(&file).expect("a sound file");
        let mut lost = 0;
        let missing = (lived_ms * 8).saturating_sub(wav.duration().into());
        assert!(missing <= 8000, "{missing} samples are missing after {lived_ms} ms");
        for (n, sample) in wav.into_samples::<i16>().enumerate() {
            let (at, channel) = (n as u64 / 2, if n % 2 == 0 { Channel::Left } else { Channel::Right });
            let silent = channel == Channel::Right && at < 120 * 8;
            // The last clip of one side may not have come.
            let (sample, spoken) = (sample.expect("a whole file"), Encoding::Pcmu.decoded(&[spoken(channel, at)])[0]);
            let right = if silent { sample == 0 } else { sample == spoken || at + 8000 > lived_ms * 8 };
            // A write that was not whole costs a sealed piece of 4 KiB, which is silent then.
            lost += u32::from(!right && sealed && sample == 0);
            assert!(right || (sealed && sample == 0 && lost <= 2048), "{channel:?} at {at}: {sample}, not {spoken}");
        }
        let sidecar = fs::read(salvaged[0].file.with_extension("json")).expect("a sidecar");
        let sidecar: Value = serde_json::from_slice(&sidecar).expect("JSON");
        assert_eq!((&sidecar["salvaged"], &sidecar["caller"]), (&json!(true), &json!("201")));
        let report = Verify::default().run(&folder.0, |_| true).expect("a folder").expect("to the end");
        assert_eq!((report.recordings, report.findings), (1, vec![]), "it is in the manifest");
    }
    assert!(longest > 1500, "the children lived at most {longest} ms: nothing was shown");
}

#[test]
fn a_full_disk_ends_the_recording_with_one_sentence() {
    let folder = Folder::new("full");
    // The shell's limit on a file's size stands in for a full disk; the signal that goes with it is not of interest.
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 80; trap '' XFSZ; exec \"$0\" \"$@\""]).arg(env::current_exe().expect("our path"));
    let mut child = child(shell, &folder.0);
    let mut said = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("our own child").success(), "{said}");
    let events: Vec<&str> = said.lines().filter(|line| line.starts_with("event ")).collect();
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[0].contains("Opened") && events[1].contains("Failed"), "{events:?}");
    let sentence =
        "recording day/call stopped: File too large (os error 27); what was written is kept, free some space";
    assert!(events[1].contains(sentence), "{}", events[1]);
    let wav = WavReader::open(folder.0.join("day/call.wav")).expect("what was written");
    assert!(wav.duration() > 8000, "{}", wav.duration());
    let length = wav.len() as usize;
    assert_eq!(wav.into_samples::<i16>().map_while(Result::ok).count(), length);
}

#[test]
fn a_disk_that_fills_during_a_call_loses_nothing_where_there_is_another() {
    let (folder, spill) = (Folder::new("first"), Folder::new("second"));
    // A file may grow to 160 KiB, which is five seconds: the call goes on in a second one, in the other folder.
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 320; trap '' XFSZ; exec \"$0\" \"$@\""]).arg(env::current_exe().expect("our path"));
    shell.env(SPILL, &spill.0);
    let mut child = child(shell, &folder.0);
    let mut said = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("our own child").success(), "{said}");
    let events: Vec<&str> = said.lines().filter(|line| line.starts_with("event ")).collect();
    assert!(events.len() == 2 && events[1].contains("Spilled") && events[1].contains("File too large"), "{events:?}");

    let mut heard = vec![[0_i16; 2]; SPILLED_MS as usize * 8];
    for (folder, name) in [(&folder, "day/call"), (&spill, "day/call-2")] {
        let path = folder.0.join(name);
        let sidecar = fs::read(path.with_extension("json")).expect("a sidecar");
        let sidecar: Value = serde_json::from_slice(&sidecar).expect("JSON");
        let offset = (sidecar["offset_secs"].as_f64().unwrap_or(0.0) * 8000.0).round() as usize;
        let samples: Vec<i16> =
            WavReader::open(path.with_extension("wav")).expect("sound").into_samples().map(Result::unwrap).collect();
        for (frame, pair) in heard[offset..].iter_mut().zip(samples.chunks_exact(2)) {
            *frame = [pair[0], pair[1]];
        }
        let whole = offset + samples.len() / 2 >= heard.len();
        assert_eq!((whole, &sidecar["part"]), (name == "day/call-2", &if whole { json!(2) } else { Value::Null }));
        let report = Verify::default().run(&folder.0, |_| true).expect("a folder").expect("to the end");
        assert_eq!((report.recordings, report.findings), (1, vec![]), "each folder is an archive");
    }
    let end = heard.len() - 2 * CLIP_MS as usize * 8; // the last clips may not have come when the call ended
    for (at, frame) in heard[..end].iter().enumerate() {
        for (channel, sample) in [Channel::Left, Channel::Right].into_iter().zip(frame) {
            let silent = channel == Channel::Right && at < 120 * 8;
            let spoken = Encoding::Pcmu.decoded(&[spoken(channel, at as u64)])[0];
            assert_eq!(*sample, if silent { 0 } else { spoken }, "{channel:?} at {at}");
        }
    }
}

/// The file of master keys with which the child seals.
const KEYS: &str = "CENTRALA_RECORDER_CRASH_KEYS";
/// Where the child goes on when its folder fails, and when it ends then.
const SPILL: &str = "CENTRALA_RECORDER_CRASH_SPILL";
const SPILLED_MS: u64 = 8000;
const NOON: Timestamp = Timestamp::constant(1_795_521_600, 0);
const FOLDER: &str = "CENTRALA_RECORDER_CRASH_FOLDER";
const CLIP_MS: u64 = 500;

/// A codeword for each moment and side that is never silence.
fn spoken(channel: Channel, at: u64) -> u8 {
    (at % 100) as u8 + if channel == Channel::Left { 0 } else { 128 - 10 }
}

fn child(mut command: Command, folder: &Path) -> Child {
    command.args(["--exact", "records_until_it_dies", "--nocapture", "--quiet"]).env(FOLDER, folder);
    command.stdout(Stdio::piped()).spawn().expect("this very program, once more")
}

/// A folder of one test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = env::temp_dir().join(format!("centrala-recorder-{}-{name}", process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
