//! We called (RFC 3261 §13.2): until the first 2xx makes a session, or a refusal ends it.

use std::collections::VecDeque;
use std::time::Duration;

use base::{LegId, Time};
use bytes::Bytes;
use rsip::Method;

use super::early::{Early, News, tag_of};
use super::{Input, Output, Session, TurnDown, Usage, answer, contact, reason, session_timer};
use crate::dialog::{Dialog, tag};
use crate::digest::{Credentials, Login, Signed};
use crate::endpoint::{End, Event, Hop, Outgoing};
use crate::recording::Feature;
use crate::transaction::PATIENCE;
use crate::{Flow, Name, Request, Response, Uri, multipart};

/// An INVITE of ours that has no final answer.
#[derive(Debug)]
pub struct Uac {
    leg: LegId,
    flow: Flow,
    call_id: Box<str>,
    /// Those who have rung.
    early: Vec<Early>,
    /// What we offered.
    offer: Bytes,
    retry: Option<Box<Retry>>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nobody said anything yet, so nothing may be cancelled yet (RFC 3261 §9.1). `until`: then nobody is expected to.
    Calling { until: Option<Time> },
    /// Somebody did. `until` is Timer C (RFC 3261 §16.6).
    Proceeding { until: Time },
    /// We hung up before anybody said anything: cancel as soon as they do.
    Unwanted { status: Option<u16> },
    /// CANCEL is out; the leg is over for those above. `until`: then nobody will answer any more (RFC 3261 §9.1).
    Cancelling { until: Time },
}
use State::*;

/// What is kept to say an INVITE better: with an answer to a challenge, or with a longer session.
#[derive(Debug)]
pub struct Retry {
    login: Option<Login>,
    invite: Request,
    /// Longer sessions tried.
    longer: usize,
    /// Whom to ask next.
    others: VecDeque<Hop>,
    /// How long the last of them may say nothing.
    patience: Option<Duration>,
}

/// How long a phone may ring without a word (Timer C).
const RING_MAX: Duration = Duration::from_secs(180);
/// A fork has at most so many early dialogs that may ask something of us.
const EARLY_MAX: usize = 16;
/// A server answers an INVITE at once, if only by 100 Trying (RFC 3261 §17.2.1). One that says nothing at all for so long
/// is not there, and where there is another it is asked, long before Timer B.
const SILENCE_MAX: Duration = Duration::from_secs(4);
/// So many longer sessions are tried.
const LONGER_MAX: usize = 4;

impl Uac {
    /// Sends the INVITE.
    pub fn new(leg: LegId, invite: Outgoing, names: Names<'_>, now: Time, out: &mut Vec<Output>) -> Uac {
        let mut request = Request::new(Method::Invite, invite.uri);
        let headers = &mut request.headers;
        headers.push(Name::MaxForwards, "70");
        headers.push(Name::From, invite.from.tagged(names.tag).to_string());
        headers.push(Name::To, invite.to.to_string());
        headers.push(Name::CallId, names.call_id);
        headers.push(Name::CSeq, "1 INVITE");
        headers.push(Name::Allow, super::ALLOW);
        headers.push(Name::Supported, super::SUPPORTED);
        headers.push(Name::UserAgent, names.user_agent);
        for (name, value) in invite.headers {
            match name {
                Name::MaxForwards => headers.set(name, value),
                name => headers.push(name, value),
            }
        }
        invite.remove.iter().for_each(|name| headers.remove(name));
        headers.push(Name::Contact, contact(invite.flow) + Feature::saying(headers, &invite.sdp).param());
        if !invite.sdp.is_empty() {
            headers.push(Name::ContentType, multipart::kind_of(&invite.sdp));
            request.body = invite.sdp.clone();
        }
        let login = invite.credentials.map(|known| Login::new(known, invite.flow.remote, names.cnonce));
        let others = VecDeque::from(invite.others);
        let patience = patience(&others, invite.patience);
        let counts = |name| request.headers.has(&name); // a flow behind proxies may fail
        let retry = (login.is_some() || counts(Name::SessionExpires) || counts(Name::Route) || !others.is_empty())
            .then(|| Box::new(Retry { login, invite: request.clone(), longer: 0, others, patience: invite.patience }));
        out.push(Output::Invite { request, to: invite.flow });
        Uac {
            leg,
            flow: invite.flow,
            call_id: names.call_id.into(),
            early: Vec::new(),
            offer: invite.sdp,
            retry,
            state: Calling { until: patience.map(|patience| now + patience) },
        }
    }

    /// Tells it what happened.
    pub fn handle(mut self: Box<Self>, input: Input<'_>, now: Time, out: &mut Vec<Output>) -> Usage {
        self.state = match (self.state, input) {
            // What becomes of a PRACK is between us and them: the response that it was for is not said again.
            (state, Input::Response { method: Method::PRack, .. })
            | (state, Input::TimedOut { method: Method::PRack })
            | (state, Input::Lost { method: Method::PRack, .. }) => state,
            (Calling { .. } | Proceeding { .. }, Input::Response { response, flow, .. })
                if response.is_provisional() =>
            {
                if response.status > 100 {
                    self.progress(response, flow, out);
                }
                Proceeding { until: now + RING_MAX }
            }
            (Unwanted { status }, Input::Response { response, .. }) if response.is_provisional() => {
                out.push(Output::Cancel { reason: status.map(reason) });
                Cancelling { until: now + PATIENCE }
            }
            (Calling { .. } | Proceeding { .. }, Input::Response { response, flow, .. }) if response.is_success() => {
                let known = tag_of(&response.headers).and_then(|tag| self.fork(tag));
                let fork = known.unwrap_or(self.early.len());
                let early = known.map(|at| self.early.swap_remove(at).past()).unwrap_or_default();
                return Session::agreed((self.leg, fork as u32), (response, flow), self.offer, early, now, out);
            }
            // RFC 3261 §9.1, §15: a 2xx that crossed our CANCEL.
            (Unwanted { .. } | Cancelling { .. }, Input::Response { response, flow, .. }) if response.is_success() => {
                out.extend(TurnDown::of(response, flow).map(Output::TurnDown));
                return Usage::Over;
            }
            // RFC 3263 §4.3: it is too busy. RFC 5626 §5.3: the proxy before the phone has lost the flow.
            (Calling { .. } | Proceeding { .. }, Input::Response { response, .. })
                if matches!(response.status, 430 | 503) =>
            {
                if response.status == 430 {
                    out.extend(self.failed(true));
                }
                match self.elsewhere(retry_after_secs(response), now, out) {
                    Some(calling) => calling,
                    None => {
                        out.extend(unavailable(self.leg, response).map(Output::Event));
                        return ended(self.leg, End::Refused(response.status), out);
                    }
                }
            }
            (state @ (Calling { .. } | Proceeding { .. }), Input::Response { response, flow, .. }) => {
                match self.retry.as_mut().and_then(|retry| retry.answer(response, flow)) {
                    Some(request) => out.push(Output::Invite { request, to: self.flow }),
                    None => {
                        let unavailable = unavailable(self.leg, response);
                        out.extend(unavailable.map(Output::Event));
                        return ended(self.leg, End::Refused(response.status), out);
                    }
                }
                match state {
                    Proceeding { .. } => Proceeding { until: now + RING_MAX },
                    state => state,
                }
            }
            (
                Unwanted { .. } | Cancelling { .. },
                Input::Response { .. }
                | Input::TimedOut { method: Method::Invite }
                | Input::Lost { method: Method::Invite, .. },
            ) => {
                return Usage::Over;
            }
            (Calling { until: Some(until) }, Input::Tick) if now >= until => {
                match self.elsewhere(None, now, out) {
                    Some(calling) => {
                        out.insert(0, Output::Abandon); // the one who said nothing
                        calling
                    }
                    None => {
                        out.push(Output::Event(Event::Ended { leg: self.leg, end: End::Refused(408) }));
                        Unwanted { status: None }
                    }
                }
            }
            (Calling { .. }, Input::HangUp { status }) => {
                out.push(Output::Event(Event::Ended { leg: self.leg, end: End::HungUp }));
                Unwanted { status }
            }
            (Proceeding { .. }, Input::HangUp { status }) => {
                out.push(Output::Cancel { reason: status.map(reason) });
                out.push(Output::Event(Event::Ended { leg: self.leg, end: End::HungUp }));
                Cancelling { until: now + PATIENCE }
            }
            (Calling { .. } | Proceeding { .. }, Input::TimedOut { .. }) => match self.elsewhere(None, now, out) {
                Some(calling) => calling,
                None => return ended(self.leg, End::Refused(408), out),
            },
            (Calling { .. } | Proceeding { .. }, Input::Lost { end, .. }) => match self.elsewhere(None, now, out) {
                Some(calling) => calling,
                None => return ended(self.leg, end, out),
            },
            (Proceeding { until }, Input::Tick) if now >= until => {
                out.push(Output::Cancel { reason: None });
                out.push(Output::Event(Event::Ended { leg: self.leg, end: End::Refused(408) }));
                Cancelling { until: now + PATIENCE }
            }
            (Cancelling { until }, Input::Tick) if now >= until => {
                out.push(Output::Abandon);
                return Usage::Over;
            }
            // Nobody above would answer what it asks: the call is over for them.
            (state @ (Unwanted { .. } | Cancelling { .. }), Input::Request { transaction, request }) => {
                answer(transaction, request, 481).push(out);
                state
            }
            (state, Input::Request { transaction, request }) => {
                let leg = (self.leg, self.flow);
                match request.headers.first(&Name::From).and_then(|from| self.fork(tag(from))) {
                    Some(at) => self.early[at].asked((leg.0, at as u32, leg.1), transaction, request, out),
                    None => answer(transaction, request, 481).push(out),
                }
                state
            }
            (state, Input::Answer { sdp }) => {
                let flow = self.flow;
                self.early.iter_mut().any(|early| early.answer(200, Some(sdp.clone()), flow, out));
                state
            }
            (state, Input::Reject { status }) => {
                let flow = self.flow;
                self.early.iter_mut().any(|early| early.answer(status.clamp(300, 699), None, flow, out));
                state
            }
            (state, _) => state,
        };
        Usage::Uac(self)
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            Proceeding { until } | Cancelling { until } => Some(until),
            Calling { until } => until,
            Unwanted { .. } => None, // the transaction's Timer B ends it
        }
    }

    /// The Call-ID of all its dialogs.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The tag of the first who rings.
    pub fn remote_tag(&self) -> Option<&str> {
        self.early.first().map(|early| &*early.tag)
    }

    /// What it may be challenged for.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.retry.as_ref()?.login.as_ref().map(Login::credentials)
    }

    /// The early dialog with this tag.
    pub fn dialog_with(&mut self, remote_tag: &str) -> Option<&mut Dialog> {
        let at = self.fork(remote_tag)?;
        self.early[at].dialog.as_deref_mut()
    }

    /// All early dialogs.
    pub fn dialogs(&mut self) -> impl Iterator<Item = &mut Dialog> {
        self.early.iter_mut().filter_map(|early| early.dialog.as_deref_mut())
    }

    /// Is this one of its early dialogs?
    pub fn holds(&self, call_id: &str, remote_tag: &str) -> bool {
        *self.call_id == *call_id && self.fork(remote_tag).is_some()
    }

    /// The place of the early dialog with this tag: the number of the fork.
    fn fork(&self, remote_tag: &str) -> Option<usize> {
        self.early.iter().position(|early| *early.tag == *remote_tag)
    }

    /// Somebody rings, or says what is heard meanwhile.
    fn progress(&mut self, response: &Response, flow: Flow, out: &mut Vec<Output>) {
        let (mut fork, mut sdp) = (self.early.len(), None);
        if let Some(tag) = tag_of(&response.headers) {
            fork = self.fork(tag).unwrap_or(fork);
            if fork == self.early.len() && response.status == 199 {
                return; // RFC 6228 §4: of somebody we have not heard ring
            }
            if fork == self.early.len() && fork < EARLY_MAX {
                self.early.push(Early::new(response, tag, flow));
            }
            sdp = match self.early.get_mut(fork).map(|early| early.hear(response, flow, out)) {
                Some(News::Repeat) => return,
                Some(News::News(sdp)) => sdp,
                None => None, // one too many: it merely rings
            };
        }
        let (leg, status, fork) = (self.leg, response.status, fork as u32);
        out.push(Output::Event(Event::Ringing { leg, fork, status, sdp }));
    }

    /// The way by which a phone was not reached.
    fn failed(&self, is_gone: bool) -> Option<Output> {
        let invite = &self.retry.as_ref()?.invite;
        let to: Uri = invite.headers.to()?.uri.parse().ok()?;
        let routes = invite.headers.all(&Name::Route).map(str::to_owned).collect();
        let hop = Hop { uri: invite.uri.clone(), routes, flow: self.flow };
        Some(Output::FlowFailed { account: to.user?, hop: Box::new(hop), is_gone })
    }

    /// Nobody is there, or they are too busy: the next is asked, if there is one. Not once somebody has rung: there would
    /// be two.
    fn elsewhere(&mut self, retry_after_secs: Option<u32>, now: Time, out: &mut Vec<Output>) -> Option<State> {
        out.push(Output::Event(Event::Unreached { flow: self.flow, retry_after_secs }));
        out.extend(self.failed(false));
        let retry = self.retry.as_mut().filter(|_| self.early.is_empty())?;
        let (request, to) = retry.elsewhere()?;
        let patience = patience(&retry.others, retry.patience);
        self.flow = to;
        out.push(Output::Invite { request, to });
        Some(Calling { until: patience.map(|patience| now + patience) })
    }
}

/// RFC 3261 §21.5.4: 503, perhaps with Retry-After. That nobody is there at all is another matter.
fn unavailable(leg: LegId, response: &Response) -> Option<Event> {
    (response.status == 503).then(|| Event::Unavailable { leg, retry_after_secs: retry_after_secs(response) })
}

fn retry_after_secs(response: &Response) -> Option<u32> {
    let after = response.headers.first(&Name::RetryAfter).filter(|_| response.status == 503)?;
    after.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

fn ended(leg: LegId, end: End, out: &mut Vec<Output>) -> Usage {
    out.push(Output::Event(Event::Ended { leg, end }));
    Usage::Over
}

/// What a new INVITE is named with.
pub struct Names<'a> {
    /// Our tag.
    pub tag: &'a str,
    /// The Call-ID.
    pub call_id: &'a str,
    /// For a challenge.
    pub cnonce: String,
    /// Our name.
    pub user_agent: &'a str,
}

impl Retry {
    /// The INVITE again, with an answer to the challenges of a 401 or 407 (RFC 3261 §22.2), or with the session a 422
    /// allows; `None` if there is nothing new to say.
    fn answer(&mut self, response: &Response, flow: Flow) -> Option<Request> {
        if response.status == 422 && self.longer < LONGER_MAX {
            let secs = session_timer::longer(&self.invite, &response.headers)?; // RFC 4028 §7.3
            self.longer += 1;
            self.invite.headers.set(Name::SessionExpires, secs);
            return self.again();
        }
        let request = Signed { method: Method::Invite, uri: &self.invite.uri };
        let (name, value) = self.login.as_mut()?.answer(response, flow.remote, request)?;
        self.invite.headers.set(name, value);
        self.again()
    }

    /// The INVITE as it goes to the next one: the same request in a new transaction (RFC 3263 §4.3), with a Contact where
    /// that one can reach us.
    fn elsewhere(&mut self) -> Option<(Request, Flow)> {
        let Hop { uri, routes, flow } = self.others.pop_front()?;
        self.invite.uri = uri;
        let headers = &mut self.invite.headers;
        headers.set(Name::Contact, contact(flow) + Feature::saying(headers, &self.invite.body).param());
        [Name::Route, Name::Authorization, Name::ProxyAuthorization].iter().for_each(|name| headers.remove(name));
        routes.into_iter().for_each(|hop| headers.push(Name::Route, hop));
        self.login.iter_mut().for_each(|login| login.goes_to(flow.remote));
        Some((self.invite.clone(), flow))
    }

    fn again(&mut self) -> Option<Request> {
        let cseq = self.invite.cseq()?.0 + 1;
        self.invite.headers.set(Name::CSeq, format!("{cseq} INVITE"));
        Some(self.invite.clone())
    }
}

/// How long nobody may say a word: not long where another waits to be asked.
fn patience(others: &VecDeque<Hop>, last: Option<Duration>) -> Option<Duration> {
    if others.is_empty() { last } else { Some(last.map_or(SILENCE_MAX, |last| last.min(SILENCE_MAX))) }
}
