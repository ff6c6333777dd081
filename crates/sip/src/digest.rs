//! Digest authentication (RFC 7616, RFC 8760, RFC 2617).
use std::net::IpAddr;

use base::Time;

/// A hash of RFC 8760.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// For phones that know nothing else.
    Md5,
    /// The one to prefer.
    Sha256,
}

/// H(user:realm:password), by algorithm: what is stored in place of a password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Ha1 {
    /// Under MD5.
    pub md5: Option<[u8; 16]>,
    /// Under SHA-256.
    pub sha256: Option<[u8; 32]>,
}

impl Ha1 {
    /// Both hashes of a password.
    pub fn of(user: &str, realm: &str, password: &str) -> Ha1 {
        let _ = (user, realm, password);
        todo!()
    }
}

/// Whom we are for a server that challenges us.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password; never logged.
    pub password: String,
}

/// What a request's Authorization is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is that user.
    Granted {
        /// The user name.
        user: String,
    },
    /// Right password perhaps, but an old nonce: challenge again with `stale=true`.
    Stale,
    /// It is not. Challenge again, and count it.
    Wrong {
        /// The user name it claimed.
        user: String,
    },
    /// No Authorization for our realm that can be read: challenge.
    Missing,
}

/// The server's nonces.
pub struct Nonces {}

impl Nonces {
    /// Nonces of one realm. `secret` is 32 random bytes, `nonces_max` bounds the memory of those used.
    pub fn new(realm: &str, secret: [u8; 32], nonces_max: usize) -> Nonces {
        let _ = (realm, secret, nonces_max);
        Nonces {}
    }

    /// WWW-Authenticate values, one for each algorithm, in that order. Remembers nothing.
    pub fn challenges(&self, algorithms: &[Algorithm], source: IpAddr, now: Time, stale: bool) -> Vec<String> {
        let _ = (algorithms, source, now, stale);
        todo!()
    }

    /// Checks Authorization values. `ha1` looks a user up; an unknown user costs the same work.
    pub fn check<'a>(
        &mut self,
        authorizations: impl Iterator<Item = &'a str>,
        method: &str,
        uri: &str,
        source: IpAddr,
        now: Time,
        ha1: impl FnOnce(&str) -> Option<(Ha1, Vec<Algorithm>)>,
    ) -> Verdict {
        let _ = (authorizations, method, uri, source, now, ha1);
        todo!()
    }
}

/// The Authorization (or Proxy-Authorization) that answers a challenge; `None` if we cannot.
pub fn respond(challenge: &str, credentials: &Credentials, method: &str, uri: &str, nc: u32, cnonce: &str) -> Option<String> {
    let _ = (challenge, credentials, method, uri, nc, cnonce);
    None
}
