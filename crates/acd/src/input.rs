//! What the machine is told, and what it says.

use std::sync::Arc;
use std::time::Duration;

use base::CallId;

use crate::{AcdConf, AgentName, EndedBy, Fact, Outcome, QueueName, Restored, Skilled};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A call comes to a queue.
    Join(Join),
    /// Somebody waits who is not there: he has to be called once an agent is found for him, and that takes so long at most.
    /// Neither the time callers may wait nor the absence of agents ends that.
    JoinAway {
        /// As whom.
        join: Join,
        /// How long; not at all, where the agent is rung first.
        dial: Duration,
    },
    /// He is there: whoever was kept free for him is rung.
    Reached {
        /// The call.
        call: CallId,
    },
    /// A call is gone from its queue, or from its agent.
    Gone {
        /// The call.
        call: CallId,
        /// How.
        how: Gone,
    },
    /// Where does a waiting call stand?
    Where {
        /// The call.
        call: CallId,
    },
    /// An agent's phone was picked up, and he will have the call in a moment, or take it with a key: he has so long from now.
    PickedUp {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
        /// How long.
        patience: Duration,
    },
    /// An agent answered an offer.
    Answered {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
    },
    /// An agent did not take an offer.
    Refused {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
        /// How.
        how: Refusal,
    },
    /// Agent and caller part; the call may go on elsewhere.
    Ended {
        /// The call.
        call: CallId,
        /// Who ended it.
        by: EndedBy,
    },
    /// An agent is ready: he logs in, ends his pause, or ends his wrap-up early.
    Ready {
        /// The agent.
        agent: AgentName,
    },
    /// An agent needs so much more time after his call: the one that is just over, or the one he talks in.
    WrapUp {
        /// The agent.
        agent: AgentName,
        /// How much.
        more: Duration,
    },
    /// An agent comes to one of his queues, or leaves it. Who is not at work comes for this one alone; who leaves the last
    /// one goes.
    Serve {
        /// The agent.
        agent: AgentName,
        /// The queue.
        queue: QueueName,
        /// He comes.
        serves: bool,
    },
    /// An agent goes. If he talks, he goes after that.
    LogOut {
        /// The agent.
        agent: AgentName,
    },
    /// An agent takes a pause. If he talks, it begins after that. Who is logged out stays so.
    Pause {
        /// The agent.
        agent: AgentName,
        /// The reason.
        reason: Arc<str>,
    },
    /// An agent's last phone is gone. If he is at work he is paused; if he talks, after that.
    PhoneGone {
        /// The agent.
        agent: AgentName,
    },
    /// A waiting caller gets another priority.
    Prioritise {
        /// The call.
        call: CallId,
        /// Its priority.
        priority: i32,
    },
    /// Somebody wants this agent to have that waiting call, whoever stands before it and whatever it needs. He is rung at once,
    /// if he is free, finishing his last call or resting; else nothing happens.
    Pick {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
    },
    /// Somebody talks with a waiting caller, whom he was not rung for. If he is an agent who could have been rung, it is as if
    /// he had answered; else he took the caller out.
    Taken {
        /// The call.
        call: CallId,
        /// Who.
        by: Arc<str>,
    },
    /// Somebody wants a waiting call to wait in another queue.
    Move {
        /// The call.
        call: CallId,
        /// Where.
        queue: QueueName,
    },
    /// Somebody lends an agent to a queue that is not his: he serves it until he logs out or the conf is read again.
    Lend {
        /// The agent.
        agent: AgentName,
        /// The queue.
        queue: QueueName,
    },
    /// A queue closes, and those who wait leave; or it opens again.
    Close {
        /// The queue.
        queue: QueueName,
        /// Close it?
        closed: bool,
    },
    /// A queue lets nobody in any more, and those who wait stay; `Close` opens it again, or sends them away.
    Shut {
        /// The queue.
        queue: QueueName,
    },
    /// A new conf. Who waits and who talks goes on, with what he joined with.
    Reload(Box<AcdConf>),
    /// The switch was away. Said once, at its beginning.
    Restore(Restored),
    /// A phone of an agent's has registered.
    PhoneBack {
        /// The agent.
        agent: AgentName,
    },
    /// Time has passed.
    Tick,
}

/// A call comes to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The call. One that is elsewhere in here leaves that first.
    pub call: CallId,
    /// The queue.
    pub queue: QueueName,
    /// Who calls: what his last agent is remembered by.
    pub caller: Arc<str>,
    /// Each point is worth some waiting.
    pub priority: i32,
    /// Skills wanted beside those the queue wants.
    pub skills: Vec<Skilled>,
    /// How long the caller has waited already.
    pub credit: Duration,
    /// The agent he is to have, if that is possible soon.
    pub prefers: Option<AgentName>,
}

/// How a call left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The caller hung up.
    HungUp,
    /// He pressed the key that leads out.
    Key(char),
    /// He wants to be called back.
    CallBack,
    /// He was called back, and not reached.
    Unreached,
    /// Somebody took him out.
    Withdrawn,
    /// A fault of ours.
    Failed,
}

/// How an agent did not take an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// He let it ring.
    NoAnswer,
    /// His phone was busy.
    Busy,
    /// He declined.
    Declined,
    /// There was no phone to ring.
    Unreachable,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The call was let in, and waits. Offers may follow at once.
    Joined {
        /// The call.
        call: CallId,
        /// Its place in the line, 1 at the head.
        position: usize,
    },
    /// The call was asked for, and waits here.
    Stands {
        /// The call.
        call: CallId,
        /// Its place in the line, 1 at the head.
        position: usize,
        /// How long it will wait, as far as is known. A caller who asks again is told more than before only where his
        /// place is worse or fewer agents are at work.
        wait: Option<Duration>,
    },
    /// Ring this agent for this call. `Answered` or `Refused` is expected, or a `Withdraw` comes: at the latest when the
    /// ringing time is up.
    Offer {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
        /// How long his phone may ring.
        ring: Duration,
    },
    /// Ring him no longer.
    Withdraw {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentName,
    },
    /// The call is no longer in its queue.
    Left {
        /// The call.
        call: CallId,
        /// Why.
        outcome: Outcome,
    },
    /// Write this down.
    Fact(Fact),
}
