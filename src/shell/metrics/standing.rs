//! How everything stands: looked at when somebody asks, so that it costs nothing else.

use std::collections::{BTreeMap, HashSet};

use acd::AgentState;
use base::Time;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Labels, add, labels};
use crate::Switch;
use crate::shell::journal::Progress;

pub(super) struct Standing {
    calls: Gauge,
    calls_recorded: Gauge,
    calls_copied: Gauge,
    sip_legs: Gauge,
    sip_transactions: Gauge,
    phones: Gauge,
    accounts: Gauge,
    subscriptions: Gauge,
    bans: Gauge,
    media_ports: Gauge,
    agents: Series,
    queue_waiting: Series,
    queue_wait_max: Series,
    queue_talking: Series,
    queue_agents: Series,
    queue_closed: Series,
    trunk_up: Series,
    trunk_registered: Series,
    trunk_calls: Series,
    trunk_calls_today: Series,
    journal_waiting: Gauge,
    journal_failing: Gauge,
}

/// A gauge for each of something that may be taken out of the conf: then its series ends.
#[derive(Default)]
struct Series {
    family: Family<Labels, Gauge>,
    known: HashSet<Labels>,
}

impl Series {
    fn add(registry: &mut Registry, name: &str, help: &str) -> Series {
        Series { family: add(registry, name, help), known: HashSet::new() }
    }

    fn set(&mut self, all: impl IntoIterator<Item = (Labels, i64)>) {
        let mut gone = std::mem::take(&mut self.known);
        for (labels, value) in all {
            self.family.get_or_create(&labels).set(value);
            gone.remove(&labels);
            self.known.insert(labels);
        }
        for labels in &gone {
            self.family.remove(labels);
        }
    }
}

impl Standing {
    pub(super) fn new(all: &mut Registry, began_unix_secs: i64) -> Standing {
        let mut build = Series::add(all, "build_info", "The version that runs");
        build.set([(labels(&[("version", env!("CARGO_PKG_VERSION"))]), 1)]);
        let began: Gauge = add(all, "start_time_seconds", "When it began (Unix time)");
        began.set(began_unix_secs);
        Standing {
            calls: add(all, "calls", "Calls under way"),
            calls_copied: add(all, "calls_copied", "Calls under way that a recorder elsewhere hears (SIPREC)"),
            calls_recorded: add(all, "calls_recorded", "Calls under way that are recorded"),
            sip_legs: add(all, "sip_legs", "SIP legs"),
            sip_transactions: add(all, "sip_transactions", "SIP transactions"),
            phones: add(all, "phones", "Registered phones"),
            accounts: add(all, "accounts_registered", "People with a registered phone"),
            subscriptions: add(all, "subscriptions", "Subscriptions: lamps, presence, message lights"),
            bans: add(all, "bans", "Bans in force"),
            media_ports: add(all, "media_ports", "Media ports in use"),
            agents: Series::add(all, "agents", "Agents, by state"),
            queue_waiting: Series::add(all, "queue_waiting", "Callers who wait"),
            queue_wait_max: Series::add(
                all,
                "queue_wait_longest_seconds",
                "How long the one has waited who waits longest",
            ),
            queue_talking: Series::add(all, "queue_talking", "Callers who talk with an agent"),
            queue_agents: Series::add(
                all,
                "queue_agents",
                "Agents of a queue: logged in; of these at work; of these free",
            ),
            queue_closed: Series::add(all, "queue_closed", "1 where a queue lets nobody in"),
            trunk_up: Series::add(all, "trunk_up", "1 where calls can be placed by it"),
            trunk_registered: Series::add(all, "trunk_registered", "1 where we are registered; trunks that want it"),
            trunk_calls: Series::add(all, "trunk_calls", "Calls under way by a trunk"),
            trunk_calls_today: Series::add(all, "trunk_calls_today", "Calls begun by a trunk since midnight UTC"),
            journal_waiting: add(all, "journal_waiting", "Facts that are not in the journal yet"),
            journal_failing: add(all, "journal_failing", "1 where the journal cannot be written"),
        }
    }

    pub(super) fn look(&mut self, switch: &Switch, journal: &Progress, now: Time) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let endpoint = switch.endpoint();
        self.calls.set(count(switch.calls()));
        self.calls_copied.set(count(switch.calls_copied()));
        self.calls_recorded.set(count(switch.calls_recorded()));
        self.sip_legs.set(count(endpoint.legs()));
        self.sip_transactions.set(count(endpoint.transactions()));
        self.phones.set(count(endpoint.registered().map(|(_, bindings)| bindings.len()).sum()));
        self.accounts.set(count(endpoint.registered().count()));
        self.subscriptions.set(count(endpoint.subscriptions().count()));
        self.bans.set(count(endpoint.bans(now).len()));
        self.media_ports.set(count(switch.ports_in_use()));
        self.journal_waiting.set(i64::try_from(journal.waiting()).unwrap_or(i64::MAX));
        self.journal_failing.set(journal.is_failing().into());

        let mut states: BTreeMap<&str, i64> = AgentState::WORDS.iter().map(|word| (*word, 0)).collect(); // 0 and not absent
        switch.acd().states().for_each(|state| *states.entry(state.word()).or_default() += 1);
        self.agents.set(states.into_iter().map(|(state, agents)| (labels(&[("state", state)]), agents)));

        let queues = switch.acd().queues(now);
        let each = |of: fn(&acd::QueueView<'_>) -> i64| {
            let row = move |queue: &acd::QueueView<'_>| (labels(&[("queue", queue.queue.as_str())]), of(queue));
            queues.iter().map(row).collect::<Vec<_>>()
        };
        self.queue_waiting.set(each(|queue| queue.waiting as i64));
        self.queue_wait_max.set(each(|queue| queue.waited_max.as_secs() as i64));
        self.queue_talking.set(each(|queue| queue.talking as i64));
        self.queue_closed.set(each(|queue| queue.closed.into()));
        let staff = |queue: &acd::QueueView<'_>| {
            let name = queue.queue.as_str();
            [("logged-in", queue.logged_in), ("at-work", queue.at_work), ("free", queue.free)]
                .map(|(are, agents)| (labels(&[("queue", name), ("are", are)]), agents as i64))
        };
        self.queue_agents.set(queues.iter().flat_map(staff));

        let trunks = switch.trunks(now);
        let of = |trunk: &trunk::TrunkStatus| labels(&[("trunk", &trunk.trunk)]);
        self.trunk_up.set(trunks.iter().map(|trunk| (of(trunk), (trunk.state == "up").into())));
        let registered = trunks
            .iter()
            .filter_map(|trunk| Some((of(trunk), (trunk.registration.as_deref()? == "registered").into())));
        self.trunk_registered.set(registered);
        let calls = trunks.iter().flat_map(|trunk| {
            [("in", trunk.calls_in), ("out", trunk.calls_out)]
                .map(|(direction, calls)| (labels(&[("trunk", &trunk.trunk), ("direction", direction)]), calls.into()))
        });
        self.trunk_calls.set(calls);
        self.trunk_calls_today.set(trunks.iter().map(|trunk| (of(trunk), trunk.calls_today.into())));
    }
}
