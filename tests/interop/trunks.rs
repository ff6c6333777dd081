//! Carriers played by sipp: one that wants a registration, one that asks for a password, one that is gone.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, Switch, assert_fields};
use crate::harness::{ports, until};

/// A carrier's address, which nobody has yet.
fn nobody(last: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::from([127, 0, 0, last]), ports::block(2))
}

/// What `centrala trunks --json` says of each.
fn trunks(centre: &Centre) -> Vec<Value> {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_centrala"));
    let output =
        command.args(["trunks", "--json", "--socket"]).arg(centre.journal()).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// What `centrala trunks …` says, and whether it was content.
fn operate(centre: &Centre, words: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_centrala"));
    let output =
        command.arg("trunks").args(words).arg("--socket").arg(centre.journal()).output().expect("the program runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_trunk_is_taken_out_of_use_and_into_it_again_by_command() {
    let centre = Centre::new("trunk-disabled");
    centre.add_carrier();
    let switch = centre.start();
    let (content, listed) = operate(&centre, &[]);
    assert!(content && listed.starts_with("carrier  up  UDP 127.0.0.2:"), "{listed}");
    let (content, said) = operate(&centre, &["disable", "carrier"]);
    assert!(content && said.contains("out of use"), "{said}");
    assert_eq!(trunks(&centre)[0]["state"], "disabled");
    // Nobody is rung at the carrier's: the caller is told at once.
    let ann = Party::new("ann");
    ann.play("caller_refused", &centre.room, switch.address, "9911234567", &[("STATUS", "503")]).passes();
    assert!(operate(&centre, &["enable", "carrier"]).0);
    assert_eq!(trunks(&centre)[0]["state"], "up");
    let (content, said) = operate(&centre, &["disable", "carier"]);
    assert!(!content && said.contains("there is no trunk carier; `centrala trunks` lists them"), "{said}");
}

#[test]
fn a_restart_gives_nobody_another_days_calls() {
    let centre = Centre::new("trunk-today");
    let address = centre.add_carrier();
    centre.add("trunks.toml", "limits = { calls_per_day = 2 }\n");
    let today = |wanted: u32| {
        until("so many calls today", Duration::from_secs(10), || {
            (trunks(&centre).first()?["calls_today"] == wanted).then_some(())
        });
    };
    let call = |switch: &Switch| {
        let callee = Party::new("carrier").at(address).expect("carrier_answers", &centre.room, switch.address, &[]);
        Party::new("ann").play("caller_talks", &centre.room, switch.address, "9911234567", &[]).passes();
        callee.passes();
    };
    let mut switch = centre.start();
    call(&switch);
    today(1);
    switch.process.terminate();
    assert!(switch.process.end_within(Duration::from_secs(10)).success());

    let mut switch = centre.start();
    today(1);
    call(&switch);
    let kept = centre.journal().join("trunks-today.json");
    until("the second call kept", Duration::from_secs(10), || {
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(&kept).ok()?).ok()?;
        (kept["carrier"]["calls"] == 2).then_some(())
    });
    switch.process.kill();
    drop(switch);

    let switch = centre.start();
    today(2);
    let words = [("STATUS", "503")];
    Party::new("ann").play("caller_refused", &centre.room, switch.address, "9911234567", &words).passes();
    today(2);
    let said = switch.process.said();
    assert!(said.contains("2 calls a day (limits.calls_per_day)"), "{said}");
}

#[test]
fn a_carrier_that_wants_a_registration_calls_the_contact_it_was_told() {
    let centre = Centre::new("trunk-registers");
    let address = nobody(3);
    // Its calls come from an address the conf does not know: only the registration tells whose they are.
    centre.add(
        "trunks.toml",
        &format!(
            "[carrier]\naddress = \"{address}\"\ndomain = \"carrier.example\"\nuser = \"centre\"\n\
             password = \"open-sesame\"\nrealm = \"carrier.example\"\n[carrier.register]\nexpires_secs = 600\n"
        ),
    );
    centre.add("routes.toml", "\n[[route]]\nnumber = \"600\"\nfrom = \"trunk:carrier\"\nto = \"echo\"\n");
    let carrier = Party::new("carrier").at(address);
    let registrar = carrier.expect("carrier_wants_registration", &centre.room, centre.address, &[]);
    let switch = centre.start();
    until("a registration", Duration::from_secs(10), || {
        (trunks(&centre).first()?["registration"] == "registered").then_some(())
    });
    registrar.passes();
    let wanted = json!({ "caller": "+385911234567", "called": "600", "direction": "inbound", "trunk_in": "carrier",
                         "path": ["echo"], "status": 200 });
    assert_fields(&switch.cdr(), &wanted);
    let trunk = &trunks(&centre)[0];
    assert!(trunk["registered_secs"].as_u64().is_some_and(|secs| secs > 100 && secs <= 120), "{trunk}");
    assert_eq!((&trunk["state"], &trunk["calls_today"]), (&json!("up"), &json!(1)));
}

#[test]
fn a_carrier_that_challenges_is_answered_in_md5_and_sha_256() {
    for (at, algorithm) in [(8, "MD5"), (9, "SHA-256")] {
        // The carrier is another switch: phones of others prove themselves to it by the same rules.
        let carrier = Centre::new(&format!("trunk-carrier-{algorithm}")).at([127, 0, 0, at]);
        carrier.replace("switch.toml", "[\"SHA-256\", \"MD5\"]", &format!("[\"{algorithm}\"]"));
        carrier.add("people.toml", "\n[centre]\nnumber = \"500\"\npassword = \"open-sesame\"\n");
        let carrier_switch = carrier.start();
        let centre = Centre::new(&format!("trunk-proves-{algorithm}"));
        centre.add(
            "trunks.toml",
            &format!(
                "[carrier]\naddress = \"{}\"\nnumber = \"centre\"\nuser = \"centre\"\npassword = \"open-sesame\"\n\
                 realm = \"centrala\"\n[carrier.register]\n",
                carrier.address
            ),
        );
        let (out, inward) =
            ("number = \"9*\"\nto = \"trunk:carrier\"\nstrip = 1", "number = \"centre\"\nto = \"echo\"");
        centre.add("routes.toml", &format!("\n[[route]]\n{out}\n\n[[route]]\nfrom = \"trunk:carrier\"\n{inward}\n"));
        let switch = centre.start();
        until("a registration", Duration::from_secs(10), || {
            (trunks(&centre).first()?["registration"] == "registered").then_some(())
        });
        // Out: the carrier asks for the password again, with the INVITE. In: to what we registered.
        Party::new("ann").play("caller_talks", &centre.room, switch.address, "9600", &[]).passes();
        assert_fields(&switch.cdr(), &json!({ "caller": "ann", "trunk_out": "carrier", "status": 200 }));
        assert_fields(&carrier_switch.cdr(), &json!({ "caller": "centre", "called": "600", "status": 200 }));
        Party::new("ann").play("caller_talks", &carrier.room, carrier.address, "500", &[]).passes();
        let inward =
            json!({ "caller": "201", "called": "centre", "trunk_in": "carrier", "path": ["echo"], "status": 200 });
        assert_fields(&switch.cdrs_of(2)[1], &inward);
    }
}

#[test]
fn a_carrier_that_is_gone_costs_the_caller_no_more_than_a_moment() {
    let centre = Centre::new("trunk-is-gone");
    // One that refuses connections, one that swallows everything, one that answers.
    let (closed, silent, second) = (nobody(5), nobody(6), nobody(7));
    let swallows = std::net::UdpSocket::bind(silent).expect("a port of our own");
    centre.write(
        "trunks.toml",
        &format!(
            "[closed]\naddress = \"{closed}\"\ntransport = \"tcp\"\n[silent]\naddress = \"{silent}\"\nhealth = {{ answer_secs = 2 }}\n\
             [second]\naddress = \"{second}\"\nnumber = \"+38515550100\"\n[groups.out]\n\
             trunks = [{{ trunk = \"closed\", priority = 1 }}, {{ trunk = \"silent\", priority = 2 }}, \
             {{ trunk = \"second\", priority = 3 }}]\n"
        ),
    );
    centre.add("routes.toml", "\n[[route]]\nnumber = \"9*\"\nto = \"trunk:out\"\n");
    let switch = centre.start();
    let carrier = Party::new("carrier").at(second);
    let callee = carrier.expect("carrier_answers", &centre.room, centre.address, &[]);
    let began = Instant::now();
    Party::new("ann").play("caller_talks", &centre.room, switch.address, "9911234567", &[]).passes();
    callee.passes();
    let cdr = switch.cdr();
    let failures = json!([{ "trunk": "closed", "status": 503 }, { "trunk": "silent", "status": 408 }]);
    assert_fields(&cdr, &json!({ "trunk_out": "second", "status": 200, "trunk_failures": failures }));
    // A refused connection is known at once, silence after answer_secs; the rest is the call itself (3 s of talk).
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    drop(swallows);
}

#[test]
fn a_closed_port_is_known_at_once_by_udp_too() {
    let centre = Centre::new("trunk-port-closed");
    let (closed, second) = (nobody(5), nobody(7));
    centre.write(
        "trunks.toml",
        &format!(
            "[closed]\naddress = \"{closed}\"\nhealth = {{ answer_secs = 30 }}\n\
             [second]\naddress = \"{second}\"\nnumber = \"+38515550100\"\n[groups.out]\n\
             trunks = [{{ trunk = \"closed\", priority = 1 }}, {{ trunk = \"second\", priority = 2 }}]\n"
        ),
    );
    centre.add("routes.toml", "\n[[route]]\nnumber = \"9*\"\nto = \"trunk:out\"\n");
    centre.replace("people.toml", "ring_secs = 2", "ring_secs = 30");
    let switch = centre.start();
    // A phone that ended without a word; then a carrier.
    let (ann, bob) = (Party::new("ann"), Party::new("bob"));
    bob.register(&centre.room, switch.address);
    let began = Instant::now();
    ann.play("caller_refused", &centre.room, switch.address, "202", &[("STATUS", "503")]).passes();
    let carrier = Party::new("carrier").at(second);
    let callee = carrier.expect("carrier_answers", &centre.room, centre.address, &[]);
    ann.play("caller_talks", &centre.room, switch.address, "9911234567", &[]).passes();
    callee.passes();
    let cdrs = switch.cdrs_of(2);
    let failures = json!([{ "trunk": "closed", "status": 503 }]);
    let through = cdrs.iter().find(|cdr| cdr["trunk_out"] == "second").expect("a call by the second carrier");
    assert_fields(through, &json!({ "status": 200, "trunk_failures": failures }));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
