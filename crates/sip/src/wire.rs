//! Bytes to messages and back to bytes: the scanner.
use bytes::Bytes;

use crate::{Message, Response};

/// How much of a message we are willing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Head and body together.
    pub message_bytes_max: usize,
    /// Header fields, after lists were split.
    pub headers_max: usize,
    /// One header field, folded lines together.
    pub line_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { message_bytes_max: 64 * 1024, headers_max: 128, line_bytes_max: 8 * 1024 }
    }
}

/// Why bytes were not read as a message, and the answer to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 501, 505, 513.
    pub status: u16,
    /// The words of the status line, and of a log.
    pub reason: String,
    /// The answer, with the Via, From, To, Call-ID and CSeq of the request. None: say nothing (it was a response, an
    /// ACK, or no SIP). The endpoint fills the top Via's `received`, adds Allow, Server and a To tag.
    pub response: Option<Box<Response>>,
}

/// Reads one datagram, or one message that [`Framer`] cut from a stream.
pub fn read(bytes: &Bytes, stream: bool, limits: &Limits) -> Result<Message, Refusal> {
    let _ = (bytes, stream, limits);
    Err(Refusal { status: 400, reason: String::new(), response: None })
}

/// Cuts a stream into messages.
pub struct Framer {
    _limits: Limits,
}

/// What a stream held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// One message, for [`read`].
    Message(Bytes),
    /// A keep-alive (RFC 5626 §3.5.1): the peer wants CRLF back.
    Ping,
    /// Message boundaries are lost: answer if possible, then close.
    Broken(Refusal),
}

impl Framer {
    /// An empty stream.
    pub fn new(limits: Limits) -> Framer {
        Framer { _limits: limits }
    }

    /// More bytes came.
    pub fn push(&mut self, _bytes: &[u8]) {}

    /// The next whole thing in it, if there is one.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Framed> {
        None
    }
}
