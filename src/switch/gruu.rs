//! Calls and texts for one phone of somebody (RFC 5627), where routes and bindings meet.
//!
//! Where it stands: what is dialled leads where it leads for everybody who dials the person; that only one phone is meant
//! matters when the person's phones are looked up.

use std::net::IpAddr;

use sip::{Binding, Gruu, Host, Meant, Scheme, Uri};

use super::Switch;

impl Switch {
    /// What is dialled by a URI whose user part is `called`, and which phone alone is meant if it is a GRUU.
    pub(super) fn dialled_by(&self, uri: &str, called: String) -> (String, Option<Gruu>) {
        match self.endpoint.meant(uri) {
            Meant::Phone(gruu) => (gruu.account.clone(), Some(gruu)),
            Meant::Anybody | Meant::Nobody => (called, None),
        }
    }
}

impl Switch {
    /// Is that somebody at a domain that is not ours? Of a phone that speaks to us at `local`. What trunks bring is for us.
    pub(super) fn is_foreign(&self, uri: &str, local: Option<IpAddr>) -> bool {
        let Ok(Uri { scheme: Scheme::Sip | Scheme::Sips, host, .. }) = uri.parse::<Uri>() else { return false };
        let is_own = |address: IpAddr| {
            Some(address) == local || self.own_addresses.contains(&address) || self.advertised.contains(&address)
        };
        !(matches!(host, Host::None) || host.address().is_some_and(is_own) || self.endpoint.is_ours(&host))
    }
}

/// Is that phone of the person's meant, where perhaps one alone is?
pub(super) fn is_meant(only: Option<&Gruu>, account: &str, binding: &Binding) -> bool {
    only.is_none_or(|only| only.account != account || binding.instance.as_deref() == Some(&*only.instance))
}
