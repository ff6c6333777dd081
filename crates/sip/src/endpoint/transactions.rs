//! The table of transactions: found by branch (RFC 3261 §17.1.3, §17.2.3), ticked by one heap, dropped when over.
//!
//! Where it stands: the endpoint feeds it; what a transaction sends goes out on the transaction's own flow at once, the
//! rest comes back as [`Heard`]. It knows no dialog; an owner is a number to it.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use base::{LegId, Time};
use bytes::Bytes;

use super::Output;
use super::requests::RequestId;
use crate::dialog::tag;
use crate::invite::TransactionId;
use crate::subscribe::SubscriptionId;
use crate::texts::TextId;
use crate::timers::{Armed, Timers, is_roomy};
use crate::transaction::{
    self, Client, InviteClient, InviteServer, Server, client, invite_client, invite_server, server,
};
use crate::{Flow, Headers, Method, Name, Request, Response, Transport, Via, method_name};

/// All transactions.
#[derive(Debug, Default)]
pub struct Transactions {
    last: u64,
    /// Boxed, for a table is larger than what is in it.
    all: HashMap<TransactionId, Box<Entry>>,
    servers: HashMap<Arc<str>, TransactionId>,
    clients: HashMap<Arc<str>, TransactionId>,
    /// Server transactions outside dialogs by Call-ID, From tag and CSeq, to see merged requests (RFC 3261 §8.2.2.2).
    origins: HashMap<Arc<str>, TransactionId>,
    by_connection: HashMap<u64, BTreeSet<TransactionId>>,
    due: Timers<TransactionId>,
    scratch: Vec<transaction::Output>,
}

#[derive(Debug)]
struct Entry {
    machine: Machine,
    key: Arc<str>,
    origin: Option<Arc<str>>,
    flow: Flow,
    owner: Option<Owner>,
    moved: Option<Box<Moved>>,
    armed: Armed,
}

/// Whom a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A leg.
    Leg(LegId),
    /// A request of ours outside of any dialog.
    Request(RequestId),
    /// A subscription.
    Subscription(SubscriptionId),
    /// A text that is passed on.
    Text(TextId),
}

impl Owner {
    /// The leg, if it is one.
    pub fn leg(self) -> Option<LegId> {
        match self {
            Owner::Leg(leg) => Some(leg),
            Owner::Request(_) | Owner::Subscription(_) | Owner::Text(_) => None,
        }
    }
}

#[derive(Debug)]
enum Machine {
    InviteServer(InviteServer),
    Server(Server),
    InviteClient(InviteClient),
    Client(Client, Method),
}

/// A request of ours, with its Via printed.
#[derive(Debug)]
pub struct Call<'a> {
    /// The branch in its Via.
    pub branch: &'a str,
    /// Its method.
    pub method: Method,
    /// All of it.
    pub bytes: Bytes,
    /// Where it goes.
    pub flow: Flow,
    /// Who hears the answer.
    pub owner: Option<Owner>,
    /// It goes another way than was meant, as it is so large.
    pub moved: Option<Box<Moved>>,
}

/// A request that goes another way than was meant.
#[derive(Debug)]
pub struct Moved {
    /// The way that was meant: its answers are taken to have come by it.
    pub from: Flow,
    /// The request without Via, to be sent there all the same if nobody is found here.
    pub request: Option<Request>,
}

/// What a transaction's owner should hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The response just fed is news.
    News { owner: Option<Owner>, invite: TransactionId },
    /// Nobody answered.
    TimedOut { owner: Option<Owner>, method: Method },
    /// The other side cannot be reached.
    Lost { owner: Option<Owner>, method: Method },
}

/// The key of a server transaction (RFC 3261 §17.2.3). An ACK's is its INVITE's; `method` says so.
pub fn server_key(via: &Via, request: &Request, method: Method) -> Arc<str> {
    let (sent_by, method) = (via.sent_by(), method_name(method));
    match via.branch().filter(|_| via.is_rfc3261()) {
        Some(branch) => format!("{branch} {sent_by} {method}").into(),
        // RFC 2543 had no such branches. The ACK's To has a tag the INVITE's had not, so To is left out.
        None => {
            let first = |name| request.headers.first(&name).unwrap_or_default();
            let cseq = request.cseq().map_or(0, |(cseq, _)| cseq);
            let (from, call_id, branch) =
                (tag(first(Name::From)), first(Name::CallId), via.branch().unwrap_or_default());
            format!("- {} {from} {call_id} {cseq} {sent_by} {branch} {method}", request.uri).into()
        }
    }
}

/// What merged requests have in common.
pub fn origin_key(headers: &Headers) -> Arc<str> {
    let first = |name| headers.first(&name).unwrap_or_default();
    format!("{} {} {}", first(Name::CallId), tag(first(Name::From)), first(Name::CSeq)).into()
}

fn client_key(branch: &str, method: &str) -> Arc<str> {
    format!("{branch} {method}").into()
}

impl Transactions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// When to call [`Transactions::tick`].
    pub fn deadline(&self) -> Option<Time> {
        self.due.deadline()
    }

    /// The server transaction of that key.
    pub fn server(&self, key: &str) -> Option<TransactionId> {
        self.servers.get(key).copied()
    }

    /// Is there a request of the same origin that came another way?
    pub fn is_merged(&self, origin: &str) -> bool {
        self.origins.contains_key(origin)
    }

    /// Is it the branch of a request we sent? Then what carries it has come back to us.
    pub fn is_ours(&self, branch: &str, method: Method) -> bool {
        self.clients.contains_key(&client_key(branch, method_name(method)))
    }

    /// Where a transaction's peer is, and whose it is.
    pub fn party(&self, id: TransactionId) -> Option<(Flow, Option<LegId>)> {
        self.all.get(&id).map(|entry| (entry.flow, entry.owner.and_then(Owner::leg)))
    }

    /// A request came that begins one. An INVITE hears `100 Trying` (RFC 3261 §17.2.1).
    pub fn serve(
        &mut self,
        key: Arc<str>,
        origin: Option<Arc<str>>,
        request: &Request,
        flow: Flow,
        out: &mut Vec<Output>,
    ) -> TransactionId {
        let reliable = flow.transport.is_reliable();
        let machine = match request.method {
            Method::Invite => {
                let trying = Response::to(request, 100).to_bytes();
                Machine::InviteServer(InviteServer::new(reliable, trying, &mut self.scratch))
            }
            _ => Machine::Server(Server::new(reliable)),
        };
        let id = self.insert(machine, key.clone(), origin.clone(), flow, None);
        self.servers.insert(key, id);
        if let Some(origin) = origin {
            self.origins.insert(origin, id);
        }
        self.drain(flow, out);
        id
    }

    /// Sends a request of ours and waits for its answer. The request has its Via.
    pub fn call(&mut self, call: Call<'_>, now: Time, out: &mut Vec<Output>) -> TransactionId {
        let Call { branch, method, bytes, flow, owner, moved } = call;
        let reliable = flow.transport.is_reliable();
        let machine = match method {
            Method::Invite => Machine::InviteClient(InviteClient::new(reliable, bytes, now, &mut self.scratch)),
            method => Machine::Client(Client::new(reliable, bytes, now, &mut self.scratch), method),
        };
        let key = client_key(branch, method_name(method));
        let id = self.insert(machine, key.clone(), None, flow, owner);
        self.clients.insert(key, id);
        if let Some(entry) = self.all.get_mut(&id) {
            entry.moved = moved;
        }
        self.drain(flow, out);
        self.settle(id);
        id
    }

    /// Cancels an INVITE of ours that has no final answer (RFC 3261 §9.1): same branch, same way.
    pub fn cancel(&mut self, id: TransactionId, reason: Option<&str>, now: Time, out: &mut Vec<Output>) {
        let Some(entry) = self.all.get(&id) else { return };
        let Entry { machine: Machine::InviteClient(invite), key, flow, .. } = &**entry else { return };
        let Some(cancel) = invite.invite().map(|invite| invite_client::cancel(invite, reason)) else { return };
        let (branch, flow) = (key.split(' ').next().unwrap_or_default().to_owned(), *flow);
        self.call(
            Call { branch: &branch, method: Method::Cancel, bytes: cancel, flow, owner: None, moved: None },
            now,
            out,
        );
    }

    /// Forgets an INVITE of ours that nobody answers.
    pub fn abandon(&mut self, id: TransactionId, now: Time, out: &mut Vec<Output>) {
        self.feed(id, out, |machine, out| {
            if let Machine::InviteClient(machine) = machine {
                machine.handle(invite_client::Input::Abandon, now, out);
            }
        });
    }

    /// Whose the transaction is.
    pub fn give(&mut self, id: TransactionId, owner: LegId) {
        if let Some(entry) = self.all.get_mut(&id) {
            entry.owner = Some(Owner::Leg(owner));
        }
    }

    /// A request came again.
    pub fn repeated(&mut self, id: TransactionId, now: Time, out: &mut Vec<Output>) {
        self.feed(id, out, |machine, out| match machine {
            Machine::InviteServer(machine) => machine.handle(invite_server::Input::Invite, now, out),
            Machine::Server(machine) => machine.handle(server::Input::Request, now, out),
            Machine::InviteClient(_) | Machine::Client(..) => {}
        });
    }

    /// The ACK of a refusal came.
    pub fn acked(&mut self, id: TransactionId, now: Time, out: &mut Vec<Output>) {
        self.feed(id, out, |machine, out| {
            if let Machine::InviteServer(machine) = machine {
                machine.handle(invite_server::Input::Ack, now, out);
            }
        });
    }

    /// Answers a request.
    pub fn respond(&mut self, id: TransactionId, status: u16, bytes: Bytes, now: Time, out: &mut Vec<Output>) {
        self.feed(id, out, |machine, out| match machine {
            Machine::InviteServer(machine) => machine.handle(invite_server::Input::Respond { status, bytes }, now, out),
            Machine::Server(machine) => machine.handle(server::Input::Respond { status, bytes }, now, out),
            Machine::InviteClient(_) | Machine::Client(..) => {}
        });
    }

    /// A response came. `None`: it is nobody's, or repeated.
    pub fn response(&mut self, response: &Response, now: Time, out: &mut Vec<Output>) -> Option<Heard> {
        let (_, method) = response.cseq()?;
        let id = *self.clients.get(&client_key(response.headers.via()?.branch()?, method))?;
        let status = response.status;
        if let Some(moved) = self.all.get_mut(&id).and_then(|entry| entry.moved.as_mut()) {
            moved.request = None;
        }
        let to = response.headers.first(&Name::To).unwrap_or_default();
        self.feed(id, out, |machine, out| match machine {
            Machine::InviteClient(machine) => {
                machine.handle(invite_client::Input::Response { status, to, tag: tag(to) }, now, out)
            }
            Machine::Client(machine, _) => machine.handle(client::Input::Response { status }, now, out),
            Machine::InviteServer(_) | Machine::Server(_) => {}
        })
    }

    /// The way a request was meant to go that goes another.
    pub fn meant(&self, id: TransactionId) -> Option<Flow> {
        Some(self.all.get(&id)?.moved.as_ref()?.from)
    }

    /// A request that went another way than was meant found nobody: it is forgotten here. `None`: it did not, or somebody
    /// answered.
    pub fn turn_back(
        &mut self,
        id: TransactionId,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Option<(Request, Flow, Option<Owner>)> {
        let entry = self.all.get_mut(&id)?;
        let Moved { from, request } = *entry.moved.take_if(|moved| moved.request.is_some())?;
        let owner = entry.owner;
        self.lose(id, now, out);
        Some((request?, from, owner))
    }

    /// Acknowledges a 2xx; its repeats hear the same.
    pub fn acknowledge(
        &mut self,
        id: TransactionId,
        tag: &str,
        ack: Bytes,
        to: Flow,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        self.reroute(id, to); // all it has left to send are ACKs, which follow the dialog's route
        self.feed(id, out, |machine, out| {
            if let Machine::InviteClient(machine) = machine {
                machine.handle(invite_client::Input::Acknowledge { tag, ack }, now, out);
            }
        });
    }

    fn reroute(&mut self, id: TransactionId, to: Flow) {
        let Some(entry) = self.all.get_mut(&id) else { return };
        let from = std::mem::replace(&mut entry.flow, to).connection;
        if from == to.connection {
            return;
        }
        self.leave(id, from);
        if to.connection != 0 {
            self.by_connection.entry(to.connection).or_default().insert(id);
        }
    }

    fn leave(&mut self, id: TransactionId, connection: u64) {
        if let Some(ids) = self.by_connection.get_mut(&connection) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_connection.remove(&connection);
            }
        }
    }

    /// The client transactions that go to an address by that transport.
    pub fn towards(&self, transport: Transport, remote: SocketAddr) -> Vec<TransactionId> {
        let goes = |flow: Flow| flow.remote == remote && flow.transport == transport;
        let clients = self.clients.values().copied();
        let mut ids: Vec<_> = clients.filter(|id| self.all.get(id).is_some_and(|entry| goes(entry.flow))).collect();
        ids.sort(); // a map's order is nobody's: a run must replay
        ids
    }

    /// The client transaction of that branch and method that waits for its first word from there by UDP, and whose it is.
    pub fn unheard(&self, branch: &str, method: &str, remote: SocketAddr) -> Option<(TransactionId, Option<Owner>)> {
        let id = *self.clients.get(&client_key(branch, method))?;
        let entry = self.all.get(&id)?;
        let goes = entry.flow.remote == remote && entry.flow.transport == Transport::Udp;
        let unheard = match &entry.machine {
            Machine::InviteClient(machine) => machine.is_calling(),
            Machine::Client(machine, _) => machine.is_trying(),
            Machine::InviteServer(_) | Machine::Server(_) => false,
        };
        (goes && unheard).then_some((id, entry.owner))
    }

    /// The transactions of a stream.
    pub fn over(&self, connection: u64) -> Vec<TransactionId> {
        self.by_connection.get(&connection).into_iter().flatten().copied().collect()
    }

    /// The other side of a client transaction cannot be reached.
    pub fn lose(&mut self, id: TransactionId, now: Time, out: &mut Vec<Output>) -> Option<Heard> {
        self.feed(id, out, |machine, out| match machine {
            Machine::InviteClient(machine) => machine.handle(invite_client::Input::Lost, now, out),
            Machine::Client(machine, _) => machine.handle(client::Input::Lost, now, out),
            Machine::InviteServer(_) | Machine::Server(_) => {}
        })
    }

    /// An INVITE server transaction whose owner still owes the answer.
    pub fn unanswered(&self, id: TransactionId) -> Option<LegId> {
        match self.all.get(&id).map(Box::as_ref) {
            Some(Entry { machine: Machine::InviteServer(machine), owner, .. }) if machine.is_proceeding() => {
                owner.and_then(Owner::leg)
            }
            _ => None,
        }
    }

    /// Ticks one transaction that is due. `None`: none is.
    pub fn tick(&mut self, now: Time, out: &mut Vec<Output>) -> Option<Option<Heard>> {
        let (at, id) = self.due.due(now)?;
        if !self.all.get_mut(&id).is_some_and(|entry| entry.armed.rings(at)) {
            return Some(None);
        }
        Some(self.feed(id, out, |machine, out| match machine {
            Machine::InviteServer(machine) => machine.handle(invite_server::Input::Tick, now, out),
            Machine::Server(machine) => machine.handle(server::Input::Tick, now, out),
            Machine::InviteClient(machine) => machine.handle(invite_client::Input::Tick, now, out),
            Machine::Client(machine, _) => machine.handle(client::Input::Tick, now, out),
        }))
    }

    fn insert(
        &mut self,
        machine: Machine,
        key: Arc<str>,
        origin: Option<Arc<str>>,
        flow: Flow,
        owner: Option<Owner>,
    ) -> TransactionId {
        self.last += 1;
        let id = TransactionId(self.last);
        if flow.connection != 0 {
            self.by_connection.entry(flow.connection).or_default().insert(id);
        }
        let armed = Armed::default();
        self.all.insert(id, Box::new(Entry { machine, key, origin, flow, owner, moved: None, armed }));
        id
    }

    fn feed(
        &mut self,
        id: TransactionId,
        out: &mut Vec<Output>,
        tell: impl FnOnce(&mut Machine, &mut Vec<transaction::Output>),
    ) -> Option<Heard> {
        let entry = self.all.get_mut(&id)?;
        tell(&mut entry.machine, &mut self.scratch);
        let (owner, flow, method) = (entry.owner, entry.flow, entry.machine.method());
        let heard = self.drain(flow, out).and_then(|output| match output {
            transaction::Output::Pass => Some(Heard::News { owner, invite: id }),
            transaction::Output::TimedOut => Some(Heard::TimedOut { owner, method }),
            transaction::Output::Lost => Some(Heard::Lost { owner, method }),
            transaction::Output::NoAck | transaction::Output::Send(_) => None,
        });
        self.settle(id);
        heard
    }

    /// Sends what is to be sent; what else was said is returned.
    fn drain(&mut self, flow: Flow, out: &mut Vec<Output>) -> Option<transaction::Output> {
        let mut rest = None;
        for output in self.scratch.drain(..) {
            match output {
                transaction::Output::Send(bytes) => out.push(Output::Send { flow, bytes }),
                other => rest = Some(other),
            }
        }
        rest
    }

    /// Drops a transaction that is over, or arms its timer.
    fn settle(&mut self, id: TransactionId) {
        let Some(entry) = self.all.get_mut(&id) else { return };
        if !entry.machine.is_over() {
            return self.due.arm(&mut entry.armed, entry.machine.deadline(), || id);
        }
        let Some(entry) = self.all.remove(&id) else { return };
        match entry.machine {
            Machine::InviteServer(_) | Machine::Server(_) => self.servers.remove(&entry.key),
            Machine::InviteClient(_) | Machine::Client(..) => self.clients.remove(&entry.key),
        };
        if let Some(origin) = entry.origin {
            self.origins.remove(&origin);
        }
        self.leave(id, entry.flow.connection);
        if is_roomy(self.all.len(), self.all.capacity()) {
            let room = 2 * self.all.len();
            self.all.shrink_to(room);
            for keys in [&mut self.servers, &mut self.clients, &mut self.origins] {
                keys.shrink_to(room);
            }
        }
    }
}

impl Machine {
    fn deadline(&self) -> Option<Time> {
        match self {
            Machine::InviteServer(machine) => machine.deadline(),
            Machine::Server(machine) => machine.deadline(),
            Machine::InviteClient(machine) => machine.deadline(),
            Machine::Client(machine, _) => machine.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Machine::InviteServer(machine) => machine.is_over(),
            Machine::Server(machine) => machine.is_over(),
            Machine::InviteClient(machine) => machine.is_over(),
            Machine::Client(machine, _) => machine.is_over(),
        }
    }

    /// What a client transaction asked.
    fn method(&self) -> Method {
        match self {
            Machine::Client(_, method) => *method,
            _ => Method::Invite,
        }
    }
}
