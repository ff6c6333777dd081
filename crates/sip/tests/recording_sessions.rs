//! Recording sessions (RFC 7866): what is carried beside a description, and how both sides call themselves.

mod desk;

use desk::*;
use sip::{Command, Event, Name, NameAddr, Outgoing, multipart, with_metadata};

/// A description with metadata beside it, as text, with its type.
fn both(sdp: &str, metadata: &str) -> (String, String) {
    let body = with_metadata(sdp.as_bytes(), metadata.as_bytes());
    let kind = multipart::kind_of(&body).into_owned();
    (String::from_utf8(body.to_vec()).unwrap(), kind)
}

fn source() -> Phone {
    Phone::new("src", udp(trunk()))
}

/// An INVITE of a session's, as the carrier sends it.
fn invite() -> Text {
    let (body, kind) = both(OFFER, "<recording/>");
    let invite = source().request("INVITE", "sip:srs@centrala", 1);
    let contact = format!("{};+sip.src", invite.value("Contact"));
    invite.set("Contact", &contact).add("Require", "siprec").typed(&body, &kind)
}

#[test]
fn a_session_is_told_from_a_call_and_answered_as_its_recorder() {
    let mut desk = Desk::new();
    let events = desk.say(udp(trunk()), &invite().print()).events();
    let Some(Event::Incoming(incoming)) = events.first() else { panic!("{events:?}") };
    assert_eq!(incoming.records.as_deref(), Some(&b"<recording/>"[..]));
    assert_eq!(incoming.sdp.as_deref(), Some(OFFER.as_bytes()));
    let leg = incoming.leg;
    let ok = desk.command(Command::Answer { leg, sdp: "v=0 answer".into() }).text();
    assert!(header(&ok, "Contact").ends_with(";+sip.srs"), "{ok}");
    desk.say(udp(trunk()), &source().within(&ok, "ACK", 1).print()).events();

    // Metadata comes alone in an UPDATE (§9.1): it is answered at once, and is no offer.
    let update = source().within(&ok, "UPDATE", 2).typed("<recording>2</recording>", "application/rs-metadata+xml");
    let (texts, events) = desk.say(udp(trunk()), &update.print()).both();
    assert_eq!(status(&texts[0]), 200, "{texts:?}");
    assert!(header(&texts[0], "Contact").ends_with(";+sip.srs"), "{}", texts[0]);
    assert!(matches!(&events[..], [Event::Metadata { xml, .. }] if xml == "<recording>2</recording>"), "{events:?}");

    // Beside an offer it is told before that.
    let (body, kind) = both("v=0 again", "<recording>3</recording>");
    let again = source().within(&ok, "INVITE", 3).add("Require", "siprec").typed(&body, &kind);
    let events = desk.say(udp(trunk()), &again.print()).events();
    let [Event::Metadata { xml, .. }, Event::Offered { sdp: Some(sdp), .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((&**xml, &**sdp), (&b"<recording>3</recording>"[..], &b"v=0 again"[..]));
}

#[test]
fn an_ordinary_call_may_have_its_description_among_other_parts() {
    let mut desk = Desk::new();
    let body = "--b\r\nContent-Type: application/sdp\r\n\r\nv=0 offer\r\n--b\r\nContent-Type: application/isup\r\n\r\n\u{1}\r\n--b--";
    let call = source().request("INVITE", "sip:102@centrala", 1).typed(body, "multipart/mixed;boundary=b");
    let events = desk.say(udp(trunk()), &call.print()).events();
    let Some(Event::Incoming(incoming)) = events.first() else { panic!("{events:?}") };
    assert_eq!((incoming.sdp.as_deref(), &incoming.records), (Some(OFFER.as_bytes()), &None));
    let ok = desk.command(Command::Answer { leg: incoming.leg, sdp: "v=0 answer".into() }).text();
    assert!(!header(&ok, "Contact").contains("+sip"), "{ok}");

    let nothing = "--b\r\nContent-Type: application/isup\r\n\r\n\u{1}\r\n--b--";
    let call = source().request("INVITE", "sip:102@centrala", 2).set("Call-ID", "other");
    let texts = desk.say(udp(trunk()), &call.typed(nothing, "multipart/mixed;boundary=b").print()).texts();
    assert_eq!(status(&texts[0]), 415);
}

#[test]
fn what_we_have_recorded_goes_out_as_from_a_source() {
    let mut desk = Desk::new();
    let leg = desk.endpoint.new_leg();
    let outgoing = Outgoing {
        uri: "sip:srs@198.51.100.1".into(),
        flow: udp(trunk()),
        from: NameAddr::new("sip:centrala@203.0.113.5".to_owned()),
        to: NameAddr::new("sip:srs@198.51.100.1".to_owned()),
        sdp: with_metadata(OFFER.as_bytes(), b"<recording/>"),
        credentials: None,
        headers: vec![(Name::Require, "siprec".to_owned())],
        remove: Vec::new(),
        patience: None,
        others: Vec::new(),
    };
    let invite = desk.command(Command::Invite { leg, invite: Box::new(outgoing) }).text();
    assert!(header(&invite, "Content-Type").starts_with("multipart/mixed;boundary="), "{invite}");
    assert!(header(&invite, "Contact").ends_with(";+sip.src"), "{invite}");
    assert!(invite.contains("Content-Disposition: recording-session\r\n\r\n<recording/>\r\n"), "{invite}");
    let answer = Text::answer(&invite, 200, "srs").add("Contact", "<sip:srs@198.51.100.1>;+sip.srs").body("v=0 answer");
    desk.say(udp(trunk()), &answer.print()).events();

    desk.command(Command::Offer { leg, sdp: with_metadata(b"v=0 more", b"<recording>2</recording>") });
    let texts = desk.texts();
    let again = texts.iter().find(|text| text.starts_with("INVITE")).expect("a re-INVITE");
    assert_eq!(header(again, "Require"), "siprec");
    assert!(header(again, "Contact").ends_with(";+sip.src"), "{again}");
    assert!(again.contains("v=0 more\r\n--") && again.contains("<recording>2</recording>"), "{again}");
}
