//! Who may do what: digest for accounts, source addresses for trunks (RFC 3261 §22, `digest`).
//!
//! Where it stands: the endpoint asks it before anything is done for a request. A stranger hears the same whether the
//! user exists or not, and nothing is remembered of him.

use std::cell::Cell;
use std::time::Duration;

use base::Time;
use subtle::ConstantTimeEq;

use super::bans::{Ban, BanConf, Bans};
use super::conf::{Peer, SipConf};
use super::peers::Proofs;
use super::{Event, Output};
use crate::digest::{Algorithm, Nonces, Verdict};
use crate::name_addr::Parts;
use crate::{Flow, Name, Request, Uri, method_name};

/// The gate.
pub struct Gate {
    nonces: Nonces,
    bans: Bans,
}

/// Why nobody is proven.
pub enum Challenges {
    /// To be sent as 401.
    These(Vec<String>),
    /// No password is heard from there for so long: to be sent as 403.
    Banned(Duration),
}

impl Gate {
    /// With a secret of its own.
    pub fn new(conf: &SipConf, secret: [u8; 32]) -> Gate {
        Gate { nonces: Nonces::new(conf.realm.clone(), secret, conf.nonces_max), bans: Bans::default() }
    }

    /// The account that sent a request, proven. `at_home` tells whether an account has a phone where the request is from;
    /// where that is `trusted`, as a trunk's, nobody is kept out.
    pub fn account(
        &mut self,
        conf: &SipConf,
        request: &Request,
        (flow, trusted): (Flow, bool),
        at_home: impl Fn(&str) -> bool,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<String, Challenges> {
        let headers = &request.headers;
        let authorizations = headers.all(&Name::Authorization).chain(headers.all(&Name::ProxyAuthorization));
        let (method, source) = (method_name(request.method), flow.remote.ip());
        let (bans, banned) = (&self.bans, Cell::new(None));
        let ha1 = |user: &str| {
            // One who is kept out is not told whether the password was right, by its work neither.
            let left = if trusted { None } else { bans.left(source, user, || at_home(user), now) };
            banned.set(left);
            let account = conf.accounts.get(user).filter(|_| left.is_none())?;
            Some(account.ha1.only(if account.algorithms.is_empty() { &conf.algorithms } else { &account.algorithms }))
        };
        let verdict = self.nonces.check(authorizations, method, &request.uri, source, now, ha1);
        if let Some(left) = banned.get() {
            return Err(Challenges::Banned(left));
        }
        let stale = match verdict {
            Verdict::Granted { user } => {
                self.bans.proven(source, &user);
                return Ok(user);
            }
            Verdict::Stale { .. } => true,
            Verdict::Missing => false, // a first request without credentials is no failure
            Verdict::Wrong { user } => {
                if !trusted {
                    // A proxy that does not say for whom it speaks is not kept out as a whole.
                    let many = BanConf { source_failures_max: u32::MAX, ..conf.bans.clone() };
                    let bans = if conf.proxies.has(source) { &many } else { &conf.bans };
                    let ban = self.bans.failed(bans, source, &user, now);
                    out.extend(ban.map(|ban| Output::Event(Event::Banned(ban))));
                }
                out.push(refused(flow, user, "wrong password, or an Authorization for another request"));
                false
            }
        };
        Err(Challenges::These(self.nonces.challenges(algorithms(conf, request), source, now, stale)))
    }

    /// The bans in force.
    pub fn bans(&self, now: Time) -> Vec<Ban> {
        self.bans.list(now)
    }

    /// Ends the bans of an account or an address.
    pub fn unban(&mut self, who: &str, now: Time) -> usize {
        self.bans.lift(who, now)
    }

    /// The trunk that sent a request, by the line it is for or as its flow proves; not if it says who it is as a phone does.
    pub fn trunk<'a>(&self, conf: &'a SipConf, request: &Request, proofs: &Proofs, flow: Flow) -> Option<&'a Peer> {
        let proves = [Name::Authorization, Name::ProxyAuthorization].iter().any(|name| request.headers.has(name));
        let uri = request.uri.contains("line=").then(|| request.uri.parse::<Uri>().ok()).flatten();
        let line = uri.as_ref().and_then(|uri| uri.params.get("line"));
        let is_for = |peer: &&Peer| match (&peer.line, line) {
            (Some(ours), Some(theirs)) => ours.as_bytes().ct_eq(theirs.as_bytes()).into(),
            _ => false,
        };
        let by_line = conf.trunks.iter().find(is_for);
        by_line.or_else(|| conf.trunks.iter().find(|peer| proofs.believes(peer, flow))).filter(|_| !proves)
    }
}

/// For the operator's log.
pub fn refused(flow: Flow, account: impl Into<String>, why: &'static str) -> Output {
    Output::Event(Event::Refused { flow, account: account.into(), why })
}

/// The user part of an address header's URI.
pub fn user_of(header: Option<&str>) -> Option<String> {
    let uri: Uri = Parts::read(header?).ok()?.uri.parse().ok()?;
    uri.user
}

/// What to challenge with: where an account has algorithms of its own, those. (An operator who gives some accounts
/// their own tells strangers that these exist; RFC 8760 leaves no other way to serve an MD5-only phone first.)
fn algorithms<'a>(conf: &'a SipConf, request: &Request) -> &'a [Algorithm] {
    let user = user_of(request.headers.first(&Name::From)).unwrap_or_default();
    match conf.accounts.get(&user) {
        Some(account) if !account.algorithms.is_empty() => &account.algorithms,
        _ => &conf.algorithms,
    }
}
