//! Phones behind a proxy that stands before the switch and is believed: kamailio, with baresip and sipp.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::edge::Edge;
use crate::harness::phone::Phone;
use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, Switch, assert_fields};
use crate::operate::operate;

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(10);

fn centre(name: &str) -> (Centre, Switch) {
    let centre = Centre::new(name);
    centre.add("switch.toml", "\n[proxies]\naddresses = [\"127.0.0.3\"]\n");
    let switch = centre.start();
    (centre, switch)
}

#[test]
fn phones_behind_a_proxy_call_each_other() {
    for (phones, onward) in [(["udp", "udp"], "udp"), (["tcp", "udp"], "tcp")] {
        let (centre, switch) = centre("edge");
        let edge = Edge::start(&centre.room, switch.address, onward);
        let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, edge.address, phones[0]);
        let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, edge.address, phones[1]);
        ann.dial(&format!("sip:202@{}", edge.address));
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        let (_, phones) = operate(&centre, &["phones"]);
        assert!(phones.contains("127.0.0.1") && !phones.contains("127.0.0.3"), "{phones}");
        thread::sleep(Duration::from_secs(2));
        ann.hang_up();
        bob.wait_for("CALL_CLOSED", A_WHILE);
        let cdr = switch.cdr();
        assert_fields(&cdr, &json!({ "caller": "ann", "called": "202", "answered_by": "bob", "status": 200 }));
        ann.heard().assert_only("Ann's ear", BOB_HZ, ANN_HZ);
        bob.heard().assert_only("Bob's ear", ANN_HZ, BOB_HZ);
    }
}

#[test]
fn who_guesses_behind_a_proxy_is_banned_and_nobody_beside_him() {
    let (centre, switch) = centre("edge-bans");
    centre.replace("switch.toml", "[\"SHA-256\", \"MD5\"]", "[\"MD5\"]"); // sipp knows no other
    centre.add("switch.toml", "\n[security]\nwrong_passwords_max = 2\nwrong_passwords_of_a_source_max = 3\n");
    drop(switch);
    let switch = centre.start();
    let edge = Edge::start(&centre.room, switch.address, "udp");
    let guess = |user: &str, status: &str| {
        let guesser = Party::new(user).with_password("guessed");
        let local = std::net::SocketAddr::from(([127, 0, 0, 9], guesser.port()));
        guesser.at(local).play("register_refused", &centre.room, edge.address, "", &[("STATUS", status)]).passes();
    };
    for (user, status) in
        [("ann", "401"), ("ann", "401"), ("ann", "403"), ("bob", "401"), ("bob", "401"), ("cid", "401"), ("cid", "403")]
    {
        guess(user, status);
    }
    let (_, bans) = operate(&centre, &["bans"]);
    assert!(bans.contains("127.0.0.9") && !bans.contains("127.0.0.3"), "{bans}");
    for user in ["ann", "bob"] {
        Party::new(user).register(&centre.room, edge.address);
    }
}

#[test]
fn a_phone_that_keeps_a_flow_is_reached_by_it_and_goes_by_its_gruu() {
    for transport in ["udp", "tcp"] {
        let (centre, switch) = centre("edge-outbound");
        let edge = Edge::start(&centre.room, switch.address, "udp");
        let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
        let way = (edge.address, transport);
        let mut bob = Phone::outbound(&centre.room, "bob", BOB_HZ, switch.address, way);
        ann.dial(&format!("sip:202@{}", switch.address));
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        thread::sleep(Duration::from_secs(2));
        ann.hang_up();
        bob.wait_for("CALL_CLOSED", A_WHILE);
        assert_fields(&switch.cdr(), &json!({ "caller": "ann", "answered_by": "bob", "ended_by": "caller" }));
        ann.heard().assert_only("Ann's ear", BOB_HZ, ANN_HZ);
        bob.heard().assert_only("Bob's ear", ANN_HZ, BOB_HZ);
        let (_, ladder) = operate(&centre, &["trace", "--user", "bob", "--full"]);
        for word in [";ob>", "Require: outbound", ";pub-gruu=\"sip:bob@", "Supported: gruu, outbound, path"] {
            assert!(ladder.contains(word), "{word} {transport}: {ladder}\n{}", edge.said());
        }
        let to_gruu =
            ladder.lines().filter(|line| line.contains("Contact: <sip:bob@") && line.contains(";gr=")).count();
        assert!(to_gruu > 0, "he goes by his GRUU: {ladder}");
        // He is reached at what he registered.
        let byes: Vec<_> = ladder.lines().filter(|line| line.contains("BYE sip:")).collect();
        assert!(byes.iter().all(|bye| !bye.contains(";gr=")), "{byes:?}");
    }
}
