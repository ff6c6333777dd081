//! The real switch, one real media thread's patchbay and a real recorder among simulated phones, all in memory on a
//! fake clock; only the recordings touch the disk, in a folder of their own.
//!
//! Where it stands: `run_scripts.rs` and `storm.rs` push the phones' buttons; here their datagrams travel.
#![allow(dead_code)] // each test program uses its part

mod centre;
pub mod play;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use audio::{Clip, Sound};
use base::{CallId, LegId, Random, RecordingId, Time, WallClock};
use bytes::Bytes;
use call::{Fact, What};
use centrala::conf::Conf;
use centrala::{Input, Output, Switch};
use journal::Record;
use media::{Command, Component, Exit, Patchbay, Place};
use recorder::{Manifest, Recorder, RecorderConf, Settled};
use sim::Zone;
use sim::network::{self, Datagram, Network, NetworkConf};
use sim::phone::{self, Manner, Phone, PhoneConf};
use sip::{Flow, Message, Transport};

use centre::Folder;

/// Everything there is.
pub struct World {
    pub now: Time,
    pub conf: Conf,
    pub switch: Switch,
    pub desks: Vec<Desk>,
    pub network: Network,
    /// Proxies that ring several phones.
    pub forks: Vec<sim::Fork>,
    /// What the name servers know.
    pub zone: Zone,
    /// Call records in the order of the calls' ends.
    pub cdrs: Vec<serde_json::Value>,
    /// The recordings in the order of their beginning; the file once they are closed.
    pub recordings: Vec<(RecordingId, Option<String>)>,
    /// How often each call began and was recorded in a CDR.
    pub calls: HashMap<CallId, (u32, u32)>,
    /// The facts of each call that has no CDR yet.
    pub facts: HashMap<CallId, Vec<Fact>>,
    /// What happened in the queues.
    pub queue_facts: Vec<acd::Fact>,
    /// All that the journal is told.
    pub journal: Vec<(Time, Record)>,
    /// What phones found to be against the rules.
    pub odd: Vec<String>,
    /// How often a phone took another's place.
    pub replaced: u32,
    /// How often the switch met a fault of its own.
    pub faults: u32,
    /// What web servers were asked and have not answered.
    pub asks: VecDeque<flow::Ask>,
    /// What everybody said and heard, for people to read.
    pub ladder: Vec<String>,
    pub folder: Folder,
    random: Random,
    bay: Patchbay,
    recorder: Recorder,
    manifest: Manifest,
    ports: HashMap<SocketAddr, (LegId, Component)>,
    sockets: HashMap<(LegId, Component), SocketAddr>,
}

/// A phone and who sits there.
pub struct Desk {
    pub name: String,
    pub phone: Phone,
    pub hz: f64,
    /// What the phone heard and told, oldest first.
    pub heard: VecDeque<(Time, Message)>,
    pub events: Vec<(Time, phone::Event)>,
}

/// Where the switch is, as `centre/switch.toml` says.
pub const SWITCH: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 5060);

impl World {
    pub fn new(name: &str, seed: u64) -> World {
        let folder = Folder::new(name);
        let conf = Conf::load(folder.path()).unwrap_or_else(|problems| panic!("{problems}"));
        let mut random = Random::numbered(seed);
        let clock = WallClock { unix_ms_at_zero: 1_795_430_000_000 };
        let switch = Switch::new(&conf, |_, _| SWITCH, clock, random.fork());
        let recordings = RecorderConf { folder: folder.path().join("recordings"), ..RecorderConf::default() };
        World {
            now: Time::ZERO,
            switch,
            desks: Vec::new(),
            forks: Vec::new(),
            network: Network::new(NetworkConf::default(), random.fork()),
            zone: include_str!("../scripts/centre/zone.txt").parse().expect("a zone"),
            cdrs: Vec::new(),
            recordings: Vec::new(),
            calls: HashMap::new(),
            facts: HashMap::new(),
            replaced: 0,
            faults: 0,
            queue_facts: Vec::new(),
            journal: Vec::new(),
            odd: Vec::new(),
            asks: VecDeque::new(),
            ladder: Vec::new(),
            bay: Patchbay::new(conf.switch.media.clone(), random.fork()),
            manifest: Manifest::new(&recordings.folder),
            recorder: Recorder::new(recordings).expect("a folder of our own"),
            ports: HashMap::new(),
            sockets: HashMap::new(),
            folder,
            random,
            conf,
        }
    }

    /// Puts a phone on a desk; `account` is whose it is, `None` a stranger's.
    pub fn place(&mut self, name: &str, account: Option<&str>, sip: Option<SocketAddr>, manner: Manner) -> usize {
        let number = self.desks.len();
        let hz = VOICES_HZ[number % VOICES_HZ.len()];
        let sip = sip.unwrap_or(SocketAddr::from(([198, 51, 100, number as u8 + 10], 5060)));
        let password = account.and_then(|account| self.conf.passwords.get(account).cloned());
        let conf = PhoneConf {
            password,
            sip,
            rtp: SocketAddr::new(sip.ip(), 4000 + 2 * number as u16), // phones of one carrier share an address
            server: SWITCH,
            voice: voice(hz),
            manner,
            ..phone::example(account.unwrap_or(name))
        };
        let phone = Phone::new(conf, self.random.fork());
        self.desks.push(Desk { name: name.to_owned(), phone, hz, heard: VecDeque::new(), events: Vec::new() });
        number
    }

    /// Puts a proxy in front of these phones, by which all goes that they hear and say.
    pub fn fork(&mut self, address: SocketAddr, desks: &[usize]) {
        for desk in desks {
            let conf = PhoneConf { server: address, ..self.desks[*desk].phone.conf().clone() };
            self.desks[*desk].phone = Phone::new(conf, self.random.fork());
        }
        let phones = desks.iter().map(|desk| self.desks[*desk].phone.conf().sip).collect();
        self.forks.push(sim::Fork::new(address, phones));
    }

    pub fn desk(&self, name: &str) -> Option<usize> {
        self.desks.iter().position(|desk| desk.name == name)
    }

    /// Pushes a button.
    pub fn push(&mut self, desk: usize, button: phone::Command) {
        self.tell_phone(desk, phone::Input::Command(button));
    }

    /// So much waits in somebody's mailbox now. False, if there is nobody of that name.
    pub fn mailbox(&mut self, who: &str, mailbox: sip::Mailbox) -> bool {
        let mut out = Vec::new();
        let known = self.switch.set_mailbox(who, mailbox, self.now, &mut out);
        let inputs = out.into_iter().flat_map(|output| self.perform(output)).collect();
        self.tell_switch(inputs);
        known
    }

    /// The switch calls by itself.
    pub fn dials(&mut self, account: &str, first: &str, then: &str, aloud: bool) -> Result<(), String> {
        let mut out = Vec::new();
        let begun = self.switch.dial(account, first, then, aloud, self.now, &mut out);
        let inputs = out.into_iter().flat_map(|output| self.perform(output)).collect();
        self.tell_switch(inputs);
        begun.map(drop).map_err(|status| format!("the switch does not call: {status}"))
    }

    /// A web server answers the oldest question. False, if there is none.
    pub fn web_answers(&mut self, answer: flow::Answer) -> bool {
        let Some(ask) = self.asks.pop_front() else { return false };
        self.tell_switch(vec![Input::Answered { call: ask.call, number: ask.number, answer }]);
        true
    }

    /// Lets time pass, with everything that happens in it.
    pub fn pass(&mut self, duration: Duration) {
        self.pass_until(self.now + duration, |_| false);
    }

    /// Lets time pass until then, or until it has come true. Tells whether it has.
    pub fn pass_until(&mut self, end: Time, came_true: impl Fn(&World) -> bool) -> bool {
        loop {
            if came_true(self) {
                return true;
            }
            let Some(due) = self.deadline().filter(|due| *due <= end) else {
                self.now = self.now.max(end);
                return false;
            };
            assert!(due > self.now || self.is_due(), "somebody wants a tick at {due:?}, and again");
            self.now = self.now.max(due);
            self.turn();
        }
    }

    /// The laws that hold when all is over: what is broken.
    pub fn broken_laws(&self) -> Vec<String> {
        let mut broken = self.odd.clone();
        let mut law = |holds: bool, what: &dyn Fn() -> String| {
            if !holds {
                broken.push(what());
            }
        };
        let (calls, ports) = (self.switch.calls(), self.switch.ports_in_use());
        let (legs, transactions) = (self.switch.endpoint().legs(), self.switch.endpoint().transactions());
        law(self.faults == 0, &|| format!("{} panics inside the switch", self.faults));
        law(calls == 0, &|| format!("{calls} calls are not over"));
        law(ports == 0, &|| format!("{ports} media ports are not home"));
        law(legs == 0, &|| format!("{legs} SIP legs are left"));
        law(transactions == 0, &|| format!("{transactions} SIP transactions are left"));
        law(self.ports.is_empty(), &|| format!("{} sockets are open", self.ports.len()));
        for (call, (started, recorded)) in &self.calls {
            let facts = self.facts.get(call);
            let what = || format!("call {call} began {started} times and has {recorded} CDRs: {facts:#?}");
            law((*started, *recorded) == (1, 1), &what);
        }
        for (id, file) in &self.recordings {
            law(file.is_some(), &|| format!("the recording {id:?} was never closed"));
            let Some(file) = file.as_ref().filter(|_| calls == 0) else { continue };
            // Whatever became of the call: one record tells of the recording, that of the call it is named after.
            let names = |cdr: &&serde_json::Value| {
                cdr["recordings"].as_array().is_some_and(|files| files.iter().any(|one| one == file))
            };
            let told: Vec<_> = self.cdrs.iter().filter(names).map(|cdr| cdr["call"].to_string()).collect();
            let own = id.call.to_string();
            let is_own = told.iter().all(|call| call.trim_matches('"') == own) && file.contains(&own);
            law(told.len() == 1 && is_own, &|| format!("{file} of call {own} is told of by {told:?}"));
        }
        for (holds, what) in self.laws_of_queues().into_iter().filter(|_| calls == 0) {
            law(holds, &|| what.clone());
        }
        for desk in &self.desks {
            law(desk.phone.is_quiet(), &|| format!("{} still waits for an answer", desk.name));
        }
        broken
    }

    /// Every entry into a queue has one outcome, and no agent is left in a call.
    fn laws_of_queues(&self) -> Vec<(bool, String)> {
        let mut laws = Vec::new();
        let conf = acd::FiguresConf { answer_within: Duration::from_secs(20), from: Time::ZERO, until: Time::NEVER };
        let figures = acd::Figures::of(&self.queue_facts, conf);
        for (name, queue) in &figures.queues {
            let (offered, outcomes) = (queue.offered, queue.outcomes());
            laws.push((
                offered == outcomes,
                format!("queue {name}: {offered} were offered, {outcomes} have an outcome"),
            ));
        }
        for agent in figures.agents.keys() {
            let state = self.switch.acd().agent(agent);
            let busy = matches!(state, Some(acd::AgentState::Offered | acd::AgentState::Talking));
            laws.push((!busy, format!("agent {agent} is {state:?}, and there is no call")));
        }
        for cdr in self.cdrs.iter().filter(|cdr| !cdr["queue"].is_null()) {
            laws.push((!cdr["queue_outcome"].is_null(), format!("a call was in a queue and has no outcome\n{cdr:#}")));
        }
        laws
    }

    fn deadline(&self) -> Option<Time> {
        let phones = self.desks.iter().filter_map(|desk| desk.phone.deadline()).min();
        let rooms = [self.switch.deadline(), self.bay.deadline(), self.recorder.deadline(), self.network.deadline()];
        rooms.into_iter().flatten().chain(phones).min()
    }

    fn is_due(&self) -> bool {
        self.deadline().is_some_and(|due| due <= self.now)
    }

    /// Everything that is due now, once.
    fn turn(&mut self) {
        let now = self.now;
        let mut arrived = Vec::new();
        self.network.handle(network::Input::Tick, now, &mut arrived);
        arrived.into_iter().for_each(|datagram| self.arrive(datagram));
        for at in 0..self.desks.len() {
            if self.desks[at].phone.deadline().is_some_and(|due| due <= now) {
                self.tell_phone(at, phone::Input::Tick);
            }
        }
        if self.bay.deadline().is_some_and(|due| due <= now) {
            let mut exit = MediaExit::default();
            self.bay.tick(now, &mut exit);
            let inputs = self.perform_media(exit);
            self.tell_switch(inputs);
        }
        if self.recorder.deadline().is_some_and(|due| due <= now) {
            let inputs = self.tell_recorder(recorder::Input::Tick);
            self.tell_switch(inputs);
        }
        if self.switch.deadline().is_some_and(|due| due <= now) {
            self.tell_switch(vec![Input::Tick]);
        }
    }

    fn arrive(&mut self, datagram: Datagram) {
        let Datagram { from, to, bytes } = datagram;
        if to == SWITCH {
            let flow = Flow { transport: Transport::Udp, local: to, remote: from, connection: 0 };
            return self.tell_switch(vec![Input::Sip(sip::Input::Received { flow, bytes })]);
        }
        if let Some((leg, component)) = self.ports.get(&to).copied() {
            let mut exit = MediaExit::default();
            self.bay.packet(leg, component, from, &mut bytes.to_vec(), self.now, &mut exit);
            let inputs = self.perform_media(exit);
            return self.tell_switch(inputs);
        }
        if let Some(fork) = self.forks.iter_mut().find(|fork| fork.address() == to) {
            let mut out = Vec::new();
            fork.handle(from, &bytes, &mut out);
            return out.into_iter().for_each(|(next, bytes)| self.send(to, next, bytes));
        }
        for at in 0..self.desks.len() {
            let conf = self.desks[at].phone.conf();
            if to == conf.sip {
                self.tell_phone(at, phone::Input::Sip(bytes.clone()));
            } else if to == conf.rtp {
                self.tell_phone(at, phone::Input::Rtp { from, bytes: bytes.clone() });
            }
        }
    }

    fn tell_phone(&mut self, at: usize, input: phone::Input) {
        let mut out = Vec::new();
        let desk = &mut self.desks[at];
        desk.phone.handle(input, self.now, &mut out);
        let (sip, rtp) = (desk.phone.conf().sip, desk.phone.conf().rtp);
        for output in out {
            match output {
                phone::Output::Sip { to, bytes } => self.send(sip, to, bytes),
                phone::Output::Rtp { to, bytes } => self.send(rtp, to, bytes),
                phone::Output::Event(event) => self.hear(at, event),
            }
        }
    }

    fn hear(&mut self, at: usize, event: phone::Event) {
        let (now, desk) = (self.now, &mut self.desks[at]);
        let line = match &event {
            phone::Event::Said(message) => format!("> {}", first_line(message)),
            phone::Event::Heard(message) => {
                desk.heard.push_back((now, (**message).clone()));
                format!("< {}", first_line(message))
            }
            other => format!("  {other:?}"),
        };
        self.ladder.push(format!("{:>9.3}s  {:<9} {line}", now.as_millis() as f64 / 1000.0, desk.name));
        match event {
            phone::Event::Said(_) | phone::Event::Heard(_) => return,
            phone::Event::Odd(what) => self.odd.push(format!("{} at {now:?}: {what}", desk.name)),
            // Whoever speaks, and whatever is played, comes from one source of ours (RFC 3550 §8).
            phone::Event::Ended { .. } if desk.phone.ear().is_some_and(|ear| ear.streams() > 1) => {
                self.odd.push(format!("{} at {now:?}: more than one RTP source in a call", desk.name));
            }
            _ => {}
        }
        desk.events.push((now, event));
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        let mut arrived = Vec::new();
        self.network.handle(network::Input::Sent(Datagram { from, to, bytes }), self.now, &mut arrived);
        arrived.into_iter().for_each(|datagram| self.arrive(datagram));
    }

    /// Tells the switch, and performs what it says until it says no more.
    fn tell_switch(&mut self, inputs: Vec<Input>) {
        let mut inputs = VecDeque::from(inputs);
        while let Some(input) = inputs.pop_front() {
            let mut out = Vec::new();
            self.switch.handle(input, self.now, &mut out);
            for output in out {
                inputs.extend(self.perform(output));
            }
        }
    }

    fn perform(&mut self, output: Output) -> Vec<Input> {
        match output {
            Output::Send { flow: Flow { transport: Transport::Udp, local, remote, .. }, bytes } => {
                self.send(local, remote, bytes)
            }
            // Nobody in this world takes connections.
            Output::Send { flow: Flow { transport, remote, .. }, .. } => {
                return vec![Input::Sip(sip::Input::Unreachable { transport, remote })];
            }
            Output::Ask(question) => {
                let answer = self.zone.answer(&question);
                return vec![Input::Located(locate::Input::Answered { question, answer })];
            }
            Output::Located { .. } | Output::Wish { .. } => {}
            Output::Close { .. } | Output::Reuse { .. } | Output::Log(_) | Output::Trunk(_) | Output::Hours { .. } => {}
            Output::PortsUsedUp { .. }
            | Output::OverLimit { .. }
            | Output::Blocked { .. }
            | Output::Phones { .. }
            | Output::Voicemail { .. }
            | Output::WhenFree { .. }
            | Output::CallBacks { .. } => {}
            Output::AskWeb(ask) => self.asks.push_back(ask),
            Output::Fetch { call, file } => {
                let path = self.folder.path().join("recordings").join(&file);
                let sound = play::read_wav(&path).map(|[left, _]| audio::Sound::from_pcm(left)).ok();
                return vec![Input::Fetched { call, file, sound }];
            }
            Output::EraseMessage { file, .. } => {
                let path = self.folder.path().join("recordings").join(&file);
                std::fs::remove_file(path).expect("a message that was recorded");
            }
            Output::Queue(fact) => {
                self.journal.push((fact.at, Record::Queue(fact.what.clone())));
                self.queue_facts.push(fact);
            }
            Output::Media { command, .. } => return self.tell_media(command),
            Output::Record(input) => return self.tell_recorder(input),
            Output::Dialog { .. } | Output::NotCopied { .. } => {}
            Output::Disposed { call, fact, .. } => {
                self.journal.extend(Record::of_call(call, fact.what).map(|record| (fact.at, record)));
            }
            Output::Fault => self.faults += 1,
            Output::Fact { call, fact } => {
                match fact.what {
                    What::Started { .. } => self.calls.entry(call).or_default().0 += 1,
                    What::Replaced { .. } => self.replaced += 1,
                    What::Fault => self.faults += 1,
                    _ => {}
                }
                self.journal.extend(Record::of_call(call, fact.what.clone()).map(|record| (fact.at, record)));
                self.facts.entry(call).or_default().push(fact);
            }
            Output::Cdr { cdr, .. } => {
                let call = cdr.call.parse().expect("a call's id");
                self.calls.entry(call).or_default().1 += 1;
                self.facts.remove(&call);
                self.cdrs.push(serde_json::to_value(&*cdr).expect("a CDR is JSON"));
            }
            Output::Recorded(event) => match event {
                recorder::Event::Opened { .. } | recorder::Event::Quiet { .. } => {}
                recorder::Event::Spilled { .. } | recorder::Event::Low { .. } => {}
                recorder::Event::Closed { id, file, .. } => {
                    let known = self.recordings.iter_mut().find(|(known, _)| *known == id);
                    known.expect("it was opened").1 = Some(file);
                }
                recorder::Event::Failed { why, .. } | recorder::Event::Stalled { why, .. } => panic!("{why}"),
            },
        }
        Vec::new()
    }

    fn tell_media(&mut self, command: Command) -> Vec<Input> {
        if let Command::Open { leg, local } = &command {
            for (component, above) in [(Component::Rtp, 0), (Component::Rtcp, 1)] {
                let address = SocketAddr::new(local.ip(), local.port() + above);
                let before = self.ports.insert(address, (*leg, component));
                assert_eq!(before, None, "{address} is given to two legs");
                self.sockets.insert((*leg, component), address);
            }
        }
        let closed = if let Command::Close { leg } = &command { Some(*leg) } else { None };
        let mut exit = MediaExit::default();
        self.bay.command(command, self.now, &mut exit);
        let inputs = self.perform_media(exit);
        if let Some(leg) = closed {
            for component in [Component::Rtp, Component::Rtcp] {
                self.sockets.remove(&(leg, component)).and_then(|address| self.ports.remove(&address));
            }
        }
        inputs
    }

    fn perform_media(&mut self, exit: MediaExit) -> Vec<Input> {
        let mut inputs: Vec<Input> = exit.events.into_iter().map(Input::Media).collect();
        for (place, component, to, bytes) in exit.sent {
            let from = self.sockets.get(&(place.leg, component)).copied();
            if let Some(from) = from {
                self.send(from, to, bytes);
            }
        }
        for (id, channel, clip) in exit.clips {
            let channel = match channel {
                media::Channel::Left => recorder::Channel::Left,
                media::Channel::Right => recorder::Channel::Right,
            };
            inputs.extend(self.tell_recorder(recorder::Input::Audio { id, channel, clip }));
        }
        inputs
    }

    fn tell_recorder(&mut self, input: recorder::Input) -> Vec<Input> {
        if let recorder::Input::Open { id, .. } = &input {
            self.recordings.push((*id, None));
        }
        let mut out = Vec::new();
        self.recorder.handle(input, self.now, &mut out);
        let events = out.into_iter().map(|output| match output {
            recorder::Output::Event(event) => event,
            recorder::Output::Close(closing) => {
                let id = closing.id.expect("begun by this very world");
                match closing.settle(&mut self.manifest, jiff::Timestamp::UNIX_EPOCH) {
                    Ok(Settled { file, seconds }) => recorder::Event::Closed { id, file, seconds },
                    Err(why) => recorder::Event::Failed { id, why: why.to_string() },
                }
            }
        });
        events.map(Input::Recorder).collect()
    }
}

/// What the patchbay wants.
#[derive(Default)]
struct MediaExit {
    sent: Vec<(Place, Component, SocketAddr, Bytes)>,
    events: Vec<media::Event>,
    clips: Vec<(RecordingId, media::Channel, Clip)>,
}

impl Exit for MediaExit {
    fn send(&mut self, from: Place, component: Component, to: SocketAddr, bytes: &[u8]) {
        self.sent.push((from, component, to, Bytes::copy_from_slice(bytes)));
    }

    fn event(&mut self, event: media::Event) {
        self.events.push(event);
    }

    fn tapped(&mut self, recording: RecordingId, channel: media::Channel, clip: Clip) {
        self.clips.push((recording, channel, clip));
    }
}

/// Far enough from each other, from the prompts and from every tone of the switch.
const VOICES_HZ: [f64; 8] = [600.0, 760.0, 900.0, 1150.0, 1300.0, 1450.0, 2300.0, 2500.0];

/// A voice: one second of a tone.
pub fn voice(hz: f64) -> Sound {
    Sound::from_pcm(audio::tone(&[(hz, -12.0)], 1000))
}

fn first_line(message: &Message) -> String {
    match message {
        Message::Request(request) => format!("{} {}", sip::method_name(request.method), request.uri),
        Message::Response(response) => {
            let method = response.cseq().map_or("", |(_, method)| method);
            format!("{} {} ({method})", response.status, response.reason)
        }
    }
}
