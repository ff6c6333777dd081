//! All trunks and their groups, as one machine: who is there, who is registered, who takes the next call.
//!
//! Where it stands: the switch asks [`Trunks::place`] for each call that goes out and [`Trunks::admit`] for each that
//! comes, tells it what SIP says of their legs, and performs what it asks of carriers. It sends nothing itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::{LegId, Random, Time, WallClock};
use sip::digest::Credentials;
use sip::{Answer, End, Flow, Headers, Hop, Host, Incoming, Method, Name, NameAddr, Outside, Uri};

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
    /// The name and port it is found by, where that is a name.
    pub server: Option<(Host, Option<u16>)>,
    /// Its SIP domain; what it is found by where it has none.
    pub domain: Option<Host>,
    /// The number we show; else the caller's own.
    pub number: Option<String>,
    /// What it may challenge us for.
    pub credentials: Option<Credentials>,
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
    Options { turn: u32 },
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

/// The trunk for a call.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Its name.
    pub trunk: String,
    /// After these answers another trunk may take the call; none: there is no other.
    pub elsewhere: Option<Statuses>,
}

/// A call to be placed.
#[derive(Debug)]
pub struct Order<'a> {
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
    /// The Request-URI.
    pub uri: String,
    /// Where to send it.
    pub flow: Flow,
    /// Where it goes, in turn, when nobody is there.
    pub others: Vec<Hop>,
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
    /// An INVITE nobody says a word to is given up after that.
    pub patience: Duration,
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
    /// Where its requests may go, and from which addresses of ours; none as long as its name is not located.
    flows: Vec<Flow>,
    /// Of those the one that registrations and OPTIONS go by.
    flow: Option<Flow>,
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
        if caller.trunk.is_none() {
            return Vec::new(); // what passes is a trunk's business
        }
        let mut headers = caller.headers.clone();
        headers.extend(caller.user_to_user.iter().map(|value| (Name::UserToUser, value.clone())));
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
        self.all.iter().map(|(name, trunk)| trunk.status(name, self, now)).collect()
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
                        trunk.tries_another(now, self.left, &mut self.random);
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
                        if matches!(status, 408 | 500..=599) && trunk.flows.len() > 1 {
                            trunk.tries_another(now, self.left, &mut self.random);
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
                trunk.tries_another(now, self.left, &mut self.random);
            }
            if let Some(flow) = trunk.flow
                && let Some(turn) = trunk.health.wants_probe(&trunk.conf.health, now)
            {
                out.push(ask(name, What::Options { turn }, options(&trunk.conf, flow)));
            }
        }
    }
}

impl Trunk {
    fn takes_calls(&self, now: Time) -> bool {
        self.enabled && !self.flows.is_empty() && self.health.takes_calls(now)
    }

    /// Registrations and OPTIONS go there from now on.
    fn goes_by(&mut self, flow: Option<Flow>, now: Time, left: bool, random: &mut Random) {
        self.flow = flow;
        self.register(now, left, random);
    }

    /// The server that did not answer has others beside it.
    fn tries_another(&mut self, now: Time, left: bool, random: &mut Random) {
        let at = self.flows.iter().position(|flow| Some(*flow) == self.flow).unwrap_or(0);
        if let Some(next) = self.flows.get((at + 1) % self.flows.len().max(1)).copied()
            && Some(next) != self.flow
        {
            self.goes_by(Some(next), now, left, random);
        }
    }

    /// Registers, where it is wanted and known where.
    fn register(&mut self, now: Time, left: bool, random: &mut Random) {
        let (Some(register), Some(flow)) = (self.conf.register.clone(), self.flow) else { return };
        match &mut self.registration {
            _ if !self.enabled || left => {}
            Some(registration) => registration.reload(register, flow, now),
            None => self.registration = Some(Registration::new(register, flow, now, random)),
        }
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
    fn placed(&self, order: &Order<'_>, flow: Flow, others: &[Flow]) -> Placed {
        let conf = &self.conf;
        let plan = |number: &str| match &conf.numbers {
            Some(plan) => plan.write(number, plan.send),
            None => number.to_owned(),
        };
        let called = conf.called.apply(&plan(order.number));
        let calling = |number: &str| conf.calling.apply(&plan(number));
        let to = |flow: &Flow| {
            let (host, port) = target(conf, flow);
            Uri::sip(called.clone(), host, port).to_string()
        };
        let (our_host, our_port) = match &conf.domain {
            Some(domain) => (domain.clone(), None),
            None => (Host::Address(flow.local.ip()), Some(flow.local.port())),
        };
        let number = conf.number.as_deref();
        let sent_on = order.caller.trunk.is_some().then(|| order.caller.sent_on());
        let told = identity::tell(
            sent_on.as_ref().unwrap_or(order.caller),
            &conf.identity,
            number,
            &our_host,
            our_port,
            calling,
            &called,
        );
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
        let routes = self.registration.as_ref().map(Registration::service_route).unwrap_or_default();
        headers.extend(routes.iter().map(|route| (Name::Route, route.clone())));
        let others = others.iter().filter(|other| other.local.ip() == flow.local.ip());
        let others = others.map(|flow| Hop { uri: to(flow), routes: routes.to_vec(), flow: *flow });
        Placed {
            uri: to(&flow),
            flow,
            others: others.collect(),
            from: told.from,
            to: NameAddr::new(to(&flow)),
            headers,
            remove: conf.headers.remove.clone(),
            credentials: conf.credentials.clone(),
            patience: conf.health.answer,
        }
    }

    fn status(&self, name: &str, trunks: &Trunks, now: Time) -> TrunkStatus {
        let limits = &self.conf.limits;
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
            address: self.flow.map(|flow| flow.remote.to_string()).unwrap_or_else(|| "unknown".to_owned()),
            transport: self.flow.map(|flow| flow.transport.as_str()).unwrap_or_default().to_owned(),
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

impl Caller {
    /// A call that came by a trunk, and goes out again: the number it came to has sent it on.
    fn sent_on(&self) -> Caller {
        let diversion = Diversion { number: self.called.clone(), reason: "unconditional".to_owned() };
        let diversions = std::iter::once(diversion).chain(self.diversions.iter().cloned()).collect();
        Caller { diversions, ..self.clone() }
    }
}

fn ask(trunk: &str, what: What, request: Outside) -> Output {
    Output::Ask { ask: Ask { trunk: trunk.to_owned(), what }, request: Box::new(request) }
}

/// What stands after the `@` in what is said to a trunk: its domain, else the name it is found by, else its address.
fn target(conf: &TrunkConf, flow: &Flow) -> (Host, Option<u16>) {
    let domain = conf.domain.clone().map(|domain| (domain, None));
    let at = || (Host::Address(flow.remote.ip()), Some(flow.remote.port()));
    domain.or_else(|| conf.server.clone()).unwrap_or_else(at)
}

fn options(conf: &TrunkConf, flow: Flow) -> Outside {
    let (host, port) = target(conf, &flow);
    let to = Uri::sip("", host, port);
    let from = Uri::sip("", Host::Address(flow.local.ip()), Some(flow.local.port()));
    Outside {
        method: Method::Options,
        uri: to.to_string(),
        flow,
        from: NameAddr::new(from.to_string()),
        to: NameAddr::new(to.to_string()),
        call_id: None,
        cseq: 1,
        headers: vec![(Name::Accept, "application/sdp".to_owned())],
        body: None,
        credentials: None, // being asked for a password is answer enough
    }
}
