//! What a lamp costs that changes: 10,000 of them, each watched by a phone of its own, from the news to the answered
//! NOTIFY. The phone's part, cutting an answer out of the NOTIFY, is in it.

#![allow(missing_docs)] // criterion's macro makes a public function

#[path = "../tests/desk/mod.rs"]
mod desk;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use desk::{Desk, Phone, header, udp};
use sip::{Command, DialogId, Event, FloodConf, Flow, Input, Line, Lines, Output, Shown, SipConf, Stage, State, Watch};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LAMPS: u32 = 10_000;

fn lines(stage: Stage) -> State {
    let shown = |number: &str, name: &str| Shown { number: number.to_owned(), name: Some(name.to_owned()) };
    let dialog = DialogId { call_id: "4b1c0d5e7a9f".into(), to_tag: "x8Ks02".into(), from_tag: "a7d81".into() };
    let line = Line { id: 7, initiated: false, stage, held: false, remote: shown("201", "Ann"), dialog: Some(dialog) };
    State::Lines(Lines { local: shown("202", "Bob"), lines: vec![line] })
}

fn flow(n: u32) -> Flow {
    udp(SocketAddr::from(([10, 1, (n >> 8) as u8, n as u8], 5062)))
}

fn watch(watch: Watch) -> Input {
    Input::Command(Command::Watch(Box::new(watch)))
}

fn answer(notify: &str) -> Bytes {
    let lines = ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", header(notify, name)));
    format!("SIP/2.0 200 OK\r\n{}Content-Length: 0\r\n\r\n", lines.concat()).into()
}

fn lamps(criterion: &mut Criterion) {
    let floods = FloodConf { source: 0, phone: 0, all: 0, ..FloodConf::default() };
    let mut desk = Desk::with(SipConf { watches_per_account: LAMPS as usize, floods, ..desk::conf() });
    for n in 0..LAMPS {
        let phone = Phone::new("101", flow(n));
        let subscribe = phone.request("SUBSCRIBE", "sip:102@centrala", 1).set("Event", "dialog");
        let subscribe =
            subscribe.set("Call-ID", &format!("lamp-{n}")).set("Contact", &format!("<sip:101@10.0.0.9;n={n}>"));
        let subscribe = subscribe.set("Via", &format!("SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKlamp{n};rport"));
        let challenged = desk.say(phone.flow, &subscribe.print()).text();
        let (_, events) = desk.say(phone.flow, &subscribe.again(2, &challenged, "101", "secret").print()).both();
        let [Event::Subscribes(asks)] = &events[..] else { panic!("{events:?}") };
        let resource = format!("lamp {n}");
        let texts = desk
            .tell(watch(Watch::Admit { subscription: asks.subscription, resource, state: lines(Stage::Terminated) }))
            .texts();
        desk.tell(Input::Received { flow: phone.flow, bytes: answer(&texts[1]) });
        desk.log.clear();
    }
    assert_eq!(desk.endpoint.subscriptions().count(), LAMPS as usize);
    desk.pass(40_000);
    let (endpoint, mut now) = (&mut desk.endpoint, desk.now);
    let mut out = Vec::new();
    let mut group = criterion.benchmark_group("lamps");
    group.throughput(Throughput::Elements(LAMPS.into()));
    group.sample_size(10);
    let mut lit = false;
    group.bench_function("10,000 change", |bench| {
        bench.iter(|| {
            lit = !lit;
            now += Duration::from_secs(2);
            let state = lines(if lit { Stage::Confirmed } else { Stage::Terminated });
            for n in 0..LAMPS {
                endpoint.handle(
                    watch(Watch::Stands { resource: format!("lamp {n}"), state: state.clone() }),
                    now,
                    &mut out,
                );
                let [Output::Send { flow, bytes }] = &out[..] else { panic!("one NOTIFY: {out:?}") };
                let (flow, bytes) = (*flow, answer(std::str::from_utf8(bytes).expect("text")));
                out.clear();
                endpoint.handle(Input::Received { flow, bytes }, now, &mut out);
                black_box(&out);
                out.clear();
            }
            while endpoint.deadline().is_some_and(|at| at <= now) {
                endpoint.handle(Input::Tick, now, &mut out);
                out.clear();
            }
        });
    });
    group.finish();
}

criterion_group!(benches, lamps);
criterion_main!(benches);
