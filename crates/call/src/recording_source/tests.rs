use super::*;
use crate::recording_session::{RecordingSession, SessionKnock};
use crate::{FeatureConf, MediaRules, format};

const ANN: LegId = LegId(1);
const BOB: LegId = LegId(2);
const CID: LegId = LegId(3);

fn conf() -> Arc<CallConf> {
    Arc::new(CallConf {
        formats: [Codec::Pcma, Codec::Pcmu].map(format).into(),
        ringback: Sound::from_pcm(Vec::new()),
        hold_music: Sound::from_pcm(Vec::new()).into(),
        features: FeatureConf::default(),
        mask_max: Duration::from_secs(300),
        beep: None,
        record_rate_max: audio::SAMPLE_RATE,
        clock: base::WallClock { unix_ms_at_zero: 0 },
        fingerprints: None,
    })
}

fn secs(secs: u64) -> Time {
    Time::from_millis(secs * 1000)
}

fn speaker(leg: LegId, account: &str, channel: Channel) -> Speaker {
    let party = Party { account: Some(account.to_owned()), number: account.to_owned(), name: None, trunk: None };
    Speaker { leg, channel, party, at: [192, 0, 2, 1].into(), holds: false, codec: Some(Codec::Pcmu) }
}

fn recorded(speakers: Vec<Speaker>) -> Recorded {
    let call = CallId::new(0, &mut Random::numbered(0));
    let reason = Reason::Rule { rule: "all".to_owned(), class: None };
    Recorded { id: RecordingId { call, segment: 1 }, reason, silent: false, speakers }
}

fn talk() -> Recorded {
    recorded(vec![speaker(ANN, "ann", Channel::Left), speaker(BOB, "bob", Channel::Right)])
}

fn port(number: u64) -> NewLeg {
    NewLeg {
        leg: LegId(number),
        local: ([192, 0, 2, 1], number as u16 * 2).into(),
        session_id: 1,
        party: Party { trunk: Some("recorder".to_owned()), ..Party::default() },
        signalling: [192, 0, 2, 9].into(),
        media: MediaRules::default(),
        random: Random::numbered(0),
        hides_keys: false,
        is_browser: false,
    }
}

fn way(number: u64, elsewhere: Option<crate::Elsewhere>) -> (Outbound, NewLeg) {
    let (local, remote) = (([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 9], 5060).into());
    let outbound = Outbound {
        leg: port(number),
        uri: "sip:srs@192.0.2.9".to_owned(),
        flow: sip::Flow { transport: sip::Transport::Udp, local, remote, connection: 0 },
        from: sip::NameAddr::new("sip:centre@192.0.2.1".to_owned()),
        to: sip::NameAddr::new("sip:srs@192.0.2.9".to_owned()),
        credentials: None,
        headers: Vec::new(),
        remove: Vec::new(),
        patience: None,
        others: Vec::new(),
        elsewhere,
    };
    (outbound, port(number + 1))
}

fn source() -> RecordingSource {
    let number = CallId::new(1000, &mut Random::numbered(1));
    RecordingSource::new(number, talk(), conf(), Random::numbered(1), secs(0))
}

/// The description and the metadata of a body of ours.
fn said(body: &Bytes) -> (Bytes, Metadata) {
    let parts = sip::multipart::parts(&sip::multipart::kind_of(body), body);
    (parts[0].body.clone(), Metadata::read(&parts[1].body).expect("metadata"))
}

/// What is wanted: in words, and what the recorder is told last.
fn does(source: &mut RecordingSource) -> (Vec<String>, Option<(Bytes, Metadata)>) {
    let mut told = None;
    let mut words = Vec::new();
    for wish in source.take_wishes() {
        words.push(match wish {
            Do::Sip(sip::Command::Invite { invite, .. }) => {
                assert!(invite.headers.contains(&(sip::Name::Require, "siprec".to_owned())));
                told = Some(said(&invite.sdp));
                "invite".to_owned()
            }
            Do::Sip(sip::Command::Offer { sdp, .. }) => {
                told = Some(said(&sdp));
                "offer".to_owned()
            }
            Do::Sip(sip::Command::Answer { .. }) => "answer".to_owned(),
            Do::Sip(sip::Command::HangUp { .. }) => "hang up".to_owned(),
            Do::Media(Media::Open { leg, .. }) => format!("open {}", leg.0),
            Do::Media(Media::Connect { leg, stream }) => {
                assert!(!stream.receives);
                format!("connect {} {}{}", leg.0, stream.codec.name(), if stream.sends { "" } else { ", rests" })
            }
            Do::Media(Media::Close { leg }) => format!("close {}", leg.0),
            Do::Media(Media::Wire { from, to }) => format!("wire {}-{}", from.0, to.0),
            Do::Media(Media::Unwire { from, to }) => format!("unwire {}-{}", from.0, to.0),
            Do::Media(Media::Play { leg, repeat: true, .. }) => format!("play {}", leg.0),
            Do::Media(Media::Stop { leg }) => format!("stop {}", leg.0),
            Do::Release { local, .. } => format!("release {}", local.port() / 2),
            other => format!("{other:?}"),
        });
    }
    (words, told)
}

/// A recorder of ours answers the offer.
fn answer_to(offer: &Bytes) -> Bytes {
    let ports = (0..RecordingSession::streams_in(offer) as u64).map(|n| port(100 + n)).collect();
    let knock = SessionKnock {
        call: CallId::new(0, &mut Random::numbered(2)),
        leg: LegId(99),
        trunk: "centre".to_owned(),
        local: ([192, 0, 2, 9], 5060).into(),
        session_id: 1,
        offer: offer.clone(),
        metadata: Bytes::new(),
    };
    let mut recorder = RecordingSession::new(knock, ports, conf(), secs(0));
    let answer = recorder.take_wishes().into_iter().find_map(|wish| match wish {
        Do::Sip(sip::Command::Answer { sdp, .. }) => Some(sdp),
        _ => None,
    });
    answer.expect("an answer")
}

/// A source whose recorder hears it.
fn heard() -> RecordingSource {
    let mut source = source();
    assert!(source.looks_for_way().is_some_and(<[String]>::is_empty));
    source.place(Ok(way(10, None)), secs(0));
    let (words, told) = does(&mut source);
    assert_eq!(words, ["invite"]);
    let (offer, metadata) = told.expect("an offer");
    assert!(metadata.complete);
    for (label, aor) in [("1", "sip:ann@192.0.2.1"), ("2", "sip:bob@192.0.2.1")] {
        assert_eq!(metadata.heard_in(label).map(|one| &*one.aor).collect::<Vec<_>>(), [aor]);
    }
    let answered = sip::Event::Answered { leg: LegId(10), fork: 0, sdp: Some(answer_to(&offer)) };
    source.handle(Input::Sip(answered), secs(1));
    let (words, _) = does(&mut source);
    // Its codec is the one they speak: what they say goes on as it comes.
    assert_eq!(words, ["open 10", "connect 10 PCMU", "open 11", "connect 11 PCMU", "wire 1-10", "wire 2-11"],);
    source
}

#[test]
fn the_recorder_hears_each_side_in_a_stream_of_its_own() {
    let mut source = heard();
    assert!(source.is_up() && source.deadline().is_none());
    source.hears(talk(), secs(2)); // nothing new
    assert_eq!(does(&mut source).0, [""; 0]);
    source.leave(secs(3));
    assert_eq!(does(&mut source).0, ["hang up", "close 10", "close 11"]);
    for leg in [10, 11] {
        source.handle(Input::Media(media::Event::Closed { leg: LegId(leg), stats: Box::default() }), secs(3));
    }
    assert_eq!(does(&mut source).0, ["release 10", "release 11"]);
    assert!(source.is_over());
}

#[test]
fn who_comes_and_who_goes_is_told_by_a_new_offer() {
    let mut source = heard();
    source.hears(recorded(vec![speaker(ANN, "ann", Channel::Left), speaker(CID, "cid", Channel::Right)]), secs(60));
    let (words, told) = does(&mut source);
    assert_eq!(words, ["unwire 2-11", "wire 3-11", "offer"]);
    let metadata = told.expect("an offer").1;
    let open = |metadata: &Metadata| {
        let links = metadata.sends.iter().filter(|link| link.until.is_none());
        let aor = |link: &Link| {
            metadata.participants.iter().find(|one| one.id == link.participant).map(|one| one.aor.clone())
        };
        links.filter_map(aor).collect::<Vec<_>>()
    };
    assert_eq!(open(&metadata), ["sip:ann@192.0.2.1", "sip:cid@192.0.2.1"]);
    let gone = metadata.joined.iter().find(|link| link.until.is_some()).expect("bob went");
    assert_eq!(gone.until.as_deref(), Some("1970-01-01T00:01:00.000Z"));
}

#[test]
fn one_side_holds_and_its_stream_rests() {
    let mut source = heard();
    let mut held = talk();
    held.speakers[1].holds = true;
    source.hears(held, secs(5));
    let (words, told) = does(&mut source);
    assert_eq!(words, ["offer"]);
    let media = sdp::apart(&told.expect("an offer").0).expect("a description");
    assert_eq!(media.iter().map(|one| one.text.contains("a=inactive")).collect::<Vec<_>>(), [false, true]);
    source.hears(talk(), secs(6));
    let offer = does(&mut source).1.expect("an offer").0;
    assert!(!String::from_utf8_lossy(&offer).contains("a=inactive"));
}

#[test]
fn what_is_masked_is_silence() {
    let mut source = heard();
    source.hears(Recorded { silent: true, ..talk() }, secs(5));
    assert_eq!(does(&mut source).0, ["play 10", "play 11"]);
    source.hears(talk(), secs(6));
    assert_eq!(does(&mut source).0, ["stop 10", "stop 11"]);
}

#[test]
fn a_recorder_that_begins_in_a_mask_hears_silence_first() {
    let mut source = source();
    source.hears(Recorded { silent: true, ..talk() }, secs(0));
    source.looks_for_way();
    source.place(Ok(way(10, None)), secs(0));
    let offer = does(&mut source).1.expect("an offer").0;
    source.handle(Input::Sip(sip::Event::Answered { leg: LegId(10), fork: 0, sdp: Some(answer_to(&offer)) }), secs(1));
    assert!(does(&mut source).0.contains(&"play 10".to_owned()));
}

#[test]
fn a_recorder_that_fails_is_asked_again_and_again() {
    let mut source = heard();
    let mut now = 10;
    source.handle(Input::Sip(sip::Event::Ended { leg: LegId(10), end: sip::End::Bye }), secs(now));
    assert_eq!(does(&mut source).0, ["close 10", "close 11"]);
    assert!(source.take_failure().is_some_and(|why| why.contains("hung up (trunk recorder)")));
    for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
        assert_eq!(source.deadline(), Some(secs(now + wait)));
        assert_eq!(source.looks_for_way(), None);
        now += wait;
        source.handle(Input::Tick, secs(now));
        assert!(source.looks_for_way().is_some());
        source.place(Err(503), secs(now));
        assert!(source.take_failure().is_some_and(|why| why.contains("503")));
    }
}

#[test]
fn the_next_of_a_group_is_asked_at_once() {
    let mut source = source();
    source.looks_for_way();
    let onward = crate::Onward { trunk: "recorders".into(), number: "srs".into(), tried: Vec::new(), beside: None };
    let elsewhere = crate::Elsewhere { statuses: [500..=599].into(), target: crate::Target::Trunk(onward) };
    source.place(Ok(way(10, Some(elsewhere))), secs(0));
    does(&mut source);
    source.handle(Input::Sip(sip::Event::Ended { leg: LegId(10), end: sip::End::Refused(503) }), secs(1));
    assert_eq!(does(&mut source).0, ["release 10", "release 11"]);
    assert_eq!(source.looks_for_way(), Some(&["recorder".to_owned()][..]));
    // A call that ends meanwhile asks nobody any more.
    source.leave(secs(1));
    source.place(Err(503), secs(1));
    assert!(source.is_over() && source.looks_for_way().is_none());
}
