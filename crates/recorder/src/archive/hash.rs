//! SHA-256 of files: of the whole, as `sha256sum` tells it, and of each mebibyte, to tell where a file was changed.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first line of a chain has before it.
    pub const NONE: Hash = Hash([0; 32]);

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no hash.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no SHA-256; 64 hexadecimal digits are expected")]
pub struct NoHash(String);

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Hash, NoHash> {
        let no_hash = || NoHash(text.to_owned());
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(no_hash());
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |at: usize| char::from(digits[at]).to_digit(16);
            let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Err(no_hash()) };
            *byte = (high << 4 | low) as u8;
        }
        Ok(Hash(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A file's hashes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sums {
    /// How long it is.
    pub bytes: u64,
    /// Of all of it.
    pub sha256: Hash,
    /// Of each [`CHUNK`] of it; the last may be shorter.
    pub chunks: Vec<Hash>,
}

impl Sums {
    /// Reads to the end.
    pub fn of(file: impl Read) -> io::Result<Sums> {
        let never = Sums { bytes: 0, sha256: Hash::NONE, chunks: Vec::new() };
        Ok(Sums::watched(file, true, |_| true)?.unwrap_or(never))
    }

    /// Reads to the end; of each chunk too, if wished, which costs as much again for all but the first. `seen` is told of
    /// every piece and says whether to go on; `None` if not.
    pub fn watched(mut file: impl Read, each: bool, mut seen: impl FnMut(u64) -> bool) -> io::Result<Option<Sums>> {
        let mut whole = Sha256::new();
        let mut part: Option<Sha256> = None; // of the first chunk, `whole` is the hash
        let (mut bytes, mut chunks) = (0, Vec::new());
        let mut piece = vec![0; PIECE];
        loop {
            let mut filled = 0;
            while filled < PIECE {
                match file.read(&mut piece[filled..]) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                    Err(why) => return Err(why),
                }
            }
            whole.update(&piece[..filled]);
            if let Some(part) = &mut part {
                part.update(&piece[..filled]);
            }
            bytes += filled as u64;
            let ends = filled < PIECE;
            if each && (ends || bytes % CHUNK as u64 == 0) && chunks.len() as u64 * CHUNK as u64 != bytes {
                let chunk = part.replace(Sha256::new()).unwrap_or_else(|| whole.clone());
                chunks.push(Hash(chunk.finalize().into()));
            }
            if filled > 0 && !seen(filled as u64) {
                return Ok(None);
            }
            if ends {
                return Ok(Some(Sums { bytes, sha256: Hash(whole.finalize().into()), chunks }));
            }
        }
    }
}

/// Read at once: small, for most recordings are.
const PIECE: usize = 1 << 16;
/// Bytes of a chunk: half a minute of stereo WAV.
pub const CHUNK: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_sha256sum_and_can_be_read_back() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2, B.1
        assert_eq!(Hash::of(b"abc").to_string(), abc);
        assert_eq!(abc.parse::<Hash>().unwrap(), Hash::of(b"abc"));
        for bad in ["", "ba78", &abc[..63], &abc.replace('b', "x"), &"ž".repeat(32)] {
            assert!(bad.parse::<Hash>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_mebibyte_has_a_hash_of_its_own() {
        for length in [0, 1, PIECE, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let bytes: Vec<u8> = (0..length).map(|at| (at / 1000) as u8).collect();
            let chunks = bytes.chunks(CHUNK).map(Hash::of).collect();
            let wanted = Sums { bytes: length as u64, sha256: Hash::of(&bytes), chunks };
            assert_eq!(Sums::of(&bytes[..]).unwrap(), wanted, "{length} bytes");
        }
        let mut bytes = vec![7; 2 * CHUNK + 5];
        let sums = Sums::of(&bytes[..]).unwrap();
        assert_eq!((sums.bytes, sums.chunks.len()), (bytes.len() as u64, 3));
        assert_eq!(sums.sha256, Hash::of(&bytes));
        bytes[CHUNK + 1] ^= 1;
        let other = Sums::of(&bytes[..]).unwrap();
        let differ: Vec<bool> = sums.chunks.iter().zip(&other.chunks).map(|(one, other)| one != other).collect();
        assert_eq!(differ, [false, true, false]);
        assert!(Sums::watched(&bytes[..], true, |_| false).unwrap().is_none(), "told to stop");
    }
}
