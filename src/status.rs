//! What the switch is about just now, for people to read: the calls and the phones.
//!
//! Where it stands: made from the switch when an operator asks; the console sends it as JSON. It decides nothing.

use acd::{AgentState, AgentView, QueueView};
use base::Time;
use call::{Call, Leg, Silence, Sounds};
use serde::{Deserialize, Serialize};
use sip::{Ban, Binding, Mailbox, Watching};

/// One call under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallStatus {
    /// Our id of the caller's whole journey.
    pub call: String,
    /// When the INVITE came (RFC 3339, UTC).
    pub started: String,
    /// Seconds since then.
    pub secs: u64,
    /// Who calls: an account, or a stranger's number.
    pub caller: String,
    /// The number dialled.
    pub called: String,
    /// `inbound`, `outbound` or `internal`.
    pub direction: String,
    /// Where the caller is now: the last destination of the path.
    pub at: String,
    /// Was the caller answered?
    pub answered: bool,
    /// The party that talks with the caller.
    pub with: Option<String>,
    /// `recorded`, `masked` or `paused`; nothing where nobody records.
    pub recording: Option<String>,
    /// The caller's place in the line of the queue he waits in, 1 at its head.
    #[serde(default)]
    pub position: Option<usize>,
    /// Who has agreed on a sound, and how it is.
    #[serde(default)]
    pub legs: Vec<LegStatus>,
}

/// The sound of one leg of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LegStatus {
    /// Who is at its other end.
    pub party: String,
    /// Its codec.
    pub codec: String,
    /// How what it says sounds here, over the last seconds: 1 to 4.4, by the E-model; none while it says next to nothing.
    pub mos: Option<f32>,
    /// How what we send sounds there, by its own reports.
    pub remote_mos: Option<f32>,
}

impl LegStatus {
    /// How a leg stands; nothing before it has agreed on a codec.
    fn of(leg: &Leg) -> Option<LegStatus> {
        let (codec, Sounds { mos, remote_mos }) = (leg.codec().filter(|_| leg.is_live())?, leg.sounds());
        Some(LegStatus { party: leg.party.label().to_owned(), codec: codec.name().to_owned(), mos, remote_mos })
    }
}

impl CallStatus {
    /// The worst that is heard in it just now, either way.
    pub fn mos(&self) -> Option<f32> {
        self.legs.iter().flat_map(|leg| [leg.mos, leg.remote_mos]).flatten().min_by(f32::total_cmp)
    }

    /// How a call stands.
    pub fn of(call: &Call, now: Time) -> CallStatus {
        let cdr = call.cdr();
        let began = call.facts().first().map_or(now, |fact| fact.at);
        CallStatus {
            call: cdr.call,
            started: cdr.started,
            secs: now.since(began).as_secs(),
            caller: cdr.caller,
            called: cdr.called,
            direction: cdr.direction.word().to_owned(),
            at: cdr.path.last().cloned().unwrap_or_default(),
            answered: cdr.answered.is_some(),
            with: cdr.answered_by,
            recording: call.is_recorded().then(|| {
                let (mask, pause) = (call.is_silent(Silence::Mask), call.is_silent(Silence::Pause));
                if mask {
                    "masked"
                } else if pause {
                    "paused"
                } else {
                    "recorded"
                }
                .to_owned()
            }),
            position: None,
            legs: call.legs().iter().filter_map(LegStatus::of).collect(),
        }
    }
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// Its name.
    pub queue: String,
    /// It lets nobody in.
    pub closed: bool,
    /// How many wait, those whose agent is being rung too.
    pub waiting: usize,
    /// How many want to be called back.
    #[serde(default)]
    pub call_backs: usize,
    /// How long the one has waited who waits longest.
    pub waited_secs_max: u64,
    /// How many talk with an agent.
    pub talking: usize,
    /// Agents who are logged in.
    pub logged_in: usize,
    /// Of these, paused.
    pub paused: usize,
    /// Of those at work, free: a call could ring them now.
    pub free: usize,
    /// How long the next caller would wait; nothing before the first conversation is over.
    pub estimate_secs: Option<u64>,
    /// Who of them is rung first.
    pub strategy: acd::Strategy,
}

impl From<QueueView<'_>> for QueueStatus {
    fn from(view: QueueView<'_>) -> QueueStatus {
        QueueStatus {
            queue: view.queue.to_string(),
            closed: view.closed,
            waiting: view.waiting,
            call_backs: 0,
            waited_secs_max: view.waited_max.as_secs(),
            talking: view.talking,
            logged_in: view.logged_in,
            paused: view.logged_in - view.at_work,
            free: view.free,
            estimate_secs: view.estimate.map(|wait| wait.as_secs()),
            strategy: view.strategy,
        }
    }
}

/// One who wants to be called back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallBackStatus {
    /// The call it was asked for in: what the wish is called by.
    pub id: String,
    /// The queue.
    pub queue: String,
    /// The number.
    pub number: String,
    /// Seconds since it was asked for.
    pub secs: u64,
    /// How often it was tried.
    pub tries: u32,
    /// How often it is at most.
    pub tries_max: u32,
    /// `agent` or `customer`: who is rung first.
    pub first: acd::First,
}

impl CallBackStatus {
    /// How a wish stands.
    pub fn of(wish: &acd::Wish, now_ms: i64) -> CallBackStatus {
        CallBackStatus {
            id: wish.id.to_string(),
            queue: wish.queue.to_string(),
            number: wish.number.clone(),
            secs: u64::try_from((now_ms - wish.asked_ms) / 1000).unwrap_or(0),
            tries: wish.tries,
            tries_max: wish.tries_max,
            first: wish.first,
        }
    }
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// The account.
    pub agent: String,
    /// `logged-out`, `available`, `offered`, `talking`, `hold`, `wrap-up`, `resting` or `paused`.
    pub state: String,
    /// Why, where paused.
    pub reason: Option<String>,
    /// Seconds in this state.
    pub secs: u64,
    /// Seconds until it ends by itself, where it does.
    #[serde(default)]
    pub left_secs: Option<u64>,
    /// What follows the call: `logged-out` or the reason of a pause; nothing where work goes on.
    pub next: Option<String>,
    /// The call that rings or is talked in.
    pub call: Option<String>,
    /// Its queue.
    pub queue: Option<String>,
    /// Calls since the login.
    pub calls: u64,
    /// Seconds talked since the login.
    pub talked_secs: u64,
    /// The queues served.
    pub queues: Vec<String>,
}

impl AgentStatus {
    /// How an agent stands.
    pub fn of(view: AgentView<'_>, now: Time) -> AgentStatus {
        let reason = match &view.state {
            AgentState::Paused(reason) => Some(reason.to_string()),
            _ => None,
        };
        let next = view.next.map(|next| match next {
            AgentState::Paused(reason) => reason.to_string(),
            next => next.word().to_owned(),
        });
        AgentStatus {
            agent: view.agent.to_string(),
            state: view.state.word().to_owned(),
            reason,
            secs: now.since(view.since).as_secs(),
            left_secs: view.until.map(|until| until.since(now).as_secs()),
            next,
            call: view.call.map(|call| call.to_string()),
            queue: view.queue.map(ToString::to_string),
            calls: view.calls,
            talked_secs: view.talked.as_secs(),
            queues: view.queues.into_iter().map(ToString::to_string).collect(),
        }
    }
}

/// One who is in a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConferenceStatus {
    /// The room's name.
    pub conference: String,
    /// His number in it.
    pub member: u32,
    /// Who it is: an account, or a number.
    pub who: String,
    /// Our id of his call.
    pub call: String,
    /// Seconds since he came.
    pub secs: u64,
    /// He may do all there is to do.
    pub moderator: bool,
    /// The others do not hear him,
    pub muted: bool,
    /// because a moderator or the operator said so.
    pub muted_by_moderator: bool,
    /// A moderator is awaited.
    pub waits: bool,
    /// Nobody but moderators may come in.
    pub locked: bool,
    /// All are recorded.
    pub recorded: bool,
}

/// Opening hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoursStatus {
    /// Their name.
    pub hours: String,
    /// Is somebody there?
    pub open: bool,
    /// Somebody has put it so; else it is by the clock.
    pub by_hand: bool,
    /// The time zone.
    pub zone: String,
    /// When the clock changes it next (RFC 3339, UTC), within a year.
    pub next_change: Option<String>,
}

/// One registered phone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhoneStatus {
    /// Whose.
    pub account: String,
    /// The contact, as the phone sent it.
    pub contact: String,
    /// Where it is.
    pub address: String,
    /// By `UDP`, `TCP`, …
    pub transport: String,
    /// What the phone calls itself.
    pub user_agent: String,
    /// Seconds until the registration ends, if it is not refreshed.
    pub expires_secs: u64,
}

impl PhoneStatus {
    /// How a binding of that account stands.
    pub fn of(account: &str, binding: &Binding, now: Time) -> PhoneStatus {
        PhoneStatus {
            account: account.to_owned(),
            contact: binding.contact.clone(),
            address: binding.source.to_string(),
            transport: binding.flow.transport.as_str().to_owned(),
            user_agent: binding.user_agent.to_string(),
            expires_secs: binding.expires.since(now).as_secs(),
        }
    }
}

/// One who is kept out after too many wrong passwords.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BanStatus {
    /// From where: an address, of IPv6 a whole /64.
    pub source: String,
    /// For which account; none means for all that have no phone there.
    pub account: Option<String>,
    /// For so many seconds more; none: until somebody ends it.
    pub secs: Option<u64>,
}

impl BanStatus {
    /// Nothing goes outside on this account, wherever its phones are.
    pub fn outside(account: &str) -> BanStatus {
        BanStatus { source: "outside".to_owned(), account: Some(account.to_owned()), secs: None }
    }
}

impl From<Ban> for BanStatus {
    fn from(ban: Ban) -> BanStatus {
        BanStatus { source: ban.source.to_string(), account: ban.account, secs: Some(ban.left.as_secs()) }
    }
}

/// One who watches something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionStatus {
    /// Whose phone it is.
    pub watcher: String,
    /// The event package: `dialog`, `presence`, `message-summary` or `reg`.
    pub event: String,
    /// What is watched: `person:NAME` or `queue:NAME`.
    pub resource: String,
    /// As the phone called it: a URI.
    pub uri: String,
    /// Where the phone is.
    pub address: String,
    /// By `UDP`, `TCP`, …
    pub transport: String,
    /// Seconds until it ends, if it is not refreshed.
    pub expires_secs: u64,
}

impl SubscriptionStatus {
    /// How a subscription stands.
    pub fn of(watching: Watching<'_>, now: Time) -> SubscriptionStatus {
        SubscriptionStatus {
            watcher: watching.watcher.to_owned(),
            event: watching.package.word().to_owned(),
            resource: watching.resource.to_owned(),
            uri: watching.entity.to_owned(),
            address: watching.flow.remote.to_string(),
            transport: watching.flow.transport.as_str().to_owned(),
            expires_secs: watching.expires.since(now).as_secs(),
        }
    }
}

/// A message somebody has left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoicemailStatus {
    /// For whom.
    pub account: String,
    /// By whom, when, how long, and whether it was listened to.
    #[serde(flatten)]
    pub message: voicemail::Message,
}

impl VoicemailStatus {
    /// How it stands.
    pub fn of(account: &str, message: &voicemail::Message) -> VoicemailStatus {
        VoicemailStatus { account: account.to_owned(), message: message.clone() }
    }
}

/// What waits for somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailboxStatus {
    /// Whose it is.
    pub account: String,
    /// Messages nobody has heard.
    pub new: u32,
    /// Messages that were heard and kept.
    pub old: u32,
}

impl MailboxStatus {
    /// How that account's mailbox stands.
    pub fn of(account: &str, mailbox: Mailbox) -> MailboxStatus {
        MailboxStatus { account: account.to_owned(), new: mailbox.new, old: mailbox.old }
    }
}
