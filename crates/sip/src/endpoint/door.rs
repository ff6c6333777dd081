//! What comes in: requests are matched, judged and handed on. (What comes back is `answers`.)
//!
//! The order is RFC 3261 §8.2's, with matching first: a repeat costs no judgement. Refusals before a request is known
//! to be somebody's are made without a transaction (RFC 3261 §8.2.7): their To tag follows from the request, a repeat
//! gets the same answer, and a flood of them leaves nothing behind.

use std::ops::RangeInclusive;
use std::sync::Arc;

use base::Time;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::gate::{Challenges, refused, user_of};
use super::legs::Seat;
use super::peers::is_at;
use super::transactions::{origin_key, server_key};
use super::{Endpoint, Event, Incoming, Origin, Output};
use crate::dialog::{contact_uri, tag, tagged};
use crate::invite::{
    self, ACCEPT, ALLOW, DialogId, Replaces, SUPPORTED, TooShort, TransactionId, Uas, Usage, sdp_of, too_short,
};
use crate::package::ALLOW_EVENTS;
use crate::recording::{SIPREC, is_from_src, metadata_of};
use crate::subscribe::EVENTLIST;
use crate::wire::Refusal;
use crate::{
    Flow, Headers, Method, Name, Request, Response, Scheme, Transport, Uri, is_known_scheme, register, subscribe,
};

impl Endpoint {
    /// What could not be read: its answer is ready but for what the network tells.
    pub(super) fn unreadable(&mut self, refusal: Refusal, flow: Flow, out: &mut Vec<Output>) {
        let Some(mut response) = refusal.response else { return };
        if let Some(via) = response.headers.via() {
            response.headers.set_first(&Name::Via, via.seen_from(flow.remote).to_string());
        }
        if matches!(response.status, 405 | 501) {
            response.headers.push(Name::Allow, ALLOW);
        }
        self.say(*response, flow, out);
    }

    pub(super) fn request(&mut self, mut request: Request, flow: Flow, late: bool, now: Time, out: &mut Vec<Output>) {
        let Some(via) = request.headers.via() else { return };
        let invites = matches!(request.method, Method::Ack | Method::Cancel);
        let key = server_key(&via, &request, if invites { Method::Invite } else { request.method });
        // RFC 3581 §4: before anything, so that every answer repeats it.
        let mut via = via.seen_from(flow.remote);
        self.hears_alias(&via, flow, out);
        self.overload.answer(&mut via, now);
        request.headers.set_first(&Name::Via, via.to_string());
        let known = self.transactions.server(&key);
        match (request.method, known) {
            (Method::Ack, known) => {
                if let Some(id) = known {
                    self.transactions.acked(id, now, out);
                }
                // Some phones give the ACK of a 2xx the INVITE's branch, so it may be the dialog's all the same.
                if let Some(leg) = self.leg_of(&request) {
                    self.floods.give_back();
                    self.tell(leg, invite::Input::Ack { request: &request }, now, out);
                }
            }
            (Method::Cancel, known) => self.cancelled(request, known, flow, now, out),
            (_, Some(id)) => self.transactions.repeated(id, now, out),
            (_, None) => {
                let in_dialog = !tag(request.headers.first(&Name::To).unwrap_or_default()).is_empty();
                let room = self.conf.transactions_max + if in_dialog { self.conf.transactions_max / 4 } else { 0 };
                if self.transactions.len() >= room {
                    self.refuse(&request, 503, &[(Name::RetryAfter, "5")], flow, out);
                } else if in_dialog {
                    self.in_dialog(request, key, flow, now, out);
                } else if self.is_unwanted(&request, late, now) {
                    let again = self.random.below(LATER_SECS.end() - LATER_SECS.start()) + LATER_SECS.start();
                    self.refuse(&request, 503, &[(Name::RetryAfter, &again.to_string())], flow, out);
                } else {
                    self.out_of_dialog(request, key, flow, now, out);
                }
            }
        }
    }

    /// Has it waited too long, or is its sender better served elsewhere? Who goes away may always say so.
    fn is_unwanted(&mut self, request: &Request, late: bool, now: Time) -> bool {
        self.overload.count(late, now);
        let moved_on = match request.method {
            Method::Options => self.draining,
            Method::Register => self.draining && request.headers.first(&Name::Expires).map(str::trim) != Some("0"),
            _ => false,
        };
        late || moved_on
    }

    /// RFC 3261 §9.2.
    fn cancelled(
        &mut self,
        request: Request,
        known: Option<TransactionId>,
        flow: Flow,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let party = known.and_then(|id| Some((id, self.transactions.party(id)?)));
        // The branch is known to who sent the INVITE; that it comes from there costs nothing to see.
        let Some((id, (_, owner))) = party.filter(|(_, (invited, _))| invited.remote.ip() == flow.remote.ip()) else {
            return self.refuse(&request, 481, &[], flow, out);
        };
        self.floods.give_back();
        let mut response = Response::to(&request, 200);
        let seat = owner.and_then(|leg| self.legs.get(leg));
        if let (Some(seat), Some(to)) = (seat, request.headers.first(&Name::To)) {
            response.headers.set(Name::To, tagged(to, &seat.tag));
        }
        self.say(response, flow, out);
        if let Some(leg) = owner {
            self.tell(leg, invite::Input::Cancel { transaction: id }, now, out);
        }
    }

    /// RFC 3261 §12.2.2.
    fn in_dialog(&mut self, request: Request, key: Arc<str>, flow: Flow, now: Time, out: &mut Vec<Output>) {
        let Some(leg) = self.leg_of(&request) else {
            let headers = &request.headers;
            let (local, call_id) = (headers.first(&Name::To).map_or("", tag), headers.call_id().unwrap_or_default());
            if request.method == Method::Invite && self.legs.awaits(local, call_id) {
                return self.too_soon(&request, key, flow, now, out);
            }
            return self.in_subscription(request, key, flow, now, out);
        };
        if !self.is_party(leg, &request, flow, now, out) {
            return;
        }
        self.floods.give_back();
        if let Some(unsupported) = unsupported(&request) {
            return self.refuse(&request, 420, &[(Name::Unsupported, &unsupported)], flow, out);
        }
        let cseq = request.cseq().map_or(0, |(cseq, _)| cseq);
        let remote_tag = request.headers.first(&Name::From).map_or("", tag);
        if let Some(dialog) = self.legs.get(leg).and_then(|seat| seat.usage.dialog_with(remote_tag)) {
            if dialog.accept(cseq).is_err() {
                return self.refuse(&request, 500, &[], flow, out);
            }
            dialog.flow = flow;
        }
        if self.says(leg, &request, &key, flow, now, out) {
            return;
        }
        let transaction = self.transactions.serve(key, None, &request, flow, out);
        self.transactions.give(transaction, leg);
        self.tell(leg, invite::Input::Request { transaction, request: &request }, now, out);
    }

    /// Who has answered our INVITE changes the session before we have heard the answer: our INVITE is still in progress (RFC 3261
    /// §14.2). By a transaction: a repeat must hear the same, though the answer may have come by then.
    fn too_soon(&mut self, request: &Request, key: Arc<str>, flow: Flow, now: Time, out: &mut Vec<Output>) {
        let transaction = self.transactions.serve(key, None, request, flow, out);
        let mut response = Response::to(request, 491);
        self.sign(&mut response);
        self.transactions.respond(transaction, response.status, response.to_bytes(), now, out);
    }

    /// Who knows the tags may still be another: from elsewhere than the dialog's last message it takes a password.
    fn is_party(&mut self, leg: base::LegId, request: &Request, flow: Flow, now: Time, out: &mut Vec<Output>) -> bool {
        let Some(seat) = self.legs.get(leg) else { return false };
        let first = seat.flow;
        let remote_tag = request.headers.first(&Name::From).map_or("", tag);
        let last = seat.usage.dialog_with(remote_tag).map_or(first, |dialog| dialog.flow);
        // The other end of a connection that we opened to where it is reached by UDP is the same party.
        let opened = |known: Flow| known.connection == 0 && flow.transport == Transport::Tcp;
        let same = |known: Flow| known.remote == flow.remote && (known.connection == flow.connection || opened(known));
        let proxies = &self.conf.proxies;
        let seen = proxies.seen_behind(&request.headers, flow);
        let known = if proxies.has(flow.remote.ip()) && proxies.has(last.remote.ip()) {
            // Any of our proxies may bring it, but it must be from the same phone, as far as they say.
            proxies.has(seen.remote.ip()) || seat.behind.is_none_or(|behind| behind.ip() == seen.remote.ip())
        } else {
            same(last) || same(first)
        };
        let began = Flow { remote: seat.behind.unwrap_or(first.remote), ..first };
        let calls = |peer: &super::Peer| matches!(&seat.origin, Some(Origin::Trunk(trunk)) if *trunk == peer.name);
        let trunk = |peer: &super::Peer| self.proofs.believes(peer, seen) && (is_at(peer, began) || calls(peer));
        if known || self.conf.trunks.iter().any(trunk) {
            return true;
        }
        let caller = match &seat.origin {
            Some(Origin::Account(account)) => Some(account.clone()),
            _ => None,
        };
        let account = match self.account(request, flow, now, out) {
            Ok(account) => account,
            Err(challenges) => {
                self.challenge(request, challenges, flow, out);
                return false;
            }
        };
        let may = match caller {
            Some(caller) => caller == account,
            None => self.registrar.reaches(&account, first.remote),
        };
        if !may {
            out.push(refused(seen, account, "a request in somebody else's dialog"));
            self.refuse(request, 403, &[], flow, out);
        } else if let Some(seat) = self.legs.get(leg) {
            seat.behind = Some(seen.remote).filter(|behind| *behind != flow.remote);
        }
        may
    }

    fn out_of_dialog(&mut self, request: Request, key: Arc<str>, flow: Flow, now: Time, out: &mut Vec<Output>) {
        let headers = &request.headers;
        if !is_known_scheme(&request.uri) {
            return self.refuse(&request, 416, &[], flow, out);
        }
        // RFC 3261 §16.3: what carries a Via of ours has been here.
        let branches = headers.all(&Name::Via).skip(1).filter_map(|via| via.parse::<crate::Via>().ok());
        let looped = branches.filter_map(|via| via.branch().map(str::to_owned));
        if { looped }.any(|branch| self.transactions.is_ours(&branch, request.method)) {
            return self.refuse(&request, 482, &[], flow, out);
        }
        if let Some(unsupported) = unsupported(&request) {
            return self.refuse(&request, 420, &[(Name::Unsupported, &unsupported)], flow, out);
        }
        match request.method {
            Method::Invite => self.invited(request, key, flow, now, out),
            Method::Register => self.registers(request, key, flow, now, out),
            Method::Options => {
                let able = [(Name::Allow, ALLOW), (Name::Accept, ACCEPT), (Name::AcceptEncoding, "identity")];
                let language = [(Name::AcceptLanguage, "en"), (Name::Supported, SUPPORTED)];
                let able: Vec<_> = able.into_iter().chain(language).collect();
                self.refuse(&request, 200, &able, flow, out); // no password asked (RFC 3261 §11.2)
            }
            // Outside of a dialog these mean nothing.
            Method::Bye | Method::Update | Method::Info | Method::PRack => self.refuse(&request, 481, &[], flow, out),
            Method::Subscribe => self.subscribes(request, key, flow, now, out),
            Method::Message => self.texted(request, key, flow, now, out),
            Method::Publish => self.published(request, key, flow, now, out),
            Method::Notify if headers.has(&Name::Event) => {
                self.refuse(&request, 489, &[(Name::AllowEvents, ALLOW_EVENTS)], flow, out)
            }
            _ => self.refuse(&request, 405, &[(Name::Allow, ALLOW)], flow, out),
        }
    }

    fn registers(&mut self, request: Request, key: Arc<str>, flow: Flow, now: Time, out: &mut Vec<Output>) {
        let account = match self.account(&request, flow, now, out) {
            Ok(account) => account,
            Err(challenges) => return self.challenge(&request, challenges, flow, out),
        };
        // Who one is must be whom one registers, and nobody else.
        let names = [&Name::To, &Name::From].map(|name| user_of(request.headers.first(name)));
        if names.iter().any(|user| user.as_deref() != Some(&*account)) {
            out.push(refused(self.seen(&request, flow), account, "REGISTER of somebody else's address"));
            return self.refuse(&request, 403, &[], flow, out);
        }
        let transaction = self.transactions.serve(key, None, &request, flow, out);
        let mut said = std::mem::take(&mut self.said);
        let sooner_percent = self.random.below(u64::from(self.conf.expires_spread_percent.min(50)) + 1) as u32; // 50 at most
        self.foresee(&request.headers, false, flow, now, out);
        let seen = self.seen(&request, flow);
        let register = register::Input::Register {
            account: &account,
            request: &request,
            flow,
            source: seen.remote,
            sooner_percent,
        };
        self.registrar.handle(register, now, &mut said);
        for output in said.drain(..) {
            match output {
                register::Output::Event(event) => out.push(Output::Event(event)),
                register::Output::Moved { from, to } => {
                    self.legs.moved(from, to);
                    for id in self.subscriptions.by_flow(&account, from) {
                        self.tell_watcher(id, subscribe::Input::Moved { to }, now, out);
                    }
                }
                register::Output::Respond(mut response) => {
                    self.sign(&mut response);
                    self.transactions.respond(transaction, response.status, response.to_bytes(), now, out);
                }
            }
        }
        self.said = said;
    }

    fn invited(&mut self, request: Request, key: Arc<str>, flow: Flow, now: Time, out: &mut Vec<Output>) {
        // RFC 3261 §8.2.2.2: it came another way as well. (A REGISTER out of turn is the registrar's to see.)
        let origin = origin_key(&request.headers);
        if self.transactions.is_merged(&origin) {
            return self.refuse(&request, 482, &[], flow, out);
        }
        let headers = &request.headers;
        let hops = headers.first(&Name::MaxForwards).map_or(Some(70), |hops| hops.trim().parse::<u8>().ok());
        let Some(max_forwards) = hops.filter(|hops| *hops > 0) else {
            return self.refuse(&request, 483, &[], flow, out); // it would go on from here (RFC 3261 §16.3)
        };
        if contact_uri(headers).is_none() && headers.via().is_some_and(|via| via.is_rfc3261()) {
            return self.refuse(
                &request,
                400,
                &[(Name::Warning, "399 centrala \"an INVITE needs a Contact\"")],
                flow,
                out,
            );
        }
        if !request.body.is_empty() && !can_read(headers, &request.body) {
            let can = [(Name::Accept, ACCEPT), (Name::AcceptEncoding, "identity")];
            return self.refuse(&request, 415, &can, flow, out);
        }
        let mut credentials = None;
        let seen = self.seen(&request, flow);
        let who = match self.gate.trunk(&self.conf, &request, &self.proofs, seen) {
            Some(peer) => {
                credentials = peer.credentials.clone();
                Origin::Trunk(peer.name.clone())
            }
            None => match self.account(&request, flow, now, out) {
                Ok(account) => Origin::Account(account),
                Err(challenges) => return self.challenge(&request, challenges, flow, out),
            },
        };
        if let Origin::Account(account) = &who
            && !self.speaks_for(account, &request, flow)
        {
            out.push(refused(seen, account, "INVITE in somebody else's name"));
            return self.refuse(&request, 403, &[], flow, out);
        }
        if self.legs.len() >= self.conf.legs_max {
            return self.refuse(&request, 503, &[(Name::RetryAfter, "5")], flow, out);
        }
        let (Some(from), Some(to)) = (headers.from(), headers.to()) else {
            return self.refuse(&request, 400, &[], flow, out);
        };
        let (replaces, joins) = match (Replaces::read(headers), DialogId::joined(headers)) {
            (Ok(replaces), Ok(joins)) => (replaces, joins),
            (Err(status), _) | (_, Err(status)) => return self.refuse(&request, status, &[], flow, out),
        };
        let leg = self.legs.next_id();
        let local_tag = self.random.token(TAG_LETTERS);
        let transaction = self.transactions.serve(key, Some(origin), &request, flow, out);
        self.transactions.give(transaction, leg);
        let uas = match Uas::new(leg, transaction, &request, &local_tag, flow, now) {
            Ok(Some(uas)) => uas,
            Ok(None) => return,
            Err(TooShort) => {
                let mut wishes = Vec::new();
                too_short(transaction, &request, &mut wishes);
                return self.grant(leg, &mut wishes, now, out);
            }
        };
        self.foresee(&request.headers, false, flow, now, out);
        let hears_reliably = uas.hears_reliably();
        let usage = Usage::Uas(Box::new(uas));
        let mut seat = Seat::new(usage, &local_tag, flow, Some(who.clone()));
        seat.behind = Some(seen.remote).filter(|behind| *behind != flow.remote);
        self.legs.insert(leg, seat.proving(credentials, || self.random.token(16)));
        self.legs.settle(leg);
        let called = request.uri.parse::<Uri>().ok().filter(|uri| !matches!(uri.scheme, Scheme::Other(_)));
        out.push(Output::Event(Event::Incoming(Box::new(Incoming {
            leg,
            origin: who,
            flow: seen,
            called: called.and_then(|uri| uri.user).unwrap_or_default(),
            from,
            to,
            call_id: headers.call_id().unwrap_or_default().to_owned(),
            sdp: sdp_of(headers, &request.body),
            records: is_from_src(headers).then(|| metadata_of(headers, &request.body).unwrap_or_default()),
            hears_reliably,
            user_agent: headers.first(&Name::UserAgent).unwrap_or_default().to_owned(),
            uri: request.uri,
            max_forwards,
            replaces,
            joins,
            headers: request.headers,
        }))));
    }

    fn leg_of(&self, request: &Request) -> Option<base::LegId> {
        let headers = &request.headers;
        let local = tag(headers.first(&Name::To)?);
        self.legs.find(local, headers.call_id()?, tag(headers.first(&Name::From)?))
    }

    /// The account that sent a request, proven; then what it sent costs it nothing at the door.
    pub(super) fn account(
        &mut self,
        request: &Request,
        flow: Flow,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<String, Challenges> {
        let seen = self.seen(request, flow);
        let trusted = self.trunk_from(seen).is_some();
        let at_home = |account: &str| self.registrar.is_at(account, seen.remote.ip());
        let account = match self.conf.asserted(request, flow) {
            Some(account) => account,
            None => self.gate.account(&self.conf, request, (seen, trusted), at_home, now, out)?,
        };
        self.floods.proven(&self.conf.floods, seen, now);
        self.domains.learn(&request.headers);
        Ok(account)
    }

    /// Where a request is really from, as our proxies say.
    pub(super) fn seen(&self, request: &Request, flow: Flow) -> Flow {
        self.conf.proxies.seen_behind(&request.headers, flow)
    }

    /// Does it speak in its own name? One that a proxy of ours vouches for may be anonymous in From.
    pub(super) fn speaks_for(&self, account: &str, request: &Request, flow: Flow) -> bool {
        let from = user_of(request.headers.first(&Name::From));
        from.as_deref() == Some(account) || self.conf.asserted(request, flow).as_deref() == Some(account)
    }

    pub(super) fn challenge(&mut self, request: &Request, challenges: Challenges, flow: Flow, out: &mut Vec<Output>) {
        let challenges = match challenges {
            Challenges::These(challenges) => challenges,
            Challenges::Banned(left) => {
                let left = left.as_secs().max(1).to_string();
                return self.refuse(request, 403, &[(Name::RetryAfter, &left)], flow, out);
            }
        };
        let headers: Vec<_> = challenges.iter().map(|challenge| (Name::WwwAuthenticate, &**challenge)).collect();
        self.refuse(request, 401, &headers, flow, out);
    }

    /// A final answer without a transaction.
    pub(super) fn refuse(
        &mut self,
        request: &Request,
        status: u16,
        headers: &[(Name, &str)],
        flow: Flow,
        out: &mut Vec<Output>,
    ) {
        let mut response = Response::to(request, status);
        for (name, value) in headers {
            response.headers.push(name.clone(), *value);
        }
        self.say(response, flow, out);
    }

    fn say(&mut self, mut response: Response, flow: Flow, out: &mut Vec<Output>) {
        self.sign(&mut response);
        out.push(Output::Send { flow, bytes: response.to_bytes() });
    }

    /// Our name, and a To tag where there is none: the same for a repeat of the request, unknown to anybody else.
    pub(super) fn sign(&self, response: &mut Response) {
        let headers = &mut response.headers;
        if let Some(to) = headers.first(&Name::To).filter(|to| tag(to).is_empty()) {
            let mut hash = Sha256::new().chain_update(self.secret);
            for name in [Name::Via, Name::CallId, Name::From, Name::CSeq] {
                hash.update(headers.first(&name).unwrap_or_default());
            }
            let hash = hash.finalize();
            let letters: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let to = tagged(to, &letters);
            headers.set_first(&Name::To, to);
        }
        headers.push(Name::Server, &*self.conf.server);
    }
}

/// When one who is refused may try again: not all in the same second.
const LATER_SECS: RangeInclusive<u64> = 5..=30;

/// Letters of a tag: 80 random bits.
pub(super) const TAG_LETTERS: usize = 16;

/// The extensions a request requires and we have not (RFC 3261 §8.2.2.3).
pub(super) fn unsupported(request: &Request) -> Option<String> {
    let ours: &[&str] = match request.method {
        Method::Register => &["path", "outbound", "gruu"],
        Method::Invite | Method::Update => &[SIPREC],
        Method::Subscribe => &[EVENTLIST],
        _ => &[],
    };
    let is_ours = |tag: &str| ours.iter().any(|own| own.eq_ignore_ascii_case(tag));
    let known = |tag: &str| SUPPORTED.split(", ").any(|known| known.eq_ignore_ascii_case(tag));
    let required = request.headers.elements(&Name::Require).filter(|tag| !is_ours(tag) && !known(tag));
    let required: Vec<_> = required.collect();
    (!required.is_empty()).then(|| required.join(", "))
}

/// Is the body a session description as it stands, or has it one in it?
fn can_read(headers: &Headers, body: &Bytes) -> bool {
    let plain = headers.elements(&Name::ContentEncoding).all(|coding| coding.eq_ignore_ascii_case("identity"));
    plain && sdp_of(headers, body).is_some()
}
