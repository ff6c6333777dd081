//! What a line of a script can ask for.

use std::net::SocketAddr;

use std::time::Duration;

use audio::Codec;

use crate::network::NetworkConf;
use crate::phone::{By, Hold, Keys};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// One more phone.
    Phone {
        /// Its name in this script.
        name: String,
        /// Whose it is.
        is: Identity,
    },
    /// A proxy at a trunk's address rings several phones at once.
    Fork {
        /// The trunk.
        trunk: String,
        /// The phones.
        phones: Vec<String>,
    },
    /// The network changes.
    Network(NetworkConf),
    /// Time passes.
    Wait(Duration),
    /// A phone does something.
    Does {
        /// Which.
        who: String,
        /// What.
        act: Act,
    },
    /// A phone hears a message.
    Expect {
        /// Which.
        who: String,
        /// What.
        pattern: Pattern,
    },
    /// A phone hears a sound.
    Hears {
        /// Which.
        who: String,
        /// What.
        sound: Hearing,
    },
    /// A phone has heard a sound until now, and nothing broke it.
    Heard {
        /// Which.
        who: String,
        /// What.
        sound: Hearing,
        /// For how long.
        lasting: Duration,
    },
    /// A recording holds these sounds.
    Recording {
        /// The caller's side: one after another.
        left: Vec<Hearing>,
        /// The other side.
        right: Vec<Hearing>,
        /// How long it is, if that matters.
        seconds: Option<u32>,
        /// What its sidecar says: `rule`, or `asked.by` within `asked`.
        sidecar: Vec<(String, String)>,
    },
    /// There is no further recording.
    NoRecording,
    /// So many new and old messages wait for a person.
    Mailbox {
        /// Who.
        who: String,
        /// How many nobody has heard.
        new: u32,
        /// How many were kept.
        old: u32,
    },
    /// The switch calls by itself.
    Dials {
        /// On whose account.
        account: String,
        /// Who is rung.
        first: String,
        /// Where who answers is brought.
        then: String,
        /// That person's own phones are to pick up by themselves.
        aloud: bool,
    },
    /// The oldest question to a web server that waits: fields of its JSON, or how its address ends.
    WebAsked(String),
    /// It is answered with that JSON; nothing: the server fails.
    WebAnswers(Option<String>),
    /// A call record says so.
    Cdr(Vec<(String, String)>),
}

/// Whose phone it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A person of the conf.
    Person(String),
    /// A trunk of the conf.
    Trunk(String, Option<SocketAddr>),
    /// Nobody's.
    Stranger,
}

/// What a phone does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// `registers` waits for the answer, `> REGISTER` does not.
    Register {
        /// For how long; the phone's own choice if unsaid.
        expires_secs: Option<u32>,
        /// Another password than the right one.
        password: Option<String>,
        /// Which phone it is, whatever its address.
        instance: Option<String>,
        /// Until the 200.
        waits: bool,
    },
    /// Calls.
    Invite(Dialled),
    /// Answers who knocks.
    Say {
        /// With this status.
        status: u16,
        /// With these codecs.
        codecs: Option<Vec<Codec>>,
        /// Until the PRACK comes.
        reliably: bool,
    },
    /// Puts the receiver down, to say CANCEL or BYE.
    HangUp,
    /// Presses keys.
    Presses {
        /// Which.
        keys: String,
        /// How they are sent.
        by: Keys,
    },
    /// Holds, or resumes where nothing is said of how.
    Changes {
        /// How it holds.
        hold: Option<Hold>,
        /// In which request.
        by: By,
    },
    /// Asks for an offer.
    AsksForOffer,
    /// Asks for the other side to be brought elsewhere.
    Refer {
        /// A number, a name or a URI.
        to: String,
        /// The phone whose call is to be taken over.
        replaces: Option<String>,
        /// One more header.
        header: Option<(String, String)>,
    },
    /// Watches something.
    Subscribe {
        /// A number or a name.
        to: String,
        /// The event package.
        event: String,
        /// For how long.
        expires_secs: u32,
        /// One more header.
        header: Option<(String, String)>,
    },
    /// Says of itself what it is about.
    Publish {
        /// `open`, `closed`, `away` or `busy`.
        says: String,
    },
    /// Sends a text.
    Write {
        /// A number or a name; none means the other side of the call.
        to: Option<String>,
        /// The user part of From.
        from: Option<String>,
        /// What it says.
        body: String,
    },
    /// Sends sound, or none.
    Speaks(bool),
    /// Is gone.
    Vanishes,
    /// Encrypts its media from the next call on: always, or where the other side can.
    Encrypts(sdp::Srtp),
}

/// A call to be placed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dialled {
    /// The number, name or URI.
    pub to: String,
    /// The codecs offered; an empty list is no offer.
    pub codecs: Option<Vec<Codec>>,
    /// The user part of From.
    pub from: Option<String>,
    /// One more header.
    pub header: Option<(String, String)>,
    /// The phone whose call it wants (RFC 3891), or `lamp`: the one its own lamp named last.
    pub replaces: Option<String>,
    /// Only if nobody has answered it.
    pub early_only: bool,
    /// The phone whose call it wants to come into (RFC 3911), or `lamp`.
    pub joins: Option<String>,
    /// It offers to hear, and not to speak.
    pub listens: bool,
}

/// A message to be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The method of a request or the status of a response.
    pub what: String,
    /// The method a response answers; INVITE or REGISTER if unsaid.
    pub to: Option<String>,
    /// A header that must be in it; the value must be part of the header's.
    pub header: Option<(String, String)>,
    /// What must be part of its body.
    pub body: Option<String>,
    /// How long it may take, where that is longer than things usually take.
    pub within: Option<Duration>,
}

/// A sound to be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// No sound at all.
    Nothing,
    /// Its own voice.
    Itself,
    /// A phone's voice.
    Voice(String),
    /// A prompt.
    Prompt(String),
    /// The music of who is on hold.
    Music,
    /// That it rings at the other end.
    Ringback,
    /// A tone of so many hertz.
    Tone(u32),
    /// Keys, as telephone-events.
    Keys(String),
}
