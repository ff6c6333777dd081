//! Proxies that stand before us and are believed: what is done to a sender is done to whoever is behind them.

mod desk;

use std::net::SocketAddr;

use desk::*;
use sip::{Command, Event, FloodConf, Flow, Input, Proxies, SipConf};

/// Two proxies stand before us.
const PROXIES: &str = "192.0.2.8/30";

fn conf_with(assert: bool) -> SipConf {
    SipConf { proxies: Proxies { networks: vec![PROXIES.parse().unwrap()], assert }, ..conf() }
}

fn proxy(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 5060))
}

/// A request as the proxy passes it on that saw it come from there.
fn passed_on(text: Text, from: &str) -> Text {
    let own = text.value("Via").replace(";rport", "");
    let top = own.replace("10.0.0.9:5062", "edge.example").replace("z9hG4bK", "z9hG4bKedge");
    text.set("Via", &format!("{top};rport")).add("Via", &format!("{own};rport=40000;received={from}"))
}

fn register(phone: &Phone) -> Text {
    phone.request("REGISTER", "sip:centrala", 1).set("To", &format!("<sip:{}@centrala>", phone.user))
}

/// Tries to register through a proxy; what it heard in the end.
fn try_to_register(desk: &mut Desk, phone: &Phone, from: &str, n: u32, password: &str) -> String {
    let first = passed_on(register(phone), from);
    let via = first.value("Via").replace("REGISTER", &format!("REG{n}x{}", phone.user));
    let first = first.set("Via", &via).set("Call-ID", &format!("{from}-{n}"));
    let challenged = desk.say(phone.flow, &first.print()).texts().remove(0);
    if status(&challenged) != 401 {
        return format!("{}", status(&challenged));
    }
    let second = first.again(2, &challenged, &phone.user, password);
    desk.say(phone.flow, &second.print()).heard()
}

#[test]
fn bans_are_for_the_phone_behind() {
    let mut desk = Desk::with(conf_with(false));
    let guesser = Phone::new("101", udp(proxy(10)));
    let heard = (0..10).map(|n| try_to_register(&mut desk, &guesser, "198.51.100.66", n, "guess")).last().unwrap();
    assert_eq!(heard, "5060:401 Banned(101) Refused(101)");
    assert!(try_to_register(&mut desk, &guesser, "198.51.100.66", 20, "secret").starts_with("5060:403"));
    // By another proxy it is the same phone; another phone by the same proxy is not.
    let elsewhere = Phone::new("101", udp(proxy(9)));
    assert!(try_to_register(&mut desk, &elsewhere, "198.51.100.66", 21, "secret").starts_with("5060:403"));
    assert!(try_to_register(&mut desk, &guesser, "198.51.100.7", 22, "secret").contains("200 Registered"));
    let bans: Vec<_> = desk.endpoint.bans(desk.now).into_iter().map(|ban| ban.source.to_string()).collect();
    assert_eq!(bans, ["198.51.100.66"]);
}

#[test]
fn a_proxy_that_does_not_say_for_whom_it_speaks_is_not_kept_out() {
    let mut desk = Desk::with(conf_with(false));
    for n in 0..200 {
        let phone = Phone::new(&format!("user{n}"), udp(proxy(10)));
        let first = register(&phone).set("Via", &format!("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK{n};rport"));
        let challenged = desk.say(phone.flow, &first.print()).texts().remove(0);
        desk.say(phone.flow, &first.again(2, &challenged, &phone.user, "guess").print());
        assert!(!desk.heard().contains("Banned"), "{n}");
    }
    desk.register("101", udp(proxy(10)));
}

#[test]
fn buckets_are_for_the_phone_behind() {
    let floods = FloodConf { source: 2, burst_secs: 1, ..FloodConf::default() };
    let mut desk = Desk::with(SipConf { floods, ..conf_with(false) });
    let options = |n: u32, from: &str| {
        let phone = Phone::new("101", udp(proxy(10)));
        passed_on(phone.request("OPTIONS", "sip:centrala", n), from).print()
    };
    let heard = |desk: &mut Desk, n, from| desk.say(udp(proxy(10)), &options(n, from)).heard();
    let told: Vec<_> = (0..4).map(|n| heard(&mut desk, n, "198.51.100.66")).collect();
    assert_eq!(told, ["5060:200", "5060:200", "Flooded", ""]);
    assert_eq!(heard(&mut desk, 5, "198.51.100.7"), "5060:200");
    assert_eq!(desk.endpoint.dropped(), 2);
    // What somebody else says he was told by a proxy is not believed.
    let stranger = udp(at(5070));
    let told: Vec<_> = (6..9).map(|n| desk.say(stranger, &options(n, &format!("198.51.100.{n}"))).heard()).collect();
    assert_eq!(told, ["5070:200", "5070:200", "Flooded"]);
}

#[test]
fn requests_in_a_dialog_may_come_by_any_of_them_from_the_same_phone() {
    for (by, from, answer) in [
        (proxy(10), "198.51.100.7", "5060:200 Ended(Bye)"),
        (proxy(9), "198.51.100.7", "5060:200 Ended(Bye)"),
        (proxy(9), "198.51.100.66", "5060:401"),
        ("198.51.100.7:5060".parse().unwrap(), "198.51.100.7", "5060:401"),
    ] {
        let mut desk = Desk::with(conf_with(false));
        let phone = Phone::new("101", udp(proxy(10)));
        let invite = passed_on(phone.request("INVITE", "sip:102@centrala", 1).body(OFFER), "198.51.100.7");
        let invite = invite.add("Record-Route", "<sip:192.0.2.10;lr>");
        let challenged = desk.say(phone.flow, &invite.print()).texts().remove(0);
        desk.say(phone.flow, &invite.ack(&challenged).print());
        let invite = invite.again(2, &challenged, "101", "secret");
        let incoming = desk.say(phone.flow, &invite.print()).events().remove(0);
        let Event::Incoming(incoming) = incoming else { panic!("{incoming:?}") };
        assert_eq!(incoming.flow.remote, "198.51.100.7:40000".parse().unwrap());
        let ok = desk.command(Command::Answer { leg: incoming.leg, sdp: OFFER.into() }).text();
        assert_eq!(header(&ok, "Record-Route"), "<sip:192.0.2.10;lr>");
        let ack = passed_on(phone.within(&ok, "ACK", 2), "198.51.100.7");
        assert_eq!(desk.say(phone.flow, &ack.print()).heard(), "Confirmed");
        let bye = passed_on(phone.within(&ok, "BYE", 3), from);
        assert_eq!(desk.say(udp(by), &bye.print()).heard(), answer, "{by} {from}");
    }
}

#[test]
fn whom_a_proxy_asserts_is_not_asked_again_if_it_asks() {
    let invite = |flow: Flow, identity: &str| {
        let phone = Phone::new("101", flow);
        let invite = phone.request("INVITE", "sip:102@centrala", 1).body(OFFER);
        let invite = invite.set("From", "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=a");
        passed_on(invite.add("P-Asserted-Identity", identity), "198.51.100.7").print()
    };
    let own = "\"Ann\" <sip:101@centrala>";
    for (what, assert, from, identity, heard) in [
        ("a proxy that asks", true, udp(proxy(10)), own, "5060:100 Incoming(102)"),
        ("beside a number", true, udp(proxy(10)), "<tel:+38515550101>, <sip:101@centrala>", "5060:100 Incoming(102)"),
        ("nobody we know", true, udp(proxy(10)), "<sip:999@centrala>", "5060:401"),
        ("a proxy that does not ask", false, udp(proxy(10)), own, "5060:401"),
        ("a phone", true, udp(at(5062)), own, "5062:401"),
    ] {
        let mut desk = Desk::with(conf_with(assert));
        assert_eq!(desk.say(from, &invite(from, identity)).heard(), heard, "{what}");
    }
    let mut desk = Desk::with(conf_with(true));
    let phone = Phone::new("101", udp(proxy(10)));
    let register = passed_on(register(&phone).add("P-Asserted-Identity", own), "198.51.100.7");
    assert_eq!(desk.say(phone.flow, &register.print()).heard(), "5060:401");
}

#[test]
fn two_phones_of_one_make_behind_a_proxy_are_two() {
    for from in [["198.51.100.7", "198.51.100.8"], ["198.51.100.7", "198.51.100.7"]] {
        let mut desk = Desk::with(conf_with(false));
        for (n, from) in from.into_iter().enumerate() {
            let phone = Phone::new("101", udp(proxy(10)));
            let first = register(&phone).set("Call-ID", &format!("c{n}")).set("User-Agent", "phone");
            let via = first.value("Via").replace("REGISTER", &format!("REGISTER{n}x"));
            let first = first.set("Via", &via).set("Contact", &format!("<sip:101@10.0.0.{n}>"));
            let first = passed_on(first, from);
            let challenged = desk.say(phone.flow, &first.print()).texts().remove(0);
            desk.say(phone.flow, &first.again(2, &challenged, "101", "secret").print()).heard();
        }
        // The second of the same address and port is the first one, started anew.
        let phones = if from[0] == from[1] { 1 } else { 2 };
        assert_eq!(desk.endpoint.bindings("101", desk.now).len(), phones, "{from:?}");
    }
}

#[test]
fn what_a_proxys_connection_held_goes_on_by_another() {
    let mut desk = Desk::with(conf_with(false));
    let flow = tcp("192.0.2.10:33333".parse().unwrap(), 7);
    let phone = Phone::new("101", flow);
    let hop = "<sip:192.0.2.10:5070;transport=tcp;lr>";
    let first = passed_on(register(&phone).add("Path", hop).add("Supported", "path"), "198.51.100.7");
    let challenged = desk.say(flow, &first.print()).texts().remove(0);
    desk.say(flow, &first.again(2, &challenged, "101", "secret").print());
    let invite = passed_on(phone.request("INVITE", "sip:102@centrala", 1).body(OFFER), "198.51.100.7");
    let invite = invite.add("Record-Route", hop);
    let challenged = desk.say(flow, &invite.print()).texts().pop().unwrap();
    desk.say(flow, &invite.ack(&challenged).print());
    let invite = invite.again(2, &challenged, "101", "secret");
    let Some(Event::Incoming(incoming)) = desk.say(flow, &invite.print()).events().pop() else { panic!("no call") };
    let ok = desk.command(Command::Answer { leg: incoming.leg, sdp: OFFER.into() }).text();
    desk.say(flow, &passed_on(phone.within(&ok, "ACK", 2), "198.51.100.7").print()).heard();

    assert_eq!(desk.tell(Input::Closed { connection: 7 }).heard(), "");
    let there = tcp("192.0.2.10:5070".parse().unwrap(), 0);
    assert_eq!(desk.endpoint.bindings("101", desk.now)[0].flow, there);
    let bye = desk.command(Command::HangUp { leg: incoming.leg, status: None }).text();
    assert_eq!((desk.flows.pop(), header(&bye, "Route")), (Some(there), hop));
}
