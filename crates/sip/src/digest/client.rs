//! Our side of a challenge, for trunks that ask who we are (RFC 7616 §3.4).

use std::fmt;

use super::fields::Fields;
use super::{Algorithm, Asked, Ha1};
use crate::text::quote;

/// Whom we are for a server that challenges us.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password; never logged.
    pub password: String,
}

/// The Authorization (or Proxy-Authorization) that answers a challenge; `None` if it asks for what we do not speak.
/// Of several challenges the first that is answered is to be used (RFC 8760 §2.3).
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
    let fields = Fields::read(challenge)?;
    let (realm, nonce) = (fields.get("realm")?, fields.get("nonce")?);
    let named = fields.get("algorithm");
    let algorithm = named.as_deref().map_or(Some(Algorithm::Md5), Algorithm::named)?; // RFC 7616 §3.3: MD5 if unsaid
    let nc = format!("{nc:08x}");
    let qop = match fields.get("qop") {
        Some(offered) if offered.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")) => Some((&*nc, cnonce)),
        Some(_) => return None,
        None => None, // RFC 2069
    };
    let ha1 = Ha1::of(&credentials.user, &realm, &credentials.password).hex(algorithm)?;
    let response = algorithm.response(&ha1, &Asked { method, uri, nonce: &nonce, qop });
    let [user, realm, nonce, uri] = [&*credentials.user, &*realm, &*nonce, uri].map(quote);
    let mut value = format!("Digest username={user}, realm={realm}, nonce={nonce}, uri={uri}, response=\"{response}\"");
    if named.is_some() {
        value += &format!(", algorithm={}", algorithm.as_str());
    }
    if let Some((nc, cnonce)) = qop {
        value += &format!(", qop=auth, nc={nc}, cnonce={}", quote(cnonce));
    }
    if let Some(opaque) = fields.get("opaque") {
        value += &format!(", opaque={}", quote(&opaque));
    }
    Some(value)
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
        let mufasa = Credentials { user: "Mufasa".into(), password: "Circle of Life".into() };
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
