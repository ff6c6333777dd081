//! Calls and texts for one phone of somebody (RFC 5627), where routes and bindings meet.
//!
//! Where it stands: what is dialled leads where it leads for everybody who dials the person; that only one phone is meant
//! matters when the person's phones are looked up.

use sip::{Binding, Gruu, Meant};

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

/// Is that phone of the person's meant, where perhaps one alone is?
pub(super) fn is_meant(only: Option<&Gruu>, account: &str, binding: &Binding) -> bool {
    only.is_none_or(|only| only.account != account || binding.instance.as_deref() == Some(&*only.instance))
}
