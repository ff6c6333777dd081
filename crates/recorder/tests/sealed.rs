//! A sealed archive is an archive like any other, for who has the keys; for who has not, it is noise that can be verified.

mod common;

use std::path::PathBuf;
use std::{env, fs, process};

use common::{Archive, DAY, NOON};
use recorder::{Because, Cut, Encode, Fault, Format, Keyring, Manifest, Verify, erase, export, rewrap};

/// A file of master keys of one test's own, gone with it.
struct Master(PathBuf);

impl Master {
    fn new(name: &str) -> Master {
        let file = Master(env::temp_dir().join(format!("centrala-sealed-{}-{name}", process::id())));
        Keyring::add_key(&file.0).expect("a file of our own");
        file
    }

    fn keys(&self) -> Keyring {
        Keyring::read(&self.0).expect("what was written")
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn faults(archive: &Archive, keys: &Keyring) -> Vec<(String, Fault)> {
    let verify = Verify { keys: keys.clone(), ..Verify::default() };
    let report = verify.run(&archive.0, |_| true).expect("a folder").expect("to the end");
    report.findings.into_iter().map(|found| (found.file, found.fault)).collect()
}

#[test]
fn what_is_sealed_is_encoded_verified_and_heard_as_what_is_not() {
    let master = Master::new("encoded");
    for format in [Format::G711, Format::Opus] {
        let keys = master.keys();
        let archive = Archive::sealed_with(&keys);
        let open = Archive::with_recording();
        let mut encode = Encode::new(&archive.0, format, keys.clone(), NOON);
        let file = encode.next(NOON, || true).expect("encoded").expect("a recording").file;
        open.encode(format).next(NOON, || true).expect("encoded").expect("a recording");
        let sealed = fs::read(archive.0.join(&file)).unwrap();
        assert_ne!(&sealed[..4], &fs::read(open.0.join(&file)).unwrap()[..4], "it does not say what it is");
        archive.assert_proved();
        assert_eq!(faults(&archive, &keys), []);

        let copies = ["sealed", "open"].map(|name| archive.0.join(name));
        assert!(export(&archive.0.join(&file), &copies[0], &Cut::default(), &keys, |_| true).unwrap());
        assert!(export(&open.0.join(&file), &copies[1], &Cut::default(), &keys, |_| true).unwrap());
        assert_eq!(fs::read(&copies[0]).unwrap(), fs::read(&copies[1]).unwrap(), "who has the keys hears the same");
        let why = export(&archive.0.join(&file), &copies[0], &Cut::default(), &Keyring::default(), |_| true);
        assert!(why.unwrap_err().to_string().contains("--keys"));
    }
}

#[test]
fn a_lost_a_changed_and_a_strangers_key_are_found() {
    let (master, other) = (Master::new("lost"), Master::new("other"));
    let (keys, nobody) = (master.keys(), Keyring::default());
    let archive = Archive::sealed_with(&keys);
    let key = archive.path("a.key");
    let one = |said: &str, keys: &Keyring| {
        let found = faults(&archive, keys);
        let [(file, Fault::Sealed { why })] = &found[..] else { panic!("{found:?}") };
        assert!(file == &format!("{DAY}/a.key") && why.contains(said), "{file}: {why}");
    };
    one("needs the master key", &other.keys());
    let text = fs::read_to_string(&key).unwrap();
    let at = text.find("\"key\": \"").unwrap() + 8;
    let digit = if &text[at..=at] == "0" { "1" } else { "0" };
    fs::write(&key, format!("{}{digit}{}", &text[..at], &text[at + 1..])).unwrap();
    one("the master key does not open it", &keys);
    assert_eq!(faults(&archive, &nobody), [], "nobody without a key can tell");
    fs::write(&key, "{}").unwrap();
    one("is no key of a recording", &nobody);
    fs::remove_file(&key).unwrap();
    assert_eq!(archive.verify(), 1);
    one("cannot be read", &nobody);
    one("cannot be read", &keys);
    fs::write(&key, text).unwrap();
    assert_eq!(faults(&archive, &keys), []);
}

#[test]
fn what_was_erased_is_gone_in_copies_of_its_sound_too_and_no_rotation_brings_it_back() {
    let master = Master::new("erased");
    let keys = master.keys();
    let archive = Archive::sealed_with(&keys);
    let copy = archive.0.join("copy.wav");
    fs::copy(archive.path("a.wav"), &copy).unwrap();
    let because = Because { by: "quinn", why: "a test", at: NOON };
    erase(&mut Manifest::new(&archive.0), &format!("{DAY}/a.wav"), because).expect("erased");
    assert_eq!(archive.files(), [""; 0]);
    assert_eq!(rewrap(&archive.0, &keys, |_, _| {}).unwrap(), 0);
    assert_eq!(archive.files(), [""; 0]);
    assert!(export(&copy, &archive.0.join("heard.wav"), &Cut::default(), &keys, |_| true).is_err());
}
