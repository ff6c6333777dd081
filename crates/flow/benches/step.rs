//! What a step of a menu costs: a key comes from media, the menu it leads to has something to say, and media is told so. The
//! call's facts and what it says to others are in it; the packet and the sound are not.

#![allow(missing_docs)] // criterion's macro makes a public function

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use audio::{RINGBACK, Sound};
use base::{CallId, LegId, Random, Time, WallClock};
use call::{Call, CallConf, Direction, FeatureConf, Input, Knock, MediaRules, NewLeg, Party};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flow::{FlowConf, Journey, MenuConf, Phrase, QuestionConf, StepConf};
use route::{Destination, Found};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
const CALLER: LegId = LegId(1);
/// A call may meet so many menus, and more.
const STEPS: u64 = 100;

/// A caller who was answered and hears the first of two menus, which lead to each other.
fn caller(flow: &Arc<FlowConf>, conf: &Arc<CallConf>) -> Journey {
    let caller = NewLeg {
        leg: CALLER,
        local: ([192, 0, 2, 1], 30000).into(),
        session_id: 1,
        party: Party { number: "0911".to_owned(), ..Party::default() },
        signalling: [192, 0, 2, 7].into(),
        media: MediaRules::default(),
        random: Random::numbered(2),
        hides_keys: false,
        is_browser: false,
    };
    let call = CallId::new(conf.clock.unix_ms_at_zero, &mut Random::numbered(1));
    let (direction, offer) = (Direction::Inbound, Some(OFFER.into()));
    let knock = Knock { call, caller, called: "100".to_owned(), direction, offer, hears_reliably: false };
    let call = Call::new(knock, conf.clone(), Time::ZERO);
    let found = Found::only(Destination::Menu("one".to_owned()));
    let mut journey = Journey::new(call, found, flow.clone(), Arc::default());
    journey.run();
    black_box((journey.take_wishes(), journey.take_words()));
    journey
}

fn menu(to: &str) -> StepConf {
    let to: Destination = to.parse().expect("a destination");
    StepConf::Menu(Arc::new(MenuConf {
        question: QuestionConf::new(Phrase::only(Sound::from_pcm(audio::tone(&[(700.0, -12.0)], 2000)))),
        keys: ('0'..='9').map(|key| (key, to.clone())).collect::<HashMap<_, _>>(),
        extensions: false,
        names: false,
        otherwise: Destination::Echo,
        silent: Destination::Echo,
    }))
}

fn steps(criterion: &mut Criterion) {
    let menus = HashMap::from([("one".to_owned(), menu("menu:two")), ("two".to_owned(), menu("menu:one"))]);
    let flow = Arc::new(FlowConf { menus, ..FlowConf::default() });
    let conf = Arc::new(CallConf {
        formats: vec![sdp::Format::pcma()],
        ringback: RINGBACK.sound(),
        hold_music: audio::music().into(),
        features: FeatureConf::default(),
        mask_max: Duration::from_secs(300),
        record_rate_max: audio::SAMPLE_RATE,
        clock: WallClock { unix_ms_at_zero: 1_790_000_000_000 },
        beep: None,
        fingerprints: None,
    });
    let mut group = criterion.benchmark_group("flow");
    group.throughput(Throughput::Elements(STEPS));
    group.bench_function("a hundred keys, each to another menu", |bencher| {
        bencher.iter_batched(
            || caller(&flow, &conf),
            |mut journey| {
                for step in 1..=STEPS {
                    let now = Time::from_millis(1_000 * step);
                    let key = media::Event::Digit { leg: CALLER, digit: '4' };
                    journey.handle(Input::Media(key), now);
                    let wishes = journey.take_wishes();
                    assert!(!wishes.is_empty(), "the next menu has something to say");
                    black_box((wishes, journey.take_words()));
                }
                journey
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
