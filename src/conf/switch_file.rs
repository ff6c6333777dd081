//! `conf/switch.toml`: where the switch listens, its media ports, its folders.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audio::Codec;
use call::Srtp;
use media::MediaLimits;
use serde::Deserialize;
use sip::digest::Algorithm;
use sip::{BanConf, FloodConf, Proxies, Transport, Uri};
use toml::Spanned;

use super::advertise::{self, Advertised};
use super::features::FeaturesTable;
use super::file::File;
use super::limits::PersonLimits;
use super::music::MusicSaid;
use super::park::ParkTable;
use super::record::RecordTable;
use super::retention::RetentionTable;
use super::siprec::SiprecConf;
use super::speech::{SpeechConf, SpeechTable};
use super::storage::StorageConf;
use super::watch::{self, WatchConf, WatchTable};
use super::{ApiConf, RecordingConf};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A day: no ban lasts longer.
const BAN_SECS_MAX: u64 = DAY.as_secs();

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SwitchFile {
    listen: Vec<Spanned<String>>,
    listen_tls: Vec<Spanned<String>>,
    listen_tls_trunks: Vec<Spanned<String>>,
    listen_ws: Vec<Spanned<String>>,
    listen_wss: Vec<Spanned<String>>,
    advertise: Option<Spanned<String>>,
    advertise_to: BTreeMap<Spanned<String>, Spanned<String>>,
    realm: Spanned<String>,
    digest: Vec<Spanned<String>>,
    calls_max: usize,
    emergency: Vec<Spanned<String>>,
    domains: Vec<String>,
    limits: PersonLimits,
    connections: ConnectionLimits,
    dns: DnsTable,
    proxies: ProxiesTable,
    register: RegisterTable,
    security: SecurityTable,
    watch: WatchTable,
    media: MediaTable,
    recording: RecordingConf,
    siprec: Option<SiprecConf>,
    storage: Option<StorageConf>,
    record: Vec<RecordTable>,
    retention: RetentionTable,
    journal: JournalTable,
    metrics: MetricsTable,
    features: FeaturesTable,
    alerts: AlertsTable,
    park: ParkTable,
    speech: SpeechTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DnsTable {
    servers: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProxiesTable {
    addresses: Vec<Spanned<String>>,
    assert: bool,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RegisterTable {
    expires_secs_min: u32,
    expires_secs_max: u32,
    expires_spread_percent: Spanned<u32>,
    phones_max: usize,
    flow_timer_secs: Spanned<u32>,
    service_route: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SecurityTable {
    wrong_passwords_max: u32,
    wrong_passwords_of_a_source_max: u32,
    ban_secs: u64,
    requests_per_source: u32,
    requests_per_phone: u32,
    requests_of_strangers: u32,
    keys_in_clear: bool,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MediaTable {
    ports: Spanned<String>,
    timeout_secs: u32,
    one_way_secs: u32,
    threads: Spanned<usize>,
    net: MediaNet,
    dscp: Spanned<u8>,
    hold_music: Option<Spanned<MusicSaid>>,
    codecs: Vec<Spanned<String>>,
}

/// By which calls of the system media threads receive and send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaNet {
    /// The better one of those below that the kernel allows.
    Auto,
    /// One call for each datagram, which every kernel has.
    Epoll,
    /// One call for many datagrams.
    IoUring,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MetricsTable {
    listen: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct JournalTable {
    folder: Option<PathBuf>,
    days: u32,
}

impl Default for SwitchFile {
    fn default() -> SwitchFile {
        SwitchFile {
            listen: unplaced(["0.0.0.0:5060", "[::]:5060"]),
            listen_tls: Vec::new(),
            listen_tls_trunks: Vec::new(),
            listen_ws: Vec::new(),
            listen_wss: Vec::new(),
            advertise: None,
            advertise_to: BTreeMap::new(),
            realm: Spanned::new(0..0, "centrala".to_owned()),
            digest: unplaced(["SHA-256", "MD5"]),
            calls_max: 10_000,
            emergency: unplaced(["112"]),
            domains: Vec::new(),
            limits: PersonLimits::default(),
            connections: ConnectionLimits::default(),
            dns: DnsTable::default(),
            proxies: ProxiesTable::default(),
            register: RegisterTable::default(),
            security: SecurityTable::default(),
            watch: WatchTable::default(),
            media: MediaTable::default(),
            recording: RecordingConf::default(),
            siprec: None,
            storage: None,
            record: Vec::new(),
            retention: RetentionTable::default(),
            journal: JournalTable::default(),
            metrics: MetricsTable::default(),
            features: FeaturesTable::default(),
            alerts: AlertsTable::default(),
            park: ParkTable::default(),
            speech: SpeechTable::default(),
        }
    }
}

/// How many connections there may be (TCP, TLS, WebSocket).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionLimits {
    /// At once; more are closed as they come.
    #[serde(rename = "max")]
    pub all_max: usize,
    /// At once from one address, which may be a whole office.
    pub per_source_max: usize,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits { all_max: 20_000, per_source_max: 2_000 }
    }
}

impl Default for RegisterTable {
    fn default() -> RegisterTable {
        RegisterTable {
            expires_secs_min: 60,
            expires_secs_max: 3600,
            expires_spread_percent: Spanned::new(0..0, 20),
            phones_max: 10,
            flow_timer_secs: Spanned::new(0..0, 120),
            service_route: Vec::new(),
        }
    }
}

impl Default for SecurityTable {
    fn default() -> SecurityTable {
        let (bans, floods) = (BanConf::default(), FloodConf::default());
        SecurityTable {
            wrong_passwords_max: bans.failures_max,
            wrong_passwords_of_a_source_max: bans.source_failures_max,
            ban_secs: bans.ban.as_secs(),
            requests_per_source: floods.source,
            requests_per_phone: floods.phone,
            requests_of_strangers: floods.all,
            keys_in_clear: false,
        }
    }
}

impl Default for MediaTable {
    fn default() -> MediaTable {
        MediaTable {
            ports: Spanned::new(0..0, "16384-32767".to_owned()),
            timeout_secs: 60,
            one_way_secs: 10,
            threads: Spanned::new(0..0, 0),
            net: MediaNet::Auto,
            dscp: Spanned::new(0..0, 46),
            hold_music: None,
            codecs: unplaced(["opus", "G722", "PCMA", "PCMU"]),
        }
    }
}

fn unplaced<const N: usize>(texts: [&str; N]) -> Vec<Spanned<String>> {
    texts.into_iter().map(|text| Spanned::new(0..0, text.to_owned())).collect()
}

/// What `switch.toml` says, checked.
#[derive(Clone, Debug)]
pub struct SwitchConf {
    /// Where SIP is spoken, by UDP and by TCP. Never empty.
    pub listen: Vec<SocketAddr>,
    /// Where SIP is spoken by TLS.
    pub listen_tls: Vec<SocketAddr>,
    /// Where trunks speak it that show a certificate of their own.
    pub listen_tls_trunks: Vec<SocketAddr>,
    /// Where SIP is spoken by WebSocket.
    pub listen_ws: Vec<SocketAddr>,
    /// Where SIP is spoken by secure WebSocket.
    pub listen_wss: Vec<SocketAddr>,
    /// The addresses told to others, where the switch stands behind a NAT that maps its ports one to one.
    pub advertised: Advertised,
    /// The protection domain of passwords (RFC 7616 §3.3).
    pub realm: String,
    /// The digest algorithms phones are offered, best first.
    pub algorithms: Vec<Algorithm>,
    /// So many calls at once; the next is refused with 503.
    pub calls_max: usize,
    /// Numbers whose callers wait behind nobody, however much there is to do.
    pub emergency: Vec<String>,
    /// Domains of ours, beside those that our people call themselves by.
    pub domains: Vec<String>,
    /// What each person may use, where people.toml does not say.
    pub limits: PersonLimits,
    /// How many connections there may be.
    pub connections: ConnectionLimits,
    /// A registration lasts up to so much less than it might, each time otherwise.
    pub expires_spread_percent: u32,
    /// Who stands before us and is believed.
    pub proxies: Proxies,
    /// The name servers; none: those of the system.
    pub dns_servers: Vec<SocketAddr>,
    /// The shortest and the longest registration, seconds.
    pub expires_secs: RangeInclusive<u32>,
    /// How many phones one account may register.
    pub phones_max: usize,
    /// How long a phone's flow to us may be still; 0: nothing is said of it.
    pub flow_timer_secs: u32,
    /// By which proxies phones are to send, as header values.
    pub service_route: Vec<String>,
    /// When somebody who guesses passwords is kept out.
    pub bans: BanConf,
    /// How many requests strangers may send.
    pub floods: FloodConf,
    /// Who may watch whom, and how much of it there may be.
    pub watch: WatchConf,
    /// The ports RTP is received on; RTCP takes the odd ones.
    pub media_ports: RangeInclusive<u16>,
    /// The media threads' limits.
    pub media: MediaLimits,
    /// The prompt a party hears whom the other has put on hold; the built-in melody where there is none.
    pub(super) hold_music: Option<Spanned<MusicSaid>>,
    /// What is spoken with phones and trunks, best first. Never empty.
    pub codecs: Vec<Codec>,
    /// Keys for encrypted media are offered and taken even where the messages they are in are not encrypted.
    pub keys_in_clear: bool,
    /// How many media threads.
    pub media_threads: usize,
    /// By which calls of the system they receive and send.
    pub media_net: MediaNet,
    /// How calls are recorded.
    pub recording: RecordingConf,
    /// Which are.
    /// Whose recorder hears calls, too.
    pub siprec: Option<SiprecConf>,
    /// Where recordings are sent, too.
    pub storage: Option<StorageConf>,
    pub(super) record: Vec<RecordTable>,
    /// How long they are kept.
    pub(super) retention: RetentionTable,
    /// Where CDRs go.
    pub journal: PathBuf,
    /// How long it is kept, where not for ever.
    pub journal_keep: Option<Duration>,
    /// Where metrics may be read; none: nowhere.
    pub metrics: Option<SocketAddr>,
    /// The door for programs.
    pub api: ApiConf,
    /// What keys do during a call.
    pub features: FeaturesTable,
    /// What is run for each alert of a queue; nothing where it is empty.
    pub alert_hook: Vec<String>,
    /// Callers who are parked.
    pub park: ParkTable,
    /// How values are said.
    pub speech: SpeechConf,
}

impl SwitchConf {
    /// Where connections are taken, besides TCP beside UDP.
    pub fn stream_listeners(&self) -> impl Iterator<Item = (Transport, SocketAddr)> {
        let lists =
            [(Transport::Tls, &self.listen_tls), (Transport::Ws, &self.listen_ws), (Transport::Wss, &self.listen_wss)];
        lists.into_iter().flat_map(|(transport, list)| list.iter().map(move |address| (transport, *address)))
    }

    /// Is a certificate needed?
    pub fn speaks_tls(&self) -> bool {
        let secure = |(transport, _)| matches!(transport, Transport::Tls | Transport::Wss);
        !self.listen_tls_trunks.is_empty() || self.stream_listeners().any(secure)
    }

    /// What of a new conf only a restart applies, in the words of switch.toml.
    pub fn needs_restart(&self, new: &SwitchConf) -> Vec<&'static str> {
        let differs = [
            ("listen", self.listen != new.listen),
            ("listen_tls", self.listen_tls != new.listen_tls),
            ("listen_tls_trunks", self.listen_tls_trunks != new.listen_tls_trunks),
            ("listen_ws", self.listen_ws != new.listen_ws),
            ("listen_wss", self.listen_wss != new.listen_wss),
            ("[dns] servers", self.dns_servers != new.dns_servers),
            ("[connections]", self.connections != new.connections),
            ("advertise", self.advertised != new.advertised),
            ("[media] ports", self.media_ports != new.media_ports),
            ("[media] threads", self.media_threads != new.media_threads),
            ("[media] net", self.media_net != new.media_net),
            ("[media] timeout_secs", self.media.media_timeout_secs != new.media.media_timeout_secs),
            ("[media] one_way_secs", self.media.one_way_secs != new.media.one_way_secs),
            ("[media] codecs", self.codecs != new.codecs),
            ("[media] dscp", self.media.dscp != new.media.dscp),
            ("[recording]", self.recording.needs_restart(&new.recording)),
            ("[storage]", self.storage != new.storage),
            ("[journal] folder", self.journal != new.journal),
            ("[alerts] hook", self.alert_hook != new.alert_hook),
            ("[journal] days", self.journal_keep != new.journal_keep),
            ("[metrics] listen", self.metrics != new.metrics),
            ("the listen of api.toml", self.api.door() != new.api.door()),
        ];
        differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AlertsTable {
    hook: Vec<String>,
}

pub(super) fn read(file: &mut File<'_>, folder: &Path) -> SwitchConf {
    let said: SwitchFile = file.whole().unwrap_or_default();
    let listen: Vec<SocketAddr> = said.listen.iter().filter_map(|text| address(file, text)).collect();
    if said.listen.is_empty() && file.is_clean() {
        file.problem(0..0, "listen is empty; name at least one address and port, such as \"0.0.0.0:5060\"");
    }
    let lists = [&said.listen_tls, &said.listen_tls_trunks, &said.listen_ws, &said.listen_wss];
    let [listen_tls, listen_tls_trunks, listen_ws, listen_wss] =
        lists.map(|list| list.iter().filter_map(|text| address(file, text)).collect());
    let realm = said.realm.get_ref();
    if realm.is_empty()
        || realm.len() > 100
        || realm.chars().any(|letter| letter.is_control() || "\"\\".contains(letter))
    {
        file.problem(said.realm.span(), "realm must be a short text without quotes; a domain name is usual");
    }
    let algorithms = said.digest.iter().filter_map(|text| algorithm(file, text)).collect();
    if said.digest.is_empty() && file.is_clean() {
        file.problem(0..0, "digest is empty; write [\"SHA-256\", \"MD5\"], or only the ones your phones speak");
    }
    let expires_spread_percent = *said.register.expires_spread_percent.get_ref();
    if expires_spread_percent > 50 {
        let what =
            "[register] expires_spread_percent is above 50; registrations would last less than half of what was asked";
        file.problem(said.register.expires_spread_percent.span(), what);
    }
    let mut emergency = Vec::new();
    for number in &said.emergency {
        let text = number.get_ref();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+') {
            file.problem(number.span(), format!("{text:?} is no number; write emergency = [\"112\"]"));
        }
        emergency.push(text.clone());
    }
    if said.register.expires_secs_min > said.register.expires_secs_max {
        file.problem(0..0, "[register] expires_secs_min is above expires_secs_max; swap them");
    }
    if *said.media.dscp.get_ref() > 63 {
        file.problem(
            said.media.dscp.span(),
            "dscp is a number from 0 to 63; 46 is usual for voice, 0 switches marking off",
        );
    }
    let mut codecs: Vec<Codec> = said.media.codecs.iter().filter_map(|text| codec(file, text)).collect();
    codecs.dedup();
    if said.media.codecs.is_empty() && file.is_clean() {
        file.problem(0..0, "[media] codecs is empty; name at least one, such as \"PCMA\", which every phone speaks");
    }
    if *said.media.threads.get_ref() > 256 {
        file.problem(said.media.threads.span(), "threads is at most 256; 0 means one a core");
    }
    let media = MediaLimits {
        media_timeout_secs: said.media.timeout_secs,
        one_way_secs: said.media.one_way_secs,
        dscp: *said.media.dscp.get_ref(),
        ..MediaLimits::default()
    };
    SwitchConf {
        listen,
        listen_tls,
        listen_tls_trunks,
        listen_ws,
        listen_wss,
        advertised: advertise::checked(file, said.advertise.as_ref(), &said.advertise_to),
        realm: realm.clone(),
        algorithms,
        calls_max: said.calls_max,
        emergency,
        domains: said.domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
        limits: said.limits,
        connections: said.connections,
        proxies: Proxies {
            networks: said.proxies.addresses.iter().filter_map(|text| file.parse(text)).collect(),
            assert: said.proxies.assert,
        },
        dns_servers: said.dns.servers.iter().filter_map(|text| name_server(file, text)).collect(),
        expires_spread_percent,
        expires_secs: said.register.expires_secs_min..=said.register.expires_secs_max,
        phones_max: said.register.phones_max.clamp(1, 100),
        flow_timer_secs: flow_timer(file, &said.register.flow_timer_secs),
        service_route: said.register.service_route.iter().filter_map(|text| loose_route(file, text)).collect(),
        bans: BanConf {
            failures_max: said.security.wrong_passwords_max,
            source_failures_max: said.security.wrong_passwords_of_a_source_max,
            ban: Duration::from_secs(said.security.ban_secs.clamp(1, BAN_SECS_MAX)),
            ban_max: Duration::from_secs(BAN_SECS_MAX),
        },
        floods: FloodConf {
            source: said.security.requests_per_source,
            phone: said.security.requests_per_phone,
            all: said.security.requests_of_strangers,
            ..FloodConf::default()
        },
        keys_in_clear: said.security.keys_in_clear,
        watch: watch::checked(file, &said.watch),
        media_ports: ports(file, &said.media.ports),
        media,
        hold_music: said.media.hold_music.clone(),
        codecs,
        media_threads: match *said.media.threads.get_ref() {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get()),
            threads => threads,
        },
        media_net: said.media.net,
        recording: said.recording,
        siprec: said.siprec,
        storage: said.storage,
        record: said.record,
        retention: said.retention,
        journal: said.journal.folder.unwrap_or_else(|| PathBuf::from("journal")),
        journal_keep: (said.journal.days > 0).then(|| DAY * said.journal.days),
        speech: said.speech.checked(file, folder),
        metrics: said.metrics.listen.as_ref().and_then(|text| address(file, text)),
        api: ApiConf::default(),
        features: said.features,
        alert_hook: said.alerts.hook,
        park: said.park,
    }
}

/// `address:port`, or `[v6]:port`.
pub(super) fn address(file: &mut File<'_>, text: &Spanned<String>) -> Option<SocketAddr> {
    let address = text.get_ref().parse().ok();
    if address.is_none() {
        let what = format!(
            "{:?} is no address and port; write it as \"192.0.2.1:5060\" or \"[2001:db8::1]:5060\"",
            text.get_ref()
        );
        file.problem(text.span(), what);
    }
    address
}

fn flow_timer(file: &mut File<'_>, secs: &Spanned<u32>) -> u32 {
    let text = "[register] flow_timer_secs is below 30: phones would do nothing else; 120 is usual, 0 says nothing";
    if matches!(secs.get_ref(), 1..30) {
        file.problem(secs.span(), text);
    }
    *secs.get_ref()
}

/// A proxy that requests are to pass, as it stands in a Route.
fn loose_route(file: &mut File<'_>, text: &Spanned<String>) -> Option<String> {
    let uri: Option<Uri> = text.get_ref().parse().ok();
    let route = uri.filter(|uri| uri.is_sip() && uri.params.has("lr")).map(|uri| format!("<{uri}>"));
    if route.is_none() {
        let what = format!("{:?} is no proxy to pass; write it as \"sip:edge.example;lr\"", text.get_ref());
        file.problem(text.span(), what);
    }
    route
}

/// An address, with a port or without.
fn name_server(file: &mut File<'_>, text: &Spanned<String>) -> Option<SocketAddr> {
    let address = text.get_ref().parse().ok();
    let server = address.or_else(|| text.get_ref().parse().ok().map(|address| SocketAddr::new(address, 53)));
    if server.is_none() {
        let what = format!("{:?} is no address of a name server; write it as \"192.0.2.53\"", text.get_ref());
        file.problem(text.span(), what);
    }
    server
}

pub(super) fn algorithm(file: &mut File<'_>, text: &Spanned<String>) -> Option<Algorithm> {
    match text.get_ref().to_ascii_uppercase().as_str() {
        "SHA-256" => Some(Algorithm::Sha256),
        "MD5" => Some(Algorithm::Md5),
        _ => {
            let what = format!("{:?} is no digest algorithm of ours; write \"SHA-256\" or \"MD5\"", text.get_ref());
            file.problem(text.span(), what);
            None
        }
    }
}

/// Whether media is encrypted.
pub(super) fn srtp(file: &mut File<'_>, text: &Spanned<String>) -> Srtp {
    match text.get_ref().as_str() {
        "off" => Srtp::Off,
        "preferred" => Srtp::Preferred,
        "required" => Srtp::Required,
        other => {
            file.problem(
                text.span(),
                format!("srtp = {other:?} says nothing; write \"required\", \"preferred\" or \"off\""),
            );
            Srtp::Preferred
        }
    }
}

fn codec(file: &mut File<'_>, text: &Spanned<String>) -> Option<Codec> {
    let codec = Codec::from_name(text.get_ref());
    if codec.is_none() {
        let what = format!("{:?} is no codec of ours; write opus, G722, PCMA or PCMU", text.get_ref());
        file.problem(text.span(), what);
    }
    codec
}

fn ports(file: &mut File<'_>, text: &Spanned<String>) -> RangeInclusive<u16> {
    let range = text.get_ref().split_once('-').and_then(|(first, last)| {
        let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first >= 1024 && u32::from(first) + 3 <= u32::from(last)).then_some(first..=last)
    });
    range.unwrap_or_else(|| {
        let what = "[media] ports is no range of ports; write it as \"16384-32767\", above 1023, four ports a call";
        file.problem(text.span(), what);
        16_384..=32_767
    })
}
