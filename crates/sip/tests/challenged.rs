//! A trunk that asks who we are within a call, whatever we say to it there: RFC 3261 §22.2, §22.3.

mod desk;

use desk::*;
use sip::digest::Credentials;
use sip::{Command, Peer, SipConf};

fn credentials() -> Option<Credentials> {
    Some(Credentials { user: "centre".into(), password: "pw".into(), realm: None })
}

fn challenge(request: &str, status: u16, nonce: &str) -> String {
    let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
    let value = format!("Digest realm=\"carrier\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"");
    Text::answer(request, status, "t").set(name, &value).print()
}

/// A call of ours to a carrier that stands.
fn calling(desk: &mut Desk) -> (base::LegId, String) {
    let carrier = udp(trunk());
    let (leg, invite) = desk.outgoing(carrier, credentials());
    desk.say(carrier, &Text::answer(&invite, 200, "t").set("Allow", "UPDATE").body("v=0").print());
    assert_eq!(desk.heard(), "5060:ACK Answered");
    (leg, invite)
}

/// The request among what was sent, said again with the proof that its answer takes.
fn proven(texts: &[String], method: &str, status: u16) -> String {
    let again = texts.iter().find(|text| text.starts_with(method)).unwrap_or_else(|| panic!("no {method}: {texts:?}"));
    let name = if status == 401 { "Authorization" } else { "Proxy-Authorization" };
    let proof = header(again, name);
    let uri = again.split(' ').nth(1).unwrap();
    assert!(proof.contains("username=\"centre\"") && proof.contains(&format!("uri=\"{uri}\"")), "{proof}");
    again.clone()
}

#[test]
fn whatever_we_say_in_a_call_is_proven_where_it_is_asked() {
    for status in [401, 407] {
        for method in ["INVITE", "NOTIFY", "BYE"] {
            let mut desk = Desk::new();
            let carrier = udp(trunk());
            let phone = Phone::new("102", carrier);
            let (leg, invite) = calling(&mut desk);
            let said = match method {
                "INVITE" => desk.command(Command::Offer { leg, sdp: "v=0 moved".into() }).text(),
                "BYE" => desk.command(Command::HangUp { leg, status: None }).text(),
                _ => {
                    let refer = phone.within_theirs(&invite, "t", "REFER", 7).set("Refer-To", "<sip:103@centrala>");
                    desk.say(carrier, &refer.print());
                    desk.command(Command::Transferred { leg, status: 100 }).texts().remove(1)
                }
            };
            assert!(said.starts_with(method) && !said.contains("Authorization"), "{said}");
            let texts = desk.say(carrier, &challenge(&said, status, "n1")).texts();
            let again = proven(&texts, method, status);
            assert_eq!(header(&again, "CSeq"), format!("3 {method}"));
            assert_ne!(header(&again, "Via"), header(&said, "Via"));
            assert_eq!(again.split("\r\n\r\n").nth(1), said.split("\r\n\r\n").nth(1));
            // Once more means that the password is wrong: that is an answer like any other.
            let heard = desk.say(carrier, &challenge(&again, status, "n2")).heard();
            let want = if method == "INVITE" { format!("5060:ACK Declined({status})") } else { String::new() };
            assert_eq!(heard, want, "{method}");
            assert_eq!(desk.endpoint.legs(), usize::from(method != "BYE"));
        }
    }
}

#[test]
fn a_call_whose_refresh_is_challenged_stands() {
    let mut desk = Desk::new();
    let carrier = udp(trunk());
    let (leg, invite) = desk.outgoing(carrier, credentials());
    let ok = Text::answer(&invite, 200, "t").set("Allow", "UPDATE").set("Session-Expires", "90;refresher=uac");
    desk.say(carrier, &ok.body("v=0").print()).heard();
    let update = desk.pass(45_000).text();
    assert!(update.starts_with("UPDATE"), "{update}");
    let again = proven(&desk.say(carrier, &challenge(&update, 407, "n1")).texts(), "UPDATE", 407);
    let ok = Text::answer(&again, 200, "").set("Session-Expires", "90;refresher=uac");
    assert_eq!(desk.say(carrier, &ok.print()).heard(), "");
    let next = desk.pass(45_000).text();
    assert_eq!(header(&next, "CSeq"), "4 UPDATE");
    desk.command(Command::HangUp { leg, status: None });
}

#[test]
fn a_prack_is_proven_in_the_dialog_it_belongs_to() {
    let mut desk = Desk::new();
    let carrier = udp(trunk());
    let (leg, invite) = desk.outgoing(carrier, credentials());
    let ringing = Text::answer(&invite, 183, "a").set("Require", "100rel").set("RSeq", "1").body("v=0");
    let prack = desk.say(carrier, &ringing.print()).text();
    let again = proven(&desk.say(carrier, &challenge(&prack, 401, "n1")).texts(), "PRACK", 401);
    assert_eq!((header(&again, "CSeq"), header(&again, "RAck")), ("3 PRACK", "1 1 INVITE"));
    desk.say(carrier, &Text::answer(&again, 200, "").print());
    desk.say(carrier, &Text::answer(&invite, 200, "a").print()).heard();
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert_eq!(header(&bye, "CSeq"), "4 BYE");
}

#[test]
fn a_trunk_that_called_us_is_told_as_well_and_nobody_else_is() {
    let peer = Peer {
        name: "carrier".into(),
        addresses: vec![trunk().ip().into()],
        by_certificate: false,
        port: None,
        line: None,
        credentials: credentials(),
    };
    // Somebody else's word is no reason to speak of a password.
    for (from, proves) in [(trunk(), true), (at(5060), false)] {
        let mut desk = Desk::with(SipConf { trunks: vec![peer.clone()], ..conf() });
        let carrier = Phone::new("+4930123", udp(trunk()));
        let invite = carrier.request("INVITE", "sip:102@centrala", 1).body(OFFER);
        desk.say(carrier.flow, &invite.print());
        let Some(sip::Event::Incoming(incoming)) = desk.events().into_iter().next() else { panic!("no call") };
        let ok = desk.command(Command::Answer { leg: incoming.leg, sdp: "v=0".into() }).text();
        desk.say(carrier.flow, &carrier.within(&ok, "ACK", 1).print());
        let bye = desk.command(Command::HangUp { leg: incoming.leg, status: None }).text();
        let texts = desk.say(udp(from), &challenge(&bye, 407, "n1")).texts();
        assert_eq!(texts.len(), usize::from(proves), "{texts:?}");
        texts.iter().for_each(|_| drop(proven(&texts, "BYE", 407)));
    }

    let (mut desk, phone) = (Desk::new(), Phone::new("101", udp(at(5062))));
    let (leg, _) = desk.standing(&phone);
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert_eq!(desk.say(phone.flow, &challenge(&bye, 407, "n1")).heard(), "");
    assert_eq!(desk.endpoint.legs(), 0);
}
