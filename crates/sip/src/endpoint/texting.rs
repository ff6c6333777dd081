//! MESSAGE, and what parties of a call say to each other: who sends is proven here, who is meant is said above.

use std::sync::Arc;

use base::{LegId, Time};

use super::door::TAG_LETTERS;
use super::gate::refused;
use super::transactions::{Owner, origin_key};
use super::{Delivery, Endpoint, Event, Output, Phone};
use crate::dialog::tag;
use crate::invite::{ACCEPT, RETRY_AFTER_SECS, is_key_press};
use crate::texts::{Passing, TextId};
use crate::{Flow, Method, Name, Request, Uri, method_name};

impl Endpoint {
    /// MESSAGE outside of any dialog (RFC 3428 §7).
    pub(super) fn texted(&mut self, request: Request, key: Arc<str>, flow: Flow, now: Time, out: &mut Vec<Output>) {
        let origin = origin_key(&request.headers);
        if self.transactions.is_merged(&origin) {
            return self.refuse(&request, 482, &[], flow, out);
        }
        let account = match self.account(&request, flow, now, out) {
            Ok(account) => account,
            Err(challenges) => return self.challenge(&request, challenges, flow, out),
        };
        if !self.speaks_for(&account, &request, flow) {
            out.push(refused(self.seen(&request, flow), account, "MESSAGE in somebody else's name"));
            return self.refuse(&request, 403, &[], flow, out);
        }
        if !self.may_text(&account, &request, flow, now, out) {
            return;
        }
        let transaction = self.transactions.serve(key, Some(origin), &request, flow, out);
        let text = self.texts.insert(transaction, &request, now);
        let called = request.uri.parse::<Uri>().ok().and_then(|uri| uri.user).unwrap_or_default();
        let uri = request.uri;
        out.push(Output::Event(Event::Text { text, account, called, uri }));
    }

    /// Something in a call that is for the other party. False: it is for us.
    pub(super) fn says(
        &mut self,
        leg: LegId,
        request: &Request,
        key: &str,
        flow: Flow,
        now: Time,
        out: &mut Vec<Output>,
    ) -> bool {
        if request.method == Method::Info && request.headers.has(&Name::InfoPackage) {
            // RFC 6086 §4.2.2: we have said that we receive none.
            self.refuse(request, 469, &[(Name::RecvInfo, ""), (Name::Accept, ACCEPT)], flow, out);
            return true;
        }
        let is_info = request.method == Method::Info && !request.body.is_empty() && !is_key_press(request);
        if request.method != Method::Message && !is_info {
            return false;
        }
        let speaker = tag(request.headers.first(&Name::To).unwrap_or_default()).to_owned();
        if self.may_text(&speaker, request, flow, now, out) {
            let transaction = self.transactions.serve(key.into(), None, request, flow, out);
            let text = self.texts.insert(transaction, request, now);
            out.push(Output::Event(Event::Said { leg, text, is_info }));
        }
        true
    }

    /// What the rooms above say of a text.
    pub(super) fn deliver(&mut self, text: TextId, delivery: Delivery, now: Time, out: &mut Vec<Output>) {
        match delivery {
            Delivery::Refuse { status } => self.text_is_over(text, status, now, out),
            Delivery::Party { leg } => {
                let dialog = self.legs.get(leg).and_then(|seat| seat.usage.dialog());
                let Some((dialog, passing)) = dialog.zip(self.texts.sent(text)) else {
                    return self.text_is_over(text, 480, now, out);
                };
                let (mut request, to) = (dialog.request(passing.method), dialog.flow);
                put(&mut request, passing, &self.conf.server);
                self.send(request, to, Some(Owner::Text(text)), now, out);
            }
            Delivery::Phones { from, to, phones } if !phones.is_empty() => {
                let from = from.tagged(self.random.token(TAG_LETTERS)).to_string();
                for Phone { uri, flow, routes } in phones {
                    let Some(passing) = self.texts.sent(text) else { return };
                    let mut request = Request::new(passing.method, uri);
                    let headers = &mut request.headers;
                    headers.push(Name::MaxForwards, "70");
                    routes.into_iter().for_each(|route| headers.push(Name::Route, route));
                    headers.push(Name::From, &*from);
                    headers.push(Name::To, to.to_string());
                    headers.push(Name::CallId, self.random.token(24));
                    headers.push(Name::CSeq, format!("1 {}", method_name(passing.method)));
                    put(&mut request, passing, &self.conf.server);
                    self.send(request, flow, Some(Owner::Text(text)), now, out);
                }
            }
            Delivery::Phones { .. } => self.text_is_over(text, 480, now, out),
        }
    }

    /// A phone has said what it makes of a text; 480: nothing.
    pub(super) fn text_is_answered(&mut self, text: TextId, status: u16, now: Time, out: &mut Vec<Output>) {
        if status >= 200
            && let Some((transaction, response)) = self.texts.answered(text, status)
        {
            self.transactions.respond(transaction, response.status, response.to_bytes(), now, out);
        }
    }

    /// It is decided for all phones.
    pub(super) fn text_is_over(&mut self, text: TextId, status: u16, now: Time, out: &mut Vec<Output>) {
        if let Some((transaction, mut response)) = self.texts.over(text, status) {
            self.sign(&mut response);
            self.transactions.respond(transaction, status, response.to_bytes(), now, out);
        }
    }

    /// Too large, too many, or one that may go on. What may not has been answered.
    fn may_text(&mut self, sender: &str, request: &Request, flow: Flow, now: Time, out: &mut Vec<Output>) -> bool {
        if request.body.len() > self.conf.text_bytes_max {
            self.refuse(request, 413, &[], flow, out);
            return false;
        }
        let full = self.texts.len() >= self.conf.texts_max;
        match self.texts.may_send(sender, now) {
            Ok(()) if !full => true,
            Ok(()) => {
                self.refuse(request, 503, &[(Name::RetryAfter, RETRY_AFTER_SECS)], flow, out);
                false
            }
            Err(at) => {
                let secs = at.since(now).as_secs() + 1;
                self.refuse(request, 503, &[(Name::RetryAfter, &secs.to_string())], flow, out);
                false
            }
        }
    }
}

fn put(request: &mut Request, passing: Passing, user_agent: &str) {
    request.headers.push(Name::UserAgent, user_agent);
    passing.headers.into_iter().for_each(|(name, value)| request.headers.push(name, value));
    request.body = passing.body;
}
