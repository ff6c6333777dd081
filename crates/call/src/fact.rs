//! What happened in a call, written once; CDR, log and later reports are folds over these.

use std::borrow::Cow;

use base::{LegId, RecordingId, Time};
use media::LegStats;
use serde::{Deserialize, Serialize};

use crate::disposition::Disposed;
use crate::{Actor, Reason, Silence};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The party that placed the call.
    Caller,
    /// A party we dialled for the caller.
    Agent,
    /// The switch itself: a program's decision, a limit, a shutdown.
    Switch,
}

/// Where a call comes from and goes to, as seen from the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From one of ours to one of ours, or to the switch itself.
    Internal,
    /// From a trunk.
    Inbound,
    /// From one of ours to a trunk.
    Outbound,
}

impl Direction {
    /// The word used in file names and CDRs.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Internal => "internal",
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

/// The kinds of fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The call knocked.
    Started {
        /// Who calls: an account, or the number of a stranger.
        caller: String,
        /// The number dialled.
        called: String,
        /// From where to where.
        direction: Direction,
        /// The trunk it came by.
        trunk: Option<String>,
    },
    /// A program took over.
    Entered {
        /// Its destination as the conf writes it, such as `menu:main`.
        destination: String,
    },
    /// The caller was answered (200).
    Answered,
    /// The caller pressed a key.
    Key {
        /// The key.
        key: char,
    },
    /// Something is known of the caller that was not known before, or not so.
    Field {
        /// Under which name: `language`, or what the conf says.
        name: String,
        /// What.
        value: String,
    },
    /// The caller waits in a queue.
    Queued {
        /// Its name.
        queue: String,
    },
    /// The caller's waiting is over.
    Unqueued {
        /// How, in a word: `answered`, `abandoned`, `timeout` …
        outcome: Cow<'static, str>,
    },
    /// A party was dialled.
    Dialled {
        /// Its leg.
        leg: LegId,
        /// The party's account or number.
        party: String,
        /// The trunk it is dialled by.
        trunk: Option<String>,
    },
    /// A dialled party's phone rings.
    Ringing {
        /// Its leg.
        leg: LegId,
    },
    /// A dialled party did not take the call.
    Refused {
        /// Its leg; none where there was not even a phone to ring.
        leg: Option<LegId>,
        /// The SIP status that said so; 408 where the ringing time was up.
        status: u16,
    },
    /// Caller and a dialled party talk.
    Connected {
        /// The party's leg.
        leg: LegId,
        /// The party's account or number.
        party: String,
    },
    /// A phone hears the caller, who speaks to many.
    Paged {
        /// Its leg.
        leg: LegId,
        /// Whose it is.
        party: String,
    },
    /// A party put the other on hold, who hears music meanwhile.
    Held {
        /// Whose phone holds.
        leg: LegId,
    },
    /// A party took the other back.
    Resumed {
        /// Whose phone held.
        leg: LegId,
    },
    /// A party brings its partner to somebody else.
    Transfers {
        /// Whose phone or keys asked for it.
        leg: LegId,
        /// The party asked that somebody first.
        attended: bool,
    },
    /// A party asks somebody while its partner waits.
    Consults {
        /// Whose keys said so.
        leg: LegId,
    },
    /// A party that consults talks with both.
    Together {
        /// Whose keys said so.
        leg: LegId,
    },
    /// A party that consulted is back with its partner.
    Returns {
        /// The party's leg.
        leg: LegId,
    },
    /// Nobody took the transferred party, which its partner has back.
    TransferFailed {
        /// The SIP status that says why.
        status: u16,
    },
    /// Another phone took a leg's place: it was picked up, or moved.
    Replaced {
        /// The leg that was.
        leg: LegId,
        /// The one that is.
        by: LegId,
        /// Whose that is.
        party: String,
    },
    /// Somebody hears a party's call from now, and how; a change is one more of these.
    Supervised {
        /// The leg of who does so.
        leg: LegId,
        /// Who.
        by: String,
        /// Whose call it is.
        of: String,
        /// How.
        how: crate::Supervision,
    },
    /// Who supervised is there no longer.
    SupervisorLeft {
        /// The leg that was.
        leg: LegId,
    },
    /// The party that talked with the caller is gone; the call may go on.
    Left {
        /// The party's leg.
        leg: LegId,
    },
    /// A recording runs.
    Recording {
        /// Its number.
        id: RecordingId,
        /// Its file, relative to the recordings folder, without the ending.
        file: String,
        /// Why; entries of older journals do not say.
        #[serde(default)]
        reason: Option<Reason>,
    },
    /// A recording runs no longer, though the call does.
    RecordingStopped {
        /// Its number.
        id: RecordingId,
        /// Who wanted that.
        actor: Actor,
    },
    /// A recording broke off, never began, or waits for a disk that does not answer. It may be told of a call that is
    /// over.
    RecordingFailed {
        /// Its number.
        id: RecordingId,
        /// What happened, to what, and what to do.
        why: String,
    },
    /// Nothing that is said from now is kept.
    Silenced {
        /// Why.
        kind: Silence,
        /// Who wanted that.
        actor: Actor,
    },
    /// Somebody says what the call came to. It may be told of a call that is over; the last one counts.
    Disposed(Disposed),
    /// It is kept again.
    Sounds {
        /// What ended.
        kind: Silence,
        /// Who wanted that; at its limit, who had wanted the silence.
        actor: Actor,
    },
    /// The caller was refused with a final status.
    Rejected {
        /// The SIP status.
        status: u16,
    },
    /// The first hang-up, which ended the call.
    HungUp {
        /// Who.
        by: Side,
        /// Why, in a word or two: `bye`, `cancelled`, `no media`, `shutdown` …
        cause: Cow<'static, str>,
    },
    /// A party that may speak has not been heard for a while: one-way audio.
    OneWay {
        /// Who is not heard.
        leg: LegId,
    },
    /// The call's program failed inside; the call was ended, no other was touched.
    Fault,
    /// A leg's media ended, with its figures.
    Media {
        /// The leg.
        leg: LegId,
        /// What passed.
        stats: Box<LegStats>,
    },
}
