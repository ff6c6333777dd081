//! A menu without a phone, a socket or a clock: what a call wants done, step by step. `cargo run --example hello_menu`

use std::collections::HashMap;
use std::sync::Arc;

use audio::{RINGBACK, Sound, tone};
use base::{CallId, LegId, Random, Time, WallClock};
use call::{Call, CallConf, Direction, FeatureConf, Input, Knock, MediaRules, NewLeg, Party};
use flow::{FlowConf, Journey, MenuConf, Phrase, QuestionConf, StepConf};
use route::{Destination, Found};

const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\n\
    a=rtpmap:101 telephone-event/8000\r\n";

fn main() {
    let greeting = Sound::from_pcm(tone(&[(440.0, -10.0)], 1000));
    let menu = MenuConf {
        question: QuestionConf::new(Phrase::only(greeting)),
        keys: HashMap::from([('1', Destination::Echo)]),
        extensions: false,
        names: false,
        otherwise: Destination::Reject(480),
        silent: Destination::Reject(480),
    };
    let menus = HashMap::from([("main".to_owned(), StepConf::Menu(Arc::new(menu)))]);
    let flow = FlowConf { menus, ..FlowConf::default() };

    let caller = NewLeg {
        leg: LegId(1),
        local: ([192, 0, 2, 1], 30000).into(),
        session_id: 1,
        party: Party { number: "+38515550199".to_owned(), ..Party::default() },
        signalling: [192, 0, 2, 7].into(),
        media: MediaRules::default(),
        random: Random::numbered(2),
        hides_keys: false,
        is_browser: false,
    };
    let clock = WallClock { unix_ms_at_zero: 1_790_000_000_000 };
    let call = CallId::new(clock.unix_ms_at_zero, &mut Random::numbered(1));
    let offer = Some(OFFER.into());
    let direction = Direction::Inbound;
    let knock = Knock { call, caller, called: "100".to_owned(), direction, offer, hears_reliably: false };
    let formats = vec![sdp::Format::pcmu(), sdp::Format::pcma()];
    let conf = Arc::new(CallConf {
        formats,
        ringback: RINGBACK.sound(),
        hold_music: audio::music().into(),
        features: FeatureConf::default(),
        mask_max: std::time::Duration::from_secs(300),
        record_rate_max: audio::SAMPLE_RATE,
        beep: None,
        clock,
        fingerprints: None,
    });
    let found = Found::only(Destination::Menu("main".to_owned()));

    let mut journey = Journey::new(Call::new(knock, conf, Time::ZERO), found, Arc::new(flow), Arc::default());
    journey.run();
    println!("the caller knocks:      {} wishes (answer, play the greeting …)", journey.take_wishes().len());
    let key = media::Event::Digit { leg: LegId(1), digit: '1' };
    journey.handle(Input::Media(key), Time::from_millis(700));
    println!("the caller presses 1:   {} wishes (stop the greeting, wire the echo)", journey.take_wishes().len());
    let bye = sip::Event::Ended { leg: LegId(1), end: sip::End::Bye };
    journey.handle(Input::Sip(bye), Time::from_millis(9000));
    println!("the caller hangs up:    {:#?}", journey.call().cdr());
}
