//! Two families at one switch: who has IPv6 alone talks with who has IPv4 alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::json;

use crate::harness::sipp::{Party, TONE_HZ};
use crate::harness::switch::{Centre, assert_fields};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

#[test]
fn phones_of_both_families_hear_each_other() {
    for (caller, called) in [(V6, V4), (V4, V6), (V6, V6)] {
        let centre = Centre::new("ipv6");
        let port = centre.address.port();
        centre.replace("switch.toml", "listen = [", &format!("listen = [\"[::1]:{port}\", "));
        let switch = centre.start();
        let party = |user: &str, ip| {
            let party = Party::new(user);
            let local = SocketAddr::new(ip, party.port());
            (party.at(local), SocketAddr::new(ip, port))
        };
        let ((bob, for_bob), (ann, for_ann)) = (party("bob", called), party("ann", caller));
        bob.register(&centre.room, for_bob);
        let callee = bob.expect("callee_answers", &centre.room, for_bob, &[]);
        ann.play("caller_talks", &centre.room, for_ann, "202", &[]).passes();
        callee.passes();
        let wanted =
            json!({ "caller": "ann", "called": "202", "answered_by": "bob", "ended_by": "caller", "status": 200 });
        assert_fields(&switch.cdr(), &wanted);
        // Bob's side is an echo of Ann's: what she says got there, and back.
        let recording = switch.recording();
        recording.caller.assert_only("the caller", TONE_HZ, 1900);
        recording.party.assert_only("the party", TONE_HZ, 1900);
    }
}
