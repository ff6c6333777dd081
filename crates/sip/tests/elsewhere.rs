//! An INVITE that has more than one way to go: the servers of a name (RFC 3263 §4.3), the flows of a phone (RFC 5626 §5.3).

mod desk;

use desk::*;
use sip::digest::Credentials;
use sip::{Command, Event, Flow, Hop, Input, Transport};

fn first() -> Flow {
    udp(at(5071))
}

fn second() -> Flow {
    udp(at(5072))
}

fn other(flow: Flow) -> Hop {
    Hop { uri: "sip:102@second".to_owned(), routes: vec!["<sip:edge;lr>".to_owned()], flow }
}

fn branch(invite: &str) -> &str {
    header(invite, "Via").split("branch=").nth(1).unwrap().split(';').next().unwrap()
}

#[test]
fn one_that_is_silent_busy_or_gone_is_followed_by_the_next() {
    type Fails = fn(&mut Desk, &str);
    let silent: Fails = |desk, _| {
        desk.pass(4000);
    };
    let busy: Fails = |desk, invite| {
        desk.say(first(), &Text::answer(invite, 503, "t").print());
    };
    let trying_then_busy: Fails = |desk, invite| {
        desk.say(first(), &Text::answer(invite, 100, "").print());
        desk.say(first(), &Text::answer(invite, 503, "t").print());
    };
    let flow_failed: Fails = |desk, invite| {
        desk.say(first(), &Text::answer(invite, 430, "t").print());
    };
    let unreachable: Fails = |desk, _| {
        desk.tell(Input::Unreachable { transport: Transport::Udp, remote: first().remote });
    };
    for fails in [silent, busy, trying_then_busy, flow_failed, unreachable] {
        let mut desk = Desk::new();
        let (_, invite) = desk.outgoing_to(first(), vec![other(second())], None);
        assert!(!invite.contains("Route:"), "{invite}");
        fails(&mut desk, &invite);
        let (to, again) = desk.sent.pop().unwrap();
        assert_eq!(to, second().remote, "{again}");
        assert!(again.starts_with("INVITE sip:102@second SIP/2.0\r\n"), "{again}");
        assert_eq!(header(&again, "Route"), "<sip:edge;lr>");
        for same in ["Call-ID", "From", "To", "CSeq"] {
            assert_eq!(header(&invite, same), header(&again, same));
        }
        assert_ne!(branch(&invite), branch(&again), "a transaction of its own");
        assert!(matches!(&desk.events[..], [Event::Unreached { flow, .. }] if *flow == first()), "{:?}", desk.events);
        desk.events.clear();
        desk.sent.clear();
        // What the first one says now is too late, the second's word counts.
        desk.say(first(), &Text::answer(&invite, 486, "t").print());
        desk.sent.clear();
        desk.say(second(), &Text::answer(&again, 180, "s").print());
        desk.say(second(), &Text::answer(&again, 200, "s").body(OFFER).print());
        assert_eq!(desk.heard(), "5072:ACK Ringing(180) Answered");
    }
}

#[test]
fn the_last_one_has_all_the_time_and_its_word_is_final() {
    let mut desk = Desk::new();
    desk.outgoing_to(first(), vec![other(second())], None);
    desk.pass(4000);
    desk.heard();
    desk.pass(31_900);
    assert!(!desk.heard().contains("Ended"));
    desk.pass(100);
    desk.sent.clear();
    assert_eq!(desk.heard(), "Ended(Refused(408))"); // Timer B
    let (_, invite) = desk.outgoing_to(first(), vec![other(second())], None);
    desk.say(first(), &Text::answer(&invite, 503, "t").print());
    let again = desk.texts().pop().unwrap();
    assert_eq!(desk.say(second(), &Text::answer(&again, 503, "t").print()).heard(), "5072:ACK Ended(Refused(503))");
}

#[test]
fn who_has_rung_or_said_no_is_not_followed() {
    let mut desk = Desk::new();
    let (_, invite) = desk.outgoing_to(first(), vec![other(second())], None);
    desk.say(first(), &Text::answer(&invite, 180, "t").print());
    assert_eq!(
        desk.say(first(), &Text::answer(&invite, 503, "t").print()).heard(),
        "5071:ACK Ringing(180) Ended(Refused(503))"
    );
    for status in [404, 486, 500, 603] {
        let (_, invite) = desk.outgoing_to(first(), vec![other(second())], None);
        let refused = Text::answer(&invite, status, "t").print();
        assert_eq!(desk.say(first(), &refused).heard(), format!("5071:ACK Ended(Refused({status}))"));
    }
}

#[test]
fn an_invite_nobody_wants_any_more_goes_no_further() {
    let mut desk = Desk::new();
    let (leg, _) = desk.outgoing_to(first(), vec![other(second())], None);
    assert_eq!(desk.command(Command::HangUp { leg, status: None }).heard(), "Ended(HungUp)");
    desk.pass(40_000);
    assert!(desk.sent.iter().all(|(to, _)| *to == first().remote), "{:?}", desk.sent);
    assert_eq!((desk.endpoint.legs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn a_password_for_the_first_is_not_told_the_second_unasked() {
    let mut desk = Desk::new();
    let credentials = Credentials { user: "centre".into(), password: "pw".into(), realm: None };
    let (_, invite) = desk.outgoing_to(first(), vec![other(second())], Some(credentials));
    let challenge = "Digest realm=\"carrier\", nonce=\"n\", qop=\"auth\"";
    let challenged = |invite: &str| Text::answer(invite, 401, "t").set("WWW-Authenticate", challenge).print();
    desk.say(first(), &challenged(&invite));
    let signed = desk.texts().pop().unwrap();
    assert!(signed.contains("Authorization: Digest username=\"centre\""), "{signed}");
    desk.say(first(), &Text::answer(&signed, 503, "t").print());
    let again = desk.texts().pop().unwrap();
    assert!(again.starts_with("INVITE sip:102@second") && !again.contains("Authorization"), "{again}");
    desk.say(second(), &challenged(&again));
    let signed = desk.texts().pop().unwrap();
    assert!(signed.contains("uri=\"sip:102@second\""), "the same realm, asked by another: {signed}");
    desk.say(second(), &Text::answer(&signed, 200, "t").body(OFFER).print());
    assert_eq!(desk.heard(), "5072:ACK Answered");
}

#[test]
fn retry_after_is_passed_on() {
    let mut desk = Desk::new();
    let (_, invite) = desk.outgoing(first(), None);
    desk.say(first(), &Text::answer(&invite, 503, "t").set("Retry-After", "18000;duration=3600").print());
    let retry_after_secs = Some(18_000);
    assert!(desk.events().contains(&Event::Unreached { flow: first(), retry_after_secs }));
}
