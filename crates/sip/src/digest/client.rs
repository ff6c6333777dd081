//! A challenge and our answer to it, for trunks that ask who we are (RFC 7616 §3.4).

use std::fmt;

use sha2::Sha256;

use super::fields::Fields;
use super::{Algorithm, Asked, Ha1, joined};
use crate::Name;
use crate::text::quote;

/// Whom we are for a server that challenges us.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password; never logged.
    pub password: String,
    /// The one realm it is for; none where the server may name any.
    pub realm: Option<String>,
}

impl Credentials {
    /// What stands in the Contact we register with this trunk: only who knows the password can tell it, and it is the same
    /// after a restart.
    pub fn line(&self, trunk: &str) -> String {
        let hash = joined::<Sha256>(&["line", trunk, &self.user, &self.password]);
        super::hex(&hash[..LINE_BYTES])
    }
}

/// 96 bits.
const LINE_BYTES: usize = 12;

/// The Authorization (or Proxy-Authorization) that answers a challenge; `None` if it asks for what we do not speak.
///
/// `nc` counts the requests sent with this nonce from 1; `cnonce` is 64 random bits or more.
pub fn respond(
    challenge: &str,
    credentials: &Credentials,
    method: &str,
    uri: &str,
    nc: u32,
    cnonce: &str,
) -> Option<String> {
    let challenge = Challenge::read(challenge, false).filter(|challenge| challenge.is_for(credentials))?;
    Some(challenge.answer(credentials, method, uri, nc, cnonce))
}

/// What a server asks, where we can answer it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    /// The nonce before was right, but too old.
    pub(super) stale: bool,
    algorithm: Algorithm,
    /// Said, and so to be repeated.
    named: bool,
    /// `qop=auth`; a server of RFC 2069 knows none.
    qop: bool,
    opaque: Option<String>,
    proxy: bool,
}

impl Challenge {
    /// Reads one; `None` if it asks for what we do not speak. `proxy`: of a 407.
    pub(super) fn read(text: &str, proxy: bool) -> Option<Challenge> {
        let fields = Fields::read(text)?;
        let named = fields.get("algorithm");
        let qop = fields.get("qop");
        if qop.as_ref().is_some_and(|offered| !offered.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth"))) {
            return None;
        }
        Some(Challenge {
            realm: fields.get("realm")?.into_owned(),
            nonce: fields.get("nonce")?.into_owned(),
            stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            algorithm: named.as_deref().map_or(Some(Algorithm::Md5), Algorithm::named)?, // RFC 7616 §3.3: MD5 if unsaid
            named: named.is_some(),
            qop: qop.is_some(),
            opaque: fields.get("opaque").map(|opaque| opaque.into_owned()),
            proxy,
        })
    }

    /// May it be answered with these?
    pub(super) fn is_for(&self, credentials: &Credentials) -> bool {
        credentials.realm.as_ref().is_none_or(|realm| *realm == self.realm)
    }

    /// The stronger, the higher.
    pub(super) fn strength(&self) -> u8 {
        match self.algorithm {
            Algorithm::Md5 => 0,
            Algorithm::Sha256 => 1,
        }
    }

    /// Does the server count how often its nonce is used, so that it may be used again?
    pub(super) fn counts(&self) -> bool {
        self.qop
    }

    /// The header its answer goes in.
    pub(super) fn answered_in(&self) -> Name {
        if self.proxy { Name::ProxyAuthorization } else { Name::Authorization }
    }

    /// The answer.
    pub(super) fn answer(&self, credentials: &Credentials, method: &str, uri: &str, nc: u32, cnonce: &str) -> String {
        let nc = format!("{nc:08x}");
        let qop = self.qop.then_some((&*nc, cnonce));
        let asked = Asked { method, uri, nonce: &self.nonce, qop };
        let ha1 = Ha1::of(&credentials.user, &self.realm, &credentials.password);
        let response = self.algorithm.response(&ha1.hex(self.algorithm).unwrap_or_default(), &asked);
        let [user, realm, nonce, uri] = [&*credentials.user, &*self.realm, &*self.nonce, uri].map(quote);
        let mut value =
            format!("Digest username={user}, realm={realm}, nonce={nonce}, uri={uri}, response=\"{response}\"");
        if self.named {
            value += &format!(", algorithm={}", self.algorithm.as_str());
        }
        if let Some((nc, cnonce)) = qop {
            value += &format!(", qop=auth, nc={nc}, cnonce={}", quote(cnonce));
        }
        if let Some(opaque) = &self.opaque {
            value += &format!(", opaque={}", quote(opaque));
        }
        value
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, …)", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_answered_as_they_ask() {
        // RFC 7616 §3.9.1
        let mufasa = Credentials { user: "Mufasa".into(), password: "Circle of Life".into(), realm: None };
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let answer = |challenge: &str| respond(challenge, &mufasa, "GET", "/dir/index.html", 1, cnonce);
        let base = "Digest realm=\"http-auth@example.org\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                    opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        for (more, response) in [
            (
                ", qop=\"auth, auth-int\", algorithm=SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
            (", qop=\"auth-int,auth\", algorithm=md5", "8ca523f5e9506fed4657c9700eebdbec"),
            (",qop=auth", "8ca523f5e9506fed4657c9700eebdbec"),
        ] {
            let value = answer(&format!("{base}{more}")).unwrap();
            let fields = Fields::read(&value).unwrap();
            assert_eq!(fields.get("response").as_deref(), Some(response), "{more}");
            assert_eq!(fields.get("opaque").as_deref(), Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"));
            assert_eq!((fields.get("nc").as_deref(), fields.get("qop").as_deref()), (Some("00000001"), Some("auth")));
        }
        assert!(!answer(base).unwrap().contains("qop")); // RFC 2069 servers know none
        for unknown in [", qop=\"auth-int\"", ", algorithm=SHA-512-256", ", algorithm=MD5-sess"] {
            assert_eq!(answer(&format!("{base}{unknown}")), None);
        }
        assert_eq!(answer("Basic realm=\"x\""), None);
    }
}
