//! The switch: the one place where the rooms meet. It holds no rule.
//!
//! Where it stands: the shell feeds it inputs and performs its outputs. Inside, the SIP endpoint's events go to routing
//! (a new call) or to the journey of the leg's call; what a call wants goes back to the endpoint, to media and to the
//! recorder. Whatever one room says to another passes a work list here that is run dry before [`Switch::handle`]
//! returns, so no room ever calls back into another.

mod transfers;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use acd::Acd;
use audio::RINGBACK;
use base::{CallId, LegId, Random, Time, WallClock};
use bytes::Bytes;
use call::{Call, CallConf, Do, Fact, Knock, NewLeg, Outbound, Party, Recording, Target};
use flow::{FlowConf, Journey};
use route::{Destination, Found, Routes};
use sip::{Account, Endpoint, Flow, Incoming, Peer, SipConf, Transport};

use crate::conf::Conf;
use crate::directory::{Directory, Way};
use crate::port_pool::PortPool;
use crate::sidecar;

/// What the switch is told.
#[derive(Debug)]
pub enum Input {
    /// The network.
    Sip(sip::Input),
    /// A media thread.
    Media(media::Event),
    /// The recorder.
    Recorder(recorder::Event),
    /// Time has passed.
    Tick,
    /// Take no new calls (503, with Retry-After); those that stand go on. It is done when [`Switch::calls`] is 0.
    Drain,
    /// End all calls and take no new ones. It is done when [`Switch::calls`] is 0.
    Shutdown,
}

/// What the switch wants done, in order.
#[derive(Debug)]
pub enum Output {
    /// Send this.
    Send {
        /// Where.
        flow: Flow,
        /// One message.
        bytes: Bytes,
    },
    /// Close this connection.
    Close {
        /// Its number.
        connection: u64,
    },
    /// Tell a media thread.
    Media {
        /// Which.
        thread: usize,
        /// What.
        command: media::Command,
    },
    /// Tell the recorder.
    Record(recorder::Input),
    /// Something happened in a call.
    Fact {
        /// The call.
        call: CallId,
        /// What.
        fact: Fact,
    },
    /// Something happened in the queues.
    Queue(acd::Fact),
    /// A call has one more dialog.
    Dialog {
        /// The call.
        call: CallId,
        /// The Call-ID header of the dialog.
        sip_call_id: String,
    },
    /// A call is over.
    Cdr(Box<call::Cdr>),
    /// Something an operator may want to know: a phone came or went, or was refused.
    Log(sip::Event),
    /// What became of a recording.
    Recorded(recorder::Event),
    /// A SIP message was lost to a fault of ours.
    Fault,
}

/// The whole switch, but for its sockets, files and clock.
pub struct Switch {
    endpoint: Endpoint,
    acd: Acd,
    /// What the queues have still to be told.
    words: VecDeque<acd::Input>,
    directory: Directory,
    routes: Routes,
    ports: PortPool,
    advertised: bool,
    /// The addresses our legs were ever given: one a network we are in.
    own_addresses: HashSet<IpAddr>,
    journeys: HashMap<CallId, Running>,
    legs: HashMap<LegId, CallId>,
    deadlines: BinaryHeap<Reverse<(Time, CallId)>>,
    call_conf: Arc<CallConf>,
    flow_conf: Arc<FlowConf>,
    random: Random,
    clock: WallClock,
    threads: usize,
    next_thread: usize,
    calls_max: usize,
    closing: bool,
    heard: Vec<sip::Output>,
}

/// A call under way, and what of it has been passed on.
#[derive(Debug)]
struct Running {
    journey: Journey,
    thread: usize,
    /// The hops an onward INVITE has left (RFC 3261 §8.1.1.6): calls that lead back to us must come to an end.
    max_forwards: u8,
    told: usize,
    due: Option<Time>,
}

impl Switch {
    /// A switch for this conf. `local_for` tells our own SIP address towards a remote one.
    pub fn new(
        conf: &Conf,
        local_for: impl Fn(Transport, SocketAddr) -> SocketAddr,
        clock: WallClock,
        mut random: Random,
    ) -> Switch {
        Switch {
            endpoint: Endpoint::new(sip_conf(conf), random.fork()),
            acd: Acd::new(conf.acd.clone(), random.fork()),
            words: VecDeque::new(),
            directory: Directory::new(conf, local_for),
            routes: conf.routes.clone(),
            ports: PortPool::new(conf.switch.media_ports.clone()),
            advertised: conf.switch.advertise.is_some(),
            own_addresses: HashSet::new(),
            journeys: HashMap::new(),
            legs: HashMap::new(),
            deadlines: BinaryHeap::new(),
            call_conf: Arc::new(CallConf {
                formats: conf.switch.codecs.iter().copied().map(call::format).collect(),
                ringback: RINGBACK.sound(),
                hold_music: conf.hold_music.clone(),
                clock,
            }),
            flow_conf: Arc::new(conf.flow.clone()),
            random,
            clock,
            threads: conf.switch.media_threads,
            next_thread: 0,
            calls_max: conf.switch.calls_max,
            closing: false,
            heard: Vec::new(),
        }
    }

    /// Takes one input, and says all that follows from it.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Sip(input) => {
                // A message that finds a fault of ours is lost, and nothing else.
                let handled = catch_unwind(AssertUnwindSafe(|| self.endpoint.handle(input, now, &mut self.heard)));
                if handled.is_err() {
                    out.push(Output::Fault);
                }
            }
            Input::Media(event) => {
                if let Some(call) = self.legs.get(&leg_of_media(&event)).copied() {
                    self.step(call, now, out, |journey| journey.handle(call::Input::Media(event), now));
                }
            }
            Input::Recorder(event) => out.push(Output::Recorded(event)),
            Input::Tick => self.time_has_passed(now, out),
            Input::Drain => self.closing = true,
            Input::Shutdown => {
                self.closing = true;
                for call in self.journeys.keys().copied().collect::<Vec<_>>() {
                    self.step(call, now, out, |journey| journey.hang_up("shutdown", now));
                }
            }
        }
        self.hear_out(now, out);
    }

    /// When [`Input::Tick`] is due next.
    pub fn deadline(&self) -> Option<Time> {
        let call = self.deadlines.peek().map(|Reverse((at, _))| *at);
        [self.endpoint.deadline(), self.acd.deadline(), call].into_iter().flatten().min()
    }

    /// How many calls there are.
    pub fn calls(&self) -> usize {
        self.journeys.len()
    }

    /// How many media ports are not free.
    pub fn ports_in_use(&self) -> usize {
        self.ports.in_use()
    }

    /// The calls under way, the oldest first.
    pub fn standing(&self) -> impl Iterator<Item = &Call> {
        let mut calls: Vec<&Call> = self.journeys.values().map(|running| running.journey.call()).collect();
        calls.sort_by_key(|call| call.facts().first().map(|fact| fact.at));
        calls.into_iter()
    }

    /// Takes a new conf: people, trunks, routes, menus, queues, agents, prompts, groups and limits. Calls under way keep
    /// what they began with. What [`SwitchConf::needs_restart`](crate::conf::SwitchConf::needs_restart) names stays as it was.
    pub fn reload(
        &mut self,
        conf: &Conf,
        local_for: impl Fn(Transport, SocketAddr) -> SocketAddr,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        self.endpoint.reload(sip_conf(conf), now, &mut self.heard);
        self.directory = Directory::new(conf, local_for);
        self.routes = conf.routes.clone();
        self.flow_conf = Arc::new(conf.flow.clone());
        self.calls_max = conf.switch.calls_max;
        self.words.push_back(acd::Input::Reload(Box::new(conf.acd.clone())));
        self.hear_out(now, out);
    }

    /// The queues and agents, to look at.
    pub fn acd(&self) -> &Acd {
        &self.acd
    }

    /// Ends the bans of an account or an address. Returns how many there were.
    pub fn unban(&mut self, who: &str, now: Time) -> usize {
        self.endpoint.unban(who, now)
    }

    /// The SIP endpoint, to look at.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Runs dry what the endpoint says to calls and calls say to the queues: either may make calls say more.
    fn hear_out(&mut self, now: Time, out: &mut Vec<Output>) {
        while !self.heard.is_empty() || !self.words.is_empty() {
            for heard in std::mem::take(&mut self.heard) {
                match heard {
                    sip::Output::Send { flow, bytes } => out.push(Output::Send { flow, bytes }),
                    sip::Output::Close { connection } => out.push(Output::Close { connection }),
                    sip::Output::Event(sip::Event::Incoming(incoming)) => self.knocks(*incoming, now, out),
                    sip::Output::Event(event) => match leg_of_sip(&event) {
                        Some(leg) => {
                            if let Some(call) = self.legs.get(&leg).copied() {
                                self.step(call, now, out, |journey| journey.handle(call::Input::Sip(event), now));
                            }
                        }
                        None => {
                            self.phone_is_gone(&event, now);
                            out.push(Output::Log(event));
                        }
                    },
                }
            }
            if let Some(word) = self.words.pop_front() {
                self.tell_queues(word, now, out);
            }
        }
    }

    /// Tells the queues, and each call what they say about it.
    fn tell_queues(&mut self, word: acd::Input, now: Time, out: &mut Vec<Output>) {
        let mut said = Vec::new();
        if catch_unwind(AssertUnwindSafe(|| self.acd.handle(word, now, &mut said))).is_err() {
            out.push(Output::Fault);
        }
        for word in said {
            match word {
                acd::Output::Fact(fact) => out.push(Output::Queue(fact)),
                acd::Output::Joined { call, .. }
                | acd::Output::Offer { call, .. }
                | acd::Output::Withdraw { call, .. }
                | acd::Output::Left { call, .. } => {
                    self.step(call, now, out, |journey| journey.told(&word, now));
                }
            }
        }
    }

    /// An agent whose last phone is gone cannot be rung.
    fn phone_is_gone(&mut self, event: &sip::Event, now: Time) {
        if let sip::Event::Unregistered { account, .. } = event
            && self.endpoint.bindings(account, now).is_empty()
            && let Ok(agent) = account.parse()
        {
            self.words.push_back(acd::Input::PhoneGone { agent });
        }
    }

    fn time_has_passed(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.endpoint.deadline().is_some_and(|at| at <= now) {
            self.endpoint.handle(sip::Input::Tick, now, &mut self.heard);
        }
        while let Some(Reverse((at, call))) = self.deadlines.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.deadlines.pop();
            let Some(running) = self.journeys.get_mut(&call) else { continue };
            if running.due == Some(at) {
                running.due = None;
                self.step(call, now, out, |journey| journey.handle(call::Input::Tick, now));
            }
        }
        if self.acd.deadline().is_some_and(|at| at <= now) {
            self.words.push_back(acd::Input::Tick);
        }
    }

    /// A new call: who is it, and where does it go?
    fn knocks(&mut self, incoming: Incoming, now: Time, out: &mut Vec<Output>) {
        let (party, from) = self.directory.caller(&incoming);
        let refused = |status| Found { destination: Destination::Reject(status), number: String::new(), record: false };
        let full = self.closing || self.journeys.len() >= self.calls_max;
        let port = if full { None } else { self.ports.take() };
        let found = match port {
            None => refused(503),
            Some(_) => self.routes.find(&from, &incoming.called).unwrap_or_else(|why| refused(why.status())),
        };
        let id = CallId::new(self.clock.unix_ms(now), &mut self.random);
        let nat = self.directory.nat(&incoming.origin);
        let max_forwards = incoming.max_forwards.saturating_sub(1);
        let knock = Knock {
            call: id,
            caller: self.new_leg(incoming.leg, port.unwrap_or(0), party, incoming.flow, nat),
            called: incoming.called,
            direction: self.directory.direction(&from, &found.destination),
            offer: incoming.sdp,
        };
        out.push(Output::Dialog { call: id, sip_call_id: incoming.call_id });
        self.legs.insert(incoming.leg, id);
        let call = Call::new(knock, self.call_conf.clone(), now);
        let journey = Journey::new(call, found, self.flow_conf.clone());
        let thread = self.next_thread;
        self.next_thread = (thread + 1) % self.threads;
        self.journeys.insert(id, Running { journey, thread, max_forwards, told: 0, due: None });
        self.step(id, now, out, Journey::run);
    }

    /// Lets a call take its next step and does what it wants. A fault inside ends that call and no other.
    fn step(&mut self, id: CallId, now: Time, out: &mut Vec<Output>, step: impl FnOnce(&mut Journey)) {
        let Some(running) = self.journeys.get_mut(&id) else { return };
        if catch_unwind(AssertUnwindSafe(|| step(&mut running.journey))).is_err() {
            running.journey.fault(now);
        }
        loop {
            let Some(running) = self.journeys.get_mut(&id) else { return };
            self.words.extend(running.journey.take_words());
            let (wishes, thread) = (running.journey.take_wishes(), running.thread);
            if wishes.is_empty() {
                break;
            }
            for wish in wishes {
                self.perform(id, thread, wish, now, out);
            }
        }
        self.tell(id, now, out);
    }

    fn perform(&mut self, id: CallId, thread: usize, wish: Do, now: Time, out: &mut Vec<Output>) {
        match wish {
            Do::Sip(command) => {
                let invited = match &command {
                    sip::Command::Invite { leg, .. } => Some(*leg),
                    _ => None,
                };
                self.endpoint.handle(sip::Input::Command(command), now, &mut self.heard);
                let sip_call_id = invited.and_then(|leg| self.endpoint.sip_call_id(leg));
                out.extend(sip_call_id.map(|of| Output::Dialog { call: id, sip_call_id: of.to_owned() }));
            }
            Do::Media(media::Command::Connect { stream, .. }) if self.is_our_own(stream.remote) => {
                // Two echoes that name each other's port on us would send packets round for ever.
                if let Some(running) = self.journeys.get_mut(&id) {
                    running.journey.hang_up("its media would go round through us", now);
                }
            }
            Do::Media(command) => out.push(Output::Media { thread, command: self.bound(command) }),
            Do::Record(recording) => out.push(Output::Record(self.open(id, &recording))),
            Do::Release { local, .. } => {
                if local.port() != 0 {
                    self.ports.give_back(local.port());
                }
            }
            Do::Transfer { by, referral } => self.transfer(id, by, *referral, now, out),
            Do::Find(targets) => {
                let Some(running) = self.journeys.get(&id) else { return };
                let (caller, max_forwards) = (running.journey.call().caller().party.clone(), running.max_forwards);
                let find = |target| self.find(id, target, &caller, max_forwards, now);
                let found = targets.into_iter().map(find).collect();
                if let Some(running) = self.journeys.get_mut(&id) {
                    running.journey.place(found, now);
                }
            }
        }
    }

    /// Phones and trunks for one target, each with a leg of its own.
    fn find(
        &mut self,
        id: CallId,
        target: Target,
        caller: &Party,
        max_forwards: u8,
        now: Time,
    ) -> Result<Vec<Outbound>, u16> {
        let ways: Vec<Way> = match &target {
            Target::Account(account) => {
                let bindings = self.endpoint.bindings(account, now).into_iter();
                bindings.map(|binding| self.directory.phone(account, binding, caller)).collect()
            }
            Target::Trunk { trunk, number } => self.directory.trunk(trunk, number, caller).into_iter().collect(),
        };
        let mut found = Vec::with_capacity(ways.len());
        for way in ways {
            let Some(port) = self.ports.take() else { break };
            let leg = self.endpoint.new_leg();
            self.legs.insert(leg, id);
            let leg = self.new_leg(leg, port, way.party, way.flow, way.nat);
            let (uri, flow, from, to) = (way.uri, way.flow, way.from, way.to);
            let routes = way.routes.into_iter().map(|hop| (sip::Name::Route, hop));
            let mut headers: Vec<_> = routes.chain([(sip::Name::MaxForwards, max_forwards.to_string())]).collect();
            if let Target::Trunk { .. } = &target {
                headers.push((sip::Name::SessionExpires, sip::TRUNK_SESSION_SECS.to_string()));
            }
            found.push(Outbound { leg, uri, flow, from, to, credentials: way.credentials, headers });
        }
        match found.is_empty() {
            true if self.ports.is_empty() => Err(503),
            true => Err(480),
            false => Ok(found),
        }
    }

    /// Passes on what happened, and lets a call that is over go.
    fn tell(&mut self, id: CallId, now: Time, out: &mut Vec<Output>) {
        let Some(running) = self.journeys.get_mut(&id) else { return };
        let call = running.journey.call();
        let news = call.facts()[running.told..].iter();
        out.extend(news.map(|fact| Output::Fact { call: id, fact: fact.clone() }));
        running.told = call.facts().len();
        if !call.is_over() {
            let due = call.deadline();
            if due != running.due {
                running.due = due;
                self.deadlines.extend(due.map(|at| Reverse((at, id))));
            }
            return;
        }
        let cdr = call.cdr();
        for recording in call.recordings() {
            let length = call.ended_at().unwrap_or(now).since(recording.began);
            let sidecar = sidecar::of(call, recording, &cdr);
            out.push(Output::Record(recorder::Input::Close { id: recording.id, length, sidecar }));
        }
        out.push(Output::Cdr(Box::new(cdr)));
        for leg in call.legs() {
            self.legs.remove(&leg.id);
        }
        self.journeys.remove(&id);
    }

    fn open(&self, id: CallId, recording: &Recording) -> recorder::Input {
        let call = self.journeys.get(&id).map(|running| running.journey.call());
        let started = call.map(|call| sidecar::of(call, recording, &call.cdr()));
        recorder::Input::Open {
            id: recording.id,
            file: recording.file.clone(),
            began: recording.began,
            started: started.unwrap_or_default(),
        }
    }

    fn new_leg(&mut self, leg: LegId, port: u16, party: Party, flow: Flow, nat: bool) -> NewLeg {
        let local = SocketAddr::new(flow.local.ip(), port);
        self.own_addresses.insert(local.ip());
        let session_id = self.random.bits() >> 2; // a numeric string of at most 62 bits: phones exist that read it as i64
        NewLeg { leg, local, session_id, party, signalling: flow.remote.ip(), nat }
    }

    /// Does this media address lead back to one of our own ports?
    fn is_our_own(&self, remote: SocketAddr) -> bool {
        self.ports.is_in_use(remote.port()) && self.own_addresses.contains(&remote.ip())
    }

    /// An advertised address is not ours to bind.
    fn bound(&self, command: media::Command) -> media::Command {
        match command {
            media::Command::Open { leg, mut local } if self.advertised => {
                local.set_ip(match local.ip() {
                    IpAddr::V4(_) => IpAddr::from([0; 4]),
                    IpAddr::V6(_) => IpAddr::from([0; 16]),
                });
                media::Command::Open { leg, local }
            }
            command => command,
        }
    }
}

fn leg_of_media(event: &media::Event) -> LegId {
    use media::Event::{Closed, Digit, Fault, Latched, Played, PortTaken, Timeout};
    match event {
        Digit { leg, .. }
        | Played { leg, .. }
        | Timeout { leg }
        | Fault { leg }
        | PortTaken { leg, .. }
        | Latched { leg, .. }
        | Closed { leg, .. } => *leg,
    }
}

fn leg_of_sip(event: &sip::Event) -> Option<LegId> {
    use sip::Event::{
        Agreed, Answered, Banned, Confirmed, Declined, Digit, Ended, Flooded, Incoming, Offered, Refer, Refused,
        Registered, Ringing, Unregistered,
    };
    match event {
        Ringing { leg, .. }
        | Answered { leg, .. }
        | Confirmed { leg, .. }
        | Offered { leg, .. }
        | Agreed { leg, .. }
        | Declined { leg, .. }
        | Refer { leg, .. }
        | Digit { leg, .. }
        | Ended { leg, .. } => Some(*leg),
        Incoming(_) | Registered { .. } | Unregistered { .. } | Refused { .. } | Banned(_) | Flooded { .. } => None,
    }
}

fn sip_conf(conf: &Conf) -> SipConf {
    let account = |(name, ha1): (&String, &sip::digest::Ha1)| {
        let own = conf.people.get(name).and_then(|person| person.algorithms.clone());
        let algorithms = own.unwrap_or_else(|| conf.switch.algorithms.clone());
        (name.clone(), Account { ha1: *ha1, algorithms })
    };
    let peer = |trunk: &crate::conf::Trunk| Peer {
        name: trunk.name.clone(),
        addresses: vec![trunk.address.ip()],
        port: None, // a carrier's calls may come from another port than the one it takes ours at
    };
    SipConf {
        realm: conf.switch.realm.clone(),
        accounts: conf.ha1.iter().map(account).collect(),
        trunks: conf.trunks.values().map(peer).collect(),
        algorithms: conf.switch.algorithms.clone(),
        expires_secs_min: *conf.switch.expires_secs.start(),
        expires_secs_max: *conf.switch.expires_secs.end(),
        bindings_max: conf.switch.phones_max,
        bans: conf.switch.bans.clone(),
        floods: conf.switch.floods.clone(),
        ..SipConf::default()
    }
}
