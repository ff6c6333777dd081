//! One contact of an account, and how it is reached.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use base::Time;

use crate::endpoint::Places;
use crate::{Flow, Name, NameAddr, Request};

/// A contact, kept as the phone sent it, beside the way its REGISTER came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The URI as the phone sent it, with all its parameters: the Request-URI of what goes to the phone.
    pub contact: String,
    /// Where its REGISTER came from. Requests go there, whatever the contact says: it may name an address behind NAT.
    pub flow: Flow,
    /// Where the phone itself is: behind a proxy of ours, as that one saw it.
    pub source: SocketAddr,
    /// The phone's preference, 0 to 1000.
    pub q: u16,
    /// When it ends.
    pub expires: Time,
    /// What the phone calls itself.
    pub user_agent: Box<str>,
    /// `+sip.instance` (RFC 5626 §4.1): the same phone, whatever its address.
    pub instance: Option<Box<str>>,
    /// `reg-id` (RFC 5626 §4.2): which of its flows.
    pub reg_id: Option<u32>,
    /// The proxies between us and the phone (RFC 3327): the Route of what goes to it.
    pub path: Box<[String]>,
    /// When it was last registered.
    pub refreshed: Time,
    pub(crate) call_id: Box<str>,
    pub(crate) cseq: u32,
    /// What its temporary GRUUs are told by, if it asked for any.
    pub(super) gruu: Option<NonZeroU64>,
    /// It came by way of a proxy.
    pub(crate) relayed: bool,
    /// A restart would know it until this second.
    pub(super) kept_until_secs: u32,
    /// The contact's parameters without `expires`, as sent.
    pub(super) params: Box<str>,
}

impl Binding {
    pub(crate) fn new(
        mut contact: NameAddr,
        request: &Request,
        (flow, source): (Flow, SocketAddr),
        now: Time,
        secs: u32,
    ) -> Binding {
        let params = &mut contact.params;
        ["expires", "pub-gruu", "temp-gruu"].into_iter().for_each(|ours| params.remove(ours)); // ours to say
        Binding {
            q: params.get("q").map_or(1000, q),
            instance: params.unquoted("+sip.instance").map(Box::from),
            reg_id: params.get("reg-id").and_then(|id| id.parse().ok()),
            params: params.to_string().into(),
            contact: contact.uri,
            flow,
            source,
            gruu: None,
            kept_until_secs: 0,
            relayed: request.headers.all(&Name::Via).nth(1).is_some(),
            expires: now + Duration::from_secs(secs.into()),
            path: request.headers.all(&Name::Path).filter(|hop| !hop.is_empty()).map(String::from).collect(),
            user_agent: request.headers.first(&Name::UserAgent).unwrap_or_default().into(),
            refreshed: now,
            call_id: request.headers.call_id().unwrap_or_default().into(),
            cseq: request.cseq().map_or(0, |(cseq, _)| cseq),
        }
    }

    /// Is the other one left over from this phone's last start? By instance and flow number (RFC 5626 §6); where there
    /// is no instance, by source address and make, if another Call-ID tells that the phone has begun anew.
    pub(super) fn replaces(&self, old: &Binding) -> bool {
        match (&self.instance, &old.instance) {
            (Some(ours), Some(theirs)) => ours == theirs && self.reg_id == old.reg_id,
            (None, None) => {
                // A proxy that does not say for whom it speaks may speak for several of one make.
                let is_told = !self.relayed || self.source != self.flow.remote;
                is_told
                    && self.source == old.source
                    && self.flow.transport == old.flow.transport
                    && self.user_agent == old.user_agent
                    && self.call_id != old.call_id
            }
            _ => false,
        }
    }

    /// Is the other one another flow of the same phone (RFC 5626 §4.2)?
    pub(super) fn is_beside(&self, other: &Binding) -> bool {
        let both = self.instance.is_some() && self.reg_id.is_some() && other.reg_id.is_some();
        both && self.instance == other.instance && self.reg_id != other.reg_id
    }

    /// By where the phone is, not by who brings what it says.
    pub fn seen(&self) -> Flow {
        Flow { remote: self.source, ..self.flow }
    }

    /// How it is reached when the connection it was registered by is gone: by the first proxy on its Path, if that says
    /// where it takes connections. A phone's own is gone for good (RFC 5626 §4.3).
    pub(super) fn way_back(&self, places: &Places) -> Option<Flow> {
        places.way_back(self.path.first()?, self.flow)
    }

    /// The Contact of a 200: as it was sent, with the seconds left. Not rewritten, or a phone does not know its own.
    pub(super) fn echo(&self, now: Time) -> String {
        let left = self.expires.since(now);
        let secs = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        format!("<{}>{};expires={secs}", self.contact, self.params)
    }
}

/// A q value of RFC 3261 §25.1 in thousandths; nonsense is the worst.
fn q(text: &str) -> u16 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match whole {
        "1" if digits(fraction) => 1000,
        "0" | "" if digits(fraction) => format!("{fraction:0<3.3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_thousand_are_small() {
        assert!(size_of::<Binding>() <= 264, "{}", size_of::<Binding>());
    }

    #[test]
    fn q_is_read_in_thousandths() {
        for (text, value) in [
            ("1", 1000),
            ("1.0", 1000),
            ("0.5", 500),
            ("0.75", 750),
            (".1", 100),
            ("0", 0),
            ("0.", 0),
            ("0.9999", 999),
            ("x", 0),
            ("2", 0),
            ("0.é", 0),
        ] {
            assert_eq!(q(text), value, "{text}");
        }
    }
}
