//! Lists of people who are watched together (RFC 4662): the ring groups of the conf, of whom each watcher sees those he may.

use std::sync::Arc;

use base::Time;
use presence::Watched;
use sip::{List, Member, Package, Shown, Watch};

use super::Switch;

impl Switch {
    /// Is this a group that may be watched? None of too many people.
    pub(super) fn is_list(&self, group: &str) -> bool {
        self.flow_conf.groups.get(group).is_some_and(|group| group.people.len() <= PEOPLE_MAX)
    }

    /// How the people of a group stand.
    pub(super) fn list(&self, package: Package, group: &str, watcher: &str, now: Time) -> List {
        let people = self.flow_conf.groups.get(group).map_or(&[][..], |group| &group.people);
        let seen = people.iter().filter(|person| self.may_watch(watcher, package, person));
        List { package, members: seen.map(|person| self.member(package, person, now)).collect() }
    }

    /// A person looks different: so do the lists he is on.
    pub(super) fn show_in_lists(&mut self, package: Package, person: &str, now: Time) {
        if self.seen.lists.is_empty() {
            return;
        }
        let endpoint = &self.endpoint;
        self.seen.lists.retain(|(package, list)| endpoint.is_watched(*package, &list.to_string()));
        let has = |group: &str| {
            self.flow_conf.groups.get(group).is_some_and(|group| group.people.iter().any(|one| one == person))
        };
        let resources: Vec<String> = self
            .seen
            .lists
            .iter()
            .filter(|(of, list)| *of == package && matches!(list, Watched::List { group, .. } if has(group)))
            .map(|(_, list)| list.to_string())
            .collect();
        if resources.is_empty() {
            return;
        }
        let member = self.member(package, person, now);
        for resource in resources {
            self.tell_watchers(Watch::Member { resource, package, member: member.clone() }, now);
        }
    }

    fn member(&self, package: Package, person: &str, now: Time) -> Member {
        let party = self.directory.person(person);
        let state = self.look(package, &Watched::Person(person.to_owned()), now);
        let number = Some(party.number).filter(|number| !number.is_empty()).unwrap_or_else(|| person.to_owned());
        Member { shown: Shown { number, name: party.name }, state: Arc::new(state) }
    }
}

/// A longer list is none: a NOTIFY that names everybody on it must fit into a datagram.
const PEOPLE_MAX: usize = 200;
