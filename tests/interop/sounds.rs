//! What callers hear and how it sounds: prompts that a stranger's encoder made, and the score of a call while it lasts.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::harness::phone::Phone;
use crate::harness::sound;
use crate::harness::switch::{Centre, WELCOME_HZ};
use crate::harness::until;
use crate::operate::{operate, rows};

const A_WHILE: Duration = Duration::from_secs(10);

#[test]
fn a_prompt_of_opusenc_is_heard_in_stereo_as_in_mono() {
    for channels in [1, 2] {
        let centre = Centre::new("opusenc");
        let prompts = centre.conf().join("prompts");
        let (wav, opus) = (prompts.join("welcome.wav"), prompts.join("welcome.opus"));
        sound::write_tone(&wav, WELCOME_HZ, 3, channels);
        let encoded =
            Command::new("opusenc").arg("--quiet").args([&wav, &opus]).status().expect("opusenc, of opus-tools");
        assert!(encoded.success());
        fs::remove_file(wav).expect("a file of our own");
        let switch = centre.start();
        let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
        ann.dial(&format!("sip:602@{}", switch.address));
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        ann.wait_for("CALL_CLOSED", A_WHILE);
        let heard = ann.heard();
        heard.assert_only("Ann's ear", WELCOME_HZ, 700);
        assert!((2.5..4.5).contains(&heard.seconds()), "{} s", heard.seconds());
    }
}

#[test]
fn a_call_tells_how_it_sounds_while_it_lasts() {
    let centre = Centre::new("live-mos");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    let legs = until("scores of both legs", Duration::from_secs(30), || {
        let legs = rows(&centre, &["calls", "--json"]).pop()?["legs"].as_array()?.clone();
        (legs.len() == 2 && legs.iter().all(|leg| leg["mos"].is_number())).then_some(legs)
    });
    for (leg, party) in legs.iter().zip(["ann", "bob"]) {
        assert_eq!(leg["party"], party);
        let mos = leg["mos"].as_f64().expect("a number");
        assert!((3.0..4.5).contains(&mos), "{leg:#}");
    }
    let (_, table) = operate(&centre, &["calls"]);
    assert!(table.lines().next().is_some_and(|head| head.contains("MOS")), "{table}");
    ann.hang_up();
    thread::sleep(Duration::from_millis(100));
}
