//! Chance from the operating system.

use std::io;

use base::Random;

/// Unguessable randomness, seeded by the system.
pub fn random() -> io::Result<Random> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|why| io::Error::other(format!("the system gives no randomness: {why}")))?;
    Ok(Random::from_seed(seed))
}
