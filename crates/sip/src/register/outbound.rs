//! Flows that phones keep to us (RFC 5626): is this REGISTER about one, and where does a phone go on that lost one?
//!
//! Where it stands: the registrar asks. Which flow an INVITE goes by is not its business: the latest, then the others.

use std::collections::HashMap;
use std::sync::Arc;

use super::Binding;
use crate::name_addr::Parts;
use crate::{Flow, Name, Request, Uri};

/// What a REGISTER says about its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outbound {
    /// Nothing, or nothing that counts.
    None,
    /// The flow it came by is to be used, as long as it stands.
    Flow,
    /// It would be, but for the first proxy on its way, which keeps no flow (§6, 439).
    FirstHopLacksIt,
}

impl Outbound {
    /// RFC 5626 §6. There is a flow to speak of if the phone has a name, counts its flows and knows what it asks for.
    pub(super) fn of(request: &Request, binding: &Binding) -> Outbound {
        let headers = &request.headers;
        let counts = binding.instance.is_some() && binding.reg_id.is_some_and(|id| id > 0);
        if !counts || !headers.lists(&Name::Supported, "outbound") {
            return Outbound::None;
        }
        let is_direct = headers.all(&Name::Via).count() == 1;
        let kept = |hop: &String| {
            let uri: Option<Uri> = Parts::read(hop).ok().and_then(|parts| parts.uri.parse().ok());
            uri.is_some_and(|uri| uri.params.has("ob"))
        };
        match is_direct || binding.path.last().is_some_and(kept) {
            true => Outbound::Flow,
            false => Outbound::FirstHopLacksIt,
        }
    }
}

/// Phones whose connection broke, by account and instance, and the flow it was: their dialogs wait for them.
#[derive(Debug, Default)]
pub(super) struct Adrift(HashMap<(Arc<str>, Box<str>), Flow>);

/// So many are waited for. When there are more, the network is gone, and all are forgotten.
const ADRIFT_MAX: usize = 10_000;

impl Adrift {
    pub(super) fn add(&mut self, account: &Arc<str>, binding: &Binding) {
        let Some(instance) = &binding.instance else { return };
        if self.0.len() >= ADRIFT_MAX {
            self.0.clear();
        }
        self.0.insert((account.clone(), instance.clone()), binding.flow);
    }

    /// It is back.
    pub(super) fn take(&mut self, account: &str, binding: &Binding) -> Option<Flow> {
        if self.0.is_empty() {
            return None;
        }
        self.0.remove(&(account.into(), binding.instance.clone()?))
    }
}
