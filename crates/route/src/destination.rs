//! A place a call can go, as the conf writes it: `person:ann`, `menu:main`, `echo`.

use std::fmt;
use std::str::FromStr;

use crate::Wish;

/// How somebody hears another's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ear {
    /// Heard by nobody.
    Listen,
    /// Heard by the person dialled alone.
    Whisper,
    /// Heard by all.
    Barge,
}

/// A place a call can go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// All phones of one person.
    Person(String),
    /// All phones of all its people, at once.
    Group(String),
    /// The caller speaks to all its people at once, whose phones pick up by themselves.
    Page(String),
    /// A room in which many talk.
    Conference(String),
    /// Keys choose where to go on.
    Menu(String),
    /// Waiting in a queue for the next agent.
    Queue(String),
    /// The caller, an agent, is ready for calls: of all queues, or of this one too.
    Login(Option<String>),
    /// The caller, an agent, goes: altogether, or from this queue.
    Logout(Option<String>),
    /// The caller, an agent, takes a pause, with its reason; `*`: the one whose code is dialled behind the number.
    Pause(String),
    /// The caller, an agent, says what his last call came to, by the code dialled behind the number.
    Disposition,
    /// The caller, an agent, wants so many more seconds after a call.
    WrapUp(u16),
    /// Opens or closes these hours by hand, or leaves them to the clock again.
    Hours {
        /// Which.
        hours: String,
        /// Open or closed; none: by the clock.
        by_hand: Option<bool>,
    },
    /// The caller hears the call of the person dialled; see [`Ear`].
    Supervise(Ear),
    /// The caller, an agent or a supervisor, gets who waits in this queue, at the place dialled or at its head.
    Take(String),
    /// The caller hears the calls of the person dialled, one after another, until he hangs up.
    Follow(Ear),
    /// The caller, a person, wants this of the calls to him from now.
    Wish(Wish),
    /// Who is brought here waits, parked, until somebody dials the same number.
    Park,
    /// The caller takes the call that rings at the person dialled, or at who shares a group with the caller.
    Pickup,
    /// The caller leaves a message for this account.
    Voicemail(String),
    /// The caller listens to the messages left for him.
    Mailbox,
    /// A prompt is played, then the call ends.
    Play(String),
    /// Out through a trunk, to the number dialled.
    Trunk(String),
    /// Out through a trunk, to a number of the conf's.
    Number {
        /// The trunk.
        trunk: String,
        /// The number, as it is sent.
        number: String,
    },
    /// The caller hears himself.
    Echo,
    /// A steady test tone (1004 Hz, the usual level of −10 dBm0).
    Tone,
    /// Refused with a SIP status.
    Reject(u16),
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Destination, String> {
        let (kind, name) = text.split_once(':').map_or((text, None), |(kind, name)| (kind, Some(name.to_owned())));
        let named = name.clone().filter(|name| !name.is_empty());
        match (kind, named) {
            ("person", Some(name)) => Ok(Destination::Person(name)),
            ("group", Some(name)) => Ok(Destination::Group(name)),
            ("page", Some(name)) => Ok(Destination::Page(name)),
            ("conference", Some(name)) => Ok(Destination::Conference(name)),
            ("menu", Some(name)) => Ok(Destination::Menu(name)),
            ("queue", Some(name)) => Ok(Destination::Queue(name)),
            ("login", queue) if queue.is_some() || name.is_none() => Ok(Destination::Login(queue)),
            ("logout", queue) if queue.is_some() || name.is_none() => Ok(Destination::Logout(queue)),
            ("pause", None) if name.is_none() => Ok(Destination::Pause("pause".to_owned())),
            ("pause", Some(reason)) => Ok(Destination::Pause(reason)),
            ("disposition", None) if name.is_none() => Ok(Destination::Disposition),
            ("wrap-up", Some(secs)) => match secs.parse() {
                Ok(secs @ 1..=3600) => Ok(Destination::WrapUp(secs)),
                _ => Err(format!("wrap-up:{secs} is no time after a call; write 1 to 3600 seconds")),
            },
            ("open", Some(hours)) => Ok(Destination::Hours { hours, by_hand: Some(true) }),
            ("close", Some(hours)) => Ok(Destination::Hours { hours, by_hand: Some(false) }),
            ("clock", Some(hours)) => Ok(Destination::Hours { hours, by_hand: None }),
            ("dnd" | "forward" | "when-free", _) => Ok(Destination::Wish(text.parse()?)),
            ("park", None) if name.is_none() => Ok(Destination::Park),
            ("pickup", None) if name.is_none() => Ok(Destination::Pickup),
            ("listen", None) if name.is_none() => Ok(Destination::Supervise(Ear::Listen)),
            ("whisper", None) if name.is_none() => Ok(Destination::Supervise(Ear::Whisper)),
            ("barge", None) if name.is_none() => Ok(Destination::Supervise(Ear::Barge)),
            ("take", Some(queue)) => Ok(Destination::Take(queue)),
            ("follow", how) if how.is_some() || name.is_none() => match how.as_deref() {
                None => Ok(Destination::Follow(Ear::Listen)),
                Some("whisper") => Ok(Destination::Follow(Ear::Whisper)),
                Some("barge") => Ok(Destination::Follow(Ear::Barge)),
                Some(how) => {
                    Err(format!("follow:{how} is no way to follow; write follow, follow:whisper or follow:barge"))
                }
            },
            ("voicemail", Some(name)) => Ok(Destination::Voicemail(name)),
            ("mailbox", None) if name.is_none() => Ok(Destination::Mailbox),
            ("play", Some(name)) => Ok(Destination::Play(name)),
            ("trunk", Some(name)) if name.contains('/') => match name.split_once('/') {
                Some((trunk, number)) if is_sent(number) && !trunk.is_empty() => {
                    Ok(Destination::Number { trunk: trunk.to_owned(), number: number.to_owned() })
                }
                _ => Err(format!("{text:?} names no number to send; write one such as trunk:carrier/0911234567")),
            },
            ("trunk", Some(name)) => Ok(Destination::Trunk(name)),
            ("echo", None) if name.is_none() => Ok(Destination::Echo),
            ("tone", None) if name.is_none() => Ok(Destination::Tone),
            ("reject", Some(status)) => match status.parse() {
                Ok(status @ 400..=699) => Ok(Destination::Reject(status)),
                _ => Err(format!("reject:{status} is no refusal; write a SIP status from 400 to 699")),
            },
            _ => Err(format!(
                "{text:?} is no destination; write person:NAME, group:NAME, page:GROUP, queue:NAME, conference:NAME, menu:NAME, play:PROMPT, voicemail:NAME, mailbox, \
                 trunk:NAME, trunk:NAME/NUMBER, login, login:QUEUE, logout, logout:QUEUE, pause, pause:REASON, pause:*, wrap-up:SECS, disposition, open:HOURS, close:HOURS, clock:HOURS, dnd, dnd:off, forward:always, forward:busy, forward:no-answer, forward:off, when-free, when-free:off, park, pickup, listen, whisper, barge, follow, take:QUEUE, echo, tone or reject:STATUS"
            )),
        }
    }
}

/// Digits, as a carrier takes them.
fn is_sent(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number);
    (1..=32).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit() || b"*#".contains(&digit))
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Person(name) => write!(f, "person:{name}"),
            Destination::Group(name) => write!(f, "group:{name}"),
            Destination::Page(name) => write!(f, "page:{name}"),
            Destination::Conference(name) => write!(f, "conference:{name}"),
            Destination::Menu(name) => write!(f, "menu:{name}"),
            Destination::Queue(name) => write!(f, "queue:{name}"),
            Destination::Login(None) => f.write_str("login"),
            Destination::Login(Some(queue)) => write!(f, "login:{queue}"),
            Destination::Logout(None) => f.write_str("logout"),
            Destination::Logout(Some(queue)) => write!(f, "logout:{queue}"),
            Destination::Pause(reason) => write!(f, "pause:{reason}"),
            Destination::Disposition => f.write_str("disposition"),
            Destination::WrapUp(secs) => write!(f, "wrap-up:{secs}"),
            Destination::Hours { hours, by_hand: Some(true) } => write!(f, "open:{hours}"),
            Destination::Hours { hours, by_hand: Some(false) } => write!(f, "close:{hours}"),
            Destination::Hours { hours, by_hand: None } => write!(f, "clock:{hours}"),
            Destination::Wish(wish) => wish.fmt(f),
            Destination::Park => f.write_str("park"),
            Destination::Pickup => f.write_str("pickup"),
            Destination::Take(queue) => write!(f, "take:{queue}"),
            Destination::Follow(Ear::Listen) => f.write_str("follow"),
            Destination::Follow(Ear::Whisper) => f.write_str("follow:whisper"),
            Destination::Follow(Ear::Barge) => f.write_str("follow:barge"),
            Destination::Supervise(Ear::Listen) => f.write_str("listen"),
            Destination::Supervise(Ear::Whisper) => f.write_str("whisper"),
            Destination::Supervise(Ear::Barge) => f.write_str("barge"),
            Destination::Voicemail(name) => write!(f, "voicemail:{name}"),
            Destination::Mailbox => f.write_str("mailbox"),
            Destination::Play(name) => write!(f, "play:{name}"),
            Destination::Number { trunk, number } => write!(f, "trunk:{trunk}/{number}"),
            Destination::Trunk(name) => write!(f, "trunk:{name}"),
            Destination::Echo => f.write_str("echo"),
            Destination::Tone => f.write_str("tone"),
            Destination::Reject(status) => write!(f, "reject:{status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_conf_writes_reads_back() {
        for text in [
            "person:ann",
            "group:sales",
            "page:sales",
            "conference:standup",
            "queue:sales",
            "menu:main",
            "play:welcome",
            "voicemail:ann",
            "mailbox",
            "trunk:carrier",
            "trunk:carrier/+385911234567",
            "login",
            "login:sales",
            "logout:sales",
            "logout",
            "pause:lunch",
            "dnd",
            "forward:busy",
            "when-free",
            "park",
            "pickup",
            "listen",
            "whisper",
            "follow",
            "take:sales",
            "follow:barge",
            "barge",
            "open:office",
            "close:office",
            "clock:office",
            "echo",
            "tone",
            "reject:404",
        ] {
            assert_eq!(text.parse::<Destination>().map(|destination| destination.to_string()), Ok(text.to_owned()));
        }
        for bad in [
            "",
            "person",
            "person:",
            "ann",
            "echo:1",
            "trunk:a/",
            "trunk:/1",
            "trunk:a/x",
            "tone:",
            "reject:200",
            "reject:x",
            "queue:",
            "login:",
        ] {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }
}
