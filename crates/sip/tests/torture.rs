//! Every message of RFC 4475 and RFC 5118, read as a datagram and from a stream: what is legal is a message, however
//! odd; what is not is refused with the RFC's status; responses and hopeless bytes are met with silence.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use proptest::prelude::*;
use sip::Name;
use sip::wire::{Framed, Framer, Limits, Refusal, read};

/// What reading must give.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Want {
    /// A message; the status an endpoint has for it is noted beside.
    Message,
    Refused(u16),
    Silence,
    /// On a stream only: more bytes are awaited.
    Wait,
}
use Want::*;

/// RFC 4475, by section. Where the RFC leaves a choice between being strict and being liberal, we are strict.
const RFC4475: &[(&str, Want)] = &[
    ("wsinv", Message),         // 3.1.1.1
    ("intmeth", Refused(501)),  // 3.1.1.2: all its grammar is legal, so it is the method that is refused
    ("esc01", Message),         // 3.1.1.3
    ("escnull", Message),       // 3.1.1.4
    ("esc02", Refused(501)),    // 3.1.1.5: RE%47IST%45R is not REGISTER
    ("lwsdisp", Message),       // 3.1.1.6
    ("longreq", Message),       // 3.1.1.7
    ("dblreq", Message),        // 3.1.1.8
    ("semiuri", Message),       // 3.1.1.9
    ("transports", Message),    // 3.1.1.10
    ("mpart01", Message),       // 3.1.1.11
    ("unreason", Message),      // 3.1.1.12
    ("noreason", Message),      // 3.1.1.13
    ("badinv01", Refused(400)), // 3.1.2.1
    ("clerr", Refused(400)),    // 3.1.2.2
    ("ncl", Refused(400)),      // 3.1.2.3
    ("scalar02", Refused(400)), // 3.1.2.4
    ("scalarlg", Silence),      // 3.1.2.5
    ("quotbal", Refused(400)),  // 3.1.2.6
    ("ltgtruri", Refused(400)), // 3.1.2.7
    ("lwsruri", Refused(400)),  // 3.1.2.8
    ("lwsstart", Refused(400)), // 3.1.2.9
    ("trws", Refused(400)),     // 3.1.2.10
    ("escruri", Refused(400)),  // 3.1.2.11
    ("baddate", Message),       // 3.1.2.12: we use no Date, so we may not mind it
    ("regbadct", Refused(400)), // 3.1.2.13
    ("badaspec", Refused(400)), // 3.1.2.14
    ("baddn", Refused(400)),    // 3.1.2.15
    ("badvers", Refused(505)),  // 3.1.2.16
    ("mismatch01", Refused(400)),
    ("mismatch02", Refused(501)),
    ("bigcode", Silence),        // 3.1.2.19
    ("badbranch", Refused(400)), // 3.2.1
    ("insuf", Refused(400)),     // 3.3.1
    ("unkscm", Message),         // 3.3.2: 416 from the endpoint
    ("novelsc", Message),        // 3.3.3: 416 from the endpoint
    ("unksm2", Message),         // 3.3.4: 400 from the registrar, the AOR is no SIP URI
    ("bext01", Message),         // 3.3.5: 420 from the endpoint
    ("invut", Message),          // 3.3.6: 415 from the endpoint
    ("regaut01", Message),       // 3.3.7: 401 from the registrar
    ("multi01", Refused(400)),   // 3.3.8
    ("mcl01", Refused(400)),     // 3.3.9
    ("bcast", Message),          // 3.3.10: no transaction will want it
    ("zeromf", Message),         // 3.3.11: an endpoint answers, only a proxy says 483
    ("cparam01", Message),       // 3.3.12
    ("cparam02", Message),       // 3.3.13
    ("regescrt", Message),       // 3.3.14
    ("sdp01", Message),          // 3.3.15: 406 or 488 from the endpoint
    ("inv2543", Message),        // 3.4.1
];

const RFC5118: &[(&str, Want)] = &[
    ("ipv6-good", Message),                     // 4.1
    ("ipv6-bad", Refused(400)),                 // 4.2
    ("port-ambiguous", Message),                // 4.3: the port is in the address, and that is legal
    ("port-unambiguous", Message),              // 4.4
    ("via-received-param-with-delim", Message), // 4.5
    ("via-received-param-no-delim", Message),   // 4.5
    ("ipv6-in-sdp", Message),                   // 4.6
    ("mult-ip-in-header", Message),             // 4.7
    ("mult-ip-in-sdp", Message),                // 4.8
    ("ipv4-mapped-ipv6", Message),              // 4.9
    ("ipv6-bug-abnf-3-colons", Message),        // 4.10: understood for the sake of RFC 3261's own grammar
    ("ipv6-correct-abnf-2-colons", Message),    // 4.10
];

#[test]
fn each_datagram_gets_what_the_rfc_says() {
    for (name, want) in [RFC4475, RFC5118].concat() {
        let bytes = &messages()[name];
        let got = read(bytes, false, &Limits::default());
        assert_eq!(outcome(&got), want, "{name}: {got:#?}");
        if let (Err(refusal), Refused(_)) = (&got, want) {
            answers(name, refusal);
        }
    }
}

#[test]
fn each_stream_gets_what_the_rfc_says() {
    for (name, want) in [RFC4475, RFC5118].concat() {
        let want = match name {
            "clerr" => vec![Wait], // its other 9800 bytes may still come
            // 3.1.1.8: on a stream both count; the second is longer than it says, and its rest is no SIP.
            "dblreq" => vec![Message, Message, Silence],
            "inv2543" => vec![Refused(400)], // RFC 3261 §18.3: no Content-Length, no boundary
            _ => vec![want],
        };
        assert_eq!(from_stream(&messages()[name]), want, "{name}");
    }
}

#[test]
fn no_message_of_the_rfcs_is_left_out() {
    let tabled: Vec<_> = [RFC4475, RFC5118].concat().iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(tabled.len(), 61);
    assert!(messages().keys().all(|name| tabled.contains(name)));
}

#[test]
fn odd_but_legal_messages_are_understood() {
    let message = |name: &str| read(&messages()[name], false, &Limits::default()).unwrap();
    let values = |name: &str, header: Name| message(name).headers().all(&header).map(str::to_owned).collect::<Vec<_>>();

    let wsinv = message("wsinv");
    assert_eq!(wsinv.headers().to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(wsinv.headers().from().unwrap().display.as_deref(), Some(r#"J Rosenberg \""#));
    assert_eq!(wsinv.headers().cseq(), Some((9, "INVITE")));
    assert_eq!(values("wsinv", Name::Via).len(), 3);
    assert_eq!(wsinv.headers().via().unwrap().branch(), Some("390skdjuw"));
    assert_eq!(wsinv.headers().first(&Name::Subject), Some(""));
    assert_eq!(wsinv.headers().contact().unwrap().params.get("secondparam"), Some(""));

    assert_eq!(
        message("esc01").headers().contact().unwrap().uri,
        "sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31"
    );
    assert_eq!(
        message("escnull").headers().to().unwrap().uri.parse::<sip::Uri>().unwrap().user.as_deref(),
        Some("null-\0-null")
    );
    assert_eq!(message("semiuri").headers().elements(&Name::Accept).count(), 6);
    assert_eq!(message("dblreq").headers().cseq(), Some((8, "REGISTER")));
    assert_eq!(message("cparam01").headers().contact().unwrap().params.get("unknownparam"), Some(""));
    assert!(message("cparam02").headers().contact().unwrap().uri.ends_with(";unknownparam"));
    let sip::Message::Request(mpart01) = message("mpart01") else { panic!() };
    assert_eq!(mpart01.body.len(), 553);
    let via = message("via-received-param-no-delim").headers().via().unwrap();
    assert_eq!(via.received(), "2001:db8::9:255".parse().ok());
}

/// A refusal's answer has what a response must have, as far as the request had it.
fn answers(name: &str, refusal: &Refusal) {
    let response = refusal.response.as_ref().unwrap_or_else(|| panic!("{name} gets no answer"));
    let lacks: &[Name] = match name {
        "insuf" => &[Name::From, Name::To, Name::CallId],
        _ => &[],
    };
    for header in [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq] {
        assert_eq!(response.headers.all(&header).count(), usize::from(!lacks.contains(&header)), "{name}: {header}");
    }
    assert_eq!(response.status, refusal.status);
}

fn outcome(read: &Result<sip::Message, Refusal>) -> Want {
    match read {
        Ok(_) => Message,
        Err(refusal) if refusal.response.is_some() => Refused(refusal.status),
        Err(_) => Silence,
    }
}

fn from_stream(bytes: &[u8]) -> Vec<Want> {
    let mut framer = Framer::new(Limits::default());
    framer.push(bytes);
    let mut got = Vec::new();
    while let Some(framed) = framer.next() {
        match framed {
            Framed::Message(bytes) => got.push(outcome(&read(&bytes, true, &Limits::default()))),
            Framed::Ping => {}
            Framed::Broken(refusal) => got.push(outcome(&Err(refusal))),
        }
        if got.len() == 1 && !bytes.windows(8).any(|text| text == b"dblreq.0") {
            return got; // some of the RFC's messages have a line too many, which would be the next message's
        }
    }
    if got.is_empty() && framer.is_waiting() {
        got.push(Wait);
    }
    got
}

fn messages() -> &'static BTreeMap<String, Bytes> {
    static MESSAGES: LazyLock<BTreeMap<String, Bytes>> = LazyLock::new(load);
    &MESSAGES
}

fn load() -> BTreeMap<String, Bytes> {
    let json: serde_json::Value = serde_json::from_str(include_str!("torture/messages.json")).unwrap();
    let sets = ["rfc4475", "rfc5118"].map(|set| json[set].as_object().unwrap().clone());
    sets.into_iter().flatten().map(|(name, base64)| (name, decode(base64.as_str().unwrap()).into())).collect()
}

fn decode(base64: &str) -> Vec<u8> {
    let sextet = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = base64.bytes().filter(|letter| *letter != b'=').map(sextet).collect();
    let mut bytes = Vec::new();
    for group in letters.chunks(4) {
        let bits = group.iter().fold(0_u32, |bits, sextet| bits << 6 | u32::from(*sextet)) << (6 * (4 - group.len()));
        bytes.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

/// One way to spoil a message.
#[derive(Clone, Debug)]
enum Spoil {
    Change(prop::sample::Index, u8),
    Cut(prop::sample::Index, prop::sample::Index),
    Double(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let sharp = prop::sample::select(&b"\r\n :;,<>\"\\@?=%[]*/\0\xff"[..]);
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), prop_oneof![sharp.clone(), any::<u8>()]).prop_map(|(at, byte)| Spoil::Change(at, byte)),
        (at(), at()).prop_map(|(from, to)| Spoil::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Spoil::Double(from, to)),
        (at(), prop::collection::vec(sharp, 1..5)).prop_map(|(at, bytes)| Spoil::Insert(at, bytes)),
    ]
}

fn spoilt(mut bytes: Vec<u8>, ways: &[Spoil]) -> Vec<u8> {
    for way in ways {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        let range = |a: &prop::sample::Index, b: &prop::sample::Index| {
            let from = a.index(len);
            from..(from + b.index(40)).min(len)
        };
        match way {
            Spoil::Change(at, byte) => bytes[at.index(len)] = *byte,
            Spoil::Cut(from, to) => drop(bytes.drain(range(from, to))),
            Spoil::Double(from, to) => {
                bytes.splice(range(from, to), bytes.clone()[range(from, to)].repeat(2)).for_each(drop)
            }
            Spoil::Insert(at, more) => bytes.splice(at.index(len)..at.index(len), more.iter().copied()).for_each(drop),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoilt_messages_never_panic_and_what_is_read_prints_and_reads_again(
        name in prop::sample::select([RFC4475, RFC5118].concat()),
        ways in prop::collection::vec(spoil(), 0..8),
    ) {
        let bytes: Bytes = spoilt(messages()[name.0].to_vec(), &ways).into();
        from_stream(&bytes);
        match read(&bytes, false, &Limits::default()) {
            Ok(message) => {
                let again = read(&message.to_bytes(), true, &Limits::default());
                let (again, first) = match (again, message) {
                    (Ok(sip::Message::Request(again)), sip::Message::Request(first)) => ((again.uri, again.body, again.headers), (first.uri, first.body, first.headers)),
                    (Ok(sip::Message::Response(again)), sip::Message::Response(first)) => ((again.reason, again.body, again.headers), (first.reason, first.body, first.headers)),
                    (again, _) => panic!("{again:?}"),
                };
                let lines = |headers: &sip::Headers| {
                    let kept = headers.iter().filter(|(name, _)| *name != "Content-Length");
                    kept.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
                };
                prop_assert_eq!((&again.0, &again.1, lines(&again.2)), (&first.0, &first.1, lines(&first.2)));
            }
            Err(refusal) => {
                // An answer is itself a message a peer can frame.
                if let Some(response) = refusal.response {
                    let mut framer = Framer::new(Limits::default());
                    framer.push(&response.to_bytes());
                    prop_assert!(matches!(framer.next(), Some(Framed::Message(_))));
                }
            }
        }
    }
}
