//! A browser's leg: checks, handshake, media; and everybody who is not that browser.
#![allow(clippy::disallowed_methods, reason = "the browser's handshake wants an Instant to count from")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base::Time;
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use media::{Command, Component, DtlsConf, Event, Identity, MasterKey, Security, Suite};
use proptest::prelude::*;
use rtp::srtp::{Opener, Sealer};

use crate::room::{A, B, Mouth, Room};

const BROWSER: &str = "10.9.8.7:50000";
const ELSEWHERE: &str = "10.9.8.7:50001";
const ATTACKER: &str = "203.0.113.66:6000";

fn at(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

fn certificate() -> (Vec<u8>, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["browser.invalid".to_owned()]).expect("a certificate");
    (made.cert.der().to_vec(), made.signing_key.serialize_der())
}

/// A browser at one address, with the room its leg A is in.
struct Browser {
    room: Room,
    from: SocketAddr,
    origin: Instant,
    dtls: Dtls,
    keys: Option<(MasterKey, MasterKey)>,
    conf: DtlsConf,
    password: String,
    due: Option<Time>,
    unsent: VecDeque<Vec<u8>>,
}

impl Browser {
    /// `active`: it speaks first in the handshake, as browsers do when they are called.
    fn new(active: bool, change: impl FnOnce(&mut DtlsConf)) -> Browser {
        let origin = Instant::now();
        let identity = Identity::new([certificate(), certificate()], origin);
        let mut room = Room::with_identity(Arc::new(identity));
        let (theirs, key) = certificate();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &theirs);
        let mut conf = DtlsConf {
            fingerprint: digest.as_ref().to_vec(),
            certificate: 0,
            active: !active,
            ufrag: "ours".into(),
            password: "our password of some length".into(),
            remote_ufrag: "theirs".into(),
        };
        let password = conf.password.clone();
        change(&mut conf);
        room.connected(&[A, B]);
        room.connect(A, |stream| {
            stream.remote = "0.0.0.0:9".parse().expect("nowhere");
            stream.rtcp_mux = true;
            stream.security = Security::Dtls(Box::new(conf.clone()));
        });
        room.tell(Command::Wire { from: A, to: B });
        room.tell(Command::Wire { from: B, to: A });
        let certificate = DtlsCertificate { certificate: theirs, private_key: key };
        let mut dtls = Dtls::new_auto(Arc::new(Config::default()), certificate, origin + Duration::from_secs(1));
        dtls.set_active(active);
        let from = at(BROWSER);
        Browser { room, from, origin, dtls, keys: None, conf, password, due: None, unsent: VecDeque::new() }
    }

    fn connected(active: bool) -> Browser {
        let mut browser = Browser::new(active, |_| {});
        browser.check(true);
        browser.shake_hands();
        browser
    }

    fn send(&mut self, bytes: Vec<u8>) {
        self.room.datagram(A, Component::Rtp, self.from, bytes);
    }

    /// Sends a check, and says whether it was answered.
    fn check(&mut self, nominates: bool) -> bool {
        let check = check("ours:theirs", &self.password, nominates, false);
        self.send(check);
        self.answers().iter().any(|answer| answer[..2] == [1, 1])
    }

    /// The STUN answers among what was sent; the rest is kept for the handshake.
    fn answers(&mut self) -> Vec<Vec<u8>> {
        let sent = self.room.heard(A).into_iter().filter(|sent| sent.to == self.from).map(|sent| sent.bytes);
        let (answers, rest) = sent.partition(|bytes| bytes[0] < 4);
        let rest: Vec<Vec<u8>> = rest;
        self.unsent.extend(rest);
        answers
    }

    fn shake_hands(&mut self) {
        for _ in 0..200 {
            self.turn();
            if self.keys.is_some() {
                self.turn(); // its last words
                return;
            }
            self.room.pass(50);
        }
    }

    /// Both sides say what they have to say.
    fn turn(&mut self) {
        let now = self.origin + Duration::from_nanos(self.room.now.as_nanos());
        if self.due.is_none_or(|due| due <= self.room.now) {
            let _ = self.dtls.handle_timeout(now);
        }
        for _ in 0..20 {
            self.answers();
            while let Some(bytes) = self.unsent.pop_front() {
                if (20..64).contains(&bytes[0]) {
                    let _ = self.dtls.handle_packet(&bytes);
                }
            }
            let mut said = Vec::new();
            let mut buffer = [0; 2048];
            loop {
                match self.dtls.poll_output(&mut buffer) {
                    Output::Packet(packet) => said.push(packet.to_vec()),
                    Output::KeyingMaterial(material, profile) => {
                        self.keys = Some(keys(&material, &profile.to_string(), self.dtls.is_active()));
                    }
                    Output::Timeout(due) => {
                        self.due = Some(Time::ZERO + due.saturating_duration_since(self.origin));
                        break;
                    }
                    _ => {}
                }
            }
            if said.is_empty() {
                return;
            }
            said.into_iter().for_each(|bytes| self.send(bytes));
        }
    }

    fn media(&self) -> (Sealer, Opener) {
        let (ours, theirs) = self.keys.as_ref().expect("the handshake is over");
        (Sealer::new(ours), Opener::new(theirs))
    }
}

/// The browser's own key, and ours, as it sees them.
fn keys(material: &[u8], profile: &str, client: bool) -> (MasterKey, MasterKey) {
    let suite = match profile {
        "SRTP_AEAD_AES_256_GCM" => Suite::AeadAes256Gcm,
        "SRTP_AEAD_AES_128_GCM" => Suite::AeadAes128Gcm,
        _ => Suite::AesCm128HmacSha1_80,
    };
    let (key, salt) = (suite.key_bytes(), suite.salt_bytes());
    let of = |nth: usize| {
        let salts = &material[2 * key..];
        let bytes = [&material[nth * key..(nth + 1) * key], &salts[nth * salt..(nth + 1) * salt]].concat();
        MasterKey::new(suite, &bytes).expect("its length")
    };
    if client { (of(0), of(1)) } else { (of(1), of(0)) }
}

fn check(username: &str, password: &str, nominates: bool, controlled: bool) -> Vec<u8> {
    let mut check = b"\0\x01\0\0\x21\x12\xa4\x42transaction!".to_vec();
    let put = |check: &mut Vec<u8>, kind: u16, value: &[u8]| {
        check.extend(kind.to_be_bytes());
        check.extend((value.len() as u16).to_be_bytes());
        check.extend(value);
        check.resize(check.len().next_multiple_of(4), 0);
        let length = (check.len() - 20) as u16;
        check[2..4].copy_from_slice(&length.to_be_bytes());
    };
    put(&mut check, 0x06, username.as_bytes());
    put(&mut check, 0x24, &[1, 2, 3, 4]);
    put(&mut check, if controlled { 0x8029 } else { 0x802a }, &[7; 8]);
    if nominates {
        put(&mut check, 0x25, &[]);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let length = (check.len() + 24 - 20) as u16;
    let mut signed = check.clone();
    signed[2..4].copy_from_slice(&length.to_be_bytes());
    put(&mut check, 0x08, hmac::sign(&key, &signed).as_ref());
    let length = (check.len() + 8 - 20) as u16;
    let mut summed = check.clone();
    summed[2..4].copy_from_slice(&length.to_be_bytes());
    let sum = summed.iter().fold(u32::MAX, |sum, octet| {
        (0..8).fold(sum ^ u32::from(*octet), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 })
    });
    put(&mut check, 0x8028, &(!sum ^ 0x5354_554e).to_be_bytes());
    check
}

#[test]
fn a_browser_and_a_plain_phone_hear_each_other_whoever_speaks_first() {
    for active in [true, false] {
        let mut browser = Browser::connected(active);
        let (mut sealer, mut opener) = browser.media();
        let (mut a, mut b) = (Mouth { from: browser.from, sequence: 1, ..Mouth::of(A) }, Mouth::of(B));
        for n in 0..20 {
            let sealed = sealer.seal(&a.next(&[n; 160])).expect("a new number").to_vec();
            browser.send(sealed);
            b.say(&mut browser.room, &[100 + n; 160]);
            browser.room.pass(20);
            assert_eq!(browser.room.heard(B).pop().expect("the browser is heard").bytes[12..], [n; 160]);
            let mut heard = browser.room.heard(A).pop().expect("the phone is heard");
            assert_eq!(heard.to, browser.from);
            let length = opener.open(&mut heard.bytes).expect("sealed with the handshake's key");
            assert_eq!(heard.bytes[12..length], [100 + n; 160]);
        }
        let stats = browser.room.bay.stats(A).expect("it is open");
        assert!(stats.srtp.is_some() && stats.not_authentic == 0 && stats.strangers == 0, "{stats:?}");
        assert!(browser.room.book.events.contains(&Event::Latched { leg: A, source: browser.from }));
        // Reports come on the same port, sealed.
        browser.room.pass(10_000);
        assert!(browser.check(true), "it consents");
        let reports = browser.unsent.iter().filter(|bytes| rtp::is_rtcp(bytes)).count();
        assert!(reports >= 1, "{reports}");
    }
}

#[test]
fn who_does_not_know_the_password_is_not_answered() {
    let mut browser = Browser::new(true, |_| {});
    let password = browser.password.clone();
    for wrong in [
        check("ours:theirs", "a guess", true, false),
        check("ours:other", &password, true, false),
        check("theirs:ours", &password, true, false),
        b"\0\x01\0\0\x21\x12\xa4\x42transaction!".to_vec(), // without credentials, as on the SIP port
        vec![22; 200],                                      // a handshake before any check
        Mouth::of(A).next(&[0xee; 160]),
    ] {
        browser.room.datagram(A, Component::Rtp, at(ATTACKER), wrong);
    }
    assert!(browser.room.book.sent.is_empty(), "{:?}", browser.room.book.sent);
    assert_eq!(browser.room.bay.stats(A).expect("it is open").strangers, 6);
    // Nor is anybody sent anything before there are keys.
    let mut b = Mouth::of(B);
    for _ in 0..10 {
        b.say(&mut browser.room, &[1; 160]);
        browser.room.pass(20);
    }
    assert!(browser.room.heard(A).is_empty());
}

#[test]
fn beside_a_browser_nobody_else_is_heard_and_nothing_goes_elsewhere() {
    let mut browser = Browser::connected(true);
    let (mut sealer, _) = browser.media();
    let mut a = Mouth { from: browser.from, sequence: 1, ..Mouth::of(A) };
    let sealed = sealer.seal(&a.next(&[1; 160])).expect("a new number").to_vec();
    for foe in [ATTACKER, ELSEWHERE] {
        browser.room.datagram(A, Component::Rtp, at(foe), sealed.clone());
        browser.room.datagram(A, Component::Rtp, at(foe), vec![22; 300]);
        browser.room.datagram(A, Component::Rtp, at(foe), check("ours:theirs", "a guess", true, false));
    }
    browser.send(Mouth { from: browser.from, ..Mouth::of(A) }.next(&[0xee; 160])); // plain
    browser.send(vec![22; 300]); // a bad record where it is: the call goes on
    assert!(browser.room.heard(B).is_empty());
    browser.send(sealed);
    assert_eq!(browser.room.heard(B).len(), 1);
    assert!(browser.room.book.sent.iter().all(|sent| sent.leg != A || sent.to == browser.from));
}

#[test]
fn another_certificate_than_the_descriptions_gets_no_keys() {
    let mut browser = Browser::new(true, |conf| conf.fingerprint[0] ^= 1);
    assert!(browser.check(true));
    browser.shake_hands();
    let mut b = Mouth::of(B);
    b.say(&mut browser.room, &[1; 160]);
    browser.answers();
    assert!(browser.unsent.iter().all(|bytes| bytes[0] < 128), "no media");
    assert_eq!(browser.room.bay.stats(A).expect("it is open").srtp, None);
}

#[test]
fn a_browser_that_moves_is_followed_and_one_that_is_gone_is_sent_nothing() {
    let mut browser = Browser::connected(true);
    let mut b = Mouth::of(B);
    browser.from = at(ELSEWHERE);
    assert!(browser.check(false), "it tries another way");
    b.say(&mut browser.room, &[1; 160]);
    assert_eq!(browser.room.heard(A).pop().expect("the phone is heard").to, at(BROWSER));
    assert!(browser.check(true), "it chooses it");
    b.say(&mut browser.room, &[1; 160]);
    assert_eq!(browser.room.heard(A).pop().expect("the phone is heard").to, at(ELSEWHERE));
    browser.room.pass(45_000);
    browser.room.heard(A);
    b.say(&mut browser.room, &[1; 160]);
    assert!(browser.room.heard(A).is_empty(), "RFC 7675: nobody wants it any more");
    assert!(browser.check(true));
    b.say(&mut browser.room, &[1; 160]);
    assert_eq!(browser.room.heard(A).len(), 1, "it is back");
}

#[test]
fn who_takes_us_for_the_one_who_chooses_is_told_otherwise() {
    let mut browser = Browser::new(true, |_| {});
    let conflict = check("ours:theirs", &browser.password, false, true);
    browser.send(conflict);
    let answers = browser.answers();
    assert_eq!((answers.len(), &answers[0][..2]), (1, &[1, 0x11][..]));
}

#[test]
fn a_lost_word_of_the_handshake_is_said_again() {
    for lost in 0..4 {
        let mut browser = Browser::new(true, |_| {});
        assert!(browser.check(true));
        browser.turn();
        browser.answers();
        for _ in 0..lost.min(browser.unsent.len()) {
            browser.unsent.pop_front();
        }
        browser.shake_hands();
        assert!(browser.keys.is_some(), "{lost} lost");
    }
}

#[test]
fn new_passwords_change_nothing_else_and_a_new_certificate_everything() {
    let mut browser = Browser::connected(true);
    let connect = |browser: &mut Browser, change: &dyn Fn(&mut DtlsConf)| {
        let mut conf = browser.conf.clone();
        change(&mut conf);
        browser.room.connect(A, |stream| {
            stream.remote = "0.0.0.0:9".parse().expect("nowhere");
            stream.rtcp_mux = true;
            stream.security = Security::Dtls(Box::new(conf));
        });
    };
    let mut b = Mouth::of(B);
    connect(&mut browser, &|conf| conf.password = "another password".into());
    assert!(!browser.check(true), "the old one");
    browser.password = "another password".into();
    assert!(browser.check(true));
    b.say(&mut browser.room, &[1; 160]);
    assert_eq!(browser.room.heard(A).len(), 1, "media goes on");
    connect(&mut browser, &|conf| {
        conf.password = "another password".into();
        conf.fingerprint = vec![7; 32];
    });
    b.say(&mut browser.room, &[1; 160]);
    assert!(browser.room.heard(A).is_empty(), "not with the old keys");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Before, during and after the handshake, from the browser's address and from elsewhere.
    #[test]
    fn any_datagram_at_any_time_leaves_the_leg_as_it_was(
        datagrams in proptest::collection::vec((any::<Vec<u8>>(), 0..4_u8, any::<bool>()), 1..30), stage in 0..3,
    ) {
        let mut browser = Browser::new(true, |_| {});
        if stage > 0 {
            browser.check(true);
        }
        if stage > 1 {
            browser.shake_hands();
        }
        for (mut bytes, kind, elsewhere) in datagrams {
            if let Some(first) = bytes.first_mut() {
                *first = match kind { 0 => *first % 4, 1 => 20 + *first % 44, 2 => 128 + *first % 64, _ => *first };
            }
            let from = if elsewhere { at(ATTACKER) } else { browser.from };
            browser.room.datagram(A, Component::Rtp, from, bytes);
        }
        prop_assert!(browser.room.heard(B).is_empty());
        prop_assert!(browser.room.book.sent.iter().all(|sent| sent.to != at(ATTACKER)));
        browser.answers();
        prop_assert!(browser.check(true));
        if stage < 2 {
            // Garbage may have spoilt the handshake, never the leg.
            browser.shake_hands();
        } else {
            let (mut sealer, _) = browser.media();
            let sealed = sealer.seal(&Mouth { sequence: 1, ..Mouth::of(A) }.next(&[9; 160])).expect("a number").to_vec();
            browser.send(sealed);
            prop_assert_eq!(browser.room.heard(B).len(), 1);
        }
    }
}
