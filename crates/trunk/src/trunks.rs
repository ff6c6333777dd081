//! All trunks and their groups, as one machine: who is there, who is registered, who takes the next call.
//!
//! Where it stands: the switch asks [`Trunks::choose`] for each call that goes out and [`Trunks::admit`] for each that
//! comes, tells it what SIP says of their legs, and performs what it asks of carriers. It sends nothing itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::{LegId, Random, Time, WallClock};
use sip::{Answer, End, Flow, Headers, Host, Incoming, Name, NameAddr, Uri, user_to_user};

use crate::conf::TrunkConf;
use crate::group::{self, GroupConf, Statuses};
use crate::header_rules::carried;
use crate::health::Health;
use crate::identity::{self, Caller};
use crate::invite::{Order, Placed};
use crate::limits::{Load, Way};
use crate::number::of_uri;
use crate::registration::{Outcome, RegisterConf, Registration, retry_after};
use crate::status::TrunkStatus;
use crate::trunk::{Trunk, ask, options};
use crate::words::{Ask, Input, News, Output, What};

/// All trunks.
#[derive(Debug)]
pub struct Trunks {
    all: BTreeMap<String, Trunk>,
    groups: BTreeMap<String, GroupConf>,
    legs: HashMap<LegId, Carried>,
    random: Random,
    clock: WallClock,
    left: bool,
}

/// A leg of a call that passes a trunk.
#[derive(Debug)]
struct Carried {
    trunk: String,
    way: Way,
    /// The carrier said something: what comes to nothing now is no fault of the trunk.
    heard: bool,
}

/// The trunk for a call.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Its name.
    pub trunk: String,
    /// After these answers another trunk may take the call; none: there is no other.
    pub elsewhere: Option<Statuses>,
}

impl Trunks {
    /// No trunks yet.
    pub fn new(clock: WallClock, random: Random) -> Trunks {
        let (all, groups, legs) = (BTreeMap::new(), BTreeMap::new(), HashMap::new());
        Trunks { all, groups, legs, random, clock, left: false }
    }

    /// A new conf. What a trunk carries goes on, and so do counts and states of those that stay. Where new ones are is to
    /// be [told](Trunks::located).
    pub fn reload(&mut self, conf: Vec<TrunkConf>, groups: Vec<GroupConf>, now: Time, out: &mut Vec<Output>) {
        self.groups = groups.into_iter().map(|group| (group.name.clone(), group)).collect();
        let mut before = std::mem::take(&mut self.all);
        for conf in conf {
            let name = conf.name.clone();
            let trunk = match before.remove(&name) {
                Some(trunk) => self.renewed(trunk, conf, now, out),
                None => self.fresh(conf, now),
            };
            self.all.insert(name, trunk);
        }
        for (name, mut gone) in before {
            gone.leave(&name, out);
        }
    }

    /// A trunk is there now, the server to be tried first first. What registrations and OPTIONS go by stays, as long as it
    /// is among them.
    pub fn located(&mut self, name: &str, flows: Vec<Flow>, now: Time) {
        let Some(trunk) = self.all.get_mut(name) else { return };
        trunk.flows = flows;
        if !trunk.flow.is_some_and(|flow| trunk.flows.contains(&flow)) {
            trunk.goes_by(trunk.flows.first().copied(), now, self.left, &mut self.random);
        }
    }

    /// When it wants a [`Input::Tick`].
    pub fn deadline(&self) -> Option<Time> {
        let of = |trunk: &Trunk| {
            let registers = trunk.registration.as_ref().and_then(Registration::deadline);
            [registers, trunk.health.deadline().filter(|_| !self.left && trunk.enabled && trunk.flow.is_some())]
        };
        self.all.values().flat_map(of).flatten().min()
    }

    /// Tells it what happened.
    pub fn handle(&mut self, input: Input<'_>, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Answered { ask, status, cseq, answer } => self.answered(ask, status, cseq, answer, now, out),
            Input::Leg(event) => self.leg(event, now, out),
            Input::Closed { connection } => {
                for trunk in self.all.values_mut() {
                    if let Some(registration) = &mut trunk.registration {
                        registration.closed(connection, now, &mut self.random);
                    }
                }
            }
            Input::Leave => {
                self.left = true;
                for (name, trunk) in &mut self.all {
                    trunk.leave(name, out);
                }
            }
            Input::Tick => self.tick(now, out),
        }
    }

    /// The first proxy that requests to a trunk are to pass (RFC 3608), as it said when it registered us.
    pub fn first_hop(&self, name: &str) -> Option<&str> {
        let registration = self.all.get(name)?.registration.as_ref()?;
        registration.service_route().first().map(String::as_str)
    }

    /// Is nothing still to be heard of registrations that are taken back?
    pub fn is_quiet(&self) -> bool {
        !self.all.values().any(|trunk| trunk.registration.as_ref().is_some_and(Registration::is_leaving))
    }

    /// Takes a trunk out of use, or into it again. False: there is no such trunk.
    pub fn enable(&mut self, name: &str, enabled: bool, now: Time, out: &mut Vec<Output>) -> bool {
        let Some(trunk) = self.all.get_mut(name) else { return false };
        if trunk.enabled != enabled {
            trunk.enabled = enabled;
            match enabled {
                true => trunk.registration.iter_mut().for_each(|registration| registration.come_back(now)),
                false => trunk.leave(name, out),
            }
        }
        true
    }

    /// A call comes by this trunk. False: it is one too many, or the trunk is out of use.
    pub fn admit(&mut self, name: &str, leg: LegId, now: Time, out: &mut Vec<Output>) -> bool {
        let Some(trunk) = self.all.get_mut(name).filter(|trunk| trunk.enabled) else { return false };
        if let Err(over) = trunk.load.begin(Way::In, &trunk.conf.limits, now, self.clock) {
            trunk.full(name, Way::In, over, now, out);
            return false;
        }
        self.legs.insert(leg, Carried { trunk: name.to_owned(), way: Way::In, heard: true });
        true
    }

    /// May what the applications of both ends tell each other pass this trunk (RFC 7433)?
    pub fn passes_user_to_user(&self, name: &str) -> bool {
        self.all.get(name).is_some_and(|trunk| trunk.conf.headers.user_to_user)
    }

    /// Who calls by this trunk, and which number, as routes and people see them.
    pub fn caller(&self, name: &str, incoming: &Incoming) -> (Caller, String) {
        let Some(trunk) = self.all.get(name) else { return (Caller::default(), incoming.called.clone()) };
        let conf = &trunk.conf;
        let write = |number: &str| match &conf.numbers {
            Some(plan) => plan.write(number, plan.receive),
            None => number.to_owned(),
        };
        let mut caller = identity::read(&incoming.headers, &incoming.from, conf.identity.trusted, write);
        caller.trunk = Some(name.to_owned());
        self.carry(&mut caller, &incoming.headers, |name| conf.headers.passes(name));
        if !conf.headers.user_to_user {
            caller.user_to_user.clear();
        }
        caller.called = write(&self.called(conf, incoming));
        let called = caller.called.clone();
        (caller, called)
    }

    /// Who calls with an account of ours. What his phone says of itself is not asked; what it wants kept is.
    pub fn person(&self, account: &str, number: String, name: Option<String>, headers: &Headers) -> Caller {
        let private = identity::wants_privacy(headers);
        let mut caller = Caller { number, name, account: Some(account.to_owned()), private, ..Caller::default() };
        let passes = |name: &Name| self.all.values().any(|trunk| trunk.conf.headers.passes(name));
        self.carry(&mut caller, headers, passes);
        caller
    }

    /// What the INVITE to a phone says of a call, beside who calls.
    pub fn towards_phone(&self, caller: &Caller, host: &Host, port: Option<u16>) -> Vec<(Name, String)> {
        let mut headers: Vec<_> = caller.user_to_user.iter().map(|value| (Name::UserToUser, value.clone())).collect();
        if caller.trunk.is_none() {
            return headers; // what else passes is a trunk's business
        }
        headers.extend(caller.headers.iter().cloned());
        headers.extend(identity::diverted(caller, host, port, str::to_owned));
        headers
    }

    /// Finds a trunk for a call, among those a route's name stands for. The leg is the trunk's until SIP says that it has
    /// ended. An error is the status for the caller.
    pub fn choose(
        &mut self,
        route: &str,
        tried: &[String],
        leg: LegId,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<Choice, u16> {
        let mut tried: Vec<String> = tried.to_vec();
        let group = self.groups.get(route).cloned();
        loop {
            let free = |all: &BTreeMap<String, Trunk>, name: &str, tried: &[String]| {
                !tried.iter().any(|known| known == name) && all.get(name).is_some_and(|trunk| trunk.takes_calls(now))
            };
            let next = match &group {
                Some(group) => {
                    let may = |name: &str| free(&self.all, name, &tried);
                    group::next(&group.members, &mut self.random, may).map(|member| member.trunk.clone())
                }
                None => Some(route.to_owned()).filter(|name| free(&self.all, name, &tried)),
            };
            let Some(name) = next else {
                out.push(Output::News(News::NoneLeft { route: route.to_owned() }));
                return Err(503);
            };
            let Some(trunk) = self.all.get_mut(&name) else { return Err(503) };
            if let Err(over) = trunk.load.begin(Way::Out, &trunk.conf.limits, now, self.clock) {
                trunk.full(&name, Way::Out, over, now, out);
                tried.push(name);
                continue;
            }
            self.legs.insert(leg, Carried { trunk: name.clone(), way: Way::Out, heard: false });
            tried.push(name.clone());
            let others = group.filter(|group| {
                let is_other = |trunk: &str| !tried.iter().any(|known| known == trunk);
                let is_in_use = |trunk: &str| self.all.get(trunk).is_some_and(|trunk| trunk.enabled);
                group.members.iter().any(|member| is_other(&member.trunk) && is_in_use(&member.trunk))
            });
            return Ok(Choice { trunk: name, elsewhere: others.map(|group| group.statuses) });
        }
    }

    /// What the INVITE of a call says to the trunk chosen for it, which these flows lead to, the first to be tried first.
    /// Our media has one address in a call, so only flows from the first one's address are tried after it.
    pub fn invite(&self, trunk: &str, flows: &[Flow], order: &Order<'_>) -> Option<Placed> {
        let (flow, others) = flows.split_first()?;
        Some(self.all.get(trunk)?.placed(order, *flow, others))
    }

    /// How the trunks stand.
    pub fn status(&self, now: Time) -> Vec<TrunkStatus> {
        let of = |(name, trunk): (&String, &Trunk)| {
            let is_in = |group: &&GroupConf| group.members.iter().any(|member| member.trunk == *name);
            let groups = self.groups.values().filter(is_in).map(|group| group.name.clone()).collect();
            trunk.status(groups, now, self.clock)
        };
        self.all.iter().map(of).collect()
    }

    /// The calendar says something else from here on: days begin by it.
    pub fn set_clock(&mut self, clock: WallClock) {
        self.clock = clock;
    }

    pub(crate) fn clock(&self) -> WallClock {
        self.clock
    }

    pub(crate) fn loads(&self) -> impl Iterator<Item = (&str, &Load)> {
        self.all.iter().map(|(name, trunk)| (name.as_str(), &trunk.load))
    }

    pub(crate) fn load_of(&mut self, name: &str) -> Option<&mut Load> {
        self.all.get_mut(name).map(|trunk| &mut trunk.load)
    }

    fn fresh(&mut self, conf: TrunkConf, now: Time) -> Trunk {
        Trunk {
            health: Health::new(&conf.health, now, &mut self.random),
            registration: None, // once it is known where
            conf: Arc::new(conf),
            flows: Vec::new(),
            flow: None,
            enabled: true,
            load: Load::default(),
            last_error: None,
        }
    }

    fn renewed(&mut self, mut trunk: Trunk, conf: TrunkConf, now: Time, out: &mut Vec<Output>) -> Trunk {
        if conf.register.is_none() {
            trunk.leave(&conf.name, out);
            trunk.registration = None;
        }
        if trunk.conf.health != conf.health {
            trunk.health = Health::new(&conf.health, now, &mut self.random);
        }
        trunk.conf = Arc::new(conf);
        trunk.register(now, self.left, &mut self.random);
        trunk
    }

    fn carry(&self, caller: &mut Caller, headers: &Headers, passes: impl Fn(&Name) -> bool) {
        caller.headers = carried(headers, passes);
        caller.user_to_user = user_to_user(headers);
    }

    /// The number called: where our own Contact stands in the Request-URI, it is in P-Called-Party-ID or To.
    fn called(&self, conf: &TrunkConf, incoming: &Incoming) -> String {
        let is_line = |register: &RegisterConf| {
            let uri: Option<Uri> = incoming.uri.parse().ok();
            uri.is_some_and(|uri| uri.params.has("line") || uri.user.as_deref() == Some(&*register.user))
        };
        if conf.register.as_ref().is_some_and(is_line) {
            let party = incoming.headers.first(&Name::from("P-Called-Party-ID")).filter(|_| conf.identity.trusted);
            let party = party.and_then(|party| party.parse::<NameAddr>().ok()).and_then(|party| of_uri(&party.uri));
            if let Some(number) = party.or_else(|| of_uri(&incoming.to.uri)) {
                return number;
            }
        }
        of_uri(&incoming.uri).unwrap_or_else(|| incoming.called.clone())
    }

    fn answered(
        &mut self,
        ask: Ask,
        status: u16,
        cseq: u32,
        answer: Option<&Answer>,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let Some(trunk) = self.all.get_mut(&ask.trunk) else { return };
        match ask.what {
            What::Options { turn } => {
                let awaited = trunk.health.probed(turn, &trunk.conf.health, now, &mut self.random);
                let rest = answer.and_then(|answer| retry_after(&answer.headers)).filter(|_| status == 503);
                match (status, rest) {
                    (503, Some(rest)) => trunk.rests(&ask.trunk, rest, now, out),
                    // Whatever else it says, it is there (RFC 3261 §11): 404, 405 or a challenge will do.
                    (408 | 500 | 502..=599, _) if !awaited => {} // taken for unanswered already
                    (408 | 500 | 502..=599, _) => {
                        trunk.failed(&ask.trunk, format!("OPTIONS: {status}"), now, out);
                        trunk.tries_another(now);
                    }
                    _ => trunk.heard(&ask.trunk, out),
                }
            }
            What::Register { turn } => {
                let Some(registration) = &mut trunk.registration else { return };
                let held = registration.holds_for(now).is_some();
                let outcome = registration.answered(turn, status, cseq, answer, now, &mut self.random);
                let name = ask.trunk.clone();
                match outcome {
                    Some(Outcome::Registered { secs }) => {
                        if !held {
                            out.push(Output::News(News::Registered { trunk: name.clone(), secs }));
                        }
                        if !trunk.enabled || self.left {
                            trunk.leave(&name, out);
                        }
                    }
                    Some(Outcome::Failed { status, why, again }) => {
                        trunk.last_error = Some((format!("REGISTER: {status}, {why}"), now));
                        if matches!(status, 408 | 500..=599) {
                            trunk.tries_another(now);
                        }
                        let again_secs = again.as_secs();
                        out.push(Output::News(News::NotRegistered { trunk: name, status, why, again_secs }));
                    }
                    Some(Outcome::Left) => out.push(Output::News(News::Unregistered { trunk: name })),
                    None => {}
                }
            }
        }
    }

    fn leg(&mut self, event: &sip::Event, now: Time, out: &mut Vec<Output>) {
        match event {
            sip::Event::Ringing { leg, .. } | sip::Event::Answered { leg, .. } => {
                if let Some(carried) = self.legs.get_mut(leg)
                    && !std::mem::replace(&mut carried.heard, true)
                    && let Some(trunk) = self.all.get_mut(&carried.trunk)
                {
                    trunk.heard(&carried.trunk, out);
                }
            }
            sip::Event::Unavailable { leg, retry_after_secs } => {
                if let Some(carried) = self.legs.get_mut(leg).filter(|carried| carried.way == Way::Out)
                    && let Some(trunk) = self.all.get_mut(&carried.trunk)
                {
                    carried.heard = true; // it is there, and said so itself
                    if let Some(secs) = retry_after_secs {
                        trunk.rests(&carried.trunk, Duration::from_secs((*secs).into()), now, out);
                    }
                }
            }
            sip::Event::Ended { leg, end } => {
                let Some(Carried { trunk: name, way, heard }) = self.legs.remove(leg) else { return };
                let Some(trunk) = self.all.get_mut(&name) else { return };
                trunk.load.end(way);
                match end {
                    End::Refused(status) if way == Way::Out => {
                        if matches!(status, 408 | 500..=599) || matches!(status, 401 | 403 | 407) {
                            trunk.last_error = Some((format!("INVITE: {status}"), now));
                        }
                        match status {
                            408 | 503 if !heard => trunk.failed(&name, format!("INVITE: {status}"), now, out),
                            _ if !heard => trunk.heard(&name, out),
                            _ => {}
                        }
                    }
                    End::Lost if way == Way::Out && !heard => {
                        trunk.failed(&name, "INVITE: the connection is gone".to_owned(), now, out);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Output>) {
        for (name, trunk) in &mut self.all {
            let register = trunk.registration.as_mut().and_then(|registration| registration.tick(now));
            out.extend(register.map(|(turn, request)| ask(name, What::Register { turn }, request)));
            if !trunk.enabled || self.left {
                continue;
            }
            if trunk.health.is_unanswered(&trunk.conf.health, now, &mut self.random) {
                trunk.failed(name, "OPTIONS: no answer".to_owned(), now, out);
                trunk.tries_another(now);
            }
            if let Some(flow) = trunk.flow
                && let Some(turn) = trunk.health.wants_probe(&trunk.conf.health, now)
            {
                out.push(ask(name, What::Options { turn }, options(&trunk.conf, flow)));
            }
        }
    }
}
