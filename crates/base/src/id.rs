//! Identifiers, checked once where they enter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Random;

/// Our id of a caller's whole journey: menu, queue, agent, transfer. Printed as 13 letters that sort by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CallId(u64);

/// One leg of a call: a SIP dialog with its media port. Unique while the switch runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId(pub u64);

/// One recording: a call may have several, one after another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RecordingId {
    /// The call that is recorded.
    pub call: CallId,
    /// Counts the call's recordings from 1.
    pub segment: u16,
}

impl CallId {
    /// A fresh id: 34 bits of Unix seconds, then 30 random bits.
    pub fn new(unix_ms: i64, random: &mut Random) -> CallId {
        let secs = (unix_ms / 1000) as u64 & 0x3_ffff_ffff;
        CallId(secs << 30 | random.below(1 << 30))
    }

    /// Of a hundred calls, which one this is, by its random bits: the same for this id each time, and as likely each.
    pub fn percentile(self) -> u8 {
        (((self.0 & ((1 << 30) - 1)) * 100) >> 30) as u8
    }

    /// The id as a number, for where a number is shorter kept.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The id of that number again.
    pub const fn from_bits(bits: u64) -> CallId {
        CallId(bits)
    }
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32: sorts as the number does

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: [u8; 13] = std::array::from_fn(|i| ALPHABET[(self.0 >> (60 - 5 * i) & 31) as usize]);
        f.write_str(std::str::from_utf8(&letters).unwrap_or_default()) // the alphabet is ASCII
    }
}

impl From<CallId> for String {
    fn from(id: CallId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for CallId {
    type Error = String;
    fn try_from(text: String) -> Result<CallId, String> {
        text.parse()
    }
}

impl FromStr for CallId {
    type Err = String;
    fn from_str(text: &str) -> Result<CallId, String> {
        let digit = |letter: u8| ALPHABET.iter().position(|a| *a == letter);
        let number = text.bytes().try_fold(0_u64, |n, letter| Some((n & (u64::MAX >> 5)) << 5 | digit(letter)? as u64));
        number
            .filter(|_| text.len() == 13)
            .map(CallId)
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| format!("{text:?} is not a call id: 13 letters of 0-9 a-z are expected"))
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leg {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_as_likely_each() {
        let mut random = Random::numbered(7);
        let mut seen = [0_u32; 100];
        for _ in 0..100_000 {
            seen[usize::from(CallId::new(1_790_000_000_000, &mut random).percentile())] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
    }

    #[test]
    fn call_ids_read_back_and_sort_by_time() {
        let mut random = Random::numbered(1);
        let early = CallId::new(1_790_000_000_000, &mut random);
        let late = CallId::new(1_790_000_001_000, &mut random);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        for bad in ["", "0", "ooooooooooooo", "zzzzzzzzzzzzz", "0000000000000x"] {
            assert!(bad.parse::<CallId>().is_err(), "{bad}");
        }
    }
}
