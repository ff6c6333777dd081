//! Whom a waiting call will take, and how that widens as it waits.
//!
//! Where it stands: an entry's [`Want`] at this moment decides in which part of the line it stands; `queue` holds the
//! line, `acd` moves the entry when [`Needs::next_stage`] says so. Only whole stages count, so a want changes at known
//! moments and never in between.

use std::time::Duration;

use crate::Skill;

/// A skill and how good somebody is at it, or has to be: 1 to 10 by custom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Skilled {
    /// The skill.
    pub skill: Skill,
    /// The level.
    pub level: u8,
}

/// After so long, agents up to this tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widening {
    /// Having waited so long,
    pub after: Duration,
    /// agents of these tiers are rung too.
    pub tier: u8,
}

/// The one rule by which skills give way: each `every` of waiting, every wanted level falls by one, down to `floor`. A
/// level of 0 is no longer wanted at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relax {
    /// The step of time; at least a second.
    pub every: Duration,
    /// Where it stops.
    pub floor: u8,
}

/// What a call needs of an agent over its time in a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The tiers, in rising time; where there is no rule every tier will do at once.
    pub widen: Vec<Widening>,
    /// The skills wanted at first.
    pub skills: Vec<Skilled>,
    /// How they give way, if they do.
    pub relax: Option<Relax>,
}

/// What a call takes now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Want {
    pub(crate) tier_max: u8,
    skills: Vec<Skilled>,
}

impl Want {
    /// Would this agent do?
    pub(crate) fn fits(&self, tier: u8, skills: &[Skilled]) -> bool {
        tier <= self.tier_max
            && self
                .skills
                .iter()
                .all(|wanted| skills.iter().any(|has| has.skill == wanted.skill && has.level >= wanted.level))
    }
}

impl Needs {
    /// What is wanted after so long.
    pub(crate) fn at(&self, waited: Duration) -> Want {
        let ruled = self.widen.iter().rev().find(|rule| rule.after <= waited).map(|rule| rule.tier);
        let tier_max = ruled.unwrap_or(if self.widen.is_empty() { u8::MAX } else { 0 });
        let level = |wanted: &Skilled| self.relax.map_or(wanted.level, |relax| relax.level(wanted.level, waited));
        let skills = self.skills.iter().map(|wanted| Skilled { skill: wanted.skill.clone(), level: level(wanted) });
        let mut skills: Vec<Skilled> = skills.filter(|wanted| wanted.level > 0).collect();
        skills.sort();
        Want { tier_max, skills }
    }

    /// How long a call must have waited for its want to change next, having waited so long.
    pub(crate) fn next_stage(&self, waited: Duration) -> Option<Duration> {
        let tier = self.widen.iter().map(|rule| rule.after).find(|after| *after > waited);
        let skill = self.relax.and_then(|relax| {
            let falls = |wanted: &Skilled| relax.level(wanted.level, waited) > relax.floor.min(wanted.level);
            self.skills.iter().any(falls).then(|| relax.step() * (relax.steps(waited) + 1))
        });
        tier.into_iter().chain(skill).min()
    }
}

impl Relax {
    fn step(self) -> Duration {
        self.every.max(Duration::from_secs(1))
    }

    fn steps(self, waited: Duration) -> u32 {
        (waited.as_nanos() / self.step().as_nanos()).min(255) as u32
    }

    fn level(self, wanted: u8, waited: Duration) -> u8 {
        wanted.saturating_sub(self.steps(waited) as u8).max(self.floor.min(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skilled(skill: &str, level: u8) -> Skilled {
        Skilled { skill: skill.parse().expect("a name"), level }
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn wanted_levels_fall_with_time_and_stop_at_the_floor() {
        let relax = Some(Relax { every: secs(10), floor: 2 });
        let needs = Needs { skills: vec![skilled("english", 4), skilled("vip", 1)], relax, ..Needs::default() };
        let agent = [skilled("english", 3), skilled("vip", 1)];
        for (waited, fits, next) in [(0, false, Some(10)), (9, false, Some(10)), (10, true, Some(20)), (99, true, None)]
        {
            assert_eq!(needs.at(secs(waited)).fits(7, &agent), fits, "{waited}");
            assert_eq!(needs.next_stage(secs(waited)), next.map(secs), "{waited}");
        }
        assert!(!needs.at(secs(999)).fits(0, &[skilled("english", 9)]), "vip stays wanted: its floor is its level");
    }

    #[test]
    fn a_floor_of_nothing_makes_a_skill_a_wish() {
        let relax = Some(Relax { every: secs(5), floor: 0 });
        let needs = Needs { skills: vec![skilled("english", 2)], relax, ..Needs::default() };
        assert!(!needs.at(secs(9)).fits(0, &[]));
        assert!(needs.at(secs(10)).fits(0, &[]));
    }

    #[test]
    fn tiers_open_one_after_the_other() {
        let widen = vec![Widening { after: secs(0), tier: 1 }, Widening { after: secs(30), tier: 3 }];
        let needs = Needs { widen, ..Needs::default() };
        for (waited, tier_max, next) in [(0, 1, Some(30)), (29, 1, Some(30)), (30, 3, None)] {
            assert_eq!((needs.at(secs(waited)).tier_max, needs.next_stage(secs(waited))), (tier_max, next.map(secs)));
        }
        assert_eq!(Needs::default().at(secs(0)).tier_max, u8::MAX);
    }
}
