//! `centrala simulate`: a day of the journal once more, on virtual time, with the queues of the conf and other agents.
//!
//! What callers wanted is read off the facts ([`acd::History`]); what the queues make of it is decided by the same machine
//! that decides in the switch.

use std::path::PathBuf;
use std::time::Duration;

use acd::{
    AcdConf, AgentConf, AgentFigures, AgentName, Fact, Figures, FiguresConf, History, Member, QueueFigures, QueueName,
    Shift, simulate,
};
use base::{Random, Time};
use clap::Args;
use journal::Record;
use serde_json::json;

use crate::remote::print_table;
use crate::report::Counted;
use crate::window::Window;
use crate::{Failure, load};

#[derive(Args)]
pub struct SimulateArgs {
    #[command(flatten)]
    window: Window,
    /// The conf whose queues are tried
    #[arg(long, default_value = "conf", env = "CENTRALA_CONF")]
    conf: PathBuf,
    /// So many more agents in a queue, for all of the time: sales=2
    #[arg(long, value_name = "QUEUE=N", value_parser = more)]
    add: Vec<(QueueName, usize)>,
    /// Without this agent
    #[arg(long, value_name = "AGENT")]
    without: Vec<AgentName>,
    /// Answered within so many seconds is answered in time
    #[arg(long, value_name = "SECS", default_value_t = 20)]
    within: u64,
    /// What the service level is measured by, beside the answered
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Counted::Abandoned, Counted::FlowOuts])]
    count: Vec<Counted>,
    /// Chance of its own for what nobody knows: how long those would have waited and talked who did not
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// What happened in the queues, and what would.
struct Run {
    what: &'static str,
    figures: Figures,
}

impl SimulateArgs {
    pub fn run(self) -> Result<(), Failure> {
        let store = self.window.open()?;
        let (from, until) = self.window.span(&store)?;
        let mut facts = Vec::new();
        let first = store.before(from)?;
        let mut keep = |entry: journal::Entry| {
            let reads = entry.at < until;
            if let (true, Record::Queue(what)) = (reads, entry.record) {
                facts.push(Fact { at: entry.at, what });
            }
            reads
        };
        store.agents_before(first, |entry| _ = keep(entry))?;
        store.after(first, keep)?;
        let mut history = History::new(from);
        facts.iter().for_each(|fact| history.add(fact));
        let mut random = Random::numbered(self.seed);
        let (callers, shifts) = (history.callers(&mut random), history.shifts());
        if callers.is_empty() {
            return Err("nobody came to a queue in that time; choose another with --from and --to".into());
        }
        let conf = load(&self.conf)?.acd;
        let known = |queue: &QueueName| conf.queues.iter().any(|one| one.name == *queue);
        let left_out = callers.iter().filter(|caller| !known(&caller.queue)).count();
        let callers: Vec<_> = callers.into_iter().filter(|caller| known(&caller.queue)).collect();
        if let Some((queue, _)) = self.add.iter().find(|(queue, _)| !known(queue)) {
            return Err(format!("there is no queue {queue} in {}", self.conf.display()).into());
        }
        if let Some(agent) = self.without.iter().find(|agent| !conf.agents.iter().any(|one| one.name == **agent)) {
            return Err(format!("no queue of {} has an agent {agent}", self.conf.display()).into());
        }

        let measures = FiguresConf { answer_within: Duration::from_secs(self.within), from, until };
        let again = |conf: AcdConf, shifts: &[Shift]| {
            let mut figures = Figures::new(FiguresConf { until: Time::NEVER, ..measures });
            simulate(conf, &callers, shifts, Random::numbered(self.seed), |fact| figures.add(fact));
            figures
        };
        let mut runs = vec![
            Run { what: "was", figures: Figures::of(&facts, measures) },
            Run { what: "simulated", figures: again(conf.clone(), &shifts) },
        ];
        if !self.add.is_empty() || !self.without.is_empty() {
            let (conf, shifts) = self.changed(conf, shifts, (from, until));
            runs.push(Run { what: "changed", figures: again(conf, &shifts) });
        }
        self.print(&runs);
        if left_out > 0 {
            eprintln!("{left_out} caller(s) of queues that are not in {} were left out", self.conf.display());
        }
        Ok(())
    }

    /// With the agents who are to come, and without those who are not.
    fn changed(&self, mut conf: AcdConf, mut shifts: Vec<Shift>, (from, until): (Time, Time)) -> (AcdConf, Vec<Shift>) {
        shifts.retain(|shift| !self.without.contains(&shift.agent));
        for (queue, many) in &self.add {
            let Some(queue) = conf.queues.iter_mut().find(|one| one.name == *queue) else { continue };
            let names = (1..).filter_map(|number| format!("extra-{}-{number}", queue.name).parse::<AgentName>().ok());
            for agent in names.take(*many) {
                // He can whatever is wanted: another hand, not another skill.
                conf.agents.push(AgentConf { name: agent.clone(), skills: queue.needs.skills.clone() });
                queue.members.push(Member { agent: agent.clone(), tier: 0, weight: 1 });
                shifts.push(Shift { agent, from, until, answers_after: ANSWERS_AFTER });
            }
        }
        (conf, shifts)
    }

    fn print(&self, runs: &[Run]) {
        let head = ["QUEUE", "", "OFFERED", "ANSWERED", "SL", "ABANDONED", "OUT", "ASA", "LONGEST"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let queues = runs.iter().flat_map(|run| run.figures.queues.keys());
        for queue in queues.collect::<std::collections::BTreeSet<_>>() {
            for Run { what, figures } in runs {
                let Some(row) = figures.queues.get(queue) else { continue };
                match self.json {
                    true => println!("{}", self.object(queue, what, row)),
                    false => rows.push(self.columns(queue, what, row)),
                }
            }
        }
        if self.json {
            return;
        }
        print_table(&rows);
        let busy = runs.iter().filter_map(|run| Some(format!("{} {}", run.what, percent(occupancy(&run.figures)?))));
        println!("occupancy of agents: {}", busy.collect::<Vec<_>>().join(", "));
    }

    fn columns(&self, queue: &QueueName, what: &str, row: &QueueFigures) -> Vec<String> {
        let secs = |wait: Option<Duration>| wait.map_or("-".to_owned(), |wait| format!("{:.1} s", wait.as_secs_f64()));
        let level = row.service_level(Counted::denominator(&self.count));
        vec![
            queue.to_string(),
            what.to_owned(),
            row.offered.to_string(),
            row.answered.to_string(),
            level.map_or("-".to_owned(), percent),
            (row.abandoned + row.short_abandoned).to_string(),
            row.flow_outs().to_string(),
            secs(row.average_speed_of_answer()),
            secs(Some(row.wait_max)),
        ]
    }

    fn object(&self, queue: &QueueName, what: &str, row: &QueueFigures) -> serde_json::Value {
        json!({
            "queue": queue.to_string(),
            "run": what,
            "offered": row.offered,
            "answered": row.answered,
            "service_level": row.service_level(Counted::denominator(&self.count)),
            "abandoned": row.abandoned,
            "short_abandoned": row.short_abandoned,
            "flow_outs": row.flow_outs(),
            "speed_of_answer_secs": row.average_speed_of_answer().map(|wait| wait.as_secs_f64()),
            "wait_secs_max": row.wait_max.as_secs_f64(),
        })
    }
}

/// Of all agents together.
fn occupancy(figures: &Figures) -> Option<f64> {
    let sum = |of: fn(&AgentFigures) -> Duration| figures.agents.values().map(of).sum::<Duration>();
    let (talking, wrap_up, available) = (sum(|one| one.talking), sum(|one| one.wrap_up), sum(|one| one.available));
    AgentFigures { talking, wrap_up, available, ..AgentFigures::default() }.occupancy()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn more(text: &str) -> Result<(QueueName, usize), String> {
    let wrong = || format!("{text:?} says no queue and number; write it as sales=2");
    let (queue, many) = text.split_once('=').ok_or_else(wrong)?;
    match (queue.parse(), many.parse()) {
        (Ok(queue), Ok(many)) if (1..=MORE_MAX).contains(&many) => Ok((queue, many)),
        _ => Err(wrong()),
    }
}

const MORE_MAX: usize = 10_000;
/// Somebody new picks up as soon as most do.
const ANSWERS_AFTER: Duration = Duration::from_secs(5);
