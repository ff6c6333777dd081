//! Which server first: priority, then chance by weight (RFC 2782).

use base::Random;

/// One SRV record, as far as its turn depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Server<T> {
    pub(crate) priority: u16,
    pub(crate) weight: u16,
    pub(crate) what: T,
}

/// The order in which servers are tried: lower priorities first; among equals each next one is drawn with a chance that
/// is its weight's part of all that are left. (The sums of RFC 2782 favour whoever stands first where weights are small.)
pub(crate) fn in_turn<T>(mut servers: Vec<Server<T>>, random: &mut Random) -> Vec<T> {
    servers.sort_by_key(|server| server.priority);
    let mut turns = Vec::with_capacity(servers.len());
    while let Some(first) = servers.first() {
        let priority = first.priority;
        let equals = servers.iter().take_while(|server| server.priority == priority);
        let mut drawn = random.below(equals.map(Server::chance).sum());
        let next = servers.iter().position(|server| match drawn.checked_sub(server.chance()) {
            Some(left) => {
                drawn = left;
                false
            }
            None => true,
        });
        turns.push(servers.remove(next.unwrap_or(0)).what);
    }
    turns
}

impl<T> Server<T> {
    /// One without weight has a little chance all the same, as RFC 2782 wants it.
    fn chance(&self) -> u64 {
        (u64::from(self.weight) * 100).max(1)
    }
}

/// The same in an order of chance.
pub(crate) fn shuffle<T>(list: &mut [T], random: &mut Random) {
    for left in (1..list.len()).rev() {
        list.swap(left, random.below(left as u64 + 1) as usize); // below left + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn servers(list: &[(u16, u16)]) -> Vec<Server<usize>> {
        let server =
            |(what, (priority, weight)): (usize, &(u16, u16))| Server { priority: *priority, weight: *weight, what };
        list.iter().enumerate().map(server).collect()
    }

    #[test]
    fn weights_are_how_often_one_comes_first() {
        let mut random = Random::numbered(1);
        let mut first = [0_u32; 4];
        for _ in 0..10_000 {
            first[in_turn(servers(&[(1, 60), (1, 30), (1, 10), (1, 0)]), &mut random)[0]] += 1;
        }
        for (at, (often, want)) in first.into_iter().zip([6_000, 3_000, 1_000]).enumerate() {
            assert!(often.abs_diff(want) < 300, "server {at} came first {often} times, not about {want}");
        }
        assert!(first[3] < 50, "one without weight came first {} times", first[3]);
    }

    proptest! {
        #[test]
        fn all_have_their_turn_and_the_lower_priority_the_earlier(
            list in prop::collection::vec((0_u16..4, any::<u16>()), 0..12), seed: u64,
        ) {
            let turns = in_turn(servers(&list), &mut Random::numbered(seed));
            let mut all = turns.clone();
            all.sort();
            prop_assert_eq!(all, (0..list.len()).collect::<Vec<_>>());
            prop_assert!(turns.iter().map(|at| list[*at].0).is_sorted());
        }

        #[test]
        fn among_two_equals_the_heavier_comes_first_as_often_as_its_weight_says(light in 1_u16..100, heavy in 1_u16..100, seed: u64) {
            let mut random = Random::numbered(seed);
            let first = (0..2_000).filter(|_| in_turn(servers(&[(5, light), (5, heavy)]), &mut random)[0] == 1).count();
            let want = 2_000 * usize::from(heavy) / usize::from(light + heavy);
            prop_assert!(first.abs_diff(want) < 200, "{first} of 2000, not about {want}");
        }

        #[test]
        fn nothing_is_lost_in_shuffling(mut list: Vec<u8>, seed: u64) {
            let mut before = list.clone();
            shuffle(&mut list, &mut Random::numbered(seed));
            before.sort();
            list.sort();
            prop_assert_eq!(before, list);
        }
    }
}
