//! The table of subscriptions: found by number, by the dialog's tag of ours, by what they watch and by who watches.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use base::Time;

use super::{Input, Output, Subscription, SubscriptionId};
use crate::Flow;
use crate::dialog::Dialog;
use crate::package::{Member, Package, State};
use crate::timers::{Armed, Timers};

/// All subscriptions, and how what they watch stands.
#[derive(Debug, Default)]
pub struct Table {
    last: u64,
    all: HashMap<SubscriptionId, Seat>,
    by_tag: HashMap<Box<str>, SubscriptionId>,
    by_watcher: HashMap<Box<str>, BTreeSet<SubscriptionId>>,
    by_connection: HashMap<u64, BTreeSet<SubscriptionId>>,
    /// What is watched of each package.
    resources: [HashMap<Arc<str>, Watched>; Package::ALL.len()],
    due: Timers<SubscriptionId>,
}

#[derive(Debug)]
struct Seat {
    subscription: Subscription,
    /// What it watches: by which package, and the name the rooms above gave it.
    resource: Option<(Package, Arc<str>)>,
    connection: u64,
    armed: Armed,
}

#[derive(Debug)]
struct Watched {
    state: State,
    by: BTreeSet<SubscriptionId>,
}

impl Table {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// How many a watcher has.
    pub fn count_of(&self, watcher: &str) -> usize {
        self.by_watcher.get(watcher).map_or(0, BTreeSet::len)
    }

    /// When to call [`Table::due`].
    pub fn deadline(&self) -> Option<Time> {
        self.due.deadline()
    }

    /// Seats a subscription. One of the same phone from before it was started anew has nobody who hears it.
    pub fn insert(&mut self, subscription: Subscription) -> SubscriptionId {
        let of_watcher = self.by_watcher.get(&subscription.watcher).into_iter().flatten().copied();
        let is_forgotten =
            |id: &SubscriptionId| self.all.get(id).is_some_and(|seat| seat.subscription.is_forgotten_by(&subscription));
        for id in of_watcher.filter(is_forgotten).collect::<Vec<_>>() {
            self.remove(id);
        }
        self.last += 1;
        let id = SubscriptionId(self.last);
        self.by_tag.insert(subscription.dialog.local_tag.clone(), id);
        self.by_watcher.entry(subscription.watcher.clone()).or_default().insert(id);
        self.all.insert(id, Seat { subscription, resource: None, connection: 0, armed: Armed::default() });
        self.settle(id);
        id
    }

    /// A subscription.
    pub fn get(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.all.get(&id).map(|seat| &seat.subscription)
    }

    /// A subscription's dialog, to be brought up to date.
    pub fn dialog(&mut self, id: SubscriptionId) -> Option<&mut crate::dialog::Dialog> {
        self.all.get_mut(&id).map(|seat| &mut seat.subscription.dialog)
    }

    /// The subscription of a dialog: by our tag, if Call-ID and their tag agree (RFC 3261 §12).
    pub fn find(&self, local_tag: &str, call_id: &str, remote_tag: &str) -> Option<SubscriptionId> {
        let id = *self.by_tag.get(local_tag)?;
        self.all.get(&id).filter(|seat| seat.subscription.dialog.is(call_id, remote_tag)).map(|_| id)
    }

    /// All that stand, with what they watch, in the order of their numbers.
    pub fn standing(&self) -> impl Iterator<Item = (SubscriptionId, &Subscription, &str)> {
        let mut ids: Vec<_> = self.all.keys().copied().collect();
        ids.sort();
        ids.into_iter().filter_map(|id| {
            let Seat { subscription, resource, .. } = self.all.get(&id)?;
            Some((id, subscription, &*resource.as_ref()?.1)).filter(|_| subscription.stands())
        })
    }

    /// Is anybody watching?
    pub fn is_watched(&self, package: Package, name: &str) -> bool {
        self.resources[package as usize].contains_key(name)
    }

    /// What a subscription watches, and how that stands.
    pub fn watch(&mut self, id: SubscriptionId, name: &str, state: State) {
        let Some(seat) = self.all.get_mut(&id) else { return };
        let package = state.package();
        let resources = &mut self.resources[package as usize];
        let name = resources.get_key_value(name).map_or_else(|| Arc::from(name), |(name, _)| name.clone());
        seat.resource = Some((package, name.clone()));
        match resources.entry(name) {
            Entry::Vacant(entry) => drop(entry.insert(Watched { state, by: BTreeSet::from([id]) })),
            Entry::Occupied(mut entry) => drop(entry.get_mut().by.insert(id)), // who pushes changes keeps its state new
        }
    }

    /// Something stands so now: who watches it. Nobody, if that is how it stood.
    pub fn state(&mut self, name: &str, state: State) -> Vec<SubscriptionId> {
        let Some(watched) = self.resources[state.package() as usize].get_mut(name) else { return Vec::new() };
        if watched.state == state {
            return Vec::new();
        }
        watched.state = state;
        watched.by.iter().copied().collect()
    }

    /// One of a list stands so now: who watches it. Nobody, if that is how he stood.
    pub fn member(&mut self, name: &str, package: Package, member: Member) -> Vec<SubscriptionId> {
        let Some(Watched { state: State::List(list), by }) = self.resources[package as usize].get_mut(name) else {
            return Vec::new();
        };
        if list.stands(member) { by.iter().copied().collect() } else { Vec::new() }
    }

    /// Tells a subscription something; it leaves when it is over.
    pub fn tell(&mut self, id: SubscriptionId, input: Input<'_>, now: Time, out: &mut Vec<Output>) {
        let Some(seat) = self.all.get_mut(&id) else { return };
        let state = seat.resource.as_ref().and_then(|(package, name)| self.resources[*package as usize].get(name));
        seat.subscription.handle(input, state.map(|watched| &watched.state), now, out);
        self.settle(id);
    }

    /// A connection is gone: who watches by it goes on by another, where that can be.
    pub fn cut(&mut self, connection: u64, way_back: impl Fn(&Dialog) -> Option<Flow>) {
        for id in self.over(connection) {
            if let Some(dialog) = self.dialog(id) {
                dialog.flow = way_back(dialog).unwrap_or(dialog.flow);
            }
            self.settle(id);
        }
    }

    /// Those of a stream.
    pub fn over(&self, connection: u64) -> Vec<SubscriptionId> {
        self.by_connection.get(&connection).into_iter().flatten().copied().collect()
    }

    /// Those of a watcher that are reached by this flow, or were.
    pub fn by_flow(&self, watcher: &str, flow: Flow) -> Vec<SubscriptionId> {
        let ids = self.by_watcher.get(watcher).into_iter().flatten().copied();
        let is_there = |id: &SubscriptionId| self.get(*id).is_some_and(|one| one.dialog.flow == flow);
        ids.filter(is_there).collect()
    }

    /// A subscription that may be due. It is if the second is true.
    pub fn due(&mut self, now: Time) -> Option<(SubscriptionId, bool)> {
        let (at, id) = self.due.due(now)?;
        Some((id, self.all.get_mut(&id).is_some_and(|seat| seat.armed.rings(at))))
    }

    /// Takes away one that is over, or arms its timer; and notes by which stream it is reached.
    fn settle(&mut self, id: SubscriptionId) {
        let Some(seat) = self.all.get_mut(&id) else { return };
        if seat.subscription.is_over() {
            return self.remove(id);
        }
        self.due.arm(&mut seat.armed, seat.subscription.deadline(), || id);
        let (before, connection) = (seat.connection, seat.subscription.dialog.flow.connection);
        if before != connection {
            seat.connection = connection;
            leave(&mut self.by_connection, &before, id);
            if connection != 0 {
                self.by_connection.entry(connection).or_default().insert(id);
            }
        }
    }

    fn remove(&mut self, id: SubscriptionId) {
        let Some(Seat { subscription, resource, connection, .. }) = self.all.remove(&id) else { return };
        self.by_tag.remove(&subscription.dialog.local_tag);
        leave(&mut self.by_watcher, &subscription.watcher, id);
        leave(&mut self.by_connection, &connection, id);
        let Some((package, name)) = resource else { return };
        let resources = &mut self.resources[package as usize];
        if let Some(watched) = resources.get_mut(&name) {
            watched.by.remove(&id);
            if watched.by.is_empty() {
                resources.remove(&name);
            }
        }
    }
}

fn leave<K: std::hash::Hash + Eq>(table: &mut HashMap<K, BTreeSet<SubscriptionId>>, key: &K, id: SubscriptionId) {
    if let Some(ids) = table.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            table.remove(key);
        }
    }
}
