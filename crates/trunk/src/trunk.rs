//! One trunk: where it is, whether it is there, whether it knows us, and how much it carries.
//!
//! Where it stands: `trunks` owns them all and tells each what concerns it.

use std::sync::Arc;
use std::time::Duration;

use base::{Random, Time, WallClock};
use sip::{Flow, Host, Method, Name, NameAddr, Outside, Uri};

use crate::conf::TrunkConf;
use crate::health::{Health, Turn};
use crate::invite::target;
use crate::limits::{Load, Over, Way};
use crate::registration::Registration;
use crate::status::TrunkStatus;
use crate::words::{Ask, News, Output, What};

/// One trunk.
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(crate) conf: Arc<TrunkConf>,
    /// Where its requests may go, and from which addresses of ours; none as long as its name is not located.
    pub(crate) flows: Vec<Flow>,
    /// Of those the one that registrations and OPTIONS go by.
    pub(crate) flow: Option<Flow>,
    pub(crate) enabled: bool,
    pub(crate) health: Health,
    pub(crate) registration: Option<Registration>,
    pub(crate) load: Load,
    pub(crate) last_error: Option<(String, Time)>,
}

impl Trunk {
    /// May a call be placed there?
    pub(crate) fn takes_calls(&self, now: Time) -> bool {
        self.enabled && !self.flows.is_empty() && self.health.takes_calls(now)
    }

    /// Registrations and OPTIONS go there from now on.
    pub(crate) fn goes_by(&mut self, flow: Option<Flow>, now: Time, left: bool, random: &mut Random) {
        self.flow = flow;
        self.register(now, left, random);
    }

    /// The server that did not answer has others beside it.
    pub(crate) fn tries_another(&mut self, now: Time) {
        let at = self.flows.iter().position(|flow| Some(*flow) == self.flow).unwrap_or(0);
        if let Some(next) = self.flows.get((at + 1) % self.flows.len().max(1)).copied()
            && Some(next) != self.flow
        {
            self.flow = Some(next);
            if self.enabled
                && let Some(registration) = &mut self.registration
            {
                registration.moves_to(next, now);
            }
        }
    }

    /// Registers, where it is wanted and known where.
    pub(crate) fn register(&mut self, now: Time, left: bool, random: &mut Random) {
        let (Some(register), Some(flow)) = (self.conf.register.clone(), self.flow) else { return };
        match &mut self.registration {
            _ if !self.enabled || left => {}
            Some(registration) => registration.reload(register, flow, now),
            None => self.registration = Some(Registration::new(register, flow, now, random)),
        }
    }

    pub(crate) fn leave(&mut self, name: &str, out: &mut Vec<Output>) {
        let register = self.registration.as_mut().and_then(Registration::leave);
        out.extend(register.map(|(turn, request)| ask(name, What::Register { turn }, request)));
    }

    pub(crate) fn heard(&mut self, name: &str, out: &mut Vec<Output>) {
        if self.health.heard(&self.conf.health) == Some(Turn::Up) {
            out.push(Output::News(News::Up { trunk: name.to_owned() }));
        }
    }

    pub(crate) fn failed(&mut self, name: &str, why: String, now: Time, out: &mut Vec<Output>) {
        if self.health.failed(&self.conf.health, now) == Some(Turn::Down) {
            out.push(Output::News(News::Down { trunk: name.to_owned(), why: why.clone() }));
        }
        self.last_error = Some((why, now));
    }

    pub(crate) fn rests(&mut self, name: &str, rest: Duration, now: Time, out: &mut Vec<Output>) {
        self.last_error = Some(("503 with Retry-After".to_owned(), now));
        let secs = self.health.rests(u32::try_from(rest.as_secs()).unwrap_or(u32::MAX), now).as_secs();
        out.push(Output::News(News::Rests { trunk: name.to_owned(), secs }));
    }

    pub(crate) fn full(&mut self, name: &str, way: Way, over: Over, now: Time, out: &mut Vec<Output>) {
        self.last_error = Some((format!("full: {over}"), now));
        out.push(Output::News(News::Full { trunk: name.to_owned(), way, over }));
    }

    /// How it stands; `groups` are those it is in.
    pub(crate) fn status(&self, groups: Vec<String>, now: Time, clock: WallClock) -> TrunkStatus {
        let limits = &self.conf.limits;
        let state = match (self.enabled, self.health.is_down(), self.health.rests_for(now)) {
            (false, ..) => "disabled",
            (true, true, _) => "down",
            (true, false, Some(_)) => "resting",
            (true, false, None) => "up",
        };
        let held = self.registration.as_ref().map(|registration| registration.holds_for(now));
        TrunkStatus {
            trunk: self.conf.name.clone(),
            address: self.flow.map(|flow| flow.remote.to_string()).unwrap_or_else(|| "unknown".to_owned()),
            transport: self.flow.map(|flow| flow.transport.as_str()).unwrap_or_default().to_owned(),
            state: state.to_owned(),
            registration: held.map(|held| if held.is_some() { "registered" } else { "not registered" }.to_owned()),
            registered_secs: held.flatten().map(|left| left.as_secs()),
            groups,
            calls_in: self.load.calls(Way::In),
            calls_out: self.load.calls(Way::Out),
            calls_today: self.load.today(now, clock),
            calls_max: limits.calls,
            calls_per_sec_max: limits.calls_per_sec,
            calls_per_day_max: limits.calls_per_day,
            last_error: self.last_error.as_ref().map(|(what, _)| what.clone()),
            last_error_secs: self.last_error.as_ref().map(|(_, at)| now.since(*at).as_secs()),
        }
    }
}

pub(crate) fn ask(trunk: &str, what: What, request: Outside) -> Output {
    Output::Ask { ask: Ask { trunk: trunk.to_owned(), what }, request: Box::new(request) }
}

pub(crate) fn options(conf: &TrunkConf, flow: Flow) -> Outside {
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
