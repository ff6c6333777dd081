//! Two hundred `kill -9` of a recorder that opens, writes, closes, enters, encodes and salvages as fast as it can.
//!
//! Its calls' time goes as fast as the machine, so that a kill meets it at work, not asleep. Each life goes on in the
//! folder the last one left. What it said before it died is held against what is there after all.
#![allow(clippy::disallowed_methods, reason = "a real process lives and dies in real time")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use audio::{Clip, Encoding};
use base::{CallId, Random, RecordingId, Time};
use hound::WavReader;
use jiff::Timestamp;
use recorder::{
    Channel, Cut, Encode, Event, Format, Index, Input, Keyring, Manifest, Output, Query, Recorder, RecorderConf,
    Verify, export, salvage,
};
use serde_json::json;

const ARCHIVES: u64 = 4;
const LIVES: u64 = 50;

const FOLDER: &str = "CENTRALA_KILL_STORM_FOLDER";
const KEYS: &str = "CENTRALA_KILL_STORM_KEYS";
const LIFE: &str = "CENTRALA_KILL_STORM_LIFE";
const NOON: Timestamp = Timestamp::constant(1_795_521_600, 0);
const STEP_MS: u64 = 20;
const CLIP_MS: u64 = 200;

/// A codeword for each moment and side that is never silence.
fn spoken(channel: Channel, at: u64) -> u8 {
    (at % 100) as u8 + if channel == Channel::Left { 0 } else { 128 - 10 }
}

/// A call under way.
struct Call {
    id: RecordingId,
    number: u64,
    began_ms: u64,
    length_ms: u64,
    said_ms: u64,
}

/// The child: salvages what the life before left, then records two calls at a time until it is killed. Tells how many
/// milliseconds are over, what is open and what is settled.
#[test]
fn lives_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return }; // nothing to do unless we are the child
    let life: u64 = env::var(LIFE).ok().and_then(|life| life.parse().ok()).expect("the parent says which");
    let keys = env::var_os(KEYS).map_or(Keyring::default(), |file| Keyring::read(Path::new(&file)).expect("keys"));
    let mut random = Random::numbered(life);
    let mut manifest = Manifest::new(&folder);
    for salvaged in salvage(&mut manifest, &keys, NOON).expect("a folder to look through") {
        salvaged.outcome.expect("salvaged");
    }
    let mut encode = Encode::new(&folder, Format::G711, keys.clone(), NOON);
    let conf = RecorderConf { folder: folder.clone(), keys, ..RecorderConf::default() };
    let mut recorder = Recorder::new(conf).expect("the parent's folder");
    let (mut calls, mut ended): (Vec<Call>, BTreeMap<RecordingId, Call>) = Default::default();
    let (mut out, mut opened) = (Vec::new(), 0_u64);
    for now_ms in (0_u64..).step_by(STEP_MS as usize) {
        let now = Time::from_millis(now_ms);
        let mut said = String::new();
        while calls.len() < 2 {
            let id = RecordingId { call: CallId::new(opened as i64, &mut random), segment: 1 };
            let file = format!("2026/11/24/{life}-{opened}");
            let length_ms = 100 + random.below(2_500);
            calls.push(Call { id, number: opened, began_ms: now_ms, length_ms, said_ms: 0 });
            recorder.handle(
                Input::Open { id, file, began: now, rate: audio::SAMPLE_RATE, started: json!({}) },
                now,
                &mut out,
            );
            opened += 1;
        }
        for call in &mut calls {
            let age_ms = (now_ms - call.began_ms).min(call.length_ms);
            while call.said_ms + CLIP_MS <= age_ms {
                for channel in [Channel::Left, Channel::Right] {
                    let at = call.said_ms * 8;
                    let payload = (at..at + CLIP_MS * 8).map(|at| spoken(channel, at)).collect();
                    let clip = Clip { at, encoding: Encoding::Pcmu, wide: 1, payload };
                    recorder.handle(Input::Audio { id: call.id, channel, clip }, now, &mut out);
                }
                call.said_ms += CLIP_MS;
            }
        }
        let (over, going): (Vec<Call>, _) =
            calls.into_iter().partition(|call| now_ms >= call.began_ms + call.length_ms);
        calls = going;
        for call in over {
            let length = Duration::from_millis(call.length_ms);
            recorder.handle(Input::Close { id: call.id, length, sidecar: json!({ "call": "x" }) }, now, &mut out);
            ended.insert(call.id, call);
        }
        recorder.handle(Input::Tick, now, &mut out);
        for output in out.drain(..) {
            match output {
                Output::Event(Event::Opened { id, .. }) => {
                    let call = calls.iter().chain(ended.values()).find(|call| call.id == id).expect("our own call");
                    said += &format!("open {} {}\n", call.number, call.began_ms);
                }
                Output::Event(event) => panic!("{event:?}"),
                Output::Close(closing) => {
                    let id = closing.id.expect("our own call");
                    closing.settle(&mut manifest, NOON).expect("our own folder");
                    let call = ended.remove(&id).expect("our own call");
                    said += &format!("settled {} {}\n", call.number, call.length_ms);
                    encode.next(NOON, || true).expect("our own folder");
                }
            }
        }
        said += &format!("ms {now_ms}\n");
        std::io::stdout().write_all(said.as_bytes()).expect("the parent listens");
    }
}

/// What a life said of a call.
#[derive(Default, Debug)]
struct Told {
    began_ms: u64,
    /// The last moment it was alive at.
    lived_ms: u64,
    settled_ms: Option<u64>,
}

#[test]
fn two_hundred_kills_lose_nothing_that_was_promised() {
    let seed = env::var("KILL_STORM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(u64::from(process::id()));
    println!("KILL_STORM_SEED={seed}");
    thread::scope(|scope| {
        for archive in 0..ARCHIVES {
            scope.spawn(move || live_and_die(seed, archive));
        }
    });
}

fn live_and_die(seed: u64, archive: u64) {
    let mut random = Random::numbered(seed.wrapping_mul(ARCHIVES).wrapping_add(archive));
    let scratch = Folder(env::temp_dir().join(format!("centrala-kill-storm-{}-{archive}", process::id())));
    let folder = scratch.0.join("recordings");
    fs::create_dir_all(&folder).expect("a temporary folder");
    let master = scratch.0.join("master");
    let sealed = archive % 2 == 1;
    let keys = match sealed {
        true => Keyring::add_key(&master).and_then(|_| Keyring::read(&master)).expect("a file of our own"),
        false => Keyring::default(),
    };
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for life in 0..LIVES {
        let mut command = Command::new(env::current_exe().expect("our own path"));
        command.args(["--exact", "lives_until_it_is_killed", "--nocapture", "--quiet"]).env(FOLDER, &folder);
        command.env(LIFE, (archive * LIVES + life).to_string()).stdout(Stdio::piped());
        if sealed {
            command.env(KEYS, &master);
        }
        let mut child = command.spawn().expect("this very program, once more");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        // Some die before they say a word: at their start, or while they salvage.
        let words = if random.one_in(5) { 0 } else { 1 + random.below(400) };
        let mut said: Vec<String> = lines.by_ref().take(words as usize).collect();
        let wait = Duration::from_micros(random.below(if words == 0 { 40_000 } else { 3_000 }));
        let start = Instant::now();
        while start.elapsed() < wait {
            std::hint::spin_loop();
        }
        child.kill().expect("our own child");
        said.extend(lines);
        let status = child.wait().expect("our own child");
        assert!(status.code().is_none(), "it ended by itself: {status} after {said:?}");
        let name = |number: &str| format!("2026/11/24/{}-{number}", archive * LIVES + life);
        let mut open: Vec<String> = Vec::new();
        for line in &said {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["open", number, began] => {
                    open.push(name(number));
                    let began_ms = began.parse().expect("a number");
                    told.insert(name(number), Told { began_ms, ..Told::default() });
                }
                ["settled", number, length] => {
                    open.retain(|file| *file != name(number));
                    told.get_mut(&name(number)).expect("it was open").settled_ms = length.parse().ok();
                }
                ["ms", now] => {
                    let now_ms: u64 = now.parse().expect("a number");
                    open.iter().for_each(|file| told.get_mut(file).expect("it is open").lived_ms = now_ms);
                }
                _ => {} // what the test's frame says
            }
        }
    }
    for salvaged in salvage(&mut Manifest::new(&folder), &keys, NOON).expect("a folder to look through") {
        salvaged.outcome.expect("salvaged");
    }
    let report = Verify { keys: keys.clone(), ..Verify::default() }.run(&folder, |_| true).expect("a folder");
    let report = report.expect("to the end");
    assert_eq!((report.findings, report.unfinished), (vec![], 0));
    let rows = Index::open(&folder, |_, _| {}).and_then(|index| index.find(&Query::default())).expect("an index");
    assert_eq!(report.recordings, rows.len());
    let there: BTreeMap<&str, (u64, bool)> = rows
        .iter()
        .map(|row| {
            let samples = heard(&folder.join(&row.file), &scratch.0.join("copy.wav"), &keys, sealed);
            (row.file.trim_end_matches(".wav"), (samples, row.salvaged))
        })
        .collect();
    for (file, told) in &told {
        let Some((samples, salvaged)) = there.get(&**file) else { panic!("{file} is gone: {told:?}") };
        match told.settled_ms {
            Some(length_ms) => assert_eq!((*samples, *salvaged), (length_ms * 8, false), "{file}"),
            None => {
                let missing = ((told.lived_ms.saturating_sub(told.began_ms)) * 8).saturating_sub(*samples);
                assert!(missing <= 8_000, "{file}: {missing} samples are missing: {told:?}");
            }
        }
    }
    let settled = told.values().filter(|told| told.settled_ms.is_some()).count();
    let salvaged = there.values().filter(|(_, salvaged)| *salvaged).count();
    println!("archive {archive}: {} recordings, {settled} settled, {salvaged} salvaged", there.len());
    assert!(settled > 20 && salvaged > 20, "{settled} settled and {salvaged} salvaged show nothing");
}

/// How many samples of each side a recording has, all of them what was said.
fn heard(file: &Path, copy: &Path, keys: &Keyring, sealed: bool) -> u64 {
    export(file, copy, &Cut::default(), keys, |_| true).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    let wav = WavReader::open(copy).expect("a sound file");
    let samples = u64::from(wav.duration());
    let mut lost = 0;
    for (n, sample) in wav.into_samples::<i16>().enumerate() {
        let (at, channel) = (n as u64 / 2, if n % 2 == 0 { Channel::Left } else { Channel::Right });
        let (sample, spoken) = (sample.expect("a whole file"), Encoding::Pcmu.decoded(&[spoken(channel, at)])[0]);
        // The last clip may not have come. A write that was not whole costs a sealed piece of 4 KiB, which is silent then.
        // Silence is 8 in a recording that has nothing else and became A-law.
        let (silent, late) = (matches!(sample, 0 | 8), at + 8_000 >= samples);
        lost += u32::from(sample != spoken && !late);
        let right = sample == spoken || (silent && (late || (sealed && lost <= 2048)));
        assert!(right, "{}: {sample}, not {spoken}, at {at} of {samples}", file.display());
    }
    samples
}

/// A folder of one test's own, gone with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
