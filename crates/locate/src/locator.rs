//! The locator: keeps the names the house needs located, and says where a request may go.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{Random, Time};
use sip::{Place, Transport};

use crate::cache::Cache;
use crate::record::{Answer, Question};
use crate::walk::{Found, Walk};

/// Which addresses we can send to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocateConf {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

impl Default for LocateConf {
    fn default() -> LocateConf {
        LocateConf { ipv4: true, ipv6: true }
    }
}

/// One server to try.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Target {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

/// What it is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// A name server, or the silence of all.
    Answered {
        /// What was asked.
        question: Question,
        /// What was said.
        answer: Answer,
    },
    /// A target could not be reached, or was too busy (RFC 3263 §4.3): others come before it for so long.
    Failed {
        /// Which.
        target: Target,
        /// How long.
        rest: Duration,
    },
    /// A target has answered.
    Works(Target),
    /// It is `deadline()`.
    Tick,
}

/// What it says.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Ask a name server; the answer, or that there was none, comes back as [`Input::Answered`].
    Ask(Question),
    /// The targets of a place have become known, or are others now.
    Located(Place),
}

/// Knows where names lead.
#[derive(Debug)]
pub struct Locator {
    conf: LocateConf,
    random: Random,
    cache: Cache,
    watched: HashMap<Place, Watch>,
    /// Targets that failed, and until when they come last.
    down: HashMap<Target, Time>,
    due: Option<Time>,
}

#[derive(Debug, Default)]
struct Watch {
    /// For good; else until it is located once.
    kept: bool,
    asked: Vec<Question>,
    /// Its targets as last said, sorted.
    said: Vec<Target>,
}

/// So many places are looked for at a time beside those that are kept.
const WANTED_MAX: usize = 1_024;
/// So many targets are remembered to be down.
const DOWN_MAX: usize = 1_024;

impl Locator {
    /// One that knows nothing yet.
    pub fn new(conf: LocateConf, random: Random) -> Locator {
        let (watched, down) = (HashMap::new(), HashMap::new());
        Locator { conf, random, cache: Cache::default(), watched, down, due: None }
    }

    /// These places, and no others, are kept located from now on: asked for at the next `Tick`, and again whenever what is
    /// known of them runs out.
    pub fn keep(&mut self, places: impl IntoIterator<Item = Place>, now: Time) {
        let before = std::mem::take(&mut self.watched);
        for place in places.into_iter().filter(|place| place.name().is_some()) {
            let said = before.get(&place).map(|watch| watch.said.clone()).unwrap_or_default();
            let asked = self.walk(&place, now).asked;
            self.watched.insert(place, Watch { kept: true, asked, said });
        }
        self.settle(now);
    }

    /// Where a request to this place may go, in the order to be tried. None: not known yet ([`Output::Located`] follows if
    /// the name has any), or nowhere.
    pub fn targets(&mut self, place: &Place, now: Time, out: &mut Vec<Output>) -> Vec<Target> {
        let Found { mut targets, asked, waits } = self.walk(place, now);
        if place.name().is_some() && !self.watched.contains_key(place) {
            if waits && self.watched.len() < WANTED_MAX + self.watched.values().filter(|watch| watch.kept).count() {
                self.watched.insert(place.clone(), Watch { asked: asked.clone(), ..Watch::default() });
            }
            self.ask(&asked, now, out);
            self.settle(now);
        }
        self.down.retain(|_, until| *until > now);
        targets.sort_by_key(|target| self.down.contains_key(target)); // stable: those that work keep their order
        targets
    }

    /// All addresses of a place: those who may call in its name.
    pub fn addresses(&mut self, place: &Place, now: Time) -> Vec<IpAddr> {
        let targets = self.walk(place, now).targets;
        let mut addresses: Vec<_> = targets.into_iter().map(|target| target.address.ip()).collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// Tells it what happened.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Answered { question, answer } => {
                self.cache.answered(&question, answer, now);
                let about = self.watched.iter().filter(|(_, watch)| watch.asked.contains(&question));
                let mut places: Vec<Place> = about.map(|(place, _)| place.clone()).collect();
                places.sort_by_key(Place::to_string); // a map's order is nobody's: a run must replay
                for place in places {
                    self.look_again(&place, now, out);
                }
            }
            Input::Failed { target, rest } => {
                if self.down.len() >= DOWN_MAX {
                    self.down.clear(); // it is our own network then
                }
                self.down.insert(target, now + rest);
            }
            Input::Works(target) => drop(self.down.remove(&target)),
            Input::Tick => {
                let mut due: Vec<Question> =
                    self.questions().filter(|asked| self.cache.due(asked, now) <= now).cloned().collect();
                due.sort();
                due.dedup();
                self.ask(&due, now, out);
            }
        }
        self.settle(now);
    }

    /// When it wants a [`Input::Tick`].
    pub fn deadline(&self) -> Option<Time> {
        self.due
    }

    /// A place looks through what is known once more: it asks for what it misses, and says if it leads elsewhere now.
    fn look_again(&mut self, place: &Place, now: Time, out: &mut Vec<Output>) {
        let Found { mut targets, asked, waits } = self.walk(place, now);
        targets.sort_by_key(|target| (target.address, target.transport.as_str()));
        self.ask(&asked, now, out);
        let Some(watch) = self.watched.get_mut(place) else { return };
        watch.asked = asked;
        if watch.said != targets && !waits {
            watch.said = targets;
            out.push(Output::Located(place.clone()));
        }
        if !watch.kept && !waits {
            self.watched.remove(place);
        }
    }

    fn walk(&mut self, place: &Place, now: Time) -> Found {
        let Locator { conf, cache, random, .. } = self;
        Walk { conf: *conf, cache, now, random, found: Found::default() }.place(place)
    }

    fn ask(&mut self, questions: &[Question], now: Time, out: &mut Vec<Output>) {
        for question in questions {
            if self.cache.ask(question, now) {
                out.push(Output::Ask(question.clone()));
            }
        }
    }

    fn questions(&self) -> impl Iterator<Item = &Question> {
        self.watched.values().flat_map(|watch| &watch.asked)
    }

    fn settle(&mut self, now: Time) {
        self.due = self.questions().map(|question| self.cache.due(question, now)).min();
    }
}
