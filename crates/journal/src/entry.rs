//! What is written down.

use base::{CallId, Time};
use serde::{Deserialize, Serialize};

/// One line of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number: from 1, without gaps.
    pub number: u64,
    /// When it happened, counted from 1970: a moment of [`base::WallClock::UNIX`].
    pub at: Time,
    /// What happened.
    pub record: Record,
}

/// The kinds of entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// The switch began.
    Started {
        /// Its version.
        version: String,
    },
    /// It ended as it should.
    Stopped,
    /// Something happened in a call.
    Call {
        /// Which.
        call: CallId,
        /// What.
        what: call::What,
    },
    /// A call has had its last fact: this is when its CDR is made.
    Over {
        /// Which.
        call: CallId,
    },
    /// Something happened in the queues.
    Queue(acd::What),
    /// Hours were opened or closed by hand, or left to the clock again.
    Hours {
        /// Which.
        hours: String,
        /// Open or closed; none: by the clock.
        by_hand: Option<bool>,
    },
    /// A person wants something else of the calls to him.
    Wish {
        /// Who.
        account: String,
        /// What, as the conf writes it: `dnd`, `forward:always`.
        wish: String,
        /// Where calls go.
        to: Option<String>,
    },
    /// Somebody told the switch by command to do something.
    Told {
        /// Who: a user of the system, or a program with a token.
        by: String,
        /// What, as it was asked.
        told: serde_json::Value,
    },
    /// Somebody has set the system's clock: moments after this are named by it. Facts of calls that stood are named as before,
    /// until the call is over, so that the lengths between them stay right.
    ClockSet {
        /// By how much; less than nothing: back.
        by_ms: i64,
    },
    /// So many facts found no room while the disk failed: what is counted from here on is less than what was.
    Lost {
        /// How many.
        facts: u64,
    },
}

impl Record {
    /// A call's fact. Nothing where it is a key: which one was pressed is nobody's business, and may be a card's.
    pub fn of_call(call: CallId, what: call::What) -> Option<Record> {
        (!matches!(what, call::What::Key { .. })).then_some(Record::Call { call, what })
    }

    /// The call it is about.
    pub fn call(&self) -> Option<CallId> {
        use acd::What::{
            AgentIs, Alert, CallBack, Closed, Completed, Entered, Left, Offered, Refused, Serves, Withdrawn,
        };
        match self {
            Record::Call { call, .. } | Record::Over { call } => Some(*call),
            Record::Queue(
                Entered { call, .. }
                | Offered { call, .. }
                | Refused { call, .. }
                | Withdrawn { call, .. }
                | Left { call, .. }
                | Completed { call, .. }
                | CallBack { call, .. },
            ) => Some(*call),
            Record::Queue(Alert { .. } | AgentIs { .. } | Serves { .. } | Closed { .. })
            | Record::Started { .. }
            | Record::Stopped
            | Record::Hours { .. }
            | Record::Wish { .. }
            | Record::Told { .. }
            | Record::ClockSet { .. }
            | Record::Lost { .. } => None,
        }
    }
}
