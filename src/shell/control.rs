//! The control thread: it owns the switch, and does nothing but wait, tell, do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base::{Random, Time};
use bytes::Bytes;
use recorder::{Recorder, RecorderConf};
use serde_json::{Value, json};
use sip::{Flow, Transport};
use tokio::runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use super::ask::{Line, Request, SOCKET};
use super::clock::Clock;
use super::console::{Answers, Console};
use super::journal::Journal;
use super::media_threads::MediaThreads;
use super::prepare;
use super::recorder_thread::{self, Door};
use super::reload::{Loaded, Standing};
use super::streams::{StreamListener, Streams, Unsent};
use super::tls::{Carriers, Certificate, TlsError};
use super::udp::UdpListener;
use super::{Addresses, logging};
use crate::conf::Conf;
use crate::status::{BanStatus, CallStatus, PhoneStatus};
use crate::trace::{Trace, Wanted};
use crate::{Input, Output, Switch};

/// What comes in at the one door of the control thread.
pub(super) enum Arrival {
    /// For the switch.
    Input(Input),
    /// A stream connection begins; what is to be sent on it goes here.
    Connected { connection: u64, sender: Sender<Bytes> },
    /// It is gone.
    Gone { connection: u64 },
    /// The command line wants something.
    Asked { request: Request, answers: Answers },
    /// A conf was read and checked: every line of what is wrong, if it may not be applied.
    Loaded { loaded: Result<Loaded, Vec<String>>, answers: Answers },
    /// End all calls, then everything.
    Stop,
}

/// Messages waiting for the switch. When it is full, sockets are read no further.
const INBOX_MAX: usize = 16_384;
/// How long calls may take to end when the switch stops.
const GOODBYE_TIME: Duration = Duration::from_secs(5);
/// What is in the sockets' queues has so long to leave.
const LAST_WORDS_TIME: Duration = Duration::from_millis(20);
/// Messages kept to be looked at: half an hour at ten messages a second.
const TRACE_BYTES_MAX: usize = 16 << 20;
/// Traces followed at once.
const FOLLOWERS_MAX: usize = 4;
/// Of what was said before, one who follows is shown so much.
const FOLLOWED_ROWS_MAX: usize = 512;
/// No drain is waited for longer.
const DRAIN_SECS_MAX: u64 = 7 * 24 * 3600;
/// So many inputs are handled before time is looked at again.
const INPUTS_PER_TURN: usize = 256;

/// Why the switch could not start: what happened, to what, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody else may listen there.
    #[error(
        "cannot listen on {address} ({transport}): {why}; end the program that has the port, or change it in switch.toml"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// `UDP`, `TCP`, `TLS`, `WS` or `WSS`.
        transport: &'static str,
        /// What the system said.
        why: io::Error,
    },
    /// There is no certificate to show, or none to trust.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Recordings have nowhere to go.
    #[error(transparent)]
    Recordings(#[from] recorder::RecorderError),
    /// CDRs have nowhere to go.
    #[error("cannot write the journal in {folder}: {why}; make the folder writable, or name another with --journal")]
    Journal {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The system refuses threads, randomness or the like.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// A running switch.
pub struct Server {
    /// Where it listens, and for what.
    pub listening: Vec<(Transport, SocketAddr)>,
    inbox: Sender<Arrival>,
    control: JoinHandle<()>,
    ended: oneshot::Receiver<()>,
}

impl Server {
    /// Starts a switch. When this returns, phones can register.
    pub fn start(conf: Conf) -> Result<Server, StartError> {
        let (inbox, arrivals) = channel(INBOX_MAX);
        let (sender, started) = std_mpsc::channel();
        let (end, ended) = oneshot::channel();
        let door = inbox.clone();
        let control = thread::Builder::new().name("control".to_owned()).spawn(move || {
            let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(why) => return drop(sender.send(Err(why.into()))),
            };
            let local = LocalSet::new();
            local.block_on(&runtime, async move {
                match Control::start(conf, &door) {
                    Ok((control, listening)) => {
                        let _ = sender.send(Ok(listening));
                        control.run(arrivals).await;
                        let _ = end.send(());
                    }
                    Err(why) => drop(sender.send(Err(why))),
                }
            });
        })?;
        let listening = started.recv().map_err(|_| io::Error::other("the control thread ended at once"))??;
        Ok(Server { listening, inbox, control, ended })
    }

    /// Waits until the switch ends by itself, as it does when it was drained.
    pub async fn ended(&mut self) {
        let _ = (&mut self.ended).await;
    }

    /// Reads the conf again and applies it, whole or not at all. Passwords made for new people are returned, to be shown
    /// once. The log tells the rest.
    pub async fn reload(&self) -> Vec<(String, String)> {
        let (answers, mut lines) = channel(1);
        let _ = self.inbox.send(Arrival::Asked { request: Request::Reload, answers }).await;
        match lines.recv().await {
            Some(Line::Done(report)) => serde_json::from_value(report["passwords"].clone()).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Ends all calls with BYE, closes the recordings, and waits until that is done.
    pub fn stop(self) {
        let _ = self.inbox.blocking_send(Arrival::Stop);
        let _ = self.control.join(); // if it panicked, it has said so
    }
}

/// The switch and everything it is performed with.
struct Control {
    clock: Clock,
    switch: Switch,
    udp: Vec<Rc<UdpListener>>,
    streams: Streams,
    inbox: Sender<Arrival>,
    media: MediaThreads,
    recorder: Door,
    recorder_thread: JoinHandle<()>,
    journal: Journal,
    journal_thread: JoinHandle<()>,
    addresses: Rc<Addresses>,
    standing: Standing,
    trace: Trace,
    /// Who watches messages go by.
    followers: Vec<Follower>,
    /// Draining, until then at most.
    draining: Option<Option<Time>>,
    /// Everything ends, at that time at the latest.
    stopping: Option<Time>,
}

/// One who watches messages go by.
struct Follower {
    /// The call, where it is one's messages.
    call: Option<String>,
    wanted: Wanted,
    answers: Answers,
}

impl Control {
    fn start(conf: Conf, inbox: &Sender<Arrival>) -> Result<(Control, Vec<(Transport, SocketAddr)>), StartError> {
        let clock = Clock::start();
        let mut random = random()?;

        let mut udp = Vec::new();
        let mut streams = Vec::new();
        for address in &conf.switch.listen {
            let fault = |transport| move |why| StartError::Listen { address: *address, transport, why };
            let listener = match UdpListener::bind(*address) {
                // A machine without IPv6 is no reason not to start, where nobody asked for an address of it.
                Err(why) if address.is_ipv6() && address.ip().is_unspecified() && is_unsupported(&why) => {
                    warn!("no IPv6 here; not listening on {address}");
                    continue;
                }
                bound => bound.map_err(fault("UDP"))?,
            };
            // Port 0 was "any": TCP takes the one UDP was given.
            streams.push(StreamListener::bind(Transport::Tcp, listener.address).map_err(fault("TCP"))?);
            udp.push(Rc::new(listener));
        }
        for (transport, address) in conf.switch.stream_listeners() {
            let fault = |why| StartError::Listen { address, transport: transport.as_str(), why };
            streams.push(StreamListener::bind(transport, address).map_err(fault)?);
        }
        let mut listening: Vec<_> = udp.iter().map(|listener| (Transport::Udp, listener.address)).collect();
        listening.extend(streams.iter().map(|listener| (listener.transport, listener.address)));
        let addresses = Rc::new(Addresses::new(listening.clone(), conf.switch.advertise));
        let certificate = if conf.switch.speaks_tls() { Some(Certificate::load(&conf)?) } else { None };

        let (recorder, recorder_thread) = start_recorder(&conf, clock, inbox.clone())?;
        let folder = &conf.switch.journal;
        let fault = |why| StartError::Journal { folder: folder.clone(), why };
        let (journal, journal_thread) = Journal::start(folder).map_err(fault)?;

        let (events, clips) = (inbox.clone(), recorder.clone());
        let media = MediaThreads::start(
            conf.switch.media_threads,
            conf.switch.media.clone(),
            clock,
            random.fork(),
            move |event| arrive(&events, Input::Media(event)),
            move |recording, channel, clip| clips.bring(recording, channel, clip),
        )?;
        let towards = |transport, remote| addresses.towards(transport, remote);
        let switch = Switch::new(&conf, towards, clock.wall(), random);
        prepare::prompts(&conf)?;

        for listener in &udp {
            spawn_local(listener.clone().read(addresses.clone(), inbox.clone()));
        }
        let carriers = Carriers::new(&conf, certificate.as_deref())?;
        let (limits, own) = (conf.switch.connections, Addresses::clone(&addresses));
        let streams = Streams::start(streams, certificate.clone(), carriers, limits, own, inbox.clone())?;
        let socket = folder.join(SOCKET);
        match Console::open(&socket) {
            Ok(console) => drop(spawn_local(console.serve(inbox.clone()))),
            Err(why) => warn!(socket = %socket.display(), "no commands but signals: cannot open the socket ({why})"),
        }
        let control = Control {
            clock,
            switch,
            udp,
            streams,
            media,
            recorder,
            recorder_thread,
            journal,
            journal_thread,
            addresses,
            standing: Standing::of(&conf, certificate),
            inbox: inbox.clone(),
            trace: Trace::new(TRACE_BYTES_MAX),
            followers: Vec::new(),
            draining: None,
            stopping: None,
        };
        Ok((control, listening))
    }

    async fn run(mut self, mut arrivals: Receiver<Arrival>) {
        let mut out = Vec::new();
        loop {
            let limit = self.stopping.or(self.draining.flatten());
            let deadline = [self.switch.deadline(), limit].into_iter().flatten().min();
            tokio::select! {
                arrival = arrivals.recv() => {
                    let now = self.clock.now();
                    let mut next = arrival;
                    let mut turn = 0;
                    while let Some(arrival) = next {
                        self.arrives(arrival, now, &mut out);
                        turn += 1;
                        next = if turn < INPUTS_PER_TURN { arrivals.try_recv().ok() } else { None };
                    }
                }
                () = sleep(self.clock, deadline) => {}
            }
            let now = self.clock.now();
            if self.switch.deadline().is_some_and(|at| at <= now) {
                self.tell(Input::Tick, now, &mut out);
            }
            if self.stopping.is_none() && self.draining.flatten().is_some_and(|until| now >= until) {
                self.stop(now, &mut out);
            }
            // Legs outlive their calls until their BYE is answered: by then it has been sent, whatever the transport.
            let quiet = self.switch.calls() == 0 && self.switch.endpoint().legs() == 0;
            let ending = self.draining.is_some() || self.stopping.is_some();
            if quiet && ending || self.stopping.is_some_and(|until| now >= until) {
                break;
            }
        }
        tokio::time::sleep(LAST_WORDS_TIME).await; // the command line hears its answer
        self.finish();
    }

    /// Takes what came in.
    fn arrives(&mut self, arrival: Arrival, now: Time, out: &mut Vec<Output>) {
        match arrival {
            Arrival::Input(input) => self.tell(input, now, out),
            Arrival::Connected { connection, sender } => self.streams.connected(connection, sender),
            Arrival::Gone { connection } => {
                self.streams.close(connection);
                self.tell(Input::Sip(sip::Input::Closed { connection }), now, out);
            }
            Arrival::Asked { request, answers } => self.asked(request, answers, now, out),
            Arrival::Loaded { loaded, answers } => self.loaded(loaded, &answers, now, out),
            Arrival::Stop => self.stop(now, out),
        }
    }

    fn tell(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        let received = match &input {
            Input::Sip(sip::Input::Received { flow, bytes }) => Some((*flow, bytes.clone())),
            _ => None,
        };
        let dropped = self.switch.endpoint().dropped();
        self.switch.handle(input, now, out);
        // What was dropped unread leaves no trace either: a flood would wash out all the others.
        if let Some((flow, bytes)) = received
            && self.switch.endpoint().dropped() == dropped
        {
            self.record(now, false, flow, bytes);
        }
        self.perform(out);
    }

    fn stop(&mut self, now: Time, out: &mut Vec<Output>) {
        self.stopping.get_or_insert(now + GOODBYE_TIME);
        info!(calls = self.switch.calls(), "stopping: calls are ended, recordings closed");
        self.tell(Input::Shutdown, now, out);
    }

    /// Answers the command line. A command that does not read what it asked for is told no more.
    fn asked(&mut self, request: Request, answers: Answers, now: Time, out: &mut Vec<Output>) {
        match request {
            Request::Calls => {
                let rows = self.switch.standing().map(|call| json!(CallStatus::of(call, now))).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Phones => {
                let of = |(account, bindings): (&str, &[sip::Binding])| -> Vec<Value> {
                    bindings.iter().map(|binding| json!(PhoneStatus::of(account, binding, now))).collect()
                };
                let rows = self.switch.endpoint().registered().flat_map(of).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Bans => {
                let bans = self.switch.endpoint().bans(now);
                spawn_local(say_all(bans.into_iter().map(|ban| json!(BanStatus::from(ban))).collect(), answers));
            }
            Request::Unban { who } => {
                let lifted = self.switch.unban(&who, now);
                info!(who, lifted, "unbanned");
                let _ = answers.try_send(Line::Done(json!({ "lifted": lifted })));
            }
            Request::Trace { call, user, follow } => self.show_trace(call, user, follow, answers),
            Request::Reload => {
                let (standing, inbox) = (self.standing.clone(), self.inbox.clone());
                spawn_local(async move {
                    let loaded = spawn_blocking(move || standing.load()).await;
                    let loaded = loaded.unwrap_or_else(|why| Err(vec![format!("a fault of ours: {why}")]));
                    let _ = inbox.send(Arrival::Loaded { loaded, answers }).await;
                });
            }
            Request::Drain { limit_secs } => {
                let calls = self.switch.calls();
                info!(calls, limit_secs, "draining: no new calls are taken; ends when the last one is over");
                self.draining = Some(limit_secs.map(|secs| now + Duration::from_secs(secs.min(DRAIN_SECS_MAX))));
                self.tell(Input::Drain, now, out);
                let _ = answers.try_send(Line::Done(json!({ "calls": calls })));
            }
        }
    }

    /// Notes a message that goes by, and shows it to who watches. One who is too far behind is shown no more.
    fn record(&mut self, at: Time, sent: bool, flow: Flow, bytes: Bytes) {
        self.trace.record(at, sent, flow, bytes);
        if !self.followers.is_empty() {
            let (trace, clock) = (&self.trace, self.clock.wall());
            self.followers.retain(|follower| match trace.last(&follower.wanted, clock) {
                Some(said) => follower.answers.try_send(Line::Row(json!(said))).is_ok(),
                None => !follower.answers.is_closed(),
            });
        }
    }

    /// Shows what was said, and to who follows it what will be.
    fn show_trace(&mut self, call: Option<String>, user: Option<String>, follow: bool, answers: Answers) {
        let wanted = match (&call, user) {
            (Some(call), _) => self.trace.dialogs_of(call),
            (None, user) => Wanted::User(user.unwrap_or_default()),
        };
        let said = self.trace.find(&wanted, self.clock.wall());
        let rows: Vec<Value> = said.iter().map(|said| json!(said)).collect();
        if !follow {
            drop(spawn_local(say_all(rows, answers)));
        } else if self.followers.len() >= FOLLOWERS_MAX {
            let _ = answers.try_send(Line::Failed(format!("{FOLLOWERS_MAX} traces are followed already; end one")));
        } else {
            // The latest of what was said; what follows needs the room behind it.
            let latest = rows.len().saturating_sub(FOLLOWED_ROWS_MAX);
            rows.into_iter().skip(latest).for_each(|row| drop(answers.try_send(Line::Row(row))));
            self.followers.push(Follower { call, wanted, answers });
        }
    }

    /// Applies a conf that is whole and right, or says what is wrong.
    fn loaded(&mut self, loaded: Result<Loaded, Vec<String>>, answers: &Answers, now: Time, out: &mut Vec<Output>) {
        let line = match loaded {
            Ok(mut loaded) => {
                self.streams.reload(std::mem::take(&mut loaded.carriers));
                let addresses = self.addresses.clone();
                self.switch.reload(&loaded.conf, |transport, remote| addresses.towards(transport, remote), now, out);
                self.perform(out);
                let conf = &loaded.conf;
                if let Err(why) = prepare::prompts(conf) {
                    warn!("prompts are encoded when they are played: {why}");
                }
                let (people, trunks, routes) = (conf.people.len(), conf.trunks.len(), conf.routes.routes.len());
                info!(people, trunks, routes, "the new conf is in force");
                for what in &loaded.restart {
                    warn!("{what} in switch.toml has changed; that takes a restart");
                }
                Line::Done(loaded.report())
            }
            Err(problems) => {
                problems.iter().for_each(|problem| error!("not reloaded: {problem}"));
                let count = problems.len();
                Line::Failed(format!("nothing was changed, the conf has {count} error(s)\n{}", problems.join("\n")))
            }
        };
        let _ = answers.try_send(line);
    }

    fn send(&mut self, flow: Flow, bytes: Bytes) {
        match flow.transport {
            Transport::Udp => {
                let ours = |udp: &&Rc<UdpListener>| {
                    udp.address.port() == flow.local.port() && udp.address.is_ipv4() == flow.remote.is_ipv4()
                };
                if let Some(udp) = self.udp.iter().find(ours) {
                    let _ = udp.send(flow.remote, &bytes); // lost, as the network might: SIP says it again
                }
            }
            _ => {
                if let Err(Unsent) = self.streams.send(flow, bytes) {
                    // The switch learns it as it learns everything: from its inbox.
                    let remote = flow.remote;
                    let lost = match flow.connection {
                        0 => sip::Input::Unreachable { remote },
                        connection => sip::Input::Closed { connection },
                    };
                    arrive(&self.inbox, Input::Sip(lost));
                }
            }
        }
    }

    fn perform(&mut self, out: &mut Vec<Output>) {
        for output in out.drain(..) {
            match output {
                Output::Send { flow, bytes } => {
                    self.record(self.clock.now(), true, flow, bytes.clone());
                    self.send(flow, bytes);
                }
                Output::Dialog { call, sip_call_id } => {
                    for follower in &mut self.followers {
                        if let (Some(of), Wanted::Dialogs(ids)) = (&follower.call, &mut follower.wanted)
                            && *of == call.to_string()
                        {
                            ids.push(sip_call_id.clone());
                        }
                    }
                    self.trace.dialog(call, sip_call_id);
                }
                Output::Close { connection } => self.streams.close(connection),
                Output::Media { thread, command } => self.media.command(thread, command),
                Output::Record(input) => {
                    if !self.recorder.tell(input) {
                        error!("the recorder is far behind; a recording did not begin, or keeps its temporary name");
                    }
                }
                Output::Fact { call, fact } => logging::fact(call, &fact),
                Output::Cdr(cdr) => self.journal.append(cdr),
                Output::Queue(fact) => logging::queue(&fact),
                Output::Log(event) => logging::sip(&event),
                Output::Recorded(event) => logging::recording(&event),
                Output::Fault => {
                    error!("a fault of ours lost a SIP message; please report it with the lines before this one")
                }
            }
        }
    }

    /// Everything in its order: media gives up what it gathered, the recorder writes it, the journal its last lines.
    fn finish(self) {
        let Control { streams, media, recorder, recorder_thread, journal, journal_thread, .. } = self;
        streams.stop();
        media.stop();
        drop(recorder);
        let _ = recorder_thread.join();
        drop(journal);
        let _ = journal_thread.join();
        info!("stopped");
    }
}

/// Many rows, as fast as they are read.
async fn say_all(rows: Vec<Value>, answers: Answers) {
    let count = rows.len();
    for row in rows {
        if answers.send(Line::Row(row)).await.is_err() {
            return;
        }
    }
    let _ = answers.send(Line::Done(json!({ "rows": count }))).await;
}

#[allow(clippy::disallowed_methods)] // tokio counts from its own now
async fn sleep(clock: Clock, until: Option<Time>) {
    match until {
        Some(until) => sleep_until(Instant::now() + until.since(clock.now())).await,
        None => std::future::pending().await,
    }
}

/// From a thread of ours into the control thread's inbox. It never waits; what is lost here, the switch's own deadlines
/// make good.
fn arrive(inbox: &Sender<Arrival>, input: Input) {
    if let Err(TrySendError::Full(_)) = inbox.try_send(Arrival::Input(input)) {
        warn!("the control thread is far behind; an event was lost");
    }
}

fn start_recorder(conf: &Conf, clock: Clock, inbox: Sender<Arrival>) -> Result<(Door, JoinHandle<()>), StartError> {
    let folder = conf.switch.recordings.clone();
    let recorder = Recorder::new(RecorderConf { folder: folder.clone(), ..RecorderConf::default() })?;
    for salvaged in recorder::salvage(&folder)? {
        let file = salvaged.file.display();
        match salvaged.outcome {
            Ok(seconds) => info!(%file, seconds, "salvaged a recording that was cut off"),
            Err(why) => error!(%file, "a recording that was cut off could not be salvaged: {why}"),
        }
    }
    let door = recorder_thread::start(recorder, clock, move |event| arrive(&inbox, Input::Recorder(event)))?;
    Ok(door)
}

/// Unguessable randomness, seeded by the system.
pub fn random() -> io::Result<Random> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|why| io::Error::other(format!("the system gives no randomness: {why}")))?;
    Ok(Random::from_seed(seed))
}

fn is_unsupported(why: &io::Error) -> bool {
    let unsupported = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    why.raw_os_error() == Some(unsupported) || why.kind() == io::ErrorKind::AddrNotAvailable
}
