//! The registrar: which contacts an account can be reached at (RFC 3261 §10.3).
//!
//! Where it stands: the endpoint has authenticated the REGISTER and seen that the account registers itself; the rooms
//! above ask for bindings when they ring it. It keeps nothing but bindings, in memory, and sends nothing.

mod binding;
mod gruu;
mod kept;
mod outbound;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::Time;

pub use binding::Binding;
use gruu::Gruus;
pub use gruu::{Gruu, Meant};
pub use kept::KeptBinding;
use outbound::{Adrift, Outbound};

use crate::endpoint::{Event, Places, SipConf, user_of};
use crate::timers::{Armed, Timers};
use crate::{Flow, Hop, Name, NameAddr, Request, Response, Uri};

/// So many proxies may stand between us and a phone.
const PATH_MAX: usize = 8;

/// The bindings of all accounts.
#[derive(Debug)]
pub struct Registrar {
    expires_secs_min: u32,
    expires_secs_max: u32,
    bindings_max: usize,
    flow_timer_secs: u32,
    service_route: Vec<String>,
    aors: BTreeMap<Arc<str>, Aor>,
    by_connection: HashMap<u64, BTreeSet<Arc<str>>>,
    due: Timers<Arc<str>>,
    adrift: Adrift,
    gruus: Gruus,
}

#[derive(Debug, Default)]
struct Aor {
    /// No longer than they are: most accounts have one.
    bindings: Box<[Binding]>,
    armed: Armed,
    /// So many of them are kept for a restart.
    kept: u8,
}

/// What the registrar is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// An account registers, or asks what is registered.
    Register {
        /// Who, proven.
        account: &'a str,
        /// The REGISTER.
        request: &'a Request,
        /// Where it came from.
        flow: Flow,
        /// Where the phone is, if that is known to be elsewhere.
        source: SocketAddr,
        /// Its bindings are granted so much less than they might last.
        sooner_percent: u32,
    },
    /// There are new settings and accounts.
    Reloaded {
        /// All of them.
        conf: &'a SipConf,
    },
    /// A stream is gone, and with it what can only be reached by it.
    Closed {
        /// The shell's number of it.
        connection: u64,
        /// Where the proxies before phones are.
        places: &'a Places,
    },
    /// A phone was not reached by this flow of its.
    FlowFailed {
        /// Whose phone.
        account: &'a str,
        /// Which way: many flows end at one proxy, which tells them apart by the token in its Path.
        hop: &'a Hop,
        /// The proxy knows that the flow is no more.
        is_gone: bool,
    },
    /// It is `deadline()`.
    Tick,
}

/// What the registrar says.
#[derive(Debug)]
pub enum Output {
    /// The answer to the REGISTER, without To tag.
    Respond(Response),
    /// For the rooms above.
    Event(Event),
    /// A phone that was there is now here: its dialogs go on by the new flow.
    Moved {
        /// The flow that is no more.
        from: Flow,
        /// The one in its place.
        to: Flow,
    },
}

/// Why a REGISTER is refused. Nothing of it is done then (RFC 3261 §10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refused {
    #[error("a Contact is neither * nor the URI of a phone")]
    BadContact,
    #[error("Contact: * may only stand alone, with Expires: 0")]
    BadStar,
    #[error("bindings shorter than the shortest we keep")]
    TooBrief,
    #[error("a Contact points to us")]
    Loop,
    #[error("a Contact is a GRUU, which leads to a contact itself")]
    Gruu,
    #[error("an older REGISTER came after a newer one")]
    OutOfOrder,
    #[error("more contacts than an account may have")]
    TooMany,
    #[error("more proxies on the Path than anybody has")]
    TooFar,
    #[error("the first hop keeps no flows, and so lacks outbound support")]
    FirstHop,
}

impl Refused {
    fn status(self) -> u16 {
        match self {
            Refused::BadContact | Refused::BadStar | Refused::TooFar => 400,
            Refused::TooMany | Refused::Gruu => 403,
            Refused::TooBrief => 423,
            Refused::FirstHop => 439,
            Refused::Loop => 482,
            Refused::OutOfOrder => 500,
        }
    }
}

impl Registrar {
    /// Nobody is registered. The secret is for temporary GRUUs.
    pub fn new(conf: &SipConf, secret: [u8; 32]) -> Registrar {
        Registrar {
            expires_secs_min: conf.expires_secs_min,
            expires_secs_max: conf.expires_secs_max.max(conf.expires_secs_min),
            bindings_max: conf.bindings_max,
            flow_timer_secs: conf.flow_timer_secs,
            service_route: conf.service_route.clone(),
            aors: BTreeMap::new(),
            by_connection: HashMap::new(),
            due: Timers::default(),
            adrift: Adrift::default(),
            gruus: Gruus::new(secret),
        }
    }

    /// Tells it what happened.
    pub fn handle(&mut self, input: Input<'_>, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Register { account, request, flow, source, sooner_percent } => {
                let response = match self.register(account, request, (flow, source, sooner_percent), now, out) {
                    Ok(outbound) => self.granted(account, request, outbound, now),
                    Err(why) => self.refused(why, request),
                };
                out.push(Output::Respond(response));
            }
            Input::Reloaded { conf } => {
                self.expires_secs_min = conf.expires_secs_min;
                self.expires_secs_max = conf.expires_secs_max.max(conf.expires_secs_min);
                self.bindings_max = conf.bindings_max;
                self.flow_timer_secs = conf.flow_timer_secs;
                self.service_route = conf.service_route.clone();
                let gone = |account: &&Arc<str>| !conf.accounts.contains_key(&***account);
                for account in self.aors.keys().filter(gone).cloned().collect::<Vec<_>>() {
                    self.drop_where(&account, |_| true, now, out);
                }
            }
            Input::Closed { connection, places } => {
                for account in self.by_connection.remove(&connection).unwrap_or_default() {
                    let bindings = self.aors.get(&account).map_or(&[][..], |aor| &aor.bindings);
                    let mut after = bindings.to_vec();
                    let lost = |binding: &Binding| binding.flow.connection == connection;
                    for lost in after.iter_mut().filter(|binding| lost(binding)) {
                        match lost.way_back(places) {
                            Some(flow) => lost.flow = flow,
                            None => self.adrift.add(&account, lost),
                        }
                    }
                    after.retain(|binding| !lost(binding));
                    self.settle(&account, after, |_| false, now, out);
                }
            }
            Input::FlowFailed { account, hop, is_gone } => {
                // RFC 5626 §5.3: a flow that failed is gone. One of which nobody says so, and which has no other, stays:
                // it was one message.
                let by_it = |binding: &Binding| {
                    binding.flow == hop.flow && binding.contact == hop.uri && *binding.path == *hop.routes
                };
                let bindings = self.aors.get(account).map_or(&[][..], |aor| &aor.bindings);
                let Some(failed) = bindings.iter().find(|binding| by_it(binding)) else { return };
                if is_gone || bindings.iter().any(|other| failed.is_beside(other)) {
                    self.drop_where(account, by_it, now, out);
                }
            }
            Input::Tick => {
                while let Some((at, account)) = self.due.due(now) {
                    if self.aors.get_mut(&account).is_some_and(|aor| aor.armed.rings(at)) {
                        self.drop_where(&account, |binding| binding.expires <= now, now, out);
                    }
                }
            }
        }
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        self.due.deadline()
    }

    /// Where an account can be reached, best q first, the latest of equals first. Of the flows a phone keeps to us, the
    /// latest: it must not ring twice (RFC 5626 §5.3).
    pub fn bindings(&self, account: &str, now: Time) -> Vec<Binding> {
        let Some(aor) = self.aors.get(account) else { return Vec::new() };
        let mut bindings: Vec<_> = aor.bindings.iter().filter(|binding| binding.expires > now).cloned().collect();
        bindings.sort_by_key(|binding| std::cmp::Reverse((binding.q, binding.refreshed)));
        let mut phones = BTreeSet::new();
        bindings.retain(|binding| match (&binding.instance, binding.reg_id) {
            (Some(instance), Some(_)) => phones.insert(instance.clone()),
            _ => true,
        });
        bindings
    }

    /// The other flows of a binding's phone, the latest first.
    pub fn other_flows(&self, account: &str, binding: &Binding, now: Time) -> Vec<Hop> {
        let bindings = self.aors.get(account).map_or(&[][..], |aor| &aor.bindings).iter();
        let mut others: Vec<&Binding> =
            bindings.filter(|other| other.expires > now && binding.is_beside(other)).collect();
        others.sort_by_key(|other| std::cmp::Reverse(other.refreshed));
        let hop = |other: &Binding| Hop { uri: other.contact.clone(), routes: other.path.to_vec(), flow: other.flow };
        others.into_iter().map(hop).collect()
    }

    /// Whom a URI is for.
    pub fn meant(&self, uri: &str) -> Meant {
        match uri.contains(";gr").then(|| uri.parse()) {
            Some(Ok(uri)) => self.gruus.meant(&uri),
            _ => Meant::Anybody,
        }
    }

    /// How the phone that a GRUU names is reached; by that flow, if it is one of the phone's.
    pub fn named(&self, uri: &str, flow: Flow, now: Time) -> Option<&Binding> {
        let Meant::Phone(Gruu { account, instance }) = self.meant(uri) else { return None };
        let is_it = |binding: &&Binding| binding.expires > now && binding.instance.as_deref() == Some(&*instance);
        let flows = self.aors.get(&*account)?.bindings.iter().filter(is_it);
        flows.max_by_key(|binding| (binding.flow == flow, binding.refreshed))
    }

    /// Is that the address of one of the account's phones?
    pub fn reaches(&self, account: &str, remote: SocketAddr) -> bool {
        self.aors.get(account).is_some_and(|aor| aor.bindings.iter().any(|binding| binding.flow.remote == remote))
    }

    /// Is one of the account's phones at that address?
    pub fn is_at(&self, account: &str, address: IpAddr) -> bool {
        let here = |binding: &Binding| binding.source.ip() == address;
        self.aors.get(account).is_some_and(|aor| aor.bindings.iter().any(here))
    }

    /// Where the phone with that contact is, behind the proxy by which it is reached.
    pub fn source(&self, account: &str, contact: &str, flow: Flow) -> Option<SocketAddr> {
        let mut bindings = self.aors.get(account)?.bindings.iter();
        let binding = bindings.find(|binding| binding.contact == contact && binding.flow == flow)?;
        Some(binding.source).filter(|source| *source != flow.remote)
    }

    /// All accounts that have bindings, in order of their names.
    pub fn registered(&self) -> impl Iterator<Item = (&str, &[Binding])> {
        self.aors.iter().map(|(account, aor)| (&**account, &aor.bindings[..]))
    }

    /// The streams by which phones are reached.
    pub fn connections(&self) -> Vec<u64> {
        let mut connections: Vec<_> = self.by_connection.keys().copied().collect();
        connections.sort_unstable(); // a seed replays its run
        connections
    }

    /// RFC 3261 §10.3 steps 6 to 8, whole or not at all.
    fn register(
        &mut self,
        account: &str,
        request: &Request,
        (flow, source, sooner_percent): (Flow, SocketAddr, u32),
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<Outbound, Refused> {
        let mut contacts = request.headers.all(&Name::Contact).peekable();
        if contacts.peek().is_none() {
            return Ok(Outbound::None); // a question: the answer lists what there is
        }
        if request.headers.all(&Name::Path).nth(PATH_MAX).is_some() {
            return Err(Refused::TooFar);
        }
        let call_id = request.headers.call_id().unwrap_or_default();
        let cseq = request.cseq().map_or(0, |(cseq, _)| cseq);
        let known = self.aors.get(account).map_or(&[][..], |aor| &aor.bindings);
        // Step 7: a REGISTER of the same Call-ID must not have been overtaken.
        let in_order = |binding: &Binding| *binding.call_id != *call_id || binding.cseq < cseq;
        let mut after: Vec<Binding> = known.iter().filter(|binding| binding.expires > now).cloned().collect();
        let expires = request.headers.first(&Name::Expires);
        let mut outbound = Outbound::None;
        let mut moved = None;
        if contacts.peek() == Some(&"*") {
            if contacts.count() != 1 || expires.map(str::trim) != Some("0") {
                return Err(Refused::BadStar);
            }
            if !after.iter().all(in_order) {
                return Err(Refused::OutOfOrder);
            }
            after.clear();
        } else {
            for contact in contacts {
                let contact: NameAddr = contact.parse().map_err(|_| Refused::BadContact)?;
                let uri: Uri = contact.uri.parse().ok().filter(Uri::is_sip).ok_or(Refused::BadContact)?;
                if uri.host.address() == Some(flow.local.ip()) && uri.port.unwrap_or(5060) == flow.local.port() {
                    return Err(Refused::Loop);
                }
                if uri.params.has("gr") && user_of(request.headers.first(&Name::To)) == uri.user {
                    return Err(Refused::Gruu); // RFC 5627 §5.1
                }
                let secs = self.expires_secs(contact.params.get("expires").or(expires), sooner_percent)?;
                let mut binding = Binding::new(contact, request, (flow, source), now, secs);
                match Outbound::of(request, &binding) {
                    Outbound::FirstHopLacksIt => return Err(Refused::FirstHop),
                    Outbound::Flow if outbound == Outbound::Flow => return Err(Refused::BadContact), // one REGISTER, one flow
                    Outbound::Flow => outbound = Outbound::Flow,
                    Outbound::None => {}
                }
                let same = |old: &Binding| old.contact == binding.contact || uri.is(&old.contact);
                if after.iter().any(|old| same(old) && !in_order(old)) {
                    return Err(Refused::OutOfOrder);
                }
                let as_kept = |old: &&Binding| same(old) && old.flow == flow && old.path == binding.path;
                binding.kept_until_secs = after.iter().find(as_kept).map_or(0, |old| old.kept_until_secs);
                if secs > 0 && binding.instance.is_some() {
                    // A proxy's flow is of many.
                    let direct = |old: &&Binding| !old.relayed && !binding.relayed && old.flow != flow;
                    let before = after.iter().find(|old| binding.replaces(old)).filter(direct);
                    moved = before.map(|before| before.flow).or(moved);
                }
                after.retain(|old| !(same(old) || secs > 0 && binding.replaces(old)));
                if secs > 0 {
                    moved = self.adrift.take(account, &binding).or(moved);
                    after.push(binding);
                }
            }
        }
        if after.len() > self.bindings_max {
            return Err(Refused::TooMany);
        }
        let news = |binding: &Binding| *binding.call_id == *call_id && binding.cseq == cseq;
        if request.headers.lists(&Name::Supported, "gruu") {
            let account: Arc<str> = account.into();
            after.iter_mut().filter(|new| news(new)).for_each(|new| self.gruus.number(&account, new, known));
        }
        self.settle(account, after, news, now, out);
        out.extend(moved.map(|from| Output::Moved { from, to: flow }));
        Ok(outbound)
    }

    /// What is granted for what was asked (RFC 3261 §10.3 step 6): 0 takes a binding back; what cannot be read counts
    /// as the longest.
    fn expires_secs(&self, asked: Option<&str>, sooner_percent: u32) -> Result<u32, Refused> {
        let secs = match asked.and_then(|text| text.trim().parse::<u64>().ok()) {
            Some(0) => return Ok(0),
            Some(secs) if secs < self.expires_secs_min.into() => return Err(Refused::TooBrief),
            Some(secs) => secs.min(self.expires_secs_max.into()) as u32, // the greater is a u32
            None => self.expires_secs_max,
        };
        let sooner = u64::from(secs) * u64::from(sooner_percent) / 100;
        Ok(secs.saturating_sub(sooner as u32).max(self.expires_secs_min)) // at most what a u32 was
    }

    /// Puts an account's bindings in place of what there was, and says what changed.
    fn settle(
        &mut self,
        account: &str,
        after: Vec<Binding>,
        news: impl Fn(&Binding) -> bool,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let name: Arc<str> = self.aors.get_key_value(account).map_or_else(|| account.into(), |(name, _)| name.clone());
        let aor = self.aors.entry(name.clone()).or_default();
        let before = std::mem::replace(&mut aor.bindings, after.into());
        self.gruus.forget(&before, &aor.bindings);
        for old in before.iter().filter(|old| !aor.bindings.iter().any(|new| new.contact == old.contact)) {
            let (account, contact) = (account.to_owned(), old.contact.clone());
            out.push(Output::Event(Event::Unregistered { account, contact }));
        }
        for new in aor.bindings.iter().filter(|new| news(new)) {
            if new.flow.connection != 0 {
                self.by_connection.entry(new.flow.connection).or_default().insert(name.clone());
            }
            let known = |old: &Binding| old.contact == new.contact && old.call_id == new.call_id;
            out.push(Output::Event(Event::Registered {
                fresh: !before.iter().any(known),
                account: account.to_owned(),
                contact: new.contact.clone(),
                flow: new.flow,
                expires_secs: new.expires.since(now).as_secs() as u32, // was made from a u32
            }));
        }
        let next = aor.bindings.iter().map(|binding| binding.expires).min();
        match next {
            Some(_) => self.due.arm(&mut aor.armed, next, || name.clone()),
            None => drop(self.aors.remove(&name)),
        }
    }

    fn drop_where(&mut self, account: &str, gone: impl Fn(&Binding) -> bool, now: Time, out: &mut Vec<Output>) {
        let Some(aor) = self.aors.get_mut(account) else { return };
        let mut after = aor.bindings.to_vec();
        after.retain(|binding| !gone(binding));
        self.settle(account, after, |_| false, now, out);
    }

    fn granted(&self, account: &str, request: &Request, outbound: Outbound, now: Time) -> Response {
        let mut response = Response::to(request, 200);
        if request.headers.has(&Name::Contact) {
            for hop in request.headers.all(&Name::Path) {
                response.headers.push(Name::Path, hop); // RFC 3327 §5.3: the phone sees by whom it is reached
            }
        }
        if outbound == Outbound::Flow {
            response.headers.push(Name::Require, "outbound"); // RFC 5626 §6
            // §5.4: who holds the other end of the flow says how long it may be still: we, or the first proxy.
            if self.flow_timer_secs > 0 && request.headers.all(&Name::Via).count() == 1 {
                response.headers.push(Name::FlowTimer, self.flow_timer_secs.to_string());
            }
        }
        for hop in &self.service_route {
            response.headers.push(Name::ServiceRoute, &**hop); // RFC 3608 §6.3: in every 200
        }
        let bindings = self.aors.get(account).map_or(&[][..], |aor| &aor.bindings);
        let aor = request.headers.to().and_then(|to| to.uri.parse::<Uri>().ok());
        let aor = aor.filter(|_| request.headers.lists(&Name::Supported, "gruu"));
        for binding in bindings.iter().filter(|binding| binding.expires > now) {
            let gruus = aor.as_ref().map(|aor| self.gruus.params(aor, binding)).unwrap_or_default();
            response.headers.push(Name::Contact, format!("{}{gruus}", binding.echo(now)));
        }
        response
    }

    fn refused(&self, why: Refused, request: &Request) -> Response {
        let mut response = Response::to(request, why.status());
        if why == Refused::TooBrief {
            response.headers.push(Name::MinExpires, self.expires_secs_min.to_string());
        }
        let agent = "centrala";
        response.headers.push(Name::Warning, format!("399 {agent} \"{why}\""));
        response
    }
}
