//! Digest authentication: RFC 7616 and RFC 8760 (SHA-256), RFC 2617 (MD5); `qop=auth` only.
//!
//! Where it stands: the endpoint asks [`Nonces`] whether a request's Authorization is worth anything and sends its
//! challenges; a trunk that challenges us gets [`respond`]. Passwords are kept as [`Ha1`]; nobody is looked up here.
//! What it does not do: `-sess` algorithms, `auth-int`, user name hashing.

mod client;
mod fields;
mod login;
mod nonces;

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256};

pub use client::{Credentials, respond};
pub(crate) use login::{Challenged, Login, Signed};
pub use nonces::{Nonces, Verdict};

/// A hash of RFC 8760.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// For phones that know nothing else.
    Md5,
    /// The one to prefer.
    Sha256,
}

/// H(user:realm:password), by algorithm: what is stored in place of a password, and worth as much in its realm.
///
/// ```
/// use sip::digest::Ha1;
/// let ha1 = Ha1::of("1001", "centrala", "secret");
/// assert_eq!(Ha1::from_hex(&ha1.md5_hex(), &ha1.sha256_hex()), Some(ha1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Ha1 {
    /// Under MD5.
    pub md5: Option<[u8; 16]>,
    /// Under SHA-256.
    pub sha256: Option<[u8; 32]>,
}

impl Algorithm {
    /// The word in `algorithm=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    /// The algorithm of that word, in any case.
    pub fn named(name: &str) -> Option<Algorithm> {
        [Algorithm::Md5, Algorithm::Sha256].into_iter().find(|algorithm| name.eq_ignore_ascii_case(algorithm.as_str()))
    }

    /// The hash of the parts with colons between them, in hex.
    fn hash(self, parts: &[&str]) -> String {
        match self {
            Algorithm::Md5 => hex(&joined::<Md5>(parts)),
            Algorithm::Sha256 => hex(&joined::<Sha256>(parts)),
        }
    }

    /// The `response` of RFC 7616 §3.4.1 from A1's hash in hex.
    fn response(self, ha1: &str, asked: &Asked) -> String {
        let ha2 = self.hash(&[asked.method, asked.uri]);
        match asked.qop {
            Some((nc, cnonce)) => self.hash(&[ha1, asked.nonce, nc, cnonce, "auth", &ha2]),
            None => self.hash(&[ha1, asked.nonce, &ha2]),
        }
    }
}

/// What a response is made over.
struct Asked<'a> {
    method: &'a str,
    uri: &'a str,
    nonce: &'a str,
    /// nc and cnonce; none for servers of RFC 2069.
    qop: Option<(&'a str, &'a str)>,
}

impl Ha1 {
    /// Both hashes of a password.
    pub fn of(user: &str, realm: &str, password: &str) -> Ha1 {
        let parts = [user, realm, password];
        Ha1 { md5: Some(joined::<Md5>(&parts).into()), sha256: Some(joined::<Sha256>(&parts).into()) }
    }

    /// Without those hashes an account may not use.
    #[must_use]
    pub fn only(self, algorithms: &[Algorithm]) -> Ha1 {
        Ha1 {
            md5: self.md5.filter(|_| algorithms.contains(&Algorithm::Md5)),
            sha256: self.sha256.filter(|_| algorithms.contains(&Algorithm::Sha256)),
        }
    }

    /// The MD5 hash as text; empty if there is none.
    pub fn md5_hex(&self) -> String {
        self.md5.map_or_else(String::new, |hash| hex(&hash))
    }

    /// The SHA-256 hash as text; empty if there is none.
    pub fn sha256_hex(&self) -> String {
        self.sha256.map_or_else(String::new, |hash| hex(&hash))
    }

    /// Reads the two texts back; `None` if one is neither a hash of its kind nor empty.
    pub fn from_hex(md5: &str, sha256: &str) -> Option<Ha1> {
        Some(Ha1 {
            md5: if md5.is_empty() { None } else { Some(from_hex(md5)?) },
            sha256: if sha256.is_empty() { None } else { Some(from_hex(sha256)?) },
        })
    }

    fn hex(&self, algorithm: Algorithm) -> Option<String> {
        match algorithm {
            Algorithm::Md5 => self.md5.map(|hash| hex(&hash)),
            Algorithm::Sha256 => self.sha256.map(|hash| hex(&hash)),
        }
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(…)") // it opens every door the password opens
    }
}

fn joined<D: Digest>(parts: &[&str]) -> sha2::digest::Output<D> {
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hash.finalize()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_7616_hold() {
        // RFC 7616 §3.9.1
        let asked = Asked {
            method: "GET",
            uri: "/dir/index.html",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            qop: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        };
        let ha1 = Ha1::of("Mufasa", "http-auth@example.org", "Circle of Life");
        for (algorithm, response) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            assert_eq!(algorithm.response(&ha1.hex(algorithm).unwrap(), &asked), response);
        }
    }

    #[test]
    fn the_vector_of_rfc_2617_holds() {
        // RFC 2617 §3.5
        let asked = Asked {
            method: "GET",
            uri: "/dir/index.html",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            qop: Some(("00000001", "0a4f113b")),
        };
        let ha1 = Ha1::of("Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(Algorithm::Md5.response(&ha1.md5_hex(), &asked), "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn a_hash_is_stored_as_text_and_never_shown() {
        let ha1 = Ha1::of("a", "b", "c");
        assert_eq!(Ha1::from_hex(&ha1.md5_hex(), ""), Some(ha1.only(&[Algorithm::Md5])));
        for (md5, sha256) in [("0", ""), (&*"g".repeat(32), ""), ("", &*"0".repeat(32)), ("", &*"é".repeat(32))] {
            assert_eq!(Ha1::from_hex(md5, sha256), None);
        }
        assert!(!format!("{ha1:?}").contains(&ha1.md5_hex()[..4]));
    }
}
