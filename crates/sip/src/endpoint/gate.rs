//! Who may do what: digest for accounts, source addresses for trunks (RFC 3261 §22, `digest`).
//!
//! Where it stands: the endpoint asks it before anything is done for a request. A stranger hears the same whether the
//! user exists or not, and nothing is remembered of him.

use std::net::IpAddr;

use base::Time;

use super::conf::{Peer, SipConf};
use super::{Event, Output};
use crate::digest::{Algorithm, Nonces, Verdict};
use crate::name_addr::Parts;
use crate::{Flow, Name, Request, Uri, method_name};

/// The gate.
pub struct Gate {
    nonces: Nonces,
}

/// A challenge to be sent as 401.
pub type Challenges = Vec<String>;

impl Gate {
    /// With a secret of its own.
    pub fn new(conf: &SipConf, secret: [u8; 32]) -> Gate {
        Gate { nonces: Nonces::new(conf.realm.clone(), secret, conf.nonces_max) }
    }

    /// The account that sent a request, proven.
    pub fn account(
        &mut self,
        conf: &SipConf,
        request: &Request,
        flow: Flow,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<String, Challenges> {
        let headers = &request.headers;
        let authorizations = headers.all(&Name::Authorization).chain(headers.all(&Name::ProxyAuthorization));
        let (method, source) = (method_name(request.method), flow.remote.ip());
        let ha1 = |user: &str| {
            let account = conf.accounts.get(user)?;
            Some(account.ha1.only(if account.algorithms.is_empty() { &conf.algorithms } else { &account.algorithms }))
        };
        let stale = match self.nonces.check(authorizations, method, &request.uri, source, now, ha1) {
            Verdict::Granted { user } => return Ok(user),
            Verdict::Stale { .. } => true,
            Verdict::Missing => false, // a first request without credentials is no failure
            Verdict::Wrong { user } => {
                out.push(refused(flow, user, "wrong password, or an Authorization for another request"));
                false
            }
        };
        Err(self.nonces.challenges(algorithms(conf, request), source, now, stale))
    }

    /// The trunk that sent a request, by its address; not if it says who it is as a phone does.
    pub fn trunk<'a>(&self, conf: &'a SipConf, request: &Request, flow: Flow) -> Option<&'a Peer> {
        let proves = [Name::Authorization, Name::ProxyAuthorization].iter().any(|name| request.headers.has(name));
        conf.trunks.iter().find(|peer| !proves && is_from(peer, flow))
    }
}

/// Does the trunk call from there?
pub fn is_from(peer: &Peer, flow: Flow) -> bool {
    let source = unmapped(flow.remote.ip());
    peer.port.is_none_or(|port| port == flow.remote.port())
        && peer.addresses.iter().any(|known| unmapped(*known) == source)
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

fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
