//! `queue_log` after a real queue call: sipp's agents, sipp's caller, line by line as Asterisk's tools read it.

use std::fs;
use std::time::Duration;

use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, Switch};
use crate::harness::until;

/// 400 is a queue that Bob serves, then Cid; agents log in at *11.
pub fn centre_with_a_queue(name: &str) -> Centre {
    let centre = Centre::new(name);
    let queue = "[queue.sales]\nagents = [\"bob\", \"cid\"]\nstrategy = \"linear\"\nring_secs = 1\n";
    centre.write("queues.toml", queue);
    for (number, to) in [("400", "queue:sales"), ("*11", "login"), ("*13", "pause:lunch")] {
        centre.add("routes.toml", &format!("\n[[route]]\nnumber = \"{number}\"\nto = \"{to}\"\n"));
    }
    centre
}

/// The agent registers and logs in.
pub fn log_in(agent: &Party, centre: &Centre, switch: &Switch) {
    agent.register(&centre.room, switch.address);
    agent.play("caller_waits_for_bye", &centre.room, switch.address, "*11", &[]).passes();
}

/// The lines there are: without their times, and the id of the one call is `CALL`. Times never go back.
fn lines(centre: &Centre) -> Vec<String> {
    let text = fs::read_to_string(centre.journal().join("queue_log")).unwrap_or_default();
    let mut last = 0;
    let mut call = None;
    let mut line = |line: &str| {
        let mut columns: Vec<&str> = line.split('|').collect();
        let at: u64 = columns.remove(0).parse().expect("seconds since 1970");
        assert!(at >= last, "{text}");
        last = at;
        if columns[3] == "ENTERQUEUE" {
            call = Some(columns[0].to_owned());
        }
        let line = columns.join("|");
        call.as_ref().map_or(line.clone(), |call| line.replace(call, "CALL"))
    };
    text.lines().map(&mut line).collect()
}

#[test]
fn a_call_that_two_agents_are_rung_for_is_told_line_by_line() {
    let centre = centre_with_a_queue("queue-log");
    let mut switch = centre.start();
    let (ann, bob, cid) = (Party::new("ann"), Party::new("bob"), Party::new("cid"));
    for agent in [&bob, &cid] {
        log_in(agent, &centre, &switch);
    }
    until("two agents", Duration::from_secs(5), || (lines(&centre).len() == 3).then_some(()));
    let rung = bob.expect("callee_is_cancelled", &centre.room, switch.address, &[]);
    let answers = cid.expect("callee_answers", &centre.room, switch.address, &[]);
    ann.play("caller_talks", &centre.room, switch.address, "400", &[]).passes();
    rung.passes();
    answers.passes();
    let told = until("the whole story", Duration::from_secs(5), || {
        Some(lines(&centre)).filter(|lines| lines.iter().any(|line| line.contains("COMPLETE")))
    });

    // What is measured is measured; all else is as it must be.
    let about = |event: &str| -> Vec<u64> {
        let line = told.iter().find(|line| line.contains(event)).unwrap_or_else(|| panic!("no {event} in {told:#?}"));
        line.split('|').filter_map(|column| column.parse().ok()).collect()
    };
    let [rang] = about("RINGNOANSWER")[..] else { panic!("{told:#?}") };
    let [held, last_rang] = about("CONNECT")[..] else { panic!("{told:#?}") };
    let [held_too, talked, first_place] = about("COMPLETECALLER")[..] else { panic!("{told:#?}") };
    assert!((1_000..2_000).contains(&rang), "{rang} ms");
    assert!((1..3).contains(&held) && held == held_too && last_rang < 3, "{told:#?}");
    assert!(talked < 3 && first_place == 1, "{told:#?}");
    let wanted = format!(
        "NONE|NONE|NONE|QUEUESTART|\n\
         NONE|NONE|bob|AGENTLOGIN|bob\n\
         NONE|NONE|cid|AGENTLOGIN|cid\n\
         CALL|sales|NONE|ENTERQUEUE||ann|1\n\
         CALL|sales|bob|RINGNOANSWER|{rang}\n\
         NONE|NONE|bob|PAUSEALL|no answer\n\
         CALL|sales|cid|CONNECT|{held}|CALL|{last_rang}\n\
         CALL|sales|cid|COMPLETECALLER|{held}|{talked}|1"
    );
    assert_eq!(told.join("\n"), wanted);

    // After a power cut the file goes on where it stood.
    switch.process.kill();
    let _switch = centre.start();
    let later = until("the next start", Duration::from_secs(5), || {
        Some(lines(&centre)).filter(|lines| lines.iter().filter(|line| line.ends_with("QUEUESTART|")).count() == 2)
    });
    assert_eq!(later[..told.len()], told);
}
