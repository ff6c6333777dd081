//! Ringing somebody: a person, a group, a number through a trunk. Whoever answers first gets the call.

use std::time::Duration;

use call::{Call, Dial, Event, Onward, Side, Target, What};
use route::Destination;

use crate::{FlowConf, ForwardConf, Next, Program};

/// One caller waiting for somebody to pick up, then talking with him.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) targets: Vec<Target>,
    pub(crate) ring: Duration,
    pub(crate) forward: ForwardConf,
}

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

/// So many destinations a call may pass and still be sent on: two who forward to each other must come to an end.
const PATH_MAX: usize = 20;

impl Program for Ring {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started if self.forward.always.is_some() && may_go_on(call) => {
                return self.forward.always.clone().map_or(Next::Wait, Next::Go);
            }
            Event::Started => call.dial(Dial { targets: self.targets.clone(), ring: self.ring }),
            Event::NotConnected(status) => {
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

/// Has a phone rung at the destination the call is at?
fn has_rung(call: &Call) -> bool {
    let here = call.facts().iter().rev().take_while(|fact| !matches!(fact.what, What::Entered { .. }));
    here.into_iter().any(|fact| matches!(fact.what, What::Ringing { .. }))
}

fn may_go_on(call: &Call) -> bool {
    call.facts().iter().filter(|fact| matches!(fact.what, What::Entered { .. })).count() < PATH_MAX
}
