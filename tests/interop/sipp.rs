//! sipp's phones and carriers: the ladders of everyday calls, by UDP, TCP and TLS.

use std::time::Duration;

use serde_json::json;

use crate::harness::sipp::{Party, TONE_HZ, TRANSPORTS};
use crate::harness::switch::{Centre, assert_fields};

#[test]
fn a_phone_registers_with_its_password() {
    let centre = Centre::new("register");
    centre.listen_tls();
    let switch = centre.start();
    for transport in TRANSPORTS {
        Party::new("ann").by(transport).register(&centre.room, switch.address);
    }
}

#[test]
fn a_wrong_password_is_refused_like_an_unknown_name() {
    let centre = Centre::new("wrong-password");
    centre.listen_tls();
    centre.replace("switch.toml", "[\"SHA-256\", \"MD5\"]", "[\"MD5\"]"); // sipp knows no other
    let switch = centre.start();
    for transport in TRANSPORTS {
        for user in ["ann", "nobody"] {
            let party = Party::new(user).by(transport).with_password("guessed");
            let play = |scenario, to| party.play(scenario, &centre.room, switch.address, to, &[("STATUS", "401")]);
            play("register_refused", "").passes();
            play("caller_wrong_password", "202").passes();
            play("caller_unauthenticated", "202").passes();
        }
    }
    assert!(switch.cdrs().is_empty(), "a stranger's attempt is no call");
}

#[test]
fn the_caller_hangs_up_and_both_sides_are_recorded() {
    for transport in TRANSPORTS {
        let centre = Centre::new("caller-hangs-up");
        centre.listen_tls();
        let switch = centre.start();
        let bob = Party::new("bob").by(transport);
        bob.register(&centre.room, switch.address);
        let callee = bob.expect("callee_answers", &centre.room, switch.address, &[]);
        let ann = Party::new("ann").by(transport);
        ann.play("caller_talks", &centre.room, switch.address, "202", &[]).passes();
        callee.passes();
        let cdr = switch.cdr();
        let wanted = json!({ "caller": "ann", "called": "202", "direction": "internal", "answered_by": "bob",
                             "ended_by": "caller", "status": 200 });
        assert_fields(&cdr, &wanted);
        let talked = cdr["talk_secs"].as_f64().expect("a number");
        assert!((2.8..4.5).contains(&talked), "{cdr:#}");
        // Bob's side is an echo of Ann's: what she says got there, and back.
        let recording = switch.recording();
        recording.caller.assert_only("the caller", TONE_HZ, 1900);
        recording.party.assert_only("the party", TONE_HZ, 1900);
        assert!((recording.caller.seconds() - talked).abs() < 0.2, "{} s, {cdr:#}", recording.caller.seconds());
        assert_eq!(recording.sidecar["call"], cdr["call"]);
        let name = recording.file.display().to_string();
        let file = cdr["recordings"][0].as_str().expect("a file");
        assert!(name.ends_with(file) && file.contains(cdr["call"].as_str().expect("an id")), "{name}, {cdr:#}");
    }
}

#[test]
fn the_callee_hangs_up() {
    let centre = Centre::new("callee-hangs-up");
    let switch = centre.start();
    let bob = Party::new("bob");
    bob.register(&centre.room, switch.address);
    let callee = bob.expect("callee_hangs_up", &centre.room, switch.address, &[]);
    Party::new("ann").play("caller_waits_for_bye", &centre.room, switch.address, "bob", &[]).passes();
    callee.passes();
    assert_fields(&switch.cdr(), &json!({ "called": "bob", "answered_by": "bob", "ended_by": "agent", "status": 200 }));
}

#[test]
fn a_caller_who_gives_up_is_told_487_and_the_phone_stops_ringing() {
    for transport in TRANSPORTS {
        let centre = Centre::new("cancel");
        centre.listen_tls();
        let switch = centre.start();
        let bob = Party::new("bob").by(transport);
        bob.register(&centre.room, switch.address);
        let callee = bob.expect("callee_is_cancelled", &centre.room, switch.address, &[]);
        Party::new("ann").by(transport).play("caller_cancels", &centre.room, switch.address, "202", &[]).passes();
        callee.passes();
        assert_fields(&switch.cdr(), &json!({ "answered": null, "ended_by": "caller", "status": 487 }));
    }
}

#[test]
fn a_refusal_reaches_the_caller_as_it_is() {
    for status in ["486", "603", "404"] {
        let centre = Centre::new("refused");
        let switch = centre.start();
        let bob = Party::new("bob");
        bob.register(&centre.room, switch.address);
        let callee = bob.expect("callee_refuses", &centre.room, switch.address, &[("STATUS", status)]);
        let words = [("STATUS", status)];
        Party::new("ann").play("caller_refused", &centre.room, switch.address, "202", &words).passes();
        callee.passes();
        assert_fields(&switch.cdr(), &json!({ "answered": null, "status": status.parse::<u16>().expect("a number") }));
    }
}

#[test]
fn a_phone_nobody_picks_up_rings_as_long_as_ring_secs_says() {
    let centre = Centre::new("no-answer");
    let switch = centre.start();
    let bob = Party::new("bob");
    bob.register(&centre.room, switch.address);
    let callee = bob.expect("callee_is_cancelled", &centre.room, switch.address, &[]);
    Party::new("ann").play("caller_refused", &centre.room, switch.address, "202", &[("STATUS", "480")]).passes();
    callee.passes();
    let cdr = switch.cdr();
    assert_fields(&cdr, &json!({ "answered": null, "status": 480 }));
    let lasted = Duration::from_secs_f64(cdr["duration_secs"].as_f64().expect("a number"));
    assert!((Duration::from_millis(1900)..Duration::from_secs(3)).contains(&lasted), "{cdr:#}");
}

#[test]
fn a_number_that_leads_nowhere_is_told_so() {
    let centre = Centre::new("nowhere");
    centre.listen_tls();
    let switch = centre.start();
    for transport in TRANSPORTS {
        for (number, status) in [("299", "404"), ("cid", "480")] {
            let ann = Party::new("ann").by(transport);
            ann.play("caller_refused", &centre.room, switch.address, number, &[("STATUS", status)]).passes();
        }
    }
    let statuses: Vec<_> = switch.cdrs_of(2 * TRANSPORTS.len()).iter().map(|cdr| cdr["status"].clone()).collect();
    assert_eq!(statuses, [404, 480].repeat(TRANSPORTS.len()), "each is a call of its own");
}

#[test]
fn a_group_rings_together_and_stops_when_one_answers() {
    let centre = Centre::new("group");
    let switch = centre.start();
    let (bob, cid) = (Party::new("bob"), Party::new("cid"));
    let waiting = [(&bob, "callee_is_cancelled"), (&cid, "callee_answers")].map(|(party, scenario)| {
        party.register(&centre.room, switch.address);
        party.expect(scenario, &centre.room, switch.address, &[])
    });
    Party::new("ann").play("caller_talks", &centre.room, switch.address, "800", &[]).passes();
    waiting.into_iter().for_each(|play| play.passes());
    assert_fields(&switch.cdr(), &json!({ "called": "800", "answered_by": "cid", "status": 200 }));
}

#[test]
fn a_carriers_call_needs_no_password_and_a_strangers_does() {
    for transport in TRANSPORTS {
        let centre = Centre::new("trunk-in");
        centre.listen_tls();
        let address = centre.add_carrier();
        let switch = centre.start();
        let bob = Party::new("bob");
        bob.register(&centre.room, switch.address);
        let callee = bob.expect("callee_answers", &centre.room, switch.address, &[]);
        let carrier = Party::new("+385911234567").at(address).by(transport);
        carrier.play("carrier_calls", &centre.room, switch.address, "+38515550100", &[]).passes();
        callee.passes();
        let wanted = json!({ "caller": "+385911234567", "called": "+38515550100", "direction": "inbound",
                             "answered_by": "bob", "status": 200 });
        assert_fields(&switch.cdr(), &wanted);
        let stranger = Party::new("+385911234567").by(transport);
        stranger.play("caller_unauthenticated", &centre.room, switch.address, "+38515550100", &[]).passes();
    }
}

#[test]
fn a_call_goes_out_through_the_carrier_under_our_number() {
    for transport in ["UDP", "TCP"] {
        let centre = Centre::new("trunk-out");
        let address = centre.add_carrier();
        let how = format!("[carrier]\ntransport = \"{}\"\n", transport.to_lowercase());
        centre.replace("trunks.toml", "[carrier]\n", &how);
        let switch = centre.start();
        let carrier = Party::new("carrier").at(address).by(transport);
        let callee = carrier.expect("carrier_answers", &centre.room, switch.address, &[]);
        Party::new("ann").play("caller_talks", &centre.room, switch.address, "9911234567", &[]).passes();
        callee.passes();
        let wanted = json!({ "caller": "ann", "called": "9911234567", "direction": "outbound", "status": 200 });
        assert_fields(&switch.cdr(), &wanted);
    }
}
