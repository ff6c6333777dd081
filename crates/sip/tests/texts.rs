//! MESSAGE outside of calls (RFC 3428), and what parties of a call say to each other.

mod desk;

use desk::*;
use sip::{Command, Delivery, Event, NameAddr, Phone as Reached, SipConf, TextId};

fn message(phone: &Phone, body: &str) -> Text {
    phone.request("MESSAGE", "sip:102@centrala", 1).typed(body, "text/plain").without("Contact")
}

/// A desk, and a text of 101's that was let in.
fn written(conf: SipConf) -> (Desk, Phone, TextId) {
    let (mut desk, phone) = (Desk::with(conf), Phone::new("101", udp(at(5062))));
    let text = message(&phone, "hello").add("P-Asserted-Identity", "<sip:boss@x>").add("Subject", "tea");
    let challenged = desk.say(phone.flow, &text.print()).text();
    desk.say(phone.flow, &text.again(2, &challenged, "101", "secret").print());
    match &desk.events()[..] {
        [Event::Text { text, account, called, .. }] if account == "101" && called == "102" => {
            let text = *text;
            (desk, phone, text)
        }
        other => panic!("{other:?}"),
    }
}

fn to(ports: &[u16]) -> Delivery {
    let reached =
        |port: &u16| Reached { uri: format!("sip:102@10.0.0.9:{port};ob"), flow: udp(at(*port)), routes: vec![] };
    let address = |user: &str| NameAddr::new(format!("sip:{user}@centrala"));
    Delivery::Phones { from: address("201"), to: address("102"), phones: ports.iter().map(reached).collect() }
}

impl Desk {
    fn deliver(&mut self, text: TextId, delivery: Delivery) -> &mut Desk {
        self.command(Command::Text { text, delivery: Box::new(delivery) })
    }
}

#[test]
fn a_text_goes_to_all_phones_and_the_first_that_takes_it_speaks_for_all() {
    let (mut desk, _, text) = written(conf());
    let sent = desk.deliver(text, to(&[6001, 6002])).texts();
    assert_eq!(sent.len(), 2);
    assert!(sent[0].starts_with("MESSAGE sip:102@10.0.0.9:6001;ob SIP/2.0\r\n"), "{}", sent[0]);
    assert!(sent[0].ends_with("\r\n\r\nhello"), "{}", sent[0]);
    for (name, value) in [("Content-Type", "text/plain"), ("Subject", "tea"), ("To", "<sip:102@centrala>")] {
        assert_eq!(header(&sent[0], name), value);
    }
    assert!(header(&sent[0], "From").starts_with("<sip:201@centrala>;tag="), "{}", sent[0]);
    assert!(!sent[0].contains("Asserted") && !sent[0].contains("Contact"), "{}", sent[0]);
    assert_eq!(desk.say(udp(at(6001)), &Text::answer(&sent[0], 486, "a").print()).heard(), "");
    assert_eq!(desk.say(udp(at(6002)), &Text::answer(&sent[1], 200, "b").print()).heard(), "5062:200");
    desk.pass(60_000);
    assert_eq!(desk.endpoint.transactions(), 0);
}

#[test]
fn who_does_not_take_it_or_is_not_there_is_said_to_be_so() {
    for (answers, said) in [(&[603, 486][..], "5062:603"), (&[408, 503], "5062:480"), (&[415, 404], "5062:415")] {
        let (mut desk, _, text) = written(conf());
        let sent = desk.deliver(text, to(&[6001, 6002])).texts();
        for (message, status) in sent.iter().zip(answers) {
            desk.say(udp(at(6001)), &Text::answer(message, *status, "a").print());
        }
        assert_eq!(desk.heard(), said);
    }
    let (mut desk, _, text) = written(conf());
    assert_eq!(desk.deliver(text, to(&[])).heard(), "5062:480");
    assert_eq!(desk.deliver(text, Delivery::Refuse { status: 404 }).heard(), "", "it is answered already");
    let (mut desk, _, text) = written(conf());
    assert_eq!(desk.deliver(text, Delivery::Refuse { status: 404 }).heard(), "5062:404");
    // Silence: the sender must hear before it gives up itself.
    let (mut desk, _, text) = written(conf());
    desk.deliver(text, to(&[6001])).heard();
    let heard = desk.pass(24_000).heard();
    assert!(heard.ends_with("5062:480"), "{heard}");
    desk.pass(40_000);
    assert_eq!(desk.endpoint.transactions(), 0);
}

#[test]
fn what_is_too_much_goes_nowhere() {
    let (mut desk, phone) = (Desk::with(SipConf { text_bytes_max: 100, ..conf() }), Phone::new("101", udp(at(5062))));
    let challenged = desk.say(phone.flow, &message(&phone, "x").print()).text();
    for (n, user, size, said) in
        [(1, "101", 100, "Text(101 102)"), (2, "101", 101, "5062:413"), (3, "102", 1, "5062:403 Refused(101)")]
    {
        let text = message(&phone, &"x".repeat(size)).set("From", &format!("<sip:{user}@centrala>;tag=f"));
        let text = text.set("Via", &format!("SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKsize{n};rport"));
        let text = text.again_with(10 + n, &challenged, "101", "secret", n);
        assert_eq!(desk.say(phone.flow, &text.print()).heard(), said);
    }
}

#[test]
fn who_writes_without_end_is_slowed() {
    let (mut desk, phone) = (Desk::new(), Phone::new("101", udp(at(5062))));
    let challenged = desk.say(phone.flow, &message(&phone, "x").print()).text();
    let mut let_in = 0;
    for n in 1..=40 {
        let text = message(&phone, "x").set("Via", &format!("SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKmany{n};rport"));
        let text = text.again_with(10 + n, &challenged, "101", "secret", n);
        let heard = desk.say(phone.flow, &text.print()).both();
        match (&heard.0[..], &heard.1[..]) {
            ([], [Event::Text { .. }]) => let_in += 1,
            ([refused], []) => assert_eq!((status(refused), header(refused, "Retry-After")), (503, "1")),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(let_in, 25);
}

#[test]
fn in_a_call_it_reaches_the_other_party_and_its_answer_comes_back() {
    let (mut desk, caller, callee) = (Desk::new(), Phone::new("101", udp(at(5062))), Phone::new("102", udp(at(6001))));
    let (leg, ok) = desk.standing(&caller);
    let (other, invite) = desk.outgoing(callee.flow, None);
    desk.say(callee.flow, &Text::answer(&invite, 200, "t").body(OFFER).print()).heard();
    for (n, (method, kind, passed)) in [
        ("MESSAGE", "text/plain", true),
        ("INFO", "application/media_control+xml", true),
        ("INFO", "application/dtmf-relay", false),
    ]
    .into_iter()
    .enumerate()
    {
        let text = caller.within(&ok, method, 10 + n as u32).typed("Signal=5", kind);
        let (texts, events) = desk.say(caller.flow, &text.print()).both();
        let Some(text) = events.iter().find_map(|event| match event {
            Event::Said { text, leg: from, .. } if *from == leg => Some(*text),
            _ => None,
        }) else {
            assert!(!passed && status(&texts[0]) == 200, "{method} {kind}: {texts:?} {events:?}");
            continue;
        };
        assert!(passed && texts.is_empty(), "{method} {kind}: {texts:?}");
        let onward = desk.deliver(text, Delivery::Party { leg: other }).text();
        assert!(onward.starts_with(&format!("{method} sip:102@10.0.0.9:5062;ob SIP/2.0\r\n")), "{onward}");
        assert_eq!((header(&onward, "Content-Type"), header(&onward, "Call-ID")), (kind, header(&invite, "Call-ID")));
        assert_eq!(desk.say(callee.flow, &Text::answer(&onward, 200, "").print()).heard(), "5062:200");
    }
    // A package nobody has said to receive (RFC 6086 §4.2.2), and nobody to talk with.
    let info = caller.within(&ok, "INFO", 20).typed("x", "text/x").set("Info-Package", "foo");
    assert_eq!(desk.say(caller.flow, &info.print()).heard(), "5062:469");
    let info = caller.within(&ok, "INFO", 21).typed("x", "text/x");
    let (_, events) = desk.say(caller.flow, &info.print()).both();
    let [Event::Said { text, is_info: true, .. }] = events[..] else { panic!("{events:?}") };
    assert_eq!(desk.deliver(text, Delivery::Refuse { status: 415 }).heard(), "5062:415");
}
