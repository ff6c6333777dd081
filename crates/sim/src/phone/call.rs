//! One call at a phone: the dialog, and what is agreed about its sound.

use audio::Codec;
use base::{Random, Time};
use bytes::Bytes;
use rtp::srtp::{MasterKey, Opener, Sealer, Suite};
use sdp::{Crypto, Direction, Format, Local, Protection, SdpError, Security, Srtp, Stream};
use sip::{Method, Name, NameAddr, Request};

use super::changes::Again;
use super::voice::{Voice, Way};
use super::{Hold, PhoneConf};

/// A call, from the first INVITE to the last BYE.
#[derive(Debug)]
pub(super) struct PhoneCall {
    pub(super) call_id: String,
    /// With our tag.
    pub(super) local: NameAddr,
    /// With theirs, once it is known.
    pub(super) remote: NameAddr,
    /// Where requests in the dialog go.
    pub(super) target: String,
    pub(super) cseq: u32,
    pub(super) state: State,
    pub(super) voice: Option<Voice>,
    /// How its sound was last protected.
    pub(super) protection: Option<Protection>,
    /// The Call-ID is ours.
    pub(super) ours: bool,
    /// It called only to hear.
    pub(super) listens: bool,
    /// How it holds, if it does.
    pub(super) hold: Option<Hold>,
    /// What it wanted and could not have yet.
    pub(super) again: Option<Again>,
    /// What its next PRACK is to offer.
    pub(super) in_prack: Option<Option<Hold>>,
    /// Both agreed reliably before the answer: the 200 need say nothing, and no answer of an INVITE is one any more.
    pub(super) settled: bool,
    /// The last reliable response heard, or said.
    pub(super) rseq: u32,
    /// The session of a 183, which the 200 must repeat.
    pub(super) early: Bytes,
    offer: Local,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum State {
    /// We called.
    Calling {
        /// They have said something, so that a CANCEL may follow (RFC 3261 §9.1).
        rings: bool,
        /// The receiver is down: CANCEL when that may be said, BYE if they answer all the same.
        gave_up: bool,
    },
    /// They called.
    Knocking { invite: Request, answer_at: Option<Time> },
    /// Both talk.
    Up,
}

impl PhoneCall {
    pub(super) fn new(
        conf: &PhoneConf,
        (local, remote, target): (NameAddr, NameAddr, String),
        call_id: String,
        state: State,
        random: &mut Random,
    ) -> PhoneCall {
        let offer = Local {
            address: conf.rtp,
            session_id: random.below(1 << 40),
            version: 1,
            codecs: formats(&conf.codecs),
            ptime_ms: 20,
            direction: Direction::SendRecv,
            security: Security { srtp: conf.srtp, keys: keys(conf.srtp, random), ..Security::default() },
        };
        let ours = matches!(state, State::Calling { .. });
        PhoneCall {
            call_id,
            local,
            remote,
            target,
            cseq: 0,
            state,
            voice: None,
            protection: None,
            ours,
            listens: false,
            hold: None,
            again: None,
            in_prack: None,
            settled: false,
            rseq: 0,
            early: Bytes::new(),
            offer,
        }
    }

    pub(super) fn speak(&mut self, codecs: &[Codec]) {
        self.offer.codecs = formats(codecs);
    }

    /// The dialog of a request or an answer is this one: the Call-ID and both tags are ours (RFC 3261 §12.2.2).
    pub(super) fn is_of(&self, request: &Request) -> bool {
        let tag = |header: Option<NameAddr>| header.and_then(|address| address.tag().map(str::to_owned));
        request.headers.call_id() == Some(&self.call_id)
            && tag(request.headers.to()).as_deref() == self.local.tag()
            && tag(request.headers.from()).as_deref() == self.remote.tag()
    }

    /// A request of this dialog; Via comes with the sending.
    pub(super) fn request(&mut self, method: Method, contact: &str) -> Request {
        if !matches!(method, Method::Ack | Method::Cancel) {
            self.cseq += 1;
        }
        Request::new(method, &self.target)
            .with(Name::MaxForwards, "70")
            .with(Name::From, self.local.to_string())
            .with(Name::To, self.remote.to_string())
            .with(Name::CallId, &self.call_id)
            .with(Name::CSeq, format!("{} {}", self.cseq, sip::method_name(method)))
            .with(Name::Contact, contact)
    }

    pub(super) fn offer(&mut self) -> Bytes {
        self.offer.direction = self.direction();
        let text = sdp::offer(&self.offer);
        self.offer.version += 1;
        self.spelt(text)
    }

    /// Answers their offer.
    pub(super) fn answer(&mut self, offer: &[u8]) -> Result<(Bytes, Stream), SdpError> {
        self.offer.direction = self.direction();
        let (text, stream) = sdp::answer(offer, &self.offer)?;
        self.offer.version += 1;
        Ok((self.spelt(text), stream))
    }

    /// Takes their answer.
    pub(super) fn accept(&self, answer: &[u8]) -> Result<Stream, SdpError> {
        sdp::accept(answer, &self.offer)
    }

    fn direction(&self) -> Direction {
        match self.hold {
            Some(Hold::SendOnly | Hold::Session) => Direction::SendOnly,
            Some(Hold::Inactive) => Direction::Inactive,
            None if self.listens => Direction::RecvOnly,
            Some(Hold::Nowhere | Hold::Nowhere6) | None => Direction::SendRecv,
        }
    }

    /// A description as this phone writes it.
    fn spelt(&self, text: String) -> Bytes {
        let (here, of_nothing) = (format!("c=IN IP4 {}\r\n", self.offer.address.ip()), "");
        let medium = |text: &str| text.lines().find(|line| line.starts_with("m=")).map(|line| format!("{line}\r\n"));
        let text = match (self.hold, medium(&text)) {
            (Some(Hold::Nowhere), _) => {
                text.replace(&here, "c=IN IP4 0.0.0.0\r\n").replace("a=sendrecv\r\n", of_nothing)
            }
            (Some(Hold::Nowhere6), Some(medium)) => text.replace(&medium, &format!("{medium}c=IN IP6 ::\r\n")),
            (Some(Hold::Session), Some(medium)) => {
                let text = text.replace("a=sendonly\r\n", of_nothing);
                text.replace(&medium, &format!("a=sendonly\r\n{medium}"))
            }
            _ => text,
        };
        text.into()
    }

    /// The way out that was agreed. Who holds has no music, and is silent.
    pub(super) fn way(&self, stream: &Stream) -> Option<Way> {
        Some(Way {
            to: stream.remote,
            codec: Codec::from_name(&stream.format.encoding)?,
            payload_type: stream.format.payload_type,
            telephone_event: stream.telephone_event,
            speaks: stream.direction.sends() && self.hold.is_none(),
        })
    }
}

/// What a stream is sealed and opened with, where that was agreed.
pub(super) fn covers(stream: &Stream) -> Option<(Sealer, Opener)> {
    let Protection::Keys { ours, theirs } = &stream.protection else { return None };
    let key = |crypto: &Crypto| MasterKey::new(Suite::from_name(&crypto.suite)?, &crypto.key);
    Some((Sealer::new(&key(ours)?), Opener::new(&key(theirs)?)))
}

/// A desk phone's: one it has from the factory, and the newer kind.
fn keys(srtp: Srtp, random: &mut Random) -> Vec<Crypto> {
    if srtp == Srtp::Off {
        return Vec::new();
    }
    let suites = [(1, Suite::AesCm128HmacSha1_80), (2, Suite::AeadAes128Gcm)];
    let key = |(tag, suite): (u32, Suite)| {
        let key = (0..suite.key_bytes() + suite.salt_bytes()).map(|_| random.bits() as u8).collect();
        Crypto { tag, suite: suite.name().to_owned(), key, mki_bytes: 0 }
    };
    suites.into_iter().map(key).collect()
}

fn formats(codecs: &[Codec]) -> Vec<Format> {
    let format = |codec: &Codec| match codec {
        Codec::Pcmu => Format::pcmu(),
        Codec::Pcma => Format::pcma(),
        Codec::G722 => Format::g722(),
        Codec::Opus => Format::opus(Codec::Opus.payload_type()),
    };
    codecs.iter().map(format).collect()
}
