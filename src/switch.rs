//! The switch: the one place where the rooms meet. It holds no rule.
//!
//! Where it stands: the shell feeds it inputs and performs its outputs. Inside, the SIP endpoint's events go to routing
//! (a new call) or to the journey of the leg's call; what a call wants goes back to the endpoint, to media and to the
//! recorder. Whatever one room says to another passes a work list here that is run dry before [`Switch::handle`]
//! returns, so no room ever calls back into another.

mod call_backs;
mod calls;
mod conferences;
mod dispositions;
mod followers;
mod gruu;
mod lists;
mod messages;
mod moving;
mod originate;
mod parked;
mod phones;
mod places;
mod queues;
mod quotas;
mod recording_sessions;
mod recording_sources;
mod replace;
mod routing;
mod sip_conf;
mod supervisors;
mod takers;
mod texts;
mod transfers;
mod trunks;
mod user_to_user;
mod voicemail;
mod watchers;
mod when_free;
mod wishes;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use ::voicemail::Mailboxes;
use acd::{Acd, CallBacks};
use audio::RINGBACK;
use base::{CallId, LegId, Random, Time, WallClock};
use call::{Actor, Call, CallConf, Order};
use flow::FlowConf;
use locate::{LocateConf, Locator};
use route::{Routes, Switches};
use sip::{Endpoint, RequestId, Transport};
use trunk::Trunks;

pub use messages::{Input, Output};
pub use when_free::KeptWaiting;

use calls::Running;
use messages::{leg_of_media, leg_of_sip};
use sip_conf::sip_conf;
use watchers::Seen;

use crate::conf::{Conf, OnFailure, SiprecConf};
use crate::directory::Directory;
use crate::port_pool::PortPool;
use crate::quotas::Quotas;

/// The whole switch, but for its sockets, files and clock.
pub struct Switch {
    endpoint: Endpoint,
    acd: Acd,
    /// What the queues have still to be told.
    words: VecDeque<acd::Input>,
    directory: Directory,
    trunks: Trunks,
    /// What trunks were asked.
    asked: HashMap<RequestId, trunk::Ask>,
    locator: Locator,
    /// Our own SIP address towards another.
    local_for: Box<dyn Fn(Transport, SocketAddr) -> SocketAddr>,
    routes: Routes,
    /// Hours that somebody has opened or closed by hand.
    switches: Switches,
    ports: PortPool,
    quotas: Quotas,
    last_calls: dispositions::LastCalls,
    call_backs: CallBacks,
    /// What those who want to be called back have still to be told.
    asked_back: VecDeque<acd::CallBackInput>,
    called: call_backs::Called,
    followers: followers::Followers,
    /// Which queues are open by their hours, and when that is looked at next.
    open_queues: HashMap<String, bool>,
    hours_due: Option<Time>,
    advertised: Vec<IpAddr>,
    /// The addresses our legs were ever given: one a network we are in.
    own_addresses: HashSet<IpAddr>,
    /// Of our addresses, those the machine has lost.
    lost_addresses: BTreeSet<IpAddr>,
    journeys: HashMap<CallId, Box<Running>>,
    /// What other switches have us record.
    sessions: HashMap<CallId, Box<recording_sessions::Carrying>>,
    /// Calls of ours that somebody else's recorder hears, which they are not told.
    sources: HashMap<CallId, Box<recording_sources::Copying>>,
    siprec: Option<SiprecConf>,
    legs: HashMap<LegId, CallId>,
    deadlines: BinaryHeap<Reverse<(Time, CallId)>>,
    call_conf: Arc<CallConf>,
    flow_conf: Arc<FlowConf>,
    /// What people want of the calls to them.
    wishes: Arc<flow::Wishes>,
    when_free: when_free::WhenFree,
    random: Random,
    clock: WallClock,
    threads: usize,
    next_thread: usize,
    calls_max: usize,
    /// A call that cannot be recorded ends.
    no_call_unrecorded: bool,
    closing: bool,
    heard: Vec<sip::Output>,
    seen: Seen,
    voicemail: Mailboxes,
    /// What the mailboxes have still to be told.
    mail: VecDeque<::voicemail::Input>,
    rooms: conference::Rooms,
    /// What the rooms have still to be told.
    room_words: VecDeque<conference::Input>,
}

impl Switch {
    /// A switch for this conf. `local_for` tells our own SIP address towards a remote one.
    pub fn new(
        conf: &Conf,
        local_for: impl Fn(Transport, SocketAddr) -> SocketAddr + 'static,
        clock: WallClock,
        mut random: Random,
    ) -> Switch {
        let mut switch = Switch {
            endpoint: Endpoint::new(sip_conf(conf), random.fork()),
            acd: Acd::new(conf.acd.clone(), random.fork()),
            words: VecDeque::new(),
            directory: Directory::new(conf),
            trunks: Trunks::new(clock, random.fork()),
            asked: HashMap::new(),
            locator: Locator::new(families(conf), random.fork()),
            local_for: Box::new(local_for),
            routes: conf.routes.clone(),
            switches: Switches::new(),
            ports: PortPool::new(conf.switch.media_ports.clone()),
            quotas: Quotas::new(conf),
            last_calls: dispositions::LastCalls::new(),
            call_backs: CallBacks::new(Vec::new(), random.fork()),
            asked_back: VecDeque::new(),
            called: call_backs::Called::new(),
            followers: followers::Followers::new(),
            open_queues: HashMap::new(),
            hours_due: Some(Time::ZERO),
            advertised: conf.switch.advertised.addresses().collect(),
            own_addresses: HashSet::new(),
            lost_addresses: BTreeSet::new(),
            journeys: HashMap::new(),
            sessions: HashMap::new(),
            sources: HashMap::new(),
            siprec: conf.switch.siprec.clone(),
            legs: HashMap::new(),
            deadlines: BinaryHeap::new(),
            call_conf: Arc::new(CallConf {
                formats: conf.switch.codecs.iter().copied().map(call::format).collect(),
                ringback: RINGBACK.sound(),
                hold_music: conf.hold_music.clone(),
                features: conf.features.clone(),
                mask_max: mask_max(conf),
                beep: beep(conf),
                record_rate_max: conf.switch.recording.rate_khz_max.hz(),
                clock,
                fingerprints: None,
            }),
            flow_conf: conf.flow.clone(),
            wishes: Arc::default(),
            when_free: when_free::WhenFree::default(),
            random,
            clock,
            threads: conf.switch.media_threads,
            next_thread: 0,
            calls_max: conf.switch.calls_max,
            no_call_unrecorded: conf.switch.recording.on_failure == OnFailure::Refuse,
            closing: false,
            heard: Vec::new(),
            seen: Seen::new(conf),
            voicemail: Mailboxes::default(),
            mail: VecDeque::new(),
            rooms: conference::Rooms::default(),
            room_words: VecDeque::new(),
        };
        switch.reload_trunks(conf, Time::ZERO, &mut Vec::new());
        switch
    }

    /// Speaks to browsers, too: their media is shown certificates with these fingerprints (SHA-256, RFC 8122 §5).
    pub fn serve_browsers(&mut self, fingerprints: &[String; 2]) {
        let conf = CallConf { fingerprints: Some(fingerprints.clone().into()), ..CallConf::clone(&self.call_conf) };
        self.call_conf = Arc::new(conf);
    }

    /// Takes one input, and says all that follows from it.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Sip(input) => {
                if let sip::Input::Closed { connection } = input {
                    self.tell_trunks(trunk::Input::Closed { connection }, now, out);
                }
                // A message that finds a fault of ours is lost, and nothing else.
                let handled = catch_unwind(AssertUnwindSafe(|| self.endpoint.handle(input, now, &mut self.heard)));
                if handled.is_err() {
                    out.push(Output::Fault);
                }
            }
            Input::Media(media::Event::Beeped { recording: id, channel, at, .. }) => {
                let channel = match channel {
                    media::Channel::Left => recorder::Channel::Left,
                    media::Channel::Right => recorder::Channel::Right,
                };
                out.push(Output::Record(recorder::Input::Beep { id, channel, at }));
            }
            Input::Media(event) => {
                if let Some(call) = self.legs.get(&leg_of_media(&event)).copied() {
                    let event = call::Input::Media(event);
                    if let Some(event) = self.tell_beside(call, event, now, out) {
                        self.step(call, now, out, |journey| journey.handle(event, now));
                    }
                }
            }
            Input::Located(input) => self.locate(input, now, out),
            Input::Moved => {
                self.trunks_are_at(now, out);
                self.say_where_trunks_are(now, out);
            }
            Input::Lost { addresses } => self.addresses_are_lost(addresses, now, out),
            Input::ClockSet(clock) => {
                self.clock = clock;
                self.call_conf = Arc::new(CallConf { clock, ..(*self.call_conf).clone() });
                self.trunks.set_clock(clock);
            }
            Input::Recorder(event) => {
                if let recorder::Event::Failed { id, why } | recorder::Event::Stalled { id, why } = &event {
                    self.recording_failed(*id, why, now, out);
                }
                if let recorder::Event::Quiet { id } = event {
                    self.step(id.call, now, out, |journey| journey.fell_quiet(id, now));
                }
                if let recorder::Event::Closed { id, file, .. } = &event {
                    self.step(id.call, now, out, |journey| journey.recorded(file, now));
                }
                self.message_recorded(&event);
                out.push(Output::Recorded(event));
            }
            Input::Restore(queues) => self.words.push_back(acd::Input::Restore(queues)),
            Input::Fetched { call, file, sound } => {
                self.step(call, now, out, |journey| journey.fetched(&file, sound.as_ref(), now));
            }
            Input::Answered { call, number, answer } => {
                self.step(call, now, out, |journey| journey.answered(number, answer, now));
            }
            Input::Tick => self.time_has_passed(now, out),
            Input::Drain => {
                self.closing = true;
                self.tell_trunks(trunk::Input::Leave, now, out);
                self.endpoint.handle(sip::Input::Drain, now, &mut self.heard);
            }
            Input::Shutdown => {
                self.closing = true;
                for call in self.journeys.keys().copied().collect::<Vec<_>>() {
                    self.step(call, now, out, |journey| journey.hang_up(flow::SHUTDOWN, now));
                }
                self.end_sessions(now, out);
                self.tell_trunks(trunk::Input::Leave, now, out);
            }
        }
        self.hear_out(now, out);
        self.rings_who_waited(now, out);
        out.extend(self.ports.missed(now).map(|legs| Output::PortsUsedUp { legs }));
    }

    /// When [`Input::Tick`] is due next.
    pub fn deadline(&self) -> Option<Time> {
        let call = self.deadlines.peek().map(|Reverse((at, _))| *at);
        let rooms = [self.endpoint.deadline(), self.acd.deadline(), self.locator.deadline(), self.trunks.deadline()];
        rooms
            .into_iter()
            .chain([call, self.quotas.deadline(), self.call_backs_deadline(), self.hours_due])
            .flatten()
            .min()
    }

    /// Is there nothing left to wait for: no call, no dialog whose end is not yet heard of, no registration that is being
    /// taken back?
    pub fn is_quiet(&self) -> bool {
        self.calls() == 0 && self.sources.is_empty() && self.endpoint.legs() == 0 && self.trunks.is_quiet()
    }

    /// How many calls there are, and recording sessions.
    pub fn calls(&self) -> usize {
        self.journeys.len() + self.sessions.len()
    }

    /// Of these, recorded.
    pub fn calls_recorded(&self) -> usize {
        let recorded = self.journeys.values().filter(|running| running.journey.call().is_recorded()).count();
        recorded + self.sessions.len()
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
    pub fn reload(&mut self, conf: &Conf, now: Time, out: &mut Vec<Output>) {
        self.endpoint.reload(sip_conf(conf), now, &mut self.heard);
        self.directory = Directory::new(conf);
        self.reload_trunks(conf, now, out);
        self.say_where_trunks_are(now, out);
        self.routes = conf.routes.clone();
        self.switches.retain(|hours, _| conf.routes.hours.contains_key(hours));
        self.flow_conf = conf.flow.clone();
        self.hours_due = Some(now);
        self.keep_wishes();
        self.siprec.clone_from(&conf.switch.siprec);
        self.call_conf = Arc::new(CallConf {
            hold_music: conf.hold_music.clone(),
            features: conf.features.clone(),
            mask_max: mask_max(conf),
            beep: beep(conf),
            record_rate_max: conf.switch.recording.rate_khz_max.hz(),
            ..(*self.call_conf).clone()
        });
        self.calls_max = conf.switch.calls_max;
        self.quotas.reload(conf);
        self.words.push_back(acd::Input::Reload(Box::new(conf.acd.clone())));
        self.judge_watchers(conf, now);
        self.hear_out(now, out);
    }

    /// The queues and agents, to look at.
    pub fn acd(&self) -> &Acd {
        &self.acd
    }

    /// Somebody asks something of a call's recording. Nothing: there is no such call; false: there was nothing to do.
    pub fn order(
        &mut self,
        call: CallId,
        order: Order,
        actor: Actor,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Option<bool> {
        self.journeys.get(&call)?;
        let mut done = false;
        self.step(call, now, out, |journey| done = journey.order(order, actor, now));
        self.hear_out(now, out);
        Some(done)
    }

    /// Ends the bans of an account or an address, and lets an account's calls outside again. Returns how many there were.
    pub fn unban(&mut self, who: &str, now: Time) -> usize {
        self.endpoint.unban(who, now) + usize::from(self.quotas.unblock(who))
    }

    /// The SIP endpoint, to look at.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Runs dry what the endpoint says to calls and calls say to the queues: either may make calls say more.
    fn hear_out(&mut self, now: Time, out: &mut Vec<Output>) {
        while !self.heard.is_empty()
            || !self.words.is_empty()
            || !self.asked_back.is_empty()
            || !self.mail.is_empty()
            || !self.room_words.is_empty()
            || self.seen.has_changed()
        {
            let mut beside = None;
            for heard in std::mem::take(&mut self.heard) {
                match heard {
                    sip::Output::Send { flow, bytes } => out.push(Output::Send { flow, bytes }),
                    sip::Output::Close { connection } => out.push(Output::Close { connection }),
                    sip::Output::Reuse { connection, trunk, remote } => {
                        out.push(Output::Reuse { connection, trunk, remote });
                    }
                    sip::Output::Event(sip::Event::Incoming(incoming)) => self.knocks(*incoming, now, out),
                    sip::Output::Event(sip::Event::Subscribes(asks)) => self.asks_to_watch(asks, now),
                    sip::Output::Event(sip::Event::Text { text, account, called, uri }) => {
                        self.text(text, &account, (called, &uri), now);
                    }
                    sip::Output::Event(sip::Event::Said { leg, text, is_info }) => self.said(leg, text, is_info, now),
                    sip::Output::Event(sip::Event::Named { place }) => self.dialogs_go_to(place, now, out),
                    sip::Output::Event(sip::Event::UserToUser { leg, said }) => beside = Some((leg, said)),
                    sip::Output::Event(event) => match leg_of_sip(&event) {
                        Some(leg) => {
                            let beside = beside.take().filter(|(of, _)| *of == leg).map(|(_, said)| said);
                            self.leg_says((leg, event), beside, now, out);
                        }
                        None if self.trunk_answered(&event, now, out) => {}
                        None => {
                            if let sip::Event::Unreached { flow, retry_after_secs } = event {
                                self.unreached(flow, retry_after_secs, now, out);
                            }
                            self.phone_comes_or_goes(&event, now);
                            self.seen.phones(&event);
                            self.keep_phones(&event, out);
                            out.push(Output::Log(event));
                        }
                    },
                }
            }
            if let Some(word) = self.room_words.pop_front() {
                self.tell_rooms(word, now, out);
            } else if let Some(mail) = self.mail.pop_front() {
                self.tell_mailboxes(mail, now, out);
            } else if let Some(word) = self.asked_back.pop_front() {
                self.tell_call_backs(word, now, out); // before the queues: whose is an entry they speak of?
            } else if let Some(word) = self.words.pop_front() {
                self.tell_queues(word, now, out);
            } else if self.heard.is_empty() {
                self.show(now); // only how things are in the end, not what they were on the way
            }
        }
    }

    fn time_has_passed(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.endpoint.deadline().is_some_and(|at| at <= now) {
            self.endpoint.handle(sip::Input::Tick, now, &mut self.heard);
        }
        while let Some(Reverse((at, call))) = self.deadlines.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.deadlines.pop();
            let Some(running) = self.journeys.get_mut(&call) else {
                self.tell_beside(call, call::Input::Tick, now, out);
                continue;
            };
            if running.due == Some(at) {
                running.due = None;
                self.step(call, now, out, |journey| journey.handle(call::Input::Tick, now));
            }
        }
        if self.quotas.deadline().is_some_and(|at| at <= now) {
            self.count_minutes(now, out);
        }
        if self.locator.deadline().is_some_and(|at| at <= now) {
            self.locate(locate::Input::Tick, now, out);
        }
        if self.trunks.deadline().is_some_and(|at| at <= now) {
            self.tell_trunks(trunk::Input::Tick, now, out);
        }
        if self.hours_due.is_some_and(|at| at <= now) {
            self.look_at_queue_hours(now);
        }
        if self.call_backs_deadline().is_some_and(|at| at <= now) {
            self.asked_back.push_back(acd::CallBackInput::Tick);
        }
        if self.acd.deadline().is_some_and(|at| at <= now) {
            self.words.push_back(acd::Input::Tick);
        }
    }
}

/// A mask without an end would be a recording without one.
fn mask_max(conf: &Conf) -> Duration {
    Duration::from_secs(conf.switch.recording.mask_secs_max.max(1).into())
}

fn beep(conf: &Conf) -> Option<Duration> {
    conf.switch.recording.beep_secs.map(|secs| Duration::from_secs(secs.get().into()))
}

/// The families of addresses we can send from.
fn families(conf: &Conf) -> LocateConf {
    let listen = &conf.switch.listen;
    LocateConf { ipv4: listen.iter().any(SocketAddr::is_ipv4), ipv6: listen.iter().any(SocketAddr::is_ipv6) }
}
