//! Header fields in their order, found by name: rsip's untyped headers behind our own names.
//!
//! Where it stands: the wire scanner fills it, everything above reads and writes it. It knows canonical and compact
//! names (RFC 3261 §7.3.3) and no grammar of values but the few typed views at its end.

use std::borrow::Cow;
use std::fmt;

use bytes::BufMut;
use memchr::memchr2;
use rsip::Header;
use rsip::headers::untyped::UntypedHeader;

use crate::text::{digits, elements, is_blank, split_while, trim_start};
use crate::{NameAddr, Via};

/// The header fields of a message, in the order they stood there.
///
/// ```
/// use sip::{Headers, Name};
/// let mut headers = Headers::default();
/// headers.push(Name::Supported, "replaces");
/// headers.push(Name::from("X-Queue"), "sales");
/// assert_eq!(headers.first(&Name::from("k")), Some("replaces"));
/// assert_eq!(headers.first(&Name::from("x-queue")), Some("sales"));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(rsip::Headers);

impl Headers {
    /// No headers yet, with room for `count`.
    pub fn with_capacity(count: usize) -> Headers {
        Headers(Vec::with_capacity(count).into())
    }

    /// The first value under that name.
    pub fn first(&self, name: &Name) -> Option<&str> {
        self.0.iter().find(|header| name.names(header)).map(value_of)
    }

    /// All values under that name, in order. Each address of a list has a value of its own (Via, Route, Contact, …); a list
    /// of words is as it was written.
    pub fn all(&self, name: &Name) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|header| name.names(header)).map(value_of)
    }

    /// Is there such a header?
    pub fn has(&self, name: &Name) -> bool {
        self.first(name).is_some()
    }

    /// All elements of a list header, in whichever lines they stand (RFC 3261 §7.3.1). Empty ones are none.
    pub fn elements(&self, name: &Name) -> impl Iterator<Item = &str> {
        self.all(name).flat_map(elements).filter(|element| !element.is_empty())
    }

    /// Does a list header (Supported, Require, Allow, …) hold this token?
    pub fn lists(&self, name: &Name, token: &str) -> bool {
        self.elements(name).any(|element| element.eq_ignore_ascii_case(token))
    }

    /// Adds a header at the end.
    #[inline]
    pub fn push(&mut self, name: Name, value: impl Into<String>) {
        self.0.push(name.header(value.into()));
    }

    /// Adds a header before all others (our Via on a request we send).
    pub fn push_front(&mut self, name: Name, value: impl Into<String>) {
        self.edit(|headers| headers.insert(0, name.header(value.into())));
    }

    /// Replaces the first header of that name in its place and removes the others; adds it where there was none.
    pub fn set(&mut self, name: Name, value: impl Into<String>) {
        let Some(at) = self.0.iter().position(|header| name.names(header)) else { return self.push(name, value) };
        self.edit(|headers| {
            let mut index = 0;
            headers.retain(|header| {
                index += 1;
                index <= at + 1 || !name.names(header)
            });
            headers[at] = name.header(value.into());
        });
    }

    /// Replaces the first header of that name, leaving the others; nothing where there is none. For the top Via.
    pub fn set_first(&mut self, name: &Name, value: impl Into<String>) {
        if let Some(header) = self.0.iter_mut().find(|header| name.names(header)) {
            *header = name.clone().header(value.into());
        }
    }

    /// Removes every header of that name.
    pub fn remove(&mut self, name: &Name) {
        self.0.retain(|header| !name.names(header));
    }

    /// Removes the first header of that name and returns its value.
    pub fn remove_first(&mut self, name: &Name) -> Option<String> {
        let at = self.0.iter().position(|header| name.names(header))?;
        let mut taken = None;
        self.edit(|headers| taken = Some(value_of(&headers.remove(at)).to_owned()));
        taken
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().count() // of a slice: no walk
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.edit(|headers| headers.truncate(len));
    }

    /// Name and value of each header, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|header| (name_of(header), value_of(header)))
    }

    /// The headers as rsip's model.
    pub fn as_rsip(&self) -> &rsip::Headers {
        &self.0
    }

    /// Writes `Name: value` lines, leaving out Content-Length, which belongs to the body.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for header in self.0.iter().filter(|header| !Name::ContentLength.names(header)) {
            out.put_slice(name_of(header).as_bytes());
            out.put_slice(b": ");
            put_line(out, value_of(header));
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut Vec<Header>)) {
        let mut headers = std::mem::take(&mut self.0).into();
        change(&mut headers);
        self.0 = headers.into();
    }
}

/// Typed views of what every message carries. `None` is a missing or unreadable header.
impl Headers {
    /// Sequence number and method of the CSeq.
    pub fn cseq(&self) -> Option<(u32, &str)> {
        cseq(self.first(&Name::CSeq)?)
    }

    /// The Call-ID.
    pub fn call_id(&self) -> Option<&str> {
        self.first(&Name::CallId)
    }

    /// The From header.
    pub fn from(&self) -> Option<NameAddr> {
        self.first(&Name::From)?.parse().ok()
    }

    /// The To header.
    pub fn to(&self) -> Option<NameAddr> {
        self.first(&Name::To)?.parse().ok()
    }

    /// The first Contact; not `*`.
    pub fn contact(&self) -> Option<NameAddr> {
        self.first(&Name::Contact)?.parse().ok()
    }

    /// The topmost Via.
    pub fn via(&self) -> Option<Via> {
        self.first(&Name::Via)?.parse().ok()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Reads a CSeq value: a number below 2^31 and a method (RFC 3261 §8.1.1.5).
pub(crate) fn cseq(value: &str) -> Option<(u32, &str)> {
    let (number, method) = split_while(value, |b| !is_blank(b));
    let number = digits(number).filter(|number| *number < 1 << 31)?;
    Some((number as u32, trim_start(method))).filter(|(_, method)| !method.is_empty())
}

/// Puts a line's text and its end. A line break inside, whoever brought it here, must not make a line of its own.
pub(crate) fn put_line(out: &mut Vec<u8>, text: &str) {
    match memchr2(b'\r', b'\n', text.as_bytes()) {
        None => out.put_slice(text.as_bytes()),
        Some(_) => out.extend(text.bytes().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { b })),
    }
    out.put_slice(b"\r\n");
}

macro_rules! names {
    (model { $($model:ident = $model_name:literal, $model_doc:literal;)* } ours { $($our:ident = $our_name:literal, $our_doc:literal;)* }) => {
        /// A header field's name. Made by variant, or from text (`Name::from("k")`), compact or not, in any case.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Name {
            $(#[doc = $model_doc] $model,)*
            $(#[doc = $our_doc] $our,)*
            /// Any other field, spelt as it came.
            Other(Cow<'static, str>),
        }

        const KNOWN: &[(Name, &str)] = &[$((Name::$model, $model_name),)* $((Name::$our, $our_name),)*];

        impl Name {
            /// The name as we write it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Name::$model => $model_name,)*
                    $(Name::$our => $our_name,)*
                    Name::Other(name) => name,
                }
            }

            fn names(&self, header: &Header) -> bool {
                match (self, header) {
                    $((Name::$model, Header::$model(_)) => true,)*
                    ($(Name::$our)|* | Name::Other(_), header) => name_of(header).eq_ignore_ascii_case(self.as_str()),
                    _ => false,
                }
            }

            #[inline]
            pub(crate) fn header(self, value: String) -> Header {
                match self {
                    $(Name::$model => Header::$model(value.into()),)*
                    $(Name::$our => Header::Other($our_name.to_owned(), value),)*
                    // `Other("Via")` is a Via all the same.
                    Name::Other(name) => match known(&name) {
                        Some(name) => name.header(value),
                        None => Header::Other(name.into_owned(), value),
                    },
                }
            }
        }

        fn name_of(header: &Header) -> &str {
            match header {
                $(Header::$model(_) => $model_name,)*
                Header::Other(name, _) => name,
            }
        }

        fn value_of(header: &Header) -> &str {
            match header {
                $(Header::$model(header) => header.value(),)*
                Header::Other(_, value) => value,
            }
        }
    };
}

names! {
    model {
        Accept = "Accept", "RFC 3261 §20.1";
        AcceptEncoding = "Accept-Encoding", "RFC 3261 §20.2";
        AcceptLanguage = "Accept-Language", "RFC 3261 §20.3";
        AlertInfo = "Alert-Info", "RFC 3261 §20.4";
        Allow = "Allow", "RFC 3261 §20.5";
        AuthenticationInfo = "Authentication-Info", "RFC 3261 §20.6";
        Authorization = "Authorization", "RFC 3261 §20.7";
        CallId = "Call-ID", "RFC 3261 §20.8";
        CallInfo = "Call-Info", "RFC 3261 §20.9";
        Contact = "Contact", "RFC 3261 §20.10";
        ContentDisposition = "Content-Disposition", "RFC 3261 §20.11";
        ContentEncoding = "Content-Encoding", "RFC 3261 §20.12";
        ContentLanguage = "Content-Language", "RFC 3261 §20.13";
        ContentLength = "Content-Length", "RFC 3261 §20.14; written by `to_bytes` from the body";
        ContentType = "Content-Type", "RFC 3261 §20.15";
        CSeq = "CSeq", "RFC 3261 §20.16";
        Date = "Date", "RFC 3261 §20.17";
        ErrorInfo = "Error-Info", "RFC 3261 §20.18";
        Event = "Event", "RFC 6665 §8.2.1";
        Expires = "Expires", "RFC 3261 §20.19";
        From = "From", "RFC 3261 §20.20";
        InReplyTo = "In-Reply-To", "RFC 3261 §20.21";
        MaxForwards = "Max-Forwards", "RFC 3261 §20.22";
        MinExpires = "Min-Expires", "RFC 3261 §20.23";
        MimeVersion = "MIME-Version", "RFC 3261 §20.24";
        Organization = "Organization", "RFC 3261 §20.25";
        Priority = "Priority", "RFC 3261 §20.26";
        ProxyAuthenticate = "Proxy-Authenticate", "RFC 3261 §20.27";
        ProxyAuthorization = "Proxy-Authorization", "RFC 3261 §20.28";
        ProxyRequire = "Proxy-Require", "RFC 3261 §20.29";
        RecordRoute = "Record-Route", "RFC 3261 §20.30";
        ReplyTo = "Reply-To", "RFC 3261 §20.31";
        Require = "Require", "RFC 3261 §20.32";
        RetryAfter = "Retry-After", "RFC 3261 §20.33";
        Route = "Route", "RFC 3261 §20.34";
        Server = "Server", "RFC 3261 §20.35";
        Subject = "Subject", "RFC 3261 §20.36";
        SubscriptionState = "Subscription-State", "RFC 6665 §8.2.3";
        Supported = "Supported", "RFC 3261 §20.37";
        Timestamp = "Timestamp", "RFC 3261 §20.38";
        To = "To", "RFC 3261 §20.39";
        Unsupported = "Unsupported", "RFC 3261 §20.40";
        UserAgent = "User-Agent", "RFC 3261 §20.41";
        Via = "Via", "RFC 3261 §20.42";
        Warning = "Warning", "RFC 3261 §20.43";
        WwwAuthenticate = "WWW-Authenticate", "RFC 3261 §20.44";
    }
    ours {
        AllowEvents = "Allow-Events", "RFC 6665 §8.2.2";
        Diversion = "Diversion", "RFC 5806";
        HistoryInfo = "History-Info", "RFC 7044";
        InfoPackage = "Info-Package", "RFC 6086";
        FlowTimer = "Flow-Timer", "RFC 5626 §5.4";
        Join = "Join", "RFC 3911";
        MinSe = "Min-SE", "RFC 4028 §5";
        PAssertedIdentity = "P-Asserted-Identity", "RFC 3325 §9.1";
        PPreferredIdentity = "P-Preferred-Identity", "RFC 3325 §9.2";
        Path = "Path", "RFC 3327";
        Privacy = "Privacy", "RFC 3323";
        RAck = "RAck", "RFC 3262 §7.2";
        RSeq = "RSeq", "RFC 3262 §7.1";
        Reason = "Reason", "RFC 3326";
        RecvInfo = "Recv-Info", "RFC 6086";
        ReferTo = "Refer-To", "RFC 3515";
        ReferredBy = "Referred-By", "RFC 3892";
        Replaces = "Replaces", "RFC 3891";
        ServiceRoute = "Service-Route", "RFC 3608";
        SessionExpires = "Session-Expires", "RFC 4028 §4";
        SipEtag = "SIP-ETag", "RFC 3903";
        SipIfMatch = "SIP-If-Match", "RFC 3903";
        UserToUser = "User-to-User", "RFC 7433";
    }
}

impl Name {
    /// A field of nobody's list, under its name in the program.
    pub const fn other(name: &'static str) -> Name {
        Name::Other(Cow::Borrowed(name))
    }

    /// Its elements may be written in one line with commas (RFC 3261 §7.3.1) and are kept one by one: they are taken and
    /// put singly. Lists of words, which are only ever asked whether they hold one, stay as they are written.
    pub(crate) fn is_split(&self) -> bool {
        use Name::*;
        matches!(
            self,
            Via | Contact
                | Route
                | RecordRoute
                | Path
                | ServiceRoute
                | AlertInfo
                | CallInfo
                | ErrorInfo
                | Warning
                | Diversion
                | HistoryInfo
                | PAssertedIdentity
                | Reason
        )
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Name {
        known(name).unwrap_or_else(|| Name::Other(name.to_owned().into()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn known(name: &str) -> Option<Name> {
    let bytes = name.as_bytes();
    if let [letter] = bytes {
        return compact(letter.to_ascii_lowercase());
    }
    let mut slot = slot(bytes)?;
    loop {
        let (known, text) = KNOWN.get(usize::from(SLOTS[slot]))?; // an empty slot points past the end
        if *text == name || text.eq_ignore_ascii_case(name) {
            return Some(known.clone());
        }
        slot = (slot + 1) % SLOTS.len();
    }
}

/// The one-letter names of RFC 3261 §7.3.3 and of the extensions registered since.
fn compact(letter: u8) -> Option<Name> {
    Some(match letter {
        b'b' => Name::ReferredBy,
        b'c' => Name::ContentType,
        b'e' => Name::ContentEncoding,
        b'f' => Name::From,
        b'i' => Name::CallId,
        b'k' => Name::Supported,
        b'l' => Name::ContentLength,
        b'm' => Name::Contact,
        b'o' => Name::Event,
        b'r' => Name::ReferTo,
        b's' => Name::Subject,
        b't' => Name::To,
        b'u' => Name::AllowEvents,
        b'v' => Name::Via,
        b'x' => Name::SessionExpires,
        _ => return None,
    })
}

/// Known names by length and outer letters, made at compile time; a clash takes the next slot.
static SLOTS: [u8; 256] = {
    let mut slots = [u8::MAX; 256];
    let mut index = 0;
    while index < KNOWN.len() {
        let Some(mut at) = slot(KNOWN[index].1.as_bytes()) else { panic!("a name is not empty") };
        while slots[at] != u8::MAX {
            at = (at + 1) % slots.len();
        }
        slots[at] = index as u8;
        index += 1;
    }
    slots
};

const fn slot(name: &[u8]) -> Option<usize> {
    match name {
        [first, .., last] => Some((name.len() * 37 + (*first | 32) as usize * 7 + (*last | 32) as usize) % 256),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_compact() {
        for (name, text) in KNOWN {
            assert_eq!((Name::from(&*text.to_uppercase()), Name::from(*text)), (name.clone(), name.clone()), "{text}");
        }
        for (letter, name) in
            [("v", Name::Via), ("I", Name::CallId), ("x", Name::SessionExpires), ("z", Name::other("z"))]
        {
            assert_eq!(Name::from(letter), name);
        }
        assert_eq!(Name::from("X-Queue"), Name::other("X-Queue"));
    }

    #[test]
    fn headers_are_changed_in_their_place() {
        let mut headers = Headers::default();
        for (name, value) in [("To", "b"), ("Via", "1"), ("X-Queue", "q"), ("via", "2"), ("Path", "p")] {
            headers.push(Name::from(name), value);
        }
        let lines = |headers: &Headers| {
            headers.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        headers.push_front(Name::other("VIA"), "0");
        assert_eq!(lines(&headers), "Via=0 To=b Via=1 X-Queue=q Via=2 Path=p");
        headers.set_first(&Name::Via, "00");
        headers.set(Name::from("x-queue"), "r");
        assert_eq!(lines(&headers), "Via=00 To=b Via=1 x-queue=r Via=2 Path=p");
        assert_eq!(headers.remove_first(&Name::Via).as_deref(), Some("00"));
        headers.set(Name::Via, "9");
        headers.remove(&Name::Path);
        headers.set(Name::Expires, "60");
        assert_eq!(lines(&headers), "To=b Via=9 x-queue=r Expires=60");
        assert_eq!(headers.all(&Name::Via).collect::<Vec<_>>(), ["9"]);
        assert_eq!(
            (headers.len(), headers.has(&Name::Path), headers.first(&Name::other("X-QUEUE"))),
            (4, false, Some("r"))
        );
    }

    #[test]
    fn a_value_cannot_make_a_line_of_its_own() {
        let mut headers = Headers::default();
        headers.push(Name::other("X-Caller"), "a\r\nVia: forged\nb");
        let mut out = Vec::new();
        headers.write(&mut out);
        assert_eq!(out, b"X-Caller: a  Via: forged b\r\n");
    }

    #[test]
    fn a_cseq_is_a_number_below_two_to_the_31_and_a_method() {
        for (text, want) in [
            ("0009 INVITE", Some((9, "INVITE"))),
            ("1\t ACK", Some((1, "ACK"))),
            ("2147483647 BYE", Some((2_147_483_647, "BYE"))),
            ("2147483648 BYE", None),
            ("36893488147419103232 REGISTER", None),
            ("-1 BYE", None),
            ("1", None),
            ("1 ", None),
            ("BYE", None),
        ] {
            assert_eq!(cseq(text), want, "{text}");
        }
    }
}
