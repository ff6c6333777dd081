//! Requests of ours outside of any INVITE's dialog: REGISTER and OPTIONS to a trunk, NOTIFY and MESSAGE to a phone.
//!
//! Where it stands: the rooms above say what to ask of whom ([`Command::Request`](super::Command)) and hear how it went,
//! once. Challenges are answered here; what an answer means is theirs to know, and so is a subscription's dialog: they
//! say its tags, Call-ID and CSeq.

use std::collections::HashMap;

use base::Time;
use bytes::Bytes;

use super::door::TAG_LETTERS;
use super::transactions::Owner;
use super::{Endpoint, Event, Output};
use crate::digest::{Credentials, Login, Signed};
use crate::{Flow, Headers, Method, Name, NameAddr, Request, Response};

/// A request of ours outside of any INVITE's dialog.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// What to ask, of whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Outside {
    /// Any but INVITE, ACK and CANCEL.
    pub method: Method,
    /// The Request-URI.
    pub uri: String,
    /// Where to send it.
    pub flow: Flow,
    /// Who asks. Without a tag it gets one.
    pub from: NameAddr,
    /// Who is asked.
    pub to: NameAddr,
    /// Its Call-ID, where it continues something; else a new one.
    pub call_id: Option<String>,
    /// Its number in that. What continues it goes on from `RequestDone`.
    pub cseq: u32,
    /// More headers: Contact, Expires, Event, Route, …
    pub headers: Vec<(Name, String)>,
    /// Type and text of its body.
    pub body: Option<(String, Bytes)>,
    /// For who may ask who we are.
    pub credentials: Option<Credentials>,
}

/// The final response to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Bytes,
    /// Where it came from.
    pub flow: Flow,
}

/// Those that wait for their answer.
#[derive(Debug, Default)]
pub struct Requests {
    last: u64,
    waiting: HashMap<RequestId, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    cseq: u32,
    flow: Flow,
    /// What is kept to ask again with an answer to a challenge.
    retry: Option<Box<(Login, Request)>>,
}

impl Requests {
    /// The next number.
    pub fn next_id(&mut self) -> RequestId {
        self.last += 1;
        RequestId(self.last)
    }
}

impl Endpoint {
    pub(super) fn ask(&mut self, id: RequestId, asked: Outside, now: Time, out: &mut Vec<Output>) {
        if self.transactions.len() >= self.conf.transactions_max || self.requests.waiting.contains_key(&id) {
            return out.push(done(id, 503, asked.cseq, None));
        }
        let Outside { method, uri, flow, from, to, call_id, cseq, headers: more, body, credentials } = asked;
        debug_assert!(!matches!(method, Method::Invite | Method::Ack | Method::Cancel), "those are a leg's");
        let mut request = Request::new(method, uri);
        let headers = &mut request.headers;
        let from = if from.tag().is_some() { from } else { from.tagged(self.random.token(TAG_LETTERS)) };
        headers.push(Name::MaxForwards, "70");
        headers.push(Name::From, from.to_string());
        headers.push(Name::To, to.to_string());
        headers.push(Name::CallId, call_id.unwrap_or_else(|| self.random.token(24)));
        headers.push(Name::CSeq, format!("{cseq} {}", crate::method_name(method)));
        headers.push(Name::UserAgent, &*self.conf.server);
        more.into_iter().for_each(|(name, value)| headers.push(name, value));
        if let Some((kind, body)) = body {
            headers.push(Name::ContentType, kind);
            request.body = body;
        }
        let retry = credentials.map(|credentials| {
            let cnonce = self.random.token(16);
            let signed = Signed { method, uri: &request.uri };
            let authorization = self.challenged.sign(flow.remote, &credentials, signed, &cnonce);
            authorization.into_iter().for_each(|(name, value)| request.headers.push(name, value));
            Box::new((Login::new(credentials, flow.remote, cnonce), request.clone()))
        });
        self.requests.waiting.insert(id, Waiting { cseq, flow, retry });
        self.send(request, flow, Some(Owner::Request(id)), now, out);
    }

    /// A response to one came.
    pub(super) fn answered(
        &mut self,
        id: RequestId,
        response: &Response,
        from: Flow,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        if response.is_provisional() {
            return;
        }
        let Some(mut waiting) = self.requests.waiting.remove(&id) else { return };
        if let Some((login, request)) = waiting.retry.as_deref_mut() {
            let signed = Signed { method: request.method, uri: &request.uri };
            self.challenged.hear(response, from.remote, login.credentials(), request.method);
            if let Some((name, value)) = login.answer(response, from.remote, signed) {
                waiting.cseq += 1; // RFC 3261 §22.2
                request.headers.set(Name::CSeq, format!("{} {}", waiting.cseq, crate::method_name(request.method)));
                request.headers.set(name, value);
                let again = request.clone();
                let flow = waiting.flow;
                self.requests.waiting.insert(id, waiting);
                self.send(again, flow, Some(Owner::Request(id)), now, out);
                return;
            }
        }
        let (headers, body) = (response.headers.clone(), response.body.clone());
        out.push(done(id, response.status, waiting.cseq, Some(Box::new(Answer { headers, body, flow: from }))));
    }

    /// No response will come.
    pub(super) fn unanswered(&mut self, id: RequestId, status: u16, out: &mut Vec<Output>) {
        let waiting = self.requests.waiting.remove(&id);
        out.extend(waiting.map(|waiting| done(id, status, waiting.cseq, None)));
    }
}

fn done(id: RequestId, status: u16, cseq: u32, answer: Option<Box<Answer>>) -> Output {
    Output::Event(Event::RequestDone { id, status, cseq, answer })
}
