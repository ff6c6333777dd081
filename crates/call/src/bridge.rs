//! Who hears whom: the only place in the switch where that is decided.
//!
//! Where it stands: programs give legs a [`Role`]; [`wires`] compiles the roles; `media` gets the difference.

use std::collections::BTreeSet;

use base::LegId;

/// What a leg may do in a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Heard by all, hears all who talk.
    Talk,
    /// Hears all who talk, heard by nobody.
    Listen,
    /// Hears all who talk, heard by one.
    Whisper {
        /// The one who hears the whisper.
        to: LegId,
    },
    /// Neither hears nor is heard; music is a player's business.
    Hold,
    /// Hears itself and nobody else, heard by nobody else: the echo test.
    Echo,
}

/// A leg in a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The leg.
    pub leg: LegId,
    /// What it may do.
    pub role: Role,
}

/// Sound flows from one leg to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wire {
    /// Who speaks.
    pub from: LegId,
    /// Who hears it.
    pub to: LegId,
}

/// Who hears whom.
pub fn wires(members: &[Member]) -> BTreeSet<Wire> {
    let hears = |to: &Member, from: &Member| match (to.role, from.role) {
        (role, _) if to.leg == from.leg => role == Role::Echo,
        (Role::Hold | Role::Echo, _) | (_, Role::Hold | Role::Echo | Role::Listen) => false,
        (_, Role::Talk) => true,
        (_, Role::Whisper { to: one }) => to.leg == one,
    };
    let pairs = members.iter().flat_map(|from| members.iter().map(move |to| (from, to)));
    pairs.filter(|(from, to)| hears(to, from)).map(|(from, to)| Wire { from: from.leg, to: to.leg }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: LegId = LegId(1);
    const AGENT: LegId = LegId(2);
    const BOSS: LegId = LegId(3);

    fn talk(leg: LegId) -> Member {
        Member { leg, role: Role::Talk }
    }

    fn who_hears(leg: LegId, wires: &BTreeSet<Wire>) -> Vec<LegId> {
        wires.iter().filter(|wire| wire.from == leg).map(|wire| wire.to).collect()
    }

    #[test]
    fn a_supervisor_is_heard_as_the_role_says() {
        for (role, heard_by) in [
            (Role::Listen, vec![]),
            (Role::Whisper { to: AGENT }, vec![AGENT]),
            (Role::Talk, vec![CALLER, AGENT]), // barge-in
        ] {
            let wires = wires(&[talk(CALLER), talk(AGENT), Member { leg: BOSS, role }]);
            assert_eq!(who_hears(BOSS, &wires), heard_by);
            assert_eq!(who_hears(CALLER, &wires), [AGENT, BOSS]);
        }
    }

    #[test]
    fn a_held_leg_neither_hears_nor_is_heard() {
        let wires = wires(&[talk(CALLER), Member { leg: AGENT, role: Role::Hold }]);
        assert!(wires.is_empty());
    }

    #[test]
    fn nobody_hears_himself_but_in_the_echo_test() {
        assert!(wires(&[talk(CALLER)]).is_empty());
        let echo = Member { leg: CALLER, role: Role::Echo };
        assert_eq!(wires(&[echo, talk(AGENT)]), BTreeSet::from([Wire { from: CALLER, to: CALLER }]));
    }
}
