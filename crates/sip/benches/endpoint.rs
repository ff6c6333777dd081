//! What this room costs for a REGISTER with digest and for a whole call between two phones, timers included.
//!
//! The inputs are recorded once with an endpoint of the same seed, so that only the endpoint is measured, not the
//! phones.

#![allow(missing_docs)] // criterion's macro makes a public function

#[path = "../tests/desk/mod.rs"]
mod desk;

use std::hint::black_box;

use base::{Random, Time};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use desk::{Desk, Phone, at, udp};
use sip::digest::Ha1;
use sip::{Account, Endpoint, Input, SipConf};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COUNT: u16 = 100;

fn conf() -> SipConf {
    let account =
        |user: String| (user.clone(), Account { ha1: Ha1::of(&user, "centrala", "secret"), algorithms: vec![] });
    let accounts = (0..COUNT).map(|n| account((1000 + n).to_string())).collect();
    SipConf { accounts, ..desk::conf() }
}

fn replay(criterion: &mut Criterion, name: &str, record: impl Fn(&mut Desk)) {
    let mut desk = Desk::with(conf());
    record(&mut desk);
    let inputs: Vec<(Time, Input)> = std::mem::take(&mut desk.log);
    let mut group = criterion.benchmark_group("endpoint");
    group.throughput(Throughput::Elements(COUNT.into()));
    group.bench_function(name, |bench| {
        bench.iter_batched(
            || (Endpoint::new(conf(), Random::numbered(1)), inputs.clone(), Vec::with_capacity(64)),
            |(mut endpoint, inputs, mut out)| {
                for (now, input) in inputs {
                    endpoint.handle(input, now, &mut out);
                    black_box(&out);
                    out.clear();
                }
                endpoint
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn endpoint(criterion: &mut Criterion) {
    replay(criterion, "100 REGISTER with digest", |desk| {
        for port in 0..COUNT {
            desk.register(&(1000 + port).to_string(), udp(at(10_000 + port)));
            desk.pass(10);
        }
        desk.pass(40_000);
    });
    replay(criterion, "100 calls between two phones", |desk| {
        for port in 0..COUNT {
            let (caller, callee) = (&(1000 + port).to_string(), Phone::new("102", udp(at(20_000 + port))));
            let caller = Phone::new(caller, udp(at(10_000 + port)));
            let call = desk.bridged(&caller, &callee);
            desk.pass(10);
            desk.hung_up(&call, &caller, &callee);
        }
        desk.pass(240_000);
        assert_eq!((desk.endpoint.legs(), desk.endpoint.transactions()), (0, 0));
    });
}

criterion_group!(benches, endpoint);
criterion_main!(benches);
