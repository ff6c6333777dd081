//! All trunks and their groups, as one machine: who is there, who is registered, who takes the next call.
//!
//! Where it stands: the switch asks [`Trunks::place`] for each call that goes out and [`Trunks::admit`] for each that
//! comes, tells it what SIP says of their legs, and performs what it asks of carriers. It sends nothing itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::{LegId, Random, Time, WallClock};
use sip::digest::Credentials;
use sip::{Answer, End, Flow, Headers, Host, Incoming, Method, Name, NameAddr, Outside, Uri};

use crate::group::{self, GroupConf, Statuses};
use crate::header_rules::{HeaderRules, Words, carried, user_to_user};
use crate::health::{Health, HealthConf, Turn};
use crate::identity::{self, Caller, Diversion, IdentityPolicy};
use crate::limits::{Limits, Load, Over, Way};
use crate::number::{NumberPlan, Touch, of_uri};
use crate::registration::{Outcome, RegisterConf, Registration, retry_after};
use crate::status::TrunkStatus;

/// One trunk, as the conf has it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrunkConf {
    /// Its name.
    pub name: String,
    /// Where its requests go, and from which address of ours.
    pub flow: Flow,
    /// Its SIP domain; its address where it has none.
    pub domain: Option<Host>,
    /// The number we show; else the caller's own.
    pub number: Option<String>,
    /// What it may challenge us for.
    pub credentials: Option<Credentials>,
    /// Its media may come from elsewhere than its SDP says.
    pub nat: bool,
    /// Where to register, if it wants that.
    pub register: Option<RegisterConf>,
    /// When it is taken for down.
    pub health: HealthConf,
    /// How much it may be used.
    pub limits: Limits,
    /// How it writes numbers, where that is known.
    pub numbers: Option<NumberPlan>,
    /// What is done to called numbers last of all.
    pub called: Touch,
    /// What is done to calling numbers last of all.
    pub calling: Touch,
    /// What it may know of callers, and is believed.
    pub identity: IdentityPolicy,
    /// What else its INVITEs say.
    pub headers: HeaderRules,
}

/// A request a trunk is asked, and later answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    trunk: String,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Register { turn: u32 },
    Options,
}

/// What it is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// A request of ours is answered, or will not be.
    Answered {
        /// Which.
        ask: Ask,
        /// The final status.
        status: u16,
        /// Its last CSeq.
        cseq: u32,
        /// The response, if there was one.
        answer: Option<&'a Answer>,
    },
    /// Something of a leg, which may be one of its calls.
    Leg(&'a sip::Event),
    /// A connection is gone.
    Closed {
        /// Its number.
        connection: u64,
    },
    /// We take no calls any more: registrations are taken back.
    Leave,
    /// It is `deadline()`.
    Tick,
}

/// What it wants.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Send this, and bring the answer with its name.
    Ask {
        /// The name.
        ask: Ask,
        /// What to send.
        request: Box<Outside>,
    },
    /// Something an operator should know.
    News(News),
}

/// Something an operator should know.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A trunk answers again.
    Up {
        /// Which.
        trunk: String,
    },
    /// A trunk is taken for down.
    Down {
        /// Which.
        trunk: String,
        /// What went wrong last.
        why: String,
    },
    /// A trunk asked to be left alone.
    Rests {
        /// Which.
        trunk: String,
        /// For how long.
        secs: u64,
    },
    /// We are registered.
    Registered {
        /// Where.
        trunk: String,
        /// For how long.
        secs: u32,
    },
    /// We are not, and try again.
    NotRegistered {
        /// Where.
        trunk: String,
        /// The SIP status.
        status: u16,
        /// What may be wrong.
        why: &'static str,
        /// When.
        again_secs: u64,
    },
    /// Our registration was taken back.
    Unregistered {
        /// Where.
        trunk: String,
    },
    /// A call was not taken or placed: it would have been one too many.
    Full {
        /// Which trunk.
        trunk: String,
        /// From where to where.
        way: Way,
        /// Of what.
        over: Over,
    },
    /// A call was not placed: no trunk of that route is there.
    NoneLeft {
        /// The trunk or group the route named.
        route: String,
    },
}

/// A call to be placed.
#[derive(Debug)]
pub struct Order<'a> {
    /// The trunk or group the route names.
    pub route: &'a str,
    /// Trunks that were tried for it already.
    pub tried: &'a [String],
    /// The number to send.
    pub number: &'a str,
    /// Who calls.
    pub caller: &'a Caller,
    /// Our id of the call.
    pub call: &'a str,
}

/// A call as it is placed.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The trunk.
    pub trunk: String,
    /// The Request-URI.
    pub uri: String,
    /// Where to send it.
    pub flow: Flow,
    /// Who calls.
    pub from: NameAddr,
    /// Who is called.
    pub to: NameAddr,
    /// More headers.
    pub headers: Vec<(Name, String)>,
    /// Headers it must not have.
    pub remove: Vec<Name>,
    /// For its challenges.
    pub credentials: Option<Credentials>,
    /// Its media may come from elsewhere than its SDP says.
    pub nat: bool,
    /// An INVITE nobody says a word to is given up after that.
    pub patience: Duration,
    /// After these answers another trunk may take the call; none: there is no other.
    pub elsewhere: Option<Statuses>,
}

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

#[derive(Debug)]
struct Trunk {
    conf: Arc<TrunkConf>,
    enabled: bool,
    health: Health,
    registration: Option<Registration>,
    load: Load,
    last_error: Option<(String, Time)>,
}

/// A leg of a call that passes a trunk.
#[derive(Debug)]
struct Carried {
    trunk: String,
    way: Way,
    /// The carrier said something: what comes to nothing now is no fault of the trunk.
    heard: bool,
}

impl Trunks {
    /// These trunks, of which nothing is known yet.
    pub fn new(conf: Vec<TrunkConf>, groups: Vec<GroupConf>, clock: WallClock, random: Random, now: Time) -> Trunks {
        let (all, legs) = (BTreeMap::new(), HashMap::new());
        let mut trunks = Trunks { all, groups: BTreeMap::new(), legs, random, clock, left: false };
        trunks.reload(conf, groups, now, &mut Vec::new());
        trunks
    }

    /// A new conf. What a trunk carries goes on, and so do counts and states of those that stay.
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
            let register = gone.registration.as_mut().and_then(Registration::leave);
            out.extend(register.map(|(turn, request)| ask(&name, What::Register { turn }, request)));
        }
    }

    /// When it wants a [`Input::Tick`].
    pub fn deadline(&self) -> Option<Time> {
        let of = |trunk: &Trunk| {
            let registers = trunk.registration.as_ref().and_then(Registration::deadline);
            [registers, trunk.health.deadline().filter(|_| !self.left && trunk.enabled)]
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

    /// A call comes by this trunk. An error: it is one too many.
    pub fn admit(&mut self, name: &str, leg: LegId, now: Time, out: &mut Vec<Output>) -> Result<(), Over> {
        let Some(trunk) = self.all.get_mut(name) else { return Ok(()) };
        if let Err(over) = trunk.load.begin(Way::In, &trunk.conf.limits, now, self.clock) {
            trunk.full(name, Way::In, over, now, out);
            return Err(over);
        }
        self.legs.insert(leg, Carried { trunk: name.to_owned(), way: Way::In, heard: true });
        Ok(())
    }

    /// Is this trunk in use? Calls of one that is not are not taken.
    pub fn is_enabled(&self, name: &str) -> bool {
        self.all.get(name).is_none_or(|trunk| trunk.enabled)
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
        (caller, write(&self.called(conf, incoming)))
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
    pub fn towards_phone(&self, caller: &Caller) -> Vec<(Name, String)> {
        let mut headers = caller.headers.clone();
        if caller.trunk.is_none() {
            headers.clear(); // what passes is a trunk's business
        }
        headers.extend(caller.user_to_user.iter().map(|value| (Name::UserToUser, value.clone())));
        headers
    }

    /// Finds a trunk for a call and says what its INVITE says. The leg is the trunk's until SIP says that it has ended.
    /// An error is the status for the caller.
    pub fn place(&mut self, order: Order<'_>, leg: LegId, now: Time, out: &mut Vec<Output>) -> Result<Placed, u16> {
        let mut tried: Vec<String> = order.tried.to_vec();
        let group = self.groups.get(order.route).cloned();
        loop {
            let free = |all: &BTreeMap<String, Trunk>, name: &str, tried: &[String]| {
                !tried.iter().any(|known| known == name) && all.get(name).is_some_and(|trunk| trunk.takes_calls(now))
            };
            let next = match &group {
                Some(group) => {
                    let may = |name: &str| free(&self.all, name, &tried);
                    group::next(&group.members, &mut self.random, may).map(|member| member.trunk.clone())
                }
                None => Some(order.route.to_owned()).filter(|name| free(&self.all, name, &tried)),
            };
            let Some(name) = next else {
                out.push(Output::News(News::NoneLeft { route: order.route.to_owned() }));
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
            let Some(trunk) = self.all.get(&name) else { return Err(503) };
            return Ok(trunk.placed(&order, others.map(|group| group.statuses)));
        }
    }

    /// How the trunks stand.
    pub fn status(&self, now: Time) -> Vec<TrunkStatus> {
        self.all.iter().map(|(name, trunk)| trunk.status(name, self, now)).collect()
    }

    fn fresh(&mut self, conf: TrunkConf, now: Time) -> Trunk {
        let register = conf.register.clone();
        Trunk {
            health: Health::new(&conf.health, now, &mut self.random),
            registration: register.map(|register| Registration::new(register, conf.flow, now, &mut self.random)),
            conf: Arc::new(conf),
            enabled: true,
            load: Load::default(),
            last_error: None,
        }
    }

    fn renewed(&mut self, mut trunk: Trunk, conf: TrunkConf, now: Time, out: &mut Vec<Output>) -> Trunk {
        match (&mut trunk.registration, conf.register.clone()) {
            (Some(registration), Some(register)) if trunk.enabled && !self.left => {
                registration.reload(register, conf.flow, now);
            }
            (Some(_), Some(_)) => {}
            (None, Some(register)) => {
                trunk.registration = Some(Registration::new(register, conf.flow, now, &mut self.random));
            }
            (Some(_), None) => {
                trunk.leave(&conf.name, out);
                trunk.registration = None;
            }
            (None, None) => {}
        }
        if trunk.conf.health != conf.health || trunk.conf.flow != conf.flow {
            trunk.health = Health::new(&conf.health, now, &mut self.random);
        }
        trunk.conf = Arc::new(conf);
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
            What::Options => {
                trunk.health.probed(&trunk.conf.health, now, &mut self.random);
                let rest = answer.and_then(|answer| retry_after(&answer.headers)).filter(|_| status == 503);
                match (status, rest) {
                    (503, Some(rest)) => trunk.rests(&ask.trunk, rest, now, out),
                    // Whatever else it says, it is there (RFC 3261 §11): 404, 405 or a challenge will do.
                    (408 | 500 | 502..=599, _) => trunk.failed(&ask.trunk, format!("OPTIONS: {status}"), now, out),
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
                    carried.heard = true; // it said so itself
                    trunk.rests(&carried.trunk, Duration::from_secs((*retry_after_secs).into()), now, out);
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
            if trunk.enabled && !self.left && trunk.health.wants_probe(now) {
                out.push(ask(name, What::Options, options(&trunk.conf)));
            }
        }
    }
}

impl Trunk {
    fn takes_calls(&self, now: Time) -> bool {
        self.enabled && self.health.takes_calls(now)
    }

    fn leave(&mut self, name: &str, out: &mut Vec<Output>) {
        let register = self.registration.as_mut().and_then(Registration::leave);
        out.extend(register.map(|(turn, request)| ask(name, What::Register { turn }, request)));
    }

    fn heard(&mut self, name: &str, out: &mut Vec<Output>) {
        if self.health.heard(&self.conf.health) == Some(Turn::Up) {
            out.push(Output::News(News::Up { trunk: name.to_owned() }));
        }
    }

    fn failed(&mut self, name: &str, why: String, now: Time, out: &mut Vec<Output>) {
        if self.health.failed(&self.conf.health, now) == Some(Turn::Down) {
            out.push(Output::News(News::Down { trunk: name.to_owned(), why: why.clone() }));
        }
        self.last_error = Some((why, now));
    }

    fn rests(&mut self, name: &str, rest: Duration, now: Time, out: &mut Vec<Output>) {
        self.last_error = Some(("503 with Retry-After".to_owned(), now));
        let secs = self.health.rests(u32::try_from(rest.as_secs()).unwrap_or(u32::MAX), now).as_secs();
        out.push(Output::News(News::Rests { trunk: name.to_owned(), secs }));
    }

    fn full(&mut self, name: &str, way: Way, over: Over, now: Time, out: &mut Vec<Output>) {
        self.last_error = Some((format!("full: {over}"), now));
        out.push(Output::News(News::Full { trunk: name.to_owned(), way, over }));
    }

    /// What the INVITE says.
    fn placed(&self, order: &Order<'_>, elsewhere: Option<Statuses>) -> Placed {
        let conf = &self.conf;
        let plan = |number: &str| match &conf.numbers {
            Some(plan) => plan.write(number, plan.send),
            None => number.to_owned(),
        };
        let called = conf.called.apply(&plan(order.number));
        let calling = |number: &str| conf.calling.apply(&plan(number));
        let remote = conf.flow.remote;
        let (host, port) = match &conf.domain {
            Some(domain) => (domain.clone(), None),
            None => (Host::Address(remote.ip()), Some(remote.port())),
        };
        let to = Uri::sip(called.clone(), host.clone(), port);
        let local = conf.flow.local;
        let (our_host, our_port) = match &conf.domain {
            Some(domain) => (domain.clone(), None),
            None => (Host::Address(local.ip()), Some(local.port())),
        };
        let number = conf.number.as_deref();
        let told = identity::tell(order.caller, &conf.identity, number, &our_host, our_port, calling, &called);
        let mut headers = told.headers;
        let caller = order.caller;
        let words = Words {
            call: order.call,
            person: caller.account.as_deref().unwrap_or_default(),
            caller: if caller.private { identity::ANONYMOUS } else { &caller.number },
            called: order.number,
            trunk: &conf.name,
        };
        headers.extend(caller.headers.iter().filter(|(name, _)| conf.headers.passes(name)).cloned());
        if conf.headers.user_to_user {
            headers.extend(caller.user_to_user.iter().map(|value| (Name::UserToUser, value.clone())));
        }
        for (name, value) in conf.headers.added(words) {
            headers.retain(|(known, _)| !known.as_str().eq_ignore_ascii_case(name.as_str()));
            headers.push((name, value));
        }
        let routes = self.registration.iter().flat_map(Registration::service_route);
        headers.extend(routes.map(|route| (Name::Route, route.clone())));
        Placed {
            trunk: conf.name.clone(),
            uri: to.to_string(),
            flow: conf.flow,
            from: told.from,
            to: NameAddr::new(to.to_string()),
            headers,
            remove: conf.headers.remove.clone(),
            credentials: conf.credentials.clone(),
            nat: conf.nat,
            patience: conf.health.answer,
            elsewhere,
        }
    }

    fn status(&self, name: &str, trunks: &Trunks, now: Time) -> TrunkStatus {
        let (conf, limits) = (&self.conf, &self.conf.limits);
        let state = match (self.enabled, self.health.is_down(), self.health.rests_for(now)) {
            (false, ..) => "disabled",
            (true, true, _) => "down",
            (true, false, Some(_)) => "resting",
            (true, false, None) => "up",
        };
        let held = self.registration.as_ref().map(|registration| registration.holds_for(now));
        let is_in = |group: &&GroupConf| group.members.iter().any(|member| member.trunk == name);
        TrunkStatus {
            trunk: name.to_owned(),
            address: conf.flow.remote.to_string(),
            transport: conf.flow.transport.as_str().to_owned(),
            state: state.to_owned(),
            registration: held.map(|held| if held.is_some() { "registered" } else { "not registered" }.to_owned()),
            registered_secs: held.flatten().map(|left| left.as_secs()),
            groups: trunks.groups.values().filter(is_in).map(|group| group.name.clone()).collect(),
            calls_in: self.load.calls(Way::In),
            calls_out: self.load.calls(Way::Out),
            calls_today: self.load.today(now, trunks.clock),
            calls_max: limits.calls,
            calls_per_sec_max: limits.calls_per_sec,
            calls_per_day_max: limits.calls_per_day,
            last_error: self.last_error.as_ref().map(|(what, _)| what.clone()),
            last_error_secs: self.last_error.as_ref().map(|(_, at)| now.since(*at).as_secs()),
        }
    }
}

/// A call that came by a trunk is sent on by the number it came to.
impl Caller {
    /// The same, one number further.
    #[must_use]
    pub fn sent_on_by(mut self, number: &str) -> Caller {
        let diversion = Diversion { number: number.to_owned(), reason: "unconditional".to_owned() };
        self.diversions.insert(0, diversion);
        self
    }
}

fn ask(trunk: &str, what: What, request: Outside) -> Output {
    Output::Ask { ask: Ask { trunk: trunk.to_owned(), what }, request: Box::new(request) }
}

fn options(conf: &TrunkConf) -> Outside {
    let (remote, local) = (conf.flow.remote, conf.flow.local);
    let to = match &conf.domain {
        Some(domain) => Uri::sip("", domain.clone(), None),
        None => Uri::sip("", Host::Address(remote.ip()), Some(remote.port())),
    };
    let from = Uri::sip("", Host::Address(local.ip()), Some(local.port()));
    Outside {
        method: Method::Options,
        uri: to.to_string(),
        flow: conf.flow,
        from: NameAddr::new(from.to_string()),
        to: NameAddr::new(to.to_string()),
        call_id: None,
        cseq: 1,
        headers: vec![(Name::Accept, "application/sdp".to_owned())],
        body: None,
        credentials: None, // being asked for a password is answer enough
    }
}
