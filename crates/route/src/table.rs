//! The routing table: the routes of `conf/routes.toml` in their order, then people's own numbers and names.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{Caller, Destination, From, Hours, Numbers, Pattern};

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// For these numbers,
    pub number: Pattern,
    /// dialled by this caller (anybody where it is none),
    pub from: Option<From>,
    /// who shows one of these numbers (any where it is none),
    pub caller: Option<Numbers>,
    /// while these hours are so (always where it is none),
    pub when: Option<When>,
    /// go there;
    pub to: Destination,
    /// but these parts of the calls go elsewhere.
    pub split: Vec<Share>,
    /// What is known of a caller who comes here.
    pub guest: Guest,
    /// Record the whole journey.
    pub record: bool,
    /// Take so many letters off the front before the number goes out through a trunk,
    pub strip: usize,
    /// and put these before what is left.
    pub prefix: String,
}

/// What a route says of its callers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guest {
    /// The language they are spoken to in.
    pub language: Option<String>,
    /// How urgent they are in a queue, above what the queue itself says.
    pub priority: i32,
}

/// A part of the calls goes elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// How large a part.
    pub percent: u8,
    /// Where.
    pub to: Destination,
}

/// While somebody is there, or while nobody is: `office`, `not office`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// Whose hours.
    pub hours: String,
    /// They must be open, or closed.
    pub open: bool,
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<When, String> {
        let (hours, open) = text.strip_prefix("not ").map_or((text, true), |hours| (hours, false));
        let hours = hours.trim();
        match hours.is_empty() || hours.contains(' ') {
            true => Err(format!("{text:?} names no hours; write \"NAME\", or \"not NAME\" for when it is closed")),
            false => Ok(When { hours: hours.to_owned(), open }),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.open { "" } else { "not " }, self.hours)
    }
}

/// What was found for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where the call goes.
    pub destination: Destination,
    /// The number to send out, where it goes to a trunk.
    pub number: String,
    /// What is known of the caller.
    pub guest: Guest,
    /// Record the whole journey.
    pub record: bool,
}

impl Found {
    /// It goes there, and there is no more to say of it.
    pub fn only(destination: Destination) -> Found {
        Found { destination, number: String::new(), guest: Guest::default(), record: false }
    }
}

/// Why a number leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No route, no person.
    #[error(
        "no route matches {dialled}; add one to conf/routes.toml, or a person with that number to conf/people.toml"
    )]
    NoRoute {
        /// The number.
        dialled: String,
    },
}

impl RouteError {
    /// What the caller is told (RFC 3261 §21).
    pub fn status(&self) -> u16 {
        match self {
            RouteError::NoRoute { .. } => 404,
        }
    }
}

/// Hours that somebody has opened or closed by hand.
pub type Switches = BTreeMap<String, bool>;

/// A moment, and what chance has it.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// When.
    pub at: Timestamp,
    /// What was opened or closed by hand.
    pub switches: &'a Switches,
    /// 0 to 99: which part of the calls this one belongs to.
    pub chance: u8,
}

/// Why a route is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// It is for other numbers.
    Number,
    /// It is for another caller.
    From(From),
    /// It is for callers who show other numbers.
    Caller,
    /// It leads out, or changes how the switch works, and does not name the trunk the caller came by.
    Strangers,
    /// It is not open, or not closed.
    Hours(When),
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::Number => f.write_str("the number is another one"),
            Miss::From(from) => write!(f, "only {from} may dial it"),
            Miss::Caller => f.write_str("the caller shows another number"),
            Miss::Strangers => f.write_str("it is not for callers from outside"),
            Miss::Hours(When { hours, open: true }) => write!(f, "{hours} is closed then"),
            Miss::Hours(When { hours, open: false }) => write!(f, "{hours} is open then"),
        }
    }
}

/// The whole table.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// The conf's routes; the first that matches wins.
    pub routes: Vec<Route>,
    /// People by their number and by their name.
    pub people: Arc<HashMap<Arc<str>, Arc<str>>>,
    /// Opening hours by name.
    pub hours: BTreeMap<String, Hours>,
}

impl Routes {
    /// Where `dialled` goes when this caller dials it at that moment.
    pub fn find(&self, caller: &Caller, dialled: &str, moment: Moment<'_>) -> Result<Found, RouteError> {
        if let Some(route) = self.routes.iter().find(|route| self.miss(route, caller, dialled, moment).is_none()) {
            let number = format!("{}{}", route.prefix, dialled.get(route.strip..).unwrap_or_default());
            let destination = route.destination(moment.chance).clone();
            return Ok(Found { destination, number, guest: route.guest.clone(), record: route.record });
        }
        match self.people.get(dialled) {
            Some(name) => {
                let destination = Destination::Person(name.to_string());
                Ok(Found { number: dialled.to_owned(), ..Found::only(destination) })
            }
            None => Err(RouteError::NoRoute { dialled: dialled.to_owned() }),
        }
    }

    /// Why a route is not taken; none where it is.
    ///
    /// What leads out through a trunk, or opens and closes, is for our own people: a stranger gets there only by a route
    /// that names his trunk, or every trunk would be everybody's way to dial for free.
    pub fn miss(&self, route: &Route, caller: &Caller, dialled: &str, moment: Moment<'_>) -> Option<Miss> {
        if !route.number.matches(dialled) {
            return Some(Miss::Number);
        }
        match (&route.from, &caller.from) {
            (Some(only), from) if only != from => return Some(Miss::From(only.clone())),
            (None, From::Trunk(_)) if route.is_for_people() => return Some(Miss::Strangers),
            _ => {}
        }
        if route.caller.as_ref().is_some_and(|numbers| !numbers.have(&caller.number)) {
            return Some(Miss::Caller);
        }
        let when = route.when.as_ref().filter(|when| self.is_open(&when.hours, moment) != when.open);
        when.map(|when| Miss::Hours(when.clone()))
    }

    /// Is it open: by hand, or by the clock?
    pub fn is_open(&self, hours: &str, moment: Moment<'_>) -> bool {
        let by_hand = moment.switches.get(hours).copied();
        by_hand.or_else(|| self.hours.get(hours).map(|hours| hours.is_open(moment.at))).unwrap_or(false)
    }
}

impl Route {
    fn destination(&self, chance: u8) -> &Destination {
        let mut upto = 0;
        let share = self.split.iter().find(|share| {
            upto += u16::from(share.percent);
            u16::from(chance) < upto
        });
        share.map_or(&self.to, |share| &share.to)
    }

    fn is_for_people(&self) -> bool {
        let leads_out = |to: &Destination| {
            matches!(
                to,
                Destination::Trunk(_)
                    | Destination::Hours { .. }
                    | Destination::Supervise(_)
                    | Destination::Follow(_)
                    | Destination::Take(_)
                    | Destination::Pickup
            )
        };
        leads_out(&self.to) || self.split.iter().any(|share| leads_out(&share.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(number: &str, from: Option<&str>, to: &str) -> Route {
        Route {
            number: number.parse().expect("a pattern"),
            from: from.map(|from| from.parse().expect("a caller")),
            caller: None,
            when: None,
            to: to.parse().expect("a destination"),
            split: Vec::new(),
            guest: Guest::default(),
            record: false,
            strip: usize::from(to.starts_with("trunk")),
            prefix: String::new(),
        }
    }

    fn table(routes: Vec<Route>) -> Routes {
        let people = Arc::new(HashMap::from([("201".into(), "ann".into()), ("ann".into(), "ann".into())]));
        let office = Hours {
            zone: jiff::tz::TimeZone::UTC,
            open: vec!["mon-fri 08:00-17:00".parse().expect("a span")],
            closed: Vec::new(),
        };
        Routes { routes, people, hours: BTreeMap::from([("office".to_owned(), office)]) }
    }

    fn stranger(number: &str) -> Caller {
        Caller { from: From::Trunk("carrier".to_owned()), number: number.to_owned() }
    }

    fn leads(table: &Routes, caller: &Caller, dialled: &str, moment: Moment<'_>) -> Result<(String, String), u16> {
        let found = table.find(caller, dialled, moment);
        found.map(|found| (found.destination.to_string(), found.number)).map_err(|why| why.status())
    }

    const NOON: &str = "2026-11-25T12:00:00Z"; // a Wednesday
    const NIGHT: &str = "2026-11-25T22:00:00Z";

    fn moment<'a>(at: &str, switches: &'a Switches, chance: u8) -> Moment<'a> {
        Moment { at: at.parse().expect("a moment"), switches, chance }
    }

    #[test]
    fn the_first_route_that_fits_wins_then_people() {
        let table = table(vec![
            route("600", None, "echo"),
            route("6*", Some("person:ann"), "menu:main"),
            route("9*", None, "trunk:carrier"),
            route("*28", None, "close:office"),
            Route { prefix: "00".into(), ..route("8*", Some("trunk:carrier"), "trunk:other") },
            route("*", Some("trunk:carrier"), "menu:main"),
        ]);
        let person = Caller::person;
        let (none, other) = (Switches::new(), Caller { from: From::Trunk("other".into()), number: "1".into() });
        for (caller, dialled, to, number) in [
            (person("ann"), "600", "echo", "600"),
            (person("ann"), "61", "menu:main", "61"),
            (person("bob"), "201", "person:ann", "201"),
            (person("bob"), "ann", "person:ann", "ann"),
            (person("bob"), "9123", "trunk:carrier", "123"),
            (person("bob"), "*28", "close:office", "*28"),
            (stranger("1"), "9123", "menu:main", "9123"), // a stranger never dials out by chance
            (stranger("1"), "*28", "menu:main", "*28"),   // nor closes the office
            (stranger("1"), "8123", "trunk:other", "00123"),
        ] {
            let led = leads(&table, &caller, dialled, moment(NOON, &none, 0));
            assert_eq!(led, Ok((to.to_owned(), number.to_owned())), "{caller:?} {dialled}");
        }
        for (caller, dialled) in [(person("bob"), "61"), (person("bob"), ""), (other, "9123")] {
            assert_eq!(leads(&table, &caller, dialled, moment(NOON, &none, 0)), Err(404), "{caller:?} {dialled}");
        }
    }

    #[test]
    fn hours_callers_and_shares_choose_among_routes() {
        let numbers = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a pattern")).collect();
        let when = |text: &str| Some(text.parse().expect("when"));
        let shares = |shares: &[(u8, &str)]| {
            let share =
                |(percent, to): &(u8, &str)| Share { percent: *percent, to: to.parse().expect("a destination") };
            shares.iter().map(share).collect()
        };
        let table = table(vec![
            Route { caller: Some(numbers(&["+4477*", "anonymous"])), ..route("100", None, "reject:603") },
            Route { when: when("not office"), ..route("100", None, "play:closed") },
            Route {
                split: shares(&[(10, "queue:new"), (20, "queue:other")]),
                guest: Guest { language: Some("hr".to_owned()), priority: 5 },
                ..route("100", None, "queue:old")
            },
        ]);
        let (clock, opened, closed) = (
            Switches::new(),
            Switches::from([("office".to_owned(), true)]),
            Switches::from([("office".to_owned(), false)]),
        );
        for (number, at, by_hand, chance, to) in [
            ("+44771", NOON, &clock, 0, "reject:603"),
            ("anonymous", NOON, &clock, 0, "reject:603"),
            ("+3851", NIGHT, &clock, 0, "play:closed"),
            ("+3851", NOON, &closed, 0, "play:closed"),
            ("+3851", NIGHT, &opened, 0, "queue:new"),
            ("+3851", NOON, &clock, 9, "queue:new"),
            ("+3851", NOON, &clock, 10, "queue:other"),
            ("+3851", NOON, &clock, 29, "queue:other"),
            ("+3851", NOON, &clock, 30, "queue:old"),
            ("+3851", NOON, &clock, 99, "queue:old"),
        ] {
            let led = leads(&table, &stranger(number), "100", moment(at, by_hand, chance)).map(|(to, _)| to);
            assert_eq!(led, Ok(to.to_owned()), "{number} {at} {by_hand:?} {chance}");
        }
        let found = table.find(&stranger("+3851"), "100", moment(NOON, &clock, 50)).expect("a route");
        assert_eq!(found.guest, Guest { language: Some("hr".to_owned()), priority: 5 });
    }

    #[test]
    fn a_route_that_is_not_taken_says_why() {
        let table = table(vec![
            route("1*", None, "echo"),
            route("*", Some("person:bob"), "echo"),
            route("9*", None, "trunk:carrier"),
            Route { when: Some("not office".parse().expect("when")), ..route("9*", None, "echo") },
            Route { caller: Some(Numbers::default()), ..route("9*", None, "echo") },
        ]);
        let none = Switches::new();
        let miss = |route| table.miss(route, &stranger("1"), "9123", moment(NOON, &none, 0));
        let why = table.routes.iter().map(|route| miss(route).expect("a miss").to_string()).collect::<Vec<_>>();
        assert_eq!(
            why,
            [
                "the number is another one",
                "only person:bob may dial it",
                "it is not for callers from outside",
                "office is open then",
                "the caller shows another number"
            ]
        );
    }
}
