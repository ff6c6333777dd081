//! Who is who: the people and trunks of the conf, as callers and as those who can be called.
//!
//! Where it stands: the switch asks it who knocks, and how to ring the targets of a call. It knows neither calls nor
//! legs, and decides nothing.

use std::collections::HashMap;
use std::net::SocketAddr;

use call::{Direction, MediaRules, Party, Srtp};
use locate::Place;
use sip::digest::Credentials;
use sip::{Binding, Flow, Hop, Host, Incoming, NameAddr, Origin, Transport, Uri};

use crate::conf::{Conf, Person, Trunk};

/// People and trunks.
#[derive(Debug)]
pub(crate) struct Directory {
    people: HashMap<String, Person>,
    trunks: HashMap<String, Trunk>,
    keys_in_clear: bool,
}

/// One way to reach somebody: where the INVITE goes, and what it says.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) party: Party,
    pub(crate) uri: String,
    /// The proxies on the way, as the phone's REGISTER told them (RFC 3327).
    pub(crate) routes: Vec<String>,
    pub(crate) flow: Flow,
    /// Where it goes, in turn, when nobody is there.
    pub(crate) others: Vec<Hop>,
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) media: MediaRules,
}

impl Directory {
    /// All there are.
    pub(crate) fn new(conf: &Conf) -> Directory {
        Directory { people: conf.people.clone(), trunks: conf.trunks.clone(), keys_in_clear: conf.switch.keys_in_clear }
    }

    /// The trunks.
    pub(crate) fn trunks(&self) -> impl Iterator<Item = &Trunk> {
        self.trunks.values()
    }

    /// What the conf says of where a trunk is.
    pub(crate) fn place(&self, trunk: &str) -> Option<&Place> {
        self.trunks.get(trunk).map(|trunk| &trunk.place)
    }

    /// The one who knocks.
    pub(crate) fn caller(&self, incoming: &Incoming) -> (Party, route::From) {
        match &incoming.origin {
            Origin::Account(account) => (self.person(account), route::From::Person(account.clone())),
            Origin::Trunk(trunk) => {
                let uri: Option<Uri> = incoming.from.uri.parse().ok();
                let number = uri.and_then(|uri| uri.user).unwrap_or_else(|| "anonymous".to_owned());
                let party = Party { account: None, number, name: incoming.from.display.clone() };
                (party, route::From::Trunk(trunk.clone()))
            }
        }
    }

    /// How this caller's media is treated.
    pub(crate) fn media(&self, origin: &Origin) -> MediaRules {
        match origin {
            Origin::Account(account) => self.rules(account),
            Origin::Trunk(trunk) => self.trunks.get(trunk).map_or_else(MediaRules::default, |trunk| trunk.media),
        }
    }

    fn rules(&self, account: &str) -> MediaRules {
        self.people.get(account).map_or_else(MediaRules::default, |person| person.media)
    }

    /// May keys for media be written into messages that go this way (RFC 4568 §7.2)?
    pub(crate) fn hides_keys(&self, transport: Transport) -> bool {
        self.keys_in_clear || matches!(transport, Transport::Tls | Transport::Wss)
    }

    /// Can a call be offered this way at all? Where media must be encrypted, keys must be hidden.
    pub(crate) fn can_offer(&self, way: &Way) -> bool {
        way.media.srtp != Srtp::Required || self.hides_keys(way.flow.transport)
    }

    /// From where to where a call goes.
    pub(crate) fn direction(&self, from: &route::From, to: &route::Destination) -> Direction {
        match (from, to) {
            (route::From::Trunk(_), _) => Direction::Inbound,
            (_, route::Destination::Trunk(_)) => Direction::Outbound,
            _ => Direction::Internal,
        }
    }

    /// How to ring one registered phone of a person. The Request-URI is the phone's contact to the letter, and the
    /// INVITE goes where its REGISTER came from: a phone behind NAT can be reached in no other way.
    pub(crate) fn phone(&self, account: &str, binding: Binding, caller: &Party) -> Way {
        let flow = binding.flow;
        Way {
            party: self.person(account),
            uri: binding.contact,
            routes: binding.path,
            flow,
            others: Vec::new(),
            from: address(&caller.number, caller.name.as_deref(), flow.local),
            to: address(account, None, flow.local),
            credentials: None,
            media: self.rules(account),
        }
    }

    /// How to reach a number through a trunk that these flows lead to. Our media has one address in a call, so only
    /// flows from the first one's address are tried after it.
    pub(crate) fn trunk(&self, name: &str, number: &str, caller: &Party, flows: &[Flow]) -> Option<Way> {
        let (trunk, (flow, others)) = (self.trunks.get(name)?, flows.split_first()?);
        let shown = trunk.number.as_deref().unwrap_or(&caller.number);
        let at = |flow: &Flow| match &trunk.place.host {
            Host::Name(name) => Uri::sip(number, Host::Name(name.clone()), trunk.place.port),
            _ => Uri::sip(number, flow.remote.ip().into(), Some(flow.remote.port())),
        };
        let to = NameAddr::new(at(flow).to_string());
        let others = others.iter().filter(|other| other.local.ip() == flow.local.ip());
        let others = others.map(|flow| Hop { uri: at(flow).to_string(), routes: Vec::new(), flow: *flow });
        Some(Way {
            party: Party { account: None, number: number.to_owned(), name: None },
            uri: to.uri.clone(),
            routes: Vec::new(),
            flow: *flow,
            others: others.collect(),
            from: address(shown, caller.name.as_deref().filter(|_| trunk.number.is_none()), flow.local),
            to,
            credentials: trunk.credentials.clone(),
            media: trunk.media,
        })
    }

    pub(crate) fn person(&self, account: &str) -> Party {
        let person = self.people.get(account);
        let number = person.and_then(|person| person.number.clone()).unwrap_or_else(|| account.to_owned());
        Party { account: Some(account.to_owned()), number, name: person.and_then(|person| person.name.clone()) }
    }
}

fn address(user: &str, display: Option<&str>, host: SocketAddr) -> NameAddr {
    let uri = Uri::sip(user, Host::Address(host.ip()), Some(host.port()));
    let address = NameAddr::new(uri.to_string());
    match display {
        Some(display) => address.named(display),
        None => address,
    }
}
