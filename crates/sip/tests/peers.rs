//! Trunks known by the certificates of their connections (RFC 5922), and connections used both ways (RFC 5923).

mod desk;

use std::net::SocketAddr;

use desk::*;
use sip::{Command, Event, Flow, Input, Origin, SipConf, Transport};

/// A desk whose carrier shows a certificate.
fn desk() -> Desk {
    let mut conf: SipConf = conf();
    conf.trunks[0].by_certificate = true;
    Desk::with(conf)
}

fn tls(remote: SocketAddr, connection: u64) -> Flow {
    Flow { transport: Transport::Tls, connection, ..udp(remote) }
}

fn proven(desk: &mut Desk, connection: u64, trunk: &str) {
    desk.tell(Input::Proven { connection, trunk: trunk.to_owned() });
}

/// The answer to an INVITE without a password: whose it is, or the status.
fn invited(desk: &mut Desk, flow: Flow, n: u32) -> String {
    let caller = Phone::new("+44", flow);
    let invite = caller.request("INVITE", "sip:102@centrala", n).set("Call-ID", &format!("c{n}")).body(OFFER);
    let (texts, events) = desk.say(flow, &invite.print()).both();
    match events.into_iter().find_map(|event| if let Event::Incoming(incoming) = event { Some(incoming) } else { None })
    {
        Some(incoming) => match &incoming.origin {
            Origin::Trunk(trunk) => trunk.clone(),
            origin => panic!("{origin:?}"),
        },
        None => status(&texts[0]).to_string(),
    }
}

#[test]
fn the_certificate_of_the_connection_says_who_calls_and_the_address_does_not() {
    let mut desk = desk();
    let elsewhere = at(40_000);
    proven(&mut desk, 7, "carrier");
    proven(&mut desk, 8, "another"); // of a conf that was
    for (flow, who) in [
        (tls(elsewhere, 7), "carrier"),
        (tls(elsewhere, 8), "401"),
        (tls(elsewhere, 9), "401"),
        (tls(trunk(), 9), "401"),
        (udp(trunk()), "401"),
    ] {
        let n = flow.connection as u32 * 100 + u32::from(flow.remote.port() % 100);
        assert_eq!(invited(&mut desk, flow, n), who, "{flow:?}");
    }
    // What a connection has proven ends with it.
    desk.tell(Input::Closed { connection: 7 }).events();
    assert_eq!(invited(&mut desk, tls(elsewhere, 7), 1), "401");
}

#[test]
fn a_call_is_continued_by_who_proves_the_same_name() {
    for (connection, proves, answer) in
        [(7, None, 200), (8, Some("carrier"), 200), (8, Some("other"), 401), (8, None, 401)]
    {
        let mut desk = desk();
        proven(&mut desk, 7, "carrier");
        let caller = Phone::new("+44", tls(at(40_000), 7));
        let invite = caller.request("INVITE", "sip:102@centrala", 1).body(OFFER);
        let events = desk.say(caller.flow, &invite.print()).events();
        let Some(Event::Incoming(incoming)) = events.first() else { panic!("{events:?}") };
        let ok = desk.command(Command::Answer { leg: incoming.leg, sdp: OFFER.into() }).text();
        desk.say(caller.flow, &caller.within(&ok, "ACK", 1).print());
        desk.events();
        if let Some(name) = proves {
            proven(&mut desk, connection, name);
        }
        let from = tls(at(40_001 - u16::from(connection == 7)), connection);
        let answers = desk.say(from, &caller.within(&ok, "BYE", 2).print()).texts();
        assert_eq!(status(&answers[0]), answer, "{connection} {proves:?}");
    }
}

#[test]
fn a_proven_connection_is_used_both_ways_if_its_owner_wants_it() {
    for (transport, proves, via, remote) in [
        ("TLS", true, "TLS 10.0.0.9:5071;branch=z9hG4bKa;alias", Some(5071)),
        ("TLS", true, "TLS sip.carrier.example;branch=z9hG4bKa;rport;alias", Some(5061)),
        ("TLS", true, "TLS 10.0.0.9:5071;branch=z9hG4bKa", None),
        ("TLS", false, "TLS 10.0.0.9:5071;branch=z9hG4bKa;alias", None), // RFC 5923 §9: anybody could say so
        ("TCP", true, "TCP 10.0.0.9:5071;branch=z9hG4bKa;alias", None),
    ] {
        let mut desk = desk();
        if proves {
            proven(&mut desk, 7, "carrier");
        }
        let flow =
            Flow { transport: if transport == "TLS" { Transport::Tls } else { Transport::Tcp }, ..tls(at(40_000), 7) };
        let peer = Phone::new("+44", flow);
        for _ in 0..2 {
            let options = peer.request("OPTIONS", "sip:centrala", 1).set("Via", &format!("SIP/2.0/{via}"));
            desk.say(flow, &options.print());
        }
        // Where it was seen, whatever it writes; and once.
        let wanted: Vec<_> = remote.into_iter().map(|port| (7, "carrier".to_owned(), at(port))).collect();
        assert_eq!(desk.reused, wanted, "{via}");
    }
}

#[test]
fn we_offer_the_same_to_a_trunk_and_to_nobody_else() {
    let mut desk = desk();
    for (flow, offers) in [(tls(trunk(), 0), true), (tls(at(5071), 7), false), (udp(trunk()), false)] {
        let (_, invite) = desk.outgoing(flow, None);
        assert_eq!(header(&invite, "Via").contains(";alias"), offers, "{flow:?}");
    }
}
