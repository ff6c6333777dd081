//! Where numbers go just now, and the hours that somebody opens and closes by hand.

use base::Time;
use jiff::Timestamp;
use route::{Caller, Destination, Found, Moment, Switches};

use super::{Output, Switch};
use crate::status::HoursStatus;

impl Switch {
    /// Where a number goes when this caller dials it; a number that leads nowhere is refused.
    pub(super) fn leads(&mut self, caller: &Caller, dialled: &str, now: Time) -> Found {
        let chance = self.random.below(100) as u8;
        let found = self.routes.find(caller, dialled, Moment { chance, ..self.moment(now) });
        found.unwrap_or_else(|why| Found::only(Destination::Reject(why.status())))
    }

    /// What a number of somebody's stands for.
    pub(super) fn means(&self, account: &str, dialled: &str, now: Time) -> Option<Found> {
        self.routes.find(&Caller::person(account), dialled, self.moment(now)).ok()
    }

    /// How the opening hours stand.
    pub fn hours(&self, now: Time) -> Vec<HoursStatus> {
        let moment = self.moment(now);
        let status = |(name, hours): (&String, &route::Hours)| HoursStatus {
            hours: name.clone(),
            open: self.routes.is_open(name, moment),
            by_hand: moment.switches.contains_key(name),
            zone: hours.zone.iana_name().unwrap_or_default().to_owned(),
            next_change: hours.next_change(moment.at).map(|at| at.to_string()),
        };
        self.routes.hours.iter().map(status).collect()
    }

    /// Opens or closes by hand, or leaves it to the clock again. False: there are no such hours.
    pub fn switch_hours(&mut self, hours: &str, by_hand: Option<bool>, out: &mut Vec<Output>) -> bool {
        if !self.routes.hours.contains_key(hours) {
            return false;
        }
        match by_hand {
            Some(open) => drop(self.switches.insert(hours.to_owned(), open)),
            None => drop(self.switches.remove(hours)),
        }
        self.hours_due = Some(Time::ZERO); // queues may open, or close
        out.push(Output::Hours { hours: hours.to_owned(), by_hand });
        true
    }

    /// The hours that stand as somebody has put them.
    pub fn hours_by_hand(&self) -> &Switches {
        &self.switches
    }

    /// What was opened and closed by hand when the switch was last there.
    pub fn remember_hours(&mut self, switches: Switches) {
        self.switches = switches;
        self.switches.retain(|hours, _| self.routes.hours.contains_key(hours));
    }

    pub(super) fn moment(&self, now: Time) -> Moment<'_> {
        let at = Timestamp::from_millisecond(self.clock.unix_ms(now)).unwrap_or_default();
        Moment { at, switches: &self.switches, chance: 0 }
    }
}
