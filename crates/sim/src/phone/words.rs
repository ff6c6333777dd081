//! What a phone is set up with, what it is told and what it tells.

use std::net::SocketAddr;
use std::time::Duration;

use audio::{Codec, Sound};
use bytes::Bytes;
use sdp::Srtp;
use sip::{Message, Name};

/// One phone on somebody's desk.
#[derive(Clone, Debug)]
pub struct PhoneConf {
    /// The user part of its address: an account, or a number where it stands for a trunk.
    pub user: String,
    /// The name it shows to others.
    pub display: Option<String>,
    /// What it answers challenges with; without one it takes no for an answer.
    pub password: Option<String>,
    /// Its own SIP address.
    pub sip: SocketAddr,
    /// Where it receives RTP.
    pub rtp: SocketAddr,
    /// Where it sends all its requests.
    pub server: SocketAddr,
    /// What it speaks, best first.
    pub codecs: Vec<Codec>,
    /// Whether it encrypts what it says, with keys it writes into its offers and answers (RFC 4568).
    pub srtp: Srtp,
    /// What it says, over and over, while it talks.
    pub voice: Sound,
    /// What it does when somebody calls.
    pub manner: Manner,
    /// Which phone it is, whatever its address (`+sip.instance`); then it asks for a GRUU.
    pub instance: Option<String>,
    /// How long a registration shall last.
    pub expires_secs: u32,
}

/// What a phone does by itself when somebody calls. It always answers OPTIONS, BYE and CANCEL, and says ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Nothing: a script says every word.
    Scripted,
    /// Rings so long, then answers.
    Answers {
        /// How long it rings.
        rings: Duration,
    },
    /// Lets be heard what it says, reliably where the caller takes that, and answers after so long.
    Announces {
        /// How long it waits.
        rings: Duration,
    },
    /// Rings until the caller gives up.
    Rings,
    /// Says no at once.
    Refuses {
        /// 300 to 699.
        status: u16,
    },
}

/// What a phone is told.
#[derive(Debug)]
pub enum Input {
    /// A SIP datagram.
    Sip(Bytes),
    /// An RTP datagram.
    Rtp {
        /// Who sent it.
        from: SocketAddr,
        /// All of it.
        bytes: Bytes,
    },
    /// Time has passed.
    Tick,
    /// Somebody pushes a button.
    Command(Command),
}

/// A button on the phone. One that means nothing at the moment does nothing.
#[derive(Clone, Debug)]
pub enum Command {
    /// Register, or refresh; 0 seconds take the binding back.
    Register {
        /// How long it shall last.
        expires_secs: u32,
    },
    /// Call somebody.
    Call(Dial),
    /// Answer whoever knocks, with 180, 200, 486, 603, …
    Say {
        /// The status of the response.
        status: u16,
        /// The codecs of our answer, where they are not the phone's own.
        codecs: Option<Vec<Codec>>,
        /// A provisional one is said until its PRACK comes (RFC 3262).
        reliably: bool,
    },
    /// Put the receiver down: CANCEL, BYE or 603, as the state asks.
    HangUp,
    /// Press a key.
    Press {
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        key: char,
        /// How it is sent.
        by: Keys,
    },
    /// Hold the other side, or resume.
    Change {
        /// How; nothing resumes.
        hold: Option<Hold>,
        /// In which request.
        by: By,
    },
    /// Ask the other side for an offer, by a re-INVITE without one.
    AskForOffer,
    /// Ask for the other side to be brought elsewhere (REFER).
    Refer {
        /// The Refer-To header.
        to: String,
        /// One more header line.
        header: Option<(Name, String)>,
    },
    /// Watch something, or end it.
    Subscribe(Subscribe),
    /// Send a text (MESSAGE).
    Write(Text),
    /// Say of oneself what one is about (PUBLISH): `away`, `busy`; `open` is nothing of that kind, `closed` not there.
    Publish(String),
    /// Say this from now on; an empty sound is silence without packets.
    Speak(Sound),
    /// Answer calls so from now on.
    Behave(Manner),
    /// The plug is pulled: no word more to anybody, until the next command.
    Vanish,
}

/// How a phone says that it does not listen: all of these are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// `a=sendonly` (RFC 3264 §8.4).
    SendOnly,
    /// `a=inactive`.
    Inactive,
    /// `c=IN IP4 0.0.0.0` for the whole session, and no word of a direction (RFC 2543).
    Nowhere,
    /// `c=IN IP6 ::` for the medium.
    Nowhere6,
    /// `a=sendonly` for the whole session.
    Session,
}

/// What carries an offer within a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A re-INVITE (RFC 3261 §14).
    Invite,
    /// An UPDATE, perhaps before the answer (RFC 3311).
    Update,
    /// The next PRACK (RFC 3262 §5).
    Prack,
}

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// A number or a name.
    pub to: String,
    /// The event package.
    pub event: String,
    /// For how long; 0 ends it, or asks once.
    pub expires_secs: u32,
    /// One more header line.
    pub header: Option<(Name, String)>,
}

/// A text to be sent.
#[derive(Clone, Debug)]
pub struct Text {
    /// A number or a name; none means the other side of the call.
    pub to: Option<String>,
    /// The user part of From, where it is not the phone's own.
    pub from: Option<String>,
    /// One more header line.
    pub header: Option<(Name, String)>,
    /// What it says.
    pub body: String,
}

/// A number to call, and how.
#[derive(Clone, Debug, Default)]
pub struct Dial {
    /// A number, a name, or a whole URI.
    pub to: String,
    /// The codecs of the offer, where they are not the phone's own; an empty list sends no offer at all.
    pub codecs: Option<Vec<Codec>>,
    /// The user part of From, where it is not the phone's own.
    pub from: Option<String>,
    /// Further header lines.
    pub headers: Vec<(Name, String)>,
    /// It offers to hear, and not to speak.
    pub listens: bool,
}

/// How keys are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// As telephone-events in the RTP (RFC 4733).
    Event,
    /// In a SIP INFO (`application/dtmf-relay`).
    Info,
}

/// What a phone does and tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this from the SIP address.
    Sip {
        /// Where.
        to: SocketAddr,
        /// One message.
        bytes: Bytes,
    },
    /// Send this from the RTP address.
    Rtp {
        /// Where.
        to: SocketAddr,
        /// One packet.
        bytes: Bytes,
    },
    /// What there is to tell.
    Event(Event),
}

/// What happened at a phone.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It says this; repetitions are not told.
    Said(Box<Message>),
    /// It hears this; repetitions are not told.
    Heard(Box<Message>),
    /// It is registered, for so long; 0 means no longer.
    Registered {
        /// For how long.
        expires_secs: u32,
    },
    /// It could not register; 408 where nobody answered.
    NotRegistered {
        /// What the answer was.
        status: u16,
    },
    /// Somebody calls.
    Knocks,
    /// The call got through: one of both answered, and both may talk.
    Answered,
    /// The ACK of our 200 came.
    Confirmed,
    /// The number called says no; 408 where nobody answered.
    Refused {
        /// How.
        status: u16,
    },
    /// A request of ours was never answered, however often it was sent.
    Unanswered {
        /// Which: `INVITE`, `BYE`, …
        method: &'static str,
    },
    /// The other side broke the rules; what it did.
    Odd(&'static str),
    /// What [`Command::Change`] came to.
    Changed {
        /// 200, or why not.
        status: u16,
    },
    /// The other side pressed a key (RFC 4733).
    Key(char),
    /// A call is over that was answered, or that knocked here.
    Ended {
        /// This phone ended it.
        by_us: bool,
    },
}
