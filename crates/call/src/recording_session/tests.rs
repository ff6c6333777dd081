use base::Random;
use media::Command as Media;

use super::*;
use crate::leg::tests::offering;
use crate::{CallConf, FeatureConf, MediaRules, format};

const SRC: LegId = LegId(1);

fn conf() -> Arc<CallConf> {
    Arc::new(CallConf {
        record_rate_max: audio::SAMPLE_RATE,
        formats: vec![format(audio::Codec::Pcma)],
        ringback: audio::Sound::from_pcm(Vec::new()),
        hold_music: audio::Sound::from_pcm(Vec::new()).into(),
        features: FeatureConf::default(),
        mask_max: Duration::from_secs(300),
        beep: Some(Duration::from_secs(15)),
        clock: base::WallClock { unix_ms_at_zero: 0 },
        fingerprints: None,
    })
}

fn port(number: u64) -> NewLeg {
    NewLeg {
        leg: LegId(number),
        local: ([192, 0, 2, 1], number as u16 * 2).into(),
        session_id: 1,
        party: Party::default(),
        signalling: [192, 0, 2, 9].into(),
        media: MediaRules::default(),
        random: Random::numbered(0),
        hides_keys: false,
        is_browser: false,
    }
}

/// An offer with these labels; one in capitals is switched off, one with a dash is held.
fn offer(labels: &[&str]) -> Bytes {
    let alone = offering(&[audio::Codec::Pcma]).offer();
    let alone = String::from_utf8(alone.to_vec()).unwrap();
    let texts: Vec<String> = labels
        .iter()
        .map(|label| match label {
            label if label.ends_with('-') => alone.replace("sendrecv", "inactive"),
            _ => alone.replace("sendrecv", "sendonly"),
        })
        .collect();
    let refused = sdp::apart(alone.as_bytes()).unwrap().remove(0);
    let said = labels.iter().zip(&texts).map(|(label, text)| match label.chars().all(char::is_uppercase) {
        true => Said::Refused(&refused),
        false => Said::So { description: text.as_bytes(), label: label.trim_end_matches('-') },
    });
    sdp::together(&said.collect::<Vec<_>>(), [192, 0, 2, 9].into(), (1, 1)).unwrap().into()
}

const METADATA: &str = r#"<recording><datamode>complete</datamode><session session_id="s1"/>
    <participant participant_id="p1"><nameID aor="tel:+38515550100"/></participant>
    <participant participant_id="p2"><nameID aor="sip:ann@centre.example"><name>Ann</name></nameID></participant>
    <stream stream_id="t1" session_id="s1"><label>a</label></stream><stream stream_id="t2" session_id="s1"><label>b</label></stream>
    <participantstreamassoc participant_id="p1"><send>t1</send></participantstreamassoc>
    <participantstreamassoc participant_id="p2"><send>t2</send></participantstreamassoc></recording>"#;

fn session(labels: &[&str]) -> RecordingSession {
    let offer = offer(labels);
    let ports = (0..RecordingSession::streams_in(&offer) as u64).map(|n| port(10 + n)).collect();
    let knock = SessionKnock {
        call: CallId::new(0, &mut Random::numbered(0)),
        leg: SRC,
        trunk: "branch".to_owned(),
        local: ([192, 0, 2, 1], 5060).into(),
        session_id: 7,
        offer,
        metadata: METADATA.into(),
    };
    RecordingSession::new(knock, ports, conf(), Time::ZERO)
}

/// What it wants done, in words.
fn does(session: &mut RecordingSession) -> Vec<String> {
    let word = |wish| match wish {
        Do::Sip(sip::Command::Answer { sdp, .. }) => {
            let media = sdp::apart(&sdp).unwrap();
            let one = |one: &Alone| match one.is_audio {
                true if one.text.contains("recvonly") => one.label.clone().unwrap_or_default(),
                true => format!("{}-", one.label.clone().unwrap_or_default()),
                false => "0".to_owned(),
            };
            format!("answer {}", media.iter().map(one).collect::<Vec<_>>().join(" "))
        }
        Do::Sip(sip::Command::Reject { status, .. }) => format!("reject {status}"),
        Do::Sip(sip::Command::HangUp { .. }) => "hang up".to_owned(),
        Do::Sip(sip::Command::Offer { .. }) => "ask".to_owned(),
        Do::Media(Media::Open { leg, .. }) => format!("open {}", leg.0),
        Do::Media(Media::Connect { leg, stream }) => {
            assert!(!stream.sends);
            format!("connect {}", leg.0)
        }
        Do::Media(Media::Tap { leg, recording, channel, beep: None, .. }) => {
            format!("tap {} {}{}", leg.0, recording.segment, if channel == Channel::Left { "L" } else { "R" })
        }
        Do::Media(Media::Close { leg }) => format!("close {}", leg.0),
        Do::Record(recording) => format!("record {}", recording.id.segment),
        Do::Release { local, .. } => format!("release {}", local.port() / 2),
        other => format!("{other:?}"),
    };
    session.take_wishes().into_iter().map(word).collect()
}

fn offers(session: &mut RecordingSession, labels: &[&str], secs: u64) -> Vec<String> {
    let sdp = offer(labels);
    let ports = (0..session.wants(&sdp) as u64).map(|n| port(20 + n)).collect();
    let offered = sip::Event::Offered { leg: SRC, fork: 0, sdp: Some(sdp) };
    session.handle(Input::Sip(offered), ports, Time::from_millis(secs * 1000));
    does(session)
}

#[test]
fn each_stream_is_recorded_on_a_side_of_its_own() {
    let mut session = session(&["a", "b"]);
    assert_eq!(
        does(&mut session),
        ["record 1", "open 10", "tap 10 1L", "connect 10", "open 11", "tap 11 1R", "connect 11", "answer a b"]
    );
    let recording = session.recordings()[0].clone();
    assert!(recording.file.contains("_siprec_branch_ann_"), "{}", recording.file);
    let numbers = |channel| session.parties(recording.id, channel).into_iter().map(|party| party.number);
    assert_eq!(numbers(Channel::Left).collect::<Vec<_>>(), ["+38515550100"]);
    assert_eq!(numbers(Channel::Right).collect::<Vec<_>>(), ["ann"]);
    let cdr = session.cdr();
    assert_eq!((&*cdr.caller, &*cdr.called, cdr.trunk_in.as_deref()), ("+38515550100", "ann", Some("branch")));

    session.handle(Input::Sip(sip::Event::Ended { leg: SRC, end: sip::End::Bye }), Vec::new(), Time::from_millis(9000));
    assert_eq!(does(&mut session), ["close 10", "close 11"]);
    assert!(!session.is_over());
    for leg in [10, 11] {
        let stats = Box::default();
        session.handle(
            Input::Media(media::Event::Closed { leg: LegId(leg), stats }),
            Vec::new(),
            Time::from_millis(9001),
        );
    }
    assert_eq!(does(&mut session), ["release 10", "release 11"]);
    assert!(session.is_over());
    assert_eq!(session.length(&recording), Duration::from_secs(9));
    assert_eq!((session.cdr().duration_secs, &*session.cdr().cause), (9.0, "bye"));
}

#[test]
fn who_comes_takes_the_side_of_who_went() {
    let mut session = session(&["a", "b"]);
    does(&mut session);
    // A transfer: the second stream ends, a third one begins (RFC 7866 §8.1.7).
    assert_eq!(
        offers(&mut session, &["a", "X", "c"], 5),
        ["connect 10", "close 11", "open 20", "tap 20 1R", "connect 20", "answer a 0 c"]
    );
    // One more finds no side: it begins a file of its own.
    let more = offers(&mut session, &["a", "X", "c", "d"], 6);
    assert!(more.contains(&"record 2".to_owned()) && more.contains(&"tap 20 2L".to_owned()), "{more:?}");
    let sides: Vec<_> = session.carried(session.recordings()[0].id).map(|one| (one.label, one.channel)).collect();
    assert_eq!(sides, [("a", Channel::Left), ("b", Channel::Right), ("c", Channel::Right)]);
}

#[test]
fn a_stream_that_is_held_keeps_its_side() {
    let mut session = session(&["a", "b"]);
    does(&mut session);
    assert_eq!(offers(&mut session, &["a-", "b"], 5), ["connect 10", "connect 11", "answer a- b"]);
    assert_eq!(offers(&mut session, &["a-", "b"], 6), ["connect 10", "connect 11", "answer a- b"]);
    assert_eq!(offers(&mut session, &["a", "b"], 8), ["connect 10", "connect 11", "answer a b"]);
    let held: Vec<_> = session.carried(session.recordings()[0].id).map(|one| one.pauses.to_vec()).collect();
    assert_eq!(held, [vec![(Time::from_millis(5000), Some(Time::from_millis(8000)))], vec![]]);
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    for (labels, does_so) in [(&["X"][..], vec!["reject 488"]), (&["X", "Y"], vec!["reject 488"])] {
        let mut session = session(labels);
        assert_eq!(does(&mut session), does_so);
        assert!(session.is_over());
    }
    let many: Vec<&str> = vec!["a"; 20];
    let mut session = session(&many);
    let answer = does(&mut session).pop().unwrap();
    assert_eq!((answer.matches(" a").count(), answer.matches(" 0").count()), (8, 12), "{answer}");
    // Nothing of a change that cannot be read is taken.
    let mess = sip::Event::Offered { leg: SRC, fork: 0, sdp: Some("v=1".into()) };
    session.handle(Input::Sip(mess), Vec::new(), Time::ZERO);
    assert_eq!(does(&mut session), ["reject 400"]);
}

#[test]
fn who_falls_silent_is_asked_whether_he_is_there() {
    let mut session = session(&["a"]);
    does(&mut session);
    let silent = media::Event::Timeout { leg: LegId(10) };
    session.handle(Input::Media(silent), Vec::new(), Time::from_millis(60_000));
    assert_eq!(does(&mut session), ["connect 10"]); // the port tells of it again
    assert_eq!(session.deadline(), Time::from_millis(120_000));
    session.handle(Input::Tick, Vec::new(), Time::from_millis(120_000));
    assert_eq!(does(&mut session), ["ask"]);
    // He does not answer.
    session.handle(
        Input::Sip(sip::Event::Ended { leg: SRC, end: sip::End::Expired }),
        Vec::new(),
        Time::from_millis(152_000),
    );
    assert_eq!(does(&mut session), ["close 10"]);
}

#[test]
fn metadata_that_cannot_be_read_is_counted() {
    let mut session = session(&["a"]);
    session.handle(Input::Sip(sip::Event::Metadata { leg: SRC, xml: "<recording>".into() }), Vec::new(), Time::ZERO);
    assert_eq!((session.unread(), session.metadata().participants.len()), (1, 2));
}
