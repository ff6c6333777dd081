//! Figures worked out by hand, and figures of chance that have to add up.

use acd::{
    Acd, AcdConf, AgentConf, AgentState, Denominator, Gone, Input, Join, Member, Occasion, Output, QueueConf, Refusal,
    Strategy, Why,
};
use base::Random;

use super::*;
use crate::Store;

const BEGIN: u64 = 1_790_000_000;

fn at(secs: i64) -> Time {
    Time::from_millis((BEGIN as i64 + secs) as u64 * 1000)
}

fn call(number: u64) -> CallId {
    CallId::new(number as i64 * 1000, &mut Random::numbered(1))
}

fn queue(name: &str) -> QueueName {
    name.parse().expect("a name")
}

fn agent(name: &str) -> AgentName {
    name.parse().expect("a name")
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn entered(name: &str, number: u64, caller: &str) -> Record {
    let (queue, call, caller) = (queue(name), call(number), caller.into());
    Record::Queue(QueueWhat::Entered { queue, call, caller, priority: 0, position: 1, estimate: None })
}

fn left(name: &str, number: u64, outcome: Outcome, waited: u64) -> Record {
    let (queue, call, waited) = (queue(name), call(number), secs(waited));
    Record::Queue(QueueWhat::Left { queue, call, outcome, waited, position: 1 })
}

fn answered(number: u64, by: &str, waited: u64) -> Record {
    left("sales", number, Outcome::Answered { agent: agent(by) }, waited)
}

fn offered(number: u64, to: &str) -> Record {
    let (occasion, strategy, waited) = (Occasion::AgentFree, Strategy::LongestIdle, Duration::ZERO);
    let why = Why { occasion, strategy, waited, position: 1, tier: 1, free: 1 };
    Record::Queue(QueueWhat::Offered { queue: queue("sales"), call: call(number), agent: agent(to), why })
}

fn completed(number: u64, with: &str, talked: u64, by: EndedBy) -> Record {
    let (queue, call, agent, talked) = (queue("sales"), call(number), agent(with), secs(talked));
    Record::Queue(QueueWhat::Completed { queue, call, agent, talked, by })
}

fn is(name: &str, state: AgentState) -> Record {
    Record::Queue(QueueWhat::AgentIs { agent: agent(name), state })
}

fn said(number: u64, what: What) -> Record {
    Record::Call { call: call(number), what }
}

fn talks(number: u64, with: &str) -> Record {
    said(number, What::Connected { leg: LegId(number), party: with.into() })
}

/// Two half hours of two agents. Each line is told in the test below.
fn two_half_hours() -> Vec<(i64, Record)> {
    use AgentState::{Available, Offered, Paused, Talking, WrapUp};
    let refused = QueueWhat::Refused {
        queue: queue("sales"),
        call: call(6),
        agent: agent("ann"),
        how: Refusal::NoAnswer,
        rang: secs(15),
    };
    vec![
        (-600, is("ann", Available)),
        (-600, is("bob", Available)),
        (60, entered("sales", 1, "+481")),
        (60, offered(1, "ann")),
        (60, is("ann", Offered)),
        (75, talks(1, "ann")),
        (75, answered(1, "ann", 15)),
        (75, is("ann", Talking)),
        (100, said(1, What::Held { leg: LegId(1) })),
        (100, entered("sales", 2, "+482")),
        (100, offered(2, "bob")),
        (100, is("bob", Offered)),
        (130, said(1, What::Resumed { leg: LegId(1) })),
        (130, talks(2, "bob")),
        (130, answered(2, "bob", 30)),
        (130, is("bob", Talking)),
        (189, said(2, What::Transfers { leg: LegId(2), attended: false })),
        (190, completed(2, "bob", 60, EndedBy::Agent)),
        (190, is("bob", WrapUp)),
        (195, completed(1, "ann", 120, EndedBy::Caller)),
        (195, is("ann", WrapUp)),
        (200, is("bob", Available)),
        (205, is("ann", Available)),
        (300, entered("sales", 3, "+483")),
        (303, left("sales", 3, Outcome::ShortAbandoned, 3)),
        (310, entered("sales", 4, "+484")),
        (350, left("sales", 4, Outcome::Abandoned, 40)),
        (400, entered("sales", 5, "anonymous")),
        (700, left("sales", 5, Outcome::TimedOut, 300)),
        (1790, entered("sales", 6, "+481")),
        (1790, offered(6, "ann")),
        (1790, is("ann", Offered)),
        (1805, Record::Queue(refused)),
        (1805, is("ann", Paused("no answer".into()))),
        (1805, offered(6, "bob")),
        (1805, is("bob", Offered)),
        (1810, talks(6, "bob")),
        (1810, answered(6, "bob", 20)),
        (1810, is("bob", Talking)),
        (1900, completed(6, "bob", 90, EndedBy::Caller)),
        (1900, is("bob", WrapUp)),
        (1910, is("bob", Available)),
        (2000, entered("sales", 7, "+487")),
        (2000, left("sales", 7, Outcome::Closed, 0)),
        (2100, entered("support", 8, "+488")),
        (2110, left("support", 8, Outcome::Key('0'), 10)),
        (2200, entered("sales", 9, "+489")),
        (3000, is("ann", Available)),
        (5000, entered("sales", 10, "+482")),
    ]
}

fn conf(interval: Option<u64>) -> ReportConf {
    let (answer_within, repeat_within) = (secs(20), secs(7 * 24 * 3600));
    ReportConf { from: at(0), until: at(3600), interval: interval.map(secs), answer_within, repeat_within }
}

fn report(entries: impl IntoIterator<Item = (Time, Record)>, conf: ReportConf) -> Vec<Interval> {
    let mut report = Report::new(conf);
    for (number, (at, record)) in (1..).zip(entries) {
        report.take(&Entry { number, at, record });
    }
    report.finish()
}

fn of_two_half_hours(interval: Option<u64>) -> Vec<Interval> {
    report(two_half_hours().into_iter().map(|(secs, record)| (at(secs), record)), conf(interval))
}

fn about(value: Option<f64>, wanted: f64) {
    assert!(value.is_some_and(|value| (value - wanted).abs() < 1e-12), "{value:?} is not {wanted}");
}

#[test]
fn a_conversation_counts_by_what_was_said_of_it_last() {
    let disposed = |number, disposition: Option<&str>| {
        let actor = call::Actor { by: "ann".into(), how: call::How::Key };
        let disposition = disposition.map(str::to_owned);
        said(number, What::Disposed(call::Disposed { disposition, note: None, actor }))
    };
    let records = vec![
        (10, entered("sales", 1, "+481")),
        (15, talks(1, "ann")),
        (15, answered(1, "ann", 5)),
        (20, disposed(1, Some("sold"))), // while they talk
        (30, disposed(1, None)),         // a note takes nothing back
        (60, completed(1, "ann", 45, EndedBy::Caller)),
        (70, entered("sales", 2, "+482")),
        (75, talks(2, "ann")),
        (75, answered(2, "ann", 5)),
        (90, completed(2, "ann", 15, EndedBy::Caller)),
        (95, disposed(2, Some("sold"))),         // afterwards,
        (4000, disposed(2, Some("call again"))), // and otherwise, in another interval
        (4001, disposed(9, Some("sold"))),       // of a call that was in no queue
    ];
    let interval = Some(secs(1800));
    let conf = ReportConf { from: at(0), until: at(7200), interval, answer_within: secs(20), repeat_within: secs(60) };
    let mut report = Report::new(conf);
    for (number, (secs, record)) in (1..).zip(records) {
        report.take(&Entry { number, at: at(secs), record });
    }
    let parts = report.finish();
    let wanted = BTreeMap::from([("call again".into(), 1), ("sold".into(), 1)]);
    assert_eq!(parts[0].queues[&queue("sales")].dispositions, wanted);
    assert_eq!(parts[0].agents[&agent("ann")].dispositions, wanted);
    assert!(parts[1..].iter().all(|part| part.queues.is_empty()));
}

#[test]
fn callers_answers_count_for_the_queue_and_the_agent_they_were_asked_about() {
    let answer =
        |number, name: &str, value: &str| said(number, What::Field { name: name.to_owned(), value: value.to_owned() });
    let mut records = vec![(1, answer(9, "csat", "5"))]; // of a call that was in no queue
    for (call, begin, who, says) in [(1, 100, "ann", "4"), (2, 200, "ann", "1"), (3, 300, "bob", "5")] {
        records.extend([
            (begin, entered("sales", call, "+481")),
            (begin + 5, answer(call, "csat", "3")), // a menu before the agent
            (begin + 5, talks(call, who)),
            (begin + 5, answered(call, who, 5)),
            (begin + 20, completed(call, who, 15, EndedBy::Agent)),
            (begin + 25, answer(call, "csat", says)),
            (begin + 26, answer(call, "language", "7")),
        ]);
    }
    records.push((330, answer(3, "csat", "2"))); // he thought again
    records.push((331, answer(3, "csat", "none")));
    let conf =
        ReportConf { from: at(0), until: at(7200), interval: None, answer_within: secs(20), repeat_within: secs(60) };
    let of = |mut report: Report| {
        for (number, (secs, record)) in (1..).zip(&records) {
            report.take(&Entry { number, at: at(*secs), record: record.clone() });
        }
        report.finish().remove(0)
    };
    let part = of(Report::new(conf));
    assert_eq!(part.queues[&queue("sales")].survey, Survey { answers: 3, sum: 7 });
    assert_eq!(part.agents[&agent("ann")].survey.average(), Some(2.5));
    assert_eq!(part.agents[&agent("bob")].survey.average(), Some(2.0));
    let part = of(Report::new(conf).surveyed_in("language"));
    assert_eq!(part.queues[&queue("sales")].survey.average(), Some(7.0));
    assert_eq!(of(Report::new(conf).surveyed_in("nothing")).queues[&queue("sales")].survey.average(), None);
}

#[test]
fn two_half_hours_by_hand() {
    let intervals = of_two_half_hours(Some(1800));
    let [first, second] = &intervals[..] else { panic!("{intervals:#?}") };
    assert_eq!((first.from, first.until, second.until), (at(0), at(1800), at(3600)));

    // Six were offered in the first half hour: answered after 15, 30 and 20 s; gone after 3 and 40 s; timed out after 300 s.
    let sales = &first.queues[&queue("sales")];
    let figures = &sales.figures;
    assert_eq!((figures.offered, figures.outcomes()), (6, 6));
    assert_eq!((figures.answered, figures.answered_in_time), (3, 2));
    assert_eq!((figures.abandoned, figures.short_abandoned, figures.abandoned_in_time), (1, 1, 1));
    assert_eq!((figures.timed_out, figures.flow_outs()), (1, 1));
    let level = |abandoned, short_abandoned, flow_outs| {
        figures.service_level(Denominator { abandoned, short_abandoned, flow_outs })
    };
    about(level(false, false, false), 2.0 / 3.0);
    about(level(true, false, false), 2.0 / 4.0);
    about(level(false, true, false), 2.0 / 4.0);
    about(level(false, false, true), 2.0 / 4.0);
    about(level(true, false, true), 2.0 / 5.0);
    about(level(true, true, false), 2.0 / 5.0);
    about(level(false, true, true), 2.0 / 5.0);
    about(level(true, true, true), 2.0 / 6.0);
    about(figures.asterisk_sl(), 2.0 / 3.0);
    about(figures.asterisk_sl2(), 3.0 / 5.0);
    about(figures.abandonment_rate(), 1.0 / 6.0);
    assert_eq!(figures.average_speed_of_answer(), Some(secs(65) / 3));
    assert_eq!(figures.average_wait_to_abandon(), Some(secs(40)));
    assert_eq!(figures.wait_max, secs(300));
    // 120 s (30 of them on hold), 60 s and 90 s of talk, 10 s of wrap-up each.
    assert_eq!((figures.completed, figures.talked, figures.wrapped_up, sales.held), (3, secs(270), secs(30), secs(30)));
    assert_eq!(figures.average_handle_time(), Some(secs(100)));
    // Bob brought one of the three elsewhere.
    assert_eq!(sales.transfers, 1);
    about(sales.transfer_rate(), 1.0 / 3.0);
    // +481 called again in the half hour, +482 after the report's end; the call from +481 was the last one.
    assert_eq!((sales.contacts, sales.repeats), (3, 2));
    about(sales.first_contact_resolution(), 1.0 / 3.0);
    // Offers count when they are made, refusals when they are: ann let ring over the half hour.
    assert_eq!((figures.offers, figures.offers_unanswered), (3, 0));
    let later = &second.queues[&queue("sales")].figures;
    assert_eq!((later.offers, later.offers_refused, later.offers_unanswered), (1, 1, 1));
    assert_eq!((later.offered, later.closed, later.answered, later.outcomes()), (2, 1, 0, 1));
    assert_eq!((later.service_level(Denominator { abandoned: true, short_abandoned: true, flow_outs: false })), None);
    assert_eq!(second.queues[&queue("support")].figures.left_by_key, 1);

    let ann = &first.agents[&agent("ann")];
    let times = |row: &AgentRow| {
        let it = &row.figures;
        [it.available, it.talking, it.wrap_up, it.paused, it.logged_in()].map(|time| time.as_secs())
    };
    assert_eq!(times(ann), [1670, 120, 10, 0, 1800]);
    assert_eq!((ann.figures.answered, ann.figures.offers, ann.held, ann.transfers), (1, 2, secs(30), 0));
    about(ann.figures.occupancy(), 130.0 / 1800.0);
    let bob = &first.agents[&agent("bob")];
    assert_eq!((times(bob), bob.transfers), ([1730, 60, 10, 0, 1800], 1));
    assert_eq!(bob.figures.average_handle_time(), Some(secs(70)));
    let (ann, bob) = (&second.agents[&agent("ann")], &second.agents[&agent("bob")]);
    assert_eq!(times(ann), [605, 0, 0, 1195, 1800]);
    assert_eq!((ann.figures.offers, ann.figures.refused, ann.figures.unanswered), (0, 1, 1));
    assert_eq!(times(bob), [1700, 90, 10, 0, 1800]);
    about(bob.figures.utilisation(), 100.0 / 1800.0);
}

#[test]
fn what_is_split_is_the_whole() {
    let whole = of_two_half_hours(None).remove(0);
    for length in [60, 450, 1800, 3600, 9999] {
        let parts = of_two_half_hours(Some(length));
        assert_eq!(parts.first().map(|part| part.from), Some(at(0)), "{length}");
        let mut queues: BTreeMap<QueueName, QueueRow> = BTreeMap::new();
        let mut logged_in = Duration::ZERO;
        for part in &parts {
            part.queues.iter().for_each(|(queue, row)| queues.entry(queue.clone()).or_default().add(row));
            logged_in += part.agents.values().map(|row| row.figures.logged_in()).sum::<Duration>();
        }
        assert_eq!(queues, whole.queues, "{length}");
        assert_eq!(logged_in, secs(7200), "{length}");
    }
}

/// A day of chance in the machine itself.
fn a_day(seed: u64) -> Vec<(Time, Record)> {
    let mut random = Random::numbered(seed);
    let names: Vec<AgentName> = ["ann", "bob", "cid", "dora"].map(agent).into();
    let member = |name: &AgentName| Member { agent: name.clone(), tier: 1, weight: 1 };
    let queues = ["sales", "support"].map(|name| QueueConf {
        members: names.iter().map(member).collect(),
        wrap_up: secs(10),
        wait_max: Some(secs(90)),
        callers_max: 5,
        ..QueueConf::new(queue(name))
    });
    let agents = names.iter().map(|name| AgentConf { name: name.clone(), skills: Vec::new() }).collect();
    let mut acd = Acd::new(AcdConf { agents, queues: queues.into() }, random.fork());
    let (mut now, mut records) = (at(-3600), Vec::new());
    let (mut waiting, mut ringing, mut talking) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..2_000 {
        now += Duration::from_millis(random.below(12_000));
        let name = names[random.below(4) as usize].clone();
        let input = match random.below(12) {
            0..=3 => {
                let caller = format!("+48{}", random.below(60)).as_str().into();
                let queue = queue(if random.one_in(2) { "sales" } else { "support" });
                let (skills, credit) = (Vec::new(), Duration::ZERO);
                waiting.push(call(number));
                Some(Input::Join(Join {
                    call: call(number),
                    queue,
                    caller,
                    priority: 0,
                    skills,
                    credit,
                    prefers: None,
                }))
            }
            4..=6 => ringing.pop().map(|(call, agent)| {
                talking.push(call);
                Input::Answered { call, agent }
            }),
            7 => ringing.pop().map(|(call, agent)| Input::Refused { call, agent, how: Refusal::Busy }),
            8 if random.one_in(2) => waiting.pop().map(|call| Input::Gone { call, how: Gone::HungUp }),
            8 | 9 if !talking.is_empty() => Some(Input::Ended { call: talking.remove(0), by: EndedBy::Agent }),
            10 if random.one_in(8) => Some(Input::Pause { agent: name, reason: "lunch".into() }),
            10 if random.one_in(20) => Some(Input::LogOut { agent: name }),
            _ => Some(Input::Ready { agent: name }),
        };
        let mut out = Vec::new();
        while let Some(due) = acd.deadline().filter(|due| *due < now) {
            acd.handle(Input::Tick, due, &mut out);
        }
        acd.handle(input.unwrap_or(Input::Tick), now, &mut out);
        for said in out {
            match said {
                Output::Fact(fact) => records.push((fact.at, Record::Queue(fact.what))),
                Output::Offer { call, agent, .. } => ringing.push((call, agent)),
                _ => {}
            }
        }
    }
    records
}

#[test]
fn reports_of_chance_add_up_and_agree_with_the_live_figures() {
    for seed in 0..12 {
        let day = a_day(seed);
        let facts: Vec<Fact> = day
            .iter()
            .filter_map(|(at, record)| match record {
                Record::Queue(what) => Some(Fact { at: *at, what: what.clone() }),
                _ => None,
            })
            .collect();
        let ReportConf { from, until, answer_within, .. } = conf(None);
        let live = Figures::of(&facts, FiguresConf { from, until, answer_within });
        let whole = report(day.clone(), conf(None)).remove(0);
        let parts = report(day.clone(), conf(Some(300)));
        assert_eq!(parts, report(day, conf(Some(300))), "seed {seed}: the same entries, the same figures");
        let mut sums: BTreeMap<QueueName, QueueRow> = BTreeMap::new();
        for part in &parts {
            part.queues.iter().for_each(|(queue, row)| sums.entry(queue.clone()).or_default().add(row));
        }
        assert_eq!(sums, whole.queues, "seed {seed}");
        for (queue, row) in &whole.queues {
            assert_eq!(row.figures, live.queues[queue], "seed {seed}, {queue}");
            assert!(row.figures.offered >= row.figures.outcomes(), "seed {seed}");
            assert!(row.contacts == row.figures.answered && row.repeats <= row.contacts, "seed {seed}");
        }
        for (agent, row) in &whole.agents {
            assert_eq!(row.figures, live.agents[agent], "seed {seed}, {agent}");
            let figures = parts.iter().filter_map(|part| part.agents.get(agent)).map(|row| &row.figures);
            let sum: Duration = figures.clone().map(AgentFigures::logged_in).sum();
            assert_eq!(sum, row.figures.logged_in(), "seed {seed}, {agent}");
            assert_eq!(figures.map(|figures| figures.answered).sum::<u64>(), row.figures.answered, "seed {seed}");
        }
        assert!(
            whole
                .queues
                .values()
                .any(|row| row.figures.answered > 10 && row.figures.overflowed + row.figures.timed_out > 0),
            "seed {seed} shows too little: {whole:#?}"
        );
    }
}

#[test]
fn a_clock_that_is_set_changes_no_length() {
    use AgentState::{Available, Talking};
    const HOUR: i64 = 3_600;
    for by in [-HOUR, HOUR] {
        let mut report = Report::new(ReportConf { from: at(-2 * HOUR), until: at(2 * HOUR), ..conf(None) });
        let set = Record::ClockSet { by_ms: by * 1000 };
        // Of the call that stood, moments are named as before.
        let entries = [
            (0, is("ann", Available)),
            (10, entered("sales", 1, "+481")),
            (30, answered(1, "ann", 20)),
            (30, is("ann", Talking)),
            (50 + by, set),
            (90, completed(1, "ann", 60, EndedBy::Caller)),
            (90 + by, is("ann", Available)),
            (100 + by, is("ann", AgentState::LoggedOut)),
        ];
        for (number, (secs, record)) in (1..).zip(entries) {
            report.take(&Entry { number, at: at(secs), record });
        }
        let whole = report.finish().remove(0);
        let ann = &whole.agents[&agent("ann")].figures;
        assert_eq!((ann.available, ann.talking, ann.logged_in()), (secs(40), secs(60), secs(100)), "{by}");
        assert_eq!(whole.queues[&queue("sales")].figures.talked, secs(60), "{by}");
    }
}

/// A caller talks, another waits; the switch is cut off for a minute, and goes on.
fn a_power_cut() -> (crate::tests::Folder, Store) {
    use AgentState::{Available, Offered, Paused, Talking};
    let folder = crate::tests::Folder::new("power-cut");
    let mut store = Store::open(&folder.0).expect("opened");
    let started = || Record::Started { version: "1".into() };
    let hours = || Record::Hours { hours: "office".into(), by_hand: None };
    let entries = |entries: Vec<(i64, Record)>| entries.into_iter().map(|(secs, record)| (at(secs), record)).collect();
    let before: Vec<_> = entries(vec![
        (0, started()),
        (10, is("ann", Available)),
        (20, entered("sales", 1, "+481")),
        (20, offered(1, "ann")),
        (20, is("ann", Offered)),
        (25, answered(1, "ann", 5)),
        (25, is("ann", Talking)),
        (40, entered("sales", 2, "+482")),
        (100, hours()),
    ]);
    store.append(&before, &[]).expect("appended");
    store.close_orphans(at(160)).expect("closed");
    let after: Vec<_> = entries(vec![
        (160, started()),
        (160, is("ann", Paused("switch restarted".into()))),
        (200, is("ann", Available)),
        (260, entered("sales", 3, "+483")),
        (260, offered(3, "ann")),
        (260, is("ann", Offered)),
        (270, answered(3, "ann", 10)),
        (270, is("ann", Talking)),
        (330, completed(3, "ann", 60, EndedBy::Agent)),
        (330, is("ann", Available)),
        (400, hours()),
    ]);
    store.append(&after, &[]).expect("appended");
    (folder, store)
}

#[test]
fn what_a_power_cut_cost_is_counted_and_the_minute_away_is_nobodys_work() {
    let (_folder, store) = a_power_cut();
    let read = |from: i64| {
        let mut report = Report::new(ReportConf { from: at(from), until: at(500), ..conf(None) });
        let first = store.before(at(from)).expect("read");
        let mut known = 0;
        store
            .agents_before(first, |entry| {
                known += 1;
                report.take(&entry);
            })
            .expect("read");
        store
            .after(first, |entry| {
                report.take(&entry);
                true
            })
            .expect("read");
        (known, report.finish().remove(0))
    };
    let times = |interval: &Interval| {
        let it = &interval.agents[&agent("ann")].figures;
        [it.available, it.talking, it.paused, it.logged_in()].map(|time| time.as_secs())
    };
    // Answered after 5 and 10 s; talked for 75 s up to the last sign of life, and for 60 s.
    let (known, whole) = read(0);
    let sales = &whole.queues[&queue("sales")].figures;
    assert_eq!((known, sales.offered, sales.answered, sales.failed, sales.completed), (0, 3, 2, 1, 2));
    assert_eq!(sales.average_speed_of_answer(), Some(Duration::from_millis(7_500)));
    assert_eq!(sales.talked, secs(135));
    assert_eq!(times(&whole), [15 + 70 + 70, 75 + 60, 40, 330]);
    // From the middle of the last conversation on: what she is then is known from this run alone.
    let (known, rest) = read(300);
    assert_eq!((known, times(&rest)), (4, [70, 30, 0, 100]));
    assert_eq!(rest.queues.values().map(|row| row.figures.offered).sum::<u64>(), 0);
}
