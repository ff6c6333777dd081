//! Tables of what phones offer and answer, and the properties of any negotiation.

use super::*;
use proptest::prelude::*;

fn local(port: u16) -> Local {
    Local {
        address: SocketAddr::from(([198, 51, 100, 9], port)),
        session_id: 77,
        version: 3,
        codecs: vec![Format::pcmu(), Format::pcma()],
        ptime_ms: 20,
        direction: Direction::SendRecv,
        security: Security::default(),
    }
}

/// A phone's offer: the session-level lines, then the media.
fn phone(session: &str, media: &str) -> String {
    let lines = format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\n{session}t=0 0\n{media}");
    lines.replace('\n', "\r\n")
}

fn answered(media: &str) -> Result<(String, Stream), SdpError> {
    answer(phone("c=IN IP4 192.0.2.1\n", media).as_bytes(), &local(5000))
}

fn agreed(media: &str) -> Stream {
    answered(media).unwrap_or_else(|error| panic!("{error}: {media}")).1
}

#[test]
fn our_offer_names_all_we_speak() {
    assert_eq!(
        offer(&local(4000)),
        phone(
            "c=IN IP4 198.51.100.9\n",
            "m=audio 4000 RTP/AVP 0 8 101\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\n\
             a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=ptime:20\na=sendrecv\n"
        )
        .replace("- 1 1 IN IP4 192.0.2.1", "- 77 3 IN IP4 198.51.100.9")
    );
}

#[test]
fn each_clock_rate_gets_its_events() {
    let opus = Format { payload_type: 101, encoding: "OPUS".into(), clock_rate: 48_000, channels: 2, fmtp: None };
    let offer = offer(&Local { codecs: vec![opus, Format::pcma()], ..local(4000) });
    assert!(offer.contains("m=audio 4000 RTP/AVP 101 8 102 103\r\n"), "{offer}");
    assert!(
        offer.contains("a=rtpmap:102 telephone-event/48000") && offer.contains("a=rtpmap:103 telephone-event/8000")
    );
}

#[test]
fn an_answer_takes_one_codec_and_its_events_by_the_phones_numbers() {
    let (answer, stream) = answered(
        "m=audio 49170 RTP/AVP 96 8 0 121 120\na=rtpmap:96 opus/48000/2\na=rtpmap:121 telephone-event/48000\n\
         a=rtpmap:120 telephone-event/8000\na=fmtp:120 0-15\na=ptime:30\n",
    )
    .unwrap();
    assert_eq!(
        answer,
        phone(
            "c=IN IP4 198.51.100.9\n",
            "m=audio 5000 RTP/AVP 8 120\na=rtpmap:8 PCMA/8000\na=rtpmap:120 telephone-event/8000\n\
             a=fmtp:120 0-16\na=ptime:30\na=sendrecv\n"
        )
        .replace("- 1 1 IN IP4 192.0.2.1", "- 77 3 IN IP4 198.51.100.9")
    );
    assert_eq!(
        stream,
        Stream {
            remote: "192.0.2.1:49170".parse().unwrap(),
            remote_rtcp: "192.0.2.1:49171".parse().unwrap(),
            rtcp_mux: false,
            format: Format::pcma(),
            telephone_event: Some(120),
            telephone_event_rate: 8000,
            ptime_ms: 30,
            direction: Direction::SendRecv,
            protection: Protection::Plain,
            best_effort: false,
        }
    );
}

#[test]
fn the_codec_is_the_phones_first_that_we_speak() {
    for (formats, payload_type, encoding) in [
        ("0 8", 0, "PCMU"),
        ("8 0", 8, "PCMA"),
        ("9 18 13 8", 8, "PCMA"),
        ("111 97\na=rtpmap:97 pcmu/8000/1", 97, "PCMU"),
        ("0 8\na=rtpmap:0 PCMU/16000", 8, "PCMA"),
    ] {
        let stream = agreed(&format!("m=audio 4000 RTP/AVP {formats}\n"));
        assert_eq!(
            (stream.format.payload_type, stream.format.encoding.as_str()),
            (payload_type, encoding),
            "{formats}"
        );
    }
}

#[test]
fn opus_and_g722_are_agreed_on_by_each_sides_numbers() {
    let wide = Local { codecs: vec![Format::opus(111), Format::g722(), Format::pcma()], ..local(5000) };
    for (media, format, events) in [
        (
            "96 0 121 120\na=rtpmap:96 opus/48000/2\na=fmtp:96 stereo=1\na=rtpmap:121 telephone-event/48000\n\
             a=rtpmap:120 telephone-event/8000\n",
            "RTP/AVP 96 121\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n",
            (Some(121), 48_000),
        ),
        (
            "107 101\na=rtpmap:107 OPUS/48000\na=rtpmap:101 telephone-event/8000\n",
            "RTP/AVP 107 101\r\na=rtpmap:107 opus/48000\r\na=fmtp:107 useinbandfec=1\r\n",
            (Some(101), 8000),
        ),
        (
            "9 8 101\na=rtpmap:101 telephone-event/8000\n",
            "RTP/AVP 9 101\r\na=rtpmap:9 G722/8000\r\n",
            (Some(101), 8000),
        ),
    ] {
        let offer = phone("c=IN IP4 192.0.2.1\n", &format!("m=audio 4000 RTP/AVP {media}"));
        let (answer, stream) = answer(offer.as_bytes(), &wide).unwrap();
        assert!(answer.contains(format), "{answer}");
        assert_eq!((stream.telephone_event, stream.telephone_event_rate), events, "{media}");
    }
}

#[test]
fn events_must_count_as_the_codec_does() {
    for (events, number) in [
        ("a=rtpmap:101 telephone-event/8000\n", Some(101)),
        ("a=rtpmap:101 TELEPHONE-EVENT/8000\n", Some(101)),
        ("a=rtpmap:101 telephone-event/48000\n", None),
        ("a=fmtp:101 0-15\n", None),
        ("", None),
    ] {
        assert_eq!(agreed(&format!("m=audio 4000 RTP/AVP 0 101\n{events}")).telephone_event, number, "{events}");
    }
}

#[test]
fn other_media_are_refused_in_their_place() {
    let (answer, _) = answered(
        "m=video 4002 RTP/AVP 99\na=rtpmap:99 H264/90000\nm=audio 4000/2 RTP/AVPF 0\nm=audio 4004 RTP/SAVP 0\n\
         m=image 4006 udptl t38\nm=audio 4008 RTP/AVP 8\n",
    )
    .unwrap();
    let media: Vec<&str> = answer.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        media,
        [
            "m=video 0 RTP/AVP 99",
            "m=audio 5000 RTP/AVPF 0",
            "m=audio 0 RTP/SAVP 0",
            "m=image 0 udptl t38",
            "m=audio 0 RTP/AVP 8",
        ]
    );
}

#[test]
fn the_time_is_the_offers() {
    let offer = phone("c=IN IP4 192.0.2.1\n", "m=audio 4000 RTP/AVP 0\n").replace("t=0 0", "t=2873397496 2873404696");
    let (answer, _) = answer(offer.as_bytes(), &local(5000)).unwrap();
    assert!(answer.contains("t=2873397496 2873404696\r\n"));
}

#[test]
fn every_spelling_of_hold_is_understood() {
    use Direction::*;
    for (name, session, media, ours) in [
        ("talking", "c=IN IP4 192.0.2.1\n", "", SendRecv),
        ("sendonly", "c=IN IP4 192.0.2.1\n", "a=sendonly\n", RecvOnly),
        ("recvonly", "c=IN IP4 192.0.2.1\n", "a=recvonly\n", SendOnly),
        ("inactive", "c=IN IP4 192.0.2.1\n", "a=inactive\n", Inactive),
        ("of the session", "c=IN IP4 192.0.2.1\na=sendonly\n", "", RecvOnly),
        ("of the medium over the session", "c=IN IP4 192.0.2.1\na=inactive\n", "a=sendrecv\n", SendRecv),
        ("the old way", "c=IN IP4 0.0.0.0\n", "", RecvOnly),
        ("the old way in one medium", "c=IN IP4 192.0.2.1\n", "c=IN IP4 0.0.0.0\n", RecvOnly),
        ("both ways of saying it", "c=IN IP4 0.0.0.0\n", "a=sendonly\n", RecvOnly),
        ("the old way, and deaf", "c=IN IP4 0.0.0.0\n", "a=recvonly\n", Inactive),
        ("the old way in IPv6", "c=IN IP6 ::\n", "", RecvOnly),
    ] {
        let offer = phone(session, &format!("m=audio 4000 RTP/AVP 0\n{media}"));
        let (answer, stream) = answer(offer.as_bytes(), &local(5000)).expect(name);
        assert_eq!(stream.direction, ours, "{name}");
        assert!(answer.contains(&format!("\r\na={}\r\n", ours.name())), "{name}: {answer}");
    }
}

#[test]
fn our_own_hold_is_kept_in_the_answer() {
    let offer = phone("c=IN IP4 192.0.2.1\n", "m=audio 4000 RTP/AVP 0\n");
    for (ours, answered) in [(Direction::SendOnly, "sendonly"), (Direction::Inactive, "inactive")] {
        let (answer, stream) = answer(offer.as_bytes(), &Local { direction: ours, ..local(5000) }).unwrap();
        assert_eq!((stream.direction.name(), answer.contains(&format!("a={answered}\r\n"))), (answered, true));
    }
}

#[test]
fn rtcp_goes_where_the_other_side_says() {
    for (lines, rtcp, mux) in [
        ("", "192.0.2.1:4001", false),
        ("a=rtcp:4500\n", "192.0.2.1:4500", false),
        ("a=rtcp:4500 IN IP4 192.0.2.7\n", "192.0.2.7:4500", false),
        ("a=rtcp:4500 IN IP4 phone.example\n", "192.0.2.1:4001", false),
        ("a=rtcp:0\n", "192.0.2.1:4001", false),
        ("a=rtcp:many\n", "192.0.2.1:4001", false),
        ("a=rtcp-mux\n", "192.0.2.1:4000", true),
        ("a=rtcp:4500\na=rtcp-mux\n", "192.0.2.1:4000", true),
    ] {
        let (answer, stream) = answered(&format!("m=audio 4000 RTP/AVP 0\n{lines}")).unwrap();
        assert_eq!((stream.remote_rtcp.to_string().as_str(), stream.rtcp_mux), (rtcp, mux), "{lines}");
        assert_eq!(answer.contains("a=rtcp-mux\r\n"), mux, "{lines}");
    }
    assert_eq!(agreed("m=audio 65535 RTP/AVP 0\n").remote_rtcp.port(), 65_535);
}

#[test]
fn the_packet_length_is_the_phones_within_reason() {
    for (lines, ptime_ms) in [
        ("", 20),
        ("a=ptime:10\n", 10),
        ("a=ptime:60\n", 60),
        ("a=ptime:40\na=maxptime:30\n", 30),
        ("a=maxptime:10\n", 10),
        ("a=maxptime:150\n", 20),
        ("a=maxptime:0\n", 20),
        ("a=ptime:0\n", 20),
        ("a=ptime:5000\n", 20),
        ("a=ptime:20.0\n", 20),
        ("a=ptime\n", 20),
    ] {
        assert_eq!(agreed(&format!("m=audio 4000 RTP/AVP 0\n{lines}")).ptime_ms, ptime_ms, "{lines}");
    }
}

#[test]
fn the_address_of_the_medium_counts_before_the_sessions() {
    assert_eq!(agreed("m=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::7\n").remote, "[2001:db8::7]:4000".parse().unwrap());
    let offer = phone("", "m=audio 4000 RTP/AVP 0\n");
    let fault = answer(offer.as_bytes(), &local(5000)).unwrap_err();
    assert_eq!(fault, SdpError::Address { address: String::new() });
    let v6 = Local { address: "[2001:db8::9]:5000".parse().unwrap(), ..local(0) };
    let (answer, _) = answer(phone("c=IN IP6 2001:db8::1\n", "m=audio 4000 RTP/AVP 0\n").as_bytes(), &v6).unwrap();
    assert!(answer.contains("o=- 77 3 IN IP6 2001:db8::9\r\n") && answer.contains("c=IN IP6 2001:db8::9\r\n"));
}

#[test]
fn what_cannot_be_agreed_is_refused_with_the_reason() {
    for (media, message) in [
        ("", "there is no audio in the description, or all of it is switched off"),
        ("m=video 4000 RTP/AVP 99\n", "there is no audio in the description, or all of it is switched off"),
        ("m=audio 0 RTP/AVP 0\n", "there is no audio in the description, or all of it is switched off"),
        ("m=audio 4000 RTP/SAVP 0\n", "the profile RTP/SAVP is not spoken here, or none of its keys can be used"),
        ("m=audio 4000 RTP/SAVPF 0\n", "the profile RTP/SAVPF is not spoken here, or none of its keys can be used"),
        (
            "m=audio 9 UDP/TLS/RTP/SAVPF 0\n",
            "the profile UDP/TLS/RTP/SAVPF is not spoken here, or none of its keys can be used",
        ),
        ("m=audio 4000 RTP/AVP 9 18\n", "of G722/8000, G729/8000 none is among ours: PCMU/8000, PCMA/8000"),
        ("m=audio 4000 RTP/AVP 99\n", "of no known format none is among ours: PCMU/8000, PCMA/8000"),
        (
            "m=audio 4000 RTP/AVP 0\nc=IN IP4 phone.example.com\n",
            "\"IN IP4 phone.example.com\" is no address to send media to; write one phone's IP address in c=",
        ),
        (
            "m=audio 4000 RTP/AVP 0\nc=IN IP4 224.2.1.1/127\n",
            "\"IN IP4 224.2.1.1/127\" is no address to send media to; write one phone's IP address in c=",
        ),
    ] {
        let fault = answered(media).unwrap_err();
        assert_eq!((fault.to_string().as_str(), fault.status()), (message, 488), "{media}");
    }
}

#[test]
fn a_phones_answer_is_taken() {
    let accepted = |media: &str| accept(phone("c=IN IP4 192.0.2.1\n", media).as_bytes(), &local(4000));
    let plain = accepted("m=audio 4000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000\na=rtcp-mux\n").unwrap();
    assert_eq!((plain.format, plain.telephone_event), (Format::pcma(), Some(96)));
    assert!(!plain.rtcp_mux, "we did not offer it");
    assert_eq!(plain.remote_rtcp.port(), 4001);
    for (media, fault) in [
        ("m=audio 0 RTP/AVP 0\n", SdpError::Refused),
        ("m=video 4000 RTP/AVP 0\n", SdpError::NoAudio),
        ("", SdpError::NoAudio),
        ("m=audio 4000 RTP/SAVP 0\n", SdpError::Profile { profile: "RTP/SAVP".into() }),
    ] {
        assert_eq!(accepted(media), Err(fault), "{media}");
    }
    assert_eq!(accepted("m=audio 4000 RTP/AVP 0\na=sendonly\n").unwrap().direction, Direction::RecvOnly);
}

fn is_somewhere(ip: &IpAddr) -> bool {
    Address::Ip(*ip).ip().is_some_and(|ip| !ip.is_unspecified())
}

prop_compose! {
    fn any_local()(
        ip in any::<IpAddr>().prop_filter("of one party", is_somewhere), port in 1..=u16::MAX, session_id: u64, version: u64, ptime_ms in PTIME_MS_MIN..=PTIME_MS_MAX,
        codecs in prop::sample::subsequence(
            vec![Format::pcmu(), Format::pcma(), Format::fixed(9).unwrap(), Format { payload_type: 96, encoding: "OPUS".into(), clock_rate: 48_000, channels: 2, fmtp: Some("useinbandfec=1".into()) }],
            1..=4,
        ).prop_shuffle(),
        direction in prop::sample::select(vec![Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]),
    ) -> Local {
        Local { address: SocketAddr::new(ip, port), session_id, version, codecs, ptime_ms, direction, security: Security::default() }
    }
}

proptest! {
    #[test]
    fn both_sides_understand_the_same(ours in any_local(), theirs in any_local()) {
        let common = ours.codecs.iter().find(|codec| theirs.codecs.iter().any(|other| other.is_like(codec)));
        match answer(offer(&ours).as_bytes(), &theirs) {
            Ok((answer, at_theirs)) => {
                let at_ours = accept(answer.as_bytes(), &ours).unwrap();
                let common = common.unwrap();
                prop_assert!(at_ours.format.is_like(common) && at_theirs.format.is_like(common));
                prop_assert_eq!(at_ours.format.payload_type, at_theirs.format.payload_type);
                prop_assert!(at_ours.telephone_event.is_some());
                prop_assert_eq!(at_ours.telephone_event, at_theirs.telephone_event);
                prop_assert_eq!(at_ours.ptime_ms, at_theirs.ptime_ms);
                prop_assert_eq!(at_ours.direction, at_theirs.direction.reversed());
                prop_assert_eq!((at_ours.remote, at_theirs.remote), (theirs.address, ours.address));
            }
            Err(fault) => {
                prop_assert!(common.is_none(), "{}", fault);
                prop_assert_eq!(fault.status(), 488);
            }
        }
    }

    #[test]
    fn a_damaged_description_ends_in_an_answer_or_a_fault(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..10),
    ) {
        let mut bytes = phone(
            "c=IN IP4 192.0.2.1\nb=AS:84\na=sendrecv\n",
            "m=audio 4000/1 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=rtcp:4001 IN IP4 192.0.2.1\n\
             a=ptime:20\na=maxptime:60\na=rtcp-mux\nm=video 4002 RTP/AVP 99\na=rtpmap:99 H264/90000\n",
        ).into_bytes();
        for (place, other, how, value) in damage {
            if bytes.is_empty() {
                break;
            }
            let (place, other) = (place.index(bytes.len()), other.index(bytes.len()));
            match how {
                0 => bytes[place] = value,
                1 => bytes.insert(place, value),
                2 => bytes.truncate(place),
                _ => {
                    let copied = bytes[place.min(other)..place.max(other)].to_vec();
                    bytes.splice(place..place, copied);
                }
            }
        }
        for text in [accept(&bytes, &local(4000)).err().map(|fault| fault.to_string()), answer(&bytes, &local(5000)).ok().map(|(text, _)| text)] {
            prop_assert!(text.is_none_or(|text| text.len() < 20_000));
        }
        if let Ok((answer, _)) = answer(&bytes, &local(5000)) {
            let (offered, answered) = (Session::parse(&bytes).unwrap(), Session::parse(answer.as_bytes()).unwrap());
            prop_assert_eq!(offered.media.len(), answered.media.len());
            prop_assert_eq!(answered.media.iter().filter(|media| media.port != 0).count(), 1);
        }
    }
}
