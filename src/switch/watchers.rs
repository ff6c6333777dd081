//! Those who watch: what they may see is asked of `presence`, how it stands is gathered from where it is known.

use std::collections::{BTreeSet, HashSet};

use base::{CallId, LegId, Time};
use presence::{Calls, Mailboxes, Rights, Sight, Watched, availability, place_lamp, queue_lamp};
use route::Destination;
use sip::{Command, Mailbox, Method, Name, Outside, Package, Reason, Shown, Stage, State, Subscribes, Watch};

use super::{Output, Switch};
use crate::conf::Conf;
use crate::directory::Way;

/// What there is to be seen, and what of it looks different since it was last shown.
pub(super) struct Seen {
    rights: Rights,
    calls: Calls,
    mailboxes: Mailboxes,
    moved: BTreeSet<CallId>,
    changed: BTreeSet<Sight>,
    /// The lists that are watched.
    pub(super) lists: BTreeSet<Sight>,
}

impl Seen {
    pub(super) fn new(conf: &Conf) -> Seen {
        Seen {
            rights: conf.rights(),
            calls: Calls::default(),
            mailboxes: Mailboxes::default(),
            moved: BTreeSet::new(),
            changed: BTreeSet::new(),
            lists: BTreeSet::new(),
        }
    }

    /// Is there anything to be shown?
    pub(super) fn has_changed(&self) -> bool {
        !self.moved.is_empty() || !self.changed.is_empty()
    }

    /// A call took a step.
    pub(super) fn call(&mut self, call: CallId) {
        self.moved.insert(call);
    }

    /// A phone came or went, or somebody says something else of himself.
    pub(super) fn phones(&mut self, event: &sip::Event) {
        if let sip::Event::Registered { account, .. } | sip::Event::Unregistered { account, .. } = event {
            for package in [Package::Reg, Package::Presence] {
                self.changed.insert((package, Watched::Person(account.clone())));
            }
        }
        if let sip::Event::Published { account } = event {
            self.changed.insert((Package::Presence, Watched::Person(account.clone())));
        }
        if let sip::Event::Registered { account, fresh: true, .. } = event {
            self.changed.insert((Package::MessageSummary, Watched::Person(account.clone()))); // its light may be wrong
        }
    }

    /// Is he on the phone?
    pub(super) fn talks(&self, account: &str) -> bool {
        self.calls.talks(account)
    }

    /// Somebody was parked, or is no more.
    pub(super) fn place(&mut self, sights: impl Iterator<Item = Sight>) {
        self.changed.extend(sights);
    }

    /// Something happened in the queues.
    pub(super) fn queues(&mut self, fact: &acd::Fact) {
        let sight = match &fact.what {
            acd::What::Entered { queue, .. } | acd::What::Left { queue, .. } => {
                (Package::Dialog, Watched::Queue(queue.to_string()))
            }
            acd::What::AgentIs { agent, .. } => (Package::Presence, Watched::Person(agent.to_string())),
            _ => return,
        };
        self.changed.insert(sight);
    }
}

impl Switch {
    /// So much waits in somebody's mailbox. `who` is an account or its number; false, if there is no such person.
    pub fn set_mailbox(&mut self, who: &str, mailbox: Mailbox, now: Time, out: &mut Vec<Output>) -> bool {
        let Some(account) = self.routes.people.get(who).map(|account| account.to_string()) else { return false };
        self.waits(account, mailbox);
        self.hear_out(now, out);
        true
    }

    /// The same, among other things.
    pub(super) fn waits(&mut self, account: String, mailbox: Mailbox) {
        if self.seen.mailboxes.set(&account, mailbox) {
            self.seen.changed.insert((Package::MessageSummary, Watched::Person(account)));
        }
    }

    /// What waited in mailboxes when the switch was last there, for those who still are.
    pub fn remember_mailboxes(&mut self, kept: impl IntoIterator<Item = (String, Mailbox)>) {
        let people = &self.routes.people;
        self.seen.mailboxes =
            Mailboxes::new(kept.into_iter().filter(|(account, _)| people.contains_key(account.as_str())));
    }

    /// The mailboxes with something in them.
    pub fn mailboxes(&self) -> impl Iterator<Item = (&str, Mailbox)> {
        self.seen.mailboxes.iter()
    }

    /// Somebody wants to watch something.
    pub(super) fn asks_to_watch(&mut self, asks: Subscribes, now: Time) {
        let Subscribes { subscription, watcher, package, called, lists } = asks;
        let watch = match self.watched(&watcher, package, &called, now) {
            Ok(Watched::List { .. }) if !lists => Watch::Deny { subscription, status: 421 }, // RFC 4662 §4.3
            Ok(watched) => {
                if matches!(watched, Watched::List { .. }) {
                    self.seen.lists.insert((package, watched.clone()));
                }
                Watch::Admit { subscription, resource: watched.to_string(), state: self.look(package, &watched, now) }
            }
            Err(status) => Watch::Deny { subscription, status },
        };
        self.tell_watchers(watch, now);
    }

    /// Shows those who watch what has changed.
    pub(super) fn show(&mut self, now: Time) {
        self.when_free.is_due = true;
        for call in std::mem::take(&mut self.seen.moved) {
            let lines = self.journeys.get(&call).map(|running| running.journey.call().lines()).unwrap_or_default();
            self.seen.changed.extend(self.seen.calls.call(call, lines));
        }
        for (package, watched) in std::mem::take(&mut self.seen.changed) {
            if let (Package::MessageSummary, Watched::Person(person)) = (package, &watched)
                && self.directory.is_lit_unasked(person)
            {
                self.light(person, now);
            }
            if let Watched::Person(person) = &watched {
                self.show_in_lists(package, person, now);
            }
            let resource = watched.to_string();
            if self.endpoint.is_watched(package, &resource) {
                let state = self.look(package, &watched, now);
                self.tell_watchers(Watch::Stands { resource, state }, now);
            }
        }
    }

    /// After a reload: what somebody may not see any more, or what is no more, he watches no longer.
    pub(super) fn judge_watchers(&mut self, conf: &Conf, now: Time) {
        self.seen.rights = conf.rights();
        let people: HashSet<&str> = conf.people.keys().map(|account| &**account).collect();
        self.seen.mailboxes.keep(&people);
        self.seen.calls.keep(|account| people.contains(account));
        let (mut ends, mut stay) = (Vec::new(), Vec::new());
        for watching in self.endpoint.subscriptions() {
            let called = watching.entity.parse::<sip::Uri>().ok().and_then(|uri| uri.user).unwrap_or_default();
            let subscription = watching.subscription;
            match self.watched(watching.watcher, watching.package, &called, now) {
                // He may be shown under another name or number now.
                Ok(watched) if watched.to_string() == watching.resource => stay.push((watching.package, watched)),
                Ok(_) | Err(404) => ends.push((subscription, Reason::NoResource)),
                Err(_) => ends.push((subscription, Reason::Rejected)),
            }
        }
        self.seen.changed.extend(stay);
        for (subscription, reason) in ends {
            self.tell_watchers(Watch::End { subscription, reason }, now);
        }
    }

    /// May he see this of a person?
    pub(super) fn may_watch(&self, watcher: &str, package: Package, person: &str) -> bool {
        self.seen.rights.judge(watcher, package, &Watched::Person(person.to_owned())).is_ok()
    }

    /// May he see what this person's phones do? Then he may also pick up what rings there.
    pub(super) fn may_see(&self, watcher: &str, person: &str) -> bool {
        self.may_watch(watcher, Package::Dialog, person)
    }

    /// What somebody means by a number he wants to watch, if he may; else the SIP status that says why not.
    fn watched(&self, watcher: &str, package: Package, called: &str, now: Time) -> Result<Watched, u16> {
        let found = self.means(watcher, called, now);
        let watched = match found.as_ref().map(|found| &found.destination).cloned() {
            Some(Destination::Park) => Watched::Place(found.map(|found| found.number).unwrap_or_default()),
            Some(Destination::Person(person)) => Watched::Person(person),
            Some(Destination::Queue(queue)) => Watched::Queue(queue),
            Some(Destination::Group(group)) if self.is_list(&group) => {
                Watched::List { group, watcher: watcher.to_owned() }
            }
            // A phone that asks the switch for what is its own names nobody.
            _ if called.is_empty() && matches!(package, Package::MessageSummary | Package::Reg) => {
                Watched::Person(watcher.to_owned())
            }
            _ => return Err(404),
        };
        self.seen.rights.judge(watcher, package, &watched).map(|()| watched)
    }

    pub(super) fn look(&self, package: Package, watched: &Watched, now: Time) -> State {
        match (package, watched) {
            (_, Watched::List { group, watcher }) => State::List(self.list(package, group, watcher, now)),
            (_, Watched::Queue(queue)) => {
                let waiting = queue.parse().map_or(0, |queue| self.acd.waiting(&queue));
                State::Lines(queue_lamp(queue, waiting))
            }
            (_, Watched::Place(place)) => {
                let there = self.parked_at(place).and_then(|call| self.journeys.get(&call));
                let there = there.map(|running| running.journey.call().caller().party.clone());
                State::Lines(place_lamp(place, there.map(|party| Shown { number: party.number, name: party.name })))
            }
            (Package::Dialog, Watched::Person(person)) => {
                let party = self.directory.person(person);
                let mut lines = self.seen.calls.lines(person, Shown { number: party.number, name: party.name });
                let standing = lines.lines.iter_mut().filter(|line| line.stage != Stage::Terminated);
                standing.for_each(|line| line.dialog = self.endpoint.dialog_of(LegId(line.id)));
                State::Lines(lines)
            }
            (Package::Presence, Watched::Person(person)) => {
                let reachable = !self.endpoint.bindings(person, now).is_empty();
                let agent = person.parse().ok().and_then(|agent| self.acd.agent(&agent));
                let said = self.endpoint.said_of_himself(person, now);
                State::Presence(availability(reachable, self.seen.calls.talks(person), agent.as_ref(), said))
            }
            (Package::Reg, Watched::Person(person)) => State::Contacts(self.endpoint.bindings(person, now)),
            (Package::MessageSummary, Watched::Person(person)) => State::Mailbox(self.seen.mailboxes.of(person)),
        }
    }

    /// Tells all phones of a person what waits, though they have not asked (RFC 3842 has no word for it, desk phones do).
    fn light(&mut self, person: &str, now: Time) {
        let (mailbox, own) = (self.seen.mailboxes.of(person), self.directory.person(person));
        for binding in self.endpoint.bindings(person, now) {
            let Way { uri, flow, routes, from, to, .. } = self.directory.phone(person, binding, &own);
            let body = mailbox.print(&from.uri);
            let (event, state) =
                ((Name::Event, "message-summary".to_owned()), "terminated;reason=noresource".to_owned());
            let routes = routes.into_iter().map(|hop| (Name::Route, hop));
            let headers =
                routes.chain([event, (Name::SubscriptionState, state), (Name::Contact, format!("<{}>", from.uri))]);
            let request = Outside {
                method: Method::Notify,
                uri,
                flow,
                headers: headers.collect(),
                from,
                to,
                call_id: None,
                cseq: 1,
                body: Some((Package::MessageSummary.content_type().to_owned(), body.into())),
                credentials: None,
            };
            let command = Command::Request { id: self.endpoint.new_request(), request: Box::new(request) };
            self.endpoint.handle(sip::Input::Command(command), now, &mut self.heard);
        }
    }

    pub(super) fn tell_watchers(&mut self, watch: Watch, now: Time) {
        let command = sip::Input::Command(Command::Watch(Box::new(watch)));
        self.endpoint.handle(command, now, &mut self.heard);
    }
}
