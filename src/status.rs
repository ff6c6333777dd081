//! What the switch is about just now, for people to read: the calls and the phones.
//!
//! Where it stands: made from the switch when an operator asks; the console sends it as JSON. It decides nothing.

use base::Time;
use call::{Call, Silence};
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
}

impl CallStatus {
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
        }
    }
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
            user_agent: binding.user_agent.clone(),
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
    /// For so many seconds more.
    pub secs: u64,
}

impl From<Ban> for BanStatus {
    fn from(ban: Ban) -> BanStatus {
        BanStatus { source: ban.source.to_string(), account: ban.account, secs: ban.left.as_secs() }
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
