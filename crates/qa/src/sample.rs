//! What to listen to: chance decides, and anybody can decide it again.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// So many of each group, by chance. Who has the seed and the same recordings has the same sample; one more recording, or
/// one more group, changes nothing for the others, and a greater sample holds the smaller one. Each recording has its turn
/// by the SHA-256 of the seed, a space and its id; the first are taken. In the order of the groups, then of the turns.
pub fn sample<T>(
    from: impl IntoIterator<Item = T>,
    seed: u64,
    per_group: usize,
    id: impl Fn(&T) -> String,
    group: impl Fn(&T) -> String,
) -> Vec<T> {
    let mut groups: BTreeMap<String, Vec<([u8; 32], T)>> = BTreeMap::new();
    for one in from {
        let turn: [u8; 32] = Sha256::digest(format!("{seed} {}", id(&one))).into();
        let taken = groups.entry(group(&one)).or_default();
        taken.push((turn, one));
        if taken.len() >= 2 * per_group.max(TAKEN_MIN) {
            keep_first(taken, per_group);
        }
    }
    groups.values_mut().for_each(|taken| keep_first(taken, per_group));
    groups.into_values().flatten().map(|(_, one)| one).collect()
}

fn keep_first<T>(taken: &mut Vec<([u8; 32], T)>, count: usize) {
    taken.sort_by_key(|(turn, _)| *turn);
    taken.truncate(count);
}

const TAKEN_MIN: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn drawn(from: impl IntoIterator<Item = u32>, seed: u64, per_group: usize) -> Vec<u32> {
        sample(from, seed, per_group, u32::to_string, |n| (n % 3).to_string())
    }

    proptest! {
        #[test]
        fn a_sample_is_as_large_as_wished_and_of_what_there_is(count in 0_u32..500, seed: u64, per_group in 0_usize..200) {
            let sample = drawn(0..count, seed, per_group);
            for group in 0..3 {
                let there = (0..count).filter(|n| n % 3 == group).count();
                prop_assert_eq!(sample.iter().filter(|n| **n % 3 == group).count(), there.min(per_group));
            }
            let mut once = sample.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), sample.len());
            prop_assert_eq!(drawn((0..count).rev(), seed, per_group), sample.clone(), "the order asked in is nothing");
            let more = drawn(0..count, seed, per_group + 1);
            prop_assert!(sample.iter().all(|one| more.contains(one)), "a greater sample holds it");
        }
    }

    #[test]
    fn everybody_has_the_same_chance() {
        let mut times: BTreeMap<u32, u32> = BTreeMap::new();
        for seed in 0..3_000 {
            drawn((0..30).map(|n| n * 3), seed, 3).into_iter().for_each(|n| *times.entry(n).or_default() += 1);
        }
        assert_eq!(times.len(), 30);
        // 300 times each is to be expected, with a deviation of 16.
        assert!(times.values().all(|times| (220..=380).contains(times)), "{times:?}");
    }
}
