//! The one stream of chance a switch draws from: unguessable when seeded by the operating system, replayable when
//! seeded by a test.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A seeded stream of random bits (ChaCha with 12 rounds: fit for tags, nonces and ports).
#[derive(Clone)]
pub struct Random(ChaCha12Rng);

/// What is still to come is nobody's business.
impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl Random {
    /// The stream that belongs to `seed`; the shell takes 32 bytes from the operating system.
    pub fn from_seed(seed: [u8; 32]) -> Random {
        Random(ChaCha12Rng::from_seed(seed))
    }

    /// The stream of a numbered simulation.
    pub fn numbered(seed: u64) -> Random {
        Random(ChaCha12Rng::seed_from_u64(seed))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..end`; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64 }
    }

    /// True once in `n` draws, on average.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A token of `letters` lower-case letters and digits, 5 bits each (for tags, branches, Call-IDs, nonces, passwords).
    pub fn token(&mut self, letters: usize) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789"; // no l, o, 0, 1: read aloud without mistake
        let mut bits = 0;
        (0..letters)
            .map(|i| {
                if i % 12 == 0 {
                    bits = self.bits();
                }
                let letter = ALPHABET[(bits & 31) as usize] as char;
                bits >>= 5;
                letter
            })
            .collect()
    }

    /// A stream of its own, for a room that keeps one.
    pub fn fork(&mut self) -> Random {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Random::from_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_replays_the_stream() {
        let draw = |seed| {
            let mut random = Random::numbered(seed);
            (random.token(30), random.below(1000), random.fork().bits())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn numbers_stay_below_their_end() {
        let mut random = Random::numbered(1);
        assert!((0..1000).all(|_| random.below(10) < 10));
        assert_eq!(random.below(0), 0);
    }
}
