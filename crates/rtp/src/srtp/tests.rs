//! The RFCs' vectors, libsrtp's packets, and what must hold for any packet.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, LessSafeKey, UnboundKey};
use proptest::prelude::*;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|letter| letter.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn key(suite: Suite, first: u8) -> MasterKey {
    let bytes: Vec<u8> = (0..suite.key_bytes() + suite.salt_bytes()).map(|n| first.wrapping_add(n as u8)).collect();
    MasterKey::new(suite, &bytes).expect("its length")
}

fn packet(sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = [&[0; 12][..], payload].concat();
    crate::write_header(&mut packet, 0, sequence, u32::from(sequence) * 160, ssrc, false);
    packet
}

/// RFC 3711 appendix B.3, and the keys other implementations derive for reports from the same master.
#[test]
fn session_keys_are_those_of_the_rfc() {
    let master = hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let master = MasterKey::new(Suite::AesCm128HmacSha1_80, &master).expect("its length");
    for (cipher, session, salted, authentic) in [
        (
            Cipher::rtp(&master),
            "C61E7A93744F39EE10734AFE3FF7A087",
            "30CBBC08863D8C85D49DB34A9AE1",
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
        ),
        (
            Cipher::rtcp(&master),
            "4c1aa45a81f73d61c800bbb00fbb1eaa",
            "9581c7ad87b3e530bf3e4454a8b3",
            "8d54534feb49ae8e7993a6bd0b844fc323a93dfd",
        ),
    ] {
        let Cipher::Counter { key, salt, auth, .. } = cipher else { panic!("counter mode") };
        assert_eq!(salt[..], hex(salted));
        let stream = |key: &aws_lc_rs::cipher::EncryptingKey| {
            let mut bytes = [0; 48];
            let iv = aws_lc_rs::cipher::EncryptionContext::Iv128([7; 16].into());
            key.less_safe_encrypt(&mut bytes, iv).expect("any length");
            bytes
        };
        let expected =
            aws_lc_rs::cipher::UnboundCipherKey::new(&aws_lc_rs::cipher::AES_128, &hex(session)).expect("a key");
        assert_eq!(stream(&key), stream(&aws_lc_rs::cipher::EncryptingKey::ctr(expected).expect("counter mode")));
        let sha1 = aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
        let expected = aws_lc_rs::hmac::Key::new(sha1, &hex(authentic));
        let sign = |key| aws_lc_rs::hmac::sign(key, b"text").as_ref().to_vec();
        assert_eq!(sign(&auth), sign(&expected));
    }
}

/// RFC 7714 §16.1 and §16.2, which give the session's keys.
#[test]
fn gcm_packets_are_those_of_the_rfc() {
    let key = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let plain =
        hex("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
    for (algorithm, bits, sealed) in [
        (
            &AES_128_GCM,
            128,
            "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
             899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            &AES_256_GCM,
            256,
            "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b\
             7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ] {
        let cipher = Cipher::Gcm {
            key: LessSafeKey::new(UnboundKey::new(algorithm, &key[..bits / 8]).expect("a key")),
            salt: hex("517569642070726f2071756f").try_into().expect("12 octets"),
        };
        let mut packet = [&plain[..], &[0; 16]].concat();
        cipher.seal(&mut packet, 12, 0x5501_a0b2, 0xf17b);
        assert_eq!(packet, hex(sealed), "{bits}");
        assert!(cipher.open(&mut packet, 12, 0x5501_a0b2, 0xf17b));
        assert_eq!(packet[..plain.len()], plain, "{bits}");
    }
}

/// What libsrtp makes of the packet in its own tests.
#[test]
fn packets_are_what_other_implementations_make_of_them() {
    let plain = hex("800f1234decafbadcafebabe abababababababababababababababab");
    for (suite, master, sealed) in [
        (
            Suite::AesCm128HmacSha1_80,
            "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6",
            "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
        ),
        (
            Suite::AeadAes128Gcm,
            "000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aaab",
            "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392",
        ),
    ] {
        let key = MasterKey::new(suite, &hex(master)).expect("its length");
        assert_eq!(Sealer::new(&key).seal(&plain), Some(&hex(sealed)[..]), "{suite:?}");
        let mut packet = hex(sealed);
        let length = Opener::new(&key).open(&mut packet).expect("our own");
        assert_eq!(packet[..length], plain, "{suite:?}");
    }
    let report = hex("81c8000bcafebabe abababababababababababababababab");
    let master = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    let key = MasterKey::new(Suite::AesCm128HmacSha1_80, &master).expect("its length");
    let sealed = hex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
    assert_eq!(Sealer::new(&key).seal_rtcp(&report), Some(&sealed[..]));
}

#[test]
fn packets_go_through_in_every_suite_over_the_roll_over_and_once() {
    for suite in Suite::ALL {
        let (mut sealer, mut opener) = (Sealer::new(&key(suite, 3)), Opener::new(&key(suite, 3)));
        let mut last = Vec::new();
        for n in 65_500..65_700_u32 {
            let plain = packet(n as u16, 77, &[n as u8; 160]);
            last = sealer.seal(&plain).expect("a new number").to_vec();
            assert_ne!(last[12..172], plain[12..], "it can be read");
            let mut copy = last.clone();
            let length = opener.open(&mut copy).unwrap_or_else(|why| panic!("{suite:?} {n}: {why}"));
            assert_eq!(copy[..length], plain);
        }
        assert_eq!(opener.open(&mut last.clone()), Err(Refusal::Replayed), "{suite:?}");
        let late = packet((65_699_u32 - 5) as u16, 77, &[9; 160]);
        assert_eq!(sealer.seal(&late), None, "a number is used once");
        // Another SSRC is another stream with a counter of its own.
        let other = packet(65_000, 78, &[1; 20]);
        let mut sealed = Sealer::new(&key(suite, 3)).seal(&other).expect("a new number").to_vec();
        assert_eq!(opener.open(&mut sealed), Ok(other.len()));
        // Another key's packet is refused, and ours with one bit changed.
        assert_eq!(Opener::new(&key(suite, 4)).open(&mut last.clone()), Err(Refusal::NotAuthentic), "{suite:?}");
        for bit in 0..last.len() * 8 {
            let mut changed = last.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Opener::new(&key(suite, 3)).open(&mut changed).is_err(), "{suite:?}, bit {bit}");
        }
    }
}

#[test]
fn a_stream_that_rolled_over_before_it_was_heard_is_found() {
    for suite in Suite::ALL {
        let mut sealer = Sealer::new(&key(suite, 3));
        for n in (0..200_000_u32).step_by(20_000) {
            sealer.seal(&packet(n as u16, 77, &[1; 20])).expect("a new number");
        }
        let mut opener = Opener::new(&key(suite, 3));
        for n in 200_001..200_010_u32 {
            let plain = packet(n as u16, 77, &[n as u8; 160]);
            let mut sealed = sealer.seal(&plain).expect("a new number").to_vec();
            assert_eq!(opener.open(&mut sealed), Ok(plain.len()), "{suite:?}");
            assert_eq!(sealed[..plain.len()], plain);
        }
    }
}

#[test]
fn reports_go_through_in_every_suite_and_once() {
    for suite in Suite::ALL {
        for mki in [0, 4] {
            let key = key(suite, 3);
            let (mut sealer, mut opener) = (Sealer::new(&key), Opener::new(&key.with_mki(mki)));
            for n in 0..5_u8 {
                let plain = [&hex("81c9000700000001")[..], &[n; 24]].concat();
                let mut sealed = sealer.seal_rtcp(&plain).expect("a report").to_vec();
                // RFC 3711 §3.4: before the tag of HMAC; RFC 7714 §9.2: behind all.
                let at = if suite.is_gcm() { sealed.len() } else { sealed.len() - 10 };
                sealed.splice(at..at, vec![0xee; usize::from(mki)]);
                assert_ne!(sealed[8..32], plain[8..]);
                let mut copy = sealed.clone();
                let length = opener.open_rtcp(&mut copy).unwrap_or_else(|why| panic!("{suite:?} {mki}: {why}"));
                assert_eq!(copy[..length], plain);
                assert_eq!(opener.open_rtcp(&mut sealed.clone()), Err(Refusal::Replayed));
                sealed[9] ^= 1;
                assert!(Opener::new(&self::key(suite, 3).with_mki(mki)).open_rtcp(&mut sealed).is_err());
            }
        }
    }
}

#[test]
fn a_master_key_identifier_is_read_over() {
    for suite in Suite::ALL {
        let plain = packet(9, 77, &[5; 40]);
        let mut sealed = Sealer::new(&key(suite, 3)).seal(&plain).expect("a new number").to_vec();
        let tag = sealed.len() - plain.len();
        let at = if suite.is_gcm() { sealed.len() } else { sealed.len() - tag };
        sealed.splice(at..at, [0, 0, 0, 1]);
        let length = Opener::new(&key(suite, 3).with_mki(4)).open(&mut sealed).expect("our own");
        assert_eq!(sealed[..length], plain, "{suite:?}");
    }
}

#[test]
fn sources_and_extensions_stay_readable() {
    // Two sources and an extension of one word: 12 + 8 + 8 octets of header.
    let plain = [&hex("92000001 00000000 0000004d 00000001 00000002 bede0001 11223344")[..], &[7; 30]].concat();
    for suite in Suite::ALL {
        let mut sealed = Sealer::new(&key(suite, 3)).seal(&plain).expect("a new number").to_vec();
        assert_eq!(sealed[..28], plain[..28]);
        assert_ne!(sealed[28..58], plain[28..]);
        assert_eq!(Opener::new(&key(suite, 3)).open(&mut sealed), Ok(58));
        assert_eq!(sealed[..58], plain);
    }
}

#[test]
fn names_are_read_in_every_spelling_and_keys_never_shown() {
    for suite in Suite::ALL {
        assert_eq!(Suite::from_name(suite.name()), Some(suite));
        assert_eq!(Suite::from_name(&suite.name().to_lowercase()), Some(suite));
        assert_eq!(format!("{:?}", key(suite, 65)), format!("MasterKey({})", suite.name()));
    }
    assert_eq!(Suite::from_name("AES_CM_256_HMAC_SHA1_32"), Some(Suite::AesCm256HmacSha1_32));
    assert_eq!(Suite::from_name("F8_128_HMAC_SHA1_80"), None);
    assert_eq!(MasterKey::new(Suite::AesCm128HmacSha1_80, &[0; 29]), None);
}

proptest! {
    #[test]
    fn any_datagram_is_refused_or_opened_and_never_more(bytes: Vec<u8>, at in 0..6_usize, mki in 0..9_u8) {
        let suite = Suite::ALL[at];
        let mut opener = Opener::new(&key(suite, 3).with_mki(mki));
        prop_assert!(opener.open(&mut bytes.clone()).is_err());
        prop_assert!(opener.open_rtcp(&mut bytes.clone()).is_err());
        let mut sealer = Sealer::new(&key(suite, 3));
        let _ = sealer.seal(&bytes);
        let _ = sealer.seal_rtcp(&bytes);
    }
}
