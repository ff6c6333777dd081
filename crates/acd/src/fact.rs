//! What happened in the queues, written once; figures, CDRs and reports are folds over these.

use std::sync::Arc;
use std::time::Duration;

use base::{CallId, Time};
use serde::{Deserialize, Serialize};

use crate::{AgentName, AgentState, Alert, CallBackState, QueueName, Refusal, Strategy};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
}

/// The kinds of fact. In the order of their writing every `Entered` is followed by exactly one `Left` of its call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A call was offered to a queue.
    Entered {
        /// The queue.
        queue: QueueName,
        /// The call.
        call: CallId,
        /// Who calls.
        #[serde(with = "crate::text")]
        caller: Arc<str>,
        /// His priority.
        priority: i32,
        /// His place in the line, 1 at its head; 0 where he was not let in.
        position: usize,
        /// How long he would wait, as far as the queue could know.
        #[serde(with = "base::nanos::option", default, skip_serializing_if = "Option::is_none")]
        estimate: Option<Duration>,
    },
    /// An agent's phone is to ring.
    Offered {
        /// The queue.
        queue: QueueName,
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
        /// Why he, and why now.
        why: Why,
    },
    /// An agent did not take an offer.
    Refused {
        /// The queue.
        queue: QueueName,
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
        /// How.
        how: Refusal,
        /// How long it rang.
        #[serde(with = "base::nanos")]
        rang: Duration,
    },
    /// An offer was taken back: the caller is gone, another agent was quicker, or the agent went away.
    Withdrawn {
        /// The queue.
        queue: QueueName,
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
        /// How long it rang.
        #[serde(with = "base::nanos")]
        rang: Duration,
    },
    /// A call is no longer in the queue.
    Left {
        /// The queue.
        queue: QueueName,
        /// The call.
        call: CallId,
        /// Why.
        outcome: Outcome,
        /// How long it was in the queue.
        #[serde(with = "base::nanos")]
        waited: Duration,
        /// Its place in the line at the end.
        position: usize,
    },
    /// A conversation that began in a queue is over.
    Completed {
        /// The queue.
        queue: QueueName,
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
        /// How long they talked.
        #[serde(with = "base::nanos")]
        talked: Duration,
        /// Who ended it.
        by: EndedBy,
    },
    /// An agent is in this state now.
    AgentIs {
        /// The agent.
        agent: AgentName,
        /// The state.
        state: AgentState,
    },
    /// An agent who is logged in serves one of his queues again, or no longer. Whoever logs in serves all of them.
    Serves {
        /// The agent.
        agent: AgentName,
        /// The queue.
        queue: QueueName,
        /// Again.
        serves: bool,
    },
    /// A queue has passed a threshold, or no longer does.
    Alert {
        /// The queue.
        queue: QueueName,
        /// Which.
        alert: Alert,
        /// How it stands: calls, seconds, agents or percent.
        value: u64,
        /// The threshold.
        limit: u64,
        /// It passed it.
        raised: bool,
    },
    /// A call-back is so far.
    CallBack {
        /// The queue.
        queue: QueueName,
        /// The call it was asked for in.
        call: CallId,
        /// The number.
        number: String,
        /// How far.
        state: CallBackState,
        /// How often it was tried.
        tries: u32,
    },
    /// A queue lets nobody in any more, or does again.
    Closed {
        /// The queue.
        queue: QueueName,
        /// Is it closed?
        closed: bool,
    },
}

/// Why this agent was offered this call at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// What made it happen.
    pub occasion: Occasion,
    /// By which rule the agent was chosen among those free.
    pub strategy: Strategy,
    /// How long the call had been waiting.
    #[serde(with = "base::nanos")]
    pub waited: Duration,
    /// The call's place in its queue's line.
    pub position: usize,
    /// The agent's tier.
    pub tier: u8,
    /// Members of the queue who were free.
    pub free: usize,
}

/// What made an offer possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// The agent became free: the call was first of those he may take.
    AgentFree,
    /// The call came, came back, or widened its wants: the agent was first of those who fit.
    CallOpen,
    /// The caller had this agent before.
    Sticky,
    /// The caller is to have this agent.
    Preferred,
    /// Somebody wanted it so.
    Picked,
}

/// What became of a call in a queue. Each entry has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// An agent answered.
    Answered {
        /// Who.
        agent: AgentName,
    },
    /// The caller hung up.
    Abandoned,
    /// The caller hung up so soon that he has not really waited.
    ShortAbandoned,
    /// He waited as long as one may.
    TimedOut,
    /// The queue could not keep him.
    Overflowed(Overflow),
    /// He left by a key.
    Key(char),
    /// The queue closed while he waited, or was closed when he came.
    Closed,
    /// He is to be called back.
    CallBack,
    /// He was called back, and not reached.
    Unreached,
    /// Somebody made him wait in another queue.
    Moved {
        /// Which.
        to: QueueName,
    },
    /// Somebody took him out.
    Withdrawn,
    /// A fault of ours.
    Failed,
}

/// Why a queue could not keep a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// Too many wait.
    Full,
    /// He would have to wait for too long.
    LongWait,
    /// Those who have to be there for callers to join are not.
    Empty,
    /// Those who have to be there for callers to stay went away.
    Emptied,
    /// Nobody has been logged in for too long.
    Unstaffed,
}

impl Outcome {
    /// One word for CDRs and reports.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Answered { .. } => "answered",
            Outcome::Abandoned => "abandoned",
            Outcome::ShortAbandoned => "short-abandoned",
            Outcome::TimedOut => "timeout",
            Outcome::Overflowed(Overflow::Full) => "full",
            Outcome::Overflowed(Overflow::LongWait) => "long-wait",
            Outcome::Overflowed(Overflow::Empty) => "empty",
            Outcome::Overflowed(Overflow::Emptied) => "emptied",
            Outcome::Overflowed(Overflow::Unstaffed) => "unstaffed",
            Outcome::Key(_) => "key",
            Outcome::Closed => "closed",
            Outcome::CallBack => "call-back",
            Outcome::Unreached => "unreached",
            Outcome::Moved { .. } => "moved",
            Outcome::Withdrawn => "withdrawn",
            Outcome::Failed => "failed",
        }
    }
}

/// Who ended a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    /// The caller.
    Caller,
    /// The agent.
    Agent,
    /// The switch, or a transfer.
    Switch,
}
