//! How many facts a second the journal takes, in the groups its thread makes when it is behind: queue calls, ten facts each.

#![allow(missing_docs, reason = "criterion_group makes a function")]

use std::sync::Arc;
use std::time::Duration;

use acd::{AgentState, EndedBy, Occasion, Outcome, Strategy, What as QueueWhat, Why};
use base::{CallId, LegId, Random, Time};
use call::{Direction, Side, What};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use journal::{Record, Store};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUP: usize = 4_000;

/// A caller waits, is offered to an agent, answered, talks, and goes: what the switch says of it.
fn queue_call(call: CallId) -> [Record; 10] {
    let queue = || "sales".parse().expect("a name");
    let agent = || "ann".parse().expect("a name");
    let said = |what| Record::Call { call, what };
    let (waited, talked) = (Duration::from_secs(7), Duration::from_secs(180));
    let why =
        Why { occasion: Occasion::AgentFree, strategy: Strategy::LongestIdle, waited, position: 1, tier: 1, free: 3 };
    let outcome = Outcome::Answered { agent: agent() };
    let (caller, party) = (Arc::from("+48123456789"), "ann".to_owned());
    [
        said(What::Started {
            caller: "+48123456789".into(),
            called: "800".into(),
            direction: Direction::Inbound,
            trunk: None,
        }),
        said(What::Queued { queue: "sales".into() }),
        Record::Queue(QueueWhat::Entered { queue: queue(), call, caller, priority: 0, position: 4, estimate: None }),
        Record::Queue(QueueWhat::Offered { queue: queue(), call, agent: agent(), why }),
        Record::Queue(QueueWhat::Left { queue: queue(), call, outcome, waited, position: 1 }),
        Record::Queue(QueueWhat::AgentIs { agent: agent(), state: AgentState::Talking }),
        said(What::Connected { leg: LegId(7), party }),
        Record::Queue(QueueWhat::Completed { queue: queue(), call, agent: agent(), talked, by: EndedBy::Caller }),
        said(What::HungUp { by: Side::Caller, cause: "bye".into() }),
        Record::Over { call },
    ]
}

fn append(c: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("centrala-journal-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut store = Store::open(&folder).expect("opened");
    let (mut random, mut now) = (Random::numbered(1), Time::from_millis(1_790_000_000_000));
    let mut group = || {
        let mut facts = Vec::with_capacity(GROUP);
        while facts.len() < GROUP {
            now += Duration::from_millis(20);
            let call = CallId::new(now.as_millis() as i64, &mut random);
            facts.extend(queue_call(call).map(|record| (now, record)));
        }
        facts
    };
    let mut bench = c.benchmark_group("journal");
    bench.throughput(Throughput::Elements(GROUP as u64)).sample_size(20);
    bench.bench_function("append", |b| {
        b.iter_batched(&mut group, |facts| store.append(&facts, &[]).expect("appended"), BatchSize::PerIteration);
    });
    bench.finish();
    std::fs::remove_dir_all(&folder).expect("gone");
}

criterion_group!(benches, append);
criterion_main!(benches);
