//! A browser's connectivity checks (RFC 8445 §7.3, RFC 8489): read if they are authentic, and answered.
//!
//! Where it stands: `web` asks it of every datagram that begins as STUN does. A check without the call's password is not
//! answered at all, so nobody learns from here that there is a call.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

/// A binding request of this call's other side.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    transaction: [u8; 12],
    /// The browser has chosen this pair.
    pub nominates: bool,
    /// It takes us for the one who chooses.
    pub thinks_we_control: bool,
}

/// What checks and answers are authenticated with: the short-term password (RFC 8489 §9.1.1).
pub(super) fn key(password: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes())
}

/// Reads a check. `None`: it is none, or not of this call. What costs little is asked first.
pub(super) fn read(datagram: &[u8], username: &str, password: &hmac::Key) -> Option<Check> {
    let header = datagram.first_chunk::<HEADER>()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_request = header[..2] == REQUEST && header[4..8] == COOKIE;
    if !is_request || length % 4 != 0 || length + HEADER != datagram.len() {
        return None;
    }
    let (mut nominates, mut thinks_we_control) = (false, false);
    let (mut named, mut integrity, mut fingerprint) = (false, None, None);
    let mut at = HEADER;
    while let Some(head) = datagram.get(at..at + 4) {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = datagram.get(at + 4..at + 4 + length)?;
        match kind {
            // RFC 8489 §14.5: what follows the integrity, but for the fingerprint, is not protected by it.
            FINGERPRINT => fingerprint = Some((at, value)),
            _ if integrity.is_some() => {}
            USERNAME => named = value == username.as_bytes(),
            MESSAGE_INTEGRITY => integrity = Some((at, value)),
            USE_CANDIDATE => nominates = true,
            ICE_CONTROLLED => thinks_we_control = true,
            // RFC 8489 §6.3.1: what must be understood and is not.
            0..=0x7fff if !KNOWN.contains(&kind) => return None,
            _ => {}
        }
        at += 4 + length.next_multiple_of(4);
    }
    let ((integrity_at, tag), (fingerprint_at, sum)) = (integrity?, fingerprint?);
    if !named || fingerprint_at + 8 != datagram.len() {
        return None;
    }
    let expected = integrity_of(&datagram[..integrity_at], password);
    verify_slices_are_equal(expected.as_ref(), tag).ok()?;
    let sum: [u8; 4] = sum.try_into().ok()?;
    if fingerprint_of(&datagram[..fingerprint_at]) != sum {
        return None;
    }
    let transaction = header[8..].try_into().ok()?;
    Some(Check { transaction, nominates, thinks_we_control })
}

impl Check {
    /// That it came, and where from.
    pub fn success(&self, source: SocketAddr, password: &hmac::Key) -> Vec<u8> {
        let mut mapped = vec![0, if source.is_ipv4() { 1 } else { 2 }];
        let mask = [&COOKIE[..], &self.transaction].concat();
        mapped.extend((source.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]])).to_be_bytes());
        let mut xor = |octets: &[u8]| mapped.extend(octets.iter().zip(&mask).map(|(octet, key)| octet ^ key));
        match source.ip() {
            IpAddr::V4(ip) => xor(&ip.octets()),
            IpAddr::V6(ip) => xor(&ip.octets()),
        }
        self.answer(SUCCESS, XOR_MAPPED_ADDRESS, &mapped, password)
    }

    /// That it is the one who chooses (RFC 8445 §7.3.1.1): we never do.
    pub fn role_conflict(&self, password: &hmac::Key) -> Vec<u8> {
        self.answer(ERROR, ERROR_CODE, b"\0\0\x04\x57Role Conflict\0\0\0", password)
    }

    fn answer(&self, kind: [u8; 2], attribute: u16, value: &[u8], password: &hmac::Key) -> Vec<u8> {
        let mut answer = Vec::with_capacity(96);
        answer.extend([&kind[..], &[0, 0], &COOKIE, &self.transaction].concat());
        put(&mut answer, attribute, value);
        let tag = integrity_of(&answer, password);
        put(&mut answer, MESSAGE_INTEGRITY, tag.as_ref());
        let sum = fingerprint_of(&answer);
        put(&mut answer, FINGERPRINT, &sum);
        let length = (answer.len() - HEADER) as u16;
        answer[2..4].copy_from_slice(&length.to_be_bytes());
        answer
    }
}

/// `value` has a length that needs no padding.
fn put(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
}

/// RFC 8489 §14.5: over what comes before, its length being told as if the message ended with this attribute.
fn integrity_of(before: &[u8], password: &hmac::Key) -> hmac::Tag {
    let length = (before.len() + 24 - HEADER) as u16;
    let mut context = hmac::Context::with_key(password);
    context.update(&before[..2]);
    context.update(&length.to_be_bytes());
    context.update(&before[4..]);
    context.sign()
}

/// RFC 8489 §14.7: a sum that no other protocol on the port would have by chance; the length likewise.
fn fingerprint_of(before: &[u8]) -> [u8; 4] {
    let length = ((before.len() + 8 - HEADER) as u16).to_be_bytes();
    let octets = before[..2].iter().chain(&length).chain(&before[4..]);
    let sum = octets.fold(u32::MAX, |sum, octet| {
        (0..8).fold(sum ^ u32::from(*octet), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    });
    (!sum ^ 0x5354_554e).to_be_bytes()
}

const HEADER: usize = 20;
const REQUEST: [u8; 2] = [0x00, 0x01];
const SUCCESS: [u8; 2] = [0x01, 0x01];
const ERROR: [u8; 2] = [0x01, 0x11];
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const KNOWN: [u16; 3] = [USERNAME, PRIORITY, USE_CANDIDATE];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
    const USER: &str = "evtj:h6vY";

    /// RFC 5769 §2.1: a check with a user name, a priority, a role, integrity and a fingerprint.
    const SAMPLE: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\
        \x00\x24\x00\x04\x6e\x00\x01\xff\
        \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
        \x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\
        \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
        \x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    #[test]
    fn the_sample_of_the_rfc_is_read_and_no_octet_of_it_may_change() {
        let key = key(PASSWORD);
        let check = read(SAMPLE, USER, &key).expect("authentic");
        assert!(check.thinks_we_control && !check.nominates);
        assert_eq!(read(SAMPLE, "evtj:other", &key), None);
        assert_eq!(read(SAMPLE, USER, &super::key("another")), None);
        for bit in 0..SAMPLE.len() * 8 {
            let mut changed = SAMPLE.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&changed, USER, &key), None, "bit {bit}");
        }
    }

    /// RFC 5769 §2.2, but for what it says of its software: the same address, integrity over our own octets.
    #[test]
    fn an_answer_tells_the_source_and_is_authentic() {
        let key = key(PASSWORD);
        let check = read(SAMPLE, USER, &key).expect("authentic");
        for source in ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"] {
            let answer = check.success(source.parse().unwrap(), &key);
            assert_eq!(answer[..2], SUCCESS);
            assert_eq!(answer[4..20], SAMPLE[4..20]);
            if source.starts_with("192") {
                assert_eq!(answer[20..32], *b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43");
            }
            let (before, end) = answer.split_at(answer.len() - 8);
            assert_eq!(end[4..], fingerprint_of(before));
            let (before, end) = before.split_at(before.len() - 24);
            assert_eq!(end[4..], *integrity_of(before, &key).as_ref());
        }
        assert_eq!(check.role_conflict(&key)[..2], ERROR);
        // The vectors' own sums, by the functions that make ours.
        assert_eq!(fingerprint_of(&SAMPLE[..SAMPLE.len() - 8]), SAMPLE[SAMPLE.len() - 4..]);
        assert_eq!(
            integrity_of(&SAMPLE[..SAMPLE.len() - 32], &key).as_ref(),
            &SAMPLE[SAMPLE.len() - 28..SAMPLE.len() - 8]
        );
    }

    proptest! {
        #[test]
        fn any_datagram_is_no_check(bytes: Vec<u8>, cut in 0..120_usize, add: Vec<u8>) {
            let key = key(PASSWORD);
            prop_assert_eq!(read(&bytes, USER, &key), None);
            let whole = [&SAMPLE[..cut.min(SAMPLE.len())], &add].concat();
            prop_assert!(read(&whole, USER, &key).is_none() || whole == SAMPLE);
        }
    }
}
