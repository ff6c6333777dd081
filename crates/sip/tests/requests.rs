//! Requests of ours outside of any INVITE's dialog (RFC 3261 §8.1, §22.2).

mod desk;

use base::Time;
use desk::*;
use sip::digest::Credentials;
use sip::{Command, Event, Input, Method, NameAddr, Outside, RequestId};

fn ask(desk: &mut Desk, method: Method, credentials: Option<Credentials>, cseq: u32) -> RequestId {
    let id = desk.endpoint.new_request();
    let uri = "sip:198.51.100.1".to_owned();
    let address = NameAddr::new("sip:centre@198.51.100.1");
    let request = Outside {
        method,
        uri,
        flow: udp(trunk()),
        from: address.clone(),
        to: address,
        call_id: Some("ours".into()),
        cseq,
        headers: vec![],
        body: None,
        credentials,
    };
    desk.command(Command::Request { id, request: Box::new(request) });
    id
}

fn centre() -> Option<Credentials> {
    Some(Credentials { user: "centre".into(), password: "pw".into(), realm: None })
}

const MD5: &str = "Digest realm=\"c\", nonce=\"n1\", qop=\"auth\"";
const SHA: &str = "Digest realm=\"c\", nonce=\"n2\", qop=\"auth\", algorithm=SHA-256";

#[test]
fn a_request_is_said_again_until_it_is_answered_and_told_once() {
    let mut desk = Desk::new();
    ask(&mut desk, Method::Options, None, 7);
    let options = desk.text();
    assert!(options.starts_with("OPTIONS sip:198.51.100.1 SIP/2.0\r\n"), "{options}");
    assert_eq!((header(&options, "CSeq"), header(&options, "Call-ID")), ("7 OPTIONS", "ours"));
    assert!(header(&options, "From").contains(";tag="));
    assert_eq!(desk.pass(500).heard(), "5060:OPTIONS"); // Timer E
    desk.say(udp(trunk()), &Text::answer(&options, 100, "").print());
    assert_eq!(desk.heard(), "");
    desk.say(udp(trunk()), &Text::answer(&options, 200, "t").print());
    assert_eq!(desk.heard(), "Done(200 7)");
    desk.say(udp(trunk()), &Text::answer(&options, 200, "t").print());
    assert_eq!(desk.pass(60_000).heard(), "");
}

#[test]
fn silence_is_408_and_nobody_there_503() {
    let mut desk = Desk::new();
    ask(&mut desk, Method::Options, None, 1);
    assert!(desk.pass(31_900).heard().ends_with("5060:OPTIONS"));
    assert_eq!(desk.pass(200).heard(), "Done(408 1)"); // Timer F
    ask(&mut desk, Method::Options, None, 2);
    desk.texts();
    desk.tell(Input::Unreachable { transport: sip::Transport::Udp, remote: trunk() });
    assert_eq!(desk.heard(), "Done(503 2)");
}

#[test]
fn a_challenge_is_answered_with_the_strongest_and_the_nonce_used_again() {
    let mut desk = Desk::new();
    ask(&mut desk, Method::Register, centre(), 1);
    let first = desk.text();
    assert!(!first.contains("Authorization"));
    let challenge = Text::answer(&first, 401, "t").add("WWW-Authenticate", MD5).add("WWW-Authenticate", SHA);
    let second = desk.say(udp(trunk()), &challenge.print()).text();
    assert_eq!(header(&second, "CSeq"), "2 REGISTER");
    let authorization = header(&second, "Authorization");
    assert!(authorization.contains("nonce=\"n2\"") && authorization.contains("nc=00000001"), "{authorization}");
    desk.say(udp(trunk()), &Text::answer(&second, 200, "t").print());
    assert_eq!(desk.heard(), "Done(200 2)");

    // The next one answers before it is asked (RFC 7616 §3.4), and again when the nonce has grown old.
    ask(&mut desk, Method::Register, centre(), 3);
    let third = desk.text();
    let authorization = header(&third, "Authorization");
    assert!(authorization.contains("nonce=\"n2\"") && authorization.contains("nc=00000002"), "{authorization}");
    let stale = Text::answer(&third, 401, "t").add("WWW-Authenticate", &SHA.replace("n2", "n3"));
    let fourth = desk.say(udp(trunk()), &stale.print()).text();
    assert!(header(&fourth, "Authorization").contains("nonce=\"n3\""));
    assert_eq!(fourth.matches("Authorization: ").count(), 1);
    // Wrong is wrong.
    desk.say(udp(trunk()), &Text::answer(&fourth, 401, "t").add("WWW-Authenticate", SHA).print());
    assert_eq!(desk.heard(), "Done(401 4)");
}

#[test]
fn a_password_is_not_spoken_for_to_who_merely_answers() {
    let mut desk = Desk::new();
    ask(&mut desk, Method::Register, centre(), 1);
    let first = desk.text();
    let challenge = Text::answer(&first, 401, "t").add("WWW-Authenticate", MD5).print();
    desk.say(udp("203.0.113.66:5060".parse().unwrap()), &challenge);
    assert_eq!(desk.heard(), "Done(401 1)");
}

#[test]
fn an_invite_too_answers_before_it_is_asked() {
    let mut desk = Desk::new();
    let (_, invite) = desk.outgoing(udp(trunk()), centre());
    let challenge = Text::answer(&invite, 407, "t").add("Proxy-Authenticate", SHA).print();
    let texts = desk.say(udp(trunk()), &challenge).texts();
    let again = texts.iter().find(|text| text.starts_with("INVITE")).expect("said again");
    assert!(header(again, "Proxy-Authorization").contains("nc=00000001"));
    let (_, next) = desk.outgoing(udp(trunk()), centre());
    assert!(header(&next, "Proxy-Authorization").contains("nc=00000002"));
    let elsewhere = desk.outgoing(udp(at(5062)), centre()).1;
    assert!(!elsewhere.contains("Authorization"));
}

#[test]
fn an_answer_brings_its_headers_and_where_it_came_from() {
    let mut desk = Desk::new();
    let id = ask(&mut desk, Method::Message, None, 1);
    let message = desk.text();
    desk.say(udp(trunk()), &Text::answer(&message, 200, "t").add("X-Seen", "yes").body("v=0").print());
    let Some(Event::RequestDone { id: of, answer: Some(answer), .. }) = desk.events().pop() else {
        panic!("an answer")
    };
    assert_eq!((of, answer.flow, &answer.body[..]), (id, udp(trunk()), &b"v=0"[..]));
    assert_eq!(answer.headers.first(&sip::Name::from("x-seen")), Some("yes"));
    assert!(desk.now > Time::ZERO);
}

#[test]
fn a_trunk_that_says_nothing_is_given_up_early_and_one_that_says_when_is_heard() {
    let mut desk = Desk::new();
    let impatient = |desk: &mut Desk| {
        let leg = desk.endpoint.new_leg();
        let address = NameAddr::new("sip:1@c");
        let (from, to, flow) = (address.clone(), address, udp(trunk()));
        let invite = sip::Outgoing {
            uri: "sip:1@c".into(),
            flow,
            from,
            to,
            sdp: OFFER.into(),
            credentials: None,
            headers: vec![],
            remove: vec![sip::Name::UserAgent],
            patience: Some(std::time::Duration::from_secs(4)),
            others: vec![],
        };
        desk.command(Command::Invite { leg, invite: Box::new(invite) }).text()
    };
    let invite = impatient(&mut desk);
    assert!(!invite.contains("User-Agent"));
    assert!(desk.pass(3_900).heard().ends_with("5060:INVITE"));
    assert_eq!(desk.pass(200).heard(), "Ended(Refused(408))");
    // It was only slow: nobody there may be left ringing (RFC 3261 §9.1).
    assert_eq!(desk.say(udp(trunk()), &Text::answer(&invite, 180, "t").print()).heard(), "5060:CANCEL");

    let mut desk = Desk::new();
    let invite = impatient(&mut desk);
    desk.say(udp(trunk()), &Text::answer(&invite, 100, "").print());
    assert_eq!(desk.pass(10_000).heard(), "");
    desk.say(udp(trunk()), &Text::answer(&invite, 503, "t").add("Retry-After", "30 (busy)").print());
    assert_eq!(desk.heard(), "5060:ACK Unavailable(30) Ended(Refused(503))");
}

#[test]
fn a_call_to_the_line_we_registered_is_the_trunks_wherever_it_comes_from() {
    for (uri, known) in [("sip:centre@203.0.113.5;line=l1ne", true), ("sip:centre@203.0.113.5;line=other", false)] {
        let mut desk = Desk::new();
        let stranger = Phone::new("38515550199", udp(at(5099)));
        desk.say(stranger.flow, &stranger.request("INVITE", uri, 1).body(OFFER).print());
        let heard = desk.heard();
        assert_eq!(heard.contains("Incoming"), known, "{heard}");
        assert_eq!(heard.contains(":401"), !known, "{heard}");
    }
}
