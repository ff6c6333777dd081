//! The call detail record: one line a call, a fold over its facts.
//!
//! Where it stands: the switch makes one when a call is over; the shell appends it to the journal, the recorder puts it
//! into the sidecar. It decides nothing and remembers nothing the facts do not say.

mod handover;
mod silences;
mod supervisions;

use std::collections::BTreeMap;
use std::time::Duration;

use base::{CallId, LegId, Time, WallClock};
use media::LegStats;
use serde::Serialize;

use crate::disposition::{Disposition, dispositions};
use crate::{Direction, Fact, Side, What};
pub use handover::Handover;
use handover::Handovers;
pub use silences::Silenced;
pub use supervisions::Supervised;

/// What became of one call. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cdr {
    /// Our id of the caller's whole journey.
    pub call: String,
    /// When the INVITE came.
    pub started: String,
    /// When the caller was answered.
    pub answered: Option<String>,
    /// When caller and party began to talk.
    pub connected: Option<String>,
    /// When the first side hung up, or the caller was refused.
    pub ended: String,
    /// Who called: an account, or a stranger's number.
    pub caller: String,
    /// The number dialled.
    pub called: String,
    /// From where to where.
    pub direction: Direction,
    /// The destinations the caller passed, in order.
    pub path: Vec<String>,
    /// What is known of the caller, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The queue the caller waited in last.
    pub queue: Option<String>,
    /// What became of that: `answered`, `abandoned`, `short-abandoned`, `timeout`, `full`, `empty`, `emptied`, `unstaffed`,
    /// `key`, `closed`, `withdrawn` or `failed`.
    pub queue_outcome: Option<String>,
    /// Seconds the caller waited in that queue.
    pub wait_secs: Option<f64>,
    /// The party that talked with the caller last.
    pub answered_by: Option<String>,
    /// Whom the caller spoke to, where he spoke to many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paged: Vec<String>,
    /// The trunk the call came by.
    pub trunk_in: Option<String>,
    /// The trunk it went out by: the one that carried it, or the last one tried.
    pub trunk_out: Option<String>,
    /// The trunks that were tried and did not take it, in order.
    pub trunk_failures: Vec<TrunkFailure>,
    /// How parties brought each other elsewhere, in order.
    pub transfers: Vec<Handover>,
    /// Who ended the call.
    pub ended_by: Side,
    /// Why, in a word or two.
    pub cause: String,
    /// The SIP status the caller got: 200 if answered.
    pub status: u16,
    /// Seconds from INVITE to the end.
    pub duration_secs: f64,
    /// Seconds the caller talked with a party.
    pub talk_secs: f64,
    /// The recordings' files, relative to the recordings folder.
    pub recordings: Vec<String>,
    /// What of it was not kept: masks and pauses, in order.
    pub silences: Vec<Silenced>,
    /// What it came to, by those who talked in it, in order: the last one counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dispositions: Vec<Disposition>,
    /// Who heard it without being a party, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supervisions: Vec<Supervised>,
    /// The figures of each leg's sound: the caller's first.
    pub media: Vec<LegQuality>,
}

/// A trunk that did not take a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrunkFailure {
    /// Which.
    pub trunk: String,
    /// The SIP status; 408: it did not answer, 503: it was not even there.
    pub status: u16,
}

/// One leg's sound.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LegQuality {
    /// The party at the other end.
    pub party: String,
    /// The figures.
    #[serde(flatten)]
    pub stats: LegStats,
}

impl Cdr {
    /// Folds a call's facts.
    pub fn of(call: CallId, facts: &[Fact], clock: WallClock) -> Cdr {
        let began = facts.first().map_or(Time::ZERO, |fact| fact.at);
        let date = |at: Time| rfc3339(clock.unix_ms(at));
        let mut cdr = Cdr {
            call: call.to_string(),
            started: date(began),
            answered: None,
            connected: None,
            ended: String::new(),
            caller: String::new(),
            called: String::new(),
            direction: Direction::Internal,
            path: Vec::new(),
            fields: BTreeMap::new(),
            queue: None,
            queue_outcome: None,
            wait_secs: None,
            answered_by: None,
            paged: Vec::new(),
            trunk_in: None,
            trunk_out: None,
            trunk_failures: Vec::new(),
            transfers: Vec::new(),
            ended_by: Side::Switch,
            cause: "unknown".to_owned(),
            status: 0,
            duration_secs: 0.0,
            talk_secs: 0.0,
            recordings: Vec::new(),
            silences: Vec::new(),
            dispositions: Vec::new(),
            supervisions: Vec::new(),
            media: Vec::new(),
        };
        let mut parties: Vec<(LegId, &str)> = Vec::new();
        let mut trunks: Vec<(LegId, &String)> = Vec::new();
        let (mut talking, mut ended, mut talked, mut queued) = (None, None, Duration::ZERO, None);
        let mut handovers = Handovers::default();
        for fact in facts {
            let name = |leg: LegId| parties.iter().find(|(of, _)| *of == leg).map_or(&*cdr.caller, |(_, party)| party);
            handovers.take(&fact.what, || date(fact.at), |leg| name(leg).to_owned());
            match &fact.what {
                What::Started { caller, called, direction, trunk } => {
                    (cdr.caller, cdr.called, cdr.direction) = (caller.clone(), called.clone(), *direction);
                    cdr.trunk_in = trunk.clone();
                }
                What::Entered { destination } => cdr.path.push(destination.clone()),
                What::Field { name, value } => {
                    cdr.fields.insert(name.clone(), value.clone());
                }
                What::Answered => {
                    cdr.answered = Some(date(fact.at));
                    cdr.status = 200;
                }
                What::Queued { queue } => {
                    (cdr.queue, cdr.queue_outcome, queued) = (Some(queue.clone()), None, Some(fact.at));
                }
                What::Unqueued { outcome } => {
                    cdr.queue_outcome = Some(outcome.to_string());
                    cdr.wait_secs = queued.take().map(|from| secs(fact.at.since(from)));
                }
                What::Dialled { leg, party, trunk } => {
                    parties.push((*leg, party));
                    if let Some(trunk) = trunk {
                        trunks.push((*leg, trunk));
                        cdr.trunk_out = Some(trunk.clone());
                    }
                }
                What::Refused { leg: Some(leg), status } => {
                    let trunk = trunks.iter().find(|(of, _)| of == leg);
                    let failure = |(_, trunk): &(_, &String)| TrunkFailure { trunk: (*trunk).clone(), status: *status };
                    cdr.trunk_failures.extend(trunk.map(failure));
                }
                What::Connected { party, leg } => {
                    if !parties.iter().any(|(known, _)| known == leg) {
                        parties.push((*leg, party)); // it came from another call
                    }
                    cdr.connected.get_or_insert_with(|| date(fact.at));
                    cdr.answered_by = Some(party.clone());
                    if let Some((_, trunk)) = trunks.iter().find(|(known, _)| known == leg) {
                        cdr.trunk_out = Some((*trunk).clone());
                    }
                    talking = Some(fact.at);
                }
                What::Paged { party, .. } => cdr.paged.push(party.clone()),
                What::Left { .. } => {
                    talked += talking.take().map_or(Duration::ZERO, |from| fact.at.since(from));
                }
                What::Recording { file, .. } => cdr.recordings.push(format!("{file}.wav")),
                What::Rejected { status } => cdr.status = *status,
                What::HungUp { by, cause } if ended.is_none() => {
                    (cdr.ended_by, cdr.cause) = (*by, cause.to_string());
                    ended = Some(fact.at);
                }
                What::Media { leg, stats } => {
                    let party =
                        parties.iter().find(|(of, _)| of == leg).map_or(cdr.caller.as_str(), |(_, party)| party);
                    cdr.media.push(LegQuality { party: party.to_owned(), stats: (**stats).clone() });
                }
                What::Held { .. } | What::Resumed { .. } | What::Transfers { .. } | What::TransferFailed { .. } => {}
                What::OneWay { .. }
                | What::HungUp { .. }
                | What::Key { .. }
                | What::RecordingStopped { .. }
                | What::RecordingFailed { .. }
                | What::Silenced { .. }
                | What::Disposed(_)
                | What::Sounds { .. }
                | What::Ringing { .. }
                | What::Refused { .. }
                | What::Fault => {}
                What::Replaced { by, party, .. } => parties.push((*by, party)),
                What::Supervised { .. } | What::SupervisorLeft { .. } => {}
                What::Consults { .. } | What::Together { .. } | What::Returns { .. } => {}
            }
        }
        let end = ended.or(facts.last().map(|fact| fact.at)).unwrap_or(began);
        cdr.ended = date(end);
        cdr.transfers = handovers.all();
        cdr.silences = silences::silences(facts, end, date);
        cdr.dispositions = dispositions(facts, date);
        cdr.supervisions = supervisions::supervisions(facts, end, date);
        cdr.duration_secs = secs(end.since(began));
        cdr.talk_secs = secs(talked + talking.map_or(Duration::ZERO, |from| end.since(from)));
        cdr
    }
}

/// Seconds to the millisecond.
fn secs(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// A moment as records have it: RFC 3339 in UTC.
pub fn date(clock: WallClock, at: Time) -> String {
    rfc3339(clock.unix_ms(at))
}

/// Unix milliseconds as a date: `2026-11-23T14:03:12.250Z`.
pub(crate) fn rfc3339(unix_ms: i64) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default(); // the year 9999 is far off
    timestamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Random;

    #[test]
    fn a_record_is_what_the_facts_say() {
        let at = |ms: u64, what: What| Fact { at: Time::from_millis(ms), what };
        let facts = [
            at(
                0,
                What::Started {
                    caller: "ann".into(),
                    called: "202".into(),
                    direction: Direction::Internal,
                    trunk: None,
                },
            ),
            at(1, What::Entered { destination: "person:bob".into() }),
            at(2, What::Dialled { leg: LegId(2), party: "bob".into(), trunk: None }),
            at(900, What::Ringing { leg: LegId(2) }),
            at(2_000, What::Connected { leg: LegId(2), party: "bob".into() }),
            at(2_000, What::Answered),
            at(7_250, What::Left { leg: LegId(2) }),
            at(7_250, What::HungUp { by: Side::Agent, cause: "bye".into() }),
            at(7_300, What::HungUp { by: Side::Switch, cause: "later, so not counted".into() }),
        ];
        let call = CallId::new(0, &mut Random::numbered(1));
        let cdr = Cdr::of(call, &facts, WallClock { unix_ms_at_zero: 1_790_000_000_000 });
        assert_eq!((cdr.caller.as_str(), cdr.called.as_str(), cdr.status), ("ann", "202", 200));
        assert_eq!((cdr.answered_by.as_deref(), cdr.ended_by, cdr.cause.as_str()), (Some("bob"), Side::Agent, "bye"));
        assert_eq!((cdr.duration_secs, cdr.talk_secs), (7.25, 5.25));
        assert_eq!(cdr.started, "2026-09-21T14:13:20.000Z");
        assert_eq!(cdr.ended, "2026-09-21T14:13:27.250Z");
    }

    #[test]
    fn a_record_names_the_trunks_that_were_tried() {
        let dialled =
            |leg, trunk: &str| What::Dialled { leg: LegId(leg), party: "1".into(), trunk: Some(trunk.into()) };
        let what = [
            What::Started { caller: "ann".into(), called: "91".into(), direction: Direction::Outbound, trunk: None },
            dialled(2, "first"),
            What::Refused { leg: Some(LegId(2)), status: 503 },
            dialled(3, "second"),
            What::Connected { leg: LegId(3), party: "1".into() },
        ];
        let facts = what.map(|what| Fact { at: Time::ZERO, what });
        let call = CallId::new(0, &mut Random::numbered(1));
        let cdr = Cdr::of(call, &facts, WallClock { unix_ms_at_zero: 0 });
        assert_eq!((cdr.trunk_in, cdr.trunk_out.as_deref()), (None, Some("second")));
        assert_eq!(cdr.trunk_failures, [TrunkFailure { trunk: "first".into(), status: 503 }]);
    }

    #[test]
    fn transfers_are_told_with_what_became_of_them() {
        let leg = LegId;
        let dialled = |n, party: &str| What::Dialled { leg: leg(n), party: party.to_owned(), trunk: None };
        let connected = |n, party: &str| What::Connected { leg: leg(n), party: party.to_owned() };
        let blind = |n| What::Transfers { leg: leg(n), attended: false };
        let left = |n| What::Left { leg: leg(n) };
        let entered = |to: &str| What::Entered { destination: to.to_owned() };
        for (facts, told) in [
            (
                vec![blind(2), entered("person:eve"), dialled(3, "eve"), left(2), connected(3, "eve")],
                "bob blind eve done",
            ),
            (vec![blind(2), entered("menu:main"), left(2)], "bob blind menu:main done"),
            (vec![blind(2), dialled(3, "eve"), What::TransferFailed { status: 486 }], "bob blind eve failed"),
            (vec![blind(1), dialled(3, "eve"), left(1), What::TransferFailed { status: 486 }], "ann blind eve failed"),
            (vec![What::Consults { leg: leg(2) }, dialled(3, "eve")], "bob attended eve open"),
            (
                vec![What::Consults { leg: leg(2) }, dialled(3, "eve"), What::Returns { leg: leg(2) }, left(2)],
                "bob attended eve returned",
            ),
            (
                vec![
                    What::Consults { leg: leg(2) },
                    dialled(3, "eve"),
                    What::Together { leg: leg(2) },
                    left(2),
                    connected(3, "eve"),
                ],
                "bob three-way eve done",
            ),
        ] {
            let started = What::Started {
                caller: "ann".into(),
                called: "202".into(),
                direction: Direction::Internal,
                trunk: None,
            };
            let before = [started, dialled(2, "bob"), connected(2, "bob")];
            let facts: Vec<Fact> = before.into_iter().chain(facts).map(|what| Fact { at: Time::ZERO, what }).collect();
            let call = CallId::new(0, &mut Random::numbered(1));
            let cdr = Cdr::of(call, &facts, WallClock { unix_ms_at_zero: 0 });
            let [Handover { by, how, to, outcome, .. }] = &cdr.transfers[..] else { panic!("{facts:?}") };
            assert_eq!(format!("{by} {how} {} {outcome}", to.as_deref().unwrap_or("-")), told);
        }
    }
}
