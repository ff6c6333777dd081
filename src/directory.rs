//! Who is who: the people and trunks of the conf, as callers and as those who can be called.
//!
//! Where it stands: the switch asks it who knocks, and how to ring the targets of a call. It knows neither calls nor
//! legs, and decides nothing.

use std::collections::HashMap;
use std::net::SocketAddr;

use call::{Direction, MediaRules, Party, Srtp};
use sip::digest::Credentials;
use sip::{Binding, Flow, Host, Incoming, NameAddr, Origin, Transport, Uri};

use crate::conf::{Conf, Person, Trunk};

/// People and trunks.
#[derive(Debug)]
pub(crate) struct Directory {
    people: HashMap<String, Person>,
    trunks: HashMap<String, (Trunk, Flow)>,
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
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) media: MediaRules,
}

impl Directory {
    /// `local_for` tells our own SIP address towards a remote one.
    pub(crate) fn new(conf: &Conf, local_for: impl Fn(Transport, SocketAddr) -> SocketAddr) -> Directory {
        let with_flow = |trunk: &Trunk| {
            let (transport, remote) = (trunk.transport, trunk.address);
            let flow = Flow { transport, local: local_for(transport, remote), remote, connection: 0 };
            (trunk.name.clone(), (trunk.clone(), flow))
        };
        Directory {
            people: conf.people.clone(),
            trunks: conf.trunks.values().map(with_flow).collect(),
            keys_in_clear: conf.switch.keys_in_clear,
        }
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
            Origin::Trunk(trunk) => self.trunks.get(trunk).map_or_else(MediaRules::default, |(trunk, _)| trunk.media),
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
            from: address(&caller.number, caller.name.as_deref(), flow.local),
            to: address(account, None, flow.local),
            credentials: None,
            media: self.rules(account),
        }
    }

    /// How to reach a number through a trunk.
    pub(crate) fn trunk(&self, name: &str, number: &str, caller: &Party) -> Option<Way> {
        let (trunk, flow) = self.trunks.get(name)?;
        let shown = trunk.number.as_deref().unwrap_or(&caller.number);
        let to = address(number, None, flow.remote);
        Some(Way {
            party: Party { account: None, number: number.to_owned(), name: None },
            uri: to.uri.clone(),
            routes: Vec::new(),
            flow: *flow,
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
