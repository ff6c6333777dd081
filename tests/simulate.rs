//! `centrala simulate`: a quiet hour and a busy one of a small centre, tried once more with more agents and with fewer.

use std::process::{Command, Output};
use std::time::Duration;

use acd::{AcdConf, AgentConf, AgentName, Caller, Member, QueueConf, QueueName, Shift};
use base::{Random, Time};
use journal::{Record, Store};
use serde_json::Value;

/// 2026-11-24, 09:00 UTC.
const NINE: u64 = 1_795_510_800;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn agent(name: &str) -> AgentName {
    name.parse().expect("a name")
}

/// Two agents, and as many callers that one would be too few for them.
fn write(folder: &std::path::Path) -> u64 {
    let queue: QueueName = "support".parse().expect("a name");
    let names = ["ann", "bob"];
    let members = names.map(|name| Member { agent: agent(name), tier: 0, weight: 1 }).to_vec();
    let conf = AcdConf {
        agents: names.map(|name| AgentConf { name: agent(name), skills: Vec::new() }).to_vec(),
        queues: vec![QueueConf { members, ..QueueConf::new(queue.clone()) }],
    };
    let mut random = Random::numbered(1);
    let caller = |number: u64| Caller {
        at: Time::ZERO + secs(NINE + 50 * number + random.below(40)),
        queue: queue.clone(),
        label: format!("caller-{number}").into(),
        priority: 0,
        patience: Some(secs(20 + random.below(120))),
        talk: secs(40 + random.below(140)),
    };
    let callers: Vec<Caller> = (0..120).map(caller).collect();
    let [from, until] = [NINE - 10, NINE + 3 * 3600].map(|at| Time::ZERO + secs(at));
    let shift = |name| Shift { agent: agent(name), from, until, answers_after: secs(3) };
    let mut facts = vec![(from, Record::Started { version: "1".to_owned() })];
    acd::simulate(conf, &callers, &names.map(shift), Random::numbered(2), |fact| {
        facts.push((fact.at, Record::Queue(fact.what.clone())));
    });
    let mut store = Store::open(folder).expect("a journal");
    store.append(&facts, &[]).expect("written");
    callers.len() as u64
}

fn simulate(folder: &std::path::Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_centrala"));
    command
        .args(["simulate", "--conf", concat!(env!("CARGO_MANIFEST_DIR"), "/conf"), "--journal"])
        .arg(folder)
        .args(words);
    command.env("TZ", "UTC").output().expect("it runs")
}

/// The runs, in their order.
fn runs(folder: &std::path::Path, words: &[&str]) -> Vec<Value> {
    let output = simulate(folder, &[words, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn more_agents_would_have_answered_more_and_sooner() {
    let folder = std::env::temp_dir().join(format!("centrala-simulate-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder); // of a run that was killed
    std::fs::create_dir(&folder).expect("made");
    let callers = write(&folder);

    let as_it_was = runs(&folder, &[]);
    assert_eq!(as_it_was.len(), 2);
    let [was, simulated] = [&as_it_was[0], &as_it_was[1]];
    assert_eq!((&was["run"], &simulated["run"]), (&"was".into(), &"simulated".into()));
    let number = |run: &Value, of: &str| run[of].as_f64().unwrap_or_else(|| panic!("no {of} in {run}"));
    for run in [was, simulated] {
        assert_eq!(run["offered"], callers, "{run}");
        let out: f64 = ["answered", "abandoned", "short_abandoned", "flow_outs"].map(|of| number(run, of)).iter().sum();
        assert_eq!(out, callers as f64, "{run}");
    }
    assert!(number(was, "abandoned") > 5.0, "the day is too quiet to tell: {was}");

    let more = runs(&folder, &["--add", "support=2"]).remove(2);
    assert_eq!((&more["run"], &more["offered"]), (&"changed".into(), &callers.into()));
    assert!(number(&more, "answered") > number(simulated, "answered"), "{more}");
    assert!(number(&more, "speed_of_answer_secs") < number(simulated, "speed_of_answer_secs"), "{more}");
    let fewer = runs(&folder, &["--without", "bob"]).remove(2);
    assert!(number(&fewer, "answered") < number(simulated, "answered"), "{fewer}");
    assert_eq!(runs(&folder, &["--without", "bob"]).remove(2), fewer, "the same twice");

    let table = String::from_utf8(simulate(&folder, &["--add", "support=1"]).stdout).expect("text");
    assert!(table.lines().count() == 5 && table.contains("occupancy of agents: was "), "{table}");
    for (words, wanted) in [
        (["--add", "elsewhere=1"], "there is no queue elsewhere"),
        (["--add", "support"], "write it as sales=2"),
        (["--without", "zoe"], "has an agent zoe"),
        (["--from", "2026-12-24"], "--from is not before --to"),
        (["--to", "2026-11-23"], "nobody came"),
    ] {
        let output = simulate(&folder, &words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(wanted), "{words:?}: {said}");
    }
    let _ = std::fs::remove_dir_all(&folder);
}
