//! The life of a dialog, read as ladders: who keeps it alive (RFC 4028), who changes it (RFC 3261 §14, RFC 3311), and what
//! is said reliably before it is answered (RFC 3262).

mod desk;

use desk::*;
use sip::{Command, Event, NameAddr, Outgoing};

fn phone() -> Phone {
    Phone::new("101", udp(at(5062)))
}

/// An incoming call that stands, whose INVITE had these headers; the leg, and our 200.
fn standing_with(desk: &mut Desk, phone: &Phone, headers: &[(&str, &str)]) -> (base::LegId, String) {
    let (leg, invite, _) = ringing_with(desk, phone, headers);
    let ok = desk.command(Command::Answer { leg, sdp: "v=0 answer".into() }).text();
    desk.say(phone.flow, &phone.within(&ok, "ACK", invite.cseq()).print()).heard();
    (leg, ok)
}

fn ringing_with(desk: &mut Desk, phone: &Phone, headers: &[(&str, &str)]) -> (base::LegId, Text, String) {
    let mut invite = phone.request("INVITE", "sip:102@centrala", 1).body(OFFER);
    for (name, value) in headers {
        invite = invite.set(name, value);
    }
    let challenged = desk.say(phone.flow, &invite.print()).text();
    desk.say(phone.flow, &invite.ack(&challenged).print());
    let invite = invite.again(2, &challenged, &phone.user, "secret");
    desk.say(phone.flow, &invite.print());
    let (texts, events) = desk.both();
    let Some(Event::Incoming(incoming)) = events.first() else { panic!("{texts:?}") };
    (incoming.leg, invite, texts.last().cloned().unwrap_or_default())
}

#[test]
fn a_phone_that_keeps_its_session_alive_is_answered_and_one_that_stops_is_hung_up() {
    let (mut desk, phone) = (Desk::new(), phone());
    let timer = [("Supported", "timer, 100rel"), ("Session-Expires", "1800"), ("Min-SE", "90")];
    let (_, ok) = standing_with(&mut desk, &phone, &timer);
    assert_eq!(header(&ok, "Session-Expires"), "90;refresher=uac");
    assert_eq!(header(&ok, "Require"), "timer");
    for cseq in [10, 11] {
        assert_eq!(desk.pass(45_000).heard(), "");
        let update =
            phone.within(&ok, "UPDATE", cseq).set("Session-Expires", "90;refresher=uac").set("Supported", "timer");
        let answer = desk.say(phone.flow, &update.print()).text();
        assert_eq!((status(&answer), header(&answer, "Session-Expires")), (200, "90;refresher=uac"));
    }
    assert_eq!(desk.pass(59_999).heard(), "");
    assert_eq!(desk.pass(1).heard(), "5062:BYE Ended(Expired)");
}

#[test]
fn we_keep_alive_the_session_of_a_phone_that_leaves_it_to_us() {
    for (allow, method) in [("INVITE, UPDATE", "UPDATE"), ("INVITE, BYE", "INVITE")] {
        let (mut desk, phone) = (Desk::new(), phone());
        let timer = [("Supported", "timer"), ("Session-Expires", "90;refresher=uas"), ("Allow", allow)];
        let (_, ok) = standing_with(&mut desk, &phone, &timer);
        assert_eq!(header(&ok, "Session-Expires"), "90;refresher=uas");
        assert!(!ok.contains("Require:"), "{ok}");
        for round in 0..3 {
            let refresh = desk.pass(45_000).text();
            assert!(refresh.starts_with(&format!("{method} sip:10")), "{refresh}");
            assert_eq!(header(&refresh, "Session-Expires"), "90;refresher=uac");
            let answer =
                Text::answer(&refresh, 200, "").set("Session-Expires", "90;refresher=uac").set("Require", "timer");
            let heard = if method == "INVITE" {
                assert!(refresh.ends_with("\r\n\r\nv=0 answer"), "{refresh}"); // what was agreed, in the same version
                desk.say(phone.flow, &answer.body("v=0").print()).heard()
            } else {
                desk.say(phone.flow, &answer.print()).heard()
            };
            assert_eq!(heard, if method == "INVITE" { "5062:ACK Agreed" } else { "" }, "{round}");
        }
        // Nobody answers any more.
        assert_eq!(status_word(&desk.pass(45_000).heard()), method);
        let heard = desk.pass(33_000).heard();
        assert!(heard.contains("5062:BYE") && heard.ends_with("Ended(Expired)"), "{heard}");
        desk.pass(60_000);
        assert_eq!((desk.endpoint.legs(), desk.endpoint.transactions()), (0, 0));
    }
}

fn status_word(heard: &str) -> &str {
    heard.split(' ').next().and_then(|word| word.split_once(':')).map_or("", |(_, word)| word)
}

#[test]
fn a_refresh_that_fails_is_tried_in_another_way_or_again() {
    let (mut desk, phone) = (Desk::new(), phone());
    let timer = [("Supported", "timer"), ("Session-Expires", "90;refresher=uas"), ("Allow", "INVITE, UPDATE")];
    let (_, _) = standing_with(&mut desk, &phone, &timer);
    let update = desk.pass(45_000).text();
    let again = desk.say(phone.flow, &Text::answer(&update, 422, "").set("Min-SE", "200").print()).text();
    assert_eq!((header(&again, "CSeq"), header(&again, "Session-Expires")), ("2 UPDATE", "200;refresher=uac"));
    let invite = desk.say(phone.flow, &Text::answer(&again, 405, "").print()).text();
    assert_eq!(header(&invite, "CSeq"), "3 INVITE");
    // Both asked at once: we wait, less than two seconds as the Call-ID is theirs (RFC 3261 §14.1).
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 491, "").print()).heard(), "5062:ACK");
    let fourth = desk.pass(2_001).texts().remove(0);
    assert_eq!(header(&fourth, "CSeq"), "4 INVITE");
    assert_eq!(desk.say(phone.flow, &Text::answer(&fourth, 500, "").print()).heard(), "5062:ACK");
    // At half of what is left; and a dialog they know nothing of is over.
    let last = desk.pass(8_000).texts().remove(0);
    assert_eq!(header(&last, "CSeq"), "5 INVITE");
    assert_eq!(desk.say(phone.flow, &Text::answer(&last, 481, "").print()).heard(), "5062:ACK 5062:BYE Ended(Bye)");
}

#[test]
fn a_refresh_that_is_refused_for_now_is_said_again_when_they_said() {
    // What they answer, and when we ask again: at half of what is left (8 s), or when they say so.
    for (status, headers, after_ms) in [
        (503, &[("Retry-After", "3")][..], 3_000),
        (500, &[("Retry-After", "5 (I'm in a meeting);duration=60")], 5_000),
        (500, &[("Retry-After", "0")], 1_000),
        (503, &[("Retry-After", "60")], 7_500), // the session would be over by then
        (503, &[], 7_500),
        (500, &[("Retry-After", "soon")], 7_500),
        (422, &[("Min-SE", "90")], 7_500), // that is what we asked for
        (403, &[], 7_500),
    ] {
        let (mut desk, phone) = (Desk::new(), phone());
        let timer = [("Supported", "timer"), ("Session-Expires", "90;refresher=uas"), ("Allow", "INVITE, UPDATE")];
        standing_with(&mut desk, &phone, &timer);
        let update = desk.pass(45_000).text();
        let refusal =
            headers.iter().fold(Text::answer(&update, status, ""), |text, (name, value)| text.set(name, value));
        assert_eq!(desk.say(phone.flow, &refusal.print()).heard(), "", "{status}");
        assert_eq!(desk.pass(after_ms - 1).heard(), "", "{status} {headers:?}");
        let again = desk.pass(1).text();
        assert_eq!(header(&again, "CSeq"), "2 UPDATE", "{status} {headers:?}");
    }
}

#[test]
fn a_session_too_short_is_refused_with_the_least_there_is() {
    let (mut desk, phone) = (Desk::new(), phone());
    let invite = phone.request("INVITE", "sip:102@centrala", 1).body(OFFER);
    let invite = invite.set("Supported", "timer").set("Session-Expires", "30");
    let challenged = desk.say(phone.flow, &invite.print()).text();
    desk.say(phone.flow, &invite.ack(&challenged).print()).heard();
    let texts = desk.say(phone.flow, &invite.again(2, &challenged, "101", "secret").print()).texts();
    let refusal = texts.last().unwrap();
    assert_eq!((status(refusal), header(refusal, "Min-SE")), (422, "90"));
    assert_eq!(desk.endpoint.legs(), 0);
    let (_, ok) = desk.standing(&Phone::new("102", udp(at(5066))));
    let update = Phone::new("102", udp(at(5066))).within(&ok, "UPDATE", 9).set("Supported", "timer");
    let refusal = desk.say(udp(at(5066)), &update.set("Session-Expires", "60").print()).text();
    assert_eq!((status(&refusal), header(&refusal, "Min-SE")), (422, "90"));
}

#[test]
fn a_carrier_that_wants_longer_sessions_is_asked_again() {
    let mut desk = Desk::new();
    let carrier = udp(trunk());
    let leg = desk.endpoint.new_leg();
    let address = |user: &str| NameAddr::new(format!("sip:{user}@centrala"));
    let headers = vec![(sip::Name::SessionExpires, "1800".to_owned())];
    let (from, to, uri) = (address("101"), address("102"), "sip:102@198.51.100.1".to_owned());
    let invite = Outgoing {
        uri,
        flow: carrier,
        from,
        to,
        sdp: OFFER.into(),
        credentials: None,
        headers,
        remove: vec![],
        patience: None,
        others: vec![],
    };
    let first = desk.command(Command::Invite { leg, invite: Box::new(invite) }).text();
    assert_eq!(header(&first, "Session-Expires"), "1800");
    let texts = desk.say(carrier, &Text::answer(&first, 422, "t").set("Min-SE", "3600").print()).texts();
    let second = &texts[1];
    assert_eq!((header(second, "CSeq"), header(second, "Session-Expires")), ("2 INVITE", "3600"));
    let ok = Text::answer(second, 200, "t").set("Session-Expires", "3600;refresher=uas").body(OFFER);
    assert_eq!(desk.say(carrier, &ok.print()).heard(), "5060:ACK Answered");
    assert_eq!(desk.pass(3_567_999).heard(), "");
    assert_eq!(desk.pass(1).heard(), "5060:BYE Ended(Expired)");
}

#[test]
fn a_change_of_ours_waits_for_theirs_and_theirs_for_ours() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, ok) = desk.standing(&phone);
    let invite = desk.command(Command::Offer { leg, sdp: "v=0 moved".into() }).text();
    assert!(invite.starts_with("INVITE sip:101@10.0.0.9:5062;ob") && invite.ends_with("v=0 moved"), "{invite}");
    assert_eq!(header(&invite, "CSeq"), "1 INVITE");
    // Glare: 491 to theirs, and a BYE goes through all the same.
    let theirs = phone.within(&ok, "INVITE", 10).body("v=0");
    assert_eq!(desk.say(phone.flow, &theirs.print()).heard(), "5062:100 5062:491");
    desk.say(phone.flow, &theirs.ack(&ok).print());
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "UPDATE", 11).print()).heard(), "5062:200");
    let answer = Text::answer(&invite, 200, "").body("v=0").print();
    assert_eq!(desk.say(phone.flow, &answer).heard(), "5062:ACK Agreed");
    assert_eq!(desk.say(phone.flow, &answer).heard(), "5062:ACK");
    // Theirs first: ours goes out when theirs is settled.
    desk.say(phone.flow, &phone.within(&ok, "INVITE", 12).body("v=0").print()).heard();
    assert_eq!(desk.command(Command::Offer { leg, sdp: "v=0 again".into() }).heard(), "");
    assert_eq!(desk.command(Command::Answer { leg, sdp: "v=0".into() }).heard(), "5062:200");
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "ACK", 12).print()).heard(), "Confirmed OfferDue");
    let both = desk.command(Command::Offer { leg, sdp: "v=0 again".into() }).text();
    assert_eq!(header(&both, "CSeq"), "2 INVITE");
    assert_eq!(desk.say(phone.flow, &Text::answer(&both, 488, "").print()).heard(), "5062:ACK Declined(488)");
    assert_eq!(desk.command(Command::HangUp { leg, status: None }).heard(), "5062:BYE Ended(HungUp)");
}

#[test]
fn what_is_required_to_be_reliable_is_said_until_the_prack_comes() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, invite, _) = ringing_with(&mut desk, &phone, &[("Require", "100rel")]);
    let ringing = desk.command(Command::Ring { leg, status: 180, sdp: None }).text();
    assert_eq!((status(&ringing), header(&ringing, "Require")), (180, "100rel"));
    let rseq: u32 = header(&ringing, "RSeq").parse().unwrap();
    assert_eq!(desk.pass(1_500).heard(), "5062:180 5062:180");
    // The next one waits for its turn.
    assert_eq!(desk.command(Command::Ring { leg, status: 183, sdp: Some("v=0 answer".into()) }).heard(), "");
    let prack = |cseq: u32, rseq: u32| {
        phone.within(&ringing, "PRACK", cseq).set("RAck", &format!("{rseq} {} INVITE", invite.cseq()))
    };
    assert_eq!(desk.say(phone.flow, &prack(3, rseq + 1).print()).heard(), "5062:481");
    let texts = desk.say(phone.flow, &prack(4, rseq).print()).texts();
    assert_eq!((status(&texts[0]), status(&texts[1])), (200, 183));
    assert_eq!(header(&texts[1], "RSeq"), (rseq + 1).to_string());
    // RFC 3262 §3: no 200 before the session of the 183 has been heard.
    assert_eq!(desk.command(Command::Answer { leg, sdp: "v=0 answer".into() }).heard(), "");
    assert_eq!(desk.say(phone.flow, &prack(5, rseq + 1).print()).heard(), "5062:200 5062:200");
    assert_eq!(desk.say(phone.flow, &phone.within(&ringing, "ACK", invite.cseq()).print()).heard(), "Confirmed");
}

#[test]
fn what_may_be_reliable_is_if_a_session_is_in_it() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, ..) = ringing_with(&mut desk, &phone, &[("Supported", "100rel")]);
    let ringing = desk.command(Command::Ring { leg, status: 180, sdp: None }).text();
    assert!(!ringing.contains("RSeq"), "{ringing}");
    let early = desk.command(Command::Ring { leg, status: 183, sdp: Some("v=0".into()) }).text();
    assert_eq!(header(&early, "Require"), "100rel");
    // Nobody says that it was heard: the call is refused (RFC 3262 §3).
    let heard = desk.pass(32_000).heard();
    assert!(heard.ends_with("5062:504 Ended(NoAck)"), "{heard}");
    assert_eq!(heard.matches("5062:183").count(), 6, "{heard}");
}

#[test]
fn what_they_say_reliably_is_acknowledged_once_and_in_order() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (leg, invite) = desk.outgoing(phone.flow, None);
    let reliable = |status: u16, tag: &str, rseq: u32| {
        Text::answer(&invite, status, tag).set("Require", "100rel").set("RSeq", &rseq.to_string())
    };
    let prack = desk.say(phone.flow, &reliable(183, "a", 7).body("v=0 early").print()).text();
    assert!(prack.starts_with("PRACK sip:102@10.0.0.9:5062;ob SIP/2.0"), "{prack}");
    assert_eq!((header(&prack, "RAck"), header(&prack, "CSeq")), ("7 1 INVITE", "2 PRACK"));
    assert_eq!(desk.say(phone.flow, &reliable(183, "a", 7).body("v=0 early").print()).heard(), "");
    assert_eq!(desk.say(phone.flow, &reliable(180, "a", 9).print()).heard(), ""); // out of turn
    assert_eq!(desk.say(phone.flow, &reliable(180, "a", 8).print()).heard(), "5070:PRACK Ringing(180)");
    assert_eq!(desk.say(phone.flow, &reliable(180, "b", 1).print()).heard(), "5070:PRACK Ringing(180, fork 1)");
    assert_eq!(desk.say(phone.flow, &Text::answer(&prack, 200, "").print()).heard(), "");
    // The 200 need not repeat the session said reliably, and our next request has a number above the PRACKs'.
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 200, "a").print()).heard(), "5070:ACK Answered");
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert_eq!(header(&bye, "CSeq"), "4 BYE");
}

#[test]
fn a_transfer_is_accepted_and_told_of_to_its_end() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, ok) = desk.standing(&phone);
    let refer = |cseq: u32, to: &str| phone.within(&ok, "REFER", cseq).set("Refer-To", to);
    assert_eq!(desk.say(phone.flow, &refer(10, "<sip:103@centrala>").print()).heard(), "Refer(103)");
    assert_eq!(desk.say(phone.flow, &refer(11, "<sip:104@centrala>").print()).heard(), "5062:491");
    let texts = desk.command(Command::Transferred { leg, status: 100 }).texts();
    assert_eq!(status(&texts[0]), 202);
    let trying = &texts[1];
    assert!(
        trying.starts_with("NOTIFY sip:101@10.0.0.9:5062;ob") && trying.ends_with("SIP/2.0 100 Trying\r\n"),
        "{trying}"
    );
    assert_eq!((header(trying, "Event"), header(trying, "Subscription-State")), ("refer", "active;expires=180"));
    assert_eq!(header(trying, "Content-Type"), "message/sipfrag;version=2.0");
    // One NOTIFY at a time, so that they arrive in order; the latest news is enough.
    assert_eq!(desk.command(Command::Transferred { leg, status: 180 }).heard(), "");
    assert_eq!(desk.command(Command::Transferred { leg, status: 200 }).heard(), "");
    let last = desk.say(phone.flow, &Text::answer(trying, 200, "").print()).text();
    assert!(last.ends_with("SIP/2.0 200 OK\r\n"), "{last}");
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=noresource");
    desk.say(phone.flow, &Text::answer(&last, 200, "").print()).heard();
    assert_eq!(desk.command(Command::Transferred { leg, status: 486 }).heard(), "");
    // The next one of the dialog is told apart by its number, and may be refused.
    desk.say(phone.flow, &refer(12, "<sip:102@x?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>").print());
    assert_eq!(desk.heard(), "Refer(102, replaces)");
    assert_eq!(desk.command(Command::Transferred { leg, status: 603 }).heard(), "5062:603");
    desk.say(phone.flow, &refer(13, "<sip:102@x>").print()).heard();
    let texts = desk.command(Command::Transferred { leg, status: 100 }).texts();
    assert_eq!(header(&texts[1], "Event"), "refer;id=13");
}

#[test]
fn who_was_told_of_a_transfer_is_released_when_it_has_heard() {
    // How its last words are answered, and what follows when.
    for (answer, wait_ms, want) in [
        (Some(200), 0, "5062:BYE Ended(HungUp)"),
        (Some(481), 0, "5062:BYE Ended(HungUp)"),
        (None, 1_999, "5062:NOTIFY 5062:NOTIFY Ended(HungUp)"), // said again: the answer may have been lost
        (None, 2_000, "5062:NOTIFY 5062:NOTIFY 5062:BYE Ended(HungUp)"),
    ] {
        let (mut desk, phone) = (Desk::new(), phone());
        let (leg, ok) = desk.standing(&phone);
        let refer = phone.within(&ok, "REFER", 10).set("Refer-To", "<sip:103@centrala>");
        desk.say(phone.flow, &refer.print()).heard();
        let texts = desk.command(Command::Transferred { leg, status: 100 }).texts();
        desk.command(Command::Transferred { leg, status: 200 });
        let last = desk.say(phone.flow, &Text::answer(&texts[1], 200, "").print()).text();
        desk.command(Command::HangUp { leg, status: None });
        if let Some(answer) = answer {
            desk.say(phone.flow, &Text::answer(&last, answer, "").print());
        }
        assert_eq!(desk.pass(wait_ms).heard(), want, "{answer:?} {wait_ms}");
    }
}

#[test]
fn who_does_not_want_to_know_is_not_told() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, ok) = desk.standing(&phone);
    let refer = phone.within(&ok, "REFER", 10).set("Refer-To", "<sip:103@centrala>").set("Refer-Sub", "false");
    desk.say(phone.flow, &refer.print()).heard();
    let accepted = desk.command(Command::Transferred { leg, status: 100 }).text();
    assert_eq!((status(&accepted), header(&accepted, "Refer-Sub")), (202, "false"));
    assert_eq!(desk.command(Command::Transferred { leg, status: 200 }).heard(), "");
}

#[test]
fn a_dialog_spoken_of_is_found_by_its_tags() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, ok) = desk.standing(&phone);
    let tag = |name: &str| header(&ok, name).rsplit_once("tag=").unwrap().1.to_owned();
    let (call_id, ours, theirs) = (header(&ok, "Call-ID").to_owned(), tag("To"), tag("From"));
    let id = |to_tag: &str, from_tag: &str| sip::DialogId {
        call_id: call_id.clone(),
        to_tag: to_tag.to_owned(),
        from_tag: from_tag.to_owned(),
    };
    assert_eq!(desk.endpoint.leg_in(&id(&ours, &theirs)), Some(leg));
    assert_eq!(desk.endpoint.leg_in(&id(&theirs, &ours)), Some(leg));
    assert_eq!(desk.endpoint.leg_in(&id(&ours, "guess")), None);
}

#[test]
fn who_changes_the_session_before_its_answer_is_heard_is_told_to_wait_and_told_so_again() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5071)));
    let (_, invite) = desk.outgoing(phone.flow, None);
    let change = phone.within_theirs(&invite, "t", "INVITE", 1).body(OFFER).print();
    let answers = |texts: Vec<String>| texts.iter().map(|text| status(text)).collect::<Vec<_>>();
    assert_eq!(answers(desk.say(phone.flow, &change).texts()), [100, 491]);
    desk.say(phone.flow, &Text::answer(&invite, 200, "t").body(OFFER).print());
    assert!(desk.heard().contains("Answered"));
    assert_eq!(answers(desk.say(phone.flow, &change).texts()), [491], "a repeat hears the same");
    // Who does not know the call hears what strangers hear.
    let (_, invite) = desk.outgoing(phone.flow, None);
    let change = phone.within_theirs(&invite, "t", "INVITE", 2).body(OFFER).set("Call-ID", "guessed").print();
    assert_eq!(answers(desk.say(phone.flow, &change).texts()), [481]);
}
