//! PUBLISH (RFC 3903): who publishes is proven here.

use std::sync::Arc;

use base::Time;

use super::door::TAG_LETTERS;
use super::gate::{refused, user_of};
use super::watchers::package;
use super::{Endpoint, Event, Output};
use crate::package::{Package, Presence};
use crate::publish::Publish;
use crate::{Flow, Name, Request, Response, Uri};

impl Endpoint {
    /// What somebody says of himself just now.
    pub fn said_of_himself(&self, account: &str, now: Time) -> Option<&Presence> {
        self.publications.of(account, now)
    }

    pub(super) fn published(&mut self, request: Request, key: Arc<str>, flow: Flow, now: Time, out: &mut Vec<Output>) {
        if package(&request) != Some(Package::Presence) {
            return self.refuse(&request, 489, &[(Name::AllowEvents, Package::Presence.word())], flow, out);
        }
        let account = match self.account(&request, flow, now, out) {
            Ok(account) => account,
            Err(challenges) => return self.challenge(&request, challenges, flow, out),
        };
        // Of himself alone (RFC 3903 §6 step 2).
        let called = request.uri.parse::<Uri>().ok().and_then(|uri| uri.user);
        let from = user_of(request.headers.first(&Name::From));
        if [&called, &from].into_iter().any(|user| user.as_deref() != Some(&*account)) {
            out.push(refused(self.seen(&request, flow), account, "PUBLISH of somebody else"));
            return self.refuse(&request, 403, &[], flow, out);
        }
        let kind = request.headers.first(&Name::ContentType).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let said = match request.body.is_empty() {
            true => None,
            false if !kind.eq_ignore_ascii_case(Package::Presence.content_type()) => {
                let can = [(Name::Accept, Package::Presence.content_type())];
                return self.refuse(&request, 415, &can, flow, out);
            }
            false => match std::str::from_utf8(&request.body).ok().and_then(Presence::read) {
                Some(said) => Some(said),
                None => return self.refuse(&request, 400, &[], flow, out),
            },
        };
        let Some(secs) = self.watch_secs(&request, flow, out) else { return };
        let tag = self.random.token(TAG_LETTERS);
        let etag = request.headers.first(&Name::SipIfMatch).map(str::trim);
        let publish = Publish { account: &account, etag, said, secs };
        let mut response = match self.publications.take(publish, &tag, now) {
            Ok(()) => {
                let ok = Response::to(&request, 200).with(Name::SipEtag, &*tag).with(Name::Expires, secs.to_string());
                out.push(Output::Event(Event::Published { account }));
                ok
            }
            Err(why) => Response::to(&request, why.status()),
        };
        self.sign(&mut response);
        let transaction = self.transactions.serve(key, None, &request, flow, out);
        self.transactions.respond(transaction, response.status, response.to_bytes(), now, out);
    }
}
