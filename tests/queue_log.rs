//! `queue_log` of scripted calls, line by line: what Asterisk's tools would read of them.

mod world;

use std::path::Path;
use std::{collections::HashMap, fs};

use journal::{Entry, QueueLog};
use sim::Script;

/// What the journal's fold says of a script: calls are A, B, … in the order of their lines, seconds are left out.
fn told(script: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(script);
    let script = Script::read(script, &fs::read_to_string(file).expect("a script")).expect("a script");
    let world = world::play::play(&script).unwrap_or_else(|why| panic!("{why}"));
    let (mut fold, mut lines) = (QueueLog::default(), String::new());
    for (number, (at, record)) in (1..).zip(world.journal) {
        fold.take(&Entry { number, at, record }, &mut lines);
    }
    let mut calls: HashMap<String, char> = HashMap::new();
    for line in lines.lines() {
        let call = line.split('|').nth(1).unwrap_or_default();
        let next = ['A', 'B', 'C'][calls.len().min(2)];
        if call != "NONE" {
            calls.entry(call.to_owned()).or_insert(next);
        }
    }
    let short = |line: &str| {
        let line = line.split_once('|').map_or(line, |(_, line)| line).to_owned();
        calls.iter().fold(line, |line, (call, letter)| line.replace(call, &letter.to_string()))
    };
    lines.lines().map(short).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_agent_brings_his_caller_to_another_queue() {
    let wanted = "\
        NONE|NONE|bob|AGENTLOGIN|bob\n\
        A|sales|NONE|ENTERQUEUE||ann|1\n\
        A|sales|bob|CONNECT|0|A|0\n\
        NONE|NONE|cid|AGENTLOGIN|cid\n\
        A|sales|bob|BLINDTRANSFER|queue:all|default|0|0|1\n\
        A|all|NONE|ENTERQUEUE||ann|1\n\
        A|all|cid|CONNECT|0|A|0\n\
        A|all|cid|COMPLETECALLER|0|0|1";
    assert_eq!(told("queue_transfer_to_a_queue.call"), wanted);
}

#[test]
fn an_agent_asks_somebody_and_leaves_the_caller_there() {
    let wanted = "\
        NONE|NONE|bob|AGENTLOGIN|bob\n\
        A|sales|NONE|ENTERQUEUE||ann|1\n\
        A|sales|bob|CONNECT|0|A|0\n\
        B|sales|NONE|ENTERQUEUE||finn|1\n\
        A|sales|bob|ATTENDEDTRANSFER|BRIDGE|eve|0|16|1\n\
        B|sales|bob|CONNECT|24|B|0\n\
        B|sales|bob|COMPLETECALLER|24|0|1";
    assert_eq!(told("feature_of_an_agent.call"), wanted);
}
