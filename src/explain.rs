//! `centrala route explain`: where a number goes and why, by the conf alone, whether a switch runs or not.

use std::path::PathBuf;

use centrala::conf::Conf;
use clap::Args;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use route::{Caller, From, Moment, Route, Switches};
use serde_json::json;

use crate::{Failure, load};

#[derive(Args)]
pub struct ExplainArgs {
    /// The number dialled
    number: String,
    /// Who dials it: person:NAME, or trunk:NAME
    #[arg(long)]
    from: From,
    /// The number the caller shows; `anonymous` where it is withheld [default: the person's own, or none]
    #[arg(long)]
    caller: Option<String>,
    /// When: 2026-12-25T10:00 in the clock of this machine, or with a zone: 2026-12-25T10:00+01:00 [default: now]
    #[arg(long, value_parser = moment)]
    at: Option<Timestamp>,
    /// These hours were opened by hand
    #[arg(long, value_name = "HOURS")]
    opened: Vec<String>,
    /// These hours were closed by hand
    #[arg(long, value_name = "HOURS")]
    closed: Vec<String>,
    /// The folder that holds switch.toml
    #[arg(long, default_value = "conf", env = "CENTRALA_CONF")]
    conf: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let civil = || Ok::<_, jiff::Error>(text.parse::<DateTime>()?.to_zoned_datetime(TimeZone::system())?.timestamp());
    text.parse().or_else(|_| civil()).map_err(|why: jiff::Error| format!("{why}; write it as 2026-12-25T10:00"))
}

impl ExplainArgs {
    pub fn run(self) -> Result<(), Failure> {
        let conf = load(&self.conf)?;
        let number = self.caller.clone().or_else(|| own_number(&conf, &self.from)).unwrap_or_default();
        let caller = Caller { from: self.from.clone(), number };
        self.is_there(&conf)?;
        let by_hand = |names: &[String], open| names.iter().map(move |name| (name.clone(), open)).collect::<Vec<_>>();
        let switches: Switches = by_hand(&self.opened, true).into_iter().chain(by_hand(&self.closed, false)).collect();
        let at = self.at.unwrap_or_else(now);
        let moment = Moment { at, switches: &switches, chance: 0 };
        let mut lines = Vec::new();
        let mut taken = None;
        for route in &conf.routes.routes {
            let miss = conf.routes.miss(route, &caller, &self.number, moment);
            let verdict = miss.as_ref().map_or_else(|| "taken".to_owned(), |miss| format!("not taken: {miss}"));
            lines.push(vec![route.number.to_string(), leads_to(route), verdict]);
            if miss.is_none() {
                taken = Some(route);
                break;
            }
        }
        let found = conf.routes.find(&caller, &self.number, moment);
        if self.json {
            let found = found.as_ref().ok().map(|found| {
                json!({ "to": found.destination.to_string(), "number": found.number, "record": found.record,
                    "language": found.guest.language, "priority": found.guest.priority })
            });
            let looked_at = |line: &Vec<String>| json!({ "number": line[0], "to": line[1], "verdict": line[2] });
            let routes: Vec<_> = lines.iter().map(looked_at).collect();
            println!("{}", json!({ "at": at.to_string(), "found": found, "routes": routes }));
            return Ok(());
        }
        println!("{} dialled by {} at {at}", self.number, caller.from);
        crate::remote::print_table(&lines);
        match (found, taken) {
            (Err(why), _) => println!("=> {why}"),
            (Ok(_), Some(route)) => println!("=> {}{}", leads_to(route), more(route, &self.number)),
            (Ok(found), None) => println!("=> {}: the number of a person, no route is for it", found.destination),
        }
        Ok(())
    }

    /// A name that is misspelt here must not look like a route that is.
    fn is_there(&self, conf: &Conf) -> Result<(), Failure> {
        let (kind, name, known) = match &self.from {
            From::Person(name) => ("person", name, conf.people.contains_key(name.as_str())),
            From::Trunk(name) => ("trunk", name, conf.trunks.contains_key(name)),
        };
        if !known {
            return Err(format!("there is no {kind} {name:?} in {}", self.conf.display()).into());
        }
        match self.opened.iter().chain(&self.closed).find(|hours| !conf.routes.hours.contains_key(*hours)) {
            Some(hours) => Err(format!("there are no hours {hours:?} in {}/routes.toml", self.conf.display()).into()),
            None => Ok(()),
        }
    }
}

fn own_number(conf: &Conf, from: &From) -> Option<String> {
    match from {
        From::Person(name) => {
            conf.people.get(name.as_str()).and_then(|person| person.number.as_deref()).map(str::to_owned)
        }
        From::Trunk(_) => None,
    }
}

/// Where it goes, with the parts that go elsewhere.
fn leads_to(route: &Route) -> String {
    let shares = route.split.iter().map(|share| format!("{} % {}, ", share.percent, share.to));
    let rest = if route.split.is_empty() { String::new() } else { "else ".to_owned() };
    format!("{}{rest}{}", shares.collect::<String>(), route.to)
}

fn more(route: &Route, dialled: &str) -> String {
    let mut more = String::new();
    if route.strip > 0 || !route.prefix.is_empty() {
        more += &format!(", as {}{}", route.prefix, dialled.get(route.strip..).unwrap_or_default());
    }
    if let Some(language) = &route.guest.language {
        more += &format!(", in {language}");
    }
    if route.guest.priority != 0 {
        more += &format!(", priority {}", route.guest.priority);
    }
    if route.record {
        more += ", recorded";
    }
    more
}

#[allow(clippy::disallowed_methods)] // the command line lives by the calendar
fn now() -> Timestamp {
    Timestamp::now()
}
