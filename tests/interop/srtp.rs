//! Encrypted media (SRTP) with keys in the signalling: baresip and linphone, with one another and with plain phones.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::linphone::Linphone;
use crate::harness::phone::Phone;
use crate::harness::switch::{Centre, Switch, assert_fields};

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(15);

/// What the legs of the call were encrypted with; `-` is nothing.
fn suites(cdr: &Value) -> Vec<&str> {
    let legs = cdr["media"].as_array().into_iter().flatten();
    let mut suites: Vec<&str> = legs.map(|leg| leg["srtp"].as_str().unwrap_or("-")).collect();
    suites.sort_unstable();
    suites
}

fn assert_heard(switch: &Switch, ann: crate::harness::sound::Side, bob: crate::harness::sound::Side) {
    ann.assert_only("Ann's ear", BOB_HZ, ANN_HZ);
    bob.assert_only("Bob's ear", ANN_HZ, BOB_HZ);
    switch.recording().assert_sides(ANN_HZ, BOB_HZ);
}

#[test]
fn an_encrypted_phone_talks_with_a_plain_one_and_with_another() {
    const SHA1: &str = "AES_CM_128_HMAC_SHA1_80"; // all it offers; of what it is offered it takes the best
    const BEST: &str = "AEAD_AES_256_GCM";
    for (anns, bobs, expected) in
        [("srtp-mand", None, ["-", SHA1]), ("srtp", Some("srtp-mand"), [BEST, SHA1]), ("srtp", None, ["-", SHA1])]
    {
        let centre = Centre::new("srtp");
        let tls = centre.listen_tls();
        if anns == "srtp-mand" {
            centre.replace("people.toml", "number = \"201\"", "number = \"201\"\nsrtp = \"required\"");
        }
        let switch = centre.start();
        let mut ann = Phone::encrypting(&centre.room, "ann", ANN_HZ, tls, anns);
        let mut bob = match bobs {
            Some(mediaenc) => Phone::encrypting(&centre.room, "bob", BOB_HZ, tls, mediaenc),
            None => Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp"),
        };
        ann.dial(&format!("sip:202@{tls};transport=tls"));
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        thread::sleep(Duration::from_secs(2));
        ann.hang_up();
        bob.wait_for("CALL_CLOSED", A_WHILE);
        let cdr = switch.cdr();
        assert_eq!(suites(&cdr), expected, "{cdr:#}");
        assert_heard(&switch, ann.heard(), bob.heard());
    }
}

#[test]
fn linphone_is_called_and_calls_encrypted() {
    // As a callee it takes keys beside a plain offer for no offer: whose phone should encrypt says so in the conf.
    for (mandatory, calls) in [(1, true), (0, false)] {
        let centre = Centre::new("srtp-linphone");
        let tls = centre.listen_tls();
        if !calls {
            centre.replace("people.toml", "number = \"201\"", "number = \"201\"\nsrtp = \"required\"");
        }
        let switch = centre.start();
        let more = format!("[sip]\nmedia_encryption=srtp\nmedia_encryption_mandatory={mandatory}\n");
        let mut ann = Linphone::start(&centre.room, "ann", ANN_HZ, tls, "tls", &more);
        let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
        match calls {
            true => ann.dial(&format!("sip:202@{tls};transport=tls")),
            false => bob.dial(&format!("sip:201@{}", switch.address)),
        }
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        thread::sleep(Duration::from_secs(3));
        bob.hang_up();
        ann.wait_for("LinphoneCallReleased", A_WHILE);
        let cdr = switch.cdr();
        assert_fields(&cdr, &json!({ "status": 200 }));
        let suites = suites(&cdr);
        assert!(suites[0] == "-" && suites[1].starts_with("AE"), "{cdr:#}");
        let (ann, bob) = (ann.heard(), bob.heard());
        ann.assert_only("Ann's ear", BOB_HZ, ANN_HZ);
        bob.assert_only("Bob's ear", ANN_HZ, BOB_HZ);
    }
}

#[test]
fn who_must_encrypt_gets_no_plain_call_and_no_key_where_it_could_be_read() {
    let centre = Centre::new("srtp-required");
    centre.listen_tls();
    centre.replace("people.toml", "number = \"202\"", "number = \"202\"\nsrtp = \"required\"");
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    let _bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    ann.wait_for("CALL_CLOSED", A_WHILE);
    assert_fields(&switch.cdr(), &json!({ "status": 488, "answered_by": null }));
}
