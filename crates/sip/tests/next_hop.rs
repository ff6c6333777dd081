//! Where dialogs go on: by the first proxy of their route or a carrier's Contact, be it a name (RFC 3261 §12.2.1.1, RFC 3263).

mod desk;

use std::net::SocketAddr;
use std::time::Duration;

use base::LegId;
use desk::*;
use sip::{Command, Event, Flow, Input, Place, SipConf, Transport};

fn place(uri: &str) -> Place {
    Place::of(&uri.parse().unwrap()).unwrap()
}

fn carrier_at(last: u8) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, last], 5060))
}

/// A desk that takes all of 198.51.100.0/28 for its carrier.
fn desk() -> Desk {
    let mut conf: SipConf = conf();
    conf.trunks[0].addresses = vec!["198.51.100.0/28".parse().unwrap()];
    Desk::with(conf)
}

/// What it wants to know since.
fn asked(desk: &mut Desk) -> Vec<Place> {
    let named = |event: Event| if let Event::Named { place } = event { Some(place) } else { None };
    desk.events().into_iter().filter_map(named).collect()
}

/// A call to the carrier, answered by one who says these headers. What it wants to know, and where the ACK went.
fn called(desk: &mut Desk, flow: Flow, names: &[(&str, &str)]) -> (LegId, Vec<Place>, SocketAddr) {
    let (leg, invite) = desk.outgoing(flow, None);
    let mut ok = Text::answer(&invite, 200, "t").body(OFFER);
    for (name, value) in names {
        ok = if *name == "Contact" { ok.set(name, value) } else { ok.add(name, value) };
    }
    desk.say(flow, &ok.print());
    let went = desk.flows.last().unwrap().remote;
    (leg, asked(desk), went)
}

fn bye(desk: &mut Desk, leg: LegId) -> Flow {
    desk.command(Command::HangUp { leg, status: None });
    let bye = desk.text();
    assert!(bye.starts_with("BYE "), "{bye}");
    *desk.flows.last().unwrap()
}

#[test]
fn a_name_in_the_route_is_asked_for_and_followed_once_it_is_known() {
    for route in ["<sip:edge.carrier.example;lr>", "<sip:edge.carrier.example:5060;lr;did=a1>"] {
        let mut desk = desk();
        let routes = [("Record-Route", "<sip:10.9.9.9;lr>"), ("Record-Route", route)];
        let (leg, asked, ack_to) = called(&mut desk, udp(carrier_at(1)), &routes);
        let edge = place(route.trim_matches(['<', '>']));
        assert_eq!(asked, std::slice::from_ref(&edge), "once, and the nearest of both");
        assert_eq!(ack_to, carrier_at(1), "nobody waits for a name");
        let (v6, there) = ("[2001:db8::2]:5060".parse().unwrap(), carrier_at(2));
        let flows = vec![tcp(there, 0), udp(v6), udp(there)];
        desk.tell(Input::Leads { place: edge, flows });
        assert_eq!(bye(&mut desk, leg), udp(there), "the transport and family it speaks already");
    }
}

#[test]
fn a_call_of_the_carriers_knows_its_way_back_before_it_is_answered() {
    for (contact, routes) in
        [("<sip:gw.carrier.example>", None), ("<sip:gw@10.0.0.1>", Some("<sip:gw.carrier.example;lr>"))]
    {
        let mut desk = desk();
        let caller = Phone::new("+44", udp(carrier_at(1)));
        let mut invite = caller.request("INVITE", "sip:102@centrala", 1).body(OFFER).set("Contact", contact);
        if let Some(route) = routes {
            invite = invite.add("Record-Route", route);
        }
        let events = desk.say(caller.flow, &invite.print()).events();
        let leg = events.iter().find_map(|event| match event {
            Event::Incoming(incoming) => Some(incoming.leg),
            _ => None,
        });
        let gateway = place("sip:gw.carrier.example");
        assert!(events.contains(&Event::Named { place: gateway.clone() }), "{events:?}");
        desk.tell(Input::Leads { place: gateway, flows: vec![udp(carrier_at(3))] });
        let ok = desk.command(Command::Answer { leg: leg.unwrap(), sdp: OFFER.into() }).text();
        assert_eq!(desk.flows.last().unwrap().remote, carrier_at(1), "answers go where they were asked (§18.2.2)");
        desk.say(caller.flow, &caller.within(&ok, "ACK", 1).print());
        desk.events();
        assert_eq!(bye(&mut desk, leg.unwrap()).remote, carrier_at(3));
    }
}

#[test]
fn a_contact_is_followed_where_it_is_the_carriers_own() {
    for (from, contact, goes_to) in [
        (carrier_at(1), "<sip:gw@198.51.100.2>", carrier_at(2)),
        (carrier_at(1), "<sip:gw@198.51.100.2:5070>", "198.51.100.2:5070".parse().unwrap()),
        (carrier_at(1), "<sip:gw@10.1.1.1:5070>", carrier_at(1)), // behind a NAT
        (carrier_at(1), "<sip:gw@203.0.113.66>", carrier_at(1)),  // none of its addresses
        (at(5071), "<sip:102@198.51.100.2>", at(5071)),           // a phone would have us speak to our carrier
        (at(5071), "<sip:102@gw.carrier.example>", at(5071)),
    ] {
        let mut desk = desk();
        let (leg, asked, _) = called(&mut desk, udp(from), &[("Contact", contact)]);
        assert_eq!(asked, [], "{contact}");
        assert_eq!(bye(&mut desk, leg).remote, goes_to, "{contact}");
    }
}

#[test]
fn one_who_is_heard_by_a_stream_is_spoken_to_by_it() {
    let (there, else_where) = (carrier_at(1), carrier_at(2));
    let tls = |remote, connection| Flow { transport: Transport::Tls, connection, ..udp(remote) };
    for (by, leads, goes_by) in [
        (tcp(there, 7), vec![tcp(there, 0)], tcp(there, 7)), // it is one of those servers: no second connection
        (tcp(there, 7), vec![tcp(else_where, 0)], tcp(else_where, 0)),
        (tcp(there, 7), vec![udp(else_where)], udp(else_where)),
        (tcp(there, 7), vec![tls(else_where, 0)], tcp(there, 7)),
        (tls(there, 7), vec![tcp(else_where, 0)], tls(there, 7)),
        (tls(there, 7), vec![tls(else_where, 0)], tls(there, 7)),
    ] {
        let mut desk = desk();
        let (leg, ..) = called(&mut desk, by, &[("Record-Route", "<sip:edge.example;lr>")]);
        desk.tell(Input::Leads { place: place("sip:edge.example"), flows: leads.clone() });
        assert_eq!(bye(&mut desk, leg), goes_by, "{by:?} {leads:?}");
    }
}

#[test]
fn a_carriers_call_outlives_its_connection() {
    let tls = |remote, connection| Flow { transport: Transport::Tls, connection, ..udp(remote) };
    for (by, contact, goes_by) in [
        (tcp(carrier_at(1), 7), "<sip:gw@198.51.100.2:5070;transport=tcp>", Some("198.51.100.2:5070")),
        (tcp(carrier_at(1), 7), "<sip:gw.carrier.example;transport=tcp>", Some("198.51.100.3:5060")),
        (tls(carrier_at(1), 7), "<sip:gw@198.51.100.2:5061;transport=tls>", Some("198.51.100.2:5061")),
        (tcp(at(5071), 7), "<sip:101@192.0.2.7:5071;transport=tcp>", None), // a phone's is its own to open
    ] {
        let mut desk = desk();
        let caller = Phone::new("101", by);
        let (leg, cseq) = if by.remote == at(5071) {
            (desk.incoming(&caller).0, 2)
        } else {
            let invite = caller.request("INVITE", "sip:102@centrala", 1).body(OFFER).set("Contact", contact);
            let events = desk.say(by, &invite.print()).events();
            let Some(Event::Incoming(incoming)) = events.iter().find(|event| matches!(event, Event::Incoming(_)))
            else {
                panic!("{events:?}")
            };
            (incoming.leg, 1)
        };
        let gateway = place("sip:gw.carrier.example;transport=tcp");
        desk.tell(Input::Leads { place: gateway, flows: vec![tcp(carrier_at(3), 0)] });
        let ok = desk.command(Command::Answer { leg, sdp: OFFER.into() }).text();
        desk.say(by, &caller.within(&ok, "ACK", cseq).print());
        desk.events();
        desk.tell(Input::Closed { connection: 7 });
        let went = bye(&mut desk, leg);
        let wanted = goes_by.map_or(by, |there| Flow { remote: there.parse().unwrap(), connection: 0, ..by });
        assert_eq!(went, wanted, "{contact}");
    }
}

#[test]
fn a_name_is_asked_for_again_and_many_names_fill_nothing() {
    let mut desk = desk();
    let route = [("Record-Route", "<sip:edge.example;lr>")];
    assert_eq!(called(&mut desk, udp(carrier_at(1)), &route).1.len(), 1);
    assert_eq!(called(&mut desk, udp(carrier_at(1)), &route).1.len(), 0, "it has just been asked for");
    desk.now += Duration::from_secs(31);
    assert_eq!(called(&mut desk, udp(carrier_at(1)), &route).1.len(), 1);
    for number in 0..3_000 {
        let flows = vec![udp(carrier_at(2))];
        desk.tell(Input::Leads { place: place(&format!("sip:h{number}.example")), flows });
    }
    assert_eq!(called(&mut desk, udp(carrier_at(1)), &route).1.len(), 1, "forgotten, and asked for anew");
}
