use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use acd::{
    AgentState, EndedBy, Figures, FiguresConf, Occasion, Outcome, Owed, Restored, RestoredAgent, Strategy,
    What as QueueWhat, Why,
};
use base::{CallId, LegId, Random, Time, WallClock};
use call::{Cdr, Direction, Side, What};

use super::*;

/// A folder of its own, gone with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("centrala-journal-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn at(ms: u64) -> Time {
    Time::from_millis(1_790_000_000_000 + ms)
}

fn calls<const N: usize>() -> [CallId; N] {
    let mut random = Random::numbered(1);
    std::array::from_fn(|n| CallId::new(1_790_000_000_000 + n as i64 * 1000, &mut random))
}

fn entered(call: CallId) -> Record {
    let (queue, caller) = ("sales".parse().expect("a name"), Arc::from("+48123"));
    Record::Queue(QueueWhat::Entered { queue, call, caller, priority: 0, position: 1, estimate: None })
}

fn offered(call: CallId, agent: &str) -> Record {
    let why = Why {
        occasion: Occasion::AgentFree,
        strategy: Strategy::LongestIdle,
        waited: Duration::from_nanos(1_234_567),
        position: 1,
        tier: 1,
        free: 3,
    };
    let (queue, agent) = ("sales".parse().expect("a name"), agent.parse().expect("a name"));
    Record::Queue(QueueWhat::Offered { queue, call, agent, why })
}

fn left(call: CallId, outcome: Outcome, waited: u64) -> Record {
    let queue = "sales".parse().expect("a name");
    Record::Queue(QueueWhat::Left { queue, call, outcome, waited: Duration::from_millis(waited), position: 1 })
}

fn serves(agent: &str, queue: &str, serves: bool) -> Record {
    let (agent, queue) = (agent.parse().expect("a name"), queue.parse().expect("a name"));
    Record::Queue(QueueWhat::Serves { agent, queue, serves })
}

fn agent_is(agent: &str, state: AgentState) -> Record {
    Record::Queue(QueueWhat::AgentIs { agent: agent.parse().expect("a name"), state })
}

fn started(call: CallId) -> Record {
    let what =
        What::Started { caller: "+48123".into(), called: "9".into(), direction: Direction::Inbound, trunk: None };
    Record::Call { call, what }
}

fn said(call: CallId, what: What) -> Record {
    Record::Call { call, what }
}

fn entries(store: &Store) -> Vec<Entry> {
    let mut entries = Vec::new();
    let each = |entry| {
        entries.push(entry);
        true
    };
    store.after(0, each).expect("read");
    entries
}

#[test]
fn what_is_read_is_what_was_written_and_numbers_have_no_gaps() {
    let folder = Folder::new("same");
    let [call] = calls();
    let stats = media::LegStats { codec: Some("pcma".into()), jitter_ms: 1.7, lost: 3, ..Default::default() };
    let agent = "ann".parse().expect("a name");
    let group = [
        (at(0), Record::Started { version: "1".into() }),
        (at(1), started(call)),
        (at(2), entered(call)),
        (at(3), agent_is("ann", AgentState::Paused("lunch".into()))),
        (at(4), offered(call, "ann")),
        (at(5), left(call, Outcome::Answered { agent }, 3)),
        (at(6), left(call, Outcome::Key('#'), 3)),
        (at(7), said(call, What::HungUp { by: Side::Agent, cause: "bye".into() })),
        (at(8), said(call, What::Media { leg: LegId(4), stats: Box::new(stats) })),
        (at(9), Record::Hours { hours: "office".into(), by_hand: Some(false) }),
        (at(10), Record::Over { call }),
        (at(11), Record::Lost { facts: 2 }),
    ];
    let mut store = Store::open(&folder.0).expect("opened");
    store.append(&group[..5], &[]).expect("appended");
    store.append(&[], &[("cdr", 5)]).expect("appended");
    drop(store);
    let mut store = Store::open(&folder.0).expect("opened again");
    store.append(&group[5..], &[]).expect("appended");
    let read = entries(&store);
    assert_eq!(read.iter().map(|entry| entry.number).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert!(read.iter().zip(&group).all(|(read, (at, record))| read.at == *at && read.record == *record), "{read:#?}");
    assert_eq!(store.mark("cdr").expect("read"), 5);
    assert_eq!(store.of_call(call).expect("read").len(), 8);
    assert_eq!((store.before(at(3)).expect("read"), store.before(at(99)).expect("read")), (3, 12));
    let beside = Store::read_only(&folder.0).expect("opened").expect("there");
    assert_eq!(entries(&beside).len(), 12);
}

#[test]
fn keys_are_not_written_down() {
    let [call] = calls();
    assert_eq!(Record::of_call(call, What::Key { key: '4' }), None);
    assert!(Record::of_call(call, What::Answered).is_some());
}

#[test]
fn what_a_crash_left_open_is_closed_at_the_last_sign_of_life() {
    let folder = Folder::new("orphans");
    let [waits, talks, over] = calls();
    let agent = |name: &str| name.parse().expect("a name");
    let mut store = Store::open(&folder.0).expect("opened");
    assert_eq!(store.close_orphans(at(0)).expect("nothing to do"), Orphans::default());
    let group = [
        (at(0), agent_is("ann", AgentState::Available)),
        (at(0), agent_is("bob", AgentState::Available)),
        (at(0), agent_is("eve", AgentState::Available)),
        (at(0), agent_is("eve", AgentState::LoggedOut)),
        (at(100), started(over)),
        (at(200), said(over, What::HungUp { by: Side::Caller, cause: "bye".into() })),
        (at(200), Record::Over { call: over }),
        (at(1_000), started(talks)),
        (at(1_000), said(talks, What::Queued { queue: "sales".into() })),
        (at(1_000), entered(talks)),
        (at(1_000), offered(talks, "ann")),
        (at(1_000), agent_is("ann", AgentState::Offered)),
        (at(3_000), left(talks, Outcome::Answered { agent: agent("ann") }, 2_000)),
        (at(3_000), said(talks, What::Unqueued { outcome: "answered".into() })),
        (at(3_000), agent_is("ann", AgentState::Talking)),
        (at(4_000), started(waits)),
        (at(4_000), said(waits, What::Queued { queue: "sales".into() })),
        (at(4_000), entered(waits)),
        (at(5_000), offered(waits, "bob")),
        (at(5_000), agent_is("bob", AgentState::Offered)),
        (at(9_000), serves("bob", "support", false)),
        (at(9_000), serves("bob", "sales", false)),
        (at(9_000), serves("bob", "sales", true)),
        (at(9_000), Record::Hours { hours: "office".into(), by_hand: None }),
    ];
    store.append(&group, &[]).expect("appended");
    drop(store); // the crash
    let mut store = Store::open(&folder.0).expect("opened again");
    let orphans = store.close_orphans(at(20_000)).expect("closed");
    let was = |name: &str, state, calls, talked| RestoredAgent {
        agent: name.parse().expect("a name"),
        state,
        calls,
        talked: Duration::from_secs(talked),
        left: if name == "bob" { vec!["support".parse().expect("a name")] } else { Vec::new() },
    };
    let agents = vec![was("ann", AgentState::Talking, 1, 0), was("bob", AgentState::Offered, 0, 0)];
    let (queue, waited) = ("sales".parse().expect("a name"), Duration::from_secs(5));
    let owed = vec![Owed { queue, caller: "+48123".into(), waited }];
    let queues = Restored { agents, owed };
    assert_eq!(orphans, Orphans { calls: 2, queues: queues.clone() });
    // Another crash before anybody is back changes nothing; an hour does.
    let last = store.last();
    assert_eq!(store.close_orphans(at(30_000)).expect("closed once"), Orphans { calls: 0, queues });
    assert_eq!(store.last(), last);
    let soon_enough = store.close_orphans(at(9_000 + 3_600_000)).expect("closed once");
    assert_eq!((soon_enough.queues.agents.len(), store.last()), (2, last));

    let all = entries(&store);
    let ends = &all[group.len()..];
    assert!(ends.iter().all(|entry| entry.at == at(9_000)));
    let talked = QueueWhat::Completed {
        queue: "sales".parse().expect("a name"),
        call: talks,
        agent: agent("ann"),
        talked: Duration::from_secs(6),
        by: EndedBy::Switch,
    };
    assert!(ends.iter().any(|entry| entry.record == Record::Queue(talked.clone())));
    // Every entry has its outcome.
    let facts: Vec<acd::Fact> = all
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Queue(what) => Some(acd::Fact { at: entry.at, what: what.clone() }),
            _ => None,
        })
        .collect();
    let conf = FiguresConf { answer_within: Duration::from_secs(20), from: Time::ZERO, until: Time::NEVER };
    let figures = Figures::of(&facts, conf);
    let sales = &figures.queues[&"sales".parse().expect("a name")];
    assert_eq!((sales.offered, sales.outcomes(), sales.failed, sales.completed), (2, 2, 1, 1));
    assert_eq!(figures.agents[&agent("ann")].talking, Duration::from_secs(6));
    // And every call its record.
    let cdr = |call| cdr_of(call, &store.of_call(call).expect("read"));
    let (talked, waited) = (cdr(talks), cdr(waits));
    assert_eq!((talked.cause.as_str(), talked.ended.as_str()), ("crash", "2026-09-21T14:13:29.000Z"));
    assert_eq!((waited.cause.as_str(), waited.queue_outcome.as_deref()), ("crash", Some("failed")));
    assert_eq!(waited.wait_secs, Some(5.0));
}

#[test]
fn the_cdr_of_what_is_read_is_the_cdr_of_what_happened() {
    let folder = Folder::new("cdr");
    let [call] = calls();
    let clock = WallClock { unix_ms_at_zero: 1_790_000_000_123 };
    let stats = media::LegStats { mos: Some(4.3), jitter_ms: 0.1, round_trip_ms: Some(33.3), ..Default::default() };
    let facts: Vec<call::Fact> = [
        (
            999_999,
            What::Started { caller: "a".into(), called: "b".into(), direction: Direction::Internal, trunk: None },
        ),
        (1_500_000, What::Dialled { leg: LegId(2), party: "b".into(), trunk: None }),
        (2_499_999, What::Connected { leg: LegId(2), party: "b".into() }),
        (7_777_777_777, What::HungUp { by: Side::Caller, cause: "bye".into() }),
        (7_777_777_778, What::Media { leg: LegId(2), stats: Box::new(stats) }),
    ]
    .map(|(nanos, what)| call::Fact { at: Time::from_nanos(nanos), what })
    .into();
    let mut store = Store::open(&folder.0).expect("opened");
    let group: Vec<_> = facts
        .iter()
        .filter_map(|fact| Some((clock.since_1970(fact.at), Record::of_call(call, fact.what.clone())?)))
        .collect();
    store.append(&group, &[]).expect("appended");
    let live = serde_json::to_string(&Cdr::of(call, &facts, clock)).expect("JSON");
    let later = serde_json::to_string(&cdr_of(call, &store.of_call(call).expect("read"))).expect("JSON");
    assert_eq!(live, later);
}

#[test]
fn nobody_is_back_who_was_away_for_too_long_or_has_come_again() {
    let folder = Folder::new("away");
    let [first, second, third] = calls();
    let mut store = Store::open(&folder.0).expect("opened");
    let away = |store: &mut Store, ms| {
        let queues = store.close_orphans(at(ms)).expect("closed").queues;
        (queues.agents.len(), queues.owed.len())
    };
    let before =
        [(at(0), agent_is("ann", AgentState::Available)), (at(1_000), entered(first)), (at(2_000), entered(second))];
    store.append(&before, &[]).expect("appended");
    // Both callers are one: he has waited once.
    assert_eq!(away(&mut store, 3_000), (1, 1));
    // He comes again and gets through; ann, who is no agent any more, is not there in an hour's time either.
    let after = [(at(600_000), entered(third)), (at(600_000), left(third, Outcome::Abandoned, 0))];
    store.append(&after, &[]).expect("appended");
    assert_eq!(away(&mut store, 601_000), (1, 0));
    store.append(&[(at(3_700_000), Record::Stopped)], &[]).expect("appended");
    assert_eq!(away(&mut store, 3_700_001), (0, 0));
    assert_eq!(store.agents().expect("read").len(), 0);
}
