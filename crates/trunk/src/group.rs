//! Several trunks as one: which is tried first, and which next.
//!
//! Where it stands: a route names a trunk or a group; `trunks` asks here in which order, and leaves out those that are
//! down or full. Like SRV records (RFC 2782): the lowest priority first, among equals by chance and weight.

use std::ops::RangeInclusive;
use std::sync::Arc;

use base::Random;

/// Several trunks as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConf {
    /// Its name, which no trunk has.
    pub name: String,
    /// Its trunks.
    pub members: Vec<Member>,
    /// The answers after which the next one is tried.
    pub statuses: Statuses,
}

/// A trunk in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub trunk: String,
    /// The lowest is tried first.
    pub priority: u16,
    /// Its share among those of the same priority.
    pub weight: u16,
}

/// SIP statuses.
pub type Statuses = Arc<[RangeInclusive<u16>]>;

/// The next trunk of those that `may` be tried.
pub fn next<'a>(members: &'a [Member], random: &mut Random, may: impl Fn(&str) -> bool) -> Option<&'a Member> {
    let able = || members.iter().filter(|member| may(&member.trunk));
    let priority = able().map(|member| member.priority).min()?;
    let equals: Vec<&Member> = able().filter(|member| member.priority == priority).collect();
    let total: u64 = equals.iter().map(|member| u64::from(member.weight)).sum();
    let mut drawn = random.below(total);
    let by_weight = equals.iter().find(|member| match drawn.checked_sub(member.weight.into()) {
        Some(left) if total > 0 => {
            drawn = left;
            false
        }
        _ => true,
    });
    by_weight.copied()
}

/// The answers that speak of the trunk and not of whom was called: nobody answered, or it cannot work.
pub fn usual_statuses() -> Statuses {
    Arc::new([408..=408, 500..=599])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(trunk: &str, priority: u16, weight: u16) -> Member {
        Member { trunk: trunk.to_owned(), priority, weight }
    }

    #[test]
    fn the_lowest_priority_is_first_and_the_next_takes_its_place() {
        let members = [member("c", 3, 1), member("a", 1, 1), member("b", 2, 1)];
        let mut random = Random::numbered(1);
        let mut tried: Vec<String> = Vec::new();
        while let Some(next) = next(&members, &mut random, |trunk| !tried.iter().any(|known| known == trunk)) {
            tried.push(next.trunk.clone());
        }
        assert_eq!(tried, ["a", "b", "c"]);
    }

    #[test]
    fn among_equals_the_weight_is_the_share() {
        let members = [member("a", 1, 3), member("b", 1, 1), member("z", 1, 0), member("spare", 2, 100)];
        let mut random = Random::numbered(1);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..4_000 {
            *counts.entry(next(&members, &mut random, |_| true).expect("one").trunk.clone()).or_insert(0) += 1;
        }
        let of = |name: &str| counts.get(name).copied().unwrap_or(0);
        assert!((2_850..3_150).contains(&of("a")) && (850..1_150).contains(&of("b")), "{counts:?}");
        assert_eq!((of("z"), of("spare")), (0, 0));
        // Nothing but those without weight is left.
        assert_eq!(next(&members, &mut random, |trunk| trunk == "z").map(|member| &*member.trunk), Some("z"));
        assert_eq!(next(&members, &mut random, |_| false), None);
    }
}
