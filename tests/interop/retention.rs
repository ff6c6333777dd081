//! Recordings whose time is over: `centrala recordings expire` and the switch erase the same, and only those.

use std::fs;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use recorder::{Act, Because, Entry, Hash, Manifest, hold};
use serde_json::{Value, json};

use crate::archive::{recordings, said};
use crate::harness::switch::Centre;
use crate::harness::{files_below, until};

/// A recording as the switch would leave it, but for the sound.
fn enter(centre: &Centre, name: &str, days_ago: i64, more: Value) -> String {
    let began = now() - SignedDuration::from_hours(24 * days_ago + 1);
    let mut sidecar = json!({
        "version": 1, "call": name, "segment": 1, "seconds": 5, "began": began.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "channels": { "left": {}, "right": [] }, "cdr": { "caller": "201", "called": "202", "direction": "internal" },
    });
    sidecar["class"] = more["class"].clone();
    sidecar["cdr"]["queue"] = more["queue"].clone();
    let text = serde_json::to_vec(&sidecar).expect("JSON");
    let file = format!("2020/01/01/{name}.wav");
    let path = centre.recordings().join(&file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("our own folder");
    fs::write(&path, "sound").expect("our own folder");
    fs::write(path.with_extension("json"), &text).expect("our own folder");
    let (sha256, sidecar) = (Hash::of(b"sound"), Hash::of(&text));
    let entry = Entry {
        at: now(),
        act: Act::Closed,
        file: file.clone(),
        was: None,
        by: None,
        why: None,
        bytes: 5,
        sha256,
        sidecar,
    };
    Manifest::new(&centre.recordings()).append(&[entry]).expect("our own folder");
    file
}

#[allow(clippy::disallowed_methods)] // the switch beside us looks at the same clock
fn now() -> Timestamp {
    Timestamp::now()
}

#[test]
fn what_is_kept_for_long_enough_goes_and_nothing_else() {
    let centre = Centre::new("retention");
    centre.write("queues.toml", "[queue.sales]\nagents = [\"bob\"]\n");
    let days = "[retention]\ndays = 180\n[retention.queue]\nsales = 90\n[retention.class]\ncontracts = 1825\n";
    centre.add("switch.toml", days);
    let none = Value::Null;
    for (name, days_ago, more) in [
        ("old", 180, none.clone()),
        ("young", 179, none),
        ("sold", 90, json!({ "queue": "sales" })),
        ("fresh", 89, json!({ "queue": "sales" })),
        ("signed", 1_000, json!({ "queue": "sales", "class": "contracts" })),
        ("fulfilled", 1_825, json!({ "queue": "sales", "class": "contracts" })),
    ] {
        enter(&centre, name, days_ago, more);
    }
    let held = enter(&centre, "held", 9_999, Value::Null);
    let because = Because { by: "quinn", why: "a lawsuit", at: now() };
    hold(&mut Manifest::new(&centre.recordings()), &held, because).expect("our own folder");

    let conf = centre.conf();
    let expire = ["expire", "--by", "quinn", "--dry-run", "--conf", conf.to_str().expect("a plain name")];
    let would = said(&recordings(&centre.recordings(), &expire));
    assert!(would.contains("3 recordings would be erased"), "{would}");
    for name in ["old", "sold", "fulfilled"] {
        assert!(would.contains(&format!("{name}_1")), "{name}: {would}");
    }

    let mut switch = centre.start();
    let left = || {
        let files = files_below(&centre.recordings(), ".wav");
        let mut names: Vec<_> = files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect();
        names.sort();
        names
    };
    until("the switch erases them", Duration::from_secs(20), || (left().len() == 4).then_some(()));
    assert_eq!(left(), ["fresh", "held", "signed", "young"]);
    let log = until("the log tells it", Duration::from_secs(20), || {
        let log = fs::read_to_string(centre.log()).ok()?;
        log.contains("erased what was kept for long enough").then_some(log)
    });
    assert!(log.contains("recordings=3"), "{log}");
    switch.process.kill();
    let told = said(&recordings(&centre.recordings(), &["log"]));
    assert!(told.contains("centrala") && told.contains("kept for 1825 days"), "{told}");
    let proved = recordings(&centre.recordings(), &["verify"]);
    assert!(proved.status.success(), "{}", said(&proved));
}
