//! Three real phones in a room, on two media threads, and an operator who mutes one and puts another out.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::linphone::Linphone;
use crate::harness::phone::Phone;
use crate::harness::switch::{Centre, assert_fields};
use crate::harness::until;
use crate::operate::{operate, rows};

const A_WHILE: Duration = Duration::from_secs(20);

#[test]
fn who_is_in_a_room_hears_all_others_until_one_is_muted_or_put_out() {
    let centre = Centre::new("conference");
    centre.write("conferences.toml", "[room.standup]\nmoderators = [\"ann\"]\n");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"350\"\nto = \"conference:standup\"\n");
    centre.replace("switch.toml", "[media]\n", "[media]\nthreads = 2\n"); // calls take turns
    let switch = centre.start();
    let room = format!("sip:350@{}", switch.address);
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    ann.dial(&room);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    let mut bob = Linphone::start(&centre.room, "bob", 1_900, switch.address, "udp", "");
    bob.dial(&room);
    bob.wait_for("LinphoneCallStreamsRunning", A_WHILE);
    let mut cid = Phone::speaking(&centre.room, "cid", 1_300, switch.address, "udp", "g722,pcma");
    cid.dial(&room);
    cid.wait_for("CALL_ESTABLISHED", A_WHILE);
    let members = || rows(&centre, &["conferences", "--json"]);
    until("three members", A_WHILE, || (members().len() == 3).then_some(()));
    assert_fields(&members()[0], &json!({ "conference": "standup", "member": 1, "who": "ann", "moderator": true }));
    thread::sleep(Duration::from_secs(4));
    let (content, said) = operate(&centre, &["conferences", "kick", "standup", "3"]);
    assert!(content, "{said}");
    cid.wait_for("CALL_CLOSED", A_WHILE);
    let (content, said) = operate(&centre, &["conferences", "mute", "standup", "2"]);
    assert!(content && members()[1]["muted"] == true, "{said}");
    let (content, said) = operate(&centre, &["conferences", "kick", "standup", "9"]);
    assert!(!content && said.contains("no member of that number"), "{said}");
    let (content, said) = operate(&centre, &["conferences", "end", "standup"]);
    assert!(content, "{said}");
    ann.wait_for("CALL_CLOSED", A_WHILE);
    bob.wait_for("LinphoneCallReleased", A_WHILE);
    let cdrs = until("three records", A_WHILE, || Some(switch.cdrs()).filter(|cdrs| cdrs.len() == 3));
    let causes: Vec<_> = cdrs.iter().map(|cdr| (cdr["caller"].as_str(), cdr["cause"].as_str())).collect();
    assert_eq!(causes[0], (Some("cid"), Some("kicked")));
    assert!(causes[1..].iter().all(|(_, cause)| *cause == Some("conference over")), "{causes:?}");
    for (who, heard, others, own) in [
        ("Ann", ann.heard(), [1_900, 1_300], 700),
        ("Bob", bob.heard(), [700, 1_300], 1_900),
        ("Cid", cid.heard(), [700, 1_900], 1_300),
    ] {
        for other in others {
            assert!(heard.level(other) > -30.0, "{who} hears {other} Hz with {} dB", heard.level(other));
        }
        assert!(heard.level(own) < -45.0, "{who} hears himself with {} dB", heard.level(own));
    }
}
