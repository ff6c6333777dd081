//! The archive after a real call: `centrala recordings` over the folder and a copy of it, beside `sha256sum`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::phone::Phone;
use crate::harness::sound;
use crate::harness::switch::Centre;
use crate::harness::{files_below, until};

const A_WHILE: Duration = Duration::from_secs(10);

/// `centrala recordings` with these words, to its end.
pub fn recordings(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_centrala"));
    command.arg("recordings").args(words).arg("--folder").arg(folder);
    command.output().expect("this very workspace")
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn what_was_recorded_can_be_proved_on_a_copy() {
    let centre = Centre::new("archive");
    let mut switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(1));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    let recording = switch.recording();
    let running = recordings(&centre.recordings(), &["verify"]);
    assert!(running.status.success(), "beside a running switch: {}", said(&running));
    switch.process.kill();

    let tool = Command::new("sha256sum").arg(&recording.file).output().expect("sha256sum of coreutils");
    let told = recording.sidecar["integrity"]["sha256"].as_str().expect("a hash");
    assert!(String::from_utf8_lossy(&tool.stdout).starts_with(told), "{told}: {tool:?}");

    let copy = centre.room.path().join("copy");
    let copied = Command::new("cp").arg("-r").arg(centre.recordings()).arg(&copy).status().expect("cp");
    assert!(copied.success());
    let report = recordings(&copy, &["verify", "--json"]);
    assert!(report.status.success(), "{}", said(&report));
    let summary: Value = serde_json::from_slice(&report.stdout).expect("one object");
    assert_eq!((&summary["recordings"], &summary["last_line"]), (&1.into(), &1.into()), "{summary}");

    let id = format!("{}_1", switch.cdr()["call"].as_str().expect("an id"));
    for (words, found) in [
        (&["list", "--json"][..], true),
        (&["list", "--json", "--agent", "bob", "--number", "202", "--text", "ann"], true),
        (&["list", "--json", "--call", &id], true),
        (&["list", "--json", "--agent", "ann"], false),
        (&["list", "--json", "--to", "2020-01-01"], false),
    ] {
        let list = recordings(&copy, words);
        assert!(list.status.success(), "{}", said(&list));
        let rows: Vec<Value> = said(&list).lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        assert_eq!(rows.iter().map(|row| row["id"] == *id).collect::<Vec<_>>(), vec![true; found.into()], "{words:?}");
    }
    let show = recordings(&copy, &["show", &id]);
    assert!(show.status.success() && said(&show).contains(told), "{}", said(&show));
    let unknown = recordings(&copy, &["show", "nothing"]);
    assert!(
        !unknown.status.success() && said(&unknown).contains("there is no recording nothing"),
        "{}",
        said(&unknown)
    );
    assert!(said(&recordings(&copy, &["index"])).contains("1 recordings are in the search index"));

    let words = ["--by", "quinn", "--why", "a test"];
    let decide = |what: &[&str]| {
        let output = recordings(&copy, &[what, &words[..]].concat());
        (output.status.success(), said(&output))
    };
    assert!(decide(&["hold", &id]).0);
    let (erased, refused) = decide(&["erase", &id]);
    assert!(!erased && refused.contains("on hold since"), "{refused}");
    assert!(
        decide(&["expire", "--days", "0"]).1.contains("0 recordings are erased"),
        "what is on hold does not expire"
    );
    assert!(decide(&["release", &id]).0);
    assert!(decide(&["expire", "--days", "1"]).1.contains("0 recordings are erased"));
    assert!(
        decide(&["erase", "--number", "02", "--dry-run"]).1.contains("0 recordings would be"),
        "no end of a number"
    );
    for would in [&["erase", "--number", "202", "--dry-run"][..], &["expire", "--days", "0", "--dry-run"]] {
        assert!(decide(would).1.contains("1 recordings would be erased"), "{would:?}");
    }
    let all = centre.room.path().join("all");
    assert!(Command::new("cp").arg("-r").arg(&copy).arg(&all).status().expect("cp").success());
    let gone = recordings(&all, &[&["expire", "--days", "0"], &words[..]].concat());
    assert!(said(&gone).contains("1 recordings are erased"), "{}", said(&gone));
    assert_eq!(files_below(&all, ".wav").len() + files_below(&all, ".json").len(), 0);
    assert!(recordings(&all, &["verify"]).status.success(), "gone on purpose");

    let wav = files_below(&copy, ".wav").pop().expect("the recording");
    let mut bytes = fs::read(&wav).expect("the recording");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&wav, bytes).expect("our own copy");
    let report = recordings(&copy, &["verify"]);
    let name = wav.file_name().and_then(|name| name.to_str()).expect("a plain name");
    assert!(!report.status.success() && said(&report).contains(&format!("{name}: changed between bytes 0 and")));

    let nowhere = recordings(&centre.room.path().join("nowhere"), &["verify"]);
    assert!(!nowhere.status.success() && said(&nowhere).contains("is no folder"), "{}", said(&nowhere));
}

/// What a stranger's tool says of a sound file: it must be content with it.
fn tool(name: &str, words: &[&str], file: &Path) -> String {
    let mut command = Command::new(name);
    let output = command.args(words).arg(file).output().unwrap_or_else(|why| panic!("{name}: {why}"));
    assert!(output.status.success(), "{name} {}: {}", file.display(), said(&output));
    said(&output)
}

#[test]
fn recordings_become_what_the_conf_says_and_strangers_open_them() {
    for (format, ending) in [("opus", "opus"), ("g711", "wav")] {
        let centre = Centre::new("formats");
        centre.replace("switch.toml", "[recording]", &format!("[recording]\nformat = \"{format}\""));
        let switch = centre.start();
        let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
        let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
        ann.dial(&format!("sip:202@{}", switch.address));
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        thread::sleep(Duration::from_secs(2));
        ann.hang_up();
        bob.wait_for("CALL_CLOSED", A_WHILE);
        let sidecar = until("a recording in its last format", A_WHILE, || {
            let sidecar = files_below(&centre.recordings(), ".json").pop()?;
            let sidecar: Value = serde_json::from_slice(&fs::read(sidecar).ok()?).ok()?;
            (sidecar["format"] == format).then_some(sidecar)
        });
        let file = until("its one sound file", A_WHILE, || {
            let all = [files_below(&centre.recordings(), ".wav"), files_below(&centre.recordings(), ".opus")].concat();
            <[_; 1]>::try_from(all).ok().map(|[file]| file)
        });
        switch.process.terminate();
        assert_eq!(file.extension().and_then(|ending| ending.to_str()), Some(ending));
        let report = recordings(&centre.recordings(), &["verify"]);
        assert!(report.status.success(), "{}", said(&report));

        let seconds = sidecar["seconds"].as_f64().expect("a number");
        let shown: f64 = tool("ffprobe", &["-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration"], &file)
            .trim()
            .parse()
            .expect("seconds");
        assert!((shown - seconds).abs() < 0.05, "{shown} s, not {seconds}");
        let mut decoded = file.clone();
        if format == "opus" {
            let shown = tool("opusinfo", &[], &file);
            assert!(shown.contains("Channels: 2") && !shown.contains("WARNING"), "{shown}");
            decoded = centre.room.path().join("opusdec.wav"); // libopusfile, which is in many players
            tool("opusdec", &["--quiet", "--rate", "8000", &file.display().to_string()], &decoded);
        }
        let shown: f64 = tool("soxi", &["-D"], &decoded).trim().parse().expect("seconds");
        assert!((shown - seconds).abs() < 0.05, "{shown} s, not {seconds}");

        // What ffmpeg and our own export hear is each on its side.
        let id = format!("{}_1", sidecar["call"].as_str().expect("an id"));
        let ours = centre.room.path().join("export.wav");
        let export = recordings(&centre.recordings(), &["export", &id, "--to", &ours.display().to_string()]);
        assert!(export.status.success(), "{}", said(&export));
        let played = recordings(&centre.recordings(), &["play", &id, "--by", "quinn", "--why", "a complaint"]);
        assert!(played.status.success() && played.stdout == fs::read(&ours).expect("a copy"), "{}", said(&played));
        let log = recordings(&centre.recordings(), &["log", &id, "--json"]);
        let acts: Vec<Value> = said(&log).lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        assert_eq!(acts.iter().map(|act| &act["act"]).collect::<Vec<_>>(), ["exported", "heard"], "{}", said(&log));
        assert_eq!((&acts[1]["by"], &acts[1]["why"]), (&"quinn".into(), &"a complaint".into()));
        assert!(said(&recordings(&centre.recordings(), &["log", "--by", "nobody"])).contains("nobody has"));
        assert!(recordings(&centre.recordings(), &["verify"]).status.success(), "the log is in the chain");
        let theirs = centre.room.path().join("ffmpeg.wav");
        tool(
            "ffmpeg",
            &["-v", "error", "-i", &file.display().to_string(), "-ar", "8000", "-c:a", "pcm_s16le"],
            &theirs,
        );
        for wav in [&ours, &theirs] {
            let [caller, party] = &sound::read(wav)[..] else { panic!("two sides") };
            caller.assert_only("the caller's side", 700, 1_900);
            party.assert_only("the party's side", 1_900, 700);
            assert!((caller.seconds() - seconds).abs() < 0.05, "{} s", caller.seconds());
        }
        let wave = recordings(&centre.recordings(), &["wave", &id, "--columns", "40"]);
        let blocks = said(&wave).lines().filter(|line| line.contains('█') || line.contains('▆')).count();
        assert!(wave.status.success() && blocks >= 2, "both sides talk: {}", said(&wave));
        let png = centre.room.path().join("wave.png");
        let wave = recordings(&centre.recordings(), &["wave", &id, "--png", &png.display().to_string()]);
        assert!(wave.status.success(), "{}", said(&wave));
        let shown =
            tool("ffprobe", &["-v", "error", "-of", "csv=p=0", "-show_entries", "stream=codec_name,width"], &png);
        assert_eq!(shown.trim(), "png,1200");
        let stats = recordings(&centre.recordings(), &["stats", "--by", "format", "--json"]);
        let total: Value = serde_json::from_slice(&stats.stdout).expect("one object");
        let bytes = fs::metadata(&file).expect("the recording").len();
        assert_eq!((&total["of"], &total["recordings"], &total["bytes"]), (&format.into(), &1.into(), &bytes.into()));
        let zip = centre.room.path().join("all.zip");
        let zipped = recordings(&centre.recordings(), &["zip", &zip.display().to_string(), "--text", "202"]);
        assert!(zipped.status.success(), "{}", said(&zipped));
        let unpacked = centre.room.path().join("unpacked");
        let python = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&zip).arg(&unpacked).status();
        assert!(python.expect("python3").success(), "a stranger opens it");
        let sums = Command::new("sha256sum").args(["--strict", "-c", "SHA256SUMS"]).current_dir(&unpacked).output();
        let sums = sums.expect("sha256sum of coreutils");
        assert!(sums.status.success() && said(&sums).lines().count() == 2, "sound and sidecar: {}", said(&sums));
        let sidecars = files_below(&unpacked, ".json");
        assert_eq!(sidecars.len(), 1, "{sidecars:?}");
        let again = recordings(&centre.recordings(), &["export", &id, "--to", &ours.display().to_string()]);
        assert!(!again.status.success() && said(&again).contains("is there already"), "{}", said(&again));
    }
}

#[test]
fn who_is_recorded_hears_a_beep_and_the_recording_has_it() {
    let centre = Centre::new("beep");
    centre.replace("switch.toml", "[recording]", "[recording]\nbeep_secs = 1");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(3));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    let recording = switch.recording();
    assert!(recording.sidecar["beeps"]["left"].as_u64() >= Some(3), "{:#}", recording.sidecar);
    let (caller, party) = (&recording.caller, &recording.party);
    let (ann, bob) = (ann.heard(), bob.heard());
    for (side, who) in [(caller, "the caller's side"), (party, "the party's side"), (&ann, "ann"), (&bob, "bob")] {
        assert!(side.level(1_400) > -32.0, "{who} has the beep: {} dB", side.level(1_400));
    }
    for (side, hz, other) in [(caller, 700, 1_900), (party, 1_900, 700), (&ann, 1_900, 700), (&bob, 700, 1_900)] {
        side.assert_only("what is said", hz, other);
    }
}

/// A named pipe in place of the master keys lets the recorder's thread wait inside the system, as a hung disk does.
#[test]
fn a_disk_that_hangs_is_told_and_costs_no_call_unless_it_is_to() {
    for policy in ["continue", "refuse"] {
        let centre = Centre::new("hangs");
        let keys = centre.room.path().join("keys");
        let made = centre.program(&["recordings", "make-key"]).arg(&keys).status();
        assert!(made.expect("this very workspace").success());
        let settings = format!("[recording]\non_failure = \"{policy}\"\nkey_file = {keys:?}\n");
        centre.replace("switch.toml", "[recording]", &settings);
        let switch = centre.start();
        let (real, pipe) = (keys.with_extension("real"), keys.with_extension("pipe"));
        fs::rename(&keys, &real).expect("our own file");
        let fifo = Command::new("mkfifo").args(["-m", "600"]).arg(&keys).status();
        assert!(fifo.expect("mkfifo of coreutils").success());
        let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
        let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
        ann.dial(&format!("sip:202@{}", switch.address));
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        until("the journal tells it", A_WHILE, || {
            let journal = centre
                .program(&["journal", "tail", "--lines", "100", "--json", "--journal"])
                .arg(centre.journal())
                .output();
            said(&journal.ok()?).contains("recording-failed").then_some(())
        });
        if policy == "refuse" {
            bob.wait_for("CALL_CLOSED", A_WHILE); // while the disk still hangs
        }
        fs::rename(&keys, &pipe).expect("our own pipe");
        fs::rename(&real, &keys).expect("our own file");
        fs::write(&pipe, fs::read(&keys).expect("our own file")).expect("the recorder waits at its other end");
        if policy == "continue" {
            until("what waited in memory is on the disk", A_WHILE, || {
                let parts = files_below(&centre.recordings(), ".wav.part");
                parts.iter().any(|part| part.metadata().is_ok_and(|part| part.len() > 50_000)).then_some(())
            });
            ann.hang_up();
            bob.wait_for("CALL_CLOSED", A_WHILE);
        }
        let cdr = switch.cdr();
        let (by, cause) = (cdr["ended_by"] == "switch", cdr["cause"] == "cannot be recorded");
        assert_eq!((by, cause), (policy == "refuse", policy == "refuse"), "{cdr:#}");
        let sealed = until("the recording", A_WHILE, || files_below(&centre.recordings(), ".wav").pop());
        let open = centre.room.path().join("open.wav");
        let id = listed(&centre.recordings());
        let words = ["export", &id, "--to", &open.display().to_string(), "--keys", &keys.display().to_string()];
        let exported = recordings(&centre.recordings(), &words);
        assert!(exported.status.success(), "{}: {}", sealed.display(), said(&exported));
        let [caller, party] = &sound::read(&open)[..] else { panic!("two sides") };
        caller.assert_only("the caller's side, from before the disk answered", 700, 1_900);
        party.assert_only("the party's side, from before the disk answered", 1_900, 700);
    }
}

/// The only recording there is, by its id.
fn listed(folder: &Path) -> String {
    let list = recordings(folder, &["list", "--json"]);
    let one: Value = serde_json::from_slice(&list.stdout).expect("one recording");
    one["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_folder_that_vanishes_costs_no_sound_where_there_is_another_and_no_call_unless_it_is_to() {
    for (policy, spills) in [("continue", true), ("continue", false), ("refuse", false)] {
        let centre = Centre::new("vanished");
        let second = centre.room.path().join("second");
        let spill = if spills { format!("spill = {second:?}\n") } else { String::new() };
        centre.replace("switch.toml", "[recording]", &format!("[recording]\non_failure = \"{policy}\"\n{spill}"));
        let switch = centre.start();
        let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
        let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
        fs::remove_dir_all(centre.recordings()).expect("our own folder");
        fs::write(centre.recordings(), "where a folder was").expect("our own folder");
        ann.dial(&format!("sip:202@{}", switch.address));
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        if policy == "continue" {
            ann.wait_for("CALL_ESTABLISHED", A_WHILE);
            thread::sleep(Duration::from_secs(1));
            ann.hang_up();
        }
        if !spills {
            until("the journal tells it", Duration::from_secs(5), || {
                let journal = centre
                    .program(&["journal", "tail", "--lines", "100", "--json", "--journal"])
                    .arg(centre.journal())
                    .output();
                said(&journal.ok()?).contains("recording-failed").then_some(())
            });
        }
        bob.wait_for("CALL_CLOSED", A_WHILE);
        let cdr = switch.cdr();
        let (by, cause) = (&cdr["ended_by"], cdr["cause"].as_str().unwrap_or_default());
        assert_eq!(
            (by == "switch", cause == "cannot be recorded"),
            (policy == "refuse", policy == "refuse"),
            "{cdr:#}"
        );
        if spills {
            let wav = until("a recording in the second folder", A_WHILE, || files_below(&second, ".wav").pop());
            let [caller, party] = &sound::read(&wav)[..] else { panic!("two sides") };
            caller.assert_only("the caller's side", 700, 1_900);
            party.assert_only("the party's side", 1_900, 700);
            assert!(recordings(&second, &["verify"]).status.success(), "the second folder is an archive, too");
        }
    }
}

#[test]
fn opus_made_while_the_call_runs_is_opened_by_strangers_after_kill_9_and_after_its_end() {
    for killed in [true, false] {
        let centre = Centre::new("live-opus");
        centre.replace("switch.toml", "[recording]", "[recording]\nformat = \"opus\"\nlive = true");
        let mut switch = centre.start();
        let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
        let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
        ann.dial(&format!("sip:202@{}", switch.address));
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        let begun = Instant::now();
        thread::sleep(Duration::from_secs(3));
        let (file, at_least) = match killed {
            true => {
                let said = begun.elapsed().as_secs_f64();
                switch.process.kill();
                (files_below(&centre.recordings(), ".opus.part").pop().expect("a recording under way"), said - 1.0)
            }
            false => {
                ann.hang_up();
                bob.wait_for("CALL_CLOSED", A_WHILE);
                let file = until("the recording", A_WHILE, || files_below(&centre.recordings(), ".opus").pop());
                (file, 2.9)
            }
        };
        let decode = |file: &Path, name: &str| {
            let decoded =
                [format!("{name}-opusdec.wav"), format!("{name}-ffmpeg.wav")].map(|name| centre.room.path().join(name));
            tool("opusdec", &["--quiet", "--rate", "8000", &file.display().to_string()], &decoded[0]);
            let words = ["-v", "error", "-i", &file.display().to_string(), "-ar", "8000", "-c:a", "pcm_s16le"];
            tool("ffmpeg", &words, &decoded[1]);
            for decoded in decoded {
                let [caller, party] = &sound::read(&decoded)[..] else { panic!("two sides") };
                caller.assert_only("the caller's side", 700, 1_900);
                party.assert_only("the party's side", 1_900, 700);
                assert!(caller.seconds() >= at_least, "{} s, and {at_least} s were said", caller.seconds());
            }
        };
        decode(&file, "left");
        if killed {
            switch = centre.start();
            let file = until("what was salvaged", A_WHILE, || files_below(&centre.recordings(), ".opus").pop());
            decode(&file, "salvaged");
            let shown = tool("opusinfo", &[], &file);
            assert!(shown.contains("Channels: 2") && !shown.contains("WARNING"), "{shown}");
        }
        switch.process.terminate();
        let sidecar = files_below(&centre.recordings(), ".json").pop().expect("its sidecar");
        let sidecar: Value = serde_json::from_slice(&fs::read(sidecar).expect("a sidecar")).expect("JSON");
        assert_eq!((&sidecar["format"], sidecar["salvaged"] == true), (&"opus".into(), killed));
        assert!(files_below(&centre.recordings(), ".wav").is_empty(), "it was never anything else");
        let report = recordings(&centre.recordings(), &["verify"]);
        assert!(report.status.success(), "{}", said(&report));
    }
}
