//! How we get past a server that asks who we are: RFC 3261 §22, RFC 7616 §3.4, RFC 8760.
//!
//! Where it stands: whoever sends requests of ours with [`Credentials`] keeps a [`Login`] for each request, and the
//! endpoint one [`Challenged`] for all. A password is spoken for only where the request went, and in the realm it is for.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::client::{Challenge, Credentials};
use super::fields::Fields;
use crate::{Method, Name, Response, method_name};

/// One request's way past who challenges it.
#[derive(Debug)]
pub struct Login {
    credentials: Credentials,
    /// Where the request goes.
    asked: SocketAddr,
    cnonce: String,
    /// The realms answered already, so that a wrong password is not sent twice.
    answered: Vec<Box<str>>,
}

/// A request, as far as its digest goes.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The method.
    pub method: Method,
    /// The Request-URI.
    pub uri: &'a str,
}

/// So many challenges are answered: one realm each on the way, and a stale nonce or two.
const CHALLENGES_MAX: usize = 4;

impl Login {
    /// For a request to `asked`. `cnonce` is 64 random bits or more.
    pub fn new(credentials: Credentials, asked: SocketAddr, cnonce: String) -> Login {
        Login { credentials, asked, cnonce, answered: Vec::new() }
    }

    /// Whom we are.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The request goes to another server now: what it answered before was another one's challenge.
    pub fn goes_to(&mut self, server: SocketAddr) {
        self.asked = server;
        self.answered.clear();
    }

    /// The header that answers a 401 or 407; `None` if there is nothing new to say, or nobody to say it to. Of several
    /// challenges the strongest is answered.
    pub fn answer(&mut self, response: &Response, from: SocketAddr, request: Signed<'_>) -> Option<(Name, String)> {
        if from.ip().to_canonical() != self.asked.ip().to_canonical() || self.answered.len() >= CHALLENGES_MAX {
            return None;
        }
        let (challenge, _) = strongest(response, &self.credentials)?;
        // The same realm again means that the password is wrong, unless the nonce was merely stale.
        if self.answered.iter().any(|known| **known == *challenge.realm) && !challenge.stale {
            return None;
        }
        self.answered.push(challenge.realm.as_str().into());
        let method = method_name(request.method);
        Some((challenge.answered_in(), challenge.answer(&self.credentials, method, request.uri, FIRST, &self.cnonce)))
    }
}

/// The challenges last heard, so that the next request answers before it is asked (RFC 7616 §3.4: the same nonce, a
/// higher nc).
#[derive(Debug, Default)]
pub struct Challenged(HashMap<Key, (Challenge, u32)>);

/// Servers may challenge an INVITE in another way than a REGISTER.
type Key = (SocketAddr, String, &'static str);

/// More realms than anybody has trunks.
const REALMS_MAX: usize = 4096;
/// The nc of a nonce's first use.
const FIRST: u32 = 1;

impl Challenged {
    /// A server we have credentials for answered. What it challenged was answered once, by [`Login::answer`].
    pub fn hear(&mut self, response: &Response, from: SocketAddr, credentials: &Credentials, method: Method) {
        let key = (from, credentials.user.clone(), method_name(method));
        if let Some((challenge, _)) = strongest(response, credentials) {
            if self.0.len() >= REALMS_MAX {
                self.0.clear(); // they are only a short cut
            }
            self.0.insert(key, (challenge, FIRST));
        } else if let Some(fields) = response.headers.first(&Name::AuthenticationInfo)
            && let Some(next) =
                Fields::read(&format!("Digest {fields}")).and_then(|fields| fields.get("nextnonce").map(String::from))
            && let Some((challenge, count)) = self.0.get_mut(&key)
        {
            (challenge.nonce, *count) = (next, 0); // RFC 7616 §3.5
        }
    }

    /// The header for one more request there, if it has challenged us before.
    pub fn sign(
        &mut self,
        to: SocketAddr,
        credentials: &Credentials,
        request: Signed<'_>,
        cnonce: &str,
    ) -> Option<(Name, String)> {
        let (challenge, count) = self.0.get_mut(&(to, credentials.user.clone(), method_name(request.method)))?;
        if !challenge.is_for(credentials) || !challenge.counts() {
            return None;
        }
        *count += 1;
        let method = method_name(request.method);
        Some((challenge.answered_in(), challenge.answer(credentials, method, request.uri, *count, cnonce)))
    }
}

/// The challenge to answer: of those in our realm that we understand, the strongest.
fn strongest(response: &Response, credentials: &Credentials) -> Option<(Challenge, usize)> {
    let (name, proxy) = match response.status {
        401 => (Name::WwwAuthenticate, false),
        407 => (Name::ProxyAuthenticate, true),
        _ => return None,
    };
    let challenges = response.headers.all(&name).filter_map(|text| Challenge::read(text, proxy));
    let ours = challenges.filter(|challenge| challenge.is_for(credentials)).enumerate();
    // Of equals the first, as the server prefers it (RFC 8760 §2.3).
    ours.map(|(at, challenge)| (challenge, at)).max_by_key(|(challenge, at)| (challenge.strength(), usize::MAX - at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Headers, Request};

    const REGISTER: Signed<'static> = Signed { method: Method::Register, uri: "sip:carrier.example" };

    fn asked(status: u16, challenges: &[&str]) -> Response {
        let mut response = Response::to(&Request::new(Method::Register, REGISTER.uri), status);
        let name = if status == 407 { Name::ProxyAuthenticate } else { Name::WwwAuthenticate };
        challenges.iter().for_each(|challenge| response.headers.push(name.clone(), *challenge));
        response
    }

    fn centre(realm: Option<&str>) -> Credentials {
        Credentials { user: "centre".into(), password: "pw".into(), realm: realm.map(str::to_owned) }
    }

    fn carrier() -> SocketAddr {
        "198.51.100.1:5060".parse().unwrap()
    }

    fn login(realm: Option<&str>) -> Login {
        Login::new(centre(realm), carrier(), "c0ffee".into())
    }

    const MD5: &str = "Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\", algorithm=MD5";
    const SHA: &str = "Digest realm=\"carrier\", nonce=\"n2\", qop=\"auth\", algorithm=SHA-256";

    #[test]
    fn the_strongest_challenge_is_answered() {
        for (challenges, algorithm) in [
            (vec![MD5], "MD5"),
            (vec![SHA], "SHA-256"),
            (vec![MD5, SHA], "SHA-256"),
            (vec![SHA, MD5], "SHA-256"),
            (vec!["Digest realm=\"carrier\", nonce=\"n\", algorithm=SHA-512-256", MD5], "MD5"),
            (vec!["Basic realm=\"carrier\"", MD5], "MD5"),
        ] {
            for (status, header) in [(401, Name::Authorization), (407, Name::ProxyAuthorization)] {
                let answer = login(None).answer(&asked(status, &challenges), carrier(), REGISTER);
                let (name, value) = answer.expect("an answer");
                assert_eq!(name, header);
                assert!(
                    value.ends_with(&format!("algorithm={algorithm}, qop=auth, nc=00000001, cnonce=\"c0ffee\"")),
                    "{value}"
                );
            }
        }
    }

    #[test]
    fn a_password_goes_only_where_it_belongs() {
        let elsewhere = "198.51.100.2:5060".parse().unwrap();
        let other_port = "198.51.100.1:5061".parse().unwrap();
        for (realm, status, from, answers) in [
            (None, 401, carrier(), true),
            (Some("carrier"), 401, carrier(), true),
            (Some("bank"), 401, carrier(), false), // somebody there would like to know another password
            (None, 401, elsewhere, false),
            (None, 401, other_port, true),
            (None, 403, carrier(), false),
            (None, 302, carrier(), false),
        ] {
            let answer = login(realm).answer(&asked(status, &[SHA]), from, REGISTER);
            assert_eq!(answer.is_some(), answers, "{realm:?} {status} {from}");
        }
    }

    #[test]
    fn a_wrong_password_is_said_once_a_stale_nonce_answered_again() {
        let mut login = login(None);
        let mut say = |challenge: &str| login.answer(&asked(401, &[challenge]), carrier(), REGISTER).is_some();
        assert!(say(SHA));
        assert!(!say(SHA));
        assert!(say(&format!("{SHA}, stale=true")));
        assert!(say("Digest realm=\"other\", nonce=\"n\""));
        assert!(say(&format!("{SHA}, stale=TRUE")));
        assert!(!say(&format!("{SHA}, stale=true"))); // it must end
    }

    #[test]
    fn the_next_request_answers_before_it_is_asked() {
        let mut known = Challenged::default();
        let (ours, theirs) = (centre(None), centre(Some("bank")));
        let sign = |known: &mut Challenged, credentials: &Credentials| {
            known.sign(carrier(), credentials, REGISTER, "c0ffee").map(|(_, value)| value)
        };
        assert_eq!(sign(&mut known, &ours), None);
        known.hear(&asked(401, &[MD5, SHA]), carrier(), &ours, Method::Register);
        for count in ["nc=00000002", "nc=00000003"] {
            let value = sign(&mut known, &ours).expect("signed");
            assert!(value.contains(count) && value.contains("nonce=\"n2\""), "{value}");
        }
        assert_eq!(sign(&mut known, &theirs), None);
        assert_eq!(known.sign("198.51.100.2:5060".parse().unwrap(), &ours, REGISTER, "c"), None);
        let mut granted = asked(200, &[]);
        granted.headers = Headers::default();
        granted.headers.push(Name::AuthenticationInfo, "nextnonce=\"n3\", qop=auth");
        known.hear(&granted, carrier(), &ours, Method::Register);
        let value = sign(&mut known, &ours).expect("signed");
        assert!(value.contains("nc=00000001") && value.contains("nonce=\"n3\""), "{value}");
    }
}
