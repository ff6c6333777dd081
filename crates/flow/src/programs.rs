//! Which program a destination is, and which a step of the menus.
//!
//! Where it stands: a journey asks it wherever a caller is sent; a program knows nothing of the others.

use std::collections::HashSet;
use std::sync::Arc;

use acd::AgentName;
use call::{Call, Event};
use route::{Destination, Wish};

use crate::announce::Announce;
use crate::collect::Collect;
use crate::conference::Conference;
use crate::duty::{Duty, What};
use crate::echo::Echo;
use crate::follow::Follow;
use crate::hook::Hook;
use crate::leave::Leave;
use crate::listen::Listen;
use crate::look_up::LookUp;
use crate::masked::Masked;
use crate::menu::Menu;
use crate::night::Night;
use crate::page::Page;
use crate::park::Park;
use crate::pass::{Choose, Set};
use crate::queue::Queue;
use crate::ring::{Ring, rounds};
use crate::say::Say;
use crate::wanting::Wanting;
use crate::{FlowConf, Next, Program, QueueConf, StepConf, Wishes, Word};

/// What routing says of a call, beside its destination.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The number to send out, where it goes to a trunk.
    pub number: String,
    /// How urgent it is in a queue, above what the queue itself says.
    pub priority: i32,
}

/// The program for a destination. The conf was checked, so every name is there; one that is not is refused all the same.
pub(crate) fn program(
    destination: &Destination,
    asked: &Asked,
    (conf, wishes): (&Arc<FlowConf>, &Wishes),
    call: &Call,
) -> Box<dyn Program + Send> {
    let duty_in = |agents: &HashSet<AgentName>, what, melody: &audio::Sound| -> Box<dyn Program + Send> {
        let account = call.caller().party.account.as_deref().and_then(|account| account.parse().ok());
        Box::new(Duty::new(what, account.filter(|agent| agents.contains(agent)), melody.clone()))
    };
    let rings = |destination: &Destination| {
        let (rounds, ring) = rounds(destination, call.id(), conf)?;
        let forward = match destination {
            Destination::Person(name) => conf.people.get(name).and_then(|person| person.forward.as_deref()),
            Destination::Group(name) => conf.groups.get(name).map(|group| &group.forward),
            _ => None,
        };
        let forward = forward.cloned().unwrap_or_default();
        let forward = match destination {
            Destination::Person(name) => wishes.forwards(name, forward),
            _ => forward,
        };
        Some(Box::new(Ring::new(rounds, ring, forward)) as _)
    };
    let duty = |what, melody| duty_in(&conf.agents, what, melody);
    let found: Option<Box<dyn Program + Send>> = match destination {
        Destination::Trunk(trunk) => rings(&Destination::Number { trunk: trunk.clone(), number: asked.number.clone() }),
        Destination::Person(_) | Destination::Group(_) | Destination::Number { .. } => rings(destination),
        Destination::Queue(name) => conf.queues.get(name).map(|queue| {
            let priority = queue.priority.saturating_add(asked.priority);
            Box::new(Queue::new(QueueConf { priority, ..queue.clone() })) as _
        }),
        Destination::Hours { hours, by_hand } => {
            let melody = if *by_hand == Some(false) { &conf.away_melody } else { &conf.ready_melody };
            let word = Word::Hours { hours: hours.clone(), by_hand: *by_hand };
            Some(Box::new(Night { word: Some(word), melody: melody.clone() }))
        }
        Destination::Page(name) => conf.groups.get(name).map(|group| {
            Box::new(Page::new(group.people.clone(), conf.ready_melody.clone(), conf.away_melody.clone())) as _
        }),
        Destination::Conference(name) => {
            conf.conferences.get(name).map(|room| Box::new(Conference::new(room.clone())) as _)
        }
        Destination::Park => {
            let by = call.transferred_by().map(str::to_owned);
            Some(Box::new(Park::new(conf.park.clone(), asked.number.clone(), by)))
        }
        Destination::Wish(wish) => {
            let melody = match wish {
                Wish::Quiet(true) | Wish::ForwardNone | Wish::WhenFree(false) => &conf.away_melody,
                Wish::Quiet(false) | Wish::Forward(_) | Wish::WhenFree(true) => &conf.ready_melody,
            };
            let (number, melody) = (asked.number.clone(), melody.clone());
            Some(Box::new(Wanting { wish: *wish, number, melody, words: Vec::new() }))
        }
        Destination::Voicemail(account) => conf.people.get(account.as_str()).map(|_| {
            let greeting = conf.voicemail.greetings.get(account).or(conf.voicemail.greeting.as_ref());
            Box::new(Leave::new(account.clone(), greeting.cloned(), conf.voicemail.clone())) as _
        }),
        Destination::Mailbox => {
            let own = call.caller().party.account.as_deref().filter(|account| conf.people.contains_key(*account));
            Some(match own {
                Some(account) => {
                    let pin = conf.voicemail.pins.get(account).cloned();
                    Box::new(Listen::new(account.to_owned(), pin, conf.voicemail.clone()))
                }
                None => Box::new(Refuse(403)),
            })
        }
        Destination::Login(None) => Some(duty(What::Ready, &conf.ready_melody)),
        Destination::Login(Some(queue)) => conf
            .queues
            .get(queue)
            .map(|queue| duty_in(&queue.agents, What::Comes(queue.name.clone()), &conf.ready_melody)),
        Destination::Logout(None) => Some(duty(What::Goes, &conf.away_melody)),
        Destination::Logout(Some(queue)) => {
            queue.parse().ok().map(|queue| duty(What::Leaves(queue), &conf.away_melody))
        }
        Destination::Pause(reason) if reason == "*" => {
            conf.pauses.get(&asked.number).map(|reason| duty(What::Pauses(reason.clone()), &conf.away_melody))
        }
        Destination::Disposition => conf
            .dispositions
            .get(&asked.number)
            .map(|disposition| duty(What::Disposes(disposition.clone()), &conf.ready_melody)),
        Destination::WrapUp(secs) => {
            Some(duty(What::WrapsUp(std::time::Duration::from_secs((*secs).into())), &conf.away_melody))
        }
        Destination::Pause(reason) => Some(duty(What::Pauses(reason.clone()), &conf.away_melody)),
        Destination::Menu(name) => conf.menus.get(name).map(|one| match one.is_masked() {
            true => Box::new(Masked { name: name.clone(), step: step(one, conf) }) as _,
            false => step(one, conf),
        }),
        Destination::Play(name) => conf
            .prompts
            .get(name)
            .map(|prompt| Box::new(Announce { sound: prompt.to(call).clone(), repeat: false }) as _),
        Destination::Tone => Some(Box::new(Announce { sound: conf.tone.clone(), repeat: true })),
        Destination::Echo => Some(Box::new(Echo)),
        Destination::Follow(ear) => {
            Some(Box::new(Follow { ear: *ear, number: asked.number.clone(), words: Vec::new() }))
        }
        Destination::Supervise(_) | Destination::Take(_) | Destination::Pickup => Some(Box::new(Refuse(403))), // nobody is brought into another's call
        Destination::Reject(status) => Some(Box::new(Refuse(*status))),
    };
    found.unwrap_or(Box::new(Refuse(404)))
}

/// The program for a step of the menus.
fn step(step: &StepConf, conf: &Arc<FlowConf>) -> Box<dyn Program + Send> {
    match step {
        StepConf::Menu(menu) => Box::new(Menu::new(menu.clone(), conf)),
        StepConf::Collect(collect) => Box::new(Collect::new(collect.clone())),
        StepConf::Say(say) => Box::new(Say::new(say.clone())),
        StepConf::Set(set) => Box::new(Set(set.clone())),
        StepConf::Choose(choose) => Box::new(Choose(choose.clone())),
        StepConf::LookUp(look_up) => Box::new(LookUp::new(look_up.clone())),
        StepConf::Hook(hook) => Box::new(Hook::new(hook.clone(), conf.clone())),
    }
}

/// The shortest program: no.
#[derive(Debug)]
pub(crate) struct Refuse(pub u16);

impl Program for Refuse {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        if event == Event::Started {
            call.reject(self.0);
        }
        Next::Over
    }
}
