//! The routing table: the routes of `conf/routes.toml` in their order, then people's own numbers and names.

use std::collections::HashMap;
use std::str::FromStr;

use crate::Destination;

/// Who calls, as far as routing cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// One of ours, by account.
    Person(String),
    /// A stranger who came through this trunk.
    Trunk(String),
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<From, String> {
        match text.split_once(':') {
            Some(("person", name)) if !name.is_empty() => Ok(From::Person(name.to_owned())),
            Some(("trunk", name)) if !name.is_empty() => Ok(From::Trunk(name.to_owned())),
            _ => Err(format!("{text:?} is no caller; write person:NAME or trunk:NAME")),
        }
    }
}

/// Which numbers a route is for: one, or all that begin so (`9*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This number only.
    Exact(String),
    /// Every number that begins so.
    Prefix(String),
}

impl Pattern {
    fn matches(&self, number: &str) -> bool {
        match self {
            Pattern::Exact(exact) => exact == number,
            Pattern::Prefix(prefix) => number.starts_with(prefix.as_str()),
        }
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Pattern, String> {
        let (begin, prefix) = text.strip_suffix('*').map_or((text, false), |begin| (begin, true));
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "+-._#".contains(letter);
        if !begin.chars().all(|letter| allowed(letter) || (letter == '*' && !prefix)) || (begin.is_empty() && !prefix) {
            return Err(format!(
                "{text:?} is no number; write one such as \"600\", or its beginning and a star: \"9*\""
            ));
        }
        let begin = begin.to_owned();
        Ok(if prefix { Pattern::Prefix(begin) } else { Pattern::Exact(begin) })
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// For these numbers,
    pub number: Pattern,
    /// dialled by this caller (anybody where it is none),
    pub from: Option<From>,
    /// go there.
    pub to: Destination,
    /// Record the whole journey.
    pub record: bool,
    /// Take so many letters off the front before the number goes out through a trunk.
    pub strip: usize,
}

/// What was found for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where the call goes.
    pub destination: Destination,
    /// The number to send out, where it goes to a trunk.
    pub number: String,
    /// Record the whole journey.
    pub record: bool,
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

/// The whole table.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// The conf's routes; the first that matches wins.
    pub routes: Vec<Route>,
    /// People by their number and by their name.
    pub people: HashMap<String, String>,
}

impl Routes {
    /// Where `dialled` goes when this caller dials it.
    ///
    /// What leads out through a trunk is for our own people: a stranger gets there only by a route that names his trunk,
    /// or every trunk would be everybody's way to dial for free.
    pub fn find(&self, from: &From, dialled: &str) -> Result<Found, RouteError> {
        let may = |route: &&Route| match (&route.from, from, &route.to) {
            (Some(only), from, _) => only == from,
            (None, From::Trunk(_), Destination::Trunk(_)) => false,
            (None, ..) => true,
        };
        let route = self.routes.iter().filter(may).find(|route| route.number.matches(dialled));
        if let Some(route) = route {
            let number = dialled.get(route.strip..).unwrap_or_default().to_owned();
            return Ok(Found { destination: route.to.clone(), number, record: route.record });
        }
        match self.people.get(dialled) {
            Some(name) => {
                let destination = Destination::Person(name.clone());
                Ok(Found { destination, number: dialled.to_owned(), record: false })
            }
            None => Err(RouteError::NoRoute { dialled: dialled.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Routes {
        let route = |number: &str, from: Option<&str>, to: &str| Route {
            number: number.parse().expect("a pattern"),
            from: from.map(|from| from.parse().expect("a caller")),
            to: to.parse().expect("a destination"),
            record: false,
            strip: usize::from(to.starts_with("trunk")),
        };
        let routes = vec![
            route("600", None, "echo"),
            route("6*", Some("person:ann"), "menu:main"),
            route("9*", None, "trunk:carrier"),
            route("8*", Some("trunk:carrier"), "trunk:other"),
            route("*", Some("trunk:carrier"), "menu:main"),
        ];
        let people = HashMap::from([("201".to_owned(), "ann".to_owned()), ("ann".to_owned(), "ann".to_owned())]);
        Routes { routes, people }
    }

    #[test]
    fn the_first_route_that_fits_wins_then_people() {
        let person = |name: &str| From::Person(name.to_owned());
        let trunk = From::Trunk("carrier".to_owned());
        for (from, dialled, to, number) in [
            (person("ann"), "600", "echo", "600"),
            (person("ann"), "61", "menu:main", "61"),
            (person("bob"), "201", "person:ann", "201"),
            (person("bob"), "ann", "person:ann", "ann"),
            (person("bob"), "9123", "trunk:carrier", "123"),
            (trunk.clone(), "9123", "menu:main", "9123"), // a stranger never dials out by chance
            (trunk.clone(), "8123", "trunk:other", "123"),
        ] {
            let found = table().find(&from, dialled).map(|found| (found.destination.to_string(), found.number));
            assert_eq!(found, Ok((to.to_owned(), number.to_owned())), "{from:?} {dialled}");
        }
        for (from, dialled) in [(person("bob"), "61"), (person("bob"), ""), (From::Trunk("other".into()), "9123")] {
            assert_eq!(table().find(&from, dialled).map_err(|why| why.status()), Err(404), "{from:?} {dialled}");
        }
    }

    #[test]
    fn a_pattern_is_a_number_or_its_beginning() {
        assert_eq!("9*".parse(), Ok(Pattern::Prefix("9".into())));
        assert_eq!("*".parse(), Ok(Pattern::Prefix("".into())));
        assert_eq!("*97".parse(), Ok(Pattern::Exact("*97".into())));
        for bad in ["", "6 0", "a;b"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }
}
