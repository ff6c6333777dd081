//! A simulated day: 10,000 callers and 200 agents, from a seed. Every caller is accounted for, and the waits that were
//! estimated are held against those that came true. `cargo test -p acd --test day -- --nocapture` prints the figures.

use std::time::Duration;

use acd::{
    AcdConf, AgentConf, AgentName, Caller, Fact, Figures, FiguresConf, History, Member, QueueConf, QueueName, Shift,
    What, simulate,
};
use base::{Random, Time};

const CALLERS: usize = 10_000;
const AGENTS: usize = 200;
const OPENS: u64 = 8 * 3600;
const CLOSES: u64 = 18 * 3600;
/// Callers of each hour, in parts of a thousand: two peaks, and a quiet noon.
const HOURS: [u64; 10] = [70, 130, 160, 130, 70, 60, 110, 130, 90, 50];

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Exponential, in whole milliseconds.
fn about(mean: Duration, random: &mut Random) -> Duration {
    let even = (random.below(1_000_000) as f64 + 0.5) / 1e6;
    mean.mul_f64(-even.ln())
}

fn name(number: usize) -> AgentName {
    format!("agent-{number}").parse().expect("a name")
}

fn queues() -> [QueueName; 4] {
    ["sales", "support", "billing", "retention"].map(|name| name.parse().expect("a name"))
}

/// Half of the agents serve one queue, half serve two.
fn conf() -> AcdConf {
    let serves = |agent: usize, queue: usize| agent % 4 == queue || (agent >= AGENTS / 2 && (agent / 4) % 4 == queue);
    let queue = |(number, name): (usize, QueueName)| {
        let members = (0..AGENTS).filter(|agent| serves(*agent, number));
        let members = members.map(|agent| Member { agent: self::name(agent), tier: 0, weight: 1 }).collect();
        QueueConf { members, wrap_up: secs(20), ..QueueConf::new(name) }
    };
    AcdConf {
        agents: (0..AGENTS).map(|agent| AgentConf { name: name(agent), skills: Vec::new() }).collect(),
        queues: queues().into_iter().enumerate().map(queue).collect(),
    }
}

fn callers(random: &mut Random) -> Vec<Caller> {
    let mut callers = Vec::new();
    for (hour, share) in HOURS.into_iter().enumerate() {
        for number in 0..CALLERS as u64 * share / 1000 {
            let at = Time::ZERO + secs(OPENS + hour as u64 * 3600) + Duration::from_millis(random.below(3_600_000));
            let queue = queues()[random.below(4) as usize].clone();
            let label = format!("{hour}-{number}").into();
            let patience = Some(secs(5) + about(secs(400), random));
            let talk = secs(60) + about(secs(420), random);
            callers.push(Caller { at, queue, label, priority: 0, patience, talk });
        }
    }
    callers
}

/// Three shifts that overlap; noon costs everybody half an hour.
fn shifts(random: &mut Random) -> Vec<Shift> {
    let mut shifts = Vec::new();
    for agent in 0..AGENTS {
        let begins = OPENS + [0, 0, 3600, 2 * 3600][agent % 4];
        let lunch = begins + 3 * 3600 + random.below(2 * 3600);
        for (from, until) in [(begins, lunch), (lunch + 1800, (begins + 8 * 3600).min(CLOSES))] {
            let [from, until] = [from, until].map(|at| Time::ZERO + secs(at));
            let answers_after = Duration::from_millis(1_000 + random.below(5_000));
            shifts.push(Shift { agent: name(agent), from, until, answers_after });
        }
    }
    shifts
}

fn day(seed: u64) -> Vec<Fact> {
    let mut random = Random::numbered(seed);
    let (callers, shifts) = (callers(&mut random), shifts(&mut random));
    assert_eq!(callers.len(), CALLERS);
    let mut facts = Vec::new();
    simulate(conf(), &callers, &shifts, random, |fact| facts.push(fact.clone()));
    facts
}

#[test]
fn a_day_is_accounted_for_and_its_waits_are_foreseen() {
    let facts = day(1);
    assert!(facts == day(1), "the same day twice is the same day");
    let conf = FiguresConf { answer_within: secs(20), from: Time::ZERO, until: Time::NEVER };
    let figures = Figures::of(&facts, conf);
    let offered: u64 = figures.queues.values().map(|queue| queue.offered).sum();
    assert_eq!((offered, figures.waiting()), (CALLERS as u64, 0));
    let entered = facts.iter().filter(|fact| matches!(fact.what, What::Entered { .. })).count();
    assert_eq!(entered, CALLERS);
    println!("queue      offered answered abandoned ASA s  AHT s  estimates off by s");
    for (name, queue) in &figures.queues {
        assert_eq!(queue.offered, queue.outcomes(), "{name}");
        let seconds = |value: Option<Duration>| value.map_or(f64::NAN, |value| value.as_secs_f64());
        println!(
            "{name:10} {:7} {:8} {:9} {:6.1} {:6.1} {:6.1}",
            queue.offered,
            queue.answered,
            queue.abandoned + queue.short_abandoned,
            seconds(queue.average_speed_of_answer()),
            seconds(queue.average_handle_time()),
            seconds(queue.average_estimate_error()),
        );
    }
    // Who really waited: the estimate made at his coming against what came of it.
    let mut waits = Waits::default();
    facts.iter().for_each(|fact| waits.take(fact));
    let (count, mean, error, bias) = waits.figures();
    println!(
        "{count} callers waited, {mean:.1} s on average; estimates were off by {error:.1} s, on average by {bias:+.1} s"
    );
    assert!(count > CALLERS / 10, "the day is too quiet to tell");
    assert!(error < mean / 2.0 && bias.abs() < mean / 5.0, "waits are not foreseen");
}

/// Answered callers for whom no agent was free when they came.
#[derive(Default)]
struct Waits {
    estimates: std::collections::HashMap<base::CallId, Duration>,
    waits: Vec<(f64, f64)>,
}

impl Waits {
    fn take(&mut self, fact: &Fact) {
        match &fact.what {
            What::Entered { call, estimate: Some(estimate), .. } if !estimate.is_zero() => {
                self.estimates.insert(*call, *estimate);
            }
            What::Left { call, outcome: acd::Outcome::Answered { .. }, waited, .. } => {
                if let Some(estimate) = self.estimates.remove(call) {
                    self.waits.push((estimate.as_secs_f64(), waited.as_secs_f64()));
                }
            }
            _ => {}
        }
    }

    /// How many, how long they waited, by how much estimates were wrong, and by how much too long: means, in seconds.
    fn figures(&self) -> (usize, f64, f64, f64) {
        let mean = |of: fn(&(f64, f64)) -> f64| self.waits.iter().map(of).sum::<f64>() / self.waits.len() as f64;
        let wrong = mean(|(estimate, waited)| (estimate - waited).abs());
        (self.waits.len(), mean(|(_, waited)| *waited), wrong, mean(|(estimate, waited)| estimate - waited))
    }
}

#[test]
fn a_day_read_off_its_facts_is_nearly_the_same_day() {
    let facts = day(2);
    let mut history = History::new(Time::ZERO);
    facts.iter().for_each(|fact| history.add(fact));
    let mut random = Random::numbered(3);
    let (callers, shifts) = (history.callers(&mut random), history.shifts());
    assert_eq!(callers.len(), CALLERS);
    let answered = |facts: &[Fact]| {
        let conf = FiguresConf { answer_within: secs(20), from: Time::ZERO, until: Time::NEVER };
        let queues = Figures::of(facts, conf).queues;
        let [answered, in_time] =
            [|queue: &acd::QueueFigures| queue.answered, |queue: &acd::QueueFigures| queue.answered_in_time]
                .map(|of| queues.values().map(of).sum::<u64>() as f64);
        (answered, in_time / answered)
    };
    let run = |conf: AcdConf, shifts: &[Shift]| {
        let mut again = Vec::new();
        simulate(conf, &callers, shifts, Random::numbered(4), |fact| again.push(fact.clone()));
        answered(&again)
    };
    let (was, again) = (answered(&facts), run(conf(), &shifts));
    println!("answered, in time: was {was:?}, again {again:?}");
    assert!((again.0 / was.0 - 1.0).abs() < 0.02 && (again.1 - was.1).abs() < 0.03);
    // With a third of the agents at home fewer are answered, and later.
    let fewer: Vec<Shift> =
        (0..).zip(&shifts).filter(|(number, _)| number % 3 > 0).map(|(_, shift)| shift.clone()).collect();
    let fewer = run(conf(), &fewer);
    assert!(fewer.0 < was.0 * 0.9 && fewer.1 < was.1 / 2.0, "{fewer:?}");
}
