//! Keys in a description (RFC 4568): one `a=crypto:` line each, readable by whoever reads the description.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, BASE64_NOPAD};

use crate::Media;

/// A key for what its writer will send.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// By which an answer names the offered line it takes.
    pub tag: u32,
    /// The cipher suite, as written.
    pub suite: String,
    /// Master key and salt, one behind the other.
    pub key: Vec<u8>,
    /// How long the master key identifier is that its packets bear; usually there is none.
    pub mki_bytes: u8,
}

impl Crypto {
    /// Is this the same suite, in either spelling of the long keys (RFC 6188, and what was written before it)?
    pub fn is_of(&self, suite: &str) -> bool {
        let plain = |name: &str| name.to_ascii_uppercase().replace("AES_CM_256", "AES_256_CM");
        plain(&self.suite) == plain(suite)
    }
}

impl Media {
    /// The keys offered or answered with that we can read, in their order.
    pub fn crypto(&self) -> Vec<Crypto> {
        self.section.attributes("crypto").filter_map(|value| value.parse().ok()).collect()
    }
}

/// The value of an attribute: tag, suite, one key, and what else is agreed. Several keys, and what would weaken or change
/// the packets, are not for us; a line that demands one is not ours to take (RFC 4568 §6.3).
impl FromStr for Crypto {
    type Err = ();
    fn from_str(value: &str) -> Result<Crypto, ()> {
        let mut words = value.split_ascii_whitespace();
        let (Some(tag), Some(suite), Some(params)) = (words.next(), words.next(), words.next()) else { return Err(()) };
        // RFC 4568 §6.3.7: a leading "-" may be ignored. WSH only hints at a window's size.
        if words.any(|session| !session.starts_with('-') && !session.starts_with("WSH=")) || params.contains(';') {
            return Err(());
        }
        let (method, rest) = params.split_at_checked("inline:".len()).ok_or(())?;
        if !method.eq_ignore_ascii_case("inline:") {
            return Err(());
        }
        let mut parts = rest.split('|');
        // Some leave the padding out, some count it wrong.
        let key = parts.next().unwrap_or_default().trim_end_matches('=');
        let key = BASE64_NOPAD.decode(key.as_bytes()).map_err(drop)?;
        // What follows is how long the key may live, or, with a colon, how its packets name it.
        let identifier = parts.find_map(|part| part.split_once(':'));
        let mki_bytes = match identifier {
            Some((_, length)) => length.parse().ok().filter(|length| *length <= MKI_MAX).ok_or(())?,
            None => 0,
        };
        Ok(Crypto { tag: tag.parse().map_err(drop)?, suite: suite.to_owned(), key, mki_bytes })
    }
}

/// The attribute's value. Base64 is padded: linphone takes an unpadded long key for one of another length.
impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} inline:{}", self.tag, self.suite, BASE64.encode(&self.key))
    }
}

/// Keys are for descriptions, not for logs.
impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crypto({} {})", self.tag, self.suite)
    }
}

/// RFC 3711 allows more than anybody uses.
const MKI_MAX: u8 = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    #[test]
    fn lines_are_read_as_phones_write_them_and_passed_over_where_they_ask_for_more() {
        for (value, read) in [
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), Some((1, 0))),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"), Some((1, 4))), // RFC 4568 §4.1
            (format!("2 AES_CM_128_HMAC_SHA1_32 INLINE:{KEY}|1:1"), Some((2, 1))),
            (format!("9 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1048576"), Some((9, 0))),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} WSH=128"), Some((1, 0))),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} -FUTURE=1"), Some((1, 0))),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTCP"), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNAUTHENTICATED_SRTP"), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1"), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4;inline:{KEY}|2:4"), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:200"), None),
            (format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), None),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:???".to_owned(), None),
            ("1 AES_CM_128_HMAC_SHA1_80".to_owned(), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}"), None),
            (String::new(), None),
        ] {
            let crypto: Option<Crypto> = value.parse().ok();
            assert_eq!(crypto.as_ref().map(|crypto| (crypto.tag, crypto.mki_bytes)), read, "{value}");
            assert!(crypto.is_none_or(|crypto| crypto.key.len() == 30), "{value}");
        }
    }

    #[test]
    fn long_keys_are_known_by_both_names_and_never_shown() {
        let crypto: Crypto = format!("1 AES_CM_256_HMAC_SHA1_80 inline:{KEY}").parse().unwrap();
        assert!(crypto.is_of("AES_256_CM_HMAC_SHA1_80") && !crypto.is_of("AES_CM_128_HMAC_SHA1_80"));
        assert!(!format!("{crypto:?}").contains(&KEY[..8]));
    }

    proptest! {
        #[test]
        fn what_we_write_we_can_read(tag: u32, key: Vec<u8>) {
            let crypto = Crypto { tag, suite: "AEAD_AES_256_GCM".to_owned(), key, mki_bytes: 0 };
            prop_assert_eq!(crypto.to_string().parse(), Ok(crypto));
        }

        #[test]
        fn any_line_is_read_or_not(value in "[ -~]{0,60}") {
            let _ = value.parse::<Crypto>();
        }
    }
}
