//! Recordings go to a store that speaks S3 (s3rver), whatever happens to it, to the switch or to a file on the way.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use centrala::conf::Conf;
use centrala::storage::{Storage, StorageError};
use jiff::{Timestamp, ToSpan};
use recorder::{Act, Entry, Hash};
use serde_json::Value;

use crate::clock::SystemClock;
use crate::harness::phone::Phone;
use crate::harness::process::Process;
use crate::harness::switch::{Centre, Switch};
use crate::harness::{files_below, ports, until};

const A_WHILE: Duration = Duration::from_secs(30);

/// A store, and where it keeps what it is sent.
struct Store {
    port: u16,
    folder: PathBuf,
}

impl Store {
    /// One that does not run yet.
    fn of(centre: &Centre) -> Store {
        Store { port: ports::block(2), folder: centre.room.folder("store") }
    }

    fn start(&self, centre: &Centre) -> Process {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/s3/node_modules");
        let mut command = Command::new("node");
        command.arg(modules.join("s3rver/bin/s3rver.js")).arg("-d").arg(&self.folder);
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "--no-vhost-buckets"]);
        command.args(["--configure-bucket", "recordings"]);
        let process =
            Process::start("s3rver", "npm, in tests/interop/s3", command, &centre.room.path().join("store.log"));
        until("a store that listens", A_WHILE, || TcpStream::connect(("127.0.0.1", self.port)).ok());
        process
    }

    /// Lets the centre send there what it records.
    fn named_by(&self, centre: &Centre, more: &str) {
        let endpoint = format!("endpoint = \"http://127.0.0.1:{}\"", self.port);
        let keys = "access_key = \"S3RVER\"\nsecret_key = \"S3RVER\"";
        centre.add(
            "switch.toml",
            &format!("\n[storage]\nurl = \"s3://recordings/centre\"\n{endpoint}\n{keys}\n{more}\n"),
        );
    }

    /// An object's bytes.
    fn has(&self, file: &str) -> Option<Vec<u8>> {
        fs::read(self.object(file)).ok()
    }

    fn object(&self, file: &str) -> PathBuf {
        self.folder.join("recordings/centre").join(format!("{file}._S3rver_object"))
    }
}

fn call(centre: &Centre, switch: &Switch) {
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(1));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
}

/// A call of three days ago was recorded; returns the recording's file.
fn recorded_three_days_ago(centre: &Centre, seen: impl Fn(&Switch)) -> String {
    let clock = SystemClock::that_says(Timestamp::now() - 72.hours(), centre);
    let mut switch = clock.start(centre);
    call(centre, &switch);
    let file = switch.recording().file;
    seen(&switch);
    switch.process.kill(); // whatever it was about
    file.strip_prefix(centre.recordings()).expect("below").to_str().expect("plain").to_owned()
}

/// `centrala recordings …` on the archive: was it content, and what did it say?
fn recordings(centre: &Centre, words: &[&str]) -> (bool, String) {
    let mut command = centre.program(&["recordings"]);
    let command = command.args(words).arg("--folder").arg(centre.recordings());
    let output = command.output().expect("the program runs");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn acts(centre: &Centre, file: &str) -> Vec<String> {
    let texts = files_below(&centre.recordings(), "manifest.jsonl")
        .into_iter()
        .map(|path| fs::read_to_string(path).expect("lines"));
    let lines: Vec<Value> = texts
        .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect::<Vec<_>>())
        .collect();
    lines
        .iter()
        .filter(|line| line["file"] == file)
        .map(|line| line["act"].as_str().expect("an act").to_owned())
        .collect()
}

#[test]
fn a_recording_goes_to_the_store_leaves_comes_back_and_is_erased_in_both() {
    let centre = Centre::new("storage");
    let store = Store::of(&centre);
    store.named_by(&centre, "keep_local_days = 1");
    // The store is not there yet, and the switch dies over it.
    let file = recorded_three_days_ago(&centre, |switch| {
        until("a line for the operator", A_WHILE, || switch.process.said().contains("not in the store").then_some(()));
    });
    let sound = centre.recordings().join(&file);
    let said = fs::read(&sound).expect("a recording");
    let id = sound.file_stem().and_then(|stem| stem.to_str()).expect("a name").rsplitn(3, '_').collect::<Vec<_>>();
    let id = format!("{}_{}", id[1], id[0]);

    let _store = store.start(&centre);
    let switch = centre.start();
    until("the sound in the store alone", A_WHILE, || (!sound.exists()).then_some(()));
    assert_eq!(store.has(&file), Some(said.clone()), "to the byte");
    let told: Value =
        serde_json::from_slice(&store.has(&file.replace(".wav", ".json")).expect("a sidecar")).expect("JSON");
    assert_eq!(told["cdr"]["caller"], "ann");
    let day = format!(
        "{}/manifest.jsonl",
        sound.parent().and_then(|day| day.strip_prefix(centre.recordings()).ok()).expect("a day").display()
    );
    assert_eq!(store.has(&day), fs::read(centre.recordings().join(&day)).ok(), "the manifest of a day that is over");
    assert_eq!(acts(&centre, &file), ["closed", "shipped", "moved"]);
    let (content, report) = recordings(&centre, &["verify"]);
    assert!(content, "what is in the store is not missing: {report}");
    let (content, listed) = recordings(&centre, &["list", "--json"]);
    assert!(content && listed.contains(&id), "{listed}");

    let (content, said_so) = recordings(&centre, &["export", &id, "--to", "out.wav", "--by", "tess"]);
    assert!(!content && said_so.contains(&format!("s3://recordings/centre/{file}")), "{said_so}");
    let conf = centre.conf().display().to_string();
    let (content, fetched) = recordings(&centre, &["fetch", &id, "--conf", &conf]);
    assert!(content, "{fetched}");
    assert_eq!(fs::read(&sound).ok(), Some(said));
    assert!(recordings(&centre, &["verify"]).0);
    assert!(recordings(&centre, &["export", &id, "--to", "out.wav", "--by", "tess"]).0);

    let (content, erased) = recordings(&centre, &["erase", &id, "--why", "asked to", "--by", "tess"]);
    assert!(content, "{erased}");
    until("nothing in the store", A_WHILE, || store.has(&file).is_none().then_some(()));
    until("nor its sidecar", A_WHILE, || store.has(&file.replace(".wav", ".json")).is_none().then_some(()));
    drop(switch);
}

#[test]
fn nothing_leaves_that_is_not_whole_in_the_store() {
    let centre = Centre::new("storage-broken");
    let store = Store::of(&centre);
    let file = recorded_three_days_ago(&centre, |_| {});
    store.named_by(&centre, "keep_local_days = 1");
    let _store = store.start(&centre);
    let conf = centre.conf().display().to_string();
    let (content, due) = recordings(&centre, &["ship", "--dry-run", "--json", "--conf", &conf]);
    assert!(content && due.contains("\"stored\":false") && due.contains(&file), "{due}");

    // What is not what was recorded is not sent.
    let sound = centre.recordings().join(&file);
    let said = fs::read(&sound).expect("a recording");
    let mut other = said.clone();
    other[2_000] ^= 1;
    fs::write(&sound, &other).expect("our own file");
    let (content, refused) = recordings(&centre, &["ship", "--conf", &conf]);
    assert!(!content && refused.contains("is not what the manifest says"), "{refused}");
    assert_eq!(store.has(&file), None);
    fs::write(&sound, &said).expect("our own file");
    let (content, sent) = recordings(&centre, &["ship", "--conf", &conf, "--json"]);
    assert!(content && sent.contains("\"stored\":true"), "{sent}");
    assert_eq!(store.has(&file), Some(said));
    let (content, nothing) = recordings(&centre, &["ship", "--conf", &conf, "--json"]);
    assert!(content && nothing.is_empty(), "it is there: {nothing}");

    // What lies there is looked at again before it is the only one.
    fs::write(store.object(&file), other).expect("our own file");
    let switch = centre.start();
    until("a line for the operator", A_WHILE, || switch.process.said().contains("its sound stays here").then_some(()));
    assert!(sound.exists());
    assert_eq!(acts(&centre, &file), ["closed", "shipped"]);
}

#[test]
fn what_is_long_goes_in_pieces() {
    let centre = Centre::new("storage-long");
    let store = Store::of(&centre);
    store.named_by(&centre, "");
    let _store = store.start(&centre);
    let conf = Conf::load(&centre.conf()).expect("a conf");
    let storage = Storage::open(conf.switch.storage.as_ref().expect("a store")).expect("a store");
    let folder = centre.recordings();
    fs::create_dir_all(folder.join("2026/11/24")).expect("our own folder");
    for (name, length) in [("even", 16 << 20), ("odd", (20 << 20) + 7), ("empty", 0)] {
        let bytes: Vec<u8> = (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let file = format!("2026/11/24/{name}.wav");
        fs::write(folder.join(&file), &bytes).expect("our own file");
        fs::write(folder.join(format!("2026/11/24/{name}.json")), "{}").expect("our own file");
        let entry = Entry {
            at: Timestamp::now(),
            act: Act::Closed,
            file: file.clone(),
            was: None,
            bytes: length as u64,
            sha256: Hash::of(&bytes),
            sidecar: Hash::of(b"{}"),
            by: None,
            why: None,
        };
        let mut seen = 0;
        storage.ship(&folder, &entry, |bytes| seen += bytes).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!((seen, store.has(&file).map(|there| there == bytes)), (length as u64, Some(true)), "{name}");
        fs::remove_file(folder.join(&file)).expect("our own file");
        storage.fetch(&folder, &entry).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(fs::read(folder.join(&file)).ok().map(|back| back == bytes), Some(true), "{name}");
        let other = Entry { sha256: Hash::NONE, ..entry };
        assert!(matches!(storage.ship(&folder, &other, |_| {}), Err(StorageError::Changed { .. })));
        assert_eq!(store.has(&file), None, "it was taken out again");
    }
}
