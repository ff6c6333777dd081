//! What an endpoint is set up with.

use std::collections::HashMap;

use super::bans::BanConf;
use super::floods::FloodConf;
use super::proxies::Proxies;
use crate::Network;
use crate::digest::{Algorithm, Credentials, Ha1};
use crate::wire::Limits;

/// The settings of this room.
#[derive(Clone, Debug)]
pub struct SipConf {
    /// The realm of our challenges; accounts' hashes are made for it.
    pub realm: String,
    /// Our name in Server and User-Agent.
    pub server: String,
    /// Who may register and call, by the user part of their AOR.
    pub accounts: HashMap<String, Account>,
    /// Who may call without a password, by source address.
    pub trunks: Vec<Peer>,
    /// Who stands before us and is believed.
    pub proxies: Proxies,
    /// The algorithms of our challenges, the preferred first, where an account does not say.
    pub algorithms: Vec<Algorithm>,
    /// A REGISTER that asks for less is answered 423.
    pub expires_secs_min: u32,
    /// No binding lasts longer.
    pub expires_secs_max: u32,
    /// A binding lasts up to so much less than it might, each time otherwise: phones that all came back at once, as after a
    /// power cut, do not stay in step for ever. At most 50.
    pub expires_spread_percent: u32,
    /// A phone that keeps a flow to us is told to keep it alive at least every so many seconds (RFC 5626 §5.4); 0 says nothing.
    pub flow_timer_secs: u32,
    /// By which proxies phones are to send what they ask for, as header values (RFC 3608).
    pub service_route: Vec<String>,
    /// Domains of ours, in small letters, beside those that our people call themselves by.
    pub domains: Vec<String>,
    /// Contacts of one account.
    pub bindings_max: usize,
    /// What a message may measure.
    pub limits: Limits,
    /// Transactions at a time; above it new requests are answered 503 and those in dialogs a quarter longer.
    pub transactions_max: usize,
    /// Incoming and outgoing INVITE dialogs at a time; above it an incoming one is answered 503.
    pub legs_max: usize,
    /// A SUBSCRIBE that asks for less is answered 423.
    pub watch_secs_min: u32,
    /// No subscription lasts longer.
    pub watch_secs_max: u32,
    /// Subscriptions of one account.
    pub watches_per_account: usize,
    /// Subscriptions of all together; above it a new one is answered 503.
    pub watches_max: usize,
    /// What a text may measure; a longer one is answered 413.
    pub text_bytes_max: usize,
    /// Texts under way; above it one is answered 503.
    pub texts_max: usize,
    /// Nonces that were used with a right password and are remembered for their 60 s.
    pub nonces_max: usize,
    /// When somebody who guesses passwords is kept out.
    pub bans: BanConf,
    /// How many requests strangers may send.
    pub floods: FloodConf,
}

/// One who may register.
#[derive(Clone, Debug)]
pub struct Account {
    /// The password's hashes, for the realm of the endpoint.
    pub ha1: Ha1,
    /// What it may authenticate with; empty means the endpoint's own list.
    pub algorithms: Vec<Algorithm>,
}

/// A trunk, trusted by where its requests come from, or by where they go.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its name in `Origin::Trunk`.
    pub name: String,
    /// The addresses it is at, and calls from.
    pub addresses: Vec<Network>,
    /// It shows a certificate when it calls: its addresses alone prove nothing.
    pub by_certificate: bool,
    /// If set, only requests from this port are its.
    pub port: Option<u16>,
    /// The `line` in the Contact we register with it: what nobody else can know, so a call to it is its, wherever it comes
    /// from.
    pub line: Option<String>,
    /// Whom we are if it asks within a call of its own.
    pub credentials: Option<Credentials>,
}

impl Default for SipConf {
    fn default() -> SipConf {
        SipConf {
            realm: "centrala".to_owned(),
            server: concat!("Centrala/", env!("CARGO_PKG_VERSION")).to_owned(),
            accounts: HashMap::new(),
            trunks: Vec::new(),
            proxies: Proxies::default(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            expires_secs_min: 60,
            expires_secs_max: 3600,
            expires_spread_percent: 20,
            flow_timer_secs: 120,
            service_route: Vec::new(),
            domains: Vec::new(),
            bindings_max: 10,
            limits: Limits::default(),
            transactions_max: 100_000,
            legs_max: 50_000,
            watch_secs_min: 60,
            watch_secs_max: 3600,
            watches_per_account: 300,
            watches_max: 100_000,
            text_bytes_max: 8_192,
            texts_max: 10_000,
            nonces_max: 200_000,
            bans: BanConf::default(),
            floods: FloodConf::default(),
        }
    }
}
