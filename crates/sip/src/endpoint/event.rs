//! What an endpoint tells: what is to be sent, and what the rooms above should hear.

use std::net::SocketAddr;

use base::LegId;
use bytes::Bytes;

use super::bans::Ban;
use super::requests::{Answer, RequestId};
use crate::invite::{DialogId, Referral, Replaces};
use crate::package::Package;
use crate::subscribe::SubscriptionId;
use crate::texts::TextId;
use crate::{Flow, Headers, NameAddr, Place};

/// What is to be done or known.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this there.
    Send {
        /// Where.
        flow: Flow,
        /// The message.
        bytes: Bytes,
    },
    /// Close a stream.
    Close {
        /// The shell's number of it.
        connection: u64,
    },
    /// Who opened this stream, and proved to be that trunk, is spoken to by it as if it had been opened there (RFC 5923).
    Reuse {
        /// The shell's number of it.
        connection: u64,
        /// The trunk's name.
        trunk: String,
        /// Where the trunk takes connections.
        remote: SocketAddr,
    },
    /// For the rooms above.
    Event(Event),
}

/// What the rooms above hear.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Somebody we know calls. `100 Trying` has gone out.
    Incoming(Box<Incoming>),
    /// The application at the other end tells its partner something, with what the next event of this leg's says
    /// (RFC 7433).
    UserToUser {
        /// The leg.
        leg: LegId,
        /// The header's values: few, and none of them long.
        said: Vec<String>,
    },
    /// A provisional response to our INVITE.
    Ringing {
        /// The outgoing leg.
        leg: LegId,
        /// Which of those who ring behind it: a proxy may ring several (RFC 3261 §12.1), each with a description of its own.
        fork: u32,
        /// 101 to 199.
        status: u16,
        /// Early media, where that is new.
        sdp: Option<Bytes>,
    },
    /// Our INVITE was answered, by the first 2xx; it is acknowledged.
    Answered {
        /// The outgoing leg.
        leg: LegId,
        /// Which of those who rang.
        fork: u32,
        /// Their answer. None: it stands as it was agreed with that one before, in an `Offered`.
        sdp: Option<Bytes>,
    },
    /// The ACK of our 200 came, for an INVITE or a re-INVITE.
    Confirmed {
        /// The leg.
        leg: LegId,
        /// Their answer, where the offer was ours.
        sdp: Option<Bytes>,
    },
    /// A re-INVITE, UPDATE or PRACK wants another session, perhaps before the INVITE is answered: to be answered at once, by
    /// `Answer` or `Reject`.
    Offered {
        /// The leg.
        leg: LegId,
        /// Which of those who ring behind it, where nobody has answered yet.
        fork: u32,
        /// Their offer; none asks for ours.
        sdp: Option<Bytes>,
    },
    /// The other side took our `Offer`, or a refresh of ours, or the offer of our `Ring`, with this answer.
    Agreed {
        /// The leg.
        leg: LegId,
        /// Their answer.
        sdp: Bytes,
    },
    /// An `Offer` of ours had to wait, and the session has changed meanwhile: it is to be made anew, as things stand now.
    OfferDue {
        /// The leg.
        leg: LegId,
    },
    /// The other side did not take our `Offer`; the session is what it was.
    Declined {
        /// The leg.
        leg: LegId,
        /// Why.
        status: u16,
    },
    /// The party wants its partner to talk with somebody else (RFC 3515): to be answered by `Transferred`.
    Refer {
        /// The leg of who asks.
        leg: LegId,
        /// With whom.
        referral: Box<Referral>,
    },
    /// More is known of what a recording session records (RFC 7866 §9.1); an offer may follow.
    Metadata {
        /// The session's leg.
        leg: LegId,
        /// The metadata.
        xml: Bytes,
    },
    /// A key, pressed in an INFO (`application/dtmf-relay`, `application/dtmf`).
    Digit {
        /// The leg.
        leg: LegId,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
    },
    /// The other side itself said 503 to our INVITE; `Ended` follows.
    Unavailable {
        /// The outgoing leg.
        leg: LegId,
        /// When to come again, if it said so.
        retry_after_secs: Option<u32>,
    },
    /// The leg is over: said once for each leg, whoever ended it. Commands for it are ignored from now on.
    Ended {
        /// The leg.
        leg: LegId,
        /// How.
        end: End,
    },
    /// What became of a `Request`: said once for each.
    RequestDone {
        /// Which.
        id: RequestId,
        /// The final status; 408: nobody answered, 503: nobody can be reached.
        status: u16,
        /// The CSeq of what was asked last: more than what was said, where a challenge was answered.
        cseq: u32,
        /// The response, if there was one.
        answer: Option<Box<Answer>>,
    },
    /// An account's contact can be reached: a new binding or a refreshed one.
    Registered {
        /// Whose.
        account: String,
        /// The contact, as sent.
        contact: String,
        /// Where to send requests for it.
        flow: Flow,
        /// For how long.
        expires_secs: u32,
        /// The phone was not there before, or was started anew since.
        fresh: bool,
    },
    /// An INVITE of ours was not answered there, could not be sent, or was told that they are too busy. Where there is
    /// another way, it is being tried.
    Unreached {
        /// Where.
        flow: Flow,
        /// When to try there again, if they said so.
        retry_after_secs: Option<u32>,
    },
    /// A dialog goes on by a name: where that leads is to be said by [`Input::Leads`](super::Input::Leads). Nobody waits for it.
    Named {
        /// The name.
        place: Place,
    },
    /// Somebody of ours sends a text to somebody: to be answered by [`Command::Text`](super::Command::Text).
    Text {
        /// The text.
        text: TextId,
        /// Who sends it, proven.
        account: String,
        /// To whom: the user part of the Request-URI, unescaped.
        called: String,
        /// The Request-URI.
        uri: String,
    },
    /// A party says something to its partner that is theirs to understand: to be answered by [`Command::Text`](super::Command::Text).
    Said {
        /// The leg of who says it.
        leg: LegId,
        /// What is said.
        text: TextId,
        /// By INFO, not by MESSAGE.
        is_info: bool,
    },
    /// Somebody of ours wants to watch something: to be answered by [`Watch::Admit`](super::Watch::Admit) or [`Watch::Deny`](super::Watch::Deny).
    Subscribes(Subscribes),
    /// Somebody says something else of himself, or nothing any more.
    Published {
        /// Who.
        account: String,
    },
    /// A binding is gone: taken back, expired, replaced, or its stream closed.
    Unregistered {
        /// Whose.
        account: String,
        /// The contact, as sent.
        contact: String,
    },
    /// Somebody failed to prove who they are, for the operator's log.
    Refused {
        /// From where.
        flow: Flow,
        /// Who they claimed to be.
        account: String,
        /// What was wrong.
        why: &'static str,
    },
    /// Somebody failed too often and is kept out for a while.
    Banned(Ban),
    /// A source, or all of them together, sends more than it may; what is too much is dropped. Said once until it ends.
    Flooded {
        /// From where the first request came that was one too many.
        flow: Flow,
    },
}

/// Somebody wants to watch something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribes {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Whose it is, proven.
    pub watcher: String,
    /// By which package.
    pub package: Package,
    /// What is to be watched: the user part of the Request-URI, unescaped; nothing where there is none.
    pub called: String,
    /// The watcher can read what is told of lists (RFC 4662).
    pub lists: bool,
}

/// How a leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The INVITE was refused with this status, by the other side or by us; 408: nobody answered; 503: nobody is there.
    Refused(u16),
    /// The caller gave up before we answered.
    Cancelled,
    /// The other side hung up.
    Bye,
    /// We did.
    HungUp,
    /// Our 200 was never acknowledged.
    NoAck,
    /// The stream it came by is gone.
    Lost,
    /// Nobody kept the session alive (RFC 4028 §10), or nobody answered us any more.
    Expired,
}

/// Somebody we know calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The leg, to be answered, rejected or hung up.
    pub leg: LegId,
    /// Who calls, as proven.
    pub origin: Origin,
    /// Where it came from, as if no proxy of ours stood between.
    pub flow: Flow,
    /// The Request-URI.
    pub uri: String,
    /// Its user part, unescaped; the number of a `tel:`.
    pub called: String,
    /// What the caller says of itself.
    pub from: NameAddr,
    /// Whom the caller dialled.
    pub to: NameAddr,
    /// The dialog's Call-ID.
    pub call_id: String,
    /// The caller's offer; none asks for ours in the 200.
    pub sdp: Option<Bytes>,
    /// The caller takes reliable provisional responses (RFC 3262): in one of them an offer of ours may come before the 200.
    pub hears_reliably: bool,
    /// Its media is to be recorded (RFC 7866): the metadata, which may be empty.
    pub records: Option<Bytes>,
    /// What the caller's phone calls itself.
    pub user_agent: String,
    /// The hops the INVITE has left; an onward INVITE gets one fewer.
    pub max_forwards: u8,
    /// The call whose place it wants (RFC 3891).
    pub replaces: Option<Replaces>,
    /// The dialog whose call it wants to come into, beside who is there (RFC 3911).
    pub joins: Option<DialogId>,
    /// All headers of the INVITE, as they came: what they say is the sender's word.
    pub headers: Headers,
}

/// Who calls, as proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An account, by its password.
    Account(String),
    /// A trunk, by its address.
    Trunk(String),
}
