//! The server's side: nonces that cost nothing until somebody proves to know a password.
//!
//! A nonce is its own time of birth, a serial number, and 128 bits of HMAC-SHA256 over both and the source address:
//! challenging a stranger remembers nothing. Memory is kept only for nonces that were used with a right password, so
//! that no `nc` counts twice (RFC 7616 §5.4), and it is bounded.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use base::Time;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::fields::Fields;
use super::{Algorithm, Asked, Ha1, hex};
use crate::Uri;
use crate::text::quote;
use crate::timers::is_roomy;

/// A nonce older than this is stale (RFC 7616 §3.3): its password was right once, it is asked for again.
const NONCE_LIFE: Duration = Duration::from_secs(60);

/// What a request's Authorization is worth. Whatever is not `Granted` is challenged again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is that user.
    Granted {
        /// The user name.
        user: String,
    },
    /// The password is right, but the nonce is old, used up, not ours, or of another address: challenge with
    /// `stale=true`, so that the phone answers by itself.
    Stale {
        /// The user name.
        user: String,
    },
    /// It is not. Worth counting and logging.
    Wrong {
        /// The user name it claimed.
        user: String,
    },
    /// There is none for our realm that can be read.
    Missing,
}

/// The nonces of one realm.
///
/// ```
/// use base::Time;
/// use sip::digest::{Algorithm, Credentials, Ha1, Nonces, Verdict, respond};
/// let (source, ann) = ("192.0.2.7".parse().unwrap(), Credentials { user: "ann".into(), password: "secret".into(), realm: None });
/// let mut nonces = Nonces::new("centrala", [7; 32], 1000);
/// let challenge = &nonces.challenges(&[Algorithm::Sha256], source, Time::ZERO, false)[0];
/// let answer = respond(challenge, &ann, "REGISTER", "sip:centrala", 1, "x1y2").unwrap();
/// let ha1 = |user: &str| (user == "ann").then(|| Ha1::of("ann", "centrala", "secret"));
/// let verdict = nonces.check([&*answer], "REGISTER", "sip:centrala", source, Time::ZERO, ha1);
/// assert_eq!(verdict, Verdict::Granted { user: "ann".into() });
/// ```
pub struct Nonces {
    realm: String,
    secret: [u8; 32],
    /// Stands in for the hash of a user there is not.
    nobody: Ha1,
    serial: u32,
    used: HashMap<u64, u32>, // half the nonce's HMAC; the highest nc seen
    births: VecDeque<(Time, u64)>,
    used_max: usize,
}

impl Nonces {
    /// Nonces of a realm. `secret` is random; `used_max` bounds how many right answers are remembered for 60 s each.
    pub fn new(realm: impl Into<String>, secret: [u8; 32], used_max: usize) -> Nonces {
        let realm = realm.into();
        let nobody = Ha1::of("", &realm, &hex(&secret));
        Nonces { realm, secret, nobody, serial: 0, used: HashMap::new(), births: VecDeque::new(), used_max }
    }

    /// The realm phones see.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// WWW-Authenticate values, one for each algorithm in that order (RFC 8760 §2.4: the preferred first). Nothing is
    /// remembered of them.
    pub fn challenges(&mut self, algorithms: &[Algorithm], source: IpAddr, now: Time, stale: bool) -> Vec<String> {
        self.serial = self.serial.wrapping_add(1); // two phones behind one address must not share a count
        let birth = now.as_millis();
        let nonce = format!("{birth:012x}{:08x}{:032x}", self.serial, self.seal(birth, self.serial, source));
        let stale = if stale { ", stale=true" } else { "" };
        let realm = quote(&self.realm);
        let challenge = |algorithm: &Algorithm| {
            format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}", algorithm.as_str())
        };
        algorithms.iter().map(challenge).collect()
    }

    /// Judges a request by its Authorization headers. `ha1` looks a user up, holding only the hashes that account may
    /// use ([`Ha1::only`]); an unknown user, or one of another algorithm, costs the same work as a wrong password.
    pub fn check<'a>(
        &mut self,
        authorizations: impl IntoIterator<Item = &'a str>,
        method: &str,
        uri: &str,
        source: IpAddr,
        now: Time,
        ha1: impl FnOnce(&str) -> Option<Ha1>,
    ) -> Verdict {
        let ours = |fields: &Fields| fields.get("realm").is_some_and(|realm| *realm == self.realm);
        let Some(fields) = authorizations.into_iter().filter_map(Fields::read).find(ours) else {
            return Verdict::Missing;
        };
        let field = |name| fields.get(name).unwrap_or_default();
        let (user, nonce, nc, cnonce, asked_uri) =
            (field("username"), field("nonce"), field("nc"), field("cnonce"), field("uri"));
        let algorithm = fields.get("algorithm").map_or(Some(Algorithm::Md5), |name| Algorithm::named(&name));
        let count = u32::from_str_radix(&nc, 16).ok().filter(|_| nc.len() <= 8 && !nc.starts_with('+'));

        let known = ha1(&user);
        let hash = |ha1: &Ha1| ha1.hex(algorithm.unwrap_or(Algorithm::Md5));
        let secret = known.as_ref().and_then(hash);
        let expected = algorithm.unwrap_or(Algorithm::Md5).response(
            secret.as_deref().unwrap_or(&hash(&self.nobody).unwrap_or_default()),
            &Asked { method, uri: &asked_uri, nonce: &nonce, qop: Some((&nc, &cnonce)) },
        );
        let proven = bool::from(expected.as_bytes().ct_eq(field("response").to_ascii_lowercase().as_bytes()));

        let whole = algorithm.is_some() && field("qop").eq_ignore_ascii_case("auth") && !cnonce.is_empty();
        let user = user.into_owned();
        match (count, self.open(&nonce, source)) {
            // A nonce that is not of ours and for this source tells nothing about who sent it, and is told nothing about
            // the password: after our restart, or when its address has changed, the phone tries again with a new one.
            (_, None) => Verdict::Stale { user },
            _ if !proven || secret.is_none() || !whole || !same_uri(&asked_uri, uri) => Verdict::Wrong { user },
            (Some(count), Some((birth, seal))) if self.take(birth, seal, count, now) => Verdict::Granted { user },
            (Some(_), _) => Verdict::Stale { user },
            (None, _) => Verdict::Wrong { user },
        }
    }

    /// Uses a nonce; not if it is old or that `nc` or a higher one was used with it.
    fn take(&mut self, birth: u64, seal: u128, count: u32, now: Time) -> bool {
        while let Some((_, old)) = self.births.pop_front_if(|(used, _)| now.since(*used) > NONCE_LIFE) {
            self.used.remove(&old);
            if is_roomy(self.used.len(), self.used.capacity()) {
                self.used.shrink_to(2 * self.used.len());
                self.births.shrink_to(2 * self.births.len());
            }
        }
        let birth = Time::from_millis(birth);
        if birth > now || now.since(birth) > NONCE_LIFE {
            return false;
        }
        let full = self.used.len() >= self.used_max;
        let seal = seal as u64; // it has been proven whole; half of it tells apart those of a minute
        match self.used.get_mut(&seal) {
            // Gaps are allowed, as requests may be lost; falling and standing still are replays.
            Some(highest) if count > *highest => *highest = count,
            Some(_) => return false,
            None if count == 0 || full => return false, // full: refusing is safe, forgetting is not
            None => {
                self.used.insert(seal, count);
                self.births.push_back((now, seal));
            }
        }
        true
    }

    /// A nonce of ours given to that source: its birth and its seal.
    fn open(&self, nonce: &str, source: IpAddr) -> Option<(u64, u128)> {
        if nonce.len() != 52 || !nonce.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let birth = u64::from_str_radix(&nonce[..12], 16).ok()?;
        let serial = u32::from_str_radix(&nonce[12..20], 16).ok()?;
        let seal = u128::from_str_radix(&nonce[20..], 16).ok()?;
        let right = self.seal(birth, serial, source).to_be_bytes().ct_eq(&seal.to_be_bytes());
        bool::from(right).then_some((birth, seal))
    }

    /// HMAC-SHA256 (RFC 2104), cut to 128 bits.
    fn seal(&self, birth: u64, serial: u32, source: IpAddr) -> u128 {
        let source = match source {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let pad = |byte: u8| {
            let mut block = [byte; 64];
            block.iter_mut().zip(self.secret).for_each(|(block, secret)| *block ^= secret);
            block
        };
        let inner =
            Sha256::new().chain_update(pad(0x36)).chain_update(birth.to_be_bytes()).chain_update(serial.to_be_bytes());
        let inner = inner.chain_update(source.octets()).finalize();
        let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
        outer.iter().take(16).fold(0, |seal, byte| seal << 8 | u128::from(*byte))
    }
}

/// RFC 7616 §3.4.6: the digest's `uri` is that of the request. Another spelling of it is let through, and so is one
/// that leaves the user out, as sipp and some phones write: a nonce count is used once, so it opens no other door.
fn same_uri(asked: &str, uri: &str) -> bool {
    let bare = |uri: Uri| Uri { user: None, ..uri };
    let same =
        |asked: Uri| asked.is(uri) || (asked.user.is_none() && uri.parse().is_ok_and(|uri| asked.equals(&bare(uri))));
    asked == uri || asked.parse().is_ok_and(same)
}

#[cfg(test)]
mod tests {
    use super::super::{Credentials, respond};
    use super::*;

    #[test]
    fn the_digest_must_be_about_this_request() {
        for (asked, uri, same) in [
            ("sip:600@192.0.2.1", "sip:600@192.0.2.1", true),
            ("sip:600@192.0.2.1", "SIP:%3600@192.0.2.1", true),
            ("sip:192.0.2.1:5060", "sip:600@192.0.2.1:5060", true),
            ("sip:192.0.2.1:5060", "sip:600@192.0.2.9:5060", false),
            ("sip:601@192.0.2.1", "sip:600@192.0.2.1", false),
            ("", "sip:600@192.0.2.1", false),
        ] {
            assert_eq!(same_uri(asked, uri), same, "{asked} {uri}");
        }
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
    const URI: &str = "sip:centrala";

    struct Desk {
        nonces: Nonces,
        now: Time,
        lookups: u32,
    }

    impl Desk {
        fn new() -> Desk {
            Desk { nonces: Nonces::new("centrala", [7; 32], 2), now: Time::from_millis(5_000), lookups: 0 }
        }

        fn challenge(&mut self, algorithm: Algorithm) -> String {
            self.nonces.challenges(&[algorithm], HERE, self.now, false).remove(0)
        }

        fn check(&mut self, authorization: &str, source: IpAddr) -> Verdict {
            let lookups = &mut self.lookups;
            let ha1 = |user: &str| {
                *lookups += 1;
                (user == "ann").then(|| Ha1::of("ann", "centrala", "secret").only(&[Algorithm::Sha256]))
            };
            self.nonces.check([authorization], "REGISTER", URI, source, self.now, ha1)
        }
    }

    fn answer(challenge: &str, nc: u32) -> String {
        answer_as(challenge, "ann", "secret", "REGISTER", URI, nc)
    }

    fn answer_as(challenge: &str, user: &str, password: &str, method: &str, uri: &str, nc: u32) -> String {
        let credentials = Credentials { user: user.into(), password: password.into(), realm: None };
        respond(challenge, &credentials, method, uri, nc, "c0ffee").unwrap()
    }

    fn granted() -> Verdict {
        Verdict::Granted { user: "ann".into() }
    }

    fn stale() -> Verdict {
        Verdict::Stale { user: "ann".into() }
    }

    fn wrong() -> Verdict {
        Verdict::Wrong { user: "ann".into() }
    }

    #[test]
    fn counts_may_jump_but_never_repeat_or_fall() {
        let mut desk = Desk::new();
        let challenge = desk.challenge(Algorithm::Sha256);
        for (nc, verdict) in [
            (0, stale()),
            (1, granted()),
            (1, stale()),
            (2, granted()),
            (0x1f, granted()),
            (0x1e, stale()),
            (0x100, granted()),
        ] {
            assert_eq!(desk.check(&answer(&challenge, nc), HERE), verdict, "nc {nc:x}");
        }
    }

    #[test]
    fn a_nonce_serves_one_address_for_a_minute() {
        let mut desk = Desk::new();
        let challenge = desk.challenge(Algorithm::Sha256);
        assert_eq!(desk.check(&answer(&challenge, 1), THERE), stale());
        desk.now += Duration::from_secs(60);
        assert_eq!(desk.check(&answer(&challenge, 1), HERE), granted());
        desk.now += Duration::from_millis(1);
        assert_eq!(desk.check(&answer(&challenge, 2), HERE), stale());
        let stale = desk.nonces.challenges(&[Algorithm::Sha256], HERE, desk.now, true);
        assert!(stale[0].ends_with(", stale=true"));
    }

    #[test]
    fn a_nonce_of_another_life_is_stale_and_a_made_up_one_too() {
        let mut desk = Desk::new();
        let before =
            Nonces::new("centrala", [8; 32], 2).challenges(&[Algorithm::Sha256], HERE, desk.now, false).remove(0);
        assert_eq!(desk.check(&answer(&before, 1), HERE), stale());
        for nonce in ["", "x", &"0".repeat(52), &"f".repeat(52), &"é".repeat(26)] {
            let challenge = format!("Digest realm=\"centrala\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\"");
            assert_eq!(desk.check(&answer(&challenge, 1), HERE), stale(), "{nonce}");
        }
    }

    #[test]
    fn whatever_differs_is_wrong() {
        let mut desk = Desk::new();
        let challenge = desk.challenge(Algorithm::Sha256);
        let good = answer(&challenge, 1);
        for (what, bad) in [
            ("password", answer_as(&challenge, "ann", "guess", "REGISTER", URI, 1)),
            ("method", answer_as(&challenge, "ann", "secret", "INVITE", URI, 1)),
            ("uri", answer_as(&challenge, "ann", "secret", "REGISTER", "sip:elsewhere", 1)),
            ("algorithm the account may not use", answer(&challenge.replace("SHA-256", "MD5"), 1)),
            ("no algorithm, which is MD5", answer(&challenge.replace("algorithm=SHA-256, ", ""), 1)),
            ("unknown algorithm", good.replace("SHA-256", "SHA-512-256")),
            ("no qop", answer(&challenge.replace(", qop=\"auth\"", ""), 1)),
            ("qop", good.replace("qop=auth", "qop=auth-int")),
            ("nc", good.replace("nc=00000001", "nc=+0000001")),
            ("nc of the digest", good.replace("nc=00000001", "nc=00000002")),
            ("cnonce", good.replace("c0ffee", "")),
            ("response", good.replace("response=\"", "response=\"0")),
        ] {
            assert_eq!(desk.check(&bad, HERE), wrong(), "{what}");
        }
        assert_eq!(desk.lookups, 12); // the same path for each
        let stranger = answer_as(&challenge, "bob", "secret", "REGISTER", URI, 1);
        assert_eq!(desk.check(&stranger, HERE), Verdict::Wrong { user: "bob".into() });
        assert_eq!(desk.check(&good, HERE), granted());
    }

    #[test]
    fn what_is_not_for_us_is_missing() {
        let mut desk = Desk::new();
        let challenge = desk.challenge(Algorithm::Sha256);
        let good = answer(&challenge, 1);
        for other in [
            "",
            "Basic YTpi",
            "NoOneKnowsThisScheme opaque-data=here",
            &good.replace("centrala", "elsewhere"),
            "Digest x",
        ] {
            assert_eq!(desk.check(other, HERE), Verdict::Missing, "{other}");
        }
        let several = ["Basic YTpi", &good.replace("centrala", "elsewhere"), &good];
        let ha1 = |_: &str| Some(Ha1::of("ann", "centrala", "secret"));
        assert_eq!(desk.nonces.check(several, "REGISTER", URI, HERE, desk.now, ha1), granted());
    }

    #[test]
    fn phones_spell_the_answer_as_they_like() {
        let mut desk = Desk::new();
        let challenge = desk.challenge(Algorithm::Sha256);
        let spelt = |nc| answer(&challenge, nc);
        for spelling in [
            spelt(1).replace("qop=auth", "qop=\"auth\"").replace("algorithm=SHA-256", "algorithm=\"sha-256\""),
            spelt(2).replace(", ", ",").replace("Digest ", "DIGEST\t").replace("username", "UserName"),
            spelt(3).replace(", ", " ,  ").replace("nc=", "nc = "),
            answer_as(&challenge, "ann", "secret", "REGISTER", "sip:CENTRALA", 4),
        ] {
            assert_eq!(desk.check(&spelling, HERE), granted(), "{spelling}");
        }
    }

    #[test]
    fn memory_is_bounded_and_only_for_those_who_know_a_password() {
        let mut desk = Desk::new();
        for _ in 0..100 {
            let challenge = desk.challenge(Algorithm::Sha256);
            desk.check(&answer_as(&challenge, "ann", "guess", "REGISTER", URI, 1), HERE);
        }
        assert!(desk.nonces.used.is_empty());
        let challenges = [(); 3].map(|()| desk.challenge(Algorithm::Sha256));
        let verdicts = [0, 1, 2].map(|at| desk.check(&answer(&challenges[at], 1), HERE));
        assert_eq!(verdicts, [granted(), granted(), stale()]);
        assert_eq!(desk.check(&answer(&challenges[0], 2), HERE), granted()); // known ones go on
        desk.now += Duration::from_secs(61);
        let challenge = desk.challenge(Algorithm::Sha256);
        assert_eq!(desk.check(&answer(&challenge, 1), HERE), granted());
        assert_eq!((desk.nonces.used.len(), desk.nonces.births.len()), (1, 1));
    }

    #[test]
    fn each_challenge_is_new_and_lists_the_algorithms_in_order() {
        let mut desk = Desk::new();
        let first = desk.nonces.challenges(&[Algorithm::Sha256, Algorithm::Md5], HERE, desk.now, false);
        assert!(first[0].contains("algorithm=SHA-256") && first[1].contains("algorithm=MD5"));
        assert_ne!(desk.challenge(Algorithm::Md5), first[1]);
    }
}
