//! Ringing somebody: a person, a group at once or one after the other, a number through a trunk. Whoever answers first gets
//! the call.

use std::collections::VecDeque;
use std::time::Duration;

use base::{CallId, Random};
use call::{Call, Dial, Event, Onward, Side, Target, What};
use route::Destination;

use crate::{FlowConf, ForwardConf, Next, Program, RingOrder};

/// One caller waiting for somebody to pick up, then talking with him.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Who rings together; when none of them has answered, the next.
    rounds: VecDeque<Vec<Target>>,
    ring: Duration,
    forward: ForwardConf,
    /// Why those did not come whose turn was before, where one was not busy.
    earlier: Option<u16>,
}

/// Busy Here (RFC 3261 §21.4.24).
const BUSY: u16 = 486;

/// Whom a destination rings, and for how long; nothing, where it rings nobody.
pub fn rung(destination: &Destination, conf: &FlowConf) -> Option<(Vec<Target>, Duration)> {
    match destination {
        Destination::Person(name) => {
            conf.people.get(name).map(|person| (vec![Target::Account(name.clone())], person.ring))
        }
        Destination::Group(name) => conf.groups.get(name).map(|group| {
            let targets = group.people.iter().cloned().map(Target::Account).collect();
            (targets, group.ring)
        }),
        Destination::Number { trunk, number } => {
            let onward = Onward { trunk: trunk.clone(), number: number.clone(), ..Onward::default() };
            Some((vec![Target::Trunk(onward)], conf.trunk_ring))
        }
        _ => None,
    }
}

/// The same, as rounds that ring one after the other.
pub(crate) fn rounds(
    destination: &Destination,
    call: CallId,
    conf: &FlowConf,
) -> Option<(VecDeque<Vec<Target>>, Duration)> {
    let (mut targets, ring) = rung(destination, conf)?;
    let order = match destination {
        Destination::Group(name) => conf.groups.get(name).map(|group| group.order).unwrap_or_default(),
        _ => RingOrder::All,
    };
    if order == RingOrder::All {
        return Some(([targets].into(), ring));
    }
    if order == RingOrder::Random {
        let mut random = Random::numbered(call.bits());
        for left in (2..=targets.len()).rev() {
            targets.swap(left - 1, random.below(left as u64) as usize);
        }
    }
    Some((targets.into_iter().map(|target| vec![target]).collect(), ring))
}

/// So many destinations a call may pass and still be sent on: two who forward to each other must come to an end.
const PATH_MAX: usize = 20;

impl Program for Ring {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started if self.forward.always.is_some() && may_go_on(call) => {
                return self.forward.always.clone().map_or(Next::Wait, Next::Go);
            }
            Event::Started => self.next(call),
            Event::NotConnected(status) if !self.rounds.is_empty() => {
                self.earlier = self.earlier.or(Some(status).filter(|status| *status != BUSY));
                self.next(call);
            }
            Event::NotConnected(status) => {
                // Not all are busy of whom one could have come.
                let status = self.earlier.filter(|_| status == BUSY).unwrap_or(status);
                let forward = self.forward.after(status, has_rung(call)).filter(|_| may_go_on(call));
                if let Some(to) = forward {
                    return Next::Go(to.clone());
                }
                call.reject(status);
                return Next::Over;
            }
            Event::PartyLeft(cause) => {
                call.hang_up(Side::Agent, cause);
                return Next::Over;
            }
            Event::HungUp | Event::Unreached(_) => return Next::Over,
            Event::HandedOn | Event::HandedBack | Event::TakenOver => {} // a transfer's business
            Event::Connected
            | Event::PickedUp { .. }
            | Event::PartyRefused { .. }
            | Event::Quiet
            | Event::Paged
            | Event::Unpaged
            | Event::Key(_)
            | Event::NoKey
            | Event::Played
            | Event::Woken => {}
        }
        Next::Wait
    }
}

impl Ring {
    pub(crate) fn new(rounds: VecDeque<Vec<Target>>, ring: Duration, forward: ForwardConf) -> Ring {
        Ring { rounds, ring, forward, earlier: None }
    }

    fn next(&mut self, call: &mut Call) {
        call.dial(Dial { targets: self.rounds.pop_front().unwrap_or_default(), ring: self.ring });
    }
}

/// Has a phone rung at the destination the call is at?
fn has_rung(call: &Call) -> bool {
    let here = call.facts().iter().rev().take_while(|fact| !matches!(fact.what, What::Entered { .. }));
    here.into_iter().any(|fact| matches!(fact.what, What::Ringing { .. }))
}

fn may_go_on(call: &Call) -> bool {
    call.facts().iter().filter(|fact| matches!(fact.what, What::Entered { .. })).count() < PATH_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GroupConf;

    #[test]
    fn by_chance_each_begins_as_often() {
        let mut conf = FlowConf::default();
        let people = ["ann", "bob", "cid"].map(String::from).to_vec();
        let (ring, forward) = (Duration::from_secs(10), ForwardConf::default());
        conf.groups.insert("g".into(), GroupConf { people, order: RingOrder::Random, ring, forward });
        let mut random = Random::numbered(5);
        let mut seen = std::collections::BTreeMap::<String, u32>::new();
        for _ in 0..6_000 {
            let call = CallId::new(1_790_000_000_000, &mut random);
            let (rounds, _) = rounds(&Destination::Group("g".into()), call, &conf).expect("a group");
            assert!(rounds.iter().all(|round| round.len() == 1));
            let names = rounds.iter().flatten().map(|target| match target {
                Target::Account(name) => name.as_str(),
                _ => "?",
            });
            *seen.entry(names.collect::<Vec<_>>().join(" ")).or_default() += 1;
        }
        assert!(seen.len() == 6 && seen.values().all(|count| (850..1150).contains(count)), "{seen:?}");
    }
}
