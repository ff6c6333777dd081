//! The menu: a greeting, a key or an extension, a destination.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use call::{Call, Event};
use route::Destination;

use crate::asking::Asking;
use crate::{FlowConf, MenuConf, Next, Program, Spellings};

/// One caller in a menu.
#[derive(Debug)]
pub(crate) struct Menu {
    conf: Arc<MenuConf>,
    /// People by their numbers, where the menu takes those too.
    extensions: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// And by their names.
    spellings: Arc<Spellings>,
    asking: Asking,
}

impl Menu {
    pub(crate) fn new(conf: Arc<MenuConf>, flow: &FlowConf) -> Menu {
        let (extensions, spellings) = (flow.extensions.clone(), flow.spellings.clone());
        Menu { conf, extensions, spellings, asking: Asking::default() }
    }

    /// Where the keys pressed so far lead.
    fn leads(&self) -> Option<Destination> {
        let typed = self.asking.typed();
        let by_key = || {
            let key = typed.chars().next().filter(|_| typed.len() == 1)?;
            self.conf.keys.get(&key).cloned()
        };
        let by_extension = || self.extensions.get(typed).filter(|_| self.conf.extensions);
        let by_name = || self.spellings.person(typed).filter(|_| self.conf.names);
        let person = by_extension().map(|account| Destination::Person(account.to_string())).or_else(by_key);
        person.or_else(|| by_name().map(|account| Destination::Person(account.to_string())))
    }

    /// May more keys make an extension or a name of it?
    fn may_go_on(&self) -> bool {
        let typed = self.asking.typed();
        let beyond = (Bound::Excluded(typed), Bound::Unbounded);
        let next = self.extensions.range::<str, _>(beyond).next();
        let by_extension = self.conf.extensions && next.is_some_and(|(number, _)| number.starts_with(typed));
        by_extension || self.conf.names && self.spellings.may_go_on(typed)
    }

    /// Nothing more is pressed.
    fn settles(&mut self, call: &mut Call) -> Next {
        match self.leads() {
            Some(destination) => Next::Go(destination),
            None => self.missed(call),
        }
    }

    /// It led nowhere.
    fn missed(&mut self, call: &mut Call) -> Next {
        let otherwise = if self.asking.typed().is_empty() { &self.conf.silent } else { &self.conf.otherwise };
        match self.asking.missed(&self.conf.question, call) {
            true => Next::Go(otherwise.clone()),
            false => Next::Wait,
        }
    }
}

impl Program for Menu {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        let question = &self.conf.question;
        match event {
            Event::Started => self.asking.ask(question, call),
            Event::Key(key) if self.asking.takes(key, call) => {
                if key == '#' && self.conf.names && self.asking.typed().len() > 1 {
                    self.asking.take_back(); // that was all of a name
                    return self.settles(call);
                }
                if self.may_go_on() {
                    call.listen(question.key_gap);
                } else if let Some(destination) = self.leads() {
                    return Next::Go(destination);
                } else {
                    return self.missed(call);
                }
            }
            Event::Played => self.asking.played(question, call),
            Event::NoKey if self.asking.is_answering() => self.asking.ask(question, call),
            Event::NoKey => return self.settles(call),
            Event::HungUp | Event::Unreached(_) => return Next::Over,
            Event::Key(_)
            | Event::Woken
            | Event::Connected
            | Event::NotConnected(_)
            | Event::PickedUp { .. }
            | Event::PartyRefused { .. }
            | Event::HandedOn
            | Event::TakenOver
            | Event::Quiet
            | Event::Paged
            | Event::Unpaged
            | Event::HandedBack
            | Event::PartyLeft(_) => {}
        }
        Next::Wait
    }
}
