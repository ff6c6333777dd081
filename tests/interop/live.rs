//! `centrala queues`, `agents` and `calls` while sipp's callers wait and talk.

use std::process::Command;
use std::time::Duration;

use crate::harness::process::Process;
use crate::harness::sipp::Party;
use crate::harness::until;
use crate::operate::{operate, rows};
use crate::queue_log::{centre_with_a_queue, log_in};

#[test]
fn who_waits_and_who_talks_is_seen_while_it_happens() {
    let centre = centre_with_a_queue("live");
    let switch = centre.start();
    let (ann, bob) = (Party::new("ann"), Party::new("bob"));
    let log = centre.room.path().join("watched.log");
    let mut watch = Command::new(env!("CARGO_BIN_EXE_centrala"));
    watch.args(["queues", "--watch", "--socket"]).arg(centre.journal());
    let mut watched = Process::start("centrala queues --watch", "this package", watch, &log);

    // Nobody is there: ann waits.
    let calls = ann.play("caller_talks", &centre.room, switch.address, "400", &[]);
    let queue = until("a caller who waits", Duration::from_secs(5), || {
        rows(&centre, &["queues", "--json"]).into_iter().find(|queue| queue["waiting"] == 1)
    });
    assert_eq!(
        (&queue["queue"], &queue["logged_in"], &queue["strategy"]),
        (&"sales".into(), &0.into(), &"linear".into())
    );
    let call = rows(&centre, &["calls", "--json"]).remove(0);
    assert_eq!((&call["at"], &call["position"]), (&"queue:sales".into(), &1.into()), "{call:#}");
    until("the watched table to show it", Duration::from_secs(5), || {
        watched.said().lines().any(|line| line.split_whitespace().take(2).eq(["sales", "1"])).then_some(())
    });
    calls.passes();

    log_in(&bob, &centre, &switch);
    let answers = bob.expect("callee_answers", &centre.room, switch.address, &[]);
    let calls = ann.play("caller_talks", &centre.room, switch.address, "400", &[]);
    let agent = until("an agent who talks", Duration::from_secs(5), || {
        rows(&centre, &["agents", "--json"]).into_iter().find(|agent| agent["state"] == "talking")
    });
    let call = rows(&centre, &["calls", "--json"]).remove(0);
    assert_eq!((&agent["agent"], &agent["queue"], &agent["calls"]), (&"bob".into(), &"sales".into(), &1.into()));
    assert_eq!((&agent["call"], &call["with"]), (&call["call"], &"bob".into()));
    calls.passes();
    answers.passes();
    let (content, said) = operate(&centre, &["agents"]);
    let bob = said.lines().find(|line| line.starts_with("bob ")).expect("a line of bob's");
    assert!(content && said.starts_with("AGENT ") && bob.contains("available") && bob.ends_with("sales"), "{said}");

    // A supervisor at a terminal.
    for (content, words, wanted) in [
        (true, ["agents", "pause", "bob", "--reason", "training"].as_slice(), "bob is in a pause"),
        (true, &["agents", "ready", "bob"], "bob is ready"),
        (true, &["agents", "logout", "bob", "--queue", "sales"], "bob is there for sales no longer"),
        (true, &["agents", "ready", "bob", "--queue", "sales"], "bob is there for sales"),
        (false, &["agents", "ready", "bob", "--queue", "billing"], "bob is no agent of a queue"),
        (true, &["agents", "logout", "bob"], "bob is logged out"),
        (false, &["agents", "ready", "zoe"], "no queue has an agent"),
        (true, &["queues", "close", "sales"], "sales is closed"),
        (false, &["queues", "close", "elsewhere"], "there is no queue"),
        (false, &["queues", "prioritise", "nobody", "5"], "no call nobody waits"),
    ] {
        let (was_content, said) = operate(&centre, words);
        assert!(said.contains(wanted) && content == was_content, "{words:?}: {said}");
    }
    let queue = rows(&centre, &["queues", "--json"]).remove(0);
    let bob = rows(&centre, &["agents", "--json"]).into_iter().find(|agent| agent["agent"] == "bob").expect("bob");
    assert_eq!((&queue["closed"], &bob["state"]), (&true.into(), &"logged-out".into()));
    assert!(queue["estimate_secs"].is_null(), "nobody is at work");

    watched.terminate();
    assert!(watched.end_within(Duration::from_secs(5)).success());
    assert!(!watched.said().contains('\x1b'), "control sequences are for screens");
}
