//! What an endpoint is told: what happened, and what the rooms above decided.

use std::net::SocketAddr;
use std::time::Duration;

use base::LegId;
use bytes::Bytes;

use super::requests::{Outside, RequestId};
use crate::digest::Credentials;
use crate::package::{Member, Package, State};
use crate::subscribe::{Reason, SubscriptionId};
use crate::texts::TextId;
use crate::{Flow, Name, NameAddr, Place, Transport};

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
    /// We have another address on the way to somebody: dialogs that went by one flow go by the other.
    Moved {
        /// As it was.
        from: Flow,
        /// As it is.
        to: Flow,
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
        /// Which, from [`Event::Text`](super::Event::Text) or [`Event::Said`](super::Event::Said).
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
        /// Which, from [`Event::Subscribes`](super::Event::Subscribes).
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
    /// One of a list stands so now. Nobody hears of who is not on it.
    Member {
        /// The list's name.
        resource: String,
        /// By which package.
        package: Package,
        /// Who, and how.
        member: Member,
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
