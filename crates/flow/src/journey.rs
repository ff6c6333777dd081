//! A caller's journey: one call and the program that runs it now.
//!
//! Where it stands: the switch owns a journey per call and tells it what happened; here the events reach the program,
//! and a program that names a destination is followed by the next one.

use std::sync::Arc;

use base::Time;
use call::{Call, Do, Event, Input, Outbound, Side, Target};
use route::{Destination, Found};

use crate::announce::Announce;
use crate::echo::Echo;
use crate::menu::Menu;
use crate::ring::Ring;
use crate::{FlowConf, Next, Program};

/// One call under way.
#[derive(Debug)]
pub struct Journey {
    call: Call,
    program: Box<dyn Program + Send>,
    conf: Arc<FlowConf>,
    number: String,
}

impl Journey {
    /// Sends a call that has just knocked where routing says; [`Journey::run`] takes the first step.
    pub fn new(mut call: Call, found: Found, conf: Arc<FlowConf>) -> Journey {
        if found.record {
            call.record_from_answer();
        }
        let refusal = call.offer_refusal().map(Destination::Reject);
        let destination = refusal.unwrap_or(found.destination);
        call.entered(destination.to_string());
        let program = program(&destination, &found.number, &conf);
        Journey { call, program, conf, number: found.number }
    }

    /// Takes what happened to the call, and runs its programs as far as they go.
    pub fn handle(&mut self, input: Input, now: Time) {
        self.call.handle(input, now);
        self.run();
    }

    /// Phones were looked for: see [`Call::place`].
    pub fn place(&mut self, found: Vec<Result<Vec<Outbound>, u16>>, now: Time) {
        self.call.place(found, now);
        self.run();
    }

    /// The switch ends the call, whatever its program is about.
    pub fn hang_up(&mut self, cause: &'static str, now: Time) {
        self.handle(Input::HangUp { cause }, now);
    }

    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// What is to be done, in order.
    pub fn take_wishes(&mut self) -> Vec<Do> {
        self.call.take_wishes()
    }

    /// A program failed inside: see [`Call::fault`].
    pub fn fault(&mut self, now: Time) {
        self.call.fault(now);
    }

    /// Lets the programs take every step that is due.
    pub fn run(&mut self) {
        let mut hops = 0;
        while let Some(event) = self.call.next_event() {
            let mut next = self.program.step(event, &mut self.call);
            while let Next::Go(destination) = next {
                hops += 1;
                if hops > HOPS_MAX {
                    self.call.hang_up(Side::Switch, "destinations lead in a circle");
                    break;
                }
                self.call.stop();
                self.call.entered(destination.to_string());
                self.program = program(&destination, &self.number, &self.conf);
                next = self.program.step(Event::Started, &mut self.call);
            }
        }
    }
}

/// So many programs may follow each other without anything happening in between.
const HOPS_MAX: u32 = 16;

/// The program for a destination. The conf was checked, so every name is there; one that is not is refused all the same.
fn program(destination: &Destination, number: &str, conf: &FlowConf) -> Box<dyn Program + Send> {
    let found: Option<Box<dyn Program + Send>> = match destination {
        Destination::Person(name) => conf.people.get(name).map(|person| {
            let targets = vec![Target::Account(name.clone())];
            Box::new(Ring { targets, ring: person.ring, record: person.record }) as _
        }),
        Destination::Group(name) => conf.groups.get(name).map(|group| {
            let targets = group.people.iter().cloned().map(Target::Account).collect();
            Box::new(Ring { targets, ring: group.ring, record: group.record }) as _
        }),
        Destination::Trunk(name) => {
            let targets = vec![Target::Trunk { trunk: name.clone(), number: number.to_owned() }];
            Some(Box::new(Ring { targets, ring: conf.trunk_ring, record: false }))
        }
        Destination::Menu(name) => conf.menus.get(name).map(|menu| Box::new(Menu::new(menu.clone())) as _),
        Destination::Play(name) => {
            conf.prompts.get(name).map(|sound| Box::new(Announce { sound: sound.clone(), repeat: false }) as _)
        }
        Destination::Tone => Some(Box::new(Announce { sound: conf.tone.clone(), repeat: true })),
        Destination::Echo => Some(Box::new(Echo)),
        Destination::Reject(status) => Some(Box::new(Refuse(*status))),
    };
    found.unwrap_or(Box::new(Refuse(404)))
}

/// The shortest program: no.
#[derive(Debug)]
struct Refuse(u16);

impl Program for Refuse {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        if event == Event::Started {
            call.reject(self.0);
        }
        Next::Over
    }
}
