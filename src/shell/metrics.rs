//! What Prometheus reads: counts of what happened since the start, and how everything stands when it asks.
//!
//! Where it stands: the control thread tells it each fact and recording; `scrape` serves it. Labels are queues, trunks, states
//! and outcomes of the conf, never callers or calls: what strangers send makes no series.

mod standing;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use acd::What as QueueWhat;
use base::Time;
use call::What;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::journal::Progress;
use crate::Switch;
use standing::Standing;

/// The series of one metric are told apart by these.
type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// All metrics.
pub(super) struct Metrics {
    registry: Arc<Registry>,
    calls_begun: Counters,
    calls_rejected: Counters,
    calls_ended: Counters,
    queue_entered: Counters,
    queue_left: Counters,
    queue_wait: Histograms,
    queue_talk: Histograms,
    queue_offers: Counters,
    queue_refused: Counters,
    packets: Counters,
    mos: Histogram,
    one_way: Counter,
    recordings: Counters,
    faults: Counter,
    dropped: Counter,
    entries: Counter,
    standing: Standing,
}

impl Metrics {
    pub(super) fn new(began_unix_secs: i64) -> Metrics {
        let mut registry = Registry::with_prefix("centrala");
        let all = &mut registry;
        let metrics = Metrics {
            calls_begun: add(all, "calls_begun", "Calls that came or were placed"),
            calls_rejected: add(all, "calls_rejected", "Callers refused with a final status"),
            calls_ended: add(all, "calls_ended", "Calls that ended, by who hung up first"),
            queue_entered: add(all, "queue_entered", "Entries into a queue"),
            queue_left: add(all, "queue_left", "Entries that ended, by outcome"),
            queue_wait: add_as(
                all,
                "queue_wait_seconds",
                "Waiting, by outcome",
                Histograms::new_with_constructor(waits),
            ),
            queue_talk: add_as(
                all,
                "queue_talk_seconds",
                "Talking with an agent",
                Histograms::new_with_constructor(talks),
            ),
            queue_offers: add(all, "queue_offers", "Offers to agents"),
            queue_refused: add(all, "queue_offers_refused", "Offers agents did not take, by how"),
            packets: add(all, "media_packets", "RTP packets of legs that are closed"),
            mos: add_as(
                all,
                "media_mos",
                "How what legs sent sounded (E-model)",
                Histogram::new([2.0, 2.5, 3.0, 3.5, 4.0, 4.2]),
            ),
            one_way: add(all, "media_one_way", "Parties that should have been heard and were not"),
            recordings: add(all, "recordings", "Recordings that were closed, spilled to the second folder, or failed"),
            faults: add(all, "faults", "Faults of ours that cost a message or a call"),
            dropped: add(all, "sip_dropped", "SIP messages dropped unread, of strangers and of floods"),
            entries: add(all, "journal_entries", "Entries of the journal"),
            standing: Standing::new(all, began_unix_secs),
            registry: Arc::default(),
        };
        Metrics { registry: Arc::new(registry), ..metrics }
    }

    /// Counts what happened in a call.
    pub(super) fn call(&self, what: &What) {
        match what {
            What::Started { direction, .. } => count(&self.calls_begun, &[("direction", direction.word())]),
            What::Rejected { status } => count(&self.calls_rejected, &[("status", &status.to_string())]),
            What::HungUp { by, .. } => {
                let by = match by {
                    call::Side::Caller => "caller",
                    call::Side::Agent => "party",
                    call::Side::Switch => "switch",
                };
                count(&self.calls_ended, &[("by", by)]);
            }
            What::OneWay { .. } => drop(self.one_way.inc()),
            What::Fault => drop(self.faults.inc()),
            What::Media { stats, .. } => {
                for (what, packets) in [
                    ("received", stats.packets_received),
                    ("sent", stats.packets_sent),
                    ("lost", stats.lost),
                    ("late", stats.late),
                    ("refused", stats.strangers),
                ] {
                    self.packets.get_or_create(&labels(&[("what", what)])).inc_by(packets);
                }
                if let Some(mos) = stats.mos {
                    self.mos.observe(mos.into());
                }
            }
            _ => {}
        }
    }

    /// Counts what happened in a queue.
    pub(super) fn queue(&self, what: &QueueWhat) {
        match what {
            QueueWhat::Entered { queue, .. } => count(&self.queue_entered, &[("queue", queue.as_str())]),
            QueueWhat::Left { queue, outcome, waited, .. } => {
                let (queue, outcome) = (("queue", queue.as_str()), ("outcome", outcome.word()));
                count(&self.queue_left, &[queue, outcome]);
                self.queue_wait.get_or_create(&labels(&[queue, outcome])).observe(waited.as_secs_f64());
            }
            QueueWhat::Completed { queue, talked, .. } => {
                self.queue_talk.get_or_create(&labels(&[("queue", queue.as_str())])).observe(talked.as_secs_f64());
            }
            QueueWhat::Offered { queue, .. } => count(&self.queue_offers, &[("queue", queue.as_str())]),
            QueueWhat::Refused { queue, how, .. } => {
                let how = match how {
                    acd::Refusal::NoAnswer => "no-answer",
                    acd::Refusal::Busy => "busy",
                    acd::Refusal::Declined => "declined",
                    acd::Refusal::Unreachable => "unreachable",
                };
                count(&self.queue_refused, &[("queue", queue.as_str()), ("how", how)]);
            }
            QueueWhat::Withdrawn { .. }
            | QueueWhat::CallBack { .. }
            | QueueWhat::Alert { .. }
            | QueueWhat::AgentIs { .. }
            | QueueWhat::Serves { .. }
            | QueueWhat::Closed { .. } => {}
        }
    }

    /// Counts what became of a recording.
    pub(super) fn recording(&self, event: &recorder::Event) {
        let result = match event {
            recorder::Event::Closed { .. } => "closed",
            recorder::Event::Spilled { .. } => "spilled",
            recorder::Event::Failed { .. } => "failed",
            recorder::Event::Stalled { .. } => "stalled",
            recorder::Event::Opened { .. } | recorder::Event::Quiet { .. } | recorder::Event::Low { .. } => return,
        };
        count(&self.recordings, &[("result", result)]);
    }

    /// Counts a message or a call lost to a fault of ours.
    pub(super) fn fault(&self) {
        self.faults.inc();
    }

    /// Looks at how everything stands; what is returned prints it all, on whichever thread.
    pub(super) fn look(
        &mut self,
        switch: &Switch,
        journal: &Progress,
        now: Time,
    ) -> impl FnOnce() -> String + Send + 'static {
        self.dropped.inner().store(switch.endpoint().dropped(), Ordering::Relaxed);
        self.entries.inner().store(journal.entries(), Ordering::Relaxed);
        self.standing.look(switch, journal, now);
        let registry = self.registry.clone();
        move || {
            let mut text = String::new();
            let _ = encode(&mut text, &registry); // a String takes it
            text
        }
    }
}

fn waits() -> Histogram {
    Histogram::new([1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0])
}

fn talks() -> Histogram {
    Histogram::new([10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0])
}

fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    add_as(registry, name, help, M::default())
}

fn add_as<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn labels(labels: &[(&'static str, &str)]) -> Labels {
    labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn count(counters: &Counters, of: &[(&'static str, &str)]) {
    counters.get_or_create(&labels(of)).inc();
}
