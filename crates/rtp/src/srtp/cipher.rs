//! The ciphers of one direction and one of RTP and RTCP: session keys (RFC 3711 §4.3), and packets sealed and opened where
//! they lie.
//!
//! Where it stands: the one file of the house that knows aws-lc for media. `srtp.rs` has seen that packets are long enough.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use super::{ENCRYPTED, INDEX_BYTES, MasterKey, RTCP_HEADER, Suite};

/// A session's keys.
#[allow(clippy::large_enum_variant, reason = "most legs have the large one, and a leg has it behind a box")]
pub(super) enum Cipher {
    /// AES in counter mode, HMAC-SHA1.
    Counter { key: EncryptingKey, salt: [u8; 14], auth: hmac::Key, tag: usize },
    /// AES-GCM.
    Gcm { key: LessSafeKey, salt: [u8; 12] },
}

impl Cipher {
    pub fn rtp(master: &MasterKey) -> Cipher {
        let tag = match master.suite() {
            Suite::AesCm128HmacSha1_32 | Suite::AesCm256HmacSha1_32 => 4,
            _ => 10,
        };
        Cipher::derive(master, 0, tag)
    }

    /// RFC 4568 §6.2.2: reports have long tags, whatever packets have.
    pub fn rtcp(master: &MasterKey) -> Cipher {
        Cipher::derive(master, 3, 10)
    }

    /// The three keys from `label` on: encryption, authentication, salt.
    fn derive(master: &MasterKey, label: u8, tag: usize) -> Cipher {
        let prf = counter_key(master.key());
        let session = |label: u8, out: &mut [u8]| {
            let mut iv = [0; 16];
            iv[..14].copy_from_slice(&master.salt());
            iv[7] ^= label;
            count(&prf, iv, out);
        };
        let mut key = [0; 32];
        let key = &mut key[..master.suite().key_bytes()];
        session(label, key);
        if master.suite().is_gcm() {
            let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
            let key = UnboundKey::new(algorithm, key).expect("a key of the cipher's own length");
            let mut salt = [0; 12];
            session(label + 2, &mut salt);
            return Cipher::Gcm { key: LessSafeKey::new(key), salt };
        }
        let (mut auth, mut salt) = ([0; 20], [0; 14]);
        session(label + 1, &mut auth);
        session(label + 2, &mut salt);
        let auth = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth);
        Cipher::Counter { key: counter_key(key), salt, auth, tag }
    }

    #[inline]
    pub fn tag_bytes(&self) -> usize {
        match self {
            Cipher::Counter { tag, .. } => *tag,
            Cipher::Gcm { .. } => GCM_TAG,
        }
    }

    /// The tag of HMAC is the packet's end; the one of GCM belongs to what is encrypted (RFC 7714 §8.2).
    #[inline]
    pub fn tag_follows_mki(&self) -> bool {
        matches!(self, Cipher::Counter { .. })
    }

    /// `packet` is the plain one with room for the tag behind it.
    #[inline]
    pub fn seal(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) {
        let plain = packet.len() - self.tag_bytes();
        match self {
            Cipher::Counter { key, salt, auth, .. } => {
                count(key, counter_iv(salt, ssrc, index), &mut packet[header..plain]);
                let tag = authenticate(auth, &packet[..plain], &rollover(index));
                put_tag(&mut packet[plain..], &tag);
            }
            Cipher::Gcm { key, salt } => {
                let (known, rest) = packet.split_at_mut(header);
                let (secret, tag) = rest.split_at_mut(plain - header);
                seal_gcm(key, gcm_iv(salt, ssrc, index), known, secret, tag);
            }
        }
    }

    /// `packet` is the secured one to its tag's end. False: it is not authentic, and spoilt.
    #[inline]
    pub fn open(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> bool {
        let plain = packet.len() - self.tag_bytes();
        match self {
            Cipher::Counter { key, salt, auth, tag } => {
                let expected = authenticate(auth, &packet[..plain], &rollover(index));
                let authentic = verify_slices_are_equal(&expected.as_ref()[..*tag], &packet[plain..]).is_ok();
                if authentic {
                    count(key, counter_iv(salt, ssrc, index), &mut packet[header..plain]);
                }
                authentic
            }
            Cipher::Gcm { key, salt } => {
                let (known, secret) = packet.split_at_mut(header);
                key.open_in_place(gcm_iv(salt, ssrc, index), Aad::from(&*known), secret).is_ok()
            }
        }
    }

    /// `packet` is the plain report of `plain` bytes with room for the tag and the index behind it.
    pub fn seal_rtcp(&self, packet: &mut [u8], plain: usize, ssrc: u32, index: u32) {
        let word = (index | ENCRYPTED).to_be_bytes();
        match self {
            Cipher::Counter { key, salt, auth, .. } => {
                count(key, counter_iv(salt, ssrc, index.into()), &mut packet[RTCP_HEADER..plain]);
                let end = plain + INDEX_BYTES;
                packet[plain..end].copy_from_slice(&word);
                let tag = authenticate(auth, &packet[..end], &[]);
                put_tag(&mut packet[end..], &tag);
            }
            Cipher::Gcm { key, salt } => {
                let known = known_of_rtcp(packet, word);
                let (secret, rest) = packet[RTCP_HEADER..].split_at_mut(plain - RTCP_HEADER);
                let (tag, last) = rest.split_at_mut(GCM_TAG);
                last.copy_from_slice(&word);
                seal_gcm(key, gcm_rtcp_iv(salt, ssrc, index), &known, secret, tag);
            }
        }
    }

    /// The index and the bit before it.
    pub fn rtcp_index(&self, packet: &[u8], plain: usize) -> u32 {
        let at = match self {
            Cipher::Counter { .. } => plain,
            Cipher::Gcm { .. } => plain + GCM_TAG,
        };
        u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
    }

    /// `packet` is the secured report without an identifier of its key; `plain` bytes of it are the report.
    pub fn open_rtcp(&self, packet: &mut [u8], plain: usize, ssrc: u32, word: u32) -> bool {
        let (index, encrypted) = (word & !ENCRYPTED, word & ENCRYPTED != 0);
        match self {
            Cipher::Counter { key, salt, auth, tag } => {
                let end = plain + INDEX_BYTES;
                let expected = authenticate(auth, &packet[..end], &[]);
                let authentic = verify_slices_are_equal(&expected.as_ref()[..*tag], &packet[end..]).is_ok();
                if authentic && encrypted {
                    count(key, counter_iv(salt, ssrc, index.into()), &mut packet[RTCP_HEADER..plain]);
                }
                authentic
            }
            Cipher::Gcm { key, salt } if encrypted => {
                let known = known_of_rtcp(packet, word.to_be_bytes());
                let secret = &mut packet[RTCP_HEADER..plain + GCM_TAG];
                key.open_in_place(gcm_rtcp_iv(salt, ssrc, index), Aad::from(known), secret).is_ok()
            }
            // RFC 7714 §9.3 lets reports go unencrypted; a phone that does has been told not to.
            Cipher::Gcm { .. } => false,
        }
    }
}

fn counter_key(bytes: &[u8]) -> EncryptingKey {
    let algorithm = if bytes.len() == 32 { &AES_256 } else { &AES_128 };
    UnboundCipherKey::new(algorithm, bytes).and_then(EncryptingKey::ctr).expect("a key of the cipher's own length")
}

/// The key stream from this counter on, over these bytes.
#[inline]
fn count(key: &EncryptingKey, iv: [u8; 16], bytes: &mut [u8]) {
    key.less_safe_encrypt(bytes, EncryptionContext::Iv128(FixedLength::from(iv)))
        .expect("counter mode takes any length");
}

/// RFC 3711 §4.1.1: the salt, the SSRC and the packet index, each in its place.
#[inline]
fn counter_iv(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let number = (u128::from(ssrc) << 64) ^ (u128::from(index) << 16);
    let mut iv = number.to_be_bytes();
    iv.iter_mut().zip(salt).for_each(|(iv, salt)| *iv ^= salt);
    iv
}

/// RFC 7714 §8.1.
#[inline]
fn gcm_iv(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let number = (u128::from(ssrc) << 48) ^ u128::from(index);
    salted(salt, number)
}

/// RFC 7714 §9.1.
fn gcm_rtcp_iv(salt: &[u8; 12], ssrc: u32, index: u32) -> Nonce {
    let number = (u128::from(ssrc) << 48) ^ u128::from(index);
    salted(salt, number)
}

#[inline]
fn salted(salt: &[u8; 12], number: u128) -> Nonce {
    let mut iv = [0; 12];
    iv.copy_from_slice(&number.to_be_bytes()[4..]);
    iv.iter_mut().zip(salt).for_each(|(iv, salt)| *iv ^= salt);
    Nonce::assume_unique_for_key(iv)
}

/// RFC 7714 §9.2: what is not encrypted of a report, and its index.
fn known_of_rtcp(packet: &[u8], word: [u8; 4]) -> [u8; RTCP_HEADER + INDEX_BYTES] {
    let mut known = [0; RTCP_HEADER + INDEX_BYTES];
    known[..RTCP_HEADER].copy_from_slice(&packet[..RTCP_HEADER]);
    known[RTCP_HEADER..].copy_from_slice(&word);
    known
}

#[inline]
fn seal_gcm(key: &LessSafeKey, iv: Nonce, known: &[u8], secret: &mut [u8], tag: &mut [u8]) {
    let made = key.seal_in_place_separate_tag(iv, Aad::from(known), secret).expect("a packet is no 64 GiB long");
    tag.copy_from_slice(made.as_ref());
}

#[inline]
fn authenticate(key: &hmac::Key, packet: &[u8], rollover: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(packet);
    context.update(rollover);
    context.sign()
}

/// RFC 3711 §4.2.1: as much of it as the suite wants.
#[inline]
fn put_tag(place: &mut [u8], tag: &hmac::Tag) {
    let length = place.len();
    place.copy_from_slice(&tag.as_ref()[..length]);
}

#[inline]
fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

const GCM_TAG: usize = 16;
