//! The SIP messages of the last while, for an operator who wants to see what was said.
//!
//! Where it stands: the shell records what it receives and sends; the console asks. The ring holds so many bytes and no
//! more: the oldest message makes room. What leaves here is masked: no password's digest, no key pressed, no media key.

use std::collections::{HashMap, VecDeque};

use base::{CallId, Time, WallClock};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sip::Flow;

/// The ring.
#[derive(Debug)]
pub struct Trace {
    ring: VecDeque<Message>,
    bytes: usize,
    bytes_max: usize,
    /// The Call-IDs of each call's dialogs, and the calls in the order they came.
    dialogs: HashMap<CallId, Vec<String>>,
    calls: VecDeque<CallId>,
}

/// One message, as it went by.
#[derive(Clone, Debug)]
pub struct Message {
    at: Time,
    sent: bool,
    flow: Flow,
    bytes: Bytes,
}

/// Which messages somebody wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those of the dialogs with these Call-IDs.
    Dialogs(Vec<String>),
    /// Those from or to this user.
    User(String),
}

/// One message, to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Microseconds since 1970 (UTC).
    pub unix_us: i64,
    /// By us?
    pub sent: bool,
    /// By `UDP`, `TCP`, …
    pub transport: String,
    /// Our end.
    pub local: String,
    /// Theirs.
    pub remote: String,
    /// The message, masked.
    pub text: String,
}

/// Calls whose dialogs are remembered.
const CALLS_MAX: usize = 20_000;
/// Dialogs remembered of one call.
const DIALOGS_MAX: usize = 64;
/// What a message costs beside its bytes.
const MESSAGE_BYTES: usize = 160;

impl Trace {
    /// A ring that holds so many bytes; 0 records nothing.
    pub fn new(bytes_max: usize) -> Trace {
        Trace { ring: VecDeque::new(), bytes: 0, bytes_max, dialogs: HashMap::new(), calls: VecDeque::new() }
    }

    /// A message went by.
    pub fn record(&mut self, at: Time, sent: bool, flow: Flow, bytes: Bytes) {
        self.bytes += bytes.len() + MESSAGE_BYTES;
        self.ring.push_back(Message { at, sent, flow, bytes });
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.ring.pop_front() else { break };
            self.bytes -= oldest.bytes.len() + MESSAGE_BYTES;
        }
    }

    /// A call has one more dialog.
    pub fn dialog(&mut self, call: CallId, sip_call_id: String) {
        let known = self.dialogs.entry(call).or_insert_with(|| {
            self.calls.push_back(call);
            Vec::new()
        });
        if known.len() < DIALOGS_MAX {
            known.push(sip_call_id);
        }
        if self.calls.len() > CALLS_MAX
            && let Some(oldest) = self.calls.pop_front()
        {
            self.dialogs.remove(&oldest);
        }
    }

    /// All dialogs of a call, by our id of it; else the one dialog with that Call-ID.
    pub fn dialogs_of(&self, call: &str) -> Wanted {
        let known = call.parse().ok().and_then(|call| self.dialogs.get(&call));
        Wanted::Dialogs(known.cloned().unwrap_or_else(|| vec![call.to_owned()]))
    }

    /// The messages of interest, oldest first.
    pub fn find(&self, wanted: &Wanted, clock: WallClock) -> Vec<Said> {
        self.ring.iter().filter_map(|message| message.said_to(wanted, clock)).collect()
    }

    /// The message that came last, if it is of interest.
    pub fn last(&self, wanted: &Wanted, clock: WallClock) -> Option<Said> {
        self.ring.back()?.said_to(wanted, clock)
    }
}

impl Message {
    fn said_to(&self, wanted: &Wanted, clock: WallClock) -> Option<Said> {
        let text = String::from_utf8_lossy(&self.bytes);
        wanted.is_in(&text).then(|| Said {
            unix_us: clock.unix_ms(Time::ZERO) * 1000 + (self.at.as_nanos() / 1000) as i64,
            sent: self.sent,
            transport: self.flow.transport.as_str().to_owned(),
            local: self.flow.local.to_string(),
            remote: self.flow.remote.to_string(),
            text: masked(&text),
        })
    }
}

impl Wanted {
    fn is_in(&self, text: &str) -> bool {
        let (head, _) = split(text);
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        let named = |name: &str, names: &[&str]| names.iter().any(|one| name.trim().eq_ignore_ascii_case(one));
        match self {
            Wanted::Dialogs(ids) => {
                fields.any(|(name, value)| named(name, &["Call-ID", "i"]) && ids.iter().any(|id| id == value.trim()))
            }
            Wanted::User(user) => {
                let uris = [format!("sip:{user}@"), format!("sips:{user}@"), format!("tel:{user}")];
                let names_user = |text: &str| uris.iter().any(|uri| text.contains(uri.as_str()));
                head.lines().next().is_some_and(names_user)
                    || fields.any(|(name, value)| named(name, &["From", "f", "To", "t"]) && names_user(value))
            }
        }
    }
}

/// The message without what nobody may read: digests of passwords, keys pressed, keys of media. Lengths stay.
fn masked(text: &str) -> String {
    let (head, body) = split(text);
    let head = hide_after(head, "response=", |letter| !matches!(letter, ',' | '\r' | '\n'));
    let lower = head.to_ascii_lowercase();
    let body = match lower.contains("application/dtmf") {
        true => body.replace(|letter: char| letter.is_ascii_digit() || "*#ABCD".contains(letter), "x"),
        false => hide_after(body, "inline:", |letter| !matches!(letter, '|' | ' ' | '\r' | '\n')),
    };
    head + &body
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find("\r\n\r\n").map_or(text.len(), |at| at + 4))
}

/// Puts an x for every letter that follows the word, as long as they are hidden.
fn hide_after(text: &str, word: &str, hidden: impl Fn(char) -> bool) -> String {
    let lower = text.to_ascii_lowercase();
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(at) = lower[from..].find(word) {
        let begin = from + at + word.len();
        shown.push_str(&text[from..begin]);
        let end = text[begin..].find(|letter| !hidden(letter)).map_or(text.len(), |length| begin + length);
        shown.extend(text[begin..end].chars().map(|letter| if letter == '"' { '"' } else { 'x' }));
        from = end;
    }
    shown + &text[from..]
}

#[cfg(test)]
mod tests {
    use sip::Transport;

    use super::*;

    const CLOCK: WallClock = WallClock { unix_ms_at_zero: 1_795_430_000_000 };

    fn flow() -> Flow {
        let address = |text: &str| text.parse().expect("an address");
        Flow {
            transport: Transport::Udp,
            local: address("192.0.2.1:5060"),
            remote: address("192.0.2.7:5062"),
            connection: 0,
        }
    }

    fn invite(call_id: &str, from: &str) -> Bytes {
        format!("INVITE sip:600@x SIP/2.0\r\nf: <sip:{from}@x>;tag=1\r\nTo: <sip:600@x>\r\nCall-ID: {call_id}\r\n\r\n")
            .into()
    }

    #[test]
    fn secrets_are_masked_and_nothing_else() {
        for (said, shown) in [
            (
                "REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username=\"ann\", Response=\"0a1b\", nc=00000001\r\n\r\n",
                "REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username=\"ann\", Response=\"xxxx\", nc=00000001\r\n\r\n",
            ),
            ("A\r\nAuthorization: Digest\r\n response=\"ff\"", "A\r\nAuthorization: Digest\r\n response=\"xx\""),
            (
                "INFO x\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n",
                "INFO x\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=x\r\nxuration=xxx\r\n",
            ),
            ("B\r\n\r\na=crypto:1 AES inline:c2VjcmV0|2^31\r\n", "B\r\n\r\na=crypto:1 AES inline:xxxxxxxx|2^31\r\n"),
            ("C\r\n\r\nresponse=1234", "C\r\n\r\nresponse=1234"),
        ] {
            assert_eq!(masked(said), shown);
        }
    }

    #[test]
    fn a_call_is_found_by_our_id_by_its_call_id_and_by_its_users() {
        let mut trace = Trace::new(100_000);
        let call = CallId::new(1_795_430_000_000, &mut base::Random::numbered(1));
        for (n, call_id, from) in [(0, "one", "ann"), (1, "two", "ann"), (2, "three", "anna")] {
            trace.record(Time::from_millis(n), n == 1, flow(), invite(call_id, from));
        }
        trace.dialog(call, "one".to_owned());
        trace.dialog(call, "two".to_owned());
        let count = |wanted: &Wanted| trace.find(wanted, CLOCK).len();
        assert_eq!(count(&trace.dialogs_of(&call.to_string())), 2);
        assert_eq!(count(&trace.dialogs_of("three")), 1);
        assert_eq!(count(&trace.dialogs_of("thre")), 0);
        assert_eq!(count(&Wanted::User("ann".to_owned())), 2);
        assert_eq!(count(&Wanted::User("600".to_owned())), 3);
        assert_eq!(trace.last(&Wanted::User("ann".to_owned()), CLOCK), None);
    }

    #[test]
    fn the_ring_is_bounded_in_bytes_and_the_calls_in_number() {
        let (mut trace, mut random) = (Trace::new(10_000), base::Random::numbered(2));
        for n in 0..30_000_u64 {
            trace.record(Time::from_millis(n), false, flow(), invite(&n.to_string(), "ann"));
            trace.dialog(CallId::new(n as i64, &mut random), n.to_string());
        }
        assert!(trace.bytes <= 10_000 && trace.ring.len() > 20, "{} bytes", trace.bytes);
        assert_eq!((trace.calls.len(), trace.dialogs.len()), (CALLS_MAX, CALLS_MAX));
    }
}
