use std::collections::BTreeSet;
use std::sync::Arc;

use base::{CallId, LegId, Random, Time};
use proptest::prelude::*;

use super::*;

const CONF: RoomConf =
    RoomConf { members_max: 4, waits_for_moderator: false, ends_with_moderator: false, muted: false, record: false };

/// A room, who hears whom in it, and what each was told since it was last asked.
struct World {
    rooms: Rooms,
    conf: Arc<RoomConf>,
    hears: BTreeSet<(u64, u64)>,
    told: Vec<(u64, String)>,
    calls: Vec<CallId>,
}

impl World {
    fn new(conf: RoomConf) -> World {
        let mut random = Random::numbered(1);
        let calls = (0..10).map(|at| CallId::new(1_795_430_000_000 + at, &mut random)).collect();
        World { rooms: Rooms::default(), conf: Arc::new(conf), hears: BTreeSet::new(), told: Vec::new(), calls }
    }

    fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        self.rooms.handle(input, Time::ZERO, &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Vec<Output>) {
        for said in out {
            match said {
                Output::Tell { call, news } => {
                    let who = self.calls.iter().position(|one| *one == call).expect("a call of ours") as u64;
                    self.told.push((who, format!("{news:?}")));
                }
                Output::Wire { from, to, hears: true, .. } => assert!(self.hears.insert((from.0, to.0)), "wired twice"),
                Output::Wire { from, to, .. } => assert!(self.hears.remove(&(from.0, to.0)), "was not wired"),
            }
        }
    }

    fn joins(&mut self, who: u64, moderator: bool) {
        let guest = Guest { call: self.calls[who as usize], leg: LegId(who), who: format!("person-{who}"), moderator };
        self.tell(Input::Joins { room: "standup".into(), conf: self.conf.clone(), guest });
    }

    fn wants(&mut self, who: u64, order: Order) {
        self.tell(Input::Wants { call: self.calls[who as usize], order });
    }

    fn leaves(&mut self, who: u64) {
        self.tell(Input::Leaves { call: self.calls[who as usize] });
    }

    /// Who hears this one.
    fn heard_by(&self, who: u64) -> Vec<u64> {
        self.hears.iter().filter(|(from, _)| *from == who).map(|(_, to)| *to).collect()
    }

    fn told(&mut self, who: u64) -> Vec<String> {
        let (his, others) = std::mem::take(&mut self.told).into_iter().partition(|(whose, _)| *whose == who);
        self.told = others;
        let his: Vec<(u64, String)> = his;
        his.into_iter().map(|(_, news)| news).collect()
    }
}

#[test]
fn who_is_there_hears_all_others_and_of_who_comes_and_goes() {
    let mut world = World::new(CONF);
    world.joins(1, false);
    assert_eq!(world.told(1), ["Joined", "Stands(Alone)"]);
    world.joins(2, false);
    world.joins(3, false);
    assert_eq!(world.heard_by(1), [2, 3]);
    assert_eq!(world.told(1), ["Stands(Hears)", "Came", "Came"]);
    world.leaves(2);
    assert_eq!((world.heard_by(1), world.heard_by(2)), (vec![3], vec![]));
    assert_eq!(world.told(3).last().map(String::as_str), Some("Went"));
    world.leaves(3);
    world.leaves(1);
    assert!(world.rooms.all().next().is_none(), "a room nobody is in is none");
}

#[test]
fn a_full_room_lets_nobody_in_and_a_locked_one_moderators() {
    let mut world = World::new(CONF);
    world.joins(1, true);
    world.wants(1, Order::Lock { locked: None });
    world.joins(2, false);
    assert_eq!(world.told(2), ["Locked"]);
    world.joins(3, true);
    assert_eq!(world.heard_by(3), [1]);
    world.wants(1, Order::Lock { locked: Some(false) });
    (4..=5).for_each(|who| world.joins(who, false));
    world.joins(6, true);
    assert_eq!(world.told(6), ["Full"]);
}

#[test]
fn a_moderator_is_waited_for_and_takes_all_with_him() {
    let mut world = World::new(RoomConf { waits_for_moderator: true, ends_with_moderator: true, ..CONF });
    world.joins(1, false);
    world.joins(2, false);
    assert!(world.hears.is_empty());
    assert_eq!(world.told(1), ["Joined", "Stands(Waits)"]);
    world.joins(3, true);
    assert_eq!(world.heard_by(1), [2, 3]);
    assert_eq!(world.told(1), ["Stands(Hears)", "Came"]);
    world.joins(4, true);
    world.leaves(3);
    assert_eq!(world.heard_by(1), [2, 4], "one moderator is left");
    world.leaves(4);
    assert_eq!(world.told(2).last().map(String::as_str), Some("Over"));
    assert!(world.rooms.all().next().is_none());
}

#[test]
fn who_is_muted_hears_and_is_not_heard() {
    let mut world = World::new(CONF);
    world.joins(1, true);
    (2..=3).for_each(|who| world.joins(who, false));
    world.wants(2, Order::MuteOwn);
    assert_eq!((world.heard_by(2), world.heard_by(1)), (vec![], vec![2, 3]));
    world.wants(2, Order::MuteOwn);
    assert_eq!(world.heard_by(2), [1, 3]);
    world.wants(1, Order::Mute { member: 2, muted: true });
    world.wants(2, Order::MuteOwn);
    assert_eq!(world.heard_by(2), [] as [u64; 0], "whom a moderator muted stays so");
    assert_eq!(world.told(2).last().map(String::as_str), Some("NotDone"));
    world.wants(1, Order::MuteOthers { muted: None });
    assert_eq!((world.heard_by(3), world.heard_by(1)), (vec![], vec![2, 3]));
    assert!(world.told(1).contains(&"Done(true)".to_owned()));
    world.joins(4, false);
    assert_eq!(world.heard_by(4), [] as [u64; 0], "who comes later is muted, too");
    world.wants(1, Order::MuteOthers { muted: None });
    assert_eq!(world.heard_by(4), [1, 2, 3]);
    world.tell(Input::Holds { call: world.calls[4], holds: true });
    assert_eq!(world.heard_by(4), [] as [u64; 0]);
    assert_eq!(world.heard_by(1), [2, 3], "who holds hears nobody");
}

#[test]
fn only_moderators_and_the_operator_may_put_somebody_out() {
    let mut world = World::new(CONF);
    world.joins(1, true);
    (2..=3).for_each(|who| world.joins(who, false));
    world.wants(2, Order::Kick { member: Some(1) });
    assert_eq!(world.told(2).last().map(String::as_str), Some("NotDone"));
    world.wants(1, Order::Kick { member: None });
    assert_eq!(world.told(3).last().map(String::as_str), Some("Kicked"));
    assert_eq!(world.heard_by(1), [2]);
    world.leaves(3); // his call ends then
    let mut out = Vec::new();
    assert!(!world.rooms.order("standup", Order::Kick { member: Some(9) }, &mut out));
    assert!(!world.rooms.order("nowhere", Order::End, &mut out) && out.is_empty());
    assert!(world.rooms.order("standup", Order::End, &mut out));
    assert!(world.rooms.all().next().is_none());
}

#[test]
fn all_are_recorded_from_the_order_on() {
    let mut world = World::new(CONF);
    world.joins(1, true);
    world.wants(1, Order::Record { recorded: None });
    assert!(world.told(1).contains(&"Recorded(true)".to_owned()));
    world.joins(2, false);
    assert!(world.told(2).contains(&"Recorded(true)".to_owned()));
    world.wants(1, Order::Record { recorded: Some(true) });
    assert_eq!(world.told(2), [] as [&str; 0], "it is so already");
    world.wants(1, Order::Record { recorded: None });
    assert!(world.told(2).contains(&"Recorded(false)".to_owned()));
}

fn any_order() -> impl Strategy<Value = Order> {
    prop_oneof![
        Just(Order::MuteOwn),
        prop::option::of(1_u32..8).prop_map(|member| Order::Turn { member }),
        (1_u32..8, any::<bool>()).prop_map(|(member, muted)| Order::Mute { member, muted }),
        prop::option::of(any::<bool>()).prop_map(|muted| Order::MuteOthers { muted }),
        prop::option::of(1_u32..8).prop_map(|member| Order::Kick { member }),
        prop::option::of(any::<bool>()).prop_map(|locked| Order::Lock { locked }),
        Just(Order::End),
    ]
}

proptest! {
    /// Whatever happens, nobody hears whom he is not together with, and no wire is left when all are gone.
    #[test]
    fn wires_are_between_members_alone(
        waits in any::<bool>(),
        ends in any::<bool>(),
        steps in prop::collection::vec((0_u64..10, 0_u8..4, any::<bool>(), any_order()), 0..60),
    ) {
        let mut world = World::new(RoomConf { waits_for_moderator: waits, ends_with_moderator: ends, ..CONF });
        for (who, what, flag, order) in steps {
            match what {
                0 => world.joins(who, flag),
                1 => world.leaves(who),
                2 => world.tell(Input::Holds { call: world.calls[who as usize], holds: flag }),
                _ => world.wants(who, order),
            }
            let there: BTreeSet<u64> = world
                .rooms
                .all()
                .flat_map(|(_, room)| room.members().map(|member| member.guest.leg.0).collect::<Vec<_>>())
                .collect();
            prop_assert!(there.len() <= 4);
            prop_assert!(world.hears.iter().all(|(from, to)| there.contains(from) && there.contains(to) && from != to));
        }
        (0..10).for_each(|who| world.leaves(who));
        prop_assert!(world.rooms.all().next().is_none());
    }
}
