//! The control thread: it owns the switch, and does nothing but wait, tell, do.

mod commands;
mod duty;
mod start;

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use base::Time;
use bytes::Bytes;
use journal::Record;
use sip::{Flow, Transport};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use super::Addresses;
use super::alerts::Alerts;
use super::api::Api;
use super::ask::Request;
use super::clock::Clock;
use super::console::Answers;
use super::expiry::Expiry;
use super::inbox::Inbox;
use super::journal::Journal;
use super::kept::KeptFile;
use super::logging;
use super::mail::Mail;
use super::mailboxes;
use super::media_threads::MediaThreads;
use super::metrics::Metrics;
use super::names::Names;
use super::phones::KeptPhones;
use super::recorder_thread::Door;
use super::reload::{Loaded, Standing};
use super::streams::{Streams, Unsent};
use super::udp::UdpListener;
use super::voicemail::{Ask, Messages, Note};
use super::watch::Watch;
use super::web::Web;
use crate::{Input, Output, Switch};

/// What comes in at the one door of the control thread.
pub(super) enum Arrival {
    /// For the switch.
    Input(Input),
    /// A stream connection begins; what is to be sent on it goes here.
    Connected { connection: u64, sender: Sender<Bytes> },
    /// It is gone.
    Gone { connection: u64 },
    /// The command line wants something, or a program; by whom, in a few words.
    Asked { request: Request, by: Arc<str>, answers: Answers },
    /// A conf was read and checked: every line of what is wrong, if it may not be applied.
    Loaded { loaded: Result<Loaded, Vec<String>>, answers: Answers },
    /// End all calls, then everything.
    Stop,
}

/// How long calls may take to end when the switch stops.
const GOODBYE_TIME: Duration = Duration::from_secs(5);
/// What is in the sockets' queues has so long to leave.
const LAST_WORDS_TIME: Duration = Duration::from_millis(20);
/// How often our own addresses are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is asked whether somebody has set the system's clock.
const COMPARE_EVERY: Duration = Duration::from_secs(1);
/// So many things are taken from the door before the next is done: when even refusing is too slow, sockets fill.
const TAKEN_PER_TURN: usize = 512;
/// So long things are done before the door is looked at again: what stands must not wait behind what does not.
const TURN_TIME: Duration = Duration::from_millis(1);

/// The switch and everything it is performed with.
pub(super) struct Control {
    clock: Clock,
    switch: Switch,
    udp: Vec<Rc<UdpListener>>,
    streams: Streams,
    inbox: Inbox,
    door: Sender<Arrival>,
    media: MediaThreads,
    recorder: Door,
    expiry: Expiry,
    /// It ends by itself when this is gone: what it is about is done again at the next start.
    #[cfg(feature = "s3")]
    _shipper: Option<super::shipper::Shipper>,
    /// The recorder's, the settler's, the encoder's, the hook's and the expiry's, in the order they end.
    recorder_threads: Vec<JoinHandle<()>>,
    journal: Journal,
    journal_thread: JoinHandle<()>,
    phones: KeptPhones,
    phones_thread: JoinHandle<()>,
    mailboxes: KeptFile,
    voicemail: KeptFile,
    messages: Messages,
    mail: Mail,
    when_free: KeptFile,
    web: Web,
    hours: KeptFile,
    call_backs: KeptFile,
    alerts: Alerts,
    api: Option<Api>,
    wishes: KeptFile,
    today: KeptFile,
    used: KeptFile,
    /// What these two hold.
    today_kept: String,
    used_kept: String,
    names: Names,
    standing: Standing,
    watch: Watch,
    metrics: Metrics,
    addresses: Rc<Addresses>,
    /// Those of them that are gone.
    lost: BTreeSet<IpAddr>,
    /// When they are looked at next.
    look_at: Time,
    /// When our clock is compared with the system's.
    compare_at: Time,
    /// Draining, until then at most.
    draining: Option<Option<Time>>,
    /// Everything ends, at that time at the latest.
    stopping: Option<Time>,
}

impl Control {
    /// Waits, tells and does until everything has ended.
    pub(super) async fn run(mut self, mut arrivals: Receiver<Arrival>) {
        let mut out = Vec::new();
        loop {
            let limit = self.stopping.or(self.draining.flatten());
            let ours = self.look_at.min(self.compare_at);
            let deadline = [self.switch.deadline(), limit, Some(ours)].into_iter().flatten().min();
            tokio::select! {
                arrival = arrivals.recv(), if self.inbox.is_empty() => self.takes(arrival, &mut arrivals),
                () = yield_now(), if !self.inbox.is_empty() => self.takes(None, &mut arrivals), // sockets are read
                () = sleep(self.clock, deadline) => {}
            }
            if self.clock.now() >= self.compare_at {
                self.follow_the_clock(&mut out);
            }
            self.serve(&mut out);
            let now = self.clock.now();
            if self.switch.deadline().is_some_and(|at| at <= now) {
                self.tell(Input::Tick, now, &mut out);
            }
            if now >= self.look_at {
                self.keep_today(None);
                self.look_where_we_are(now, &mut out);
            }
            if self.stopping.is_none() && self.draining.flatten().is_some_and(|until| now >= until) {
                self.stop(now, &mut out);
            }
            // Legs outlive their calls until their BYE is answered: by then it has been sent, whatever the transport.
            let quiet = self.switch.is_quiet();
            let ending = self.draining.is_some() || self.stopping.is_some();
            if quiet && ending || self.stopping.is_some_and(|until| now >= until) {
                break;
            }
        }
        let (answers, mut kept) = channel(2);
        self.keep_today(Some(answers));
        tokio::time::sleep(LAST_WORDS_TIME).await; // the command line hears its answer
        let _ = tokio::time::timeout(GOODBYE_TIME, async { while kept.recv().await.is_some() {} }).await;
        self.finish();
    }

    /// Takes in what is at the door.
    fn takes(&mut self, first: Option<Arrival>, arrivals: &mut Receiver<Arrival>) {
        let now = self.clock.now();
        let more = std::iter::from_fn(|| arrivals.try_recv().ok());
        first.into_iter().chain(more).take(TAKEN_PER_TURN).for_each(|arrival| self.inbox.push(arrival, now));
    }

    /// Does what waits, for a while.
    fn serve(&mut self, out: &mut Vec<Output>) {
        let began = self.clock.now();
        let mut now = began;
        while now.since(began) < TURN_TIME
            && let Some(arrival) = self.inbox.pop(now)
        {
            self.arrives(arrival, now, out);
            now = self.clock.now();
        }
    }

    /// Does what came in.
    fn arrives(&mut self, arrival: Arrival, now: Time, out: &mut Vec<Output>) {
        match arrival {
            Arrival::Input(input) => self.tell(input, now, out),
            Arrival::Connected { connection, sender } => self.streams.connected(connection, sender),
            Arrival::Gone { connection } => {
                let ways = self.streams.gone(connection);
                self.tell(Input::Sip(sip::Input::Closed { connection }), now, out);
                for (transport, remote) in ways {
                    self.tell(Input::Sip(sip::Input::Unreachable { transport, remote }), now, out);
                }
            }
            Arrival::Asked { request, by, answers } => self.asked(request, &by, answers, now, out),
            Arrival::Loaded { loaded, answers } => self.loaded(loaded, &answers, now, out),
            Arrival::Stop => self.stop(now, out),
        }
    }

    fn tell(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        let received = match &input {
            Input::Sip(sip::Input::Received { flow, bytes } | sip::Input::Late { flow, bytes }) => {
                Some((*flow, bytes.clone()))
            }
            _ => None,
        };
        let dropped = self.switch.endpoint().dropped();
        self.switch.handle(input, now, out);
        // What was dropped unread leaves no trace either: a flood would wash out all the others.
        if let Some((flow, bytes)) = received
            && self.switch.endpoint().dropped() == dropped
        {
            self.watch.record(now, false, flow, bytes);
        }
        self.perform(out);
    }

    /// Somebody may have set the system's clock: what comes is named by it.
    fn follow_the_clock(&mut self, out: &mut Vec<Output>) {
        let now = self.clock.now();
        self.compare_at = now + COMPARE_EVERY;
        let was = self.clock.wall();
        if let Some(by_ms) = self.clock.follow() {
            let by = format_args!("{:+.3} s", by_ms as f64 / 1e3);
            warn!(
                "the system's clock was set by {by}; dates and opening hours follow it, calls that stand keep theirs"
            );
            self.journal.clock_is_set(was, by_ms, self.switch.standing().map(call::Call::id));
            self.tell(Input::ClockSet(self.clock.wall()), now, out);
        }
    }

    /// An interface may have got another address: carriers must not go on calling the old one.
    fn look_where_we_are(&mut self, now: Time, out: &mut Vec<Output>) {
        self.look_at = now + LOOK_EVERY;
        if self.addresses.look_again(self.switch.trunk_addresses(now).into_iter()) {
            info!("our own address has changed; trunks are told");
            self.tell(Input::Moved, now, out);
        }
        let addresses = self.addresses.lost();
        if addresses != self.lost {
            info!(?addresses, "our own addresses that are gone; calls that stand move where there is another way out");
            self.lost.clone_from(&addresses);
        }
        self.tell(Input::Lost { addresses }, now, out);
    }

    /// What trunks have carried today and what people have used is kept, if it has changed: a crash forgets no more than a few
    /// seconds' calls.
    fn keep_today(&mut self, answers: Option<Answers>) {
        let text = serde_json::to_string(&self.switch.used(self.clock.now())).unwrap_or_default();
        if text != self.used_kept {
            self.used.keep(text.clone(), answers.clone());
            self.used_kept = text;
        }
        let text = serde_json::to_string(&self.switch.trunks_today(self.clock.now())).unwrap_or_default();
        if text != self.today_kept {
            self.today.keep(text.clone(), answers);
            self.today_kept = text;
        }
    }

    fn stop(&mut self, now: Time, out: &mut Vec<Output>) {
        self.stopping.get_or_insert(now + GOODBYE_TIME);
        info!(calls = self.switch.calls(), "stopping: calls are ended, recordings closed");
        self.tell(Input::Shutdown, now, out);
    }

    fn send(&mut self, flow: Flow, bytes: Bytes) {
        match flow.transport {
            Transport::Udp => {
                let ours = |udp: &&Rc<UdpListener>| {
                    udp.address.port() == flow.local.port() && udp.address.is_ipv4() == flow.remote.is_ipv4()
                };
                let sent = self.udp.iter().find(ours).map(|udp| udp.send(flow.remote, &bytes));
                // What the network might lose SIP says again; where there is no way at all, another is found sooner.
                let no_way = |why: &io::Error| {
                    matches!(why.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable)
                };
                if sent.is_none_or(|sent| sent.is_err_and(|why| no_way(&why))) {
                    let (transport, remote) = (flow.transport, flow.remote);
                    arrive(&self.door, Input::Sip(sip::Input::Unreachable { transport, remote }));
                }
            }
            _ => {
                if let Err(Unsent) = self.streams.send(flow, bytes) {
                    // The switch learns it as it learns everything: from its inbox.
                    let (transport, remote) = (flow.transport, flow.remote);
                    let lost = match flow.connection {
                        0 => sip::Input::Unreachable { transport, remote },
                        connection => sip::Input::Closed { connection },
                    };
                    arrive(&self.door, Input::Sip(lost));
                }
            }
        }
    }

    fn perform(&mut self, out: &mut Vec<Output>) {
        for output in out.drain(..) {
            match output {
                Output::Send { flow, bytes } => {
                    self.watch.record(self.clock.now(), true, flow, bytes.clone());
                    self.send(flow, bytes);
                }
                Output::NotCopied { call, why } => warn!(%call, "a recorder elsewhere does not hear this call: {why}"),
                Output::Dialog { call, sip_call_id } => self.watch.dialog(call, sip_call_id),
                Output::Ask(question) => self.names.ask(question),
                Output::Located { place, targets } => {
                    logging::located(&place, &targets);
                    self.streams.reach(&place, &targets);
                }
                Output::Close { connection } => self.streams.close(connection),
                Output::Reuse { connection, trunk, remote } => self.streams.reuse(connection, &trunk, remote),
                Output::Media { thread, command } => self.media.command(thread, command),
                Output::Record(input) => {
                    let begins = match &input {
                        recorder::Input::Open { id, .. } => Some(*id),
                        _ => None,
                    };
                    match (self.recorder.tell(input), begins) {
                        (true, _) => {}
                        (false, Some(id)) => {
                            let why = "the recorder is far behind; look after its disk".to_owned();
                            arrive(&self.door, Input::Recorder(recorder::Event::Failed { id, why }));
                        }
                        (false, None) => {
                            error!(
                                "the recorder is far behind; a recording keeps its temporary name until the next start"
                            );
                        }
                    }
                }
                Output::Fact { call, fact } => {
                    logging::fact(call, &fact);
                    self.metrics.call(&fact.what);
                    if let Some(record) = Record::of_call(call, fact.what) {
                        self.journal.append(fact.at, record);
                    }
                }
                Output::Disposed { call, fact, recordings, said } => {
                    logging::fact(call, &fact);
                    let by = said.last().map(|last| last.said.actor.by.clone()).unwrap_or_default();
                    let said = serde_json::json!(said);
                    for file in recordings {
                        self.messages.ask(Ask::Note(Note { file, by: by.clone(), said: said.clone() }));
                    }
                    if let Some(record) = Record::of_call(call, fact.what) {
                        self.journal.amend(call, fact.at, record);
                    }
                }
                Output::Cdr { call, cdr } => self.journal.over(call, cdr),
                Output::Hours { hours, by_hand } => {
                    let how = by_hand.map_or("by the clock again", |open| if open { "opened" } else { "closed" });
                    info!(hours, "{how}");
                    self.hours.keep(print_hours(&self.switch), None);
                    self.journal.append(self.clock.now(), Record::Hours { hours, by_hand });
                }
                Output::Wish { account, wish, to } => {
                    info!(account, to, "{wish}");
                    self.wishes.keep(print_wishes(&self.switch), None);
                    let record = Record::Wish { account, wish: wish.to_string(), to };
                    self.journal.append(self.clock.now(), record);
                }
                Output::Phones { account, kept } => self.phones.keep(account, &kept),
                Output::Voicemail { kept } => {
                    self.voicemail.keep(kept, None);
                    self.mail.wake();
                    self.mailboxes.keep(mailboxes::print(self.switch.mailboxes()), None);
                }
                Output::WhenFree { kept } => {
                    self.when_free.keep(serde_json::to_string(&kept).unwrap_or_default(), None);
                }
                Output::CallBacks { kept } => self.call_backs.keep(kept, None),
                Output::AskWeb(ask) => self.web.ask(ask),
                Output::Fetch { call, file } => self.messages.ask(Ask::Fetch { call, file }),
                Output::EraseMessage { file, account } => self.messages.ask(Ask::Erase { file, account }),
                Output::Queue(fact) => {
                    logging::queue(&fact);
                    self.metrics.queue(&fact.what);
                    self.alerts.tell(&fact.what);
                    self.journal.append(fact.at, Record::Queue(fact.what));
                }
                Output::Trunk(news) => logging::trunk(&news),
                Output::Log(event) => logging::sip(&event),
                Output::Recorded(event) => {
                    self.metrics.recording(&event);
                    logging::recording(&event);
                }
                Output::OverLimit { account, limit } => logging::over_limit(&account, limit),
                Output::Blocked { account } => {
                    error!(
                        account,
                        "refused too often: nothing goes outside on this account; change its password, then `centrala unban`"
                    );
                }
                Output::PortsUsedUp { legs } => {
                    error!(legs, "all media ports are in use, and calls are refused; give [media] ports a wider range");
                }
                Output::Fault => {
                    self.metrics.fault();
                    error!("a fault of ours lost a SIP message; please report it with the lines before this one")
                }
            }
        }
    }

    /// Everything in its order: media gives up what it gathered, the recorder writes it, the journal its last lines.
    fn finish(self) {
        let Control { api, streams, media, recorder, expiry, recorder_threads, journal, journal_thread, .. } = self;
        drop(self.phones);
        api.into_iter().for_each(Api::stop);
        let _ = self.phones_thread.join();
        streams.stop();
        media.stop();
        drop((recorder, expiry));
        for thread in recorder_threads {
            let _ = thread.join();
        }
        drop(journal);
        let _ = journal_thread.join();
        info!("stopped");
    }
}

/// What is kept of the hours that were opened and closed by hand.
fn print_hours(switch: &Switch) -> String {
    serde_json::to_string(switch.hours_by_hand()).unwrap_or_default()
}

/// What is kept of what people want of the calls to them.
fn print_wishes(switch: &Switch) -> String {
    serde_json::to_string(switch.wishes()).unwrap_or_default()
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
pub(super) fn arrive(inbox: &Sender<Arrival>, input: Input) {
    if let Err(TrySendError::Full(_)) = inbox.try_send(Arrival::Input(input)) {
        warn!("the control thread is far behind; an event was lost");
    }
}
