//! What the trunks are told and what they say.

use sip::{Answer, Outside};

use crate::limits::{Over, Way};

/// A request a trunk is asked, and later answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub(crate) trunk: String,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Register { turn: u32 },
    Options { turn: u32 },
}

/// What it is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// A request of ours is answered, or will not be.
    Answered {
        /// Which.
        ask: Ask,
        /// The final status.
        status: u16,
        /// Its last CSeq.
        cseq: u32,
        /// The response, if there was one.
        answer: Option<&'a Answer>,
    },
    /// Something of a leg, which may be one of its calls.
    Leg(&'a sip::Event),
    /// A connection is gone.
    Closed {
        /// Its number.
        connection: u64,
    },
    /// We take no calls any more: registrations are taken back.
    Leave,
    /// It is `deadline()`.
    Tick,
}

/// What it wants.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Send this, and bring the answer with its name.
    Ask {
        /// The name.
        ask: Ask,
        /// What to send.
        request: Box<Outside>,
    },
    /// Something an operator should know.
    News(News),
}

/// Something an operator should know.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A trunk answers again.
    Up {
        /// Which.
        trunk: String,
    },
    /// A trunk is taken for down.
    Down {
        /// Which.
        trunk: String,
        /// What went wrong last.
        why: String,
    },
    /// A trunk asked to be left alone.
    Rests {
        /// Which.
        trunk: String,
        /// For how long.
        secs: u64,
    },
    /// We are registered.
    Registered {
        /// Where.
        trunk: String,
        /// For how long.
        secs: u32,
    },
    /// We are not, and try again.
    NotRegistered {
        /// Where.
        trunk: String,
        /// The SIP status.
        status: u16,
        /// What may be wrong.
        why: &'static str,
        /// When.
        again_secs: u64,
    },
    /// Our registration was taken back.
    Unregistered {
        /// Where.
        trunk: String,
    },
    /// A call was not taken or placed: it would have been one too many.
    Full {
        /// Which trunk.
        trunk: String,
        /// From where to where.
        way: Way,
        /// Of what.
        over: Over,
    },
    /// A call was not placed: no trunk of that route is there.
    NoneLeft {
        /// The trunk or group the route named.
        route: String,
    },
}
