//! Requests and responses as the room speaks of them, and their bytes.
//!
//! Where it stands: [`crate::wire`] reads bytes into them; transactions and dialogs make and change them. rsip lends
//! the methods and the header model; the URI stays as it was sent and the body stays bytes.

use bytes::{BufMut, Bytes};
use rsip::Method;

use crate::headers::put_line;
use crate::{Headers, Name};

/// What travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A method is asked of us, or by us.
    Request(Request),
    /// The answer to one.
    Response(Response),
}

/// RFC 3261 §7.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI, byte for byte.
    pub uri: String,
    /// Header fields in order.
    pub headers: Headers,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// RFC 3261 §7.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The words after it.
    pub reason: String,
    /// Header fields in order.
    pub headers: Headers,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Request {
    /// A request with no header yet.
    pub fn new(method: Method, uri: impl Into<String>) -> Request {
        Request { method, uri: uri.into(), headers: Headers::with_capacity(16), body: Bytes::new() }
    }

    /// The same with one more header: `Request::new(…).with(Name::MaxForwards, "70")`.
    #[must_use]
    pub fn with(mut self, name: Name, value: impl Into<String>) -> Request {
        self.headers.push(name, value);
        self
    }

    /// Sequence number and method of its CSeq.
    pub fn cseq(&self) -> Option<(u32, &str)> {
        self.headers.cseq()
    }

    /// The bytes to send. Content-Length is that of the body (RFC 3261 §20.14), whatever the headers say.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(1024 + self.body.len());
        out.put_slice(method_name(self.method).as_bytes());
        out.put_u8(b' ');
        out.extend(self.uri.bytes().filter(|b| !b.is_ascii_whitespace()));
        out.put_slice(b" SIP/2.0\r\n");
        finish(out, &self.headers, &self.body)
    }
}

impl Response {
    /// An answer to a request: Via, From, To, Call-ID and CSeq are the request's (RFC 3261 §8.2.6.2). The tag of To
    /// is the caller's duty.
    pub fn to(request: &Request, status: u16) -> Response {
        Response::copying(&request.headers, status)
    }

    pub(crate) fn copying(headers: &Headers, status: u16) -> Response {
        let mut copied = Headers::with_capacity(12);
        for via in headers.all(&Name::Via) {
            copied.push(Name::Via, via);
        }
        for name in [Name::From, Name::To, Name::CallId, Name::CSeq] {
            if let Some(value) = headers.first(&name) {
                copied.push(name, value);
            }
        }
        if let (100, Some(timestamp)) = (status, headers.first(&Name::Timestamp)) {
            copied.push(Name::Timestamp, timestamp); // RFC 3261 §8.2.6.1
        }
        Response { status, reason: reason_phrase(status).to_owned(), headers: copied, body: Bytes::new() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: Name, value: impl Into<String>) -> Response {
        self.headers.push(name, value);
        self
    }

    /// Sequence number and method of its CSeq.
    pub fn cseq(&self) -> Option<(u32, &str)> {
        self.headers.cseq()
    }

    /// 1xx.
    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    /// 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// 2xx to 6xx.
    pub fn is_final(&self) -> bool {
        self.status >= 200
    }

    /// The bytes to send. Content-Length is that of the body, whatever the headers say.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(1024 + self.body.len());
        out.put_slice(b"SIP/2.0 ");
        put_number(&mut out, usize::from(self.status));
        out.put_u8(b' ');
        put_line(&mut out, &self.reason);
        finish(out, &self.headers, &self.body)
    }
}

impl Message {
    /// Its header fields.
    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        }
    }

    /// The bytes to send.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Message::Request(request) => request.to_bytes(),
            Message::Response(response) => response.to_bytes(),
        }
    }
}

fn finish(mut out: Vec<u8>, headers: &Headers, body: &Bytes) -> Bytes {
    headers.write(&mut out);
    out.put_slice(b"Content-Length: ");
    put_number(&mut out, body.len());
    out.put_slice(b"\r\n\r\n");
    out.put_slice(body);
    out.shrink_to_fit(); // a transaction keeps it for its 32 s
    out.into()
}

fn put_number(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return out.put_slice(&digits[at..]);
        }
    }
}

/// A method's word. (rsip's `Display` allocates.)
pub fn method_name(method: Method) -> &'static str {
    METHODS.iter().find(|(known, _)| *known == method).map_or("", |(_, name)| name)
}

/// The method of that word, which is case-sensitive (RFC 3261 §7.1); `None` is one we do not know.
pub fn method_named(name: &str) -> Option<Method> {
    METHODS.iter().find(|(_, known)| *known == name).map(|(method, _)| *method)
}

const METHODS: [(Method, &str); 14] = [
    (Method::Invite, "INVITE"),
    (Method::Ack, "ACK"),
    (Method::Bye, "BYE"),
    (Method::Register, "REGISTER"),
    (Method::Cancel, "CANCEL"),
    (Method::Options, "OPTIONS"),
    (Method::Info, "INFO"),
    (Method::Update, "UPDATE"),
    (Method::PRack, "PRACK"),
    (Method::Refer, "REFER"),
    (Method::Notify, "NOTIFY"),
    (Method::Subscribe, "SUBSCRIBE"),
    (Method::Message, "MESSAGE"),
    (Method::Publish, "PUBLISH"),
];

/// The words of RFC 3261 §21 and its extensions; those of the class for a status without words of its own.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        199 => "Early Dialog Terminated",
        200 => "OK",
        202 => "Accepted",
        204 => "No Notification",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        412 => "Conditional Request Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        429 => "Provide Referrer Identity",
        430 => "Flow Failed",
        433 => "Anonymity Disallowed",
        439 => "First Hop Lacks Outbound Support",
        440 => "Max-Breadth Exceeded",
        469 => "Bad Info Package",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        494 => "Security Agreement Required",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        580 => "Precondition Failure",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        607 => "Unwanted",
        608 => "Rejected",
        _ => match status / 100 {
            1 => "Progress",
            2 => "Success",
            3 => "Redirection",
            4 => "Request Failure",
            5 => "Server Failure",
            _ => "Global Failure",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_print_with_the_length_of_their_body() {
        let mut request =
            Request::new(Method::PRack, "sip:a@h").with(Name::ContentLength, "99").with(Name::CallId, "c");
        request.body = Bytes::from_static(b"\0\xff\r\n");
        assert_eq!(
            &request.to_bytes()[..],
            b"PRACK sip:a@h SIP/2.0\r\nCall-ID: c\r\nContent-Length: 4\r\n\r\n\0\xff\r\n"
        );
        let response = Response { reason: "fine\r\nX: y".to_owned(), ..Response::to(&request, 299) };
        assert_eq!(&response.to_bytes()[..], b"SIP/2.0 299 fine  X: y\r\nCall-ID: c\r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn an_answer_carries_what_names_its_request() {
        let mut request = Request::new(Method::Invite, "sip:a@h");
        for (name, value) in [
            ("Via", "1"),
            ("To", "t"),
            ("Via", "2"),
            ("From", "f"),
            ("Call-ID", "c"),
            ("CSeq", "1 INVITE"),
            ("Subject", "s"),
            ("Timestamp", "5"),
        ] {
            request.headers.push(Name::from(name), value);
        }
        let names = |status| {
            Response::to(&request, status)
                .headers
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(200), ["Via=1", "Via=2", "From=f", "To=t", "Call-ID=c", "CSeq=1 INVITE"]);
        assert_eq!(names(100).last().map(String::as_str), Some("Timestamp=5"));
    }

    #[test]
    fn methods_have_one_spelling() {
        for (method, name) in METHODS {
            assert_eq!((method_named(name), method_name(method)), (Some(method), name));
            assert_eq!(method.to_string(), name);
        }
        assert_eq!((METHODS.len(), method_named("invite"), method_named("PING")), (Method::all().len(), None, None));
    }
}
