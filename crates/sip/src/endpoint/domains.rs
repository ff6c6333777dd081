//! Which domains are ours: whatever our own people call themselves by, the realm, and what the conf names.
//!
//! Where it stands: who has proven to be one of us is looked at as he comes. The rooms above ask before a number at some domain
//! is taken for one of ours (RFC 3261 §21.4.5): somebody at another is another. Which addresses are ours they know themselves.

use std::collections::BTreeSet;

use super::SipConf;
use crate::{Headers, Host, Uri};

/// So many are learnt; who has more names them in the conf.
const LEARNT_MAX: usize = 64;

/// The domains that people of ours have called themselves by.
#[derive(Debug, Default)]
pub struct Domains(BTreeSet<String>);

impl Domains {
    /// One of our own people says this.
    pub fn learn(&mut self, headers: &Headers) {
        let Some(uri) = headers.from().and_then(|from| from.uri.parse::<Uri>().ok()) else { return };
        if self.0.len() < LEARNT_MAX && !matches!(uri.host, Host::None) {
            self.0.insert(uri.host.to_string().to_ascii_lowercase());
        }
    }

    /// Is it ours?
    pub fn have(&self, host: &Host, conf: &SipConf) -> bool {
        let name = host.to_string().to_ascii_lowercase();
        self.0.contains(&name) || conf.realm.eq_ignore_ascii_case(&name) || conf.domains.contains(&name)
    }
}
