//! How far offer and answer have come before an INVITE of theirs is answered (RFC 3264, RFC 3262 §5, RFC 3311 §5.2).
//!
//! Where it stands: [`super::Uas`] keeps one. It knows who may make an offer at the moment, and whether the 200 has
//! something to say. It sends nothing.

use bytes::Bytes;

use super::reliable::Wanted;
use super::{Asked, chance};
use crate::Request;

/// Between a caller and us.
#[derive(Debug)]
pub enum Agreement {
    /// Nobody has offered anything: the first to do so are we.
    Nothing,
    /// Our offer is out, in a response said reliably.
    Ours,
    /// Theirs waits for an answer; one that may get lost is none.
    Theirs,
    /// Their offer was answered, and that was heard.
    Answered,
    /// Both agreed in another way than by the INVITE's offer and its one answer: the 200 says nothing about it.
    Anew,
    /// They want another session; those above have to answer. `anew`: what stands meanwhile was agreed on so.
    Open { asked: Box<Asked>, anew: bool },
}
use Agreement::*;

/// What an offer of theirs must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// 491: ours is under way.
    Glare,
    /// 500, to come again after so many seconds: theirs waits for its answer.
    Later { retry_after_secs: u32 },
}

impl Agreement {
    /// As their INVITE leaves it.
    pub fn begun_by(invite: &Request) -> Agreement {
        if invite.body.is_empty() { Nothing } else { Theirs }
    }

    /// What a provisional response may say of the session.
    pub fn early(&self, sdp: Option<Bytes>, wanted: Wanted) -> Option<Bytes> {
        sdp.filter(|_| match self {
            Theirs => true,
            Nothing => wanted != Wanted::None, // RFC 3264 §4: an offer must not get lost
            Ours | Answered | Anew | Open { .. } => false,
        })
    }

    /// A session goes out reliably.
    pub fn said_reliably(&mut self) {
        if matches!(self, Nothing) {
            *self = Ours;
        }
    }

    /// A session that was said reliably is heard. With the answer to it, if it was our offer.
    pub fn heard(&mut self, answer: bool) {
        *self = match std::mem::replace(self, Nothing) {
            Theirs => Answered,
            Ours if answer => Anew,
            Ours => Nothing, // against RFC 3262 §5: then it is offered again in the 200
            other => other,
        };
    }

    /// May they offer something now (RFC 3311 §5.2)? `tag` and `cseq` make it random when they may.
    pub fn may_be_asked(&self, tag: &str, cseq: u32) -> Result<(), NotNow> {
        match self {
            Answered | Anew => Ok(()),
            Ours => Err(NotNow::Glare),
            Nothing | Theirs | Open { .. } => Err(NotNow::Later { retry_after_secs: chance(tag, cseq) % 11 }),
        }
    }

    /// They ask.
    pub fn ask(&mut self, asked: Asked) {
        *self = Open { asked: Box::new(asked), anew: matches!(self, Anew) };
    }

    /// What they asked is answered, or refused where `agreed` is false.
    pub fn take_asked(&mut self, agreed: bool) -> Option<Box<Asked>> {
        match std::mem::replace(self, Nothing) {
            Open { asked, anew } => {
                *self = if agreed || anew { Anew } else { Answered };
                Some(asked)
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// Does somebody above have to answer an offer of theirs?
    pub fn is_asked(&self) -> bool {
        matches!(self, Open { .. })
    }

    /// What the 200 says: nothing where both have agreed since on something else. An answer heard before may be said again.
    pub fn last_word(&self, sdp: &Bytes) -> Option<Bytes> {
        (!matches!(self, Anew)).then(|| sdp.clone())
    }
}
