//! Who is who: the people of the conf, as callers and as those who can be called.
//!
//! Where it stands: the switch asks it who knocks, and how to ring the phones of a person. It knows neither calls nor
//! legs, and decides nothing. Trunks are the `trunk` room's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use call::{Direction, MediaRules, Party, Srtp};
use sip::{Binding, Flow, Hop, Host, NameAddr, Origin, Place, Transport, Uri};

use crate::conf::{Conf, Person, Trunk};

/// People, and what of trunks is not the `trunk` room's.
#[derive(Debug)]
pub(crate) struct Directory {
    people: Arc<HashMap<Arc<str>, Person>>,
    trunks: HashMap<String, Trunk>,
    keys_in_clear: bool,
}

/// One way to reach a phone: where the INVITE goes, and what it says.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) party: Party,
    pub(crate) uri: String,
    /// The proxies on the way, as the phone's REGISTER told them (RFC 3327).
    pub(crate) routes: Vec<String>,
    pub(crate) flow: Flow,
    /// The same, seen from the phone: a proxy of ours may stand between.
    pub(crate) seen: Flow,
    /// Where it goes, in turn, when nobody is there.
    pub(crate) others: Vec<Hop>,
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
    pub(crate) media: MediaRules,
}

impl Directory {
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

    /// May the one hear the other's calls?
    pub(crate) fn supervises(&self, supervisor: &str, person: &str) -> bool {
        let supervises = self.people.get(supervisor).map(|supervisor| &supervisor.supervises);
        supervises.is_some_and(|these| these.iter().any(|name| name == "*" || name == person)) && supervisor != person
    }

    /// How this caller's media is treated.
    pub(crate) fn media(&self, origin: &Origin) -> MediaRules {
        match origin {
            Origin::Account(account) => self.rules(account),
            Origin::Trunk(trunk) => self.trunk_media(trunk),
        }
    }

    /// How a trunk's media is treated.
    pub(crate) fn trunk_media(&self, trunk: &str) -> MediaRules {
        self.trunks.get(trunk).map_or_else(MediaRules::default, |trunk| trunk.media)
    }

    /// May it have us record its calls?
    pub(crate) fn may_record(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Account(_) => false,
            Origin::Trunk(trunk) => self.trunks.get(trunk).is_some_and(|trunk| trunk.siprec),
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
    pub(crate) fn can_offer(&self, media: MediaRules, transport: Transport) -> bool {
        let is_web = matches!(transport, Transport::Ws | Transport::Wss);
        let is_browser = media.browser.unwrap_or(is_web); // its keys are not in the description
        media.srtp != Srtp::Required || is_browser || self.hides_keys(transport)
    }

    /// From where to where a call goes.
    pub(crate) fn direction(&self, from: &route::From, to: &route::Destination) -> Direction {
        match (from, to) {
            (route::From::Trunk(_), _) => Direction::Inbound,
            (_, route::Destination::Trunk(_) | route::Destination::Number { .. }) => Direction::Outbound,
            _ => Direction::Internal,
        }
    }

    /// Are this person's phones told of waiting messages without having asked?
    pub(crate) fn is_lit_unasked(&self, account: &str) -> bool {
        self.people.get(account).is_some_and(|person| person.light_unasked)
    }

    /// How to ring one registered phone of a person. The Request-URI is the phone's contact to the letter, and the
    /// INVITE goes where its REGISTER came from: a phone behind NAT can be reached in no other way.
    pub(crate) fn phone(&self, account: &str, binding: Binding, caller: &Party) -> Way {
        let (flow, seen) = (binding.flow, binding.seen());
        Way {
            party: self.person(account),
            uri: binding.contact,
            routes: binding.path.into_vec(),
            flow,
            seen,
            others: Vec::new(),
            from: address(&caller.number, caller.name.as_deref(), flow.local),
            to: address(account, None, flow.local),
            media: self.rules(account),
        }
    }

    /// The one who has this account.
    pub(crate) fn person(&self, account: &str) -> Party {
        let person = self.people.get(account);
        let number = person.and_then(|person| person.number.as_deref()).unwrap_or(account).to_owned();
        Party {
            account: Some(account.to_owned()),
            number,
            name: person.and_then(|person| person.name.as_deref()).map(str::to_owned),
            trunk: None,
        }
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
