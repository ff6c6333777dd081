//! The INVITE usage of one leg (RFC 3261 §13 to §15): from the first INVITE, ours or theirs, to the last BYE.
//!
//! Where it stands: the endpoint keeps one for each leg, gives it what belongs to its dialog and carries out what it
//! wants. It has three ages, each a machine of its own: [`Uas`] (they called, we have not answered), [`Uac`] (we
//! called) and [`Session`] (answered, until both have hung up). It knows no transaction but by number, and no call.

mod agreement;
mod dtmf;
mod early;
mod proofs;
mod refer;
mod reliable;
mod replaces;
mod session;
mod session_timer;
mod uac;
mod uas;

use std::mem;

use base::{LegId, Time};
use bytes::Bytes;
use rsip::Method;

pub use proofs::Proofs;
pub use refer::Referral;
pub use replaces::{DialogId, Replaces};
pub use session::Session;
pub use session_timer::{SESSION_SECS_MIN, TooShort};
pub use uac::{Names, Uac};
pub use uas::Uas;

use session_timer::Grant;

use crate::dialog::{Dialog, tagged};
use crate::endpoint::{End, Event};
use crate::recording::Feature;
use crate::{Flow, Headers, Name, Request, Response, Transport, multipart, user_to_user};

/// A transaction of the endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TransactionId(pub u64);

/// The usage, in one of its ages.
#[derive(Debug)]
pub enum Usage {
    /// They called.
    Uas(Box<Uas>),
    /// We called.
    Uac(Box<Uac>),
    /// Answered.
    Session(Box<Session>),
    /// Nothing is left to be done.
    Over,
}

/// What a usage is told. Requests and responses belong to its dialog; CSeq and source were checked.
#[derive(Debug)]
pub enum Input<'a> {
    /// Say a provisional response.
    Ring { status: u16, sdp: Option<Bytes> },
    /// Say 200 to what waits for an answer.
    Answer { sdp: Bytes },
    /// Refuse what waits for an answer.
    Reject { status: u16 },
    /// Change the session to this.
    Offer { sdp: Bytes },
    /// The transfer they asked for has come so far.
    Transferred { status: u16 },
    /// End it.
    HangUp { status: Option<u16> },
    /// A request other than ACK and CANCEL.
    Request { transaction: TransactionId, request: &'a Request },
    /// The ACK of a 2xx.
    Ack { request: &'a Request },
    /// The INVITE, or re-INVITE, of this transaction is cancelled.
    Cancel { transaction: TransactionId },
    /// To a request of ours.
    Response { method: Method, response: &'a Response, flow: Flow },
    /// Nobody answered a request of ours in time.
    TimedOut { method: Method },
    /// A request of ours cannot reach the other side.
    Lost { method: Method, end: End },
    /// The stream by which they called is gone.
    Closed,
    /// It is `deadline()`.
    Tick,
}

/// What a usage wants.
#[derive(Debug)]
pub enum Output {
    /// Answer a request.
    Respond { transaction: TransactionId, status: u16, bytes: Bytes },
    /// Begin an INVITE client transaction.
    Invite { request: Request, to: Flow },
    /// Begin a client transaction for an INVITE within the dialog.
    Reinvite { request: Request, to: Flow },
    /// Begin another client transaction.
    Request { request: Request, to: Flow },
    /// CANCEL the INVITE of ours.
    Cancel { reason: Option<String> },
    /// Nobody answers the INVITE of ours any more, not even to say that it was cancelled.
    Abandon,
    /// Acknowledge a 2xx to the INVITE of ours.
    Acknowledge { ack: Request, tag: Box<str>, to: Flow },
    /// Acknowledge it and end its dialog at once; nobody waits to hear how that went.
    TurnDown(TurnDown),
    /// An account's phone was not reached by this way. `is_gone`: the proxy before it says so (430, RFC 5626 §5.3).
    FlowFailed { account: String, hop: Box<crate::Hop>, is_gone: bool },
    /// For the rooms above.
    Event(Event),
}

impl Usage {
    /// Tells it what happened.
    pub fn handle(&mut self, input: Input<'_>, now: Time, out: &mut Vec<Output>) {
        *self = match mem::replace(self, Usage::Over) {
            Usage::Uas(uas) => uas.handle(input, now, out),
            Usage::Uac(uac) => uac.handle(input, now, out),
            Usage::Session(session) => session.handle(input, now, out),
            Usage::Over => Usage::Over,
        };
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        match self {
            Usage::Uas(uas) => Some(uas.deadline()),
            Usage::Uac(uac) => uac.deadline(),
            Usage::Session(session) => session.deadline(),
            Usage::Over => None,
        }
    }

    /// Its dialog, once it has one of its own.
    pub fn dialog(&mut self) -> Option<&mut Dialog> {
        match self {
            Usage::Uas(uas) => Some(&mut uas.dialog),
            Usage::Session(session) => Some(&mut session.dialog),
            Usage::Uac(_) | Usage::Over => None,
        }
    }

    /// The same, to look at.
    pub fn own_dialog(&self) -> Option<&Dialog> {
        match self {
            Usage::Uas(uas) => Some(&uas.dialog),
            Usage::Session(session) => Some(&session.dialog),
            Usage::Uac(_) | Usage::Over => None,
        }
    }

    /// The flow its dialog goes by, once there is one of its own.
    pub fn flow(&self) -> Option<Flow> {
        self.own_dialog().map(|dialog| dialog.flow)
    }

    /// What is to be said beside the next message (RFC 7433).
    pub fn says_beside(&mut self, said: &[String]) {
        match self {
            Usage::Uas(uas) => uas.says_beside(said),
            Usage::Session(session) => session.dialog.says_beside(said),
            Usage::Uac(_) | Usage::Over => {}
        }
    }

    /// Its dialog with this tag of theirs: it may be one of several as long as it rings.
    pub fn dialog_with(&mut self, remote_tag: &str) -> Option<&mut Dialog> {
        match self {
            Usage::Uac(uac) => uac.dialog_with(remote_tag),
            usage => usage.dialog(),
        }
    }

    /// What went by one flow goes by another.
    pub fn moved(&mut self, from: Flow, to: Flow) {
        let go = |dialog: &mut Dialog| {
            if dialog.flow == from {
                dialog.flow = to;
            }
        };
        match self {
            Usage::Uac(uac) => uac.dialogs().for_each(go),
            usage => usage.dialog().into_iter().for_each(go),
        }
    }

    /// Its dialog's Call-ID.
    pub fn call_id(&self) -> Option<&str> {
        match self {
            Usage::Uas(uas) => Some(&uas.dialog.call_id),
            Usage::Uac(uac) => Some(uac.call_id()),
            Usage::Session(session) => Some(&session.dialog.call_id),
            Usage::Over => None,
        }
    }

    /// The tag the other side gave it; the first to ring, of several.
    pub fn remote_tag(&self) -> Option<&str> {
        match self {
            Usage::Uas(uas) => Some(&uas.dialog.remote_tag),
            Usage::Uac(uac) => uac.remote_tag(),
            Usage::Session(session) => Some(&session.dialog.remote_tag),
            Usage::Over => None,
        }
    }

    /// Is a request with that Call-ID and From tag of this dialog, or of one of a fork's early ones?
    pub fn holds(&self, call_id: &str, remote_tag: &str) -> bool {
        match self {
            Usage::Uas(uas) => uas.dialog.is(call_id, remote_tag),
            Usage::Uac(uac) => uac.holds(call_id, remote_tag),
            Usage::Session(session) => session.dialog.is(call_id, remote_tag),
            Usage::Over => false,
        }
    }
}

/// A request that waits for its answer: what the responses to it must repeat.
#[derive(Debug)]
pub struct Asked {
    /// Its transaction.
    pub transaction: TransactionId,
    /// Its number.
    pub cseq: u32,
    /// What is granted to the session it makes or keeps.
    pub timer: Option<Grant>,
    /// Who asks takes UPDATE.
    pub updates: bool,
    method: Method,
    headers: Headers,
    /// What we say of ourselves to who asks.
    feature: Feature,
}

impl Asked {
    /// Keeps what is needed of a request; its dialog has our `local_tag`.
    pub fn new(transaction: TransactionId, request: &Request, local_tag: &str) -> Result<Asked, TooShort> {
        let timer = Grant::to(request)?;
        let updates = request.headers.lists(&Name::Allow, "UPDATE");
        let mut headers = Response::to(request, 200).headers;
        if let Some(to) = request.headers.first(&Name::To) {
            headers.set(Name::To, tagged(to, local_tag));
        }
        for route in request.headers.all(&Name::RecordRoute) {
            headers.push(Name::RecordRoute, route); // RFC 3261 §12.1.1
        }
        let cseq = request.cseq().map_or(0, |(cseq, _)| cseq);
        let feature = Feature::answering(&request.headers);
        Ok(Asked { transaction, cseq, timer, updates, method: request.method, headers, feature })
    }

    /// What its answers say beside.
    pub fn says_beside(&mut self, said: &[String]) {
        user_to_user::write(said, &mut self.headers);
    }

    /// A response to it, with what it needs to make or refresh a dialog.
    pub fn response(&self, status: u16, flow: Flow, sdp: Option<Bytes>) -> Response {
        let mut response = Response::copying(&self.headers, status);
        if status < 300 {
            for route in self.headers.all(&Name::RecordRoute) {
                response.headers.push(Name::RecordRoute, route);
            }
            response.headers.push(Name::Contact, contact(flow) + self.feature.param());
            response.headers.push(Name::Allow, ALLOW);
        }
        for said in self.headers.all(&Name::UserToUser) {
            response.headers.push(Name::UserToUser, said);
        }
        if status == 503 {
            // RFC 3261 §21.5.4: without it 503 means 500, and the caller tries no other server.
            response.headers.push(Name::RetryAfter, RETRY_AFTER_SECS);
        }
        if (200..300).contains(&status) {
            response.headers.push(Name::Supported, SUPPORTED);
            self.timer.iter().for_each(|grant| grant.write(&mut response.headers));
        }
        if let Some(sdp) = sdp {
            response.headers.push(Name::ContentType, multipart::kind_of(&sdp));
            response.body = sdp;
        }
        response
    }

    fn respond(&self, status: u16, flow: Flow, sdp: Option<Bytes>, out: &mut Vec<Output>) {
        let bytes = self.response(status, flow, sdp).to_bytes();
        out.push(Output::Respond { transaction: self.transaction, status, bytes });
    }

    /// Does a 2xx go to the phone itself over a stream? Then it needs no repeats; a proxy between may lose it.
    fn is_safe(&self, flow: Flow) -> bool {
        flow.transport.is_reliable() && self.headers.all(&Name::Via).count() == 1
    }
}

/// Where we are reached: the address the other side sees, or would without NAT.
pub fn contact(flow: Flow) -> String {
    match flow.transport {
        Transport::Udp => format!("<sip:{}>", flow.local),
        other => format!("<sip:{};transport={}>", flow.local, other.as_param()),
    }
}

/// ACK and BYE for a 2xx nobody wants: another branch of a fork, or one that crossed our CANCEL
/// (RFC 3261 §13.2.2.4, §15).
#[derive(Debug)]
pub struct TurnDown {
    /// The ACK.
    pub ack: Request,
    /// The tag it is for.
    pub tag: Box<str>,
    /// The BYE.
    pub bye: Request,
    /// Where they go.
    pub to: Flow,
}

impl TurnDown {
    /// The response tells all that is needed. `None`: it does not.
    pub fn of(response: &Response, flow: Flow) -> Option<TurnDown> {
        let mut dialog = Dialog::uac(response, flow)?;
        let ack = dialog.ack(dialog.local_cseq());
        // Its early days may have seen PRACKs of ours, which nobody has counted for us: CSeq may jump (RFC 3261 §12.2.1.1).
        dialog.asked_already(dialog.local_cseq().saturating_add(PRACKS_MAX));
        let bye = dialog.request(Method::Bye);
        Some(TurnDown { ack, bye, to: dialog.flow, tag: dialog.remote_tag })
    }
}

/// An answer to a request in a dialog that needs no thought.
fn answer(transaction: TransactionId, request: &Request, status: u16) -> Answer {
    Answer { transaction, response: Response::to(request, status) }
}

struct Answer {
    transaction: TransactionId,
    response: Response,
}

impl Answer {
    fn with(mut self, name: Name, value: &str) -> Answer {
        self.response.headers.push(name, value);
        self
    }

    fn push(self, out: &mut Vec<Output>) {
        let (status, bytes) = (self.response.status, self.response.to_bytes());
        out.push(Output::Respond { transaction: self.transaction, status, bytes });
    }
}

/// What any age of a dialog answers by itself: keys in INFO, and methods that mean nothing here.
fn answer_small(leg: LegId, transaction: TransactionId, request: &Request, out: &mut Vec<Output>) {
    let answer = |status| answer(transaction, request, status);
    match request.method {
        Method::Options => answer(200).with(Name::Allow, ALLOW).with(Name::Accept, ACCEPT).push(out),
        Method::Info if request.body.is_empty() => answer(200).push(out),
        Method::Info => match dtmf::digit(request) {
            Ok(digit) => {
                answer(200).push(out);
                out.extend(digit.map(|digit| Output::Event(Event::Digit { leg, digit })));
            }
            Err(dtmf::UnknownBody) => answer(415).with(Name::Accept, ACCEPT).push(out),
        },
        Method::PRack => answer(481).push(out), // for a response that is not waiting for one (RFC 3262 §3)
        Method::Subscribe | Method::Notify => answer(489).with(Name::Allow, ALLOW).push(out),
        _ => answer(405).with(Name::Allow, ALLOW).push(out),
    }
}

/// Is this INFO a key that was pressed?
pub fn is_key_press(info: &Request) -> bool {
    dtmf::digit(info).is_ok()
}

/// The session asked for would be too short (RFC 4028 §5).
pub fn too_short(transaction: TransactionId, request: &Request, out: &mut Vec<Output>) {
    answer(transaction, request, 422).with(Name::MinSe, &SESSION_SECS_MIN.to_string()).push(out);
}

/// A number nobody can foresee, the same each time for the same tag of ours: tags are random.
fn chance(tag: &str, turn: u32) -> u32 {
    let seed = turn.wrapping_mul(0x9e37_79b9) ^ 0x811c_9dc5;
    tag.bytes().fold(seed, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)) >> 4
}

/// An offer or answer, if that is what the body is or has in it (RFC 5621 §3.1).
pub fn sdp_of(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    let kind = headers.first(&Name::ContentType).unwrap_or(SDP);
    let is_sdp = kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(SDP);
    let sdp = if is_sdp { Some(body.clone()) } else { multipart::part_of(kind, body, SDP) };
    sdp.filter(|sdp| !sdp.is_empty())
}

fn reason(status: u16) -> String {
    let text = match status {
        200 => "Call completed elsewhere", // RFC 3326 §2: the other phones of a ring group show no missed call
        status => crate::reason_phrase(status),
    };
    format!("SIP;cause={status};text=\"{text}\"")
}

/// When one who was told 503 may try again.
pub const RETRY_AFTER_SECS: &str = "5";
/// What we answer to.
pub const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, REGISTER, SUBSCRIBE, MESSAGE, PUBLISH";
/// The extensions we know: RFC 4028, 3262, 4488, 3891, 3911, 6228. (Nobody hears a 199 of ours: to who calls we are one dialog.)
pub const SUPPORTED: &str = "timer, 100rel, norefersub, replaces, join, 199";
/// So many responses are acknowledged in an early dialog.
const PRACKS_MAX: u32 = 100;
/// The session we ask of a carrier (RFC 4028 §4 recommends half an hour). Phones are not asked: they ask us.
pub const TRUNK_SESSION_SECS: u32 = 1_800;
/// What bodies we read.
pub const ACCEPT: &str =
    "application/sdp, multipart/mixed, application/rs-metadata+xml, application/dtmf-relay, application/dtmf";
/// The type of a session description.
pub const SDP: &str = "application/sdp";
