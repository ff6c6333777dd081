//! Dialogues with the endpoint, read as ladders: what a phone says, what it hears.

mod desk;

use desk::*;
use sip::digest::Credentials;
use sip::{Command, Input};

fn phone() -> Phone {
    Phone::new("101", udp(at(5062)))
}

#[test]
fn a_call_from_an_account_is_challenged_rung_answered_and_ended_by_it() {
    let (mut desk, phone) = (Desk::new(), phone());
    let invite = phone.request("INVITE", "sip:102@centrala", 1).body(OFFER);
    let challenged = desk.say(phone.flow, &invite.print()).text();
    assert_eq!(status(&challenged), 401);
    assert!(header(&challenged, "Via").ends_with(";rport=5062;received=192.0.2.7"), "{challenged}");
    // Nothing is kept of a stranger, yet a repeat is answered with the same tag.
    let again = desk.say(phone.flow, &invite.print()).text();
    assert_eq!(header(&challenged, "To"), header(&again, "To"));
    assert_eq!((desk.endpoint.transactions(), desk.endpoint.deadline()), (0, None));
    assert_eq!(desk.say(phone.flow, &invite.ack(&challenged).print()).heard(), "");

    let (leg, invite) = desk.incoming(&phone);
    assert_eq!(desk.say(phone.flow, &invite.print()).heard(), "5062:100"); // a repeat
    let ringing = desk.command(Command::Ring { leg, status: 180, sdp: None }).text();
    assert_eq!(header(&ringing, "Contact"), "<sip:203.0.113.5:5060>");
    assert_eq!(desk.say(phone.flow, &invite.print()).heard(), "5062:180");
    let ok = desk.command(Command::Answer { leg, sdp: "v=0".into() }).text();
    assert_eq!(header(&ok, "To"), header(&ringing, "To"));
    assert_eq!(desk.say(phone.flow, &invite.print()).heard(), ""); // RFC 6026: absorbed
    assert_eq!(desk.pass(500).heard(), "5062:200"); // RFC 3261 §13.3.1.4
    assert_eq!(desk.pass(1000).heard(), "5062:200");
    let ack = phone.within(&ok, "ACK", 2);
    assert_eq!(desk.say(phone.flow, &ack.print()).say(phone.flow, &ack.print()).heard(), "Confirmed");
    assert_eq!(desk.pass(10_000).heard(), "");
    let bye = phone.within(&ok, "BYE", 3);
    assert_eq!(
        desk.say(phone.flow, &bye.print()).say(phone.flow, &bye.print()).heard(),
        "5062:200 5062:200 Ended(Bye)"
    );
    assert_eq!(desk.endpoint.legs(), 0);
    desk.pass(40_000);
    assert_eq!((desk.heard(), desk.endpoint.transactions()), (String::new(), 0));
    assert_eq!(desk.say(phone.flow, &bye.print()).heard(), "5062:481");
}

#[test]
fn an_incoming_call_is_refused_or_given_up_once() {
    for (what, want) in [
        ("reject", "5062:486 Ended(Refused(486))"),
        ("hang up", "5062:480 Ended(HungUp)"),
        ("cancel", "5062:200 5062:487 Ended(Cancelled)"),
        ("bye", "5062:200 5062:487 Ended(Cancelled)"),
        ("expire", "5062:487 Ended(Cancelled)"),
    ] {
        let (mut desk, phone) = (Desk::new(), phone());
        let invite = phone.request("INVITE", "sip:102@centrala", 1).body(OFFER).set("Expires", "30");
        let challenged = desk.say(phone.flow, &invite.print()).text();
        let invite = invite.again(2, &challenged, "101", "secret");
        desk.say(phone.flow, &invite.print());
        let sip::Event::Incoming(incoming) = desk.events().remove(0) else { panic!() };
        let leg = incoming.leg;
        let ringing = desk.command(Command::Ring { leg, status: 183, sdp: Some("v=0".into()) }).text();
        match what {
            "reject" => desk.command(Command::Reject { leg, status: 486 }),
            "hang up" => desk.command(Command::HangUp { leg, status: None }),
            "cancel" => desk.say(phone.flow, &invite.cancel().print()),
            "bye" => desk.say(phone.flow, &phone.within(&ringing, "BYE", 3).print()),
            _ => desk.pass(30_000),
        };
        let texts = desk.heard();
        assert_eq!(texts, want, "{what}");
        for _ in 0..2 {
            desk.command(Command::Answer { leg, sdp: "v=0".into() }).command(Command::HangUp { leg, status: None });
        }
        assert_eq!(desk.heard(), "", "{what}: late commands are ignored");
        assert!(desk.pass(500).heard().starts_with("5062:4"), "{what}: repeated until the ACK");
        desk.say(phone.flow, &invite.ack(&ringing).print());
        assert_eq!(desk.pass(10_000).heard(), "", "{what}");
        desk.pass(40_000);
        assert_eq!(
            (desk.endpoint.legs(), desk.endpoint.transactions(), desk.endpoint.deadline()),
            (0, 0, None),
            "{what}"
        );
    }
}

#[test]
fn an_answer_nobody_acknowledges_ends_with_bye() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, _) = desk.incoming(&phone);
    desk.command(Command::Answer { leg, sdp: "v=0".into() }).heard();
    let heard = desk.pass(32_000).heard();
    assert_eq!(heard.matches("5062:200").count(), 10, "{heard}");
    assert!(heard.ends_with("5062:BYE Ended(NoAck)"), "{heard}");
    desk.pass(40_000);
    assert_eq!((desk.endpoint.legs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn a_hang_up_before_the_ack_waits_for_it() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, invite) = desk.incoming(&phone);
    let ok = desk.command(Command::Answer { leg, sdp: "v=0".into() }).text();
    assert_eq!(desk.command(Command::HangUp { leg, status: None }).heard(), "Ended(HungUp)"); // RFC 3261 §15
    assert_eq!(desk.pass(500).heard(), "5062:200");
    let bye = desk.say(phone.flow, &phone.within(&ok, "ACK", invite.cseq()).print()).text();
    assert!(bye.starts_with("BYE sip:101@10.0.0.9:5062;ob SIP/2.0"), "{bye}");
    desk.say(phone.flow, &Text::answer(&bye, 200, "").print());
    assert_eq!((desk.heard(), desk.endpoint.legs()), (String::new(), 0));
}

#[test]
fn our_call_rings_is_answered_and_hung_up_by_us() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (leg, invite) = desk.outgoing(phone.flow, None);
    assert!(
        invite
            .starts_with("INVITE sip:102@10.0.0.9:5062;ob SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bK")
    );
    assert_eq!(desk.pass(1500).heard(), "5070:INVITE 5070:INVITE");
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 100, "").print()).heard(), "");
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 180, "t").print()).heard(), "Ringing(180)");
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 183, "t").body("v=0").print()).heard(), "Ringing(183, sdp)");
    let ok = Text::answer(&invite, 200, "t").body("v=0").print();
    let ack = desk.say(phone.flow, &ok).text();
    assert!(ack.starts_with("ACK sip:102@10.0.0.9:5062;ob SIP/2.0"), "{ack}");
    assert_ne!(header(&ack, "Via"), header(&invite, "Via"));
    assert_eq!(desk.say(phone.flow, &ok).text(), ack); // RFC 3261 §13.2.2.4
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 486, "t").print()).heard(), "");
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert_eq!(header(&bye, "CSeq"), "2 BYE");
    // Theirs crosses ours.
    assert_eq!(desk.say(phone.flow, &phone.within_theirs(&invite, "t", "BYE", 1).print()).heard(), "5070:200");
    desk.say(phone.flow, &Text::answer(&bye, 481, "").print());
    assert_eq!((desk.heard(), desk.endpoint.legs()), (String::new(), 0));
    desk.pass(240_000); // old entries of the timers' heap go by
    assert_eq!((desk.endpoint.transactions(), desk.endpoint.deadline()), (0, None));
}

#[test]
fn our_call_ends_as_it_is_refused() {
    for (status, want) in [
        (486, "5070:ACK Ended(Refused(486))"),
        (302, "5070:ACK Ended(Refused(302))"),
        (401, "5070:ACK Ended(Refused(401))"),
    ] {
        let mut desk = Desk::new();
        let phone = Phone::new("102", udp(at(5070)));
        let (_, invite) = desk.outgoing(phone.flow, None);
        let refusal = Text::answer(&invite, status, "t").print();
        assert_eq!(desk.say(phone.flow, &refusal).heard(), want);
        assert_eq!(desk.say(phone.flow, &refusal).heard(), "5070:ACK");
        assert_eq!(desk.endpoint.legs(), 0);
    }
    let mut desk = Desk::new();
    desk.outgoing(udp(at(5070)), None);
    assert!(desk.pass(32_000).heard().ends_with("Ended(Refused(408))"));
    desk.outgoing(udp(at(5070)), None);
    let transport = sip::Transport::Tcp;
    assert_eq!(desk.tell(Input::Unreachable { transport, remote: at(5070) }).heard(), "", "another way there");
    let transport = sip::Transport::Udp;
    assert_eq!(desk.tell(Input::Unreachable { transport, remote: at(5070) }).heard(), "Ended(Refused(503))");
    assert_eq!((desk.endpoint.legs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn a_phone_that_rings_for_ever_is_cancelled() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (_, invite) = desk.outgoing(phone.flow, None);
    desk.say(phone.flow, &Text::answer(&invite, 180, "t").print()).heard();
    assert_eq!(desk.pass(179_999).heard(), "");
    assert_eq!(desk.pass(1).heard(), "5070:CANCEL Ended(Refused(408))");
    desk.pass(40_000);
    assert_eq!(desk.endpoint.legs(), 0);
    // The INVITE's transaction waits for the 487 that never came no longer than its leg.
    assert_eq!(desk.endpoint.transactions(), 0);
}

#[test]
fn a_cancel_waits_for_a_provisional_response_and_says_why() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (leg, invite) = desk.outgoing(phone.flow, None);
    assert_eq!(desk.command(Command::HangUp { leg, status: Some(200) }).heard(), "Ended(HungUp)");
    let cancel = desk.say(phone.flow, &Text::answer(&invite, 180, "t").print()).text();
    assert!(cancel.starts_with("CANCEL sip:102@10.0.0.9:5062;ob"), "{cancel}");
    assert_eq!(header(&cancel, "Via"), header(&invite, "Via"));
    assert_eq!(header(&cancel, "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
    assert_eq!(desk.say(phone.flow, &Text::answer(&cancel, 200, "t").print()).heard(), "");
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 487, "t").print()).heard(), "5070:ACK");
    assert_eq!(desk.endpoint.legs(), 0);
    desk.pass(40_000);
    assert_eq!((desk.heard(), desk.endpoint.transactions()), (String::new(), 0));
}

#[test]
fn a_success_that_crosses_our_cancel_is_acknowledged_and_ended() {
    for provisional in [true, false] {
        let mut desk = Desk::new();
        let phone = Phone::new("102", udp(at(5070)));
        let (leg, invite) = desk.outgoing(phone.flow, None);
        if provisional {
            desk.say(phone.flow, &Text::answer(&invite, 180, "t").print());
        }
        desk.command(Command::HangUp { leg, status: None }).heard();
        let ok = Text::answer(&invite, 200, "t").body("v=0").print();
        assert_eq!(desk.say(phone.flow, &ok).heard(), "5070:ACK 5070:BYE");
        assert_eq!(desk.say(phone.flow, &ok).heard(), "5070:ACK");
        assert_eq!(desk.endpoint.legs(), 0);
        desk.pass(70_000);
        assert_eq!(desk.endpoint.transactions(), 0);
    }
}

#[test]
fn the_first_branch_of_a_fork_wins_and_the_others_are_ended() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (leg, invite) = desk.outgoing(phone.flow, None);
    for (status, tag, want) in [
        (180, "a", "Ringing(180)"),
        (180, "b", "Ringing(180, fork 1)"),
        (200, "b", "5070:ACK Answered(fork 1)"),
        (200, "a", "5070:ACK 5070:BYE"),
        (200, "a", "5070:ACK"),
        (200, "b", "5070:ACK"),
    ] {
        let text = Text::answer(&invite, status, tag);
        let text = if status == 200 { text.body("v=0") } else { text };
        assert_eq!(desk.say(phone.flow, &text.print()).heard(), want, "{status} {tag}");
    }
    // After the leg is over another one picks up.
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert!(header(&bye, "To").ends_with(";tag=b"));
    desk.say(phone.flow, &Text::answer(&bye, 200, "").print());
    assert_eq!((desk.heard(), desk.endpoint.legs()), (String::new(), 0));
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 200, "c").body("v=0").print()).heard(), "5070:ACK 5070:BYE");
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 200, "c").body("v=0").print()).heard(), "5070:ACK");
}

#[test]
fn an_answer_without_a_session_is_no_call() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (_, invite) = desk.outgoing(phone.flow, None);
    assert_eq!(
        desk.say(phone.flow, &Text::answer(&invite, 200, "t").print()).heard(),
        "5070:ACK 5070:BYE Ended(Refused(488))"
    );
}

#[test]
fn a_trunk_that_asks_who_we_are_is_told_once() {
    let mut desk = Desk::new();
    let carrier = udp(trunk());
    let credentials = || Some(Credentials { user: "centre".into(), password: "pw".into(), realm: None });
    let challenge = |invite: &str, realm: &str, stale: bool| {
        let stale = if stale { ", stale=true" } else { "" };
        let value = format!("Digest realm=\"{realm}\", nonce=\"n{realm}\", algorithm=MD5, qop=\"auth\"{stale}");
        Text::answer(invite, 407, "t").set("Proxy-Authenticate", &value).print()
    };
    let (_, first) = desk.outgoing(carrier, credentials());
    let texts = desk.say(carrier, &challenge(&first, "one", false)).texts();
    let [ack, second] = &texts[..] else { panic!("{texts:?}") };
    assert!(ack.starts_with("ACK"));
    assert!(header(second, "Proxy-Authorization").starts_with("Digest username=\"centre\", realm=\"one\""));
    assert_eq!((header(second, "CSeq"), header(second, "Call-ID")), ("2 INVITE", header(&first, "Call-ID")));
    assert_ne!(header(second, "Via"), header(&first, "Via"));
    // Stale: again. The same realm, not stale: the password is wrong.
    let third = desk.say(carrier, &challenge(second, "one", true)).texts().remove(1);
    assert_eq!(desk.say(carrier, &challenge(&third, "one", false)).heard(), "5060:ACK Ended(Refused(407))");

    let (leg, first) = desk.outgoing(carrier, credentials());
    let second = desk.say(carrier, &challenge(&first, "one", false)).texts().remove(1);
    assert_eq!(desk.say(carrier, &Text::answer(&second, 200, "t").body("v=0").print()).heard(), "5060:ACK Answered");
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert_eq!(header(&bye, "CSeq"), "3 BYE");
    assert!(!bye.contains("Authorization"));
    assert_eq!(desk.say(carrier, &Text::answer(&bye, 200, "").print()).heard(), "");
    assert_eq!(desk.endpoint.legs(), 0);
}

#[test]
fn a_trunk_calls_by_its_address() {
    let mut desk = Desk::new();
    let carrier = Phone::new("+4930123", udp(trunk()));
    let invite = carrier.request("INVITE", "tel:+4930-99", 1).body(OFFER);
    assert_eq!(desk.say(carrier.flow, &invite.print()).heard(), "5060:100 Incoming(+4930-99)");
}

#[test]
fn a_session_is_changed_by_one_offer_at_a_time() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, ok) = desk.standing(&phone);
    let reinvite = phone.within(&ok, "INVITE", 10).body("v=0 new").set("Contact", "<sip:101@10.0.0.9:9999>");
    assert_eq!(desk.say(phone.flow, &reinvite.print()).heard(), "5062:100 Offered(sdp)");
    let second = phone.within(&ok, "INVITE", 11).body("v=0");
    assert_eq!(desk.say(phone.flow, &second.print()).heard(), "5062:100 5062:500");
    desk.say(phone.flow, &second.ack(&ok).print());
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "UPDATE", 12).body("v=0").print()).heard(), "5062:500");
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "INFO", 9).print()).heard(), "5062:500"); // CSeq fell
    let again = desk.command(Command::Answer { leg, sdp: "v=0".into() }).text();
    assert_eq!((status(&again), header(&again, "CSeq")), (200, "10 INVITE"));
    assert_eq!(desk.pass(500).heard(), "5062:200");
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "ACK", 10).print()).heard(), "Confirmed");
    // UPDATE: with an offer it is answered, without it is not even heard above.
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "UPDATE", 13).body("v=0").print()).heard(), "Offered(sdp)");
    assert_eq!(desk.command(Command::Answer { leg, sdp: "v=0".into() }).heard(), "5062:200");
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "UPDATE", 14).print()).heard(), "5062:200");
    // Refused, the session stands. An empty INVITE asks for our offer.
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "INVITE", 15).print()).heard(), "5062:100 Offered");
    assert_eq!(desk.command(Command::Reject { leg, status: 488 }).heard(), "5062:488");
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "ACK", 15).print()).heard(), "");
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "INVITE", 16).print()).heard(), "5062:100 Offered");
    desk.command(Command::Answer { leg, sdp: "v=0 offer".into() });
    let ack = phone.within(&ok, "ACK", 16).body("v=0 answer");
    assert_eq!(desk.say(phone.flow, &ack.print()).heard(), "5062:200 Confirmed(sdp)");
    assert_eq!(
        desk.say(phone.flow, &phone.within(&ok, "INVITE", 17).typed("x", "text/plain").print()).heard(),
        "5062:100 5062:415"
    );
    // The target is where the last good INVITE said.
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert!(bye.starts_with("BYE sip:101@10.0.0.9:5062;ob SIP/2.0"), "{bye}");
}

#[test]
fn a_cancelled_reinvite_leaves_the_session() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, ok) = desk.standing(&phone);
    let reinvite = phone.within(&ok, "INVITE", 10).body("v=0 new");
    desk.say(phone.flow, &reinvite.print()).heard();
    assert_eq!(desk.say(phone.flow, &reinvite.cancel().print()).heard(), "5062:200 5062:487");
    assert_eq!(desk.command(Command::Answer { leg, sdp: "v=0".into() }).heard(), "");
    assert_eq!(desk.command(Command::HangUp { leg, status: Some(486) }).heard(), "5062:BYE Ended(HungUp)");
}

#[test]
fn a_bye_answers_what_was_offered() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (_, ok) = desk.standing(&phone);
    desk.say(phone.flow, &phone.within(&ok, "INVITE", 10).body("v=0 new").print()).heard();
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "BYE", 11).print()).heard(), "5062:200 5062:487 Ended(Bye)");
}

#[test]
fn small_requests_in_a_dialog_are_answered_by_the_way() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (_, ok) = desk.standing(&phone);
    let relay = "application/dtmf-relay";
    for (cseq, request, want) in [
        (20, phone.within(&ok, "INFO", 20).typed("Signal=5\r\nDuration=160\r\n", relay), "5062:200 Digit(5)"),
        (21, phone.within(&ok, "INFO", 21), "5062:200"),
        (22, phone.within(&ok, "INFO", 22).typed("x", "application/media_control+xml"), "Said(INFO)"),
        (23, phone.within(&ok, "OPTIONS", 23), "5062:200"),
        (24, phone.within(&ok, "PRACK", 24), "5062:481"),
        (25, phone.within(&ok, "REFER", 25), "5062:400"),
        (26, phone.within(&ok, "NOTIFY", 26).set("Event", "talk"), "5062:489"),
        (27, phone.within(&ok, "MESSAGE", 27), "Said"),
        (28, phone.within(&ok, "INVITE", 28).set("Require", "telepathy"), "5062:420"),
    ] {
        assert_eq!(desk.say(phone.flow, &request.print()).heard(), want, "{cseq}");
        let repeated = want.split(' ').next().filter(|word| word.contains(':'));
        assert_eq!(
            desk.say(phone.flow, &request.print()).heard(),
            repeated.unwrap_or(""),
            "{cseq}: a repeat is no second digit"
        );
    }
}

#[test]
fn a_dialog_is_not_taken_over_from_another_address() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (_, ok) = desk.standing(&phone);
    let thief = Phone::new("102", udp(at(6666)));
    let bye = phone.within(&ok, "BYE", 30);
    let challenged = desk.say(thief.flow, &bye.print()).text();
    assert_eq!(status(&challenged), 401);
    let forged = bye.again(31, &challenged, "102", "secret");
    assert_eq!(desk.say(thief.flow, &forged.print()).heard(), "6666:403 Refused(102)");
    assert_eq!(desk.say(udp("198.51.100.1:5060".parse().unwrap()), &bye.print()).heard(), "5060:401"); // a trunk, but not this leg's
    // Wrong tags name nothing.
    assert_eq!(
        desk.say(phone.flow, &bye.clone().set("From", "<sip:101@centrala>;tag=guess").print()).heard(),
        "5062:481"
    );
    assert_eq!(desk.say(phone.flow, &bye.clone().set("Call-ID", "guess").print()).heard(), "5062:481");
    // The phone itself, from a new port, proves who it is.
    let moved = udp(at(7777));
    let challenged = desk.say(moved, &bye.print()).text();
    let bye = bye.again(32, &challenged, "101", "secret");
    assert_eq!(desk.say(moved, &bye.print()).heard(), "7777:200 Ended(Bye)");
}

#[test]
fn a_cancel_counts_only_from_where_the_invite_came() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (_, invite) = desk.incoming(&phone);
    let elsewhere = udp("198.51.100.77:5062".parse().unwrap());
    assert_eq!(desk.say(elsewhere, &invite.cancel().print()).heard(), "5062:481");
    assert_eq!(desk.say(phone.flow, &invite.cancel().print()).heard(), "5062:200 5062:487 Ended(Cancelled)");
    assert_eq!(desk.say(phone.flow, &invite.cancel().print()).heard(), "5062:200");
}

#[test]
fn early_dialogs_of_ours_answer_too() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (_, invite) = desk.outgoing(phone.flow, None);
    desk.say(phone.flow, &Text::answer(&invite, 183, "t").print()).heard();
    for (cseq, (method, tag, body, want)) in (1..).zip([
        ("UPDATE", "t", "", "5070:200"),
        ("UPDATE", "t", "v=0", "5070:491"),
        ("INVITE", "t", "v=0", "5070:100 5070:491"),
        ("BYE", "t", "", "5070:481"),
        ("INFO", "t", "", "5070:200"),
        ("INFO", "u", "", "5070:481"),
    ]) {
        let request = phone
            .within_theirs(&invite, tag, method, cseq)
            .set("Via", &format!("SIP/2.0/UDP h;branch=z9hG4bK{method}{tag}{}", body.len()));
        let request = if body.is_empty() { request } else { request.body(body) };
        assert_eq!(desk.say(phone.flow, &request.print()).heard(), want, "{method} {tag} {body}");
    }
}

#[test]
fn a_stream_has_no_repeats_and_takes_its_calls_along() {
    let mut desk = Desk::new();
    let phone = Phone::new("101", tcp(at(5062), 7));
    desk.register("101", phone.flow);
    let (_, invite) = desk.incoming(&phone);
    assert!(invite.value("Via").starts_with("SIP/2.0/TCP"));
    assert_eq!(desk.pass(5000).heard(), "");
    let (_, ours) = desk.outgoing(phone.flow, None);
    assert_eq!(header(&ours, "Contact"), "<sip:203.0.113.5:5060;transport=tcp>");
    assert_eq!(desk.pass(5000).heard(), "");
    let heard = desk.tell(Input::Closed { connection: 7 }).heard();
    assert_eq!(heard, "5062:487 Ended(Lost) Ended(Lost) Unregistered(sip:101@10.0.0.9:5062;ob)");
    assert!(desk.endpoint.bindings("101", desk.now).is_empty());
    desk.pass(240_000);
    assert_eq!((desk.endpoint.legs(), desk.endpoint.transactions()), (0, 0));
}

#[test]
fn a_proxy_on_the_way_is_gone_through_again() {
    let mut desk = Desk::new();
    let carrier = Phone::new("+49", udp(trunk()));
    let invite = carrier.request("INVITE", "sip:102@centrala", 1).body(OFFER);
    let invite = invite.add("Record-Route", "<sip:198.51.100.9:5080;lr>").add("Record-Route", "<sip:10.1.1.1;lr>");
    desk.say(carrier.flow, &invite.print());
    let sip::Event::Incoming(incoming) = desk.events().remove(0) else { panic!() };
    let ok = desk.command(Command::Answer { leg: incoming.leg, sdp: "v=0".into() }).text();
    assert_eq!(ok.matches("Record-Route").count(), 2);
    desk.say(carrier.flow, &carrier.within(&ok, "ACK", 1).print()).heard();
    let mut out = Vec::new();
    desk.endpoint.handle(Input::Command(Command::HangUp { leg: incoming.leg, status: None }), desk.now, &mut out);
    let sip::Output::Send { flow, bytes } = &out[1] else { panic!("{out:?}") };
    assert_eq!(flow.remote, "198.51.100.9:5080".parse().unwrap());
    let bye = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(bye.contains("Route: <sip:198.51.100.9:5080;lr>\r\nRoute: <sip:10.1.1.1;lr>\r\n"), "{bye}");
}
