//! What the queues and agents are, already checked.

use std::time::Duration;

use crate::{AgentName, AlertConf, Needs, QueueName, Skilled};

/// All queues and agents of a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcdConf {
    /// The agents.
    pub agents: Vec<AgentConf>,
    /// The queues.
    pub queues: Vec<QueueConf>,
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentConf {
    /// His name.
    pub name: AgentName,
    /// What he can do, and how well.
    pub skills: Vec<Skilled>,
}

/// An agent's place in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub agent: AgentName,
    /// Agents of a lower tier are rung first; higher ones may have to wait for a widening.
    pub tier: u8,
    /// His share of the calls where chance decides; at least 1.
    pub weight: u16,
}

/// Who of those who fit is rung first. Tiers come before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All at once, of all tiers that are open; the first to answer has the call.
    RingAll,
    /// Whose last call, in any queue, ended longest ago. A pause does not count as a call.
    LongestIdle,
    /// Who has had the fewest calls since he logged in.
    FewestCalls,
    /// Who has talked the least since he logged in.
    LeastTalkTime,
    /// The next in the conf's order after the one rung last.
    RoundRobin,
    /// The first in the conf's order.
    Linear,
    /// Anybody, evenly.
    Random,
    /// Anybody, by weight.
    Weighted,
}

/// Who has to be there for callers to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staffing {
    /// Nobody.
    Nobody,
    /// Somebody who is logged in, be it in a pause.
    LoggedIn,
    /// Somebody who is at work: logged in and not paused.
    AtWork,
    /// Somebody who is free, or being rung.
    Free,
}

/// A caller gets the agent he had before, if that is possible soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sticky {
    /// How long the switch remembers who talked with whom.
    pub remember: Duration,
    /// How long the caller waits for him alone.
    pub wait: Duration,
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConf {
    /// Its name.
    pub name: QueueName,
    /// Who serves it, in order.
    pub members: Vec<Member>,
    /// Who is rung first.
    pub strategy: Strategy,
    /// Where all are rung at once, no more than so many.
    pub ring_max: usize,
    /// How long an agent's phone rings.
    pub ring: Duration,
    /// How long an agent has after a call before the next.
    pub wrap_up: Duration,
    /// An agent of several queues is given a call of the heaviest first; among equals, the one that waits longest.
    pub weight: u8,
    /// So much waiting is each point of a caller's priority worth. Priority ages: who waits gains on those above him.
    pub priority_worth: Duration,
    /// What is needed of an agent.
    pub needs: Needs,
    /// So many may wait; the next overflows.
    pub callers_max: usize,
    /// Who would have to wait longer than this, as far as is known, overflows.
    pub estimate_max: Option<Duration>,
    /// So long may one wait. An agent whose phone rings by then may still answer.
    pub wait_max: Option<Duration>,
    /// So long may callers wait while nobody is logged in.
    pub unstaffed_max: Option<Duration>,
    /// Without these nobody may join.
    pub join_needs: Staffing,
    /// Without these everybody waiting leaves, at once.
    pub stay_needs: Staffing,
    /// An agent who let so many offers in a row ring in vain is paused; 0 is never.
    pub misses_max: u32,
    /// How long an agent is left alone after he did not take a call, where that does not pause him. At least a second.
    pub rest: Duration,
    /// Who hangs up sooner than this has not really waited.
    pub short_abandon: Duration,
    /// Whether callers get the agent they had before.
    pub sticky: Option<Sticky>,
    /// A caller waits so long for the agent he is to have, then for anybody.
    pub prefer: Option<Duration>,
    /// When somebody is to be told how it stands.
    pub alerts: AlertConf,
}

impl QueueConf {
    /// A queue with the usual settings and nobody to serve it.
    pub fn new(name: QueueName) -> QueueConf {
        QueueConf {
            name,
            members: Vec::new(),
            strategy: Strategy::LongestIdle,
            ring_max: 50,
            ring: Duration::from_secs(15),
            wrap_up: Duration::ZERO,
            weight: 0,
            priority_worth: Duration::from_secs(60),
            needs: Needs::default(),
            callers_max: 1000,
            estimate_max: None,
            wait_max: None,
            unstaffed_max: None,
            join_needs: Staffing::Nobody,
            stay_needs: Staffing::Nobody,
            misses_max: 1,
            rest: Duration::from_secs(5),
            short_abandon: Duration::from_secs(5),
            sticky: None,
            prefer: None,
            alerts: AlertConf::default(),
        }
    }
}
