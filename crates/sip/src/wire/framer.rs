//! A stream cut into messages (RFC 3261 §18.3) and keep-alives (RFC 5626 §3.5.1).
//!
//! Where it stands: the shell keeps one for each connection and empties it after each push. It holds at most one
//! unfinished message besides what was pushed last; how long it may stay unfinished is the shell's affair.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use super::lines::{Fields, head_end};
use super::{Limits, Refusal, read};
use crate::text::digits;

/// Cuts a stream into messages.
///
/// ```
/// use sip::wire::{Framed, Framer};
/// let mut framer = Framer::new(Default::default());
/// framer.push(b"\r\n\r\nOPTIONS sip:a SIP/2.0\r\nContent-Length: 2\r\n\r\nhiBYE");
/// assert_eq!(framer.next(), Some(Framed::Ping));
/// assert!(matches!(framer.next(), Some(Framed::Message(bytes)) if bytes.ends_with(b"hi")));
/// assert_eq!(framer.next(), None);
/// ```
pub struct Framer {
    limits: Limits,
    buffer: BytesMut,
    step: Step,
}

/// What a stream held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// One message, for [`read`].
    Message(Bytes),
    /// A keep-alive: the peer wants CRLF back.
    Ping,
    /// Message boundaries are lost: answer if possible, then close.
    Broken(Refusal),
}

enum Step {
    /// Waiting for the empty line; the first `scanned` bytes hold none.
    Head { scanned: usize },
    /// Waiting until this many bytes are there.
    Body { message: usize },
    /// Nothing that follows can be trusted.
    Broken,
}

impl Framer {
    /// An empty stream.
    pub fn new(limits: Limits) -> Framer {
        Framer { limits, buffer: BytesMut::new(), step: Step::Head { scanned: 0 } }
    }

    /// More bytes came.
    pub fn push(&mut self, bytes: &[u8]) {
        if !matches!(self.step, Step::Broken) {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Does it hold the beginning of a message? One that stays so for long is worth closing. Blank lines are none: half
    /// a ping is a pong.
    pub fn is_waiting(&self) -> bool {
        self.buffer.iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    /// The next whole thing in it, if there is one.
    #[allow(clippy::should_implement_trait)] // `None` is not the end: more may be pushed
    pub fn next(&mut self) -> Option<Framed> {
        match self.step {
            Step::Head { scanned: 0 } if matches!(self.buffer.first(), Some(b'\r' | b'\n')) => self.next_empty_line(),
            Step::Head { scanned } => self.next_head(scanned),
            Step::Body { message } => self.next_body(message),
            Step::Broken => None,
        }
    }

    fn next_empty_line(&mut self) -> Option<Framed> {
        let (len, ping) = match &self.buffer[..] {
            [b'\r', b'\n', b'\r', b'\n', ..] => (4, true),
            b"\r" | b"\r\n" | b"\r\n\r" => return None, // a ping may be coming
            [b'\r', b'\n', ..] => (2, false),           // a pong, or a blank line before a message
            _ => (1, false),
        };
        drop(self.buffer.split_to(len));
        if ping { Some(Framed::Ping) } else { self.next() }
    }

    fn next_head(&mut self, scanned: usize) -> Option<Framed> {
        let Some(end) = head_end(&self.buffer, scanned) else {
            // The empty line may be half there: look again at the last bytes.
            self.step = Step::Head { scanned: self.buffer.len().saturating_sub(3) };
            let first_line = memchr(b'\n', &self.buffer).map(|end| &self.buffer[..end]);
            let hopeless = match first_line {
                Some(line) => {
                    memchr::memmem::find(line, b"SIP/").is_none() && memchr::memmem::find(line, b"sip/").is_none()
                }
                None => self.buffer.len() > self.limits.line_bytes_max,
            };
            let broken = hopeless || self.buffer.len() > self.limits.message_bytes_max;
            return broken.then(|| self.break_off(if hopeless { 400 } else { 513 }));
        };
        match content_length(&self.buffer[..end.head]) {
            // RFC 3261 §18.3: on a stream there must be a Content-Length; without it the next message has no beginning.
            None => {
                self.buffer.truncate(end.body);
                Some(self.break_off(400))
            }
            Some(length) if length > self.limits.message_bytes_max.saturating_sub(end.body) => {
                self.buffer.truncate(end.body);
                Some(self.break_off(513))
            }
            Some(length) => self.next_body(end.body + length),
        }
    }

    fn next_body(&mut self, message: usize) -> Option<Framed> {
        if self.buffer.len() < message {
            self.step = Step::Body { message };
            return None;
        }
        self.step = Step::Head { scanned: 0 };
        Some(Framed::Message(self.buffer.split_to(message).freeze()))
    }

    fn break_off(&mut self, status: u16) -> Framed {
        self.step = Step::Broken;
        let bytes = std::mem::take(&mut self.buffer).freeze();
        let refusal = match read(&bytes, true, &self.limits) {
            Err(refusal) if status == 400 => refusal,
            Err(refusal) => refusal.because(status),
            Ok(_) => Refusal::silent(), // cannot be: it has no Content-Length or more than there is
        };
        Framed::Broken(refusal)
    }
}

/// The one Content-Length of a head. `None`: there is none, or there are two, or it is no number.
fn content_length(head: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(head);
    let mut found = None;
    for (name, value) in Fields(&text).filter_map(|field| field.name_and_value()) {
        if name.eq_ignore_ascii_case("Content-Length") || name.eq_ignore_ascii_case("l") {
            if found.is_some() {
                return None;
            }
            found = Some(usize::try_from(digits(&value)?).ok()?);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &[u8] = b"BYE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nl :\r\n 3\r\n\r\nabc";
    const SECOND: &[u8] = b"SIP/2.0 200 OK\nContent-Length: 0\n\n";

    fn drain(framer: &mut Framer) -> Vec<Framed> {
        std::iter::from_fn(|| framer.next()).collect()
    }

    #[test]
    fn messages_come_whole_however_the_stream_was_cut() {
        let stream = [b"\r\n\r\n", FIRST, b"\r\n", SECOND, b"\r\n\r\n"].concat();
        let want = vec![Framed::Ping, Framed::Message(FIRST.into()), Framed::Message(SECOND.into()), Framed::Ping];
        for cut in 1..stream.len() {
            let mut framer = Framer::new(Limits::default());
            let mut got = Vec::new();
            for piece in stream.chunks(cut) {
                framer.push(piece);
                got.extend(drain(&mut framer));
            }
            assert_eq!(got, want, "in pieces of {cut}");
            assert!(!framer.is_waiting());
        }
    }

    #[test]
    fn a_stream_without_boundaries_is_answered_and_left() {
        let head = "INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n";
        for (bytes, status, answered) in [
            (format!("{head}\r\n"), 400, true),
            (format!("{head}l: 1\r\nContent-Length: 1\r\n\r\nab"), 400, true),
            (format!("{head}l: -1\r\n\r\nab"), 400, true),
            (format!("{head}l: 99999999999999999999999999\r\n\r\nab"), 400, true),
            (format!("{head}l: 70000\r\n\r\nab"), 513, true),
            (format!("{head}{}", "X-Long: y\r\n".repeat(9000)), 513, true),
            ("GET / HTTP/1.1\r\nHost: h\r\n".to_owned(), 400, false),
            ("x".repeat(9000), 400, false),
        ] {
            let mut framer = Framer::new(Limits::default());
            framer.push(bytes.as_bytes());
            let Some(Framed::Broken(refusal)) = framer.next() else { panic!("{bytes:.200}") };
            assert_eq!((refusal.status, refusal.response.is_some()), (status, answered), "{bytes:.200}");
            framer.push(FIRST);
            assert_eq!(framer.next(), None);
        }
    }
}
