//! How the control thread begins: sockets, threads, the switch.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::thread::JoinHandle;

use ::voicemail::Mailboxes;
use recorder::{Keyring, Manifest, Recorder, RecorderConf};
use sip::Transport;
use tokio::sync::mpsc::Sender;
use tokio::task::spawn_local;
use tracing::{error, info, warn};

use super::super::alerts::Alerts;
use super::super::api::Api;
use super::super::ask::SOCKET;
use super::super::clock::Clock;
use super::super::console::Console;
use super::super::encoder::Encoder;
use super::super::expiry::Expiry;
use super::super::hook::Hook;
use super::super::identity::identity;
use super::super::inbox::Inbox;
use super::super::journal::Journal;
use super::super::kept::KeptFile;
use super::super::mail::Mail;
use super::super::mailboxes;
use super::super::media_threads::{MediaThreads, Way};
use super::super::metrics::Metrics;
use super::super::names::Names;
use super::super::phones::KeptPhones;
use super::super::recorder_thread::{self, Door};
use super::super::reload::Standing;
use super::super::scrape::Scrape;
use super::super::server::StartError;
use super::super::settler::Settler;
use super::super::streams::{StreamListener, Streams};
use super::super::tls::{Carriers, Certificate};
use super::super::udp::UdpListener;
use super::super::voicemail::{self, Messages};
use super::super::watch::Watch;
use super::super::web::Web;
use super::super::{Addresses, icmp, prepare, random};
use super::{Arrival, Control, arrive};
use crate::conf::{Conf, MaskSound};
use crate::{Input, Switch};

impl Control {
    /// Everything a switch needs, and where it listens.
    pub fn start(conf: Conf, inbox: &Sender<Arrival>) -> Result<(Control, Vec<(Transport, SocketAddr)>), StartError> {
        let clock = Clock::start();
        let mut random = random()?;

        let mut udp = Vec::new();
        let mut streams = Vec::new();
        for address in &conf.switch.listen {
            match listen(*address) {
                // A machine without IPv6 is no reason not to start, where nobody asked for an address of it.
                Err((_, why)) if address.is_ipv6() && address.ip().is_unspecified() && is_unsupported(&why) => {
                    warn!("no IPv6 here; not listening on {address}");
                }
                Err((transport, why)) => return Err(StartError::Listen { address: *address, transport, why }),
                Ok((listener, stream)) => {
                    udp.push(Rc::new(listener));
                    streams.push(stream);
                }
            }
        }
        // Those come first that trunks know us by: to whom else would we open a connection?
        for address in conf.switch.listen_tls_trunks.iter().copied() {
            let fault = |why| StartError::Listen { address, transport: "TLS", why };
            streams.push(StreamListener::bind(Transport::Tls, address).map_err(fault)?.asking());
        }
        for (transport, address) in conf.switch.stream_listeners() {
            let fault = |why| StartError::Listen { address, transport: transport.as_str(), why };
            streams.push(StreamListener::bind(transport, address).map_err(fault)?);
        }
        let mut listening: Vec<_> = udp.iter().map(|listener| (Transport::Udp, listener.address)).collect();
        listening.extend(streams.iter().map(|listener| (listener.transport, listener.address)));
        let addresses = Rc::new(Addresses::new(listening.clone(), conf.switch.advertised.clone()));
        let certificate = if conf.switch.speaks_tls() { Some(Certificate::load(&conf)?) } else { None };

        let (recorder, expiry, recorder_threads, salvaged) = start_recorder(&conf, clock, inbox.clone())?;
        #[cfg(feature = "s3")]
        let shipper = super::super::shipper::Shipper::start(&archives(&conf)?.0, &conf.switch, clock)?;
        let folder = &conf.switch.journal;
        let fault = |why| StartError::Journal { folder: folder.clone(), why };
        let (journal, journal_thread, queues) =
            Journal::start(folder, conf.switch.journal_keep, clock).map_err(fault)?;

        let (events, clips) = (inbox.clone(), recorder.clone());
        let identity = identity(clock)?;
        let way = Way::of(conf.switch.media_net).ok_or(StartError::IoUring)?;
        info!(threads = conf.switch.media_threads, by = way.as_str(), "media");
        let media = MediaThreads::start(
            (conf.switch.media_threads, way),
            conf.switch.media.clone(),
            (clock, random.fork(), identity.clone()),
            move |event| arrive(&events, Input::Media(event)),
            move |recording, channel, clip| clips.bring(recording, channel, clip),
        )?;
        let (own, door) = (addresses.clone(), inbox.clone());
        let towards = move |transport, remote| own.towards(transport, remote);
        let mut switch = Switch::new(&conf, towards, clock.wall(), random);
        switch.serve_browsers(identity.fingerprints());
        let (mailboxes, kept) = KeptFile::open(&folder.join(mailboxes::FILE), mailboxes::read);
        switch.remember_mailboxes(kept);
        let (voicemail, mut kept) = KeptFile::open(&folder.join(VOICEMAIL_FILE), |text| Ok(Mailboxes::read(text)?));
        let (archives, keys) = archives(&conf)?;
        kept.retain(|message| voicemail::find(&archives, &message.file).is_some());
        let found = salvaged.into_iter().filter(|(account, message)| kept.salvaged(account, message.clone())).count();
        switch.remember_voicemail(kept);
        if found > 0 {
            voicemail.keep(switch.voicemail().print(), None);
        }
        let mail = Mail::start(archives.clone(), keys.clone(), conf.switch.recording.format, conf.mail.clone(), clock)?;
        let events = inbox.clone();
        let messages = Messages::start(archives, keys, clock, move |call, file, sound| {
            arrive(&events, Input::Fetched { call, file, sound });
        })?;
        let (call_backs, kept) =
            KeptFile::open(&folder.join(CALL_BACKS_FILE), |text| Ok(serde_json::from_str::<Vec<acd::Wish>>(text)?));
        switch.remember_call_backs(kept);
        let (hours, kept) = KeptFile::open(&folder.join(HOURS_FILE), |text| Ok(serde_json::from_str(text)?));
        switch.remember_hours(kept);
        let (wishes, kept) = KeptFile::open(&folder.join(WISHES_FILE), |text| Ok(serde_json::from_str(text)?));
        switch.remember_wishes(kept);
        let restored = |account: &str, kept| switch.remember_phones(account, kept, clock.now());
        let (phones, phones_thread) = KeptPhones::start(folder, restored).map_err(fault)?;
        let (when_free, kept) = KeptFile::open(&folder.join(WHEN_FREE_FILE), |text| Ok(serde_json::from_str(text)?));
        switch.remember_when_free(kept, clock.now());
        let (today, kept) = KeptFile::open(&folder.join(TODAY_FILE), |text| Ok(serde_json::from_str(text)?));
        switch.remember_trunks_today(&kept, clock.now());
        let (used, kept) = KeptFile::open(&folder.join(USED_FILE), |text| Ok(serde_json::from_str(text)?));
        switch.remember_used(kept, clock.now());
        prepare::prompts(&conf)?;

        for listener in &udp {
            spawn_local(listener.clone().read(addresses.clone(), inbox.clone()));
            spawn_local(icmp::read(listener.clone(), inbox.clone()));
        }
        let carriers = Carriers::new(&conf, certificate.as_ref())?;
        let (limits, own) = (conf.switch.connections, Addresses::clone(&addresses));
        let streams = Streams::start(streams, certificate.clone(), carriers, limits, own, inbox.clone())?;
        if let Some(address) = conf.switch.metrics {
            let fault = |why| StartError::Listen { address, transport: "HTTP", why };
            spawn_local(Scrape::bind(address).map_err(fault)?.serve(inbox.clone()));
        }
        let api = |address| {
            let (conf, feed) = (&conf.switch.api, journal.feed());
            let fault = |why| StartError::Listen { address, transport: "HTTP", why };
            Api::start(address, conf, folder.clone(), (feed, journal.progress().clone()), inbox.clone()).map_err(fault)
        };
        let api = conf.switch.api.door().map(api).transpose()?;
        let socket = folder.join(SOCKET);
        match Console::open(&socket) {
            Ok(console) => drop(spawn_local(console.serve(inbox.clone(), journal.progress().clone()))),
            Err(why) => warn!(socket = %socket.display(), "no commands but signals: cannot open the socket ({why})"),
        }
        let mut control = Control {
            clock,
            switch,
            udp,
            streams,
            media,
            recorder,
            expiry,
            #[cfg(feature = "s3")]
            _shipper: shipper,
            recorder_threads,
            journal,
            journal_thread,
            phones,
            phones_thread,
            mailboxes,
            voicemail,
            messages,
            mail,
            when_free,
            web: Web::start(inbox.clone())?,
            hours,
            call_backs,
            alerts: Alerts::start(&conf.switch.alert_hook)?,
            api,
            wishes,
            today,
            used,
            today_kept: String::new(),
            used_kept: String::new(),
            names: Names::new(&conf.switch.dns_servers, door),
            standing: Standing::of(&conf, certificate),
            inbox: Inbox::new(conf.switch.emergency.clone()),
            door: inbox.clone(),
            watch: Watch::new(clock),
            metrics: Metrics::new(clock.today().as_second()),
            lost: BTreeSet::new(),
            look_at: clock.now(),
            compare_at: clock.now(),
            addresses,
            draining: None,
            stopping: None,
        };
        control.tell(Input::Restore(queues), clock.now(), &mut Vec::new());
        Ok((control, listening))
    }
}

/// Of ports the system chose for UDP, so many may be somebody's by TCP.
const PORTS_TRIED_MAX: usize = 16;

/// Listens by UDP, and by TCP on the same port. Where that is to be any, one that is free for both is looked for.
fn listen(address: SocketAddr) -> Result<(UdpListener, StreamListener), (&'static str, io::Error)> {
    let mut tried = 0;
    loop {
        let udp = UdpListener::bind(address).map_err(|why| ("UDP", why))?;
        tried += 1;
        match StreamListener::bind(Transport::Tcp, udp.address) {
            Ok(stream) => return Ok((udp, stream)),
            Err(why) if address.port() == 0 && why.kind() == io::ErrorKind::AddrInUse && tried < PORTS_TRIED_MAX => {}
            Err(why) => return Err(("TCP", why)),
        }
    }
}

/// Who wants to be called back, in the journal's folder.
const CALL_BACKS_FILE: &str = "call-backs.json";
/// The hours that stand as somebody has put them, beside it.
const HOURS_FILE: &str = "hours.json";
/// What people want of the calls to them, beside it.
const WISHES_FILE: &str = "wishes.json";
/// Who waits for somebody to be free, beside it.
const WHEN_FREE_FILE: &str = "when-free.json";
/// The messages left for people, beside it.
const VOICEMAIL_FILE: &str = "voicemail.json";
/// What trunks have carried today, beside it.
const TODAY_FILE: &str = "trunks-today.json";
/// What people have used of what they may, and who is blocked, beside it.
const USED_FILE: &str = "people-used.json";

type RecorderThreads = Vec<JoinHandle<()>>;
/// Messages that were being left when a switch was killed, and for whom.
type LeftMessages = Vec<(String, ::voicemail::Message)>;

/// Where recordings lie, and what opens them.
fn archives(conf: &Conf) -> Result<(Vec<PathBuf>, Keyring), StartError> {
    let recording = &conf.switch.recording;
    let keys = recording.key_file.as_deref().map(Keyring::read).transpose()?.unwrap_or_default();
    let folders = [Some(&recording.folder), recording.spill.as_ref()].into_iter().flatten().cloned().collect();
    Ok((folders, keys))
}

fn start_recorder(
    conf: &Conf,
    clock: Clock,
    inbox: Sender<Arrival>,
) -> Result<(Door, Expiry, RecorderThreads, LeftMessages), StartError> {
    let recording = &conf.switch.recording;
    let (folders, keys) = archives(conf)?;
    let recorder = Recorder::new(RecorderConf {
        folder: recording.folder.clone(),
        spill: recording.spill.clone(),
        floor_bytes: recording.floor_mb.saturating_mul(1_000_000),
        keys: keys.clone(),
        mask_tone: recording.mask_sound == MaskSound::Tone,
        live_opus: recording.live && recording.format == recorder::Format::Opus,
        ..RecorderConf::default()
    })?;
    let (mut all_salvaged, mut messages) = (Vec::new(), Vec::new());
    for folder in &folders {
        let salvaged = recorder::salvage(&mut Manifest::new(folder), &keys, clock.today())?;
        messages.extend(salvaged.iter().filter_map(|one| voicemail::salvaged(folder, one)));
        all_salvaged.extend(salvaged);
    }
    for salvaged in all_salvaged {
        let file = salvaged.file.display();
        match salvaged.outcome {
            Ok(seconds) => info!(%file, seconds, "salvaged a recording that was cut off"),
            Err(why) => error!(%file, "a recording that was cut off could not be salvaged: {why}"),
        }
    }
    let (hook, hook_thread) = Hook::start(&folders, recording, clock)?.unzip();
    let (encoder, encoder_thread) = Encoder::start(&folders, recording.format, &keys, hook.clone(), clock)?.unzip();
    let settled = inbox.clone();
    let (settler, settler_thread) =
        Settler::start(encoder, hook, clock, move |event| arrive(&settled, Input::Recorder(event)))?;
    let (expiry, expiry_thread) = Expiry::start(&folders, conf.retention.clone(), clock)?;
    let events = move |event| arrive(&inbox, Input::Recorder(event));
    let (door, recorder_thread) = recorder_thread::start(recorder, settler, folders, clock, events)?;
    let threads = [recorder_thread, settler_thread].into_iter().chain(encoder_thread).chain(hook_thread);
    Ok((door, expiry, threads.chain([expiry_thread]).collect(), messages))
}

fn is_unsupported(why: &io::Error) -> bool {
    let unsupported = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    why.raw_os_error() == Some(unsupported) || why.kind() == io::ErrorKind::AddrNotAvailable
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ports of one machine are soon taken by one kind of socket alone: each of these must find one free for both.
    #[tokio::test]
    async fn any_port_is_one_that_is_free_for_both() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        // One in sixty of the ports that are given out, by TCP alone.
        let taken: Vec<_> = (0..500).map_while(|_| std::net::TcpListener::bind(any).ok()).collect();
        let found: Vec<_> =
            (0..150).map(|_| listen(any).map_err(|(transport, why)| format!("{transport}: {why}"))).collect();
        assert!(
            taken.len() == 500 && found.iter().all(Result::is_ok),
            "{:?}",
            found.iter().find_map(|one| one.as_ref().err())
        );
        for (udp, stream) in found.iter().flatten() {
            assert_eq!(udp.address, stream.address);
        }
        let full = found[0].as_ref().map(|(udp, _)| udp.address).expect("a port");
        assert_eq!(
            listen(full).err().map(|(transport, _)| transport),
            Some("UDP"),
            "what was asked for by number is taken"
        );
    }
}
