//! Cipher suites and master keys, as SDP (RFC 4568 §6.2, RFC 6188, RFC 7714 §14) and DTLS name them.

use std::fmt;

/// A cipher and how packets are authenticated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Suite {
    /// AES-GCM with 256 bits.
    AeadAes256Gcm,
    /// AES-GCM with 128 bits.
    AeadAes128Gcm,
    /// AES counter mode with 256 bits, tags of 80 bits.
    AesCm256HmacSha1_80,
    /// AES counter mode with 256 bits, tags of 32 bits.
    AesCm256HmacSha1_32,
    /// AES counter mode with 128 bits, tags of 80 bits: what everybody has.
    AesCm128HmacSha1_80,
    /// AES counter mode with 128 bits, tags of 32 bits.
    AesCm128HmacSha1_32,
}

impl Suite {
    /// All of them.
    pub const ALL: [Suite; 6] = [
        Suite::AeadAes256Gcm,
        Suite::AeadAes128Gcm,
        Suite::AesCm256HmacSha1_80,
        Suite::AesCm256HmacSha1_32,
        Suite::AesCm128HmacSha1_80,
        Suite::AesCm128HmacSha1_32,
    ];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Suite::AesCm256HmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Suite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// The suite of a name. Phones older than RFC 6188 write `AES_CM_256` as they write `AES_CM_128`.
    pub fn from_name(name: &str) -> Option<Suite> {
        let old = |suite: Suite| suite.name().replace("AES_256_CM", "AES_CM_256");
        let is = |suite: &Suite| name.eq_ignore_ascii_case(suite.name()) || name.eq_ignore_ascii_case(&old(*suite));
        Suite::ALL.into_iter().find(is)
    }

    /// How long its master key is.
    pub fn key_bytes(self) -> usize {
        match self {
            Suite::AeadAes256Gcm | Suite::AesCm256HmacSha1_80 | Suite::AesCm256HmacSha1_32 => 32,
            Suite::AeadAes128Gcm | Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32 => 16,
        }
    }

    /// How long its master salt is.
    pub fn salt_bytes(self) -> usize {
        match self {
            Suite::AeadAes256Gcm | Suite::AeadAes128Gcm => 12,
            _ => 14,
        }
    }

    pub(super) fn is_gcm(self) -> bool {
        matches!(self, Suite::AeadAes256Gcm | Suite::AeadAes128Gcm)
    }
}

/// A master key with its salt, for one direction. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    /// Key, then salt.
    bytes: Box<[u8]>,
    mki_bytes: u8,
}

impl MasterKey {
    /// From the key with the salt behind it. `None`: it has not this suite's length.
    pub fn new(suite: Suite, bytes: &[u8]) -> Option<MasterKey> {
        let fits = bytes.len() == suite.key_bytes() + suite.salt_bytes();
        fits.then(|| MasterKey { suite, bytes: bytes.into(), mki_bytes: 0 })
    }

    /// The same, whose packets bear a master key identifier of so many bytes (RFC 3711 §3.1). There is one key: it need not
    /// be looked at.
    pub fn with_mki(self, mki_bytes: u8) -> MasterKey {
        MasterKey { mki_bytes, ..self }
    }

    /// Its suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Key and salt, for who has to write them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn mki_bytes(&self) -> u8 {
        self.mki_bytes
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.bytes[..self.suite.key_bytes()]
    }

    /// Padded to the length key derivation wants (RFC 7714 §11: zeros to the right).
    pub(super) fn salt(&self) -> [u8; 14] {
        let mut salt = [0; 14];
        let written = &self.bytes[self.suite.key_bytes()..];
        salt[..written.len()].copy_from_slice(written);
        salt
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}
