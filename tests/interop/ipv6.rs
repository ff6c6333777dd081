//! IPv6: calls by it alone over each transport, and two families at one switch.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::sipp::{Party, TONE_HZ, TRANSPORTS};
use crate::harness::switch::{Centre, Switch, assert_fields};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(10);

/// Ann calls Bob from an address of the one family, who has one of the other.
fn call(centre: &Centre, switch: &Switch, (caller, called): (IpAddr, IpAddr), transport: &'static str) {
    let port = centre.address.port();
    let party = |user: &str, ip| {
        let party = Party::new(user);
        let local = SocketAddr::new(ip, party.port());
        (party.at(local).by(transport), SocketAddr::new(ip, port))
    };
    let ((bob, for_bob), (ann, for_ann)) = (party("bob", called), party("ann", caller));
    bob.register(&centre.room, for_bob);
    let callee = bob.expect("callee_answers", &centre.room, for_bob, &[]);
    ann.play("caller_talks", &centre.room, for_ann, "202", &[]).passes();
    callee.passes();
    let wanted = json!({ "caller": "ann", "called": "202", "answered_by": "bob", "ended_by": "caller", "status": 200 });
    assert_fields(&switch.cdr(), &wanted);
    // Bob's side is an echo of Ann's: what she says got there, and back.
    let recording = switch.recording();
    recording.caller.assert_only("the caller", TONE_HZ, 1900);
    recording.party.assert_only("the party", TONE_HZ, 1900);
}

#[test]
fn phones_of_both_families_hear_each_other() {
    for families in [(V6, V4), (V4, V6)] {
        let centre = Centre::new("families");
        centre.listen_ipv6();
        call(&centre, &centre.start(), families, "UDP");
    }
}

#[test]
fn calls_go_by_ipv6_alone() {
    for transport in TRANSPORTS {
        let centre = Centre::new("ipv6").at(V6);
        centre.listen_tls();
        call(&centre, &centre.start(), (V6, V6), transport);
    }
}

#[test]
fn softphones_of_both_families_hear_each_other() {
    for (anns, bobs, transport) in [(V6, V6, "udp"), (V6, V6, "tcp"), (V6, V6, "tls"), (V6, V4, "udp"), (V4, V6, "udp")]
    {
        let centre =
            if (anns, bobs) == (V6, V6) { Centre::new("softphones").at(V6) } else { Centre::new("softphones") };
        if anns != bobs {
            centre.listen_ipv6();
        }
        let tls = centre.listen_tls();
        let switch = centre.start();
        let port = if transport == "tls" { tls.port() } else { switch.address.port() };
        let [for_ann, for_bob] = [anns, bobs].map(|ip| SocketAddr::new(ip, port));
        let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, for_ann, transport);
        let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, for_bob, transport);
        ann.dial(&format!("sip:202@{for_ann};transport={transport}"));
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        thread::sleep(Duration::from_secs(2));
        bob.hang_up();
        ann.wait_for("CALL_CLOSED", A_WHILE);
        assert_fields(&switch.cdr(), &json!({ "answered_by": "bob", "ended_by": "agent", "status": 200 }));
        ann.heard().assert_only("Ann's ear", BOB_HZ, ANN_HZ);
        bob.heard().assert_only("Bob's ear", ANN_HZ, BOB_HZ);
    }
}
