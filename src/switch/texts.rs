//! Texts: whose phones they go to, and which leg is the other's.

use base::{LegId, Time};
use route::Destination;
use sip::{Command, Delivery, Phone, TextId};

use super::Switch;
use super::gruu::is_meant;

impl Switch {
    /// Somebody sends a text to somebody: to all phones that person has, or to the one it is for.
    pub(super) fn text(&mut self, text: TextId, account: &str, (called, uri): (String, &str), now: Time) {
        let (called, only) = self.dialled_by(uri, called);
        let found = self.means(account, &called, now).filter(|_| !self.is_foreign(uri, None));
        let delivery = match found.map(|found| found.destination) {
            Some(Destination::Person(person)) => {
                let sender = self.directory.person(account);
                let mut bindings = self.endpoint.bindings(&person, now);
                bindings.retain(|binding| is_meant(only.as_ref(), &person, binding));
                let bindings = bindings.into_iter();
                let mut ways = bindings.map(|binding| self.directory.phone(&person, binding, &sender)).peekable();
                match ways.peek().map(|way| (way.from.clone(), way.to.clone())) {
                    None => Delivery::Refuse { status: 480 },
                    Some((from, to)) => {
                        let phone =
                            |way: crate::directory::Way| Phone { uri: way.uri, flow: way.flow, routes: way.routes };
                        Delivery::Phones { from, to, phones: ways.map(phone).collect() }
                    }
                }
            }
            _ => Delivery::Refuse { status: 404 },
        };
        self.deliver(text, delivery, now);
    }

    /// A party says something to whoever it talks with.
    pub(super) fn said(&mut self, leg: LegId, text: TextId, is_info: bool, now: Time) {
        let running = self.legs.get(&leg).and_then(|call| self.journeys.get(call));
        let delivery = match running.and_then(|running| running.journey.call().partner(leg)) {
            Some(leg) => Delivery::Party { leg },
            // We ourselves understand keys and nothing else.
            None => Delivery::Refuse { status: if is_info { 415 } else { 480 } },
        };
        self.deliver(text, delivery, now);
    }

    fn deliver(&mut self, text: TextId, delivery: Delivery, now: Time) {
        let command = Command::Text { text, delivery: Box::new(delivery) };
        self.endpoint.handle(sip::Input::Command(command), now, &mut self.heard);
    }
}
