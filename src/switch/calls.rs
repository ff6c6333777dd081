//! The calls of the switch: how one begins, takes its steps, gets what it wishes for, and is let go.

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};

use base::{CallId, LegId, RecordingId, Time};
use call::{Call, Do, Fact, Knock, MediaRules, NewLeg, Outbound, Party, Recording, Silence, Target, What};
use flow::{Journey, Word};
use route::{Destination, Found};
use sip::{Flow, Gruu, Incoming, Transport};
use trunk::Caller;

use super::gruu::is_meant;
use super::{Output, Switch};
use crate::directory::Way;
use crate::sidecar;

/// A call under way, and what of it has been passed on.
#[derive(Debug)]
pub(super) struct Running {
    pub journey: Journey,
    pub thread: usize,
    /// Who calls, as trunks are told.
    pub caller: Caller,
    /// On whose account it goes on, if it goes outside: who calls, or who transferred it last.
    pub by: Option<String>,
    /// The hops an onward INVITE has left (RFC 3261 §8.1.1.6): calls that lead back to us must come to an end.
    pub max_forwards: u8,
    /// Of the phones of one person only this is meant (RFC 5627).
    pub only: Option<Gruu>,
    pub told: usize,
    /// A leg was given words for an application, which are not to be said twice.
    pub told_beside: bool,
    pub due: Option<Time>,
    /// The place where the caller is parked.
    pub parked: Option<String>,
    /// Its phone holds, and the room it is in knows.
    pub holds: bool,
    /// As somebody else's recorder hears it.
    pub copy: Option<CallId>,
}

impl Running {
    pub(super) fn new(journey: Journey, caller: Caller, by: Option<String>, max_forwards: u8) -> Running {
        let (told, told_beside, only, due, parked, holds) = (0, false, None, None, None, false);
        let copy = None;
        Running { journey, thread: 0, caller, by, max_forwards, only, told, told_beside, due, parked, holds, copy }
    }
}

impl Switch {
    /// A new call: who is it, and where does it go?
    pub(super) fn knocks(&mut self, mut incoming: Incoming, now: Time, out: &mut Vec<Output>) {
        if incoming.records.is_some() {
            return self.begins_session(incoming, now, out);
        }
        if let Some(replaces) = &incoming.replaces {
            return match self.may_replace(&incoming.origin, replaces) {
                Ok((call, leg)) => self.takes_place(call, leg, incoming, now, out),
                Err(status) => self.reject(incoming.leg, status, now),
            };
        }
        if let Some(dialog) = incoming.joins.take() {
            return self.joins(incoming, &dialog, now, out);
        }
        let knocker = self.knocker(&incoming);
        let (party, from, called) = (knocker.party, knocker.from, knocker.called);
        let id = CallId::new(self.clock.unix_ms(now), &mut self.random);
        let full = self.closing || self.journeys.len() >= self.calls_max || !self.admits(&incoming, now, out);
        let asks = route::Caller { from, number: party.number.clone() };
        let foreign = matches!(asks.from, route::From::Person(_))
            && !self.quotas.is_emergency(&called)
            && self.is_foreign(&incoming.uri, Some(incoming.flow.local.ip()));
        let (called, only) = self.dialled_by(&incoming.uri, called);
        let found = match full {
            true => Found::only(Destination::Reject(503)),
            false if foreign => Found::only(Destination::Reject(404)),
            false => self.leads(&asks, &called, now),
        };
        match found.destination {
            Destination::Supervise(ear) => return self.supervises(incoming, ear, &found.number, now, out),
            Destination::Take(queue) => return self.takes(incoming, &queue, &found.number, now, out),
            Destination::Park => return self.retrieves(incoming, &found.number, now, out),
            Destination::Pickup => return self.picks_up(incoming, &found.number, now, out),
            _ => {}
        }
        let full = full || !self.may_begin(id, &asks, &called, now, out);
        let port = if full { None } else { self.ports.take() };
        let found = if port.is_some() { found } else { Found::only(Destination::Reject(503)) };
        let media = self.directory.media(&incoming.origin);
        let max_forwards = incoming.max_forwards.saturating_sub(1);
        let knock = Knock {
            call: id,
            caller: self.new_leg(incoming.leg, port.unwrap_or(0), party, incoming.flow, media),
            called,
            direction: self.directory.direction(&asks.from, &found.destination),
            offer: incoming.sdp,
            hears_reliably: incoming.hears_reliably,
        };
        out.push(Output::Dialog { call: id, sip_call_id: incoming.call_id });
        self.legs.insert(incoming.leg, id);
        let call = Call::new(knock, self.call_conf.clone(), now);
        let journey = Journey::new(call, found, self.flow_conf.clone(), self.wishes.clone());
        let caller = knocker.caller;
        let by = caller.account.clone();
        let running = Running { only, ..Running::new(journey, caller, by, max_forwards) };
        self.begin(id, running, now, out);
    }

    /// A call takes its first step, on the next media thread.
    pub(super) fn begin(&mut self, id: CallId, running: Running, now: Time, out: &mut Vec<Output>) {
        let thread = self.next_thread;
        self.next_thread = (thread + 1) % self.threads;
        self.journeys.insert(id, Box::new(Running { thread, ..running }));
        self.step(id, now, out, Journey::run);
    }

    /// No call is made of this INVITE.
    pub(super) fn reject(&mut self, leg: LegId, status: u16, now: Time) {
        self.endpoint.handle(sip::Input::Command(sip::Command::Reject { leg, status }), now, &mut self.heard);
    }

    /// That a recording failed is a fact, of a call that is over, too. Where no call goes unrecorded, it ends.
    pub(super) fn recording_failed(&mut self, id: RecordingId, why: &str, now: Time, out: &mut Vec<Output>) {
        if !self.journeys.contains_key(&id.call) {
            let what = What::RecordingFailed { id, why: why.to_owned() };
            return out.push(Output::Fact { call: id.call, fact: Fact { at: now, what } });
        }
        let ends = self.no_call_unrecorded;
        self.step(id.call, now, out, |journey| {
            journey.recording_failed(id, why, now);
            if ends {
                journey.hang_up("cannot be recorded", now);
            }
        });
    }

    /// Lets a call take its next step and does what it wants. A fault inside ends that call and no other.
    pub(super) fn step(&mut self, id: CallId, now: Time, out: &mut Vec<Output>, step: impl FnOnce(&mut Journey)) {
        let Some(running) = self.journeys.get_mut(&id) else { return };
        running.journey.know(&self.wishes);
        if catch_unwind(AssertUnwindSafe(|| step(&mut running.journey))).is_err() {
            running.journey.fault(now);
        }
        loop {
            let Some(running) = self.journeys.get_mut(&id) else { return };
            let (wishes, thread) = (running.journey.take_wishes(), running.thread);
            let words = running.journey.take_words();
            let mut goes_on = !wishes.is_empty();
            for word in words {
                match word {
                    Word::Queue(word) => self.words.push_back(word),
                    Word::Disposes { account, disposition } => self.disposes(&account, disposition, now, out),
                    Word::CallBack(word) => self.asked_back.push_back(word),
                    Word::Mailbox(word) => self.mail.push_back(word),
                    Word::Room(word) => self.room_words.push_back(word),
                    Word::Wish { account, wish, number } => {
                        let granted = self.wants(&account, wish, &number, now, out);
                        if let Some(running) = self.journeys.get_mut(&id) {
                            running.journey.granted(granted);
                        }
                        goes_on = true;
                    }
                    Word::Follow { call, account, number, ear } => {
                        let granted = self.begins_to_follow(call, &account, &number, ear);
                        if let Some(running) = self.journeys.get_mut(&id) {
                            running.journey.granted(granted);
                        }
                        goes_on = true;
                    }
                    Word::Ask(ask) => out.push(Output::AskWeb(ask)),
                    Word::Fetch { call, file } => out.push(Output::Fetch { call, file }),
                    Word::Hours { hours, by_hand } => drop(self.switch_hours(&hours, by_hand, out)),
                }
            }
            if !goes_on {
                break;
            }
            for wish in wishes {
                self.perform(id, thread, wish, now, out);
            }
        }
        self.tell(id, now, out);
        self.see_followers(id, now, out);
    }

    pub(super) fn perform(&mut self, id: CallId, thread: usize, wish: Do, now: Time, out: &mut Vec<Output>) {
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
            Do::Media(media::Command::Connect { stream, .. }) if stream.sends && self.is_our_own(stream.remote) => {
                // Two echoes that name each other's port on us would send packets round for ever.
                if let Some(running) = self.journeys.get_mut(&id) {
                    running.journey.hang_up("its media would go round through us", now);
                }
            }
            Do::Media(command) => out.push(Output::Media { thread, command: self.bound(command) }),
            Do::Record(recording) if self.sessions.contains_key(&id) => {
                out.extend(self.open_in_session(id, &recording))
            }
            Do::Record(recording) => {
                self.message_begins(id, &recording);
                out.push(Output::Record(self.open(id, &recording)));
            }
            Do::Attend { recording: id, began, quiet } => {
                out.push(Output::Record(recorder::Input::Attend { id, began, quiet }));
            }
            Do::StopRecording { recording, length } => {
                out.push(Output::Record(recorder::Input::Stop { id: recording, length }));
                out.extend(self.closes_greeting(id, recording, length));
            }
            Do::Silence { recording, kind, actor, at, begins } => {
                let kind = match kind {
                    Silence::Mask => recorder::Silence::Mask,
                    Silence::Pause => recorder::Silence::Pause,
                };
                let by = serde_json::json!(actor);
                out.push(Output::Record(recorder::Input::Silence { id: recording, kind, begins, at, by }));
            }
            Do::Release { local, .. } => {
                if local.port() != 0 {
                    self.ports.give_back(local.port());
                }
            }
            Do::GiveBack { leg, how } => self.comes_home(id, *leg, how, now, out),
            Do::Dial { by, number, attended } => self.dialled(id, by, &number, attended, now, out),
            Do::Transfer { by, referral } => self.transfer(id, by, *referral, now, out),
            Do::Find(targets) => {
                let found = targets.into_iter().map(|target| self.find(id, target, now, out)).collect();
                if let Some(running) = self.journeys.get_mut(&id) {
                    running.journey.place(found, now);
                }
            }
        }
    }

    /// Phones, or a trunk, for one target, each with a leg of its own.
    fn find(&mut self, id: CallId, target: Target, now: Time, out: &mut Vec<Output>) -> Result<Vec<Outbound>, u16> {
        let Some(running) = self.journeys.get(&id) else { return Err(480) };
        let (caller, hops) = (running.caller.clone(), running.max_forwards.to_string());
        let hops = (sip::Name::MaxForwards, hops);
        match target {
            // Who is called by what he has dialled himself is disturbed by himself.
            Target::Account(account) if self.wishes.is_quiet(&account) && !running.journey.call().awaits_caller() => {
                Err(486)
            }
            Target::Aloud(account) if self.seen.talks(&account) || self.wishes.is_quiet(&account) => Err(486),
            Target::Account(_) | Target::Aloud(_) => {
                let aloud = matches!(target, Target::Aloud(_));
                let (Target::Account(account) | Target::Aloud(account)) = target else { return Err(480) };
                let party = running.journey.call().caller().party.clone();
                let mut bindings = self.endpoint.bindings(&account, now);
                bindings.retain(|binding| is_meant(running.only.as_ref(), &account, binding));
                for binding in &mut bindings {
                    binding.flow = self.found(binding.flow).unwrap_or(binding.flow);
                }
                let way = |binding| {
                    // RFC 5626 §5.3; our media has one address in a call, so only flows to that.
                    let mut others = self.endpoint.other_flows(&account, &binding, now);
                    others.retain(|other| other.flow.local.ip() == binding.flow.local.ip());
                    Way { others, ..self.directory.phone(&account, binding, &party) }
                };
                let ways: Vec<Way> = bindings.into_iter().map(way).collect();
                self.ring(id, ways, &caller, &hops, aloud)
            }
            Target::Trunk(onward) => {
                let mut way = self.way_out(id, onward, &caller, now, out)?;
                way.headers.push(hops);
                Ok(vec![way])
            }
        }
    }

    fn ring(
        &mut self,
        id: CallId,
        ways: Vec<Way>,
        caller: &Caller,
        hops: &(sip::Name, String),
        aloud: bool,
    ) -> Result<Vec<Outbound>, u16> {
        let known = ways.len();
        let can_offer = |way: &Way| self.directory.can_offer(way.media, way.flow.transport);
        let ways: Vec<Way> = ways.into_iter().filter(can_offer).collect();
        if ways.is_empty() && known > 0 {
            return Err(488);
        }
        let mut found = Vec::with_capacity(ways.len());
        for way in ways {
            let Some(port) = self.ports.take() else { break };
            let leg = self.endpoint.new_leg();
            self.legs.insert(leg, id);
            let leg = self.new_leg(leg, port, way.party, way.seen, way.media);
            let (uri, flow, from, to) = (way.uri, way.flow, way.from, way.to);
            let routes = way.routes.into_iter().map(|hop| (sip::Name::Route, hop));
            let mut headers: Vec<_> = routes.chain([hops.clone()]).collect();
            headers.extend(self.said_of(caller, flow.local));
            if aloud {
                headers.extend(pick_up_by_itself(flow.local));
            }
            found.push(Outbound {
                leg,
                uri,
                flow,
                from,
                to,
                credentials: None,
                headers,
                remove: Vec::new(),
                patience: None,
                others: way.others,
                elsewhere: None,
            });
        }
        match found.is_empty() {
            true if self.ports.is_empty() => Err(503),
            true => Err(480),
            false => Ok(found),
        }
    }

    /// Passes on what happened, and lets a call that is over go.
    pub(super) fn tell(&mut self, id: CallId, now: Time, out: &mut Vec<Output>) {
        self.sees_parked(id);
        self.sees_room(id);
        self.copies(id, now, out);
        let Some(running) = self.journeys.get_mut(&id) else { return };
        let call = running.journey.call();
        let news = call.facts()[running.told..].iter();
        out.extend(news.map(|fact| Output::Fact { call: id, fact: fact.clone() }));
        running.told = call.facts().len();
        self.seen.call(id);
        if !call.is_over() {
            let due = call.deadline();
            if due != running.due {
                running.due = due;
                self.deadlines.extend(due.map(|at| Reverse((at, id))));
            }
            return;
        }
        let cdr = call.cdr();
        for recording in call.recordings().iter().filter(|one| !(one.greeting && one.stopped.is_some())) {
            let length = recording.stopped.or(call.ended_at()).unwrap_or(now).since(recording.began);
            let sidecar = sidecar::of(call, recording, &cdr);
            out.push(Output::Record(recorder::Input::Close { id: recording.id, length, sidecar }));
        }
        Switch::was_last(&mut self.last_calls, call, &cdr.recordings, &cdr.dispositions);
        out.push(Output::Cdr { call: id, cdr: Box::new(cdr) });
        for leg in call.legs() {
            self.legs.remove(&leg.id);
        }
        if let Some(copy) = self.journeys.remove(&id).and_then(|running| running.copy) {
            self.ends_copy(copy, now, out);
        }
        self.follower_is_over(id, now, out);
        self.called.retain(|_, call| *call != id);
        self.quotas.end(id, now);
    }

    pub(super) fn open(&self, id: CallId, recording: &Recording) -> recorder::Input {
        let call = self.journeys.get(&id).map(|running| running.journey.call());
        let started = call.map(|call| sidecar::of(call, recording, &call.cdr()));
        recorder::Input::Open {
            id: recording.id,
            rate: recording.rate,
            file: recording.file.clone(),
            began: recording.began,
            started: started.unwrap_or_default(),
        }
    }

    pub(super) fn new_leg(&mut self, leg: LegId, port: u16, party: Party, flow: Flow, media: MediaRules) -> NewLeg {
        let local = SocketAddr::new(flow.local.ip(), port);
        self.own_addresses.insert(local.ip());
        let session_id = self.random.bits() >> 2; // a numeric string of at most 62 bits: phones exist that read it as i64
        let is_web = matches!(flow.transport, Transport::Ws | Transport::Wss);
        NewLeg {
            leg,
            local,
            session_id,
            party,
            signalling: flow.remote.ip(),
            is_browser: media.browser.unwrap_or(is_web),
            media,
            random: self.random.fork(),
            hides_keys: self.directory.hides_keys(flow.transport),
        }
    }

    /// Does this media address lead back to one of our own ports?
    pub(super) fn is_our_own(&self, remote: SocketAddr) -> bool {
        self.ports.is_in_use(remote.port()) && self.own_addresses.contains(&remote.ip())
    }

    /// An advertised address is not ours to bind.
    pub(super) fn bound(&self, command: media::Command) -> media::Command {
        match command {
            media::Command::Open { leg, local } => media::Command::Open { leg, local: self.bindable(local) },
            media::Command::Move { leg, local } => media::Command::Move { leg, local: self.bindable(local) },
            command => command,
        }
    }

    fn bindable(&self, mut local: SocketAddr) -> SocketAddr {
        if self.advertised.contains(&local.ip()) {
            local.set_ip(match local.ip() {
                IpAddr::V4(_) => IpAddr::from([0; 4]),
                IpAddr::V6(_) => IpAddr::from([0; 16]),
            });
        }
        local
    }
}

/// What tells a phone to pick up by itself, in the words of each maker: Call-Info (linphone, baresip and many), Alert-Info
/// (Yealink, Snom, Grandstream), Answer-Mode (RFC 5373 §4.1). No stranger's INVITE is passed on, so none of these ever
/// comes from outside: they open a microphone.
fn pick_up_by_itself(local: SocketAddr) -> [(sip::Name, String); 3] {
    [
        (sip::Name::from("Call-Info"), format!("<sip:{local}>;answer-after=0")),
        (sip::Name::from("Alert-Info"), format!("<http://{local}>;info=alert-autoanswer;delay=0")),
        (sip::Name::from("Answer-Mode"), "Auto".to_owned()),
    ]
}
