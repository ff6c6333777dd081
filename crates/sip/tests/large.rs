//! Requests too large for a datagram: RFC 3261 §18.1.1.

mod desk;

use base::LegId;
use desk::*;
use sip::{Command, Flow, Input, NameAddr, Outgoing, Transport};

/// A call to that flow with so much to offer.
fn call(desk: &mut Desk, flow: Flow, uri: &str, bytes: usize) -> (LegId, Vec<(Transport, String)>) {
    let leg = desk.endpoint.new_leg();
    let address = |user: &str| NameAddr::new(format!("sip:{user}@centrala"));
    let invite = Outgoing {
        uri: uri.to_owned(),
        flow,
        from: address("101"),
        to: address("102"),
        sdp: "x".repeat(bytes).into(),
        credentials: None,
        headers: vec![],
        remove: vec![],
        patience: None,
        others: vec![],
    };
    desk.command(Command::Invite { leg, invite: Box::new(invite) });
    (leg, sent(desk))
}

/// What was sent since, and how.
fn sent(desk: &mut Desk) -> Vec<(Transport, String)> {
    let flows: Vec<Flow> = desk.flows.drain(..).collect();
    desk.sent.drain(..).zip(flows).map(|((_, text), flow)| (flow.transport, text)).collect()
}

fn way(sent: &[(Transport, String)]) -> String {
    let words = sent.iter().map(|(transport, text)| {
        let via = header(text, "Via").split(' ').next().unwrap();
        format!("{} {} {via}", transport.as_str(), text.split(' ').next().unwrap())
    });
    words.collect::<Vec<_>>().join(", ")
}

const PHONE: &str = "sip:102@192.0.2.7:5062";
const BEHIND_NAT: &str = "sip:102@10.0.0.9:5062";

#[test]
fn what_is_larger_than_1300_bytes_goes_by_tcp_where_that_can_be() {
    for (flow, uri, bytes, goes) in [
        (udp(trunk()), "sip:1@carrier", 100, "UDP INVITE SIP/2.0/UDP"),
        (udp(trunk()), "sip:1@carrier", 1300, "TCP INVITE SIP/2.0/TCP"),
        (udp(at(5062)), PHONE, 1300, "TCP INVITE SIP/2.0/TCP"),
        (udp(at(5062)), BEHIND_NAT, 1300, "UDP INVITE SIP/2.0/UDP"), // nobody could open a connection to it
        (tcp(at(5062), 3), PHONE, 1300, "TCP INVITE SIP/2.0/TCP"),
    ] {
        let mut desk = Desk::new();
        let (_, sent) = call(&mut desk, flow, uri, bytes);
        assert_eq!(way(&sent), goes, "{bytes} to {uri}");
        assert_eq!(sent[0].1.matches("\r\nVia:").count(), 1, "{}", sent[0].1);
    }
}

#[test]
fn exactly_1300_bytes_are_not_too_large() {
    let mut desk = Desk::new();
    let (_, sent) = call(&mut desk, udp(trunk()), "sip:1@carrier", 500);
    let room = 1_300 - sent[0].1.len();
    for (more, transport) in [(0, Transport::Udp), (1, Transport::Tcp)] {
        let mut desk = Desk::new();
        let (_, sent) = call(&mut desk, udp(trunk()), "sip:1@carrier", 500 + room + more);
        assert_eq!(sent[0].0, transport, "{} bytes", sent[0].1.len());
    }
}

#[test]
fn one_that_takes_no_tcp_gets_it_by_udp_and_is_not_asked_again_for_a_while() {
    let mut desk = Desk::new();
    let (leg, first) = call(&mut desk, udp(trunk()), "sip:1@carrier", 1300);
    let refused = Input::Unreachable { transport: Transport::Tcp, remote: trunk() };
    desk.tell(refused.clone());
    let again = sent(&mut desk);
    assert_eq!(way(&again), "UDP INVITE SIP/2.0/UDP");
    assert_eq!(header(&first[0].1, "CSeq"), header(&again[0].1, "CSeq"));
    assert_eq!(desk.heard(), "", "nobody above is told of it");
    assert_eq!(way(&call(&mut desk, udp(trunk()), "sip:1@carrier", 1300).1), "UDP INVITE SIP/2.0/UDP");
    desk.say(udp(trunk()), &Text::answer(&again[0].1, 180, "t").print());
    assert_eq!(desk.heard(), "Ringing(180)");
    // What is said of it now is about the one that went by UDP.
    desk.command(Command::HangUp { leg, status: None });
    assert_eq!(way(&sent(&mut desk)), "UDP CANCEL SIP/2.0/UDP");
    desk.pass(600_000);
    sent(&mut desk);
    assert_eq!(way(&call(&mut desk, udp(trunk()), "sip:1@carrier", 1300).1), "TCP INVITE SIP/2.0/TCP");
}

#[test]
fn once_somebody_has_answered_a_lost_connection_is_a_lost_call() {
    let mut desk = Desk::new();
    let (_, first) = call(&mut desk, udp(trunk()), "sip:1@carrier", 1300);
    desk.say(tcp(trunk(), 9), &Text::answer(&first[0].1, 180, "t").print());
    assert_eq!(desk.heard(), "Ringing(180)");
    desk.tell(Input::Unreachable { transport: Transport::Tcp, remote: trunk() });
    assert_eq!(desk.heard(), "Ended(Refused(503))");
}

#[test]
fn only_the_large_request_moves() {
    let mut desk = Desk::new();
    let (leg, first) = call(&mut desk, udp(at(5062)), PHONE, 1300);
    assert_eq!(header(&first[0].1, "Contact"), "<sip:203.0.113.5:5060>", "we are reached as before");
    let answer = Text::answer(&first[0].1, 200, "t").set("Contact", "<sip:102@192.0.2.7:5062>").body(OFFER);
    desk.say(tcp(at(5062), 9), &answer.print());
    assert_eq!(way(&sent(&mut desk)), "UDP ACK SIP/2.0/UDP");
    desk.say(tcp(at(5062), 9), &answer.print());
    assert_eq!(way(&sent(&mut desk)), "UDP ACK SIP/2.0/UDP", "and so is a repeat's");
    // The connection is theirs to speak on, too.
    let phone = Phone::new("102", tcp(at(5062), 9));
    desk.say(phone.flow, &phone.within_theirs(&first[0].1, "t", "INFO", 1).print());
    assert_eq!(sent(&mut desk)[0].1.split(' ').nth(1), Some("200"));
    desk.tell(Input::Closed { connection: 9 });
    desk.command(Command::HangUp { leg, status: None });
    let bye = sent(&mut desk);
    assert_eq!(bye[0].1.split(' ').next(), Some("BYE"));
}
