//! What an INVITE to a trunk says: to whom, from whom, and what else.
//!
//! Where it stands: `trunks` has chosen the trunk; here its conf, the caller and the flows there become the words.

use std::time::Duration;

use sip::digest::Credentials;
use sip::{Flow, Hop, Host, Name, NameAddr, Uri};

use crate::conf::TrunkConf;
use crate::header_rules::Words;
use crate::identity::{self, Caller, Diversion};
use crate::registration::Registration;
use crate::trunk::Trunk;

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

impl Trunk {
    /// What the INVITE says.
    pub(crate) fn placed(&self, order: &Order<'_>, flow: Flow, others: &[Flow]) -> Placed {
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
}

impl Placed {
    /// It goes there, in turn, on its way to the trunk.
    pub fn goes_by(&mut self, flows: &[Flow]) {
        let Some((first, rest)) = flows.split_first() else { return };
        let routes = self.headers.iter().filter(|(name, _)| *name == Name::Route).map(|(_, hop)| hop.clone());
        let routes: Vec<_> = routes.collect();
        let beside = rest.iter().filter(|other| other.local.ip() == first.local.ip());
        self.others = beside.map(|flow| Hop { uri: self.uri.clone(), routes: routes.clone(), flow: *flow }).collect();
        self.flow = *first;
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

/// What stands after the `@` in what is said to a trunk: its domain, else the name it is found by, else its address.
pub(crate) fn target(conf: &TrunkConf, flow: &Flow) -> (Host, Option<u16>) {
    let domain = conf.domain.clone().map(|domain| (domain, None));
    let at = || (Host::Address(flow.remote.ip()), Some(flow.remote.port()));
    domain.or_else(|| conf.server.clone()).unwrap_or_else(at)
}
