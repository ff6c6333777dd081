//! What ICMP says of our requests: RFC 3261 §8.1.3.1, §17.1.4, §18.4. Anybody can send such a message.

mod desk;

use desk::*;
use sip::{Command, Flow, Hop, Input};

fn first() -> Flow {
    udp(at(5071))
}

fn second() -> Hop {
    Hop { uri: "sip:102@second".to_owned(), routes: vec![], flow: udp(at(5072)) }
}

/// As much of a request as the machine it was for quotes of it.
fn undelivered(to: Flow, request: &str) -> Input {
    let length = request.len().min(520);
    Input::Undelivered { remote: to.remote, quoted: request[..length].to_owned().into() }
}

#[test]
fn a_call_to_nobody_goes_elsewhere_or_fails_at_once() {
    let mut desk = Desk::new();
    let (_, invite) = desk.outgoing_to(first(), vec![second()], None);
    desk.tell(undelivered(first(), &invite));
    let again = desk.text();
    assert!(again.starts_with("INVITE sip:102@second "), "{again}");
    desk.tell(undelivered(first(), &invite)); // said again: nobody waits there any more
    assert_eq!(desk.heard(), "");
    desk.tell(undelivered(second().flow, &again));
    assert_eq!(desk.heard(), "Ended(Refused(503))");
    assert_eq!(desk.endpoint.transactions(), 0);
}

#[test]
fn a_forged_one_ends_nothing() {
    let mut desk = Desk::new();
    let (_, invite) = desk.outgoing_to(first(), vec![second()], None);
    let other_branch = invite.replacen("branch=z9hG4bK", "branch=z9hG4bKguess", 1);
    let as_cancel = invite.replace("INVITE", "CANCEL");
    for (to, quoted) in [
        (first(), other_branch.as_str()),
        (first(), as_cancel.as_str()),
        (first(), "INVITE sip:102@10.0.0.9:5062;ob SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.5:5060;branch="),
        (first(), &invite[..8]),
        (udp(at(5099)), invite.as_str()), // not where it went
        (first(), ""),
    ] {
        desk.tell(undelivered(to, quoted));
        assert_eq!(desk.heard(), "", "{quoted}");
    }
    // Somebody is there: what is said now is old, or a lie.
    desk.say(first(), &Text::answer(&invite, 100, "").print());
    desk.tell(undelivered(first(), &invite));
    assert_eq!(desk.heard(), "");
    desk.say(first(), &Text::answer(&invite, 180, "t").print());
    desk.say(first(), &Text::answer(&invite, 200, "t").body(OFFER).print());
    desk.tell(undelivered(first(), &invite));
    assert_eq!(desk.heard(), "5071:ACK Ringing(180) Answered");
}

#[test]
fn a_call_that_stands_is_not_ended_by_what_routers_say() {
    let mut desk = Desk::new();
    let (leg, invite) = desk.outgoing_to(first(), vec![], None);
    desk.say(first(), &Text::answer(&invite, 200, "t").body(OFFER).print());
    desk.heard();
    let again = desk.command(Command::Offer { leg, sdp: "v=0 again".into() }).text();
    desk.tell(undelivered(first(), &again));
    assert_eq!(desk.heard(), "");
    desk.say(first(), &Text::answer(&again, 200, "").body(OFFER).print());
    assert!(desk.heard().contains("Agreed"), "the re-INVITE is still under way");
}
