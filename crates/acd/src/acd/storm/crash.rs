//! The machine is dropped where it stands, and another one begins with what the journal's file holds: a few of the last
//! facts never came so far.
//!
//! Where it stands: the storm's worst day. The journal knows this room by its facts alone, as they are written: they go there and
//! come back as text.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::Time;
use journal::{Record, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Storm;
use crate::*;

/// A journal in a folder of its own, and how many facts are in it.
pub(super) struct Kept {
    folder: PathBuf,
    facts: usize,
}

impl Kept {
    pub(super) fn new() -> Kept {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        // In memory, where there is such a folder: it is the machine's power that fails here, not its disk.
        let memory = PathBuf::from("/dev/shm");
        let room = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let folder = room.join(format!("centrala-acd-storm-{}-{number}", std::process::id()));
        Kept { folder, facts: 0 }
    }

    fn open(&self) -> Store {
        fs::create_dir_all(&self.folder).expect("a folder for the journal");
        Store::open(&self.folder).expect("a journal that this machine wrote")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Storm {
    /// Power off, and on again some time later.
    pub(super) fn crash(&mut self) {
        self.crashes += 1;
        let mut store = self.kept.open();
        let lost = (self.random.below(4) as usize).min(self.facts.len() - self.kept.facts);
        self.facts.truncate(self.facts.len() - lost);
        let group: Vec<_> = self.facts[self.kept.facts..].iter().map(written).collect();
        store.append(&group, &[]).expect("facts are written");
        let before = self.facts.clone();
        drop(store);

        let away_max = if self.random.one_in(8) { 7_200_000 } else { 90_000 };
        self.now += Duration::from_millis(self.random.below(away_max));
        let mut store = self.kept.open();
        let queues = store.close_orphans(self.now).expect("what is open is closed").queues;
        let restored = Restored {
            agents: queues
                .agents
                .iter()
                .map(|was| RestoredAgent {
                    agent: was.agent.as_str().parse().unwrap(),
                    state: as_text(&was.state),
                    calls: was.calls,
                    talked: was.talked,
                    left: was.left.iter().map(as_text).collect(),
                })
                .collect(),
            owed: queues
                .owed
                .iter()
                .map(|owed| Owed { queue: as_text(&owed.queue), caller: owed.caller.clone(), waited: owed.waited })
                .collect(),
        };
        let mut facts = Vec::new();
        store
            .after(0, |entry| {
                facts.extend(read(entry.at, &entry.record));
                true
            })
            .expect("facts are read");
        assert!(facts.starts_with(&before), "the journal tells something else");
        assert_eq!(store.last(), facts.len() as u64, "numbers have gaps");
        self.kept.facts = facts.len();
        self.facts = facts;

        self.acd = Acd::new(self.conf.clone(), self.random.fork());
        self.ringing.clear();
        self.talking.clear();
        self.waiting.clear();
        self.told.clear();
        self.conserved(); // whoever waited is accounted for before anybody comes again
        self.restored(restored);
    }

    /// Who was at work is so again, or paused until his phone is there.
    fn restored(&mut self, restored: Restored) {
        let agents: Vec<RestoredAgent> = restored.agents.clone();
        self.take(Input::Restore(restored));
        for was in agents {
            let Some(is) = self.acd.agent(&was.agent) else { continue }; // the new conf has him no more
            assert!(matches!(is, AgentState::Paused(_)), "{} works without a phone", was.agent);
            if let AgentState::Paused(reason) = &was.state {
                assert_eq!(is, AgentState::Paused(reason.clone()));
            } else if self.random.one_in(2) {
                self.take(Input::PhoneBack { agent: was.agent.clone() });
                assert!(!matches!(self.acd.agent(&was.agent), Some(AgentState::Paused(_))));
            }
        }
    }
}

fn written(fact: &Fact) -> (Time, Record) {
    (fact.at, as_text(&json!({ "queue": fact.what })))
}

fn read(at: Time, record: &Record) -> Option<Fact> {
    let mut record: Value = as_text(record);
    record.get_mut("queue").map(|what| Fact { at, what: as_text(&what.take()) })
}

/// What one side writes the other reads.
fn as_text<T: DeserializeOwned>(one: &impl Serialize) -> T {
    serde_json::to_value(one).and_then(serde_json::from_value).expect("what is written can be read")
}
