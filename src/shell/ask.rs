//! What a command line may ask a running switch, and the asking: one JSON request, then JSON lines until it is done.
//!
//! Where it stands: `console` answers at the other end of the socket. Whoever may open the socket may ask; it is made
//! for the switch's own user alone.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The socket's name, in the journal's folder.
pub const SOCKET: &str = "centrala.sock";

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// The calls under way: a line each.
    Calls,
    /// The queues as they stand: a line each.
    Queues,
    /// The agents as they stand: a line each.
    Agents,
    /// Let an agent work, pause or go.
    Agent {
        /// The account.
        agent: String,
        /// What.
        order: AgentOrder,
    },
    /// Say what somebody's call came to: the one that is talked in, or the last one.
    Dispose {
        /// Whose.
        account: String,
        /// What, by name or code.
        disposition: Option<String>,
        /// A note.
        note: Option<String>,
        /// Who says so.
        #[serde(default)]
        by: String,
    },
    /// Let nobody into a queue any more, or let callers in again.
    CloseQueue {
        /// Its name.
        queue: String,
        /// Nobody.
        closed: bool,
    },
    /// Say how urgent a waiting call is.
    Prioritise {
        /// Our id of the call.
        call: String,
        /// How urgent.
        priority: i32,
    },
    /// Who wants to be called back: a line each.
    CallBacks,
    /// Call somebody back no more.
    CancelCallBack {
        /// By the call it was asked for in.
        id: String,
    },
    /// Let an agent have a waiting call.
    Pick {
        /// Our id of the call.
        call: String,
        /// The account.
        agent: String,
    },
    /// Let a waiting call wait in another queue.
    Move {
        /// Our id of the call.
        call: String,
        /// Which.
        queue: String,
    },
    /// The registered phones: a line each.
    Phones,
    /// The bans in force: a line each.
    Bans,
    /// The trunks: a line each.
    Trunks,
    /// Take a trunk out of use, or into it again.
    Trunk {
        /// Its name.
        name: String,
        /// Into it.
        enable: bool,
    },
    /// End bans.
    Unban {
        /// An account or an address.
        who: String,
    },
    /// Who watches what: a line each.
    Subscriptions,
    /// Who is in which room: a line each.
    Conferences,
    /// Do something in a room.
    Conference {
        /// Which.
        room: String,
        /// What.
        order: conference::Order,
    },
    /// The opening hours: a line each.
    Hours,
    /// Open or close by hand, or leave it to the clock again.
    SwitchHours {
        /// Which hours.
        hours: String,
        /// Open or closed; none: by the clock.
        by_hand: Option<bool>,
    },
    /// What people want of the calls to them: a line each.
    Wishes,
    /// A person wants something else of them.
    Wish {
        /// The account.
        person: String,
        /// What, as the conf writes it: `dnd`, `forward:always`.
        wish: String,
        /// Where calls go, as that person would dial it.
        number: Option<String>,
    },
    /// Ring a person, and bring whoever answers to a number, as if he had dialled it.
    Dial {
        /// The account.
        person: String,
        /// The number.
        number: String,
        /// That person's own phones pick up by themselves.
        #[serde(default)]
        answer: bool,
    },
    /// Ring a supervisor; who answers follows this agent over calls until he hangs up.
    Supervise {
        /// The supervisor's account.
        supervisor: String,
        /// The agent's account.
        agent: String,
        /// How he takes part to begin with.
        #[serde(default)]
        how: SupervisionOrder,
    },
    /// The messages left for people: a line each.
    Voicemail,
    /// The mailboxes with something in them: a line each.
    Mailboxes,
    /// So many messages wait for somebody now.
    Mailbox {
        /// An account, or its number.
        who: String,
        /// How many nobody has heard.
        new: u32,
        /// How many were heard and kept.
        old: u32,
    },
    /// The SIP messages of a call or a user: a line each.
    Trace {
        /// Our id of a call, or the Call-ID of a dialog.
        call: Option<String>,
        /// The user part of who sends or receives them.
        user: Option<String>,
        /// Those that are still to come, too.
        follow: bool,
    },
    /// Change something about a call's recording while it runs.
    Recording {
        /// Our id of the call.
        call: String,
        /// What.
        order: RecordingOrder,
        /// Who wants it.
        #[serde(default)]
        by: String,
        /// A mask ends after so long.
        limit_secs: Option<u32>,
    },
    /// All metrics, as Prometheus reads them: one text.
    Metrics,
    /// Read the conf again and apply it, whole or not at all.
    Reload,
    /// Take no new calls, and end when the last one is over.
    Drain {
        /// End those that still stand after so many seconds.
        limit_secs: Option<u64>,
    },
}

impl Request {
    /// Does it change anything, or does it only look?
    pub fn changes(&self) -> bool {
        match self {
            Request::Calls
            | Request::Queues
            | Request::Agents
            | Request::CallBacks
            | Request::Phones
            | Request::Bans
            | Request::Trunks
            | Request::Subscriptions
            | Request::Hours
            | Request::Conferences
            | Request::Wishes
            | Request::Voicemail
            | Request::Mailboxes
            | Request::Trace { .. }
            | Request::Metrics => false,
            Request::Agent { .. }
            | Request::Dispose { .. }
            | Request::CloseQueue { .. }
            | Request::Prioritise { .. }
            | Request::CancelCallBack { .. }
            | Request::Pick { .. }
            | Request::Move { .. }
            | Request::Trunk { .. }
            | Request::Unban { .. }
            | Request::SwitchHours { .. }
            | Request::Wish { .. }
            | Request::Dial { .. }
            | Request::Conference { .. }
            | Request::Supervise { .. }
            | Request::Mailbox { .. }
            | Request::Recording { .. }
            | Request::Reload
            | Request::Drain { .. } => true,
        }
    }

    /// Where it says by whom it is, that is this program, or somebody it speaks for.
    pub(super) fn sign(&mut self, program: &str) {
        if let Request::Dispose { by, .. } | Request::Recording { by, .. } = self {
            *by = if by.is_empty() { program.to_owned() } else { format!("{by} ({program})") };
        }
    }
}

/// What the command line may do with a recording that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingOrder {
    /// Begin one.
    Start,
    /// End it; the call goes on.
    Stop,
    /// Keep neither sound nor keys.
    Mask,
    /// Keep them again.
    Unmask,
    /// Keep no sound.
    Pause,
    /// Keep it again.
    Resume,
}

/// How a supervisor takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupervisionOrder {
    /// He hears.
    #[default]
    Listen,
    /// The agent hears him, too.
    Whisper,
    /// Everybody does.
    Barge,
}

/// What the command line may tell an agent to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentOrder {
    /// Take calls.
    Ready,
    /// Take calls of this queue, or no longer.
    Serve {
        /// Which.
        queue: String,
        /// No longer, if false.
        serves: bool,
    },
    /// Take none for a while.
    Pause {
        /// Why.
        reason: String,
    },
    /// Serve a queue that is not the agent's own, until the logout.
    Lend {
        /// Which.
        queue: String,
    },
    /// Have more time after a call.
    WrapUp {
        /// How much.
        secs: u16,
    },
    /// Go.
    LogOut,
}

/// One line of an answer. `Done` and `Failed` are the last ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// One thing of those asked for.
    Row(Value),
    /// All is said and done.
    Done(Value),
    /// It was not done: what happened, to what, and the remedy.
    Failed(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error(
        "no switch answers at {} ({why}); start one with `centrala run`, or name the socket in its journal folder with --socket",
        socket.display()
    )]
    Nobody {
        /// Where it was asked.
        socket: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// It ended before it had answered.
    #[error("the switch broke off its answer ({0}); see its log")]
    BrokenOff(String),
    /// It would not.
    #[error("{0}")]
    Failed(String),
}

/// Asks the switch behind a socket. Each row goes to `row`, which may say that it has seen enough; what is returned is
/// the last word.
pub fn ask(socket: &Path, request: &Request, mut row: impl FnMut(Value) -> bool) -> Result<Value, AskError> {
    let nobody = |why| AskError::Nobody { socket: socket.to_owned(), why };
    let broken = |why: io::Error| AskError::BrokenOff(why.to_string());
    let mut stream = UnixStream::connect(socket).map_err(nobody)?;
    let request = serde_json::to_string(request).map_err(|why| AskError::BrokenOff(why.to_string()))?;
    writeln!(stream, "{request}").map_err(broken)?;
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line.map_err(broken)?) {
            Ok(Line::Row(value)) => {
                if !row(value) {
                    return Ok(Value::Null);
                }
            }
            Ok(Line::Done(value)) => return Ok(value),
            Ok(Line::Failed(why)) => return Err(AskError::Failed(why)),
            Err(why) => return Err(AskError::BrokenOff(why.to_string())),
        }
    }
    Err(AskError::BrokenOff("it closed the connection".to_owned()))
}
