//! Lamps, message lights and texts, among strangers: sipp watches by UDP, TCP and TLS, linphone reads what is written.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::linphone::Linphone;
use crate::harness::sipp::{Party, Play, TRANSPORTS};
use crate::harness::switch::{Centre, Switch, assert_fields};
use crate::harness::until;
use crate::operate::operate;

const A_WHILE: Duration = Duration::from_secs(15);

/// Somebody who watches until these words have been told, which they are not yet.
fn watches(party: &Party, centre: &Centre, switch: &Switch, to: &str, event: &str, words: &str) -> Play {
    let play = watcher(party, centre, switch, to, event, words);
    until("a subscription", A_WHILE, || (!subscriptions(centre).is_empty()).then_some(()));
    play
}

fn watcher(party: &Party, centre: &Centre, switch: &Switch, to: &str, event: &str, words: &str) -> Play {
    let kind = match event {
        "dialog" => "application/dialog-info+xml",
        _ => "application/simple-message-summary",
    };
    let words = [("EVENT", event), ("TYPE", kind), ("BODY", words)];
    party.play("watcher", &centre.room, switch.address, to, &words)
}

fn subscriptions(centre: &Centre) -> Vec<Value> {
    let (content, said) = operate(centre, &["subscriptions", "--json"]);
    assert!(content, "{said}");
    said.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

#[test]
fn a_lamp_shows_that_somebody_talks() {
    for transport in TRANSPORTS {
        let centre = Centre::new("lamp");
        centre.listen_tls();
        let switch = centre.start();
        let (ann, bob, cid) = (Party::new("ann"), Party::new("bob"), Party::new("cid").by(transport));
        bob.register(&centre.room, switch.address);
        let lamp = watches(&cid, &centre, &switch, "202", "dialog", "state.confirmed");
        let [watching] = &subscriptions(&centre)[..] else { panic!("one watches") };
        let wanted = json!(["cid", "dialog", "person:bob", transport]);
        let told = ["watcher", "event", "resource", "transport"].map(|name| watching[name].clone());
        assert_eq!(json!(told), wanted);
        let callee = bob.expect("callee_answers", &centre.room, switch.address, &[]);
        ann.play("caller_talks", &centre.room, switch.address, "202", &[]).passes();
        callee.passes();
        lamp.passes();
        until("no subscription", A_WHILE, || subscriptions(&centre).is_empty().then_some(()));
    }
}

#[test]
fn the_key_beside_a_lamp_picks_up_what_rings_there() {
    for transport in TRANSPORTS {
        let centre = Centre::new("lamp-key");
        centre.listen_tls();
        let switch = centre.start();
        let (ann, bob, cid) = (Party::new("ann"), Party::new("bob"), Party::new("cid").by(transport));
        bob.register(&centre.room, switch.address);
        let key = cid.play("lamp_picks_up", &centre.room, switch.address, "202", &[]);
        until("a subscription", A_WHILE, || (!subscriptions(&centre).is_empty()).then_some(()));
        let rings = bob.expect("callee_is_cancelled", &centre.room, switch.address, &[]);
        ann.play("caller_talks", &centre.room, switch.address, "202", &[]).passes();
        rings.passes();
        key.passes();
        assert_fields(&switch.cdr(), &json!({ "caller": "ann", "called": "202", "answered_by": "cid", "status": 200 }));
    }
}

#[test]
fn one_subscription_shows_a_whole_group() {
    for transport in TRANSPORTS {
        let centre = Centre::new("lamps");
        centre.listen_tls();
        let switch = centre.start();
        let (ann, bob, cid) = (Party::new("ann"), Party::new("bob"), Party::new("cid").by(transport));
        bob.register(&centre.room, switch.address);
        let words = [
            ("application/.*EVENT", "multipart/related;type=.application/rlmi"),
            ("EVENT", "dialog"),
            ("TYPE", "multipart/related, application/rlmi+xml, application/dialog-info+xml\nSupported: eventlist"),
            ("BODY", "state.confirmed"),
        ];
        let lamps = cid.play("watcher", &centre.room, switch.address, "800", &words);
        until("a subscription", A_WHILE, || (!subscriptions(&centre).is_empty()).then_some(()));
        let [watching] = &subscriptions(&centre)[..] else { panic!("one watches") };
        assert_eq!(watching["resource"], "group:sales for cid");
        let callee = bob.expect("callee_answers", &centre.room, switch.address, &[]);
        ann.play("caller_talks", &centre.room, switch.address, "202", &[]).passes();
        callee.passes();
        lamps.passes();
    }
}

/// The same key, and a call that is answered: the INVITE has a Join instead (RFC 3911).
#[test]
fn a_supervisor_joins_the_call_her_lamp_names() {
    for transport in TRANSPORTS {
        let centre = Centre::new("join");
        centre.listen_tls();
        centre.replace("people.toml", "[cid]\n", "[cid]\nsupervises = [\"bob\"]\n");
        let switch = centre.start();
        let (ann, bob, cid) = (Party::new("ann"), Party::new("bob"), Party::new("cid").by(transport));
        bob.register(&centre.room, switch.address);
        let words = [
            ("state.early", "state.confirmed"),
            ("Replaces:", "Join:"),
            (";early-only", ""),
            ("Require: replaces", "Require: join"),
        ];
        let supervisor = cid.play("lamp_picks_up", &centre.room, switch.address, "202", &words);
        until("a subscription", A_WHILE, || (!subscriptions(&centre).is_empty()).then_some(()));
        let callee = bob.expect("callee_answers", &centre.room, switch.address, &[]);
        ann.play("caller_talks", &centre.room, switch.address, "202", &[]).passes();
        callee.passes();
        supervisor.passes();
        let cdr = switch.cdr();
        assert_fields(&cdr, &json!({ "caller": "ann", "answered_by": "bob", "ended_by": "caller", "status": 200 }));
        let joined = json!({ "by": "cid", "of": "bob", "how": "barge" });
        assert_fields(&cdr["supervisions"][0], &joined);
    }
}

#[test]
fn a_light_shows_that_messages_wait_and_a_restart_forgets_none() {
    for transport in TRANSPORTS {
        let centre = Centre::new("light");
        centre.listen_tls();
        let switch = centre.start();
        let ann = Party::new("ann").by(transport);
        let light = watches(&ann, &centre, &switch, "201", "message-summary", "Voice-Message: 3/1");
        assert_eq!(operate(&centre, &["mwi", "ann", "3", "1"]), (true, "ann: 3 new, 1 old\n".to_owned()));
        light.passes();
        let (content, said) = operate(&centre, &["mwi", "nobody", "1"]);
        assert!(!content && said.contains("there is no person \"nobody\"; people.toml names them"), "{said}");
        drop(switch);
        let switch = centre.start();
        let (content, said) = operate(&centre, &["mwi", "--json"]);
        assert_eq!((content, said.trim()), (true, r#"{"account":"ann","new":3,"old":1}"#));
        let ann = Party::new("ann").by(transport); // by a new connection
        watcher(&ann, &centre, &switch, "201", "message-summary", "Messages-Waiting: yes").passes();
    }
}

#[test]
fn who_may_watch_no_longer_is_told_so_at_a_reload() {
    let centre = Centre::new("rights");
    let switch = centre.start();
    let cid = Party::new("cid");
    let _lamp = watches(&cid, &centre, &switch, "202", "dialog", "state.confirmed");
    assert!(operate(&centre, &["reload"]).0);
    assert_eq!(subscriptions(&centre).len(), 1, "nothing has changed");
    centre.add("switch.toml", "\n[watch]\nwatchers = \"nobody\"\n");
    let (content, said) = operate(&centre, &["reload"]);
    assert!(content, "{said}");
    until("no subscription", A_WHILE, || subscriptions(&centre).is_empty().then_some(()));
}

#[test]
fn linphone_reads_a_text() {
    let centre = Centre::new("text");
    let switch = centre.start();
    let mut ann = Linphone::start(&centre.room, "ann", 700, switch.address, "udp", "");
    let mut bob = Linphone::start(&centre.room, "bob", 1_900, switch.address, "tcp", "");
    ann.write(&format!("sip:202@{}", switch.address), "tea is ready");
    bob.wait_for("tea is ready", A_WHILE);
    ann.wait_for("SIP/2.0 200", A_WHILE);
}
