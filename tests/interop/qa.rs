//! Quality: a call is recorded, drawn, rated by two, compared and reported, from the folder alone.

use std::fs;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::archive::{recordings, said};
use crate::harness::phone::Phone;
use crate::harness::switch::Centre;

const A_WHILE: Duration = Duration::from_secs(10);

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_call_is_drawn_rated_compared_and_reported() {
    let centre = Centre::new("qa");
    let mut switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(2));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    switch.recording();
    switch.process.kill();
    let folder = centre.room.path().join("copy");
    assert!(Command::new("cp").arg("-r").arg(centre.recordings()).arg(&folder).status().expect("cp").success());
    let cards = centre.room.path().join("cards");
    fs::create_dir_all(&cards).expect("our own folder");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/conf/qa/support.toml"), cards.join("support.toml")).expect("a card");
    fs::write(cards.join("teams.toml"), "[teams]\n\"north, west\" = [\"bob\"]\n").expect("our own folder");
    let qa = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_centrala"));
        command.arg("qa").args(words).env("CENTRALA_RECORDINGS", &folder).env("CENTRALA_QA", &cards);
        command.output().expect("this very workspace")
    };

    assert!(done(&qa(&["cards"])).contains("support"));
    let drawn: Value = serde_json::from_str(&done(&qa(&["sample", "--unrated", "--json"]))).expect("one recording");
    let id = drawn["id"].as_str().expect("an id");

    // The form, filled in.
    let form = done(&qa(&["card", "support"]));
    let answers: String = form
        .lines()
        .map(|line| match line.strip_prefix("# ").and_then(|line| line.split_once(" =     # 0 to ")) {
            Some((item, most)) => format!("{item} = {}\n", most.split([':', ',']).next().unwrap_or_default()),
            None => format!("{line}\n"),
        })
        .collect();
    let file = centre.room.path().join("answers.toml");
    fs::write(&file, answers).expect("our own folder");
    let score = ["score", id, "--card", "support", "--answers", &file.display().to_string(), "--rater"];
    let full = done(&qa(&[&score[..], &["quinn", "--note", "0:01 says his name"]].concat()));
    assert!(full.contains("100 %, passed") && full.contains("says his name"), "{full}");
    let worse = done(&qa(&[&score[..], &["ruth", "identified=0", "hold=n/a", "--json"]].concat()));
    let worse: Value = serde_json::from_str(&worse).expect("a rating");
    assert_eq!((&worse["score"]["passed"], &worse["score"]["failed"][0]), (&false.into(), &"identified".into()));
    for (words, why) in [
        (&[&score[..], &["quinn"]].concat()[..], "quinn has rated"),
        (&[&score[..], &["sue", "greeting=6"]].concat(), "6 of 5 points"),
        (&["score", id, "--card", "support", "--rater", "sue", "greeting=1"], "not answered: identified"),
        (&["score", id, "--card", "../support", "--rater", "sue"], "is no card's name"),
        (&["score", "nothing", "--card", "support", "--rater", "sue"], "there is no recording nothing"),
    ] {
        let refused = qa(words);
        assert!(!refused.status.success() && said(&refused).contains(why), "{words:?}: {}", said(&refused));
    }

    assert_eq!(done(&qa(&["sample", "--unrated", "--json"])), "", "rated");
    let compared: Value = serde_json::from_str(&done(&qa(&["calibrate", id, "--json"]))).expect("an object");
    assert_eq!(compared["raters"], serde_json::json!(["quinn", "ruth"]));
    let apart = compared["items"].as_array().expect("items").iter().filter(|item| item["agreed"] == false).count();
    assert_eq!(apart, 2, "{compared:#}");
    assert!(done(&qa(&["calibrate", id])).contains("applies or not"));

    let csv = centre.room.path().join("report.csv");
    fs::write(&csv, done(&qa(&["report", "--by", "team", "--csv"]))).expect("our own folder");
    let program = "import csv, sys; print([list(r.values()) for r in csv.DictReader(open(sys.argv[1], newline=''))])";
    let python = Command::new("python3").args(["-c", program]).arg(&csv).output().expect("python3");
    let percent = worse["score"]["percent"].as_f64().expect("a number");
    let mean = ((100.0 + percent) * 50.0).round() / 100.0;
    let row = format!("[['north, west', '2', '1', '{mean:?}', '{percent:?}', '100.0', '50.0', '1']]");
    assert_eq!(done(&python).trim(), row);
    let items = done(&qa(&["report", "--by", "item"]));
    assert!(items.lines().any(|line| line.contains("identified") && line.ends_with('1')), "{items}");
    assert!(done(&qa(&["report", "--agent", "nobody", "--json"])).is_empty());

    let wave = done(&recordings(&folder, &["wave", id]));
    assert!(wave.contains("n noted"), "{wave}");
    done(&recordings(&folder, &["verify"]));
    done(&recordings(&folder, &["erase", id, "--by", "quinn", "--why", "a test"]));
    assert!(done(&qa(&["report"])).lines().count() == 1, "ratings go with the recording");
    done(&recordings(&folder, &["verify"]));
}
