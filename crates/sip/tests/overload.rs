//! More than can be served: what stands goes on, what begins hears when to try again, and neighbours hear how much less
//! to send (RFC 3261 §21.5.4, RFC 7339). And the same on purpose: a server that is to be emptied.

mod desk;

use desk::*;
use sip::{Command, Flow, Input, SipConf};

fn phone() -> Phone {
    Phone::new("101", udp(at(5062)))
}

fn late(desk: &mut Desk, flow: Flow, text: &str) -> String {
    desk.tell(Input::Late { flow, bytes: text.to_owned().into() }).heard()
}

#[test]
fn what_begins_too_late_is_refused_and_what_stands_is_served() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, ok) = desk.standing(&phone);
    for (method, want) in [("INVITE", "5062:503"), ("REGISTER", "5062:503"), ("OPTIONS", "5062:503")] {
        let request = phone.request(method, "sip:102@centrala", 1).set("Call-ID", method);
        assert_eq!(late(&mut desk, phone.flow, &request.print()), want, "{method}");
    }
    assert_eq!((desk.endpoint.transactions(), desk.endpoint.legs()), (1, 1), "a refusal leaves nothing behind");
    assert_eq!(late(&mut desk, phone.flow, &phone.within(&ok, "INFO", 10).print()), "5062:200");
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert_eq!(late(&mut desk, phone.flow, &Text::answer(&bye, 200, "").print()), "");
    assert_eq!(desk.endpoint.legs(), 0);
}

#[test]
fn those_refused_are_not_asked_back_in_one_second() {
    let (mut desk, phone) = (Desk::new(), phone());
    let mut seconds = Vec::new();
    for n in 0..60 {
        let via = format!("SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{n};rport");
        let register = phone.request("REGISTER", "sip:centrala", 1).set("Via", &via);
        let refused = desk.tell(Input::Late { flow: phone.flow, bytes: register.print().into() }).text();
        seconds.push(header(&refused, "Retry-After").parse::<u32>().unwrap());
    }
    assert!(seconds.iter().all(|secs| (5..=30).contains(secs)), "{seconds:?}");
    seconds.sort_unstable();
    seconds.dedup();
    assert!(seconds.len() > 10, "{seconds:?}");
}

#[test]
fn bindings_end_at_different_times_but_never_before_the_shortest() {
    for (asked, shortest, longest, kinds) in [(3600, 2880, 3600, 10), (70, 60, 70, 5), (60, 60, 60, 1)] {
        let mut desk = Desk::with(SipConf { expires_spread_percent: 20, ..conf() });
        let phone = phone();
        let mut granted = Vec::new();
        for n in 0..40_u32 {
            let via = format!("SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{n};rport");
            let register = phone.request("REGISTER", "sip:centrala", 2 * n + 1).set("Via", &via);
            let register = register.set("To", "<sip:101@centrala>").set("Expires", &asked.to_string());
            let challenged = desk.say(phone.flow, &register.print()).text();
            let ok = desk.say(phone.flow, &register.again(2 * n + 2, &challenged, "101", "secret").print()).text();
            let secs = header(&ok, "Contact").rsplit_once("expires=").unwrap().1;
            granted.push(secs.split(';').next().unwrap().parse::<u32>().unwrap());
        }
        assert!(granted.iter().all(|secs| (shortest..=longest).contains(secs)), "{granted:?}");
        granted.sort_unstable();
        granted.dedup();
        assert!(granted.len() >= kinds, "{granted:?}");
    }
}

#[test]
fn a_carrier_that_asks_is_told_how_much_less_to_send() {
    let mut desk = Desk::new();
    let carrier = Phone::new("+49", udp(trunk()));
    let invite = |n: u32| {
        let via = format!("SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK{n};oc;oc-algo=\"loss\"");
        carrier.request("INVITE", "sip:102@centrala", 1).body(OFFER).set("Via", &via).set("Call-ID", &n.to_string())
    };
    for n in 0..10 {
        late(&mut desk, carrier.flow, &invite(n).print());
    }
    desk.pass(500);
    let trying = desk.say(carrier.flow, &invite(10).print()).texts().remove(0);
    let via = header(&trying, "Via");
    assert!(via.contains(";oc=100;") && via.contains("oc-validity=500;oc-seq=1.500"), "{via}");
}

#[test]
fn a_carrier_that_wants_less_gets_less_and_phones_are_not_asked() {
    let mut desk = Desk::new();
    let (_, to_phone) = desk.outgoing(udp(at(5062)), None);
    assert!(!header(&to_phone, "Via").contains("oc"), "{to_phone}");
    let (_, invite) = desk.outgoing(udp(trunk()), None);
    assert!(header(&invite, "Via").ends_with(";oc;oc-algo=\"loss\""), "{invite}");
    let busy = Text::answer(&invite, 503, "t").print().replace(";oc;", ";oc=100;oc-validity=2000;");
    assert_eq!(desk.say(udp(trunk()), &busy).heard(), "5060:ACK Ended(Refused(503))");
    let again = |desk: &mut Desk| {
        let leg = desk.endpoint.new_leg();
        let address = |user: &str| sip::NameAddr::new(format!("sip:{user}@centrala"));
        let invite = sip::Outgoing {
            uri: "sip:1@carrier".to_owned(),
            flow: udp(trunk()),
            from: address("101"),
            to: address("1"),
            sdp: OFFER.into(),
            credentials: None,
            headers: vec![],
            remove: vec![],
            patience: None,
            others: vec![],
        };
        desk.command(Command::Invite { leg, invite: Box::new(invite) }).heard()
    };
    assert_eq!(again(&mut desk), "Ended(Refused(503))", "kept back without a word to the carrier");
    desk.pass(2000);
    desk.heard();
    assert_eq!(again(&mut desk), "5060:INVITE");
}

#[test]
fn a_server_being_emptied_sends_phones_elsewhere_and_lets_calls_finish() {
    let mut desk = Desk::new();
    let (talks, idle) = (Phone::new("101", tcp(at(5062), 1)), Phone::new("102", tcp(at(5064), 2)));
    desk.register("101", talks.flow);
    desk.register("102", idle.flow);
    let (_, ok) = desk.standing(&talks);
    desk.tell(Input::Drain);
    assert_eq!(desk.closed, [2], "the connection a dialog is held by is not closed");
    let register = |secs: &str| {
        let register = talks.request("REGISTER", "sip:centrala", 7).set("Expires", secs);
        register.set("Via", &format!("SIP/2.0/TCP 10.0.0.9;branch=z9hG4bKdrain{secs};rport"))
    };
    let refused = desk.say(talks.flow, &register("600").print()).text();
    assert_eq!((status(&refused), header(&refused, "Retry-After").is_empty()), (503, false));
    assert_eq!(desk.say(talks.flow, &register("0").print()).heard(), "5062:401", "who goes may say so");
    assert_eq!(desk.say(idle.flow, &idle.request("OPTIONS", "sip:x", 1).print()).heard(), "5064:503");
    assert_eq!(desk.say(talks.flow, &talks.within(&ok, "BYE", 20).print()).heard(), "5062:200 Ended(Bye)");
}
