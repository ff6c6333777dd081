//! Recordings sealed at rest: what lies in the folder while a call runs, after `kill -9`, and when the call is over, is
//! searched for what was said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use hound::WavReader;
use serde_json::Value;

use crate::archive::{recordings, said};
use crate::harness::phone::Phone;
use crate::harness::sound;
use crate::harness::switch::{Centre, Switch};
use crate::harness::{files_below, until};

const A_WHILE: Duration = Duration::from_secs(10);
const TONES: (u32, u32) = (700, 1_900);
/// A phone's tone stands well above it; noise, which is what sealed sound is, at -25 dB.
const LOUD_DB: f64 = -18.0;

/// Both talk, until at least `bytes` of it lie in the folder.
fn talk(centre: &Centre, switch: &Switch, bytes: u64) -> (Phone, Phone) {
    let mut ann = Phone::start(&centre.room, "ann", TONES.0, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", TONES.1, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    until("some of it in the folder", A_WHILE, || {
        let part = files_below(&centre.recordings(), ".part")
            .into_iter()
            .find(|file| file.to_string_lossy().contains(".wav"))?;
        (part.metadata().ok()?.len() > bytes).then_some(())
    });
    (ann, bob)
}

/// Is a tone of either phone in any sound file of the folder, wherever its samples begin?
fn hears_tones(folder: &Path) -> bool {
    let mut heard = false;
    for file in files_below(folder, "").into_iter().filter(|file| file.to_string_lossy().contains(".wav")) {
        let bytes = fs::read(&file).unwrap_or_default(); // one that has just got its name
        for start in 0..4 {
            for stride in [2, 4] {
                let samples = bytes.get(start..).unwrap_or_default().chunks_exact(stride);
                let side = sound::Side::of(samples.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect());
                heard |= [TONES.0, TONES.1].into_iter().any(|hz| side.level(hz) > LOUD_DB);
            }
        }
    }
    heard
}

/// Is a piece of this sound, as it is written in a WAV file, in any file of the folder?
fn holds_piece_of(folder: &Path, wav: &Path) -> bool {
    let samples: Vec<i16> =
        WavReader::open(wav).expect("a WAV file").into_samples().map(|s| s.expect("whole")).collect();
    let loud = samples.windows(8).position(|piece| piece.iter().all(|sample| sample.unsigned_abs() > 200));
    let at = loud.expect("somebody spoke");
    let piece: Vec<u8> = samples[at..at + 8].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let holds = |bytes: &[u8]| bytes.windows(piece.len()).any(|window| window == piece);
    assert!(holds(&fs::read(wav).expect("a WAV file")), "the search finds what is there");
    files_below(folder, "").iter().any(|file| holds(&fs::read(file).unwrap_or_default()))
}

#[test]
fn nobody_without_the_key_hears_anything_in_the_folder_and_who_has_it_hears_all() {
    // The same search finds the tones where nothing is sealed.
    let open = Centre::new("unsealed");
    let mut switch = open.start();
    let phones = talk(&open, &switch, 64_000);
    assert!(hears_tones(&open.recordings()), "the search must find what is there to be found");
    switch.process.kill();
    drop(phones);

    let centre = Centre::new("sealed");
    let master = centre.room.path().join("master");
    let words = |words: &[&str]| {
        let output = recordings(&centre.recordings(), words);
        (output.status.success(), said(&output))
    };
    let file = master.display().to_string();
    centre.replace("switch.toml", "[recording]", &format!("[recording]\nkey_file = {file:?}"));
    let refused = centre.command(&["run"]).output().expect("this very workspace");
    assert!(!refused.status.success() && said(&refused).contains("make-key"), "{}", said(&refused));
    let made = centre.program(&["recordings", "make-key", &file]).output().expect("this very workspace");
    assert!(made.status.success() && said(&made).contains("key_file"), "{}", said(&made));
    assert_eq!(master.metadata().expect("a file").permissions().mode() & 0o777, 0o600);

    let mut switch = centre.start();
    let phones = talk(&centre, &switch, 64_000);
    assert!(!hears_tones(&centre.recordings()), "while it is recorded");
    switch.process.kill();
    drop(phones);
    assert!(!hears_tones(&centre.recordings()), "after kill -9");

    let switch = centre.start();
    let salvaged = until("what was saved", A_WHILE, || files_below(&centre.recordings(), ".wav").pop());
    let sidecar: Value =
        serde_json::from_slice(&fs::read(salvaged.with_extension("json")).expect("a sidecar")).expect("JSON");
    assert_eq!((&sidecar["salvaged"], &sidecar["encrypted"]), (&true.into(), &true.into()));
    let heard = centre.room.path().join("heard.wav");
    let id = format!("{}_1", sidecar["call"].as_str().expect("an id"));
    let export =
        |to: &Path, keys: &[&str]| words(&[&["export", &id, "--to", &to.display().to_string()][..], keys].concat());
    let (done, why) = export(&heard, &[]);
    assert!(!done && why.contains("--keys") && !heard.exists(), "{why}");
    let (done, why) = export(&heard, &["--keys", &file]);
    assert!(done, "{why}");
    let [caller, party] = &sound::read(&heard)[..] else { panic!("two sides") };
    caller.assert_only("the caller's side", TONES.0, TONES.1);
    party.assert_only("the party's side", TONES.1, TONES.0);
    assert!(caller.seconds() > 1.0, "{} s", caller.seconds());
    assert!(!holds_piece_of(&centre.recordings(), &heard), "its samples");

    // Keys are changed under a running switch, which seals the next call with the new one.
    let before = fs::read(&salvaged).expect("sound");
    assert!(centre.program(&["recordings", "make-key", &file]).status().expect("this very workspace").success());
    let (done, why) = words(&["rotate-key", "--keys", &file]);
    assert!(done && why.contains("1 keys in"), "{why}");
    assert_eq!(fs::read(&salvaged).expect("sound"), before, "no sound is touched");
    let (mut ann, mut bob) = talk(&centre, &switch, 64_000);
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    until("both recordings", A_WHILE, || (files_below(&centre.recordings(), ".wav").len() == 2).then_some(()));
    let keys = fs::read_to_string(&master).expect("keys");
    fs::write(&master, keys.lines().next().expect("the new one")).expect("our own file");
    let (done, why) = words(&["verify", "--keys", &file]);
    assert!(done, "the new key opens both: {why}");
    assert!(!hears_tones(&centre.recordings()), "after all");
    drop(switch);

    fs::remove_file(salvaged.with_extension("key")).expect("its key");
    let (done, why) = words(&["verify"]);
    assert!(!done && why.contains(".key: the recording cannot be heard"), "{why}");
}
