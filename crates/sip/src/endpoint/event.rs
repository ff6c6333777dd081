//! What an endpoint is told and what it tells: the words between this room and those above.

use std::net::SocketAddr;
use std::time::Duration;

use base::LegId;
use bytes::Bytes;

use super::bans::Ban;
use super::requests::{Answer, Outside, RequestId};
use crate::digest::Credentials;
use crate::invite::{Referral, Replaces};
use crate::package::{Package, State};
use crate::subscribe::{Reason, SubscriptionId};
use crate::texts::TextId;
use crate::{Flow, Headers, Name, NameAddr, Place, Transport};

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// One datagram, or one message cut from a stream.
    Received {
        /// Where it came from.
        flow: Flow,
        /// All of it.
        bytes: Bytes,
    },
    /// The same, but it has waited too long to be served: a request that begins something is refused, so that what stands
    /// is not held up, and its sender tries again later or elsewhere.
    Late {
        /// Where it came from.
        flow: Flow,
        /// All of it.
        bytes: Bytes,
    },
    /// Send phones and proxies elsewhere: 503 to REGISTER and OPTIONS, idle connections closed. What stands goes on.
    Drain,
    /// A stream is gone: its bindings die, its transactions fail.
    Closed {
        /// The shell's number of it.
        connection: u64,
    },
    /// No way leads there: requests waiting for an answer from there fail.
    Unreachable {
        /// How we had sent it.
        transport: Transport,
        /// Where we had sent to.
        remote: SocketAddr,
    },
    /// Somebody on the way says that a datagram of ours did not arrive (ICMP). Anybody can say so: the request that it
    /// quotes fails if it is one that begins something, and nobody has answered it.
    Undelivered {
        /// Where we had sent it to.
        remote: SocketAddr,
        /// How it began.
        quoted: Bytes,
    },
    /// The other end of a connection has proven by its certificate to be this trunk.
    Proven {
        /// The shell's number of it.
        connection: u64,
        /// The trunk's name.
        trunk: String,
    },
    /// Where a name leads that dialogs go on by, or may.
    Leads {
        /// The name.
        place: Place,
        /// The flows to it, in the order to be tried. None: it leads nowhere, as far as is known.
        flows: Vec<Flow>,
    },
    /// It is `deadline()`.
    Tick,
    /// The rooms above decided something.
    Command(Command),
}

/// What is to be done with a leg. One that does not fit the leg's state any more (the other side was quicker) is
/// ignored; the event that says so is on its way.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A provisional response to the INVITE.
    Ring {
        /// The incoming leg.
        leg: LegId,
        /// 101 to 199.
        status: u16,
        /// Early media, for 183: our answer; or our offer, to a caller who made none and hears reliably. `Agreed` follows.
        sdp: Option<Bytes>,
    },
    /// 200 to what was `Offered`, if something was; else to the INVITE.
    Answer {
        /// The leg.
        leg: LegId,
        /// The answer; the offer where the INVITE had none.
        sdp: Bytes,
    },
    /// A final refusal of the INVITE (the leg ends), or of what was `Offered` (the leg stands).
    Reject {
        /// The leg.
        leg: LegId,
        /// 300 to 699.
        status: u16,
    },
    /// Asks something outside of any INVITE's dialog: REGISTER, OPTIONS, NOTIFY, MESSAGE … `RequestDone` follows.
    Request {
        /// From `Endpoint::new_request`.
        id: RequestId,
        /// What, of whom.
        request: Box<Outside>,
    },
    /// Calls someone.
    Invite {
        /// From `Endpoint::new_leg`.
        leg: LegId,
        /// Whom, and with what.
        invite: Box<Outgoing>,
    },
    /// Offers the other side another session, by re-INVITE: where media moved, or who is heard. `Agreed` or `Declined`
    /// follows, later if the other side is changing the session itself.
    Offer {
        /// A leg that is answered.
        leg: LegId,
        /// Our offer.
        sdp: Bytes,
    },
    /// What became of the transfer this leg asked for (`Refer`). A status below 200 accepts it and tells how it goes, a
    /// final one ends it; a first one of 300 or above refuses it.
    Transferred {
        /// The leg that asked.
        leg: LegId,
        /// 100 to 699.
        status: u16,
    },
    /// Ends the leg: CANCEL, BYE or 480, as its state asks. A 200 that crosses our CANCEL is acknowledged and ended.
    HangUp {
        /// The leg.
        leg: LegId,
        /// Why, for a `Reason: SIP;cause=` header: 200 is "Call completed elsewhere".
        status: Option<u16>,
    },
    /// What the application at the other end told its partner: said with the next answer or request of this leg's that it
    /// may stand in (RFC 7433), in place of what was to be said before.
    UserToUser {
        /// The leg.
        leg: LegId,
        /// The header's values; none take back what was to be said.
        said: Vec<String>,
    },
    /// Something about those who watch.
    Watch(Box<Watch>),
    /// What becomes of a text.
    Text {
        /// Which, from [`Event::Text`] or [`Event::Said`].
        text: TextId,
        /// Where it goes.
        delivery: Box<Delivery>,
    },
}

/// Where a text goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// To the party of this leg, in its dialog.
    Party {
        /// The leg.
        leg: LegId,
    },
    /// To all these phones of one person; the first that takes it speaks for all. None: he is not there (480).
    Phones {
        /// Who sends, without tag.
        from: NameAddr,
        /// To whom.
        to: NameAddr,
        /// Where he is.
        phones: Vec<Phone>,
    },
    /// To nobody.
    Refuse {
        /// What its sender is told.
        status: u16,
    },
}

/// Where a phone is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Its contact.
    pub uri: String,
    /// The way there.
    pub flow: Flow,
    /// The proxies between.
    pub routes: Vec<String>,
}

/// What is to be done about those who watch.
#[derive(Clone, Debug, PartialEq)]
pub enum Watch {
    /// The subscription may be: the watcher is told how the resource stands, and hears from now on how it changes.
    Admit {
        /// Which, from [`Event::Subscribes`].
        subscription: SubscriptionId,
        /// What it watches, by whatever name the rooms above give it.
        resource: String,
        /// How that stands.
        state: State,
    },
    /// The subscription may not be.
    Deny {
        /// Which.
        subscription: SubscriptionId,
        /// 403, 404, …
        status: u16,
    },
    /// A resource stands so now. Nobody hears of what nobody watches.
    Stands {
        /// Its name.
        resource: String,
        /// How it stands.
        state: State,
    },
    /// The subscription is to end.
    End {
        /// Which.
        subscription: SubscriptionId,
        /// Why.
        reason: Reason,
    },
}

/// An INVITE to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The Request-URI: a binding's contact, or a trunk's number.
    pub uri: String,
    /// Where to send it.
    pub flow: Flow,
    /// The caller, without tag.
    pub from: NameAddr,
    /// The called, without tag.
    pub to: NameAddr,
    /// Our offer.
    pub sdp: Bytes,
    /// For a trunk that asks who we are, in the INVITE or later in its dialog.
    pub credentials: Option<Credentials>,
    /// More headers: X-Queue, Alert-Info, Max-Forwards, …
    pub headers: Vec<(Name, String)>,
    /// Headers it is to be without, even if we usually say them.
    pub remove: Vec<Name>,
    /// If nobody says a word to it in that time, it is given up: 408.
    pub patience: Option<Duration>,
    /// Where it goes, in turn, when nobody is there or who is there is too busy: the other servers of a name (RFC 3263
    /// §4.3), the other flows of a phone (RFC 5626 §5.3).
    pub others: Vec<Hop>,
}

/// One way to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The Request-URI.
    pub uri: String,
    /// The proxies on the way, as in Route.
    pub routes: Vec<String>,
    /// Where to send it.
    pub flow: Flow,
}

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
    /// A dialog goes on by a name: where that leads is to be said by [`Input::Leads`]. Nobody waits for it.
    Named {
        /// The name.
        place: Place,
    },
    /// Somebody of ours sends a text to somebody: to be answered by [`Command::Text`].
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
    /// A party says something to its partner that is theirs to understand: to be answered by [`Command::Text`].
    Said {
        /// The leg of who says it.
        leg: LegId,
        /// What is said.
        text: TextId,
        /// By INFO, not by MESSAGE.
        is_info: bool,
    },
    /// Somebody of ours wants to watch something: to be answered by [`Watch::Admit`] or [`Watch::Deny`].
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
    /// What the caller's phone calls itself.
    pub user_agent: String,
    /// The hops the INVITE has left; an onward INVITE gets one fewer.
    pub max_forwards: u8,
    /// The call whose place it wants (RFC 3891).
    pub replaces: Option<Replaces>,
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
