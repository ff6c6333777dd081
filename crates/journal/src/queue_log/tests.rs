use std::sync::Arc;

use acd::{Occasion, Refusal, Strategy, Why};
use base::{LegId, Random};

use super::*;

/// What the fold says of these, a second apart from 1,790,000,000 on; `CALL` is the call's id.
fn told(records: impl IntoIterator<Item = (u64, Record)>) -> String {
    let (mut log, mut lines) = (QueueLog::default(), String::new());
    for (number, (secs, record)) in (1..).zip(records) {
        let at = Time::from_millis((1_790_000_000 + secs) * 1000 + 999);
        log.take(&Entry { number, at, record }, &mut lines);
    }
    lines.replace(&the_call().to_string(), "CALL")
}

fn the_call() -> CallId {
    CallId::new(1_790_000_000_000, &mut Random::numbered(1))
}

fn queue() -> QueueName {
    "sales".parse().expect("a name")
}

fn agent(name: &str) -> AgentName {
    name.parse().expect("a name")
}

fn entered(caller: &str, position: usize) -> Record {
    let (queue, call, caller) = (queue(), the_call(), Arc::from(caller));
    Record::Queue(QueueWhat::Entered { queue, call, caller, priority: 0, position, estimate: None })
}

fn offered(name: &str) -> Record {
    let why = Why {
        occasion: Occasion::AgentFree,
        strategy: Strategy::LongestIdle,
        waited: Duration::ZERO,
        position: 1,
        tier: 1,
        free: 1,
    };
    Record::Queue(QueueWhat::Offered { queue: queue(), call: the_call(), agent: agent(name), why })
}

fn left(outcome: Outcome, secs: u64) -> Record {
    let waited = Duration::from_millis(secs * 1000 + 900);
    Record::Queue(QueueWhat::Left { queue: queue(), call: the_call(), outcome, waited, position: 2 })
}

fn completed(name: &str, secs: u64, by: EndedBy) -> Record {
    let talked = Duration::from_secs(secs);
    Record::Queue(QueueWhat::Completed { queue: queue(), call: the_call(), agent: agent(name), talked, by })
}

fn agent_is(name: &str, state: AgentState) -> Record {
    Record::Queue(QueueWhat::AgentIs { agent: agent(name), state })
}

#[test]
fn a_call_that_is_answered_by_the_second_agent() {
    let rang = Duration::from_millis(15_250);
    let refused =
        QueueWhat::Refused { queue: queue(), call: the_call(), agent: agent("ann"), how: Refusal::NoAnswer, rang };
    let told = told([
        (0, Record::Started { version: "1".into() }),
        (1, agent_is("ann", AgentState::Available)),
        (1, agent_is("bob", AgentState::Available)),
        (5, entered("+48|123\n456", 3)),
        (5, offered("ann")),
        (20, Record::Queue(refused)),
        (20, offered("bob")),
        (24, left(Outcome::Answered { agent: agent("bob") }, 19)),
        (24, agent_is("bob", AgentState::Talking)),
        (204, completed("bob", 180, EndedBy::Agent)),
        (204, agent_is("bob", AgentState::WrapUp)),
        (210, agent_is("bob", AgentState::Paused("lunch".into()))),
        (900, agent_is("bob", AgentState::Paused("training".into()))),
        (950, agent_is("bob", AgentState::Available)),
        (999, agent_is("bob", AgentState::Paused("away".into()))),
        (1_001, agent_is("bob", AgentState::LoggedOut)),
    ]);
    assert_eq!(
        told,
        "1790000000|NONE|NONE|NONE|QUEUESTART|\n\
         1790000001|NONE|NONE|ann|AGENTLOGIN|ann\n\
         1790000001|NONE|NONE|bob|AGENTLOGIN|bob\n\
         1790000005|CALL|sales|NONE|ENTERQUEUE||+48_123_456|3\n\
         1790000020|CALL|sales|ann|RINGNOANSWER|15250\n\
         1790000024|CALL|sales|bob|CONNECT|19|CALL|4\n\
         1790000204|CALL|sales|bob|COMPLETEAGENT|19|180|3\n\
         1790000210|NONE|NONE|bob|PAUSEALL|lunch\n\
         1790000900|NONE|NONE|bob|UNPAUSEALL|lunch\n\
         1790000900|NONE|NONE|bob|PAUSEALL|training\n\
         1790000950|NONE|NONE|bob|UNPAUSEALL|training\n\
         1790000999|NONE|NONE|bob|PAUSEALL|away\n\
         1790001001|NONE|NONE|bob|AGENTLOGOFF|bob|1000\n"
    );
}

#[test]
fn who_comes_to_a_queue_and_leaves_it_is_told() {
    let serves = |serves| Record::Queue(QueueWhat::Serves { agent: agent("ann"), queue: queue(), serves });
    let told = told([(0, agent_is("ann", AgentState::Available)), (1, serves(false)), (2, serves(true))]);
    assert_eq!(
        told,
        "1790000000|NONE|NONE|ann|AGENTLOGIN|ann\n\
         1790000001|NONE|sales|ann|REMOVEMEMBER|\n\
         1790000002|NONE|sales|ann|ADDMEMBER|\n"
    );
}

#[test]
fn every_way_out_has_its_event() {
    for (outcome, line) in [
        (Outcome::Abandoned, "ABANDON|2|3|7"),
        (Outcome::ShortAbandoned, "ABANDON|2|3|7"),
        (Outcome::TimedOut, "EXITWITHTIMEOUT|2|3|7"),
        (Outcome::Overflowed(Overflow::Emptied), "EXITEMPTY|2|3|7"),
        (Outcome::Overflowed(Overflow::Unstaffed), "EXITEMPTY|2|3|7"),
        (Outcome::Key('#'), "EXITWITHKEY|#|2|3|7"),
        (Outcome::Withdrawn, "WITHDRAW|2|3|7|"),
        (Outcome::Closed, "WITHDRAW|2|3|7|closed"),
        (Outcome::Failed, "WITHDRAW|2|3|7|failed"),
    ] {
        let told = told([(0, entered("ann", 3)), (7, left(outcome.clone(), 7))]);
        let expected = format!("1790000000|CALL|sales|NONE|ENTERQUEUE||ann|3\n1790000007|CALL|sales|NONE|{line}\n");
        assert_eq!(told, expected, "{outcome:?}");
    }
}

#[test]
fn who_was_not_let_in_has_no_line() {
    let full = Outcome::Overflowed(Overflow::Full);
    assert_eq!(told([(0, entered("ann", 0)), (0, left(full, 0))]), "");
}

#[test]
fn an_offer_taken_back_is_told_in_milliseconds() {
    let (queue, call, rang) = (queue(), the_call(), Duration::from_millis(1_999));
    let withdrawn = QueueWhat::Withdrawn { queue, call, agent: agent("ann"), rang };
    assert_eq!(told([(2, Record::Queue(withdrawn))]), "1790000002|CALL|sales|ann|RINGCANCELED|1999\n");
}

#[test]
fn conversations_end_by_either_side_or_by_transfer() {
    let said = |what| Record::Call { call: the_call(), what };
    let blind = || said(What::Transfers { leg: LegId(2), attended: false });
    let asks = || said(What::Consults { leg: LegId(2) });
    let dialled = || said(What::Dialled { leg: LegId(3), party: "eve".into(), trunk: None });
    let failed = || said(What::TransferFailed { status: 486 });
    for (facts, by, line) in [
        (vec![], EndedBy::Caller, "COMPLETECALLER|4|60|1"),
        (vec![], EndedBy::Agent, "COMPLETEAGENT|4|60|1"),
        (vec![], EndedBy::Switch, "COMPLETECALLER|4|60|1"),
        (vec![blind(), dialled()], EndedBy::Agent, "BLINDTRANSFER|eve|default|4|60|1"),
        (vec![asks(), dialled()], EndedBy::Agent, "ATTENDEDTRANSFER|BRIDGE|eve|4|60|1"),
        (vec![asks(), dialled()], EndedBy::Caller, "COMPLETECALLER|4|60|1"),
        (vec![blind(), dialled(), failed()], EndedBy::Agent, "COMPLETEAGENT|4|60|1"),
    ] {
        let before = [(0, entered("ann", 1)), (4, left(Outcome::Answered { agent: agent("bob") }, 4))];
        let after = facts.into_iter().map(|fact| (50, fact)).chain([(64, completed("bob", 60, by))]);
        let told = told(before.into_iter().chain(after));
        assert_eq!(told.lines().last(), Some(format!("1790000064|CALL|sales|bob|{line}").as_str()), "{by:?}");
    }
}
