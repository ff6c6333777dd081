//! What an engine speaks reaches the ear of a real phone: texts and numbers, in the caller's language.

use std::collections::BTreeMap;
use std::time::Duration;

use centrala::shell::Speaker;
use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::sound::Side;
use crate::harness::switch::{Centre, assert_fields};

const ANN_HZ: u32 = 700;
const TEXTS: &str = "wait = { en = \"Please wait.\", hr = \"Molimo pričekajte još otprilike\" }";
const MENUS: &str = r#"
[start]
set = { language = "hr", minutes = "22" }
then = "menu:wait"

[wait]
say = "wait minutes:minutes"
"#;

#[test]
fn a_phone_hears_what_espeak_says_in_croatian() {
    let centre = Centre::new("speech");
    let command = ["espeak-ng", "-v", "{voice}", "--stdin", "--stdout"].map(str::to_owned).to_vec();
    centre.add("switch.toml", &format!("\n[speech]\ncommand = {command:?}\n"));
    centre.add("routes.toml", "\n[[route]]\nnumber = \"620\"\nto = \"menu:start\"\n");
    centre.add("menus.toml", MENUS);
    centre.write("texts.toml", TEXTS);
    // What check had spoken, the start finds.
    let check = centre.command(&["check"]).output().expect("our own program");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    ann.dial(&format!("sip:620@{}", switch.address));
    ann.wait_for("CALL_CLOSED", Duration::from_secs(30));
    let wanted = json!({ "path": ["menu:start", "menu:wait"], "ended_by": "switch", "status": 200 });
    assert_fields(&switch.cdr(), &wanted);

    let speaker = Speaker { command, voices: BTreeMap::new(), folder: centre.conf().join("spoken") };
    let said = |texts: &[&str]| {
        let sounds = speaker.speak_all(texts, "hr").expect("what was spoken is kept");
        Side::of(sounds.iter().flat_map(|sound| sound.pcm()).copied().collect())
    };
    let (right, heard) = (said(&["Molimo pričekajte još otprilike", "dvadeset", "dvije", "minute"]), ann.heard());
    let likeness = heard.likeness(&right);
    assert!(likeness > 0.9, "what Ann hears is like what was said by {likeness:.2} only");
    let wrong = said(&["minute", "dvije", "Molimo pričekajte još otprilike", "dvadeset"]);
    let likeness = heard.likeness(&wrong);
    assert!(likeness < 0.8, "the same words in another order are as like, by {likeness:.2}: this test shows nothing");
}
