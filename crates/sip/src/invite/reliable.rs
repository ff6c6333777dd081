//! Reliable provisional responses (RFC 3262): said again until the PRACK comes.
//!
//! Where it stands: [`super::Uas`] says them to a caller who wants that; [`super::Uac`] acknowledges those it hears with
//! [`Early`]. One at a time is under way; what comes after waits.

use base::Time;
use bytes::Bytes;

use super::{Output, PRACKS_MAX, TransactionId};
use crate::dialog::{Dialog, tag};
use crate::transaction::{PATIENCE, Repeat};
use crate::{Flow, Headers, Method, Name, Request, Response};

/// Which provisional responses a caller wants reliably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It knows nothing of it.
    None,
    /// It can: then those that carry a session are, for they may not get lost. Mere ringing may.
    Sessions,
    /// It requires it.
    All,
}

impl Wanted {
    /// What an INVITE says.
    pub fn by(invite: &Request) -> Wanted {
        match &invite.headers {
            headers if headers.lists(&Name::Require, "100rel") => Wanted::All,
            headers if headers.lists(&Name::Supported, "100rel") => Wanted::Sessions,
            _ => Wanted::None,
        }
    }
}

/// A reliable response of ours that no PRACK has come for.
#[derive(Debug)]
pub struct Unheard {
    rseq: u32,
    cseq: u32,
    /// Its session must be heard before the call is answered (RFC 3262 §3).
    pub has_sdp: bool,
    status: u16,
    bytes: Bytes,
    repeat: Repeat,
    until: Time,
}

impl Unheard {
    /// Says it.
    pub fn new(
        (transaction, cseq, rseq): (TransactionId, u32, u32),
        mut response: Response,
        reliable: bool,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Unheard {
        response.headers.push(Name::Require, "100rel");
        response.headers.push(Name::RSeq, rseq.to_string());
        let (status, bytes) = (response.status, response.to_bytes());
        out.push(Output::Respond { transaction, status, bytes: bytes.clone() });
        let has_sdp = !response.body.is_empty();
        Unheard { rseq, cseq, has_sdp, status, bytes, repeat: Repeat::new(reliable, now), until: now + PATIENCE }
    }

    /// Is this the PRACK for it?
    pub fn is_heard_by(&self, prack: &Request) -> bool {
        let mut words = prack.headers.first(&Name::RAck).unwrap_or_default().split_ascii_whitespace();
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
        number() == Some(self.rseq) && number() == Some(self.cseq) && words.next() == Some("INVITE")
    }

    /// Says it again, if it is time. False: it was said often enough.
    pub fn again(&mut self, transaction: TransactionId, now: Time, out: &mut Vec<Output>) -> bool {
        if now >= self.repeat.at {
            self.repeat = self.repeat.doubled(now);
            out.push(Output::Respond { transaction, status: self.status, bytes: self.bytes.clone() });
        }
        now < self.until
    }

    /// When to say it again or give up.
    pub fn deadline(&self) -> Time {
        self.repeat.at.min(self.until)
    }
}

/// An early dialog of an INVITE of ours: one of those who rang.
#[derive(Debug)]
pub struct Early {
    /// Its tag.
    pub tag: Box<str>,
    /// What was said reliably in it, if anything was.
    reliable: Option<Box<Reliable>>,
}

#[derive(Debug)]
struct Reliable {
    dialog: Dialog,
    rseq: u32,
    pracks: u32,
    sdp: Option<Bytes>,
}

/// What a provisional response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Something to be told.
    News,
    /// One heard already, or out of turn: whoever said it says it again.
    Repeat,
}

impl Early {
    /// The dialog of a response.
    pub fn new(tag: Box<str>) -> Early {
        Early { tag, reliable: None }
    }

    /// Hears a provisional response, and acknowledges it if it is reliable (RFC 3262 §4).
    pub fn hear(&mut self, response: &Response, sdp: Option<Bytes>, flow: Flow, out: &mut Vec<Output>) -> News {
        let rseq = response.headers.first(&Name::RSeq).and_then(|text| text.trim().parse::<u32>().ok());
        let Some(rseq) = rseq.filter(|_| response.headers.lists(&Name::Require, "100rel")) else { return News::News };
        let mut reliable = match self.reliable.take() {
            Some(reliable) if rseq != reliable.rseq.wrapping_add(1) || reliable.pracks >= PRACKS_MAX => {
                self.reliable = Some(reliable);
                return News::Repeat;
            }
            Some(reliable) => reliable,
            None => match Dialog::uac(response, flow) {
                Some(dialog) => Box::new(Reliable { dialog, rseq, pracks: 0, sdp: None }),
                None => return News::News, // without a Contact nothing can be acknowledged
            },
        };
        (reliable.rseq, reliable.sdp) = (rseq, sdp.or(reliable.sdp));
        reliable.pracks += 1;
        let (cseq, _) = response.cseq().unwrap_or_default();
        let mut prack = reliable.dialog.request(Method::PRack);
        prack.headers.push(Name::RAck, format!("{rseq} {cseq} INVITE"));
        out.push(Output::Request { request: prack, to: reliable.dialog.next_hop() });
        self.reliable = Some(reliable);
        News::News
    }

    /// The number of one more request of ours in it, if we may ask anything.
    pub fn next_cseq(&mut self) -> Option<u32> {
        self.reliable.as_mut().map(|reliable| reliable.dialog.next_cseq())
    }

    /// The number of our last request in it, and the answer that came reliably: the 2xx need not repeat it.
    pub fn outcome(self) -> Option<(u32, Option<Bytes>)> {
        self.reliable.map(|reliable| (reliable.dialog.local_cseq(), reliable.sdp))
    }
}

/// The tag of who responds.
pub fn tag_of(headers: &Headers) -> Option<&str> {
    headers.first(&Name::To).map(tag).filter(|tag| !tag.is_empty())
}
