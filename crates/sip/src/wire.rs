//! Bytes to messages: the scanner in front of rsip's model (RFC 3261 §7, §18.3, RFC 4475).
//!
//! Where it stands: the shell hands in datagrams, and for streams what [`Framer`] cut; the endpoint gets messages, or
//! refusals with their answer ready. Malformed requests end here, so nothing above meets a missing From or two CSeqs.
//! What it does not do: judge what a well-formed request asks (416, 420, 483 and 405 are the endpoint's to say).

mod framer;
mod lines;

use std::borrow::Cow;

use bytes::Bytes;

pub use framer::{Framed, Framer};

use crate::headers::cseq;
use crate::message::method_named;
use crate::text::{cut, digits, elements, is_blank, is_token, position};
use crate::{Headers, Message, Name, Request, Response, name_addr, reason_phrase, uri, via};
use lines::{Fields, has_bare_cr, head_end, line, skip_empty_lines};

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
    /// 400, 414, 501, 505 or 513.
    pub status: u16,
    /// The words of the status line, and of a log.
    pub reason: String,
    /// The answer, with the Via, From, To, Call-ID and CSeq of the request as far as it had them. `None`: say nothing
    /// (it was a response, an ACK, or no SIP). The endpoint adds the To tag, `received`, Allow and Server.
    pub response: Option<Box<Response>>,
}

/// Reads one datagram, or one message that [`Framer`] cut from a stream.
///
/// ```
/// use bytes::Bytes;
/// use sip::{Message, wire};
/// let bytes = Bytes::from_static(b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP c;branch=z9hG4bKd\r\nf: <sip:e@f>;tag=g\r\n\
///     t: <sip:a@b>\r\ni: h\r\nCSeq: 1 OPTIONS\r\n\r\n");
/// let Ok(Message::Request(options)) = wire::read(&bytes, false, &Default::default()) else { panic!() };
/// assert_eq!(options.headers.call_id(), Some("h"));
/// ```
pub fn read(bytes: &Bytes, stream: bool, limits: &Limits) -> Result<Message, Refusal> {
    let bytes = bytes.slice(skip_empty_lines(bytes)..);
    let (head, body) = match head_end(&bytes, 0) {
        Some(end) => (&bytes[..end.head], Some(bytes.slice(end.body..))),
        None => (&bytes[..], None),
    };
    // A byte that is no UTF-8 is replaced; the rest of its header, and all others, stay as they are.
    let text = std::str::from_utf8(head).map_or_else(|_| String::from_utf8_lossy(head), Cow::Borrowed);
    let (start, _) = line(&text);
    if start.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
        return read_response(start, &text, body, stream, limits);
    }
    let start = StartLine::read(start, limits).ok_or_else(Refusal::silent)?;
    let too_large = bytes.len() > limits.message_bytes_max;
    let mut found = Found::gather(&text, true, limits);
    let refuse = |found: &Found, status, reason| Err(Refusal::of(start.method, &found.headers, status, reason));
    // The version comes first: of another SIP we know no grammar (RFC 4475 §3.1.2.16).
    if let Some((status, reason)) = start.fault {
        return refuse(&found, status, reason);
    }
    if too_large {
        return refuse(&found, 513, reason_phrase(513));
    }
    if let Some(fault) = found.fault {
        return refuse(&found, 400, fault);
    }
    // RFC 4475 §3.1.2.18: an unknown method is 501 even where CSeq says something else.
    let Some(method) = method_named(start.method) else { return refuse(&found, 501, reason_phrase(501)) };
    if found.missing() {
        return refuse(&found, 400, "Missing Mandatory Header");
    }
    if found.headers.cseq().is_none_or(|(_, named)| named != start.method) {
        return refuse(&found, 400, "CSeq Method Mismatch");
    }
    match found.body(body, stream) {
        Err(fault) => refuse(&found, 400, fault),
        Ok(body) => {
            let headers = std::mem::take(&mut found.headers);
            Ok(Message::Request(Request { method, uri: start.uri.to_owned(), headers, body }))
        }
    }
}

/// Responses are never answered: one that cannot be read is nothing (RFC 3261 §18.1.2).
fn read_response(
    start: &str,
    head: &str,
    body: Option<Bytes>,
    stream: bool,
    limits: &Limits,
) -> Result<Message, Refusal> {
    let read = || {
        let (version, rest_of_line) = start.split_once(' ')?;
        // RFC 4475 §3.1.1.13: the reason may be empty; phones then leave out the blank as well.
        let (status, reason) = rest_of_line.split_once(' ').unwrap_or((rest_of_line, ""));
        let status = digits(status).filter(|number| status.len() == 3 && (100..700).contains(number))?;
        let mut found = Found::gather(head, false, limits);
        if !version.eq_ignore_ascii_case("SIP/2.0") || found.fault.is_some() || found.missing() {
            return None;
        }
        let body = found.body(body, stream).ok()?;
        let headers = std::mem::take(&mut found.headers);
        Some(Message::Response(Response { status: status as u16, reason: reason.to_owned(), headers, body }))
    };
    read().ok_or_else(Refusal::silent)
}

impl Refusal {
    /// For bytes that deserve no answer.
    fn silent() -> Refusal {
        Refusal { status: 400, reason: reason_phrase(400).to_owned(), response: None }
    }

    fn of(method: &str, headers: &Headers, status: u16, reason: &str) -> Refusal {
        // An ACK is not answered (RFC 3261 §17.1.1.3), nor what has no Via to go back by.
        let answerable = method != "ACK" && headers.has(&Name::Via);
        let response =
            answerable.then(|| Box::new(Response { reason: reason.to_owned(), ..Response::copying(headers, status) }));
        Refusal { status, reason: reason.to_owned(), response }
    }

    /// The same, for another reason.
    fn because(mut self, status: u16) -> Refusal {
        self.status = status;
        self.reason = reason_phrase(status).to_owned();
        if let Some(response) = &mut self.response {
            response.status = status;
            response.reason.clone_from(&self.reason);
        }
        self
    }
}

struct StartLine<'a> {
    method: &'a str,
    uri: &'a str,
    fault: Option<(u16, &'static str)>,
}

impl<'a> StartLine<'a> {
    /// `None` if this is no SIP request at all.
    fn read(line: &'a str, limits: &Limits) -> Option<StartLine<'a>> {
        let (method, rest) = cut(line, b' ')?;
        let (uri, version) = rest.trim_end().rsplit_once(' ')?;
        if !is_token(method) || !version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
            return None;
        }
        let fault = if !version.eq_ignore_ascii_case("SIP/2.0") {
            Some((505, reason_phrase(505)))
        } else if line.len() > limits.line_bytes_max {
            Some((414, reason_phrase(414)))
        } else if rest.len() != uri.len() + 1 + version.len() {
            Some((400, "Blank After SIP-Version")) // RFC 4475 §3.1.2.10
        } else if uri::check_request(uri).is_err() || uri.contains(char::REPLACEMENT_CHARACTER) {
            Some((400, "Bad Request-URI"))
        } else {
            None
        };
        Some(StartLine { method, uri, fault })
    }
}

/// The headers of a message, and the first thing wrong with them.
struct Found {
    headers: Headers,
    fault: Option<&'static str>,
    seen: u8,
    content_length: Option<usize>,
}

impl Found {
    fn gather(head: &str, request: bool, limits: &Limits) -> Found {
        let headers = Headers::with_capacity(20); // an INVITE has about 15 lines
        let mut found = Found { headers, fault: None, seen: 0, content_length: None };
        if has_bare_cr(head.as_bytes()) {
            found.blame("Bare CR"); // some read it as the end of a line, and would find a header there
        }
        for field in Fields(line(head).1) {
            match field.name_and_value() {
                _ if field.text.len() > limits.line_bytes_max => found.blame("Header Line Too Long"),
                Some((name, value)) => found.take(Name::from(name), &value, request),
                None => found.blame("Bad Header Line"),
            }
            if found.headers.len() > limits.headers_max {
                found.blame("Too Many Headers");
                break; // what follows would only cost memory
            }
        }
        found
    }

    fn take(&mut self, name: Name, value: &str, request: bool) {
        if let Some(bit) = mandatory(&name) {
            if self.seen & bit != 0 && name != Name::Via {
                return self.blame("Repeated Single Header"); // RFC 4475 §3.3.8, §3.3.9
            }
            self.seen |= bit;
        }
        if name.is_split() && position(value, b',').is_some() {
            return self.take_list(name, value, request);
        }
        self.judge(&name, value, request);
        self.headers.push(name, value);
    }

    fn take_list(&mut self, name: Name, value: &str, request: bool) {
        let before = (self.headers.len(), self.fault);
        for element in elements(value) {
            self.judge(&name, element, request);
            if !element.is_empty() {
                self.headers.push(name.clone(), element);
            }
        }
        if self.fault != before.1 {
            self.headers.truncate(before.0);
            self.headers.push(name, value); // whole, so that an answer's Via is what was sent
        }
    }

    /// Looks at the headers we must understand. A response is let through with a Contact or Route that cannot be
    /// read: a call is worth more than they.
    fn judge(&mut self, name: &Name, value: &str, request: bool) {
        let address = |value: &str| name_addr::Parts::read(value).is_ok();
        let (fair, fault) = match name {
            Name::Via => (via::check(value).is_ok(), "Bad Via"),
            Name::From => (address(value), "Bad From"),
            Name::To => (address(value), "Bad To"),
            Name::CallId => (!value.is_empty() && !value.bytes().any(is_blank), "Bad Call-ID"),
            Name::CSeq => (cseq(value).is_some(), "Bad CSeq"),
            Name::ContentLength => {
                // RFC 4475 §3.1.2.3: a negative one would lie about the body.
                self.content_length = digits(value).and_then(|length| usize::try_from(length).ok());
                (self.content_length.is_some(), "Bad Content-Length")
            }
            Name::MaxForwards if request => (digits(value).is_some_and(|hops| hops <= 255), "Bad Max-Forwards"),
            Name::Contact if request => (value == "*" || address(value), "Bad Contact"),
            Name::Route if request => (address(value), "Bad Route"),
            Name::RecordRoute if request => (address(value), "Bad Record-Route"),
            _ => return,
        };
        if !fair {
            self.blame(fault);
        }
    }

    fn blame(&mut self, fault: &'static str) {
        self.fault.get_or_insert(fault);
    }

    /// Lacks it one of Via, From, To, Call-ID, CSeq (RFC 3261 §8.1.1)? Max-Forwards may be missing: RFC 2543 had none.
    fn missing(&self) -> bool {
        self.seen & 0b1_1111 != 0b1_1111
    }

    /// The body by Content-Length (RFC 3261 §18.3).
    fn body(&self, rest: Option<Bytes>, stream: bool) -> Result<Bytes, &'static str> {
        let rest = rest.ok_or("Head Without End")?;
        match self.content_length {
            None if stream => Err("Missing Content-Length"),
            None => Ok(rest),
            Some(length) if length > rest.len() => Err("Body Shorter Than Content-Length"),
            Some(0) => Ok(Bytes::new()),
            Some(length) => Ok(rest.slice(..length)),
        }
    }
}

/// A bit for each header that must be there once; the low five must be there.
fn mandatory(name: &Name) -> Option<u8> {
    Some(match name {
        Name::Via => 1,
        Name::From => 2,
        Name::To => 4,
        Name::CallId => 8,
        Name::CSeq => 16,
        Name::MaxForwards => 32,
        Name::ContentLength => 64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n";

    fn read_text(text: impl AsRef<[u8]>, stream: bool) -> Result<Message, Refusal> {
        read(&Bytes::copy_from_slice(text.as_ref()), stream, &Limits::default())
    }

    fn request(text: impl AsRef<[u8]>) -> Request {
        match read_text(text, false) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn refused(text: impl AsRef<[u8]>, stream: bool) -> (u16, String, bool) {
        let refusal = read_text(text, stream).expect_err("to be refused");
        (refusal.status, refusal.reason, refusal.response.is_some())
    }

    fn options(more: &str) -> String {
        format!("OPTIONS sip:b@h SIP/2.0\r\n{HEAD}CSeq: 1 OPTIONS\r\n{more}\r\n")
    }

    #[test]
    fn odd_writing_is_understood() {
        let odd = options(
            "k: a, b\r\nm : *\r\nALLOW:INVITE,ACK\r\nAccept:\r\nSubject: x\r\n  y\r\nRoute: <sip:a,b@h;lr>,\r\n\t<sip:c>\r\n",
        );
        for text in [odd.clone(), format!("\r\n\r\n{odd}"), odd.replace("\r\n", "\n")] {
            let headers = request(text).headers;
            let all = |name: Name| headers.all(&name).map(str::to_owned).collect::<Vec<_>>();
            let elements = |name: Name| headers.elements(&name).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(elements(Name::Supported), ["a", "b"]);
            assert_eq!(all(Name::Contact), ["*"]);
            assert_eq!(elements(Name::Allow), ["INVITE", "ACK"]);
            assert_eq!((all(Name::Accept), elements(Name::Accept)), (vec![String::new()], vec![]));
            assert_eq!(all(Name::Subject), ["x y"]);
            assert_eq!(all(Name::Route), ["<sip:a,b@h;lr>", "<sip:c>"]);
        }
    }

    #[test]
    fn a_header_that_is_no_utf_8_does_not_cost_the_message() {
        let mut text = options("User-Agent: J?rg\r\nX-After: here\r\n").into_bytes();
        let at = text.iter().position(|b| *b == b'?').unwrap();
        text[at] = 0xf6;
        let headers = request(&text).headers;
        assert_eq!(headers.first(&Name::UserAgent), Some("J\u{fffd}rg"));
        assert_eq!(headers.first(&Name::other("X-After")), Some("here"));
    }

    #[test]
    fn bodies_are_cut_by_content_length_as_the_transport_says() {
        let body = "\0\u{7f}\r\n\r\nmore";
        for (length, datagram, stream) in [
            ("", Some(body), None), // RFC 3261 §18.3
            ("l: 3\r\n", Some("\0\u{7f}\r"), Some("\0\u{7f}\r")),
            ("l: 0\r\n", Some(""), Some("")),
            ("l: 10\r\n", Some(body), Some(body)),
            ("l: 11\r\n", None, None),
        ] {
            for (is_stream, want) in [(false, datagram), (true, stream)] {
                let got = read_text(options(length) + body, is_stream);
                match want {
                    Some(want) => {
                        assert!(matches!(&got, Ok(Message::Request(got)) if got.body == want), "{length}: {got:?}")
                    }
                    None => assert_eq!(got.unwrap_err().status, 400, "{length}"),
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named_in_the_answer() {
        let with = |old: &str, new: &str| options("").replace(old, new);
        for (text, status, reason) in [
            (with("OPTIONS", "PING"), 501, "Not Implemented"),
            (with("OPTIONS", "options"), 501, "Not Implemented"),
            (with("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), 505, "Version Not Supported"),
            (with("1 OPTIONS", "1 INVITE"), 400, "CSeq Method Mismatch"),
            (with("Call-ID: c\r\n", ""), 400, "Missing Mandatory Header"),
            (with("Call-ID: c\r\n", "Call-ID: c\r\ni: c\r\n"), 400, "Repeated Single Header"),
            (with("<sip:b@h>", "<sip:b@h"), 400, "Bad To"),
            (with("<sip:a@h>", "a b@h"), 400, "Bad From"),
            (with("UDP h", "UDP"), 400, "Bad Via"),
            (with("sip:b@h SIP", "sip:b@h? SIP"), 400, "Bad Request-URI"),
            (options("Max-Forwards: 256\r\n"), 400, "Bad Max-Forwards"),
            (options("no header\r\n"), 400, "Bad Header Line"),
            (options("X: a\rb\r\n"), 400, "Bare CR"),
            (options("m: <sip:a>, b\r\n"), 400, "Bad Contact"),
            (with("\r\n\r\n", "\r\n"), 400, "Head Without End"),
        ] {
            assert_eq!(refused(&text, false), (status, reason.to_owned(), true), "{text}");
        }
    }

    #[test]
    fn some_bytes_are_met_with_silence() {
        let ack = options("").replace("OPTIONS", "ACK").replace("Call-ID: c", "Call-ID: c d");
        let bare = "OPTIONS sip:b@h SIP/2.0\r\nTo: <sip:b@h>\r\n\r\n".to_owned();
        let answer = format!("SIP/2.0 200 OK\r\n{HEAD}\r\n"); // no CSeq
        for text in ["", "\r\n\r\n", "hello", "GET / HTTP/1.1\r\n\r\n", "SIP/2.0 99 x\r\n\r\n", &ack, &bare, &answer] {
            assert!(!refused(text, false).2, "{text}");
        }
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let limits = Limits { message_bytes_max: 4000, headers_max: 20, line_bytes_max: 100 };
        let status = |text: String| read(&text.into(), false, &limits).map_or_else(|refusal| refusal.status, |_| 200);
        let line = |len: usize| format!("X: {}\r\n", "y".repeat(len - 3));
        assert_eq!([100, 101].map(|len| status(options(&line(len)))), [200, 400]);
        assert_eq!([15, 16].map(|more| status(options(&"X: y\r\n".repeat(more)))), [200, 400]);
        assert_eq!(
            [15, 16].map(|more| status(options(&format!("Reason: {}\r\n", vec!["A"; more].join(","))))),
            [200, 400]
        );
        let body = |len: usize| options("") + &"b".repeat(len - options("").len());
        assert_eq!([4000, 4001].map(|len| status(body(len))), [200, 513]);
        let uri = |len: usize| options("").replace("sip:b@h ", &format!("sip:{}@h ", "b".repeat(len - 22)));
        assert_eq!([100, 101].map(|len| status(uri(len))), [200, 414]);
    }
}
