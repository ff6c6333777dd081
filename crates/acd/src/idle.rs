//! The members of a queue who are free, in the order in which they are to be rung.
//!
//! Where it stands: a queue has one; `acd` adds an agent when he becomes free and removes him when he is not. Agents of
//! one tier and the same skills stand together, so that a pick costs one look at the head of each such group.

use std::collections::{BTreeMap, BTreeSet};

use base::{Random, Time};

use crate::Strategy;
use crate::agent::{Agent, Membership};

/// What orders the agents of a group: the lowest is rung first.
pub(crate) type Rank = (u64, u64);

#[derive(Debug)]
pub(crate) struct Idle {
    strategy: Strategy,
    groups: BTreeMap<(u8, u32), Group>,
    /// The place of the one rung last, for round robin.
    last: u64,
    count: usize,
}

#[derive(Debug, Default)]
struct Group {
    /// How far the exponential clocks of its agents have run (where chance decides).
    clock: u64,
    agents: BTreeSet<(Rank, u32)>,
}

impl Idle {
    pub(crate) fn new(strategy: Strategy) -> Idle {
        Idle { strategy, groups: BTreeMap::new(), last: u64::MAX, count: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// An agent is free. Returns where he stands, for [`Idle::remove`].
    pub(crate) fn add(&mut self, number: u32, agent: &Agent, membership: &Membership, random: &mut Random) -> Rank {
        let group = self.groups.entry((membership.tier, agent.profile)).or_default();
        let since = order_of(agent.idle_since);
        let rank = match self.strategy {
            Strategy::LongestIdle => (since, 0),
            Strategy::FewestCalls => (agent.calls, since),
            Strategy::LeastTalkTime => (u64::try_from(agent.talked.as_nanos()).unwrap_or(u64::MAX), since),
            Strategy::RingAll | Strategy::RoundRobin | Strategy::Linear => (membership.order.into(), 0),
            Strategy::Random => (group.clock + exponential(1, random), 0),
            Strategy::Weighted => (group.clock + exponential(membership.weight, random), 0),
        };
        if group.agents.insert((rank, number)) {
            self.count += 1;
        }
        rank
    }

    pub(crate) fn remove(&mut self, number: u32, tier: u8, profile: u32, rank: Rank) {
        let Some(group) = self.groups.get_mut(&(tier, profile)) else { return };
        if group.agents.remove(&(rank, number)) {
            self.count -= 1;
        }
        if group.agents.is_empty() {
            self.groups.remove(&(tier, profile));
        }
    }

    /// The one to ring: of the lowest tier that has somebody who fits, the first. `fits` is asked of tier and profile.
    pub(crate) fn pick(&mut self, fits: impl Fn(u8, u32) -> bool) -> Option<u32> {
        let mut best: Option<(u8, Rank, u32)> = None;
        for ((tier, profile), group) in &self.groups {
            if best.is_some_and(|(lowest, ..)| *tier > lowest) {
                break;
            }
            if !fits(*tier, *profile) {
                continue;
            }
            if let Some((rank, agent)) = self.head(group)
                && best.is_none_or(|(_, lowest, _)| rank < lowest)
            {
                best = Some((*tier, rank, agent));
            }
        }
        let (tier, rank, agent) = best?;
        if matches!(self.strategy, Strategy::Random | Strategy::Weighted) {
            for ((_, profile), group) in self.groups.range_mut((tier, 0)..=(tier, u32::MAX)) {
                if fits(tier, *profile) {
                    group.clock += rank.0;
                }
            }
        }
        Some(agent)
    }

    /// All who fit, those of lower tiers first, at most so many.
    pub(crate) fn pick_all(&self, fits: impl Fn(u8, u32) -> bool, max: usize) -> Vec<u32> {
        let fitting = self.groups.iter().filter(|((tier, profile), _)| fits(*tier, *profile));
        let first = fitting.flat_map(|((tier, _), group)| group.agents.iter().take(max).map(|agent| (*tier, *agent)));
        let mut agents: Vec<(u8, (Rank, u32))> = first.collect();
        agents.sort_unstable();
        agents.into_iter().take(max).map(|(_, (_, agent))| agent).collect()
    }

    /// This one is rung now.
    pub(crate) fn rung(&mut self, order: u32) {
        self.last = order.into();
    }

    /// The first of a group, with a rank that can be held against those of other groups.
    fn head(&self, group: &Group) -> Option<(Rank, u32)> {
        let first = group.agents.first().copied();
        match self.strategy {
            Strategy::RoundRobin => {
                let next = group.agents.range((((self.last.wrapping_add(1)), 0), 0)..).next().copied();
                match next {
                    Some(((order, _), agent)) if self.last != u64::MAX => Some(((0, order), agent)),
                    _ => first.map(|((order, _), agent)| ((1, order), agent)),
                }
            }
            // Clocks forget: what is left of each is as if it had just begun, so what is left can be compared.
            Strategy::Random | Strategy::Weighted => {
                first.map(|((rings, _), agent)| ((rings.saturating_sub(group.clock), 0), agent))
            }
            _ => first,
        }
    }
}

fn order_of(time: Time) -> u64 {
    time.as_nanos()
}

/// An exponentially distributed time of this rate. Of several such clocks each is the first to ring in proportion to its
/// rate, and those that have not rung are as good as new: so the lowest of an ordered set is a fair, weighted draw.
fn exponential(rate: u16, random: &mut Random) -> u64 {
    let uniform = ((random.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64; // in (0, 1]
    (-uniform.ln() / f64::from(rate.max(1)) * f64::from(1 << 24)) as u64
}
