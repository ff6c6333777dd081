//! Speaks SIP: bytes and time in, bytes and events out. See ARCHITECTURE.md for where this room stands.
//!
//! The lower half reads and writes: [`wire`], [`message`](Message), [`Headers`], [`Uri`], [`NameAddr`], [`Via`],
//! [`digest`]. The upper half decides: transactions, dialogs, registrar, and the endpoint that joins them.
#![forbid(unsafe_code)]

mod class;
mod dialog;
pub mod digest;
mod endpoint;
mod flow;
mod headers;
mod host;
mod invite;
mod message;
pub mod multipart;
mod name_addr;
mod network;
mod pace;
mod package;
mod place;
mod publish;
mod recording;
mod register;
mod stun;
mod subscribe;
mod text;
mod texts;
mod timers;
mod transaction;
mod uri;
mod user_to_user;
mod via;
pub mod wire;

pub use class::Class;
pub use endpoint::{
    Account, Answer, Ban, BanConf, Command, Delivery, End, Endpoint, Event, FloodConf, Hop, Incoming, Input, Origin,
    Outgoing, Output, Outside, Peer, Phone, Proxies, RequestId, SipConf, Subscribes, Watch, Watching,
};
pub use flow::{Flow, Transport};
pub use headers::{Headers, Name};
pub use host::Host;
pub use invite::{ALLOW, DialogId, Referral, Replaces, TRUNK_SESSION_SECS};
pub use message::{Message, Request, Response, method_name, method_named, reason_phrase};
pub use name_addr::{BadSyntax, NameAddr, Params};
pub use network::{Network, of_network};
pub use package::{Activity, Line, Lines, List, Mailbox, Member, Package, Presence, Shown, Stage, State};
pub use place::Place;
pub use recording::with_metadata;
pub use register::{Binding, Gruu, KeptBinding, Meant};
pub use rsip::Method;
pub use subscribe::{Reason, SubscriptionId};
pub use text::quote;
pub use texts::TextId;
pub use uri::{Scheme, Uri, is_known_scheme, unescape};
pub use user_to_user::user_to_user;
pub use via::{MAGIC_COOKIE, Via};
