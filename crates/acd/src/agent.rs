//! An agent: his state, and his place in each queue he serves.
//!
//! Where it stands: `acd` moves agents from state to state, in one place; `idle` holds those who are free.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::{CallId, Time};
use serde::{Deserialize, Serialize};

use crate::idle::Rank;
use crate::queue::Place;
use crate::{AgentName, Skilled};

/// An agent's state, as it is shown and counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentState {
    /// Not at work.
    LoggedOut,
    /// Waiting for a call.
    Available,
    /// His phone rings, or is about to.
    Offered,
    /// With a caller.
    Talking,
    /// Finishing what the last call left to do.
    WrapUp,
    /// Left alone for a moment after a call he did not take.
    Resting,
    /// Away for a while, with the reason.
    Paused(#[serde(with = "crate::text")] Arc<str>),
}

impl AgentState {
    /// All there are, in words.
    pub const WORDS: [&'static str; 7] =
        ["logged-out", "available", "offered", "talking", "wrap-up", "resting", "paused"];

    /// One word for tables and reports; the reason of a pause is not in it.
    pub fn word(&self) -> &'static str {
        match self {
            AgentState::LoggedOut => "logged-out",
            AgentState::Available => "available",
            AgentState::Offered => "offered",
            AgentState::Talking => "talking",
            AgentState::WrapUp => "wrap-up",
            AgentState::Resting => "resting",
            AgentState::Paused(_) => "paused",
        }
    }
}

/// What an agent is about. Each state holds what exists in it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    LoggedOut,
    Available,
    Offered {
        call: CallId,
        since: Time,
        until: Time,
    },
    Talking {
        call: CallId,
        queue: u32,
        since: Time,
        then: Then,
        /// What he wants to have after it beside what his queue gives.
        more: Duration,
    },
    WrapUp {
        until: Time,
    },
    Resting {
        until: Time,
    },
    Paused {
        reason: Arc<str>,
        /// It ends when a phone of his is there again.
        until_phone: bool,
    },
}

/// What an agent will be when his call is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Available,
    LoggedOut,
    Paused(Arc<str>),
}

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) name: AgentName,
    pub(crate) skills: Vec<Skilled>,
    /// Agents with the same skills share a number.
    pub(crate) profile: u32,
    pub(crate) state: State,
    /// Since when that is his state.
    pub(crate) since: Time,
    pub(crate) memberships: Vec<Membership>,
    /// His places in queues he does not serve now.
    pub(crate) left: Vec<Membership>,
    /// Offers he let ring in vain, in a row.
    pub(crate) misses: u32,
    /// Since he logged in.
    pub(crate) calls: u64,
    /// Since he logged in.
    pub(crate) talked: Duration,
    /// When his last call ended, or he logged in.
    pub(crate) idle_since: Time,
    /// Calls that wait for him alone.
    pub(crate) awaited_by: BTreeSet<(Place, CallId)>,
}

#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) queue: u32,
    pub(crate) tier: u8,
    pub(crate) order: u32,
    pub(crate) weight: u16,
    /// Where he stands among those free; set while he is.
    pub(crate) rank: Option<Rank>,
    /// The queue is not his by the conf.
    pub(crate) lent: bool,
}

impl State {
    /// A pause he ends himself.
    pub(crate) fn paused(reason: impl Into<Arc<str>>) -> State {
        State::Paused { reason: reason.into(), until_phone: false }
    }

    pub(crate) fn shown(&self) -> AgentState {
        match self {
            State::LoggedOut => AgentState::LoggedOut,
            State::Available => AgentState::Available,
            State::Offered { .. } => AgentState::Offered,
            State::Talking { .. } => AgentState::Talking,
            State::WrapUp { .. } => AgentState::WrapUp,
            State::Resting { .. } => AgentState::Resting,
            State::Paused { reason, .. } => AgentState::Paused(reason.clone()),
        }
    }

    /// When time alone moves him on.
    pub(crate) fn until(&self) -> Option<Time> {
        match self {
            State::Offered { until, .. } | State::WrapUp { until } | State::Resting { until } => Some(*until),
            _ => None,
        }
    }

    pub(crate) fn is_logged_in(&self) -> bool {
        !matches!(self, State::LoggedOut)
    }

    /// Logged in and not paused. Who will pause or go after his call is still at work.
    pub(crate) fn is_at_work(&self) -> bool {
        !matches!(self, State::LoggedOut | State::Paused { .. })
    }

    pub(crate) fn is_free_or_rung(&self) -> bool {
        matches!(self, State::Available | State::Offered { .. })
    }
}
