//! The endpoint: everything this room knows, as one machine. Bytes, time and commands in; bytes and events out.
//!
//! Where it stands: the switch owns one and drains `out` after each `handle`. It is a composition: transactions are
//! found by branch, legs by their dialog's tags, bindings by account; who wants what of whom is carried across here.
//! It decides nothing about calls: whom to ring and when to give up is said by commands.

mod answers;
mod bans;
mod command;
mod conf;
mod domains;
mod door;
mod event;
mod floods;
mod gate;
mod large;
mod legs;
mod next_hop;
mod overload;
mod peers;
mod proxies;
mod publishing;
mod requests;
mod sending;
mod texting;
mod transactions;
mod undelivered;
mod usages;
mod watchers;

use std::collections::HashMap;

use base::{LegId, Random, Time, WallClock};
use bytes::Bytes;

pub use bans::{Ban, BanConf};
pub use command::{Command, Delivery, Hop, Input, Outgoing, Phone, Watch};
pub use conf::{Account, Peer, SipConf};
pub use event::{End, Event, Incoming, Origin, Output, Subscribes};
pub use floods::FloodConf;
pub use proxies::Proxies;
pub use requests::{Answer, Outside, RequestId};
pub use watchers::Watching;

use crate::digest::Challenged;
use crate::invite::{self, DialogId};
use crate::publish::Publications;
use crate::register::{self, Binding, KeptBinding, Meant, Registrar};
use crate::subscribe;
use crate::texts::Texts;
use crate::{Flow, Host, Message, Request, Transport, stun, wire};
use domains::Domains;
use floods::{Floods, Tide};
use gate::Gate;
pub(crate) use gate::user_of;
use large::Refused;
use legs::Legs;
pub(crate) use next_hop::Places;
use overload::Overload;
use peers::Proofs;
use requests::Requests;
use transactions::Transactions;

/// A SIP user agent for many users: registrar, UAS and UAC.
///
/// ```
/// use base::{Random, Time};
/// use sip::{Endpoint, Flow, Input, Output, SipConf, Transport};
/// let mut endpoint = Endpoint::new(SipConf::default(), Random::numbered(1));
/// let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.7:5062".parse().unwrap());
/// let flow = Flow { transport: Transport::Udp, local, remote, connection: 0 };
/// let options = "OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1\r\n\
///     From: <sip:ann@x>;tag=1\r\nTo: <sip:192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";
/// let mut out = Vec::new();
/// endpoint.handle(Input::Received { flow, bytes: options.into() }, Time::ZERO, &mut out);
/// assert!(matches!(&out[..], [Output::Send { bytes, .. }] if bytes.starts_with(b"SIP/2.0 200 OK")));
/// ```
pub struct Endpoint {
    conf: SipConf,
    random: Random,
    /// Makes the tags of answers without a transaction.
    secret: [u8; 32],
    gate: Gate,
    floods: Floods,
    overload: Overload,
    /// New calls and registrations are sent elsewhere.
    draining: bool,
    transactions: Transactions,
    legs: Legs,
    places: Places,
    proofs: Proofs,
    /// Connections of proxies and trunks: what they carry goes on without them. True: a trunk's.
    held: HashMap<u64, bool>,
    /// Those who take no TCP.
    refused: Refused,
    requests: Requests,
    challenged: Challenged,
    registrar: Registrar,
    subscriptions: subscribe::Table,
    texts: Texts,
    publications: Publications,
    domains: Domains,
    /// Room for what machines say, kept to spare the allocator.
    wishes: Vec<Vec<invite::Output>>,
    said: Vec<register::Output>,
}

impl Endpoint {
    /// An endpoint nobody has spoken to. `random` makes its tags, branches and nonces.
    pub fn new(conf: SipConf, mut random: Random) -> Endpoint {
        let gate = Gate::new(&conf, secret(&mut random));
        Endpoint {
            secret: secret(&mut random),
            gate,
            floods: Floods::new(random.bits()),
            overload: Overload::default(),
            draining: false,
            registrar: Registrar::new(&conf, secret(&mut random)),
            transactions: Transactions::default(),
            legs: Legs::default(),
            places: Places::default(),
            proofs: Proofs::default(),
            held: HashMap::new(),
            refused: Refused::default(),
            requests: Requests::default(),
            challenged: Challenged::default(),
            subscriptions: subscribe::Table::default(),
            texts: Texts::default(),
            publications: Publications::default(),
            domains: Domains::default(),
            wishes: Vec::new(),
            said: Vec::new(),
            conf,
            random,
        }
    }

    /// Tells it what happened. `out` is to be drained before it is told anything else.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Received { flow, bytes } => self.received(flow, &bytes, false, now, out),
            Input::Late { flow, bytes } => self.received(flow, &bytes, true, now, out),
            Input::Drain => self.drain(out),
            Input::Tick => self.tick(now, out),
            Input::Command(command) => self.command(command, now, out),
            Input::Closed { connection } => self.closed(connection, now, out),
            Input::Proven { connection, trunk } => self.proofs.add(connection, &trunk),
            Input::Moved { from, to } => self.legs.moved(from, to),
            Input::Leads { place, flows } => self.places.learn(place, flows, now),
            Input::Undelivered { remote, quoted } => self.undelivered(remote, &quoted, now, out),
            Input::Unreachable { transport, remote } => {
                for id in self.transactions.towards(transport, remote) {
                    if self.turns_back(id, remote, now, out) {
                        continue;
                    }
                    if let Some(heard) = self.transactions.lose(id, now, out) {
                        self.lost(heard, End::Refused(503), now, out); // RFC 3261 §8.1.3.1
                    }
                }
            }
        }
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        let legs = [self.transactions.deadline(), self.legs.deadline()];
        let phones = [
            self.registrar.deadline(),
            self.subscriptions.deadline(),
            self.texts.deadline(),
            self.publications.deadline(),
        ];
        legs.into_iter().chain(phones).flatten().min()
    }

    /// A number for a leg of [`Command::Invite`].
    pub fn new_leg(&mut self) -> LegId {
        self.legs.next_id()
    }

    /// A number for a [`Command::Request`].
    pub fn new_request(&mut self) -> RequestId {
        self.requests.next_id()
    }

    /// Our leg of a dialog that a party speaks of (RFC 3891 §3). Some phones name the tags the wrong way round.
    pub fn leg_in(&self, dialog: &DialogId) -> Option<LegId> {
        let DialogId { call_id, to_tag, from_tag } = dialog;
        self.legs.find(to_tag, call_id, from_tag).or_else(|| self.legs.find(from_tag, call_id, to_tag))
    }

    /// The dialog of a leg as a Replaces names it to us; none while the other end has not named it.
    pub fn dialog_of(&self, leg: LegId) -> Option<DialogId> {
        self.legs.dialog_of(leg)
    }

    /// Where an account can be reached, the phone's preferred first.
    pub fn bindings(&self, account: &str, now: Time) -> Vec<Binding> {
        self.registrar.bindings(account, now)
    }

    /// The other flows of a binding's phone, the latest first (RFC 5626 §5.3).
    pub fn other_flows(&self, account: &str, binding: &Binding, now: Time) -> Vec<Hop> {
        self.registrar.other_flows(account, binding, now)
    }

    /// Whom a URI is for: anybody, or one phone (RFC 5627).
    pub fn meant(&self, uri: &str) -> Meant {
        self.registrar.meant(uri)
    }

    /// All accounts that are registered, by name.
    pub fn registered(&self) -> impl Iterator<Item = (&str, &[Binding])> {
        self.registrar.registered()
    }

    /// The bans in force, the longest first.
    pub fn bans(&self, now: Time) -> Vec<Ban> {
        self.gate.bans(now)
    }

    /// Ends the bans of an account or an address. Returns how many there were.
    pub fn unban(&mut self, who: &str, now: Time) -> usize {
        self.gate.unban(who, now)
    }

    /// Requests dropped unread, as their sources sent too many.
    pub fn dropped(&self) -> u64 {
        self.floods.dropped
    }

    /// The settings.
    pub fn conf(&self) -> &SipConf {
        &self.conf
    }

    /// New settings, accounts and trunks. Dialogs stand; bindings of accounts that are gone are gone too. The realm stays
    /// what it was: accounts' hashes are made for it.
    pub fn reload(&mut self, conf: SipConf, now: Time, out: &mut Vec<Output>) {
        self.conf = SipConf { realm: std::mem::take(&mut self.conf.realm), ..conf };
        self.forget_watchers(now, out);
        self.publications.keep(|account| self.conf.accounts.contains_key(account));
        let mut said = std::mem::take(&mut self.said);
        self.registrar.handle(register::Input::Reloaded { conf: &self.conf }, now, &mut said);
        out.extend(said.drain(..).filter_map(event_of));
        self.said = said;
    }

    /// Where trunks call from, in place of what the settings said.
    pub fn trunks_are(&mut self, trunks: Vec<Peer>) {
        self.conf.trunks = trunks;
    }

    /// The Call-ID of a leg's dialog, or of the INVITE that is to make one.
    pub fn sip_call_id(&self, leg: LegId) -> Option<&str> {
        self.legs.usage(leg)?.call_id()
    }

    /// What of an account's bindings is to be kept for a restart, if it is other than what is kept already.
    pub fn news_to_keep(&mut self, account: &str, clock: WallClock) -> Option<Vec<KeptBinding>> {
        self.registrar.news_to_keep(account, clock)
    }

    /// What was kept of an account.
    pub fn restore(&mut self, account: &str, kept: Vec<KeptBinding>, clock: WallClock, now: Time) {
        if self.conf.accounts.contains_key(account) {
            self.registrar.restore(account, kept, clock, now);
        }
    }

    /// Is that a name of ours?
    pub fn is_ours(&self, host: &Host) -> bool {
        self.domains.have(host, &self.conf)
    }

    /// The flow a leg's dialog goes by, once it is one.
    pub fn flow_of(&self, leg: LegId) -> Option<Flow> {
        self.legs.usage(leg)?.flow()
    }

    /// Where a leg's dialog goes on when the connection it goes by is no more: by one that is ours to open.
    pub fn way_back(&self, leg: LegId) -> Option<Flow> {
        let usage = self.legs.usage(leg)?;
        let flow = usage.flow()?;
        let is_trunk = self.held.get(&flow.connection).copied().unwrap_or_else(|| self.is_to_trunk(flow));
        self.places.dialogs_way_back(usage.own_dialog()?, is_trunk)
    }

    /// What is still to be said in a leg's dialog goes by this flow.
    pub fn goes_by(&mut self, leg: LegId, to: Flow) {
        if let Some(dialog) = self.legs.get(leg).and_then(|seat| seat.usage.dialog()) {
            dialog.flow = to;
        }
    }

    /// Transactions at the moment.
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// Legs at the moment, with those that only wait for the answer to their BYE.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    fn received(&mut self, flow: Flow, bytes: &Bytes, late: bool, now: Time, out: &mut Vec<Output>) {
        if !self.lets_in(flow, bytes, now, out) {
            return;
        }
        if flow.transport == Transport::Udp
            && let Some(answer) = stun::answer(bytes, flow.remote)
        {
            return out.push(Output::Send { flow, bytes: answer.into() });
        }
        let stream = flow.transport.is_stream();
        match wire::read(bytes, stream, &self.conf.limits) {
            Ok(Message::Request(request)) => {
                let behind = self.conf.proxies.has(flow.remote.ip());
                if behind && !self.lets_in_from_behind(&request, flow, now, out) {
                    return;
                }
                self.request(request, flow, late, now, out);
            }
            Ok(Message::Response(response)) => self.response(&response, flow, now, out),
            Err(refusal) => self.unreadable(refusal, flow, out),
        }
    }

    /// From now on phones are sent elsewhere. Connections without a dialog are closed at once: who opens another one may
    /// find another server, and one who comes back here is told to go (503).
    fn drain(&mut self, out: &mut Vec<Output>) {
        self.draining = true;
        let busy = self.legs.connections();
        let mut idle = self.registrar.connections();
        idle.retain(|connection| !busy.contains(connection));
        out.extend(idle.into_iter().map(|connection| Output::Close { connection }));
    }

    /// Responses always, requests of trunks always, others as long as their source keeps measure. What is too much is
    /// dropped before it is read; what a proxy of ours passes on has to be read to know whose it is.
    fn lets_in(&mut self, flow: Flow, bytes: &[u8], now: Time, out: &mut Vec<Output>) -> bool {
        self.floods.next();
        if bytes.starts_with(b"SIP/2.0 ") {
            return true;
        }
        let is_trunk = self.trunk_from(flow).is_some();
        let known = is_trunk || self.conf.proxies.has(flow.remote.ip());
        if known && flow.connection != 0 {
            self.held.insert(flow.connection, is_trunk);
        }
        known || self.keeps_measure(flow, now, out)
    }

    fn lets_in_from_behind(&mut self, request: &Request, flow: Flow, now: Time, out: &mut Vec<Output>) -> bool {
        let seen = self.conf.proxies.seen_behind(&request.headers, flow);
        self.conf.proxies.has(seen.remote.ip()) || self.trunk_from(seen).is_some() || self.keeps_measure(seen, now, out)
    }

    fn keeps_measure(&mut self, flow: Flow, now: Time, out: &mut Vec<Output>) -> bool {
        let tide = self.floods.take(&self.conf.floods, flow, now);
        if tide == Tide::Turned {
            out.push(Output::Event(Event::Flooded { flow }));
        }
        tide == Tide::In
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Output>) {
        while let Some(heard) = self.transactions.tick(now, out) {
            if let Some(heard) = heard {
                self.heard(heard, None, now, out);
            }
        }
        while let Some((leg, due)) = self.legs.due(now) {
            if due {
                self.tell(leg, invite::Input::Tick, now, out);
            }
        }
        self.registrar_told(register::Input::Tick, now, out);
        while let Some(account) = self.publications.due(now) {
            out.push(Output::Event(Event::Published { account: account.into() }));
        }
        while let Some(text) = self.texts.due(now) {
            self.text_is_over(text, 480, now, out);
        }
        while let Some((id, due)) = self.subscriptions.due(now) {
            if due {
                self.tell_watcher(id, subscribe::Input::Tick, now, out);
            }
        }
    }

    fn closed(&mut self, connection: u64, now: Time, out: &mut Vec<Output>) {
        self.proofs.forget(connection);
        if let Some(is_trunk) = self.held.remove(&connection) {
            let places = &self.places;
            self.legs.cut(connection, |dialog| places.dialogs_way_back(dialog, is_trunk));
            self.subscriptions.cut(connection, |dialog| places.dialogs_way_back(dialog, is_trunk));
        }
        // Before their NOTIFYs are lost: a phone that comes back is still told.
        for id in self.subscriptions.over(connection) {
            self.tell_watcher(id, subscribe::Input::FlowLost, now, out);
        }
        for id in self.transactions.over(connection) {
            if let Some(leg) = self.transactions.unanswered(id) {
                self.tell(leg, invite::Input::Closed, now, out);
            }
            if let Some(heard) = self.transactions.lose(id, now, out) {
                self.lost(heard, End::Lost, now, out);
            }
        }
        let places = std::mem::take(&mut self.places);
        self.registrar_told(register::Input::Closed { connection, places: &places }, now, out);
        self.places = places;
    }

    fn registrar_told(&mut self, input: register::Input<'_>, now: Time, out: &mut Vec<Output>) {
        let mut said = std::mem::take(&mut self.said);
        self.registrar.handle(input, now, &mut said);
        out.extend(said.drain(..).filter_map(event_of));
        self.said = said;
    }

    fn command(&mut self, command: Command, now: Time, out: &mut Vec<Output>) {
        let (leg, input) = match command {
            Command::Invite { leg, invite } => return self.invite(leg, *invite, now, out),
            Command::Request { id, request } => return self.ask(id, *request, now, out),
            Command::Ring { leg, status, sdp } => (leg, invite::Input::Ring { status, sdp }),
            Command::Answer { leg, sdp } => (leg, invite::Input::Answer { sdp }),
            Command::Reject { leg, status } => (leg, invite::Input::Reject { status }),
            Command::Transferred { leg, status } => (leg, invite::Input::Transferred { status }),
            Command::Offer { leg, sdp } => (leg, invite::Input::Offer { sdp }),
            Command::HangUp { leg, status } => (leg, invite::Input::HangUp { status }),
            Command::UserToUser { leg, said } => {
                return self.legs.get(leg).into_iter().for_each(|seat| seat.usage.says_beside(&said));
            }
            Command::Watch(watch) => return self.watch(*watch, now, out),
            Command::Text { text, delivery } => return self.deliver(text, *delivery, now, out),
        };
        self.tell(leg, input, now, out);
    }
}

fn event_of(output: register::Output) -> Option<Output> {
    match output {
        register::Output::Event(event) => Some(Output::Event(event)),
        register::Output::Respond(_) | register::Output::Moved { .. } => None, // only a REGISTER is answered, or moves
    }
}

fn secret(random: &mut Random) -> [u8; 32] {
    let words = [(); 4].map(|()| random.bits().to_le_bytes());
    std::array::from_fn(|at| words[at / 8][at % 8])
}
