//! SUBSCRIBE, and those who watch: who asks is proven here, what he may see is said above (RFC 6665 §4.2).

use std::sync::Arc;

use base::Time;

use super::door::TAG_LETTERS;
use super::gate::refused;
use super::transactions::{Owner, origin_key};
use super::{Endpoint, Event, Output, Subscribes, Watch};
use crate::dialog::{Dialog, tag, tagged};
use crate::endpoint::door::unsupported;
use crate::invite::{ALLOW, RETRY_AFTER_SECS, contact};
use crate::package::{ALLOW_EVENTS, Package};
use crate::register::Meant;
use crate::subscribe::{EVENTLIST, Input, Output as Wish, Reason, Subscription, SubscriptionId};
use crate::{Flow, Method, Name, Request, Response, Uri};

/// A subscription that stands.
#[derive(Clone, Copy, Debug)]
pub struct Watching<'a> {
    /// Its number.
    pub subscription: SubscriptionId,
    /// Whose it is.
    pub watcher: &'a str,
    /// By which package.
    pub package: Package,
    /// What was asked for: a URI.
    pub entity: &'a str,
    /// What that is, by the name the rooms above gave it.
    pub resource: &'a str,
    /// Where the watcher is.
    pub flow: Flow,
    /// When it ends, if it is not refreshed.
    pub expires: Time,
}

impl Endpoint {
    /// Does anybody watch that resource?
    pub fn is_watched(&self, package: Package, resource: &str) -> bool {
        self.subscriptions.is_watched(package, resource)
    }

    /// The subscriptions that stand, the oldest first.
    pub fn subscriptions(&self) -> impl Iterator<Item = Watching<'_>> {
        self.subscriptions.standing().map(|(subscription, one, resource)| Watching {
            subscription,
            watcher: &one.watcher,
            package: one.package,
            entity: &one.entity,
            resource,
            flow: one.dialog.flow,
            expires: one.expires,
        })
    }

    /// SUBSCRIBE outside of any dialog.
    pub(super) fn subscribes(&mut self, request: Request, key: Arc<str>, flow: Flow, now: Time, out: &mut Vec<Output>) {
        let origin = origin_key(&request.headers);
        if self.transactions.is_merged(&origin) {
            return self.refuse(&request, 482, &[], flow, out);
        }
        let Some(package) = package(&request) else {
            return self.refuse(&request, 489, &[(Name::AllowEvents, ALLOW_EVENTS)], flow, out);
        };
        let account = match self.account(&request, flow, now, out) {
            Ok(account) => account,
            Err(challenges) => return self.challenge(&request, challenges, flow, out),
        };
        if !self.speaks_for(&account, &request, flow) {
            out.push(refused(self.seen(&request, flow), account, "SUBSCRIBE in somebody else's name"));
            return self.refuse(&request, 403, &[], flow, out);
        }
        if !takes(&request, package) {
            return self.refuse(&request, 406, &[(Name::Accept, package.content_type())], flow, out);
        }
        let Some(secs) = self.watch_secs(&request, flow, out) else { return };
        if self.subscriptions.len() >= self.conf.watches_max {
            return self.refuse(&request, 503, &[(Name::RetryAfter, RETRY_AFTER_SECS)], flow, out);
        }
        if self.subscriptions.count_of(&account) >= self.conf.watches_per_account {
            let why = "399 centrala \"more subscriptions than a person may have\"";
            return self.refuse(&request, 403, &[(Name::Warning, why)], flow, out);
        }
        let local_tag = self.random.token(TAG_LETTERS);
        let Some(dialog) = Dialog::uas(&request, &local_tag, flow) else {
            return self.refuse(&request, 400, &[], flow, out);
        };
        let transaction = self.transactions.serve(key, Some(origin), &request, flow, out);
        let ok = Box::new(accepted(&request, &local_tag, flow, secs));
        let mut asks = Subscription::new((&account, package), &request, dialog, (transaction, ok), secs, now);
        asks.behind = Some(self.seen(&request, flow).remote).filter(|behind| *behind != flow.remote);
        let subscription = self.subscriptions.insert(asks);
        let called = match self.registrar.meant(&request.uri) {
            Meant::Phone(gruu) => gruu.account,
            Meant::Anybody => request.uri.parse::<Uri>().ok().and_then(|uri| uri.user).unwrap_or_default(),
            Meant::Nobody => String::new(),
        };
        let reads = |name: &Name| request.headers.lists(name, EVENTLIST);
        let lists = reads(&Name::Supported) || reads(&Name::Require);
        let asks = Subscribes { subscription, watcher: account, package, called, lists };
        out.push(Output::Event(Event::Subscribes(asks)));
    }

    /// A request in a dialog that is no leg's.
    pub(super) fn in_subscription(
        &mut self,
        request: Request,
        key: Arc<str>,
        flow: Flow,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let Some(id) = self.subscription_of(&request).filter(|id| self.subscriptions.get(*id).is_some()) else {
            return self.refuse(&request, 481, &[], flow, out);
        };
        if !self.is_watcher(id, &request, flow, now, out) {
            return;
        }
        self.floods.give_back();
        if let Some(unsupported) = unsupported(&request) {
            return self.refuse(&request, 420, &[(Name::Unsupported, &unsupported)], flow, out);
        }
        let cseq = request.cseq().map_or(0, |(cseq, _)| cseq);
        if self.subscriptions.dialog(id).is_some_and(|dialog| dialog.accept(cseq).is_err()) {
            return self.refuse(&request, 500, &[], flow, out);
        }
        match request.method {
            Method::Subscribe => {}
            Method::Bye => return self.refuse(&request, 481, &[], flow, out), // it ends sessions
            _ => return self.refuse(&request, 405, &[(Name::Allow, ALLOW)], flow, out),
        }
        let asked = package(&request);
        if !self.subscriptions.get(id).zip(asked).is_some_and(|(one, package)| one.is_of(package, &request)) {
            return self.refuse(&request, 489, &[(Name::AllowEvents, ALLOW_EVENTS)], flow, out);
        }
        let Some(secs) = self.watch_secs(&request, flow, out) else { return };
        let Some(dialog) = self.subscriptions.dialog(id) else { return };
        dialog.flow = flow;
        let ok = Box::new(accepted(&request, &dialog.local_tag, flow, secs));
        let transaction = self.transactions.serve(key, None, &request, flow, out);
        self.tell_watcher(id, Input::Refresh { transaction, request: &request, ok, secs }, now, out);
    }

    /// What the rooms above say of those who watch.
    pub(super) fn watch(&mut self, watch: Watch, now: Time, out: &mut Vec<Output>) {
        match watch {
            Watch::Admit { subscription, resource, state } => {
                let fits = self.subscriptions.get(subscription).is_some_and(|one| one.package == state.package());
                debug_assert!(fits, "a watcher is told of what he asked for");
                if fits {
                    self.subscriptions.watch(subscription, &resource, state);
                    self.tell_watcher(subscription, Input::Admit, now, out);
                }
            }
            Watch::Deny { subscription, status } => self.tell_watcher(subscription, Input::Deny { status }, now, out),
            Watch::Stands { resource, state } => {
                for id in self.subscriptions.state(&resource, state) {
                    self.tell_watcher(id, Input::News, now, out);
                }
            }
            Watch::Member { resource, package, member } => {
                for id in self.subscriptions.member(&resource, package, member) {
                    self.tell_watcher(id, Input::News, now, out);
                }
            }
            Watch::End { subscription, reason } => self.tell_watcher(subscription, Input::End { reason }, now, out),
        }
    }

    /// Tells a subscription something and does what it wants.
    pub(super) fn tell_watcher(&mut self, id: SubscriptionId, input: Input<'_>, now: Time, out: &mut Vec<Output>) {
        let mut wishes = Vec::new();
        self.subscriptions.tell(id, input, now, &mut wishes);
        for wish in wishes {
            match wish {
                Wish::Respond { transaction, status, bytes } => {
                    self.transactions.respond(transaction, status, bytes, now, out);
                }
                Wish::Notify { mut request, to } => {
                    request.headers.push(Name::UserAgent, &*self.conf.server);
                    self.send(request, to, Some(Owner::Subscription(id)), now, out);
                }
            }
        }
    }

    /// Ends the subscriptions of accounts that are gone.
    pub(super) fn forget_watchers(&mut self, now: Time, out: &mut Vec<Output>) {
        let gone = |watcher: &str| !self.conf.accounts.contains_key(watcher);
        let ids: Vec<_> =
            self.subscriptions.standing().filter(|(_, one, _)| gone(&one.watcher)).map(|(id, ..)| id).collect();
        for id in ids {
            self.tell_watcher(id, Input::End { reason: Reason::Rejected }, now, out);
        }
    }

    fn subscription_of(&self, request: &Request) -> Option<SubscriptionId> {
        let headers = &request.headers;
        let local = tag(headers.first(&Name::To)?);
        self.subscriptions.find(local, headers.call_id()?, tag(headers.first(&Name::From)?))
    }

    /// Who knows the tags may still be another: from elsewhere than the dialog's last message it takes a password.
    fn is_watcher(
        &mut self,
        id: SubscriptionId,
        request: &Request,
        flow: Flow,
        now: Time,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(subscription) = self.subscriptions.get(id) else { return false };
        let last = subscription.dialog.flow;
        let proxied = [last, flow].iter().all(|flow| self.conf.proxies.has(flow.remote.ip()));
        let known = match subscription.behind {
            Some(behind) if proxied => behind.ip() == self.seen(request, flow).remote.ip(),
            _ => last.remote == flow.remote && last.connection == flow.connection,
        };
        if known {
            return true;
        }
        let watcher = subscription.watcher.clone();
        match self.account(request, flow, now, out) {
            Ok(account) if *account == *watcher => true,
            Ok(account) => {
                out.push(refused(self.seen(request, flow), account, "a request in somebody else's subscription"));
                self.refuse(request, 403, &[], flow, out);
                false
            }
            Err(challenges) => {
                self.challenge(request, challenges, flow, out);
                false
            }
        }
    }

    /// For how long it may be; 0 ends it, or asks once. Too brief a wish has been answered.
    pub(super) fn watch_secs(&mut self, request: &Request, flow: Flow, out: &mut Vec<Output>) -> Option<u32> {
        let (min, max) = (self.conf.watch_secs_min, self.conf.watch_secs_max.max(self.conf.watch_secs_min));
        match request.headers.first(&Name::Expires).and_then(|text| text.trim().parse::<u64>().ok()) {
            None => Some(max),
            Some(secs @ 1..) if secs < min.into() => {
                self.refuse(request, 423, &[(Name::MinExpires, &min.to_string())], flow, out);
                None
            }
            Some(secs) => Some(secs.min(max.into()) as u32), // the lesser is a u32
        }
    }
}

/// The package a request is about, if it is one of ours.
pub(super) fn package(request: &Request) -> Option<Package> {
    let event = request.headers.first(&Name::Event)?;
    Package::named(event.split(';').next()?.trim())
}

/// Can the watcher read what it would be sent? Who says nothing reads the package's own type.
fn takes(request: &Request, package: Package) -> bool {
    let kinds = request.headers.elements(&Name::Accept);
    let mut types = kinds.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let reads = |kind: &str| {
        kind.eq_ignore_ascii_case(package.content_type()) || kind == "*/*" || kind.eq_ignore_ascii_case("application/*")
    };
    !request.headers.has(&Name::Accept) || types.any(reads)
}

/// The answer to a SUBSCRIBE that may be (RFC 6665 §4.2.1.1).
fn accepted(request: &Request, local_tag: &str, flow: Flow, secs: u32) -> Response {
    let mut response = Response::to(request, 200);
    let headers = &mut response.headers;
    if let Some(to) = request.headers.first(&Name::To) {
        headers.set(Name::To, tagged(to, local_tag));
    }
    for route in request.headers.all(&Name::RecordRoute) {
        headers.push(Name::RecordRoute, route); // RFC 3261 §12.1.1
    }
    headers.push(Name::Contact, contact(flow));
    headers.push(Name::Expires, secs.to_string());
    headers.push(Name::AllowEvents, ALLOW_EVENTS);
    response
}
